"""Time what a user waits for before anything is computed, against its limit.

Each command runs in a fresh interpreter; the median of several runs counts. Exit code 1 if one is
over its limit. Usage: `python benchmarks/startup.py [RUNS]`.
"""

from __future__ import annotations

import statistics
import subprocess
import sys
from time import perf_counter

LIMITS_S = {
    ("--help",): 0.25,
    ("chips", "list"): 0.5,
    ("chips", "list", "--as-of", "2024-01-07"): 0.5,
    ("chips", "list", "--json"): 0.5,
    ("chips", "show", "H20"): 0.5,
}
CALL = "from tonnage.cli import main; main()"


def once(words: tuple[str, ...]) -> float:
    start = perf_counter()
    subprocess.run([sys.executable, "-c", CALL, *words], stdout=subprocess.DEVNULL, check=True)
    return perf_counter() - start


def main() -> int:
    runs = int(sys.argv[1]) if len(sys.argv) > 1 else 11
    over = False
    print(f"{'command':44} {'median s':>9} {'limit s':>8} {'ratio':>6}")
    for words, limit in LIMITS_S.items():
        once(words)
        median = statistics.median(once(words) for _ in range(runs))
        over |= median > limit
        print(f"{'tonnage ' + ' '.join(words):44} {median:9.3f} {limit:8.2f} {median / limit:6.2f}")
    return 1 if over else 0


if __name__ == "__main__":
    sys.exit(main())
