"""Tonnage plans AI compute under export controls.

The verbs of the command line are functions here. Each is loaded when first used, so that
``import tonnage`` costs nothing.
"""

from __future__ import annotations

from importlib import import_module
from typing import Any

__version__ = "0.1.0"

_VERBS: dict[str, str] = {
    "classify": "tonnage.study.classification",
    "classify_table": "tonnage.rules",
    "load_rules": "tonnage.rules",
    "rules_diff": "tonnage.study.rulebook",
    "rules_list": "tonnage.study.rulebook",
    "rules_show": "tonnage.study.rulebook",
    "rules_sweep": "tonnage.study.rulebook_sweep",
    "list_chips": "tonnage.study.chips",
    "show_chip": "tonnage.study.chips",
    "compare_chips": "tonnage.study.chips",
    "list_prices": "tonnage.study.chips",
    "load_catalog": "tonnage.catalog",
    "match": "tonnage.study.match",
    "read_load": "tonnage.study.match_load",
    "load_of": "tonnage.study.match_load",
    "total_cost": "tonnage.study.ownership",
    "cost_sweep": "tonnage.study.ownership_sweep",
    "plan": "tonnage.study.plan",
    "predict_serving": "tonnage.study.serving",
    "predict_pools": "tonnage.study.serving",
    "size_serving": "tonnage.study.serving_capacity",
    "serving_front": "tonnage.study.serving_capacity",
    "predict_training": "tonnage.study.training",
    "list_models": "tonnage.study.models",
    "show_model": "tonnage.study.models",
    "validate": "tonnage.study.validation",
}
"""Public name → module that defines it."""

__all__ = ["__version__", *_VERBS]  # noqa: PLE0604


def __getattr__(name: str) -> Any:
    if name in _VERBS:
        return getattr(import_module(_VERBS[name]), name)
    message = f"module 'tonnage' has no attribute {name!r}"
    raise AttributeError(message)


def __dir__() -> list[str]:
    return sorted(__all__)
