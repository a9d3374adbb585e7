"""Accelerators, prices and market facts, as known on a date."""
