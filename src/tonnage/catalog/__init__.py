"""Accelerators, prices and market facts, as known on a date."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tonnage.catalog.catalog import Catalog, load_catalog
from tonnage.catalog.chip import Chip, Value
from tonnage.catalog.fact import Fact, FactType
from tonnage.catalog.price import Price, PriceKind
from tonnage.catalog.quantity import DENSE_RATES, QUANTITIES, TRAINING_RATE, Kind, Quantity

if TYPE_CHECKING:
    from tonnage.catalog.chip_file import read_chip_file

__all__ = [
    "DENSE_RATES",
    "QUANTITIES",
    "TRAINING_RATE",
    "Catalog",
    "Chip",
    "Fact",
    "FactType",
    "Kind",
    "Price",
    "PriceKind",
    "Quantity",
    "Value",
    "load_catalog",
    "read_chip_file",
]


def __getattr__(name: str) -> Any:
    """Load the reader of chip files when it is first used: it needs pydantic."""
    if name == "read_chip_file":
        from tonnage.catalog.chip_file import read_chip_file

        return read_chip_file
    message = f"module {__name__!r} has no attribute {name!r}"
    raise AttributeError(message)
