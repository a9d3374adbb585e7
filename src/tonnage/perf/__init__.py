"""How fast and how large: the shared operators, training and serving models.

The names load when they are first used, so that importing the room does not pay for NumPy.
"""

from __future__ import annotations

from importlib import import_module
from typing import Any

_HOME = {
    "machine": ("Machine", "Rate", "machine_of", "canonical_precision"),
    "interval": ("Doubt", "deviation", "interval"),
    "layout": (
        "Layout", "Layouts", "Recompute", "Schedule", "fill_data_parallel", "layouts_of",
        "parse_layout",
    ),
    "framework": (
        "Framework", "default_framework", "find_framework", "framework_entries",
        "recognize_framework",
    ),
    "training": ("Evaluation", "TrainingCase", "evaluate_cases"),
    "estimate": (
        "SAYS", "TrainingEstimate", "check_layout", "predict_cases", "predict_training",
    ),
    "space": ("SearchSpace",),
    "search": ("Neighbour", "TrainingSearch", "search_many", "search_training"),
    "serving.case": ("ServingCase",),
    "serving.engine": ("Engine", "engine_entries", "find_engine"),
    "serving.estimate": ("ServingEstimate", "predict_serving_cases"),
    "serving.layout": ("ServingLayout", "parse_serving_layout"),
    "serving.predict": ("predict_serving",),
    "serving.search": ("search_chips", "search_serving"),
}  # fmt: skip
"""Module → public names in it."""

_MODULE = {name: module for module, names in _HOME.items() for name in names}

__all__ = sorted(_MODULE)  # noqa: PLE0605


def __getattr__(name: str) -> Any:
    if name in _MODULE:
        return getattr(import_module(f"tonnage.perf.{_MODULE[name]}"), name)
    message = f"module 'tonnage.perf' has no attribute {name!r}"
    raise AttributeError(message)
