"""The best way to serve: layouts, batch sizes and chip counts, as arrays."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from math import ceil
from typing import Any

import numpy as np

from tonnage.catalog import Chip
from tonnage.errors import Infeasible, InputError, NotEnoughKnown
from tonnage.perf.machine import NODE_CHIPS, machine_of
from tonnage.perf.serving.arrays import Number
from tonnage.perf.serving.case import ServingCase, cases_of, check_chip
from tonnage.perf.serving.engine import Engine, find_engine
from tonnage.perf.serving.estimate import ServingEstimate, predict_serving_cases
from tonnage.perf.serving.flow import Flow, solve
from tonnage.perf.serving.layout import ServingLayout
from tonnage.units import MILLI
from tonnage.workload import Model, ServingJob

BATCHES = tuple(sorted({round(2.0 ** (k / 2.0)) for k in range(23)}))
"""Concurrency per replica that a search tries: 1 … 2048 in steps of √2."""
WIDEST_TENSOR = 64
"""Chips of one scale-up domain that tensor parallelism may span."""


@dataclass(frozen=True, slots=True)
class Sizing:
    """The fewest chips of one kind that serve a demand."""

    chips: int
    deployments: int
    """Independent deployments of `estimate.chips` chips each."""
    estimate: ServingEstimate
    """One deployment at its share of the demand or at its best load."""


def layouts(model: Model, chips: int, domain: int) -> list[ServingLayout]:
    """Return every layout of `chips` chips worth trying.

    Tensor parallel within `domain` chips and over the attention heads, pipeline for what is left
    or for memory, the rest replicas; experts whole over the tensor group or over all replicas.
    """
    found = []
    for tp in _divisors(chips, domain):
        if model.attention.heads % tp:
            continue
        for pp in _divisors(chips // tp, model.layers):
            dp = chips // tp // pp
            found.append(ServingLayout(tp, pp, dp, 1))
            if model.experts is not None and pp == 1:
                spans = sorted({tp, tp * dp} - {1})
                divides = [ep for ep in spans if model.experts.routed % ep == 0]
                found += [ServingLayout(tp, pp, dp, ep) for ep in divides]
    return found


def _divisors(n: int, most: int) -> list[int]:
    return [d for d in range(1, min(n, most) + 1) if n % d == 0 and (d & (d - 1) == 0 or d == n)]


def options(
    chip: Chip, job: ServingJob, chips: int, engine: Engine, layout: ServingLayout | None = None
) -> list[ServingCase]:
    """Return the cases a search weighs: layouts, times loads where the job names none."""
    domain = max(NODE_CHIPS, min(int(machine_of(chip).scale_up_domain), WIDEST_TENSOR))
    found = [layout] if layout else layouts(job.model, chips, domain)
    if job.concurrency is not None or job.request_rate is not None:
        return [ServingCase(chip, job, option, engine) for option in found]
    return [
        ServingCase(chip, replace(job, concurrency=float(batch * option.dp)), option, engine)
        for option in found
        for batch in BATCHES
    ]


def search_serving(
    chip: Chip,
    job: ServingJob,
    chips: int,
    engine: Engine | None = None,
    *,
    layout: ServingLayout | None = None,
) -> ServingEstimate:
    """Return the layout (and, where the job names no load, the batch) with most tokens a second.

    Within the job's limits on TTFT and TPOT. With a load given, the layout that serves it with the
    most output tokens a second, and of equals the one with the lowest latency. Where nothing fits
    or keeps the limits, the nearest is returned with `fits` false and the reason.

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
    engine: Engine | None = None,
    *,
    layout: ServingLayout | None = None,
) -> list[ServingEstimate]:
    """`search_serving` for many kinds of chip in one pass over arrays, in their order."""
    cases: list[ServingCase] = []
    owner: list[int] = []
    for index, chip in enumerate(kinds):
        used = engine or find_engine(None, vendor=chip.vendor)
        mine = options(chip, job, chips, used, layout)
        cases += mine
        owner += [index] * len(mine)
    if not cases:
        message = f"no layout of {chips} chips divides the model's heads and layers"
        raise Infeasible(message)
    flow = solve(cases_of(cases))
    score = _score(flow, job)
    best = [_best(score, np.array(owner) == index, chips) for index in range(len(kinds))]
    return predict_serving_cases([cases[k] for k in best])


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
    if not cases:
        message = f"no layout of {chips} chips divides the model's heads and layers"
        raise Infeasible(message)
    score = _score(solve(cases_of(cases)), job)
    return [cases[k] for k in np.argsort(-score, kind="stable")[:count]]


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


