"""How a training job is spread over chips: one layout, or many as a struct of arrays."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields, replace
from enum import IntEnum
from typing import Any

from tonnage.errors import Fault, InputError
from tonnage.perf.machine import Number


class Recompute(IntEnum):
    """What the backward pass computes again instead of keeping."""

    NONE = 0
    SELECTIVE = 1
    """The attention core, or norms and activation functions where attention is fused."""
    FULL = 2


class Schedule(IntEnum):
    """Order of the pipeline's work; interleaving is `vpp > 1` under 1F1B."""

    ONE_F_ONE_B = 0
    ZERO_BUBBLE = 1
    """Weight gradients fill the bubble (arXiv 2401.10241)."""


@dataclass(frozen=True, slots=True)
class Layout:
    """One way to spread a job: degrees of parallelism, micro batch and what is kept."""

    tp: int = 1
    pp: int = 1
    vpp: int = 1
    """Model chunks per pipeline stage (interleaving)."""
    dp: int = 1
    cp: int = 1
    ep: int = 1
    """Expert parallel ranks, within TP x CP x DP."""
    mb: int = 1
    """Sequences in one micro batch."""
    zero: int = 1
    """0 none, 1 optimizer, 2 gradients, 3 parameters sharded over DP (3 is FSDP)."""
    recompute: Recompute = Recompute.NONE
    sp: bool = True
    """Sequence parallelism inside the TP group."""
    schedule: Schedule = Schedule.ONE_F_ONE_B
    cp_all_to_all: bool = False
    """Context parallelism by all-to-all over heads instead of a ring."""
    offload_optimizer: bool = False
    offload_activations: bool = False

    @property
    def chips(self) -> int:
        """Tp · pp · dp · cp."""
        return self.tp * self.pp * self.dp * self.cp

    def to_dict(self) -> dict[str, Any]:
        """Return the layout with the spellings of `--layout`."""
        result: dict[str, Any] = {f.name: getattr(self, f.name) for f in fields(self)}
        result["recompute"] = self.recompute.name.lower()
        result["sp"] = "on" if self.sp else "off"
        result["schedule"] = self.schedule.name.lower()
        return result

    def __str__(self) -> str:
        text = f"TP{self.tp} PP{self.pp}"
        text += f" VPP{self.vpp}" if self.vpp > 1 else ""
        text += f" DP{self.dp}"
        text += f" CP{self.cp}" if self.cp > 1 else ""
        text += f" EP{self.ep}" if self.ep > 1 else ""
        text += f" micro-batch {self.mb}, ZeRO-{self.zero}, "
        text += f"recompute {self.recompute.name.lower()}"
        return text + (", sequence parallel" if self.sp and self.tp > 1 else "")


@dataclass(frozen=True, slots=True, eq=False)
class Layouts:
    """Many layouts: one array (or scalar) a field, all of one length or broadcasting."""

    tp: Number
    pp: Number
    vpp: Number
    dp: Number
    cp: Number
    ep: Number
    mb: Number
    zero: Number
    recompute: Number
    sp: Number
    schedule: Number
    cp_all_to_all: Number
    offload_optimizer: Number
    offload_activations: Number

    def __len__(self) -> int:
        import numpy as np

        return int(np.broadcast(*(getattr(self, f.name) for f in fields(self))).size)

    def take(self, index: Any) -> Layouts:
        """Return the layouts at `index`, all fields as arrays."""
        import numpy as np

        whole = (np.asarray(getattr(self, f.name)) for f in fields(self))
        return Layouts(*(c[index] if c.ndim else np.full(np.size(index), c) for c in whole))

    def one(self, index: int) -> Layout:
        """Return the layout at `index`."""
        row = self.take([index])
        values: dict[str, Any] = {f.name: int(getattr(row, f.name)[0]) for f in fields(self)}
        for name in ("sp", "cp_all_to_all", "offload_optimizer", "offload_activations"):
            values[name] = bool(values[name])
        values["recompute"] = Recompute(values["recompute"])
        values["schedule"] = Schedule(values["schedule"])
        return Layout(**values)


