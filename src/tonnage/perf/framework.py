"""How a training framework spends time: launches, overlap, precision of gradients, kernels.

Constants describe a framework in an era of its software, never one run. Each stands in
`data/frameworks/*.yaml` with its doubt and source.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from functools import lru_cache
from importlib.resources import files as package_files
from typing import Any

from tonnage.errors import DataError, UnknownName
from tonnage.files import parse_yaml
from tonnage.perf.machine import Number


@dataclass(frozen=True, slots=True, eq=False)
class Framework:
    """Constants of one framework (scalars), or of many runs' frameworks (arrays)."""

    id: str
    name: str
    fused_attention: Number
    """1 for one fused kernel, 0 for separate products and softmax."""
    native_attention: Number
    """1 where that kernel is written for the chip's generation, 0 where for the one before."""
    attention_ratio: Number
    """Efficiency of its attention kernel over the family's best."""
    score_bytes: Number
    """Unfused: bytes moved per head and pair of tokens, forward."""
    gemm_ratio: Number
    """Efficiency of products inside training over that of the bare kernel."""
    quantized_ratio: Number
    """Efficiency of 8- and 4-bit products in training over that of the bare kernel."""
    passes: Number
    """Element-wise traffic over the least possible."""
    selective_products: Number
    """Share of the forward products that its selective recompute repeats."""
    expert_ratio: Number
    """Time of routed experts' products over balanced ones: imbalance and padding."""
    dispatch_s: Number
    """Fixed time of routing a layer with experts, each way: token counts cross to the host."""
    launch_s: Number
    """Host time per kernel; hidden where the device is slower."""
    collective_s: Number
    """Added to a collective's latency for every member of a ring (library and waiting)."""
    transfer_s: Number
    """Added to every transfer between pipeline stages (host, and waiting for the neighbour)."""
    tp_exposed: Number
    cp_exposed: Number
    ep_exposed: Number
    pp_exposed: Number
    dp_exposed: Number
    """Share of each kind of communication that computation does not hide."""
    overlap_slowdown: Number
    """Slowing of computation by communication beside it, as a share of the hidden time."""
    grad_bytes: Number
    """Bytes per gradient in the data-parallel reduction."""
    p2p_split: Number
    """1 where pipeline stages send each TP rank its share only (scatter-gather)."""
    optimizer_bytes: Number
    """Bytes moved per parameter by the optimizer step."""
    step_s: Number
    """Fixed time of a step: data, loss, clipping, logging."""
    straggler: Number
    """Slowing of the whole step per doubling of the servers."""
    kept_stream: Number
    """Bytes kept per token and hidden column outside the split regions: 10 with dropout masks."""
    kept_logit_bytes: Number
    """Bytes kept per logit: 16-bit output, FP32 copy, gradient, as far as they are not reused."""
    reserve: Number
    """Share of memory held by the allocator, the driver and workspaces."""
    residual: Number
    """Deviation of the log of measured over predicted on the runs that were fitted."""
    anchors: Number
    """Measured runs the constants were fitted on."""


@dataclass(frozen=True, slots=True)
class FrameworkEntry:
    """A framework and how runs that used it are recognized."""

    framework: Framework
    words: tuple[str, ...]
    """Patterns in a source's title, address or notes."""
    vendors: tuple[str, ...]
    """Makers for whose chips it is the default."""
    aliases: tuple[str, ...]
    """Other names that users give it."""


_CONSTANTS = tuple(f.name for f in fields(Framework) if f.name not in ("id", "name"))


@lru_cache(maxsize=1)
def framework_entries() -> Mapping[str, FrameworkEntry]:
    """Return every framework by id.

    Raises
    ------
    DataError
        If a file lacks a constant or a source.
    """
    folder = package_files("tonnage.data") / "frameworks"
    found = {}
    for entry in sorted(folder.iterdir(), key=lambda item: item.name):
        if entry.name.endswith(".yaml"):
            data = parse_yaml(entry.read_text(encoding="utf-8"), entry.name).data
            found[data["id"]] = _entry(entry.name, data)
    return found


def find_framework(name: str) -> Framework:
    """Return a framework by id or name, in any case and punctuation.

    A longer description finds the framework whose name, alias or pattern is the longest in it:
    `DeepSpeed ZeRO-3` is `deepspeed`.

    Raises
    ------
    UnknownName
        Listing the frameworks there are.
    """
    wanted = _squeezed(name)
    within: dict[str, Framework] = {}
    for key, entry in framework_entries().items():
        names = {_squeezed(text) for text in (key, entry.framework.name, *entry.aliases)}
        if wanted in names:
            return entry.framework
        names |= {_squeezed(word) for word in entry.words if "@" not in word}
        within |= {n: entry.framework for n in names if len(n) >= SHORTEST_NAME and n in wanted}
    if within:
        return within[max(within, key=len)]
    raise UnknownName.of("framework", name, f"one of {', '.join(framework_entries())}")


SHORTEST_NAME = 4
"""Letters of a name that count inside a longer description: fewer may stand there by chance."""


def _squeezed(text: str) -> str:
    return re.sub(r"[^a-z0-9]", "", text.lower())


def default_framework(vendor: str) -> Framework:
    """Return the framework most used on a maker's chips: the first whose `vendors` name it."""
    entries = framework_entries()
    for entry in entries.values():
        if vendor.lower() in entry.vendors:
            return entry.framework
    return next(e.framework for e in entries.values() if "*" in e.vendors)


def recognize_framework(text: str, vendor: str, year: int | None = None) -> Framework:
    """Return the framework that a source's title, address and notes point to.

    The longest pattern found in `text` wins; `year` tells eras of one framework apart
    (a pattern may end in `@2022`, meaning runs up to that year).
    """
    best: Framework | None = None
    length = 0
    for entry in framework_entries().values():
        for word in entry.words:
            pattern, _, era = word.partition("@")
            if era and (year is None or year > int(era)):
                continue
            score = len(pattern) + (1 if era else 0)
            if score > length and pattern in text.lower():
                best, length = entry.framework, score
    return best if best is not None else default_framework(vendor)


def stack_frameworks(frameworks: Sequence[Framework]) -> Framework:
    """Return one framework of arrays, one entry for each."""
    import numpy as np

    columns = {n: np.array([getattr(f, n) for f in frameworks], float) for n in _CONSTANTS}
    return Framework(id="", name="", **columns)


def _entry(name: str, data: Mapping[str, Any]) -> FrameworkEntry:
    constants = data["constants"]
    absent = [key for key in _CONSTANTS if key not in constants and key != "anchors"]
    unsourced = [key for key, value in constants.items() if not value.get("source")]
    if absent or unsourced:
        message = f"{name}: no value or no source for {', '.join(absent + unsourced)}"
        raise DataError(message)
    values = {key: float(constants[key]["value"]) for key in _CONSTANTS if key != "anchors"}
    framework = Framework(
        id=data["id"], name=data["name"], anchors=float(data.get("anchors", 0)), **values
    )
    lists = (tuple(data.get(key) or ()) for key in ("words", "vendors", "aliases"))
    return FrameworkEntry(framework, *lists)
