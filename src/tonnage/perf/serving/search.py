"""The best way to serve: layouts, batch sizes and chip counts, as arrays."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from tonnage.catalog import Chip
from tonnage.errors import Infeasible
from tonnage.perf.machine import NODE_CHIPS, machine_of
from tonnage.perf.serving.case import ServingCase, cases_of
from tonnage.perf.serving.engine import Engine, find_engine
from tonnage.perf.serving.estimate import ServingEstimate, predict_serving_cases
from tonnage.perf.serving.flow import Flow, solve
from tonnage.perf.serving.layout import ServingLayout
from tonnage.units import MILLI
from tonnage.workload import Model, ServingJob

BATCHES = tuple(int(round(2.0 ** (k / 2.0))) for k in range(23))
"""Concurrency per replica that a search tries: 1 … 2048 in steps of √2."""


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
            if model.experts is None:
                continue
            for ep in {tp, tp * dp}:
                if ep > 1 and pp == 1 and model.experts.routed % ep == 0:
                    found.append(ServingLayout(tp, pp, dp, ep))
    return found


def _divisors(n: int, most: int) -> list[int]:
    return [d for d in range(1, min(n, most) + 1) if n % d == 0 and (d & (d - 1) == 0 or d == n)]


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
    most output tokens a second, and of equals the one with the lowest latency.

    Raises
    ------
    Infeasible
        If no layout fits into memory, or none keeps the limits; the message says how near the
        nearest comes.
    """
    return search_chips([chip], job, chips, engine, layout=layout)[0]


def search_chips(
    chips_kinds: Sequence[Chip],
    job: ServingJob,
    chips: int,
    engine: Engine | None = None,
    *,
    layout: ServingLayout | None = None,
) -> list[ServingEstimate]:
    """`search_serving` for many kinds of chip at once, in their order."""
    cases: list[ServingCase] = []
    owner: list[int] = []
    for index, chip in enumerate(chips_kinds):
        used = engine or find_engine(None, vendor=chip.vendor)
        domain = max(NODE_CHIPS, min(int(machine_of(chip).scale_up_domain), 64))
        options = [layout] if layout else layouts(job.model, chips, domain)
        for option in options:
            for loaded in _loads(job, option):
                cases.append(ServingCase(chip, loaded, option, used))
                owner.append(index)
    flow = solve(cases_of(cases))
    best = _best(cases, flow, np.array(owner), len(chips_kinds), job)
    return predict_serving_cases([cases[k] for k in best])


def _loads(job: ServingJob, option: ServingLayout) -> list[ServingJob]:
    if job.concurrency is not None or job.request_rate is not None:
        return [job]
    return [replace(job, concurrency=float(b * option.dp)) for b in BATCHES]


def _best(
    cases: list[ServingCase],
    flow: Flow,
    owner: np.ndarray,  # type: ignore[type-arg]
    kinds: int,
    job: ServingJob,
) -> list[int]:
    rate = flow.requests_per_s
    fits = (flow.capacity.sequences >= 1.0) & (flow.overload < 1.0)
    over = np.ones_like(rate)
    if job.tpot_ms is not None:
        over = np.maximum(over, flow.tpot_s / (job.tpot_ms * MILLI))
    if job.ttft_ms is not None:
        over = np.maximum(over, flow.ttft_s / (job.ttft_ms * MILLI))
    # Limits first, then throughput, then latency; a layout that does not fit comes last.
    score = np.where(fits, 0.0, -1e18) - np.where(over > 1.0, 1e12 * over, 0.0)
    score = score + rate / (1.0 + 1e-6 * flow.e2e_s)
    best = []
    for kind in range(kinds):
        mine = np.flatnonzero(owner == kind)
        if not len(mine):
            message = "no layout of the chips divides the model's heads and layers"
            raise Infeasible(message)
        best.append(int(mine[np.argmax(score[mine])]))
    return best
