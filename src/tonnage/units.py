"""Plain constants between units. Inside, quantities are SI (bytes, seconds, FLOP/s, watts)."""

KILO = 1e3
MEGA = 1e6
GIGA = 1e9
TERA = 1e12
PETA = 1e15

GIB = 2**30
"""Bytes in a gibibyte: what memory makers call a gigabyte of DRAM."""
BITS_PER_BYTE = 8
MILLI = 1e-3
MICRO = 1e-6

SECONDS_PER_HOUR = 3600.0
SECONDS_PER_DAY = 86400.0
HOURS_PER_DAY = 24.0
HOURS_PER_YEAR = 8766.0
"""365.25 days."""
MONTHS_PER_YEAR = 12.0
HOURS_PER_MONTH = HOURS_PER_YEAR / MONTHS_PER_YEAR
