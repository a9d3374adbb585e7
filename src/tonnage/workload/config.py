"""A configuration file being read: checked values, and every fault collected."""

from __future__ import annotations

from collections.abc import Mapping
from math import isfinite
from typing import Any

from tonnage.errors import Fault

LARGEST = {"layers": 10_000, "vocab": 10**8}
LARGEST_OTHER = 10**7
"""Plausibility limits: a larger number is a slip of the pen."""
WIDTH = (
    "intermediate_size", "ffn_hidden_size", "n_inner", "ffn_dim", "ffn_config.ffn_hidden_size",
)  # fmt: skip
"""Keys that the inner width of the feed-forward part is written under, first found wins."""


class Config:
    """A configuration being read: hands out checked values and collects every fault."""

    def __init__(self, data: Mapping[str, Any], where: str) -> None:
        self.data, self.where, self.faults = data, where, list[Fault]()

    def raw(self, key: str) -> Any:
        """Return the value at a dotted key, `None` if there is none."""
        value: Any = self.data
        for part in key.split("."):
            value = value.get(part) if isinstance(value, Mapping) else None
        return value

    def fault(self, key: str, value: object, mend: str) -> None:
        """Note one thing that is wrong."""
        self.faults.append(Fault(key, value, mend, self.where))

    def sound(self, *keys: str) -> bool:
        """Return whether nothing is wrong with `keys`, so that more can be derived from them."""
        return not {fault.field for fault in self.faults} & set(keys)

    def count(self, *keys: str, largest: int = LARGEST_OTHER, least: int = 1) -> int | None:
        """Return the first whole number among `keys`, `least` or more; `None` if none is given."""
        for key in keys:
            value = self.raw(key)
            if value is None:
                continue
            usable = isinstance(value, int | float) and not isinstance(value, bool)
            if usable and isfinite(value) and value == int(value) and least <= value <= largest:
                return int(value)
            self.fault(key, value, f"a whole number from {least} to {largest}")
            return None
        return None

    def need(self, *keys: str, largest: int = LARGEST_OTHER) -> int:
        """Return as `count`; a missing one is a fault."""
        if all(self.raw(key) is None for key in keys):
            self.fault(keys[0], None, "missing; the shape needs it")
            return 1
        return self.count(*keys, largest=largest) or 1

    def flag(self, key: str, default: bool = False) -> bool:
        """Return a yes/no value; anything else is a fault."""
        value = self.raw(key)
        if value is None:
            return default
        if not isinstance(value, bool):
            self.fault(key, value, "true or false")
            return default
        return value
