"""Accelerators, prices and market facts, as known on a date."""

from tonnage.catalog.catalog import Catalog, load_catalog
from tonnage.catalog.chip import Chip, Value
from tonnage.catalog.quantity import DENSE_RATES, QUANTITIES, TRAINING_RATE, Kind, Quantity

__all__ = [
    "DENSE_RATES",
    "QUANTITIES",
    "TRAINING_RATE",
    "Catalog",
    "Chip",
    "Kind",
    "Quantity",
    "Value",
    "load_catalog",
]
