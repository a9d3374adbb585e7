"""What compute costs: ownership, rental, and when one beats the other."""
