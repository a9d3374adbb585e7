"""How a model is spread over the chips of a serving deployment."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields

from tonnage.errors import Fault, InputError
from tonnage.perf.serving.arrays import Number


@dataclass(frozen=True, slots=True)
class ServingLayout:
    """Degrees of parallelism. `dp` attention ranks (or replicas) of `tp`·`pp` chips each."""

    tp: int = 1
    pp: int = 1
    dp: int = 1
    """Replicas; with `ep > tp` every `ep / tp` of them share one set of experts (attention DP)."""
    ep: int = 1
    """Chips a set of experts is spread over, whole; 1: experts are split like other matrices."""

    @property
    def chips(self) -> int:
        """Tp · pp · dp."""
        return self.tp * self.pp * self.dp

    def to_dict(self) -> dict[str, int]:
        """Return the degrees by the spellings of `--layout`."""
        return {f.name: getattr(self, f.name) for f in fields(self)}

    def __str__(self) -> str:
        parts = [f"{f.name.upper()}{getattr(self, f.name)}" for f in fields(self)]
        return " ".join(p for p in parts if not p.endswith("P1")) or "one chip"


@dataclass(frozen=True, slots=True, eq=False)
class ServingLayouts:
    """Many layouts: one float array a field."""

    tp: Number
    pp: Number
    dp: Number
    ep: Number


def stack_layouts(layouts: Sequence[ServingLayout]) -> ServingLayouts:
    """Return layouts as a struct of float arrays, axis [case]."""
    import numpy as np

    names = [f.name for f in fields(ServingLayouts)]
    return ServingLayouts(*(np.array([getattr(x, n) for x in layouts], float) for n in names))


def parse_serving_layout(text: str, chips: int | None = None) -> ServingLayout:
    """Return the layout written as `tp=8,pp=1,dp=2,ep=16`; `dp` fills up to `chips` if left out.

    Raises
    ------
    InputError
        Naming every key or value that is not understood, or degrees that do not fit the chips.
    """
    known = [f.name for f in fields(ServingLayout)]
    values: dict[str, int] = {}
    faults: list[Fault] = []
    for part in filter(None, (piece.strip() for piece in text.split(","))):
        key, _, word = part.partition("=")
        key, word = key.strip().lower(), word.strip()
        if key not in known:
            faults.append(Fault("layout", part, f"keys are {', '.join(known)}"))
        elif key in values:
            faults.append(Fault("layout", text, f"{key} once"))
        elif not word.isdigit() or int(word) < 1:
            faults.append(Fault(f"layout.{key}", word, "a whole number, 1 or more"))
        else:
            values[key] = int(word)
    if faults:
        raise InputError(faults)
    used = values.get("tp", 1) * values.get("pp", 1)
    if chips is not None and "dp" not in values and chips % used == 0:
        values["dp"] = chips // used
    layout = ServingLayout(**values)
    if chips is not None and layout.chips != chips:
        mend = f"tp·pp·dp must be {chips} (the chips); it is {layout.chips}"
        raise InputError.of("layout", text, mend)
    if layout.ep > 1 and (layout.tp * layout.dp) % layout.ep:
        raise InputError.of("layout.ep", layout.ep, f"a divisor of tp·dp = {layout.tp * layout.dp}")
    return layout
