"""What to buy, rent, hold or retire, each period, in each future."""
