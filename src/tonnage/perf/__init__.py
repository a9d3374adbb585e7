"""How fast and how large: training and serving on a chip, every layout at once."""