def layouts_of(layouts: Sequence[Layout]) -> Layouts:
    """Return layouts as a struct of float arrays, axis [layout]."""
    import numpy as np

    names = [f.name for f in fields(Layouts)]
    return Layouts(*(np.array([float(getattr(x, n)) for x in layouts]) for n in names))


COARSE_EXPERTS = 32.0
"""Up to this many experts, frameworks split each one over the TP group too; above, never."""


def expert_split(layouts: Layouts, routed: Number) -> Number:
    """Ways in which TP splits one expert: `tp` for few large experts, 1 for many small ones.

    Megatron-LM's `--expert-tensor-parallel-size` is TP by default and 1 in the recipes of models
    with many experts.
    """
    import numpy as np

    return np.where(np.asarray(routed) <= COARSE_EXPERTS, layouts.tp, 1.0)


_WORDS = {"on": 1, "off": 0, "yes": 1, "no": 0, "true": 1, "false": 0}
_RECOMPUTE = {"none": 0, "selective": 1, "full": 2, "0": 0, "1": 1, "2": 2}


def parse_layout(text: str) -> Layout:
    """Return the layout written as `tp=8,pp=8,vpp=3,dp=1,mb=1,zero=1,recompute=selective,sp=on`.

    `dp` may be left out where the number of chips is known: `fill_data_parallel` sets it.

    Raises
    ------
    InputError
        Naming every key or value that is not understood or stands twice; or if there is none.
    """
    known = [f.name for f in fields(Layout)]
    values: dict[str, Any] = {}
    faults: list[Fault] = []
    parts = [piece for piece in (piece.strip() for piece in text.split(",")) if piece]
    if not parts:
        mend = "write degrees such as tp=8,pp=2; leave it out to have the best layout searched"
        raise InputError.of("layout", text, mend)
    for part in parts:
        key, _, word = part.partition("=")
        key, word = key.strip().lower().replace("-", "_"), word.strip().lower()
        if key not in known:
            faults.append(Fault("layout", part, f"keys are {', '.join(known)}"))
            continue
        if key in values:
            faults.append(Fault(f"layout.{key}", word, "given twice; write it once"))
            continue
        number = _number(key, word)
        if number is None:
            faults.append(Fault(f"layout.{key}", word, _mend(key)))
        values[key] = number
    if faults:
        raise InputError(faults)
    return Layout(**{"dp": 0, "sp": values.get("tp", 1) > 1, **values})


def _number(key: str, word: str) -> Any:
    if key == "recompute":
        return Recompute(_RECOMPUTE[word]) if word in _RECOMPUTE else None
    if key == "schedule":
        named = {s.name.lower(): s for s in Schedule} | {"1f1b": Schedule.ONE_F_ONE_B}
        return named.get(word)
    if key in ("sp", "cp_all_to_all", "offload_optimizer", "offload_activations"):
        return bool(_WORDS[word]) if word in _WORDS else None
    if not word.isdigit():
        return None
    value = int(word)
    return value if (0 <= value <= 3 if key == "zero" else value >= 1) else None


def _mend(key: str) -> str:
    if key == "recompute":
        return "none, selective or full"
    if key == "schedule":
        return "1f1b or zero_bubble"
    if key == "zero":
        return "0, 1, 2 or 3"
    return "on or off" if key in ("sp",) or "_" in key else "a whole number, 1 or more"


def fill_data_parallel(layout: Layout, chips: int) -> Layout:
    """Return the layout with `dp` = chips / (tp·pp·cp) where it was left out (0).

    Raises
    ------
    InputError
        If the degrees do not multiply to the number of chips.
    """
    used = layout.tp * layout.pp * layout.cp
    if layout.dp == 0 and chips % used == 0:
        return replace(layout, dp=chips // used)
    if layout.dp * used != chips:
        mend = f"tp·pp·cp·dp must be {chips} (the chips); tp·pp·cp is {used}"
        raise InputError.of("layout.dp", layout.dp or None, mend)
    return layout
