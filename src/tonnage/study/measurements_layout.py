"""How a row of training measurements spreads its job: as stated, as inferred, or as searched."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import replace
from functools import lru_cache

from tonnage.catalog import Chip
from tonnage.perf import Framework, Layout, Recompute, search_training
from tonnage.study.measurements import Assumption, Row
from tonnage.study.measurements_labels import Unusable
from tonnage.workload import Model, TrainingJob

INTERLEAVED_SINCE = 2024
USUAL_CHUNK = 2
"""Layers in a chunk of an interleaved pipeline where a source does not say (our assumption)."""
RECOMPUTE_DOUBT = 0.12
"""Full recomputation adds a third to a step, none adds nothing: about half of that either way."""
SEARCH_DOUBT = 0.15
"""Of the fastest layout taken for one that is not stated (our assumption; the 147 published rows
without a layout are predicted within 18 % in the mean)."""


class LayoutUnknown(Unusable):
    """A row that does not say how its job was spread."""


def stated_layouts(row: Row, model: Model, assumed: list[Assumption]) -> tuple[list[Layout], int]:
    """Return the layouts that a row may mean, least recomputation first, and its chips.

    Raises
    ------
    LayoutUnknown
        If two of tp, pp and dp are blank.
    Unusable
        If the degrees do not go with the number of chips.
    """
    chips = row.count("n_chips")
    degrees = {name: row.count(name) for name in ("tp", "pp", "dp", "cp")}
    if chips is None:
        if None in (degrees["tp"], degrees["pp"], degrees["dp"]):
            message = "n_chips is blank, and tp, pp and dp do not all stand"
            raise Unusable(message)
        chips = 1
        for degree in degrees.values():
            chips *= degree or 1
    _fill_degrees(degrees, chips, assumed)
    layout = Layout(
        tp=degrees["tp"] or 1,
        pp=degrees["pp"] or 1,
        vpp=_interleaving(row, model, degrees, assumed),
        dp=degrees["dp"] or 1,
        cp=degrees["cp"] or 1,
        ep=_expert_degree(row, model, assumed),
        mb=row.count("micro_batch") or _micro_batch(assumed),
        zero=_zero(row, degrees["dp"] or 1, degrees["pp"] or 1, assumed),
        sp=_sequence_parallel(row, degrees["tp"] or 1, assumed),
    )
    return _recomputed(row, layout, assumed), chips


def _fill_degrees(degrees: dict[str, int | None], chips: int, assumed: list[Assumption]) -> None:
    blank = [name for name in ("tp", "pp", "dp") if degrees[name] is None]
    if degrees["dp"] == chips:
        degrees["tp"] = degrees["pp"] = degrees["cp"] = 1
        blank = []
    if len(blank) > 1 and chips > 1:
        message = f"{', '.join(blank)} are blank: the layout is not stated"
        raise LayoutUnknown(message)
    used = 1
    for degree in degrees.values():
        used *= degree or 1
    if blank:
        if chips % used:
            message = f"{blank[0]} is blank, and {chips} chips do not divide by {used}"
            raise Unusable(message)
        degrees[blank[0]] = chips // used
        assumed.append(Assumption(f"{blank[0]} taken as {chips // used}"))
    elif used != chips:
        _mend_degrees(degrees, chips, assumed)


def _mend_degrees(degrees: dict[str, int | None], chips: int, assumed: list[Assumption]) -> None:
    rest = (degrees["tp"] or 1) * (degrees["pp"] or 1) * (degrees["cp"] or 1)
    if chips % rest:
        message = f"tp·pp·cp = {rest} does not divide n_chips = {chips}"
        raise Unusable(message)
    degrees["dp"] = chips // rest
    text = f"dp taken as {chips // rest}: the stated degrees do not give {chips} chips"
    assumed.append(Assumption(text, 0.1))


def _interleaving(
    row: Row, model: Model, degrees: Mapping[str, int | None], assumed: list[Assumption]
) -> int:
    """Return the stated chunks per stage; blank: two layers a chunk where Megatron could do so."""
    stated, stages = row.count("vpp"), degrees["pp"] or 1
    if stated is not None or stages == 1:
        return stated or 1
    rounds = row.count("global_batch_seqs") or 0
    rounds //= (degrees["dp"] or 1) * (row.count("micro_batch") or 1)
    modern = (row.count("year") or 0) >= INTERLEAVED_SINCE
    even = rounds > 0 and rounds % stages == 0
    usual = max(model.layers // (stages * USUAL_CHUNK), 1) if modern and even else 1
    assumed.append(Assumption(f"vpp taken as {usual}", 0.08))
    return usual


def _expert_degree(row: Row, model: Model, assumed: list[Assumption]) -> int:
    degree = row.count("ep")
    if degree is None and model.experts is not None:
        assumed.append(Assumption("ep taken as 1", 0.15))
    return degree or 1


def _micro_batch(assumed: list[Assumption]) -> int:
    assumed.append(Assumption("micro_batch taken as 1", 0.08))
    return 1


def _zero(row: Row, dp: int, pp: int, assumed: list[Assumption]) -> int:
    stage = row.count("zero_stage")
    if stage is not None:
        return min(stage, 3)
    # Under a pipeline weights stay gathered over its micro batches: a step moves what ZeRO-1 does.
    sharded = pp == 1 and re.search(r"\bfsdp|zero-?3|fully sharded", row.told)
    stage = 3 if sharded else min(dp - 1, 1)
    assumed.append(Assumption(f"zero_stage taken as {stage}", 0.02))
    return stage


def _sequence_parallel(row: Row, tp: int, assumed: list[Assumption]) -> bool:
    cell = row.text("sequence_parallel").lower()
    if cell in ("yes", "on", "true", "1"):
        return tp > 1
    if cell in ("no", "off", "false", "0") or tp == 1:
        return False
    modern = (row.count("year") or 0) >= 2023
    text = f"sequence_parallel taken as {'on' if modern else 'off'}"
    assumed.append(Assumption(text, 0.03))
    return modern


_RECOMPUTE = {
    "none": Recompute.NONE, "no": Recompute.NONE, "off": Recompute.NONE,
    "selective": Recompute.SELECTIVE, "full": Recompute.FULL, "yes": Recompute.FULL,
}  # fmt: skip


def _recomputed(row: Row, layout: Layout, assumed: list[Assumption]) -> list[Layout]:
    stated = _RECOMPUTE.get(row.text("recompute").lower())
    if stated is not None:
        return [replace(layout, recompute=stated)]
    text = "recompute not stated: the least that fits in memory"
    assumed.append(Assumption(text, RECOMPUTE_DOUBT))
    return [replace(layout, recompute=kind) for kind in Recompute]


@lru_cache(maxsize=1024)
def fastest_layout(
    chip: Chip,
    job: TrainingJob,
    chips: int,
    framework: Framework,
    nic_gbps: float | None,
    node_chips: int | None,
) -> Layout:
    """Return the fastest layout that fits: what a published run most likely used.

    Raises
    ------
    Infeasible, NotEnoughKnown
        If none fits, or the chip is not known well enough.
    """
    found = search_training(chip, job, chips, framework, nic_gbps=nic_gbps, node_chips=node_chips)
    return found.best.layout
