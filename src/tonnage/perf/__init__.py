"""How fast and how large: the shared operators, training and serving models.

The names load when they are first used, so that importing the room does not pay for NumPy.
"""

from __future__ import annotations

from importlib import import_module
from typing import Any

_HOME = {
    "Machine": "machine",
    "Rate": "machine",
    "machine_of": "machine",
    "canonical_precision": "machine",
    "Doubt": "interval",
    "deviation": "interval",
    "interval": "interval",
}

__all__ = sorted(_HOME)  # noqa: PLE0605


def __getattr__(name: str) -> Any:
    if name in _HOME:
        return getattr(import_module(f"tonnage.perf.{_HOME[name]}"), name)
    message = f"module 'tonnage.perf' has no attribute {name!r}"
    raise AttributeError(message)
