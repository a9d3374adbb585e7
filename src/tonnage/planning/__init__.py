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
    from tonnage.planning.diverse import Alternative, alternatives
    from tonnage.planning.fixing import moves, permitted
    from tonnage.planning.futures import known, likeliest, shared_nodes
    from tonnage.planning.hindsight import Replay, replay
    from tonnage.planning.plan import Plan
    from tonnage.planning.prices import Binding, binding
    from tonnage.planning.simulate import Decisions, Walk, walk
    from tonnage.planning.solving import Settings, solve
    from tonnage.planning.value import Regret, Worth, best_by_future, regret, worth

_MODULE = {
    "diverse": ("Alternative", "alternatives"),
    "fixing": ("moves", "permitted"),
    "futures": ("known", "likeliest", "shared_nodes"),
    "hindsight": ("Replay", "replay"),
    "plan": ("Plan",),
    "prices": ("Binding", "binding"),
    "simulate": ("Decisions", "Walk", "walk"),
    "solving": ("Settings", "solve"),
    "value": ("Regret", "Worth", "best_by_future", "regret", "worth"),
}
_LATER = {name: module for module, names in _MODULE.items() for name in names}
"""Public name → module of this room that is loaded when the name is first used."""

__all__ = [
    "COSTS",
    "Alternative",
    "Binding",
    "Chips",
    "Decisions",
    "Fleet",
    "Limits",
    "Loads",
    "Plan",
    "Porting",
    "Problem",
    "Purchase",
    "Regret",
    "Rental",
    "Replay",
    "Risk",
    "Settings",
    "Tree",
    "Walk",
    "Worth",
    "alternatives",
    "best_by_future",
    "binding",
    "chain",
    "known",
    "likeliest",
    "moves",
    "permitted",
    "regret",
    "replay",
    "shared_nodes",
    "solve",
    "walk",
    "worth",
]  # fmt: skip


def __getattr__(name: str) -> Any:
    if name in _LATER:
        module = import_module(f"tonnage.planning.{_LATER[name]}")
        return getattr(module, name)
    message = f"module 'tonnage.planning' has no attribute {name!r}"
    raise AttributeError(message)
