"""`python -m tonnage` does what the `tonnage` command does."""

from tonnage.cli import main

if __name__ == "__main__":
    main()
