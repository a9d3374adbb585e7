"""What compute costs: ownership, rental, and when one beats the other.

The names load when they are first used.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from tonnage.cost.book import CostBook, load_costs
    from tonnage.cost.breakeven import (
        UTILISATIONS,
        BreakEven,
        break_even,
        break_even_utilisation,
        months_to_pay,
    )
    from tonnage.cost.comparison import Comparison, compare
    from tonnage.cost.figure import Figure, product, quotient, total
    from tonnage.cost.ownership import Item, Ownership, own, resale_of
    from tonnage.cost.per_chip import ChipCosts, chip_costs
    from tonnage.cost.provider import Offer, offers
    from tonnage.cost.rental import CONTRACT_MONTHS, Rent, rent
    from tonnage.cost.site import (
        Floor,
        Power,
        floor_of,
        network_adder,
        node_adder,
        node_chips,
        nodes_for,
        power_of,
    )
    from tonnage.cost.terms import Terms

_HOME = {
    "CostBook": "book", "load_costs": "book",
    "UTILISATIONS": "breakeven", "BreakEven": "breakeven", "break_even": "breakeven",
    "break_even_utilisation": "breakeven", "months_to_pay": "breakeven",
    "ChipCosts": "per_chip", "chip_costs": "per_chip",
    "Comparison": "comparison", "compare": "comparison",
    "Figure": "figure", "product": "figure", "quotient": "figure", "total": "figure",
    "Item": "ownership", "Ownership": "ownership", "own": "ownership", "resale_of": "ownership",
    "Offer": "provider", "offers": "provider",
    "CONTRACT_MONTHS": "rental", "Rent": "rental", "rent": "rental",
    "Floor": "site", "floor_of": "site", "node_chips": "site", "nodes_for": "site",
    "Power": "site", "network_adder": "site", "node_adder": "site", "power_of": "site",
    "Terms": "terms",
}  # fmt: skip

__all__ = [
    "CONTRACT_MONTHS",
    "UTILISATIONS",
    "BreakEven",
    "ChipCosts",
    "Comparison",
    "CostBook",
    "Figure",
    "Floor",
    "Item",
    "Offer",
    "Ownership",
    "Power",
    "Rent",
    "Terms",
    "break_even",
    "break_even_utilisation",
    "chip_costs",
    "compare",
    "floor_of",
    "load_costs",
    "months_to_pay",
    "network_adder",
    "node_adder",
    "node_chips",
    "nodes_for",
    "offers",
    "own",
    "power_of",
    "product",
    "quotient",
    "rent",
    "resale_of",
    "total",
]


def __getattr__(name: str) -> Any:
    if name in _HOME:
        return getattr(import_module(f"tonnage.cost.{_HOME[name]}"), name)
    message = f"module 'tonnage.cost' has no attribute {name!r}"
    raise AttributeError(message)
