"""Sizes of a deployment: fewest chips for a demand, and what is traded for what."""

from __future__ import annotations

from dataclasses import dataclass, replace
from math import ceil

import numpy as np

from tonnage.catalog import Chip
from tonnage.errors import Infeasible, InputError
from tonnage.perf.serving.case import cases_of
from tonnage.perf.serving.engine import Engine, find_engine
from tonnage.perf.serving.estimate import ServingEstimate, among, predict_serving_cases
from tonnage.perf.serving.grid import loaded
from tonnage.perf.serving.memory import capacity
from tonnage.perf.serving.predict import predict_serving
from tonnage.perf.serving.search import KEEPS, options, search_serving, standing
from tonnage.workload import Arrivals, ServingJob

SIZES = (1, 2, 3, 4, 5, 6, 7, 8, 12, 16, 24, 32, 48, 64)
"""Chips of one deployment that are tried for a demand."""
FRONT_POINTS = 40
"""Loads of each layout that a front is drawn from, evenly spaced in the logarithm."""


@dataclass(frozen=True, slots=True)
class Sizing:
    """The fewest chips of one kind that serve a demand."""

    chips: int
    deployments: int
    """Independent deployments of `estimate.chips` chips each."""
    estimate: ServingEstimate
    """One deployment at its share of the demand."""


def fewest_chips(
    chip: Chip, job: ServingJob, engine: Engine | None = None, *, largest: int = SIZES[-1]
) -> Sizing:
    """Return the fewest chips that serve `job.request_rate` within its limits.

    Deployments of 1 to `largest` chips (`SIZES`) share the demand evenly. What each could do with
    its best number of clients bounds how few are enough; that they keep up with arrivals at random
    is then shown by `predict_serving`, which plays them event by event where they are busy.

    Raises
    ------
    InputError
        If the job names no rate.
    Infeasible
        If no size fits or keeps the limits.
    """
    if job.request_rate is None:
        raise InputError.of("request_rate", None, "requests a second that are to be served")
    free = replace(job, request_rate=None, concurrency=None, arrivals=Arrivals.CLOSED)
    bounds: list[tuple[int, int, int]] = []
    nearest = ""
    for size in (s for s in SIZES if s <= largest):
        found = search_serving(chip, free, size, engine)
        nearest = found.reason or nearest
        if found.fits:
            count = ceil(job.request_rate / found.requests_per_s.p50 - 1e-9)
            bounds.append((count * found.chips_used, found.chips_used, count))
    best: Sizing | None = None
    for least, size, count in sorted(set(bounds)):
        if best is not None and least >= best.chips:
            break
        most = None if best is None else (best.chips - 1) // size
        sized = _deployments(chip, job, engine, size, count, most)
        best = sized or best
    if best is None:
        message = f"{chip.name}: no deployment of up to {largest} chips keeps the limits"
        raise Infeasible(f"{message}; {nearest}" if nearest else message)
    return best


def _deployments(
    chip: Chip, job: ServingJob, engine: Engine | None, size: int, least: int, most: int | None
) -> Sizing | None:
    """Return the fewest deployments of `size` chips, from `least` up to `most`, that keep up."""

    def tried(count: int) -> Sizing | None:
        assert job.request_rate is not None
        share = replace(job, request_rate=job.request_rate / count, arrivals=Arrivals.OPEN)
        found = predict_serving(chip, share, engine=engine, chips=size)
        return Sizing(count * size, count, found) if found.fits else None

    low, count, step = least - 1, least, max(1, least // 16)
    while (held := tried(count)) is None:
        if count - least > 3 * least or (most is not None and count >= most):
            return None  # fewer chips are known, or waiting alone breaks the limit
        low, count, step = count, count + step, 2 * step
        count = count if most is None else min(count, most)
    while count - low > 1:
        middle = (low + count) // 2
        found = tried(middle)
        if found is None:
            low = middle
        else:
            held, count = found, middle
    return held


def pareto_front(
    chip: Chip, job: ServingJob, chips: int, engine: Engine | None = None
) -> list[ServingEstimate]:
    """Return what no other layout and load beats in tokens/s/chip and tokens/s/user both.

    From the fastest for one user to the most for all, within the job's limits; its load is not
    used. Layouts may leave chips idle.
    """
    free = replace(job, concurrency=None, request_rate=None, arrivals=Arrivals.CLOSED)
    cases = options(chip, free, chips, engine or find_engine(None, vendor=chip.vendor))
    stacked = cases_of(cases)
    room = np.maximum(np.floor(capacity(stacked).sequences * stacked.layout.dp), 1.0)
    steps = np.arange(FRONT_POINTS) / (FRONT_POINTS - 1.0)
    loads = np.unique(
        np.stack([np.repeat(np.arange(len(cases)), FRONT_POINTS),
                  np.rint(room[:, None] ** steps).ravel()]), axis=1,
    )  # fmt: skip
    index, load = loads[0].astype(int), loads[1]
    flow = loaded(stacked, index, load)
    usable = np.flatnonzero(standing(flow, job)[0] == KEEPS)
    time = np.maximum(flow.tpot_s[usable], 1e-12)
    rate = flow.requests_per_s[usable]
    front: list[int] = []
    most = 0.0
    for k in np.lexsort((-rate, time)):
        if rate[k] > most * (1.0 + 1e-9):
            front.append(int(usable[k]))
            most = float(rate[k])
    chosen = [
        replace(cases[index[k]], job=replace(free, concurrency=float(load[k]))) for k in front
    ]
    return [among(found, chips) for found in predict_serving_cases(chosen)]
