"""What a table's words for chips and number formats mean."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cache
from importlib.resources import files
from typing import Any

from tonnage.catalog import Catalog, Chip
from tonnage.errors import UnknownName
from tonnage.files import parse_yaml
from tonnage.provenance import Confidence, Source, Sourced
from tonnage.study.measurements import Assumption, Row

SAME_MEMORY = 0.12
"""Relative difference within which two memory sizes are the same part: 80 GB sold, 79 usable."""
GIGABYTES = 1000.0
BIN_DOUBT = 0.06
"""Of a label that several parts answer to (910B: 280 to 400 TFLOP/s, fitted as one)."""


class Unusable(Exception):
    """A row that cannot be predicted; the text names what is missing."""


@dataclass(frozen=True, slots=True)
class Labelled:
    """A chip that a label means, and what had to be assumed for it."""

    chip: Chip
    assumed: tuple[Assumption, ...] = ()


@cache
def _table() -> Mapping[str, Any]:
    path = files("tonnage.data.labels") / "chips.yaml"
    data: Mapping[str, Any] = parse_yaml(path.read_text(encoding="utf-8"), "chips.yaml").data
    return data


def chip_of(row: Row, catalog: Catalog) -> Labelled:
    """Return the chip that a row was measured on.

    Raises
    ------
    Unusable
        If the label names no chip of the catalog.
    """
    label = row.text("chip")
    if not label:
        message = "chip is blank"
        raise Unusable(message)
    memory = row.number("chip_memory_gb")
    found = _candidates(label, catalog)
    if memory is not None and all(_differs(chip, memory) > SAME_MEMORY for chip in found):
        found = _of_memory(label, memory, catalog) or found
    chosen = _of_source(row, label, catalog) or _chosen(found, memory)
    assumed: tuple[Assumption, ...] = ()
    if len(found) > 1 and chosen is not None:
        doubt = BIN_DOUBT if memory is None else BIN_DOUBT / 2
        assumed = (Assumption(f"chip {label!r} taken as {chosen.name}", doubt),)
    assert chosen is not None
    return _as_built(chosen, memory, row.told, assumed)


def _candidates(label: str, catalog: Catalog) -> list[Chip]:
    low = label.lower()
    plain = re.sub(r"\(.*?\)", "", label).strip()
    tried = [label, plain, _bare(plain)]
    for piece, name in _table()["labels"].items():
        if piece in low:
            tried.insert(0, name)
    near = ""
    for name in dict.fromkeys(tried):
        try:
            return catalog.find_all(name)
        except UnknownName as unknown:
            found = re.search(r"nearest: [^,]*(, [^,]*){0,2}", str(unknown))
            near = f"; {found.group(0)}" if found else near
    message = f"chip {label!r} is not in the catalog{near}"
    raise Unusable(message)


def _bare(label: str) -> str:
    """Return a label without a count before it, a module's form after it, or run-together words.

    Examples
    --------
    >>> _bare("8xH100 SXM5"), _bare("MI300X OAM"), _bare("Ascend910B3")
    ('H100 SXM5', 'MI300X', 'Ascend 910B3')
    """
    label = re.sub(r"^\d+ ?[x*×] ?", "", label)
    label = re.sub(r"\s+(OAM|module|GPUs?|NPUs?|cards?)$", "", label, flags=re.I)
    return re.sub(r"(?i)^(ascend|instinct|xiyun|kunlun)(?=\d|MI)", r"\1 ", label)


def _of_memory(label: str, memory: float, catalog: Catalog) -> list[Chip]:
    """Return the chips of a label's larger or smaller build: H20 with 141 GB."""
    try:
        return catalog.find_all(f"{re.sub(r'[(].*?[)]', '', label).strip()} {memory:.0f}GB")
    except UnknownName:
        return []


def _of_source(row: Row, label: str, catalog: Catalog) -> Chip | None:
    if row.number("chip_memory_gb") is not None:
        return None
    for entry in _table()["sources"]:
        if entry["words"] in row.told and entry["label"] == label.lower():
            return catalog.by_id.get(entry["chip"])
    return None


def _chosen(found: list[Chip], memory: float | None) -> Chip | None:
    if memory is not None:
        near = [chip for chip in found if _differs(chip, memory) <= SAME_MEMORY]
        found = near or found
    rank = {name: place for place, name in enumerate(_table()["preferred"])}
    return min(found, key=lambda chip: rank.get(chip.id, len(rank)))


def _differs(chip: Chip, memory: float) -> float:
    known = chip.number("memory_gb")
    return 1.0 if known is None else abs(known / memory - 1.0)


def _as_built(
    chip: Chip, memory: float | None, told: str, assumed: tuple[Assumption, ...]
) -> Labelled:
    """Return the chip as the source says it was built, where that is not the catalog's part."""
    changed: dict[str, float] = {}
    for build in _table()["builds"]:
        if build["chip"] == chip.id and build["words"] in told:
            changed |= build["values"]
    if memory is not None and chip.number("memory_gb") and _differs(chip, memory) > SAME_MEMORY:
        changed["memory_gb"] = memory
    bandwidth = re.search(r"hbm\d\w*[^|;]{0,12} ([\d.]+) ?tb/s", told)
    if bandwidth is not None and chip.number("memory_bandwidth_gbs") is not None:
        changed["memory_bandwidth_gbs"] = float(bandwidth.group(1)) * GIGABYTES
    if not changed:
        return Labelled(chip, assumed)
    values = dict(chip.values)
    source = Source("measurement", "the measured run's own description", "")
    for quantity, value in changed.items():
        old = values[quantity]
        values[quantity] = Sourced(value, old.unit, Confidence.REPORTED, source, old.known_from)
    text = ", ".join(f"{name} {value:g}" for name, value in changed.items())
    return Labelled(
        replace(chip, values=values), (*assumed, Assumption(f"{chip.name} with {text}"))
    )


_FORMATS = {
    "float32": "fp32", "float16": "fp16", "bfloat16": "bf16", "half": "fp16", "f16": "fp16",
    "amp": "fp16", "mixed": "bf16", "bf16-mixed": "bf16", "fp16-mixed": "fp16",
    "fp8_block": "fp8", "fp8 block": "fp8", "fp8-block": "fp8", "fp8_e4m3": "fp8", "w8a8": "int8",
    "w4a16": "int4", "w4a8": "int4", "awq": "int4", "gptq": "int4", "gptq-int4": "int4",
    "gptq-int8": "int8", "awq-int4": "int4", "int4-awq": "int4", "w8a16": "int8", "q8_0": "int8",
    "q4_0": "int4", "q4_k": "q4_k_m", "fp4": "nvfp4", "mxfp4_moe": "mxfp4", "fp16/bf16": "bf16",
    "bf16/fp16": "bf16", "fp8_ds": "fp8", "fp8-cs": "fp8", "fp8-mx": "mxfp8",
}  # fmt: skip
"""Other spellings of number formats → ours."""


def format_of(cell: str) -> str | None:
    """Return our name of a number format; `None` if it is blank or not known.

    Examples
    --------
    >>> format_of("W8A8"), format_of("bf16"), format_of("")
    ('int8', 'bf16', None)
    """
    from tonnage.workload import BITS

    low = cell.strip().lower()
    return low if low in BITS else _FORMATS.get(low)
