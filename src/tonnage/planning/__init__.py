"""What to buy, rent, hold or retire, each period, in each future.

The arrays of a problem are cheap to load; the solver is loaded when first asked for.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from tonnage.planning.problem import (
    COSTS,
    Chips,
    Fleet,
    Limits,
    Loads,
    Porting,
    Problem,
    Purchase,
    Rental,
    Risk,
)
from tonnage.planning.tree import Tree, chain

if TYPE_CHECKING:
    from tonnage.planning.plan import Plan
    from tonnage.planning.simulate import Decisions, Walk, walk
    from tonnage.planning.solving import Settings, solve

_LATER = {
    "Plan": "plan",
    "Decisions": "simulate",
    "Walk": "simulate",
    "walk": "simulate",
    "Settings": "solving",
    "solve": "solving",
}

__all__ = [
    "COSTS", "Chips", "Decisions", "Fleet", "Limits", "Loads", "Plan", "Porting", "Problem",
    "Purchase", "Rental", "Risk", "Settings", "Tree", "Walk", "chain", "solve", "walk",
]  # fmt: skip


def __getattr__(name: str) -> Any:
    if name in _LATER:
        module = import_module(f"tonnage.planning.{_LATER[name]}")
        return getattr(module, name)
    message = f"module 'tonnage.planning' has no attribute {name!r}"
    raise AttributeError(message)