def _score(flow: Flow, job: ServingJob) -> Number:
    """Higher is better: limits first, then requests a second, then latency."""
    over = _excess(flow, job)
    score = np.where(_fits(flow), 0.0, -1e18) - np.where(over > 1.0, 1e12 * over, 0.0)
    return score + flow.requests_per_s / (1.0 + 1e-6 * flow.e2e_s)


def _fits(flow: Flow) -> Number:
    return (flow.capacity.sequences >= 1.0) & (flow.overload < 1.0)


def _excess(flow: Flow, job: ServingJob) -> Number:
    """Worst latency over its limit, at least 1."""
    over = np.ones_like(flow.requests_per_s)
    if job.tpot_ms is not None:
        over = np.maximum(over, flow.tpot_s / (job.tpot_ms * MILLI))
    if job.ttft_ms is not None:
        over = np.maximum(over, flow.ttft_s / (job.ttft_ms * MILLI))
    return over


def _best(score: Number, mine: Any, chips: int) -> int:
    index = np.flatnonzero(mine)
    if not len(index):
        message = f"no layout of {chips} chips divides the model's heads and layers"
        raise Infeasible(message)
    return int(index[np.argmax(score[index])])


def pareto_front(
    chip: Chip, job: ServingJob, chips: int, engine: Engine | None = None
) -> list[ServingEstimate]:
    """Return what no other layout and load beats in tokens/s/chip and tokens/s/user both.

    From the fastest for one user to the most for all.
    """
    free = replace(job, concurrency=None, request_rate=None)
    cases = options(chip, free, chips, engine or find_engine(None, vendor=chip.vendor))
    flow = solve(cases_of(cases))
    usable = np.flatnonzero(_fits(flow) & (_excess(flow, job) <= 1.0))
    user, rate = 1.0 / flow.tpot_s[usable], flow.requests_per_s[usable]
    front: list[int] = []
    most = 0.0
    for k in np.lexsort((-rate, -user)):
        if rate[k] > most * (1.0 + 1e-9):
            front.append(int(usable[k]))
            most = float(rate[k])
    return predict_serving_cases([cases[k] for k in front])


def fewest_chips(
    chip: Chip, job: ServingJob, engine: Engine | None = None, *, largest: int = 64
) -> Sizing:
    """Return the fewest chips that serve `job.request_rate` within its limits.

    Deployments of 1, 2, 4 … `largest` chips are sized at the load with most requests a second
    within the limits; as many as the demand needs are taken.

    Raises
    ------
    Infeasible
        If no size fits or keeps the limits.
    """
    if job.request_rate is None:
        raise InputError.of("request_rate", None, "requests a second that are to be served")
    free = replace(job, request_rate=None, concurrency=None)
    best: Sizing | None = None
    size = 1
    while size <= largest:
        found = search_serving(chip, free, size, engine)
        rate = found.requests_per_s.p50
        if found.fits and rate > 0:
            count = ceil(job.request_rate / rate - 1e-9)
            if best is None or count * size < best.chips:
                best = Sizing(count * size, count, found)
        size *= 2
    if best is None:
        message = f"{chip.name}: no deployment of up to {largest} chips keeps the limits"
        raise Infeasible(message)
    return best
