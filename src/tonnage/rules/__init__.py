"""What the law says of a chip, there, then: dated rules, classification, diff and what-if."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from tonnage.rules.classify import classify
from tonnage.rules.country import country, country_name
from tonnage.rules.memory import MemoryVerdict, classify_memory
from tonnage.rules.metrics import (
    Measures,
    Readings,
    Units,
    measures_of,
    performance_density,
    tpp,
)
from tonnage.rules.order import OrderLimit, order_limits
from tonnage.rules.parameter import Dated, Overlay, Parameter, Places, Regime, Rule
from tonnage.rules.reform import Reform, moved, read_reform
from tonnage.rules.rulebook import Rulebook, load_rules
from tonnage.rules.trail import uses
from tonnage.rules.verdict import Cited, Measure, Policy, Test, Verdict

if TYPE_CHECKING:
    from tonnage.rules.table import Table, classify_table

_LATE = {"Table": "tonnage.rules.table", "classify_table": "tonnage.rules.table"}

__all__ = [
    "Cited",
    "Dated",
    "Measure",
    "Measures",
    "MemoryVerdict",
    "OrderLimit",
    "Overlay",
    "Parameter",
    "Places",
    "Policy",
    "Readings",
    "Reform",
    "Regime",
    "Rule",
    "Rulebook",
    "Table",
    "Test",
    "Units",
    "Verdict",
    "classify",
    "classify_memory",
    "classify_table",
    "country",
    "country_name",
    "load_rules",
    "measures_of",
    "moved",
    "order_limits",
    "performance_density",
    "read_reform",
    "tpp",
    "uses",
]


def __getattr__(name: str) -> Any:
    if name in _LATE:
        return getattr(import_module(_LATE[name]), name)
    message = f"module {__name__!r} has no attribute {name!r}"
    raise AttributeError(message)
