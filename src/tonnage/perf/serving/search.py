"""The best way to serve: layouts, batch sizes and chip counts, as arrays."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from tonnage.catalog import Chip
from tonnage.errors import NotEnoughKnown
from tonnage.perf.serving.arrays import Number
from tonnage.perf.serving.case import ServingCase, cases_of, check_chip
from tonnage.perf.serving.engine import Engine, find_engine
from tonnage.perf.serving.estimate import ServingEstimate, among, predict_serving_cases
from tonnage.perf.serving.flow import Flow, solve
from tonnage.perf.serving.grid import loaded
from tonnage.perf.serving.layout import ServingLayout
from tonnage.perf.serving.memory import capacity, undisturbed
from tonnage.perf.serving.saturate import best_loads
from tonnage.perf.serving.space import layouts, tensor_domain
from tonnage.perf.serving.traffic import closed_form_holds
from tonnage.units import MILLI
from tonnage.workload import ServingJob

KEEPS, LATE, OVERRUN, TOO_LARGE = range(4)
"""Standing of an option, best first: within the limits; beyond one; swamped by open arrivals; does
not fit into memory."""
BEYOND = "closed form, beyond where it holds"
QUICKER = 1e-6
"""Share of throughput that a second of a whole request is worth, to tell equals apart."""


def search_serving(
    chip: Chip,
    job: ServingJob,
    chips: int,
    engine: Engine | None = None,
    *,
    layout: ServingLayout | None = None,
) -> ServingEstimate:
    """Return the layout (and, where the job names no load, the batch) with most tokens a second.

    Within the job's limits on TTFT and TPOT, on up to `chips` chips: where leaving some idle does
    more, `chips_used` of the answer is less than its `chips`. With a load given, the layout that
    serves it with the most output tokens a second, and of equals the one with the lowest latency.
    Where nothing keeps the limits, the nearest is returned with `fits` false and the reason;
    where nothing fits, the layout that needs least memory.

    Raises
    ------
    Infeasible
        If no layout divides the chips and the model.
    """
    return search_chips([chip], job, chips, engine, layout=layout)[0]


def search_chips(
    kinds: Sequence[Chip],
    job: ServingJob,
    chips: int,
    engine: Engine | Sequence[Engine] | None = None,
    *,
    layout: ServingLayout | None = None,
) -> list[ServingEstimate]:
    """`search_serving` for many kinds of chip in one pass over arrays, in their order.

    `engine` is that of all, or one for each. Open arrivals that keep a deployment busy are answered
    by the closed form here, and `method` says so; `predict_serving` plays them.
    """
    cases: list[ServingCase] = []
    owner: list[int] = []
    for index, chip in enumerate(kinds):
        own = engine[index] if isinstance(engine, Sequence) else engine
        used = own or find_engine(None, vendor=chip.vendor)
        mine = options(chip, job, chips, used, layout)
        cases += mine
        owner += [index] * len(mine)
    if not cases:
        return []
    cases, order = ordered(cases, np.array(owner))
    first = np.unique(np.array(owner)[order], return_index=True)[1]
    chosen = [cases[order[k]] for k in first]
    found = [among(one, max(chips, one.chips_used)) for one in predict_serving_cases(chosen)]
    return [one if closed_form_holds(case) else replace(one, method=BEYOND)
            for one, case in zip(found, chosen, strict=True)]  # fmt: skip


def options(
    chip: Chip, job: ServingJob, chips: int, engine: Engine, layout: ServingLayout | None = None
) -> list[ServingCase]:
    """Return the cases that a search weighs, one a layout."""
    found = [layout] if layout else layouts(job.model, chips, tensor_domain(chip), job.concurrency)
    return [ServingCase(chip, job, option, engine) for option in found]


def ranked(
    chip: Chip,
    job: ServingJob,
    chips: int,
    engine: Engine,
    count: int,
    *,
    layout: ServingLayout | None = None,
) -> list[ServingCase]:
    """Return the `count` best cases of a search, best first.

    Raises
    ------
    Infeasible
        If no layout divides the chips and the model.
    """
    cases = options(chip, job, chips, engine, layout)
    cases, order = ordered(cases, np.zeros(len(cases)))
    return [cases[k] for k in order[:count]]


def ordered(cases: list[ServingCase], owner: Any) -> tuple[list[ServingCase], Any]:
    """Return the cases at their best loads, and their order: by owner, then best first.

    `owner`, axis [case], says for whom each competes.
    """
    job = cases[0].job
    stacked = cases_of(cases)
    if not loaded_by(job):
        room = np.floor(undisturbed(stacked, capacity(stacked))) * stacked.layout.dp

        def measure(index: Any, load: Number) -> tuple[Number, Number]:
            flow = loaded(stacked, index, load)
            return worth(flow), excess(flow, job)

        loads, _ = best_loads(measure, room, owner)
        cases = [replace(case, job=replace(case.job, concurrency=float(load)))
                 for case, load in zip(cases, loads, strict=True)]  # fmt: skip
        flow = loaded(stacked, np.arange(len(cases)), loads)
    else:
        flow = solve(stacked)
    tier, lack = standing(flow, job)
    used = stacked.layout.tp * stacked.layout.pp * stacked.layout.dp
    return cases, np.lexsort((used, lack, tier, owner))


def loaded_by(job: ServingJob) -> bool:
    """Return whether the job names how many requests there are."""
    return job.concurrency is not None or job.request_rate is not None


def worth(flow: Flow) -> Number:
    """Return requests a second, by a little less where a request takes longer."""
    return flow.requests_per_s / (1.0 + QUICKER * flow.e2e_s)


def standing(flow: Flow, job: ServingJob) -> tuple[Number, Number]:
    """Return each option's standing (`KEEPS` … `TOO_LARGE`), and what it lacks: less is better."""
    room, over = flow.capacity, excess(flow, job)
    too_large, swamped = room.sequences < 1.0, flow.overload >= 1.0
    tier = np.select([too_large, swamped, over > 1.0], [TOO_LARGE, OVERRUN, LATE], KEEPS)
    lacks = [room.needed / room.usable, over]
    lack = np.select([too_large, ~swamped & (over > 1.0)], lacks, -worth(flow))
    return tier, lack


def excess(flow: Flow, job: ServingJob) -> Number:
    """Worst latency over its limit, at least 1."""
    over = np.ones_like(flow.requests_per_s)
    if job.tpot_ms is not None:
        over = np.maximum(over, flow.tpot_s / (job.tpot_ms * MILLI))
    if job.ttft_ms is not None:
        over = np.maximum(over, flow.ttft_s / (job.ttft_ms * MILLI))
    return over


def search_catalog(
    kinds: Sequence[Chip], job: ServingJob, chips: int, engine: Engine | None = None
) -> dict[str, ServingEstimate | str]:
    """Return the best deployment on every kind of chip by id, or in words why there is none."""
    result: dict[str, ServingEstimate | str] = {}
    able: list[Chip] = []
    for chip in kinds:
        try:
            check_chip(chip, job)
            able.append(chip)
        except NotEnoughKnown as reason:
            result[chip.id] = str(reason)
    found = search_chips(able, job, chips, engine) if able else []
    result |= {chip.id: answer for chip, answer in zip(able, found, strict=True)}
    return {chip.id: result[chip.id] for chip in kinds}
