"""Sizes of a deployment: fewest chips for a demand, and what is traded for what."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from math import ceil, exp

import numpy as np

from tonnage.catalog import Chip
from tonnage.errors import Infeasible, InputError
from tonnage.perf.serving.arrays import Number
from tonnage.perf.serving.case import ServingCase, cases_of
from tonnage.perf.serving.engine import Engine, find_engine
from tonnage.perf.serving.estimate import (
    NEVER,
    ServingEstimate,
    among,
    predict_serving_cases,
)
from tonnage.perf.serving.flow import solve
from tonnage.perf.serving.grid import loaded
from tonnage.perf.serving.layout import ServingLayout
from tonnage.perf.serving.memory import capacity, undisturbed
from tonnage.perf.serving.predict import predict_serving
from tonnage.perf.serving.search import KEEPS, options, ordered, search_serving, standing
from tonnage.perf.serving.space import instances, tensor_domain
from tonnage.provenance import Z90
from tonnage.workload import Arrivals, ServingJob

LARGEST = 64
"""Chips of the largest deployment that is tried for a demand."""
TRIED = 8
"""Layouts that are played for a demand, fewest chips first as the closed form has it."""
MARGIN = 1.3
"""How far arrivals that share steps may exceed what the closed form says clients reach."""
SLIGHT, _BISECTIONS = 1e-3, 20
"""Least share of that at which they are tried, and in how many halves."""
MANY = 1000
"""Deployments that are told one from another: a share of 1/1000 of them is no error of a play."""
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
    needed: float
    """Deployments that the demand fills, a part of one included."""

    @property
    def interval(self) -> tuple[int, int]:
        """Chips at the fast and at the slow end of the deployment's speed (80 %).

        n·e^(-/+ z·sigma) deployments for n that the demand fills.
        """
        each, spread = self.estimate.chips, exp(Z90 * self.estimate.sigma)
        low = min(max(1, ceil(self.needed / spread - NEVER)), self.deployments)
        high = max(ceil(self.needed * spread - NEVER), self.deployments)
        return low * each, high * each


def fewest_chips(
    chip: Chip, job: ServingJob, engine: Engine | None = None, *, largest: int = LARGEST
) -> Sizing:
    """Return the fewest chips that serve `job.request_rate` within its limits.

    Deployments share the demand evenly. What one could do with its best number of clients bounds
    how many are needed at least; that they keep up with arrivals at random is then shown by
    `predict_serving`, which plays them event by event where they are busy. A deployment is one
    instance of a layout of 1 to `largest` chips; replicas count as deployments.

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
    used = engine or find_engine(None, vendor=chip.vendor)
    bounds = _bounds(chip, free, used, largest, job.request_rate)
    best: Sizing | None = None
    for layout, least, each in bounds[:TRIED]:
        if best is not None and least * layout.chips >= best.chips:
            continue
        most = None if best is None else (best.chips - 1) // layout.chips
        best = _sized(chip, job, used, layout, each, most) or best
    if best is None:
        nearest = search_serving(chip, free, largest, used).reason
        message = f"{chip.name}: no deployment of up to {largest} chips keeps the limits"
        raise Infeasible(f"{message}; {nearest}" if nearest else message)
    return best


def _bounds(
    chip: Chip, free: ServingJob, engine: Engine, largest: int, rate: float
) -> list[tuple[ServingLayout, int, float]]:
    """Return how many instances of each layout `rate` needs at least, and what one does.

    Those with the fewest chips for open arrivals first, as the closed form has it.
    """
    every = instances(free.model, largest, tensor_domain(chip))
    if not every:
        return []
    cases = [ServingCase(chip, free, one, engine) for one in every]
    cases, _ = ordered(cases, np.arange(len(cases)))
    found = zip(cases, predict_serving_cases(cases), strict=True)
    able = [(case, one.requests_per_s.p50) for case, one in found if one.fits]
    if not able:
        return []
    layouts, most = [case.layout for case, _ in able], np.array([each for _, each in able])
    size = np.array([layout.chips for layout in layouts])
    kept = _kept([case for case, _ in able], most)
    order = np.lexsort((size, np.ceil(rate / kept) * size))
    return [(layouts[k], _least(rate, most[k]), float(most[k])) for k in order]


def _kept(cases: list[ServingCase], most: Number) -> Number:
    """Return the open arrivals a second that each case keeps the limits under, in closed form."""
    job = cases[0].job
    opened = replace(job, concurrency=None, request_rate=1.0, arrivals=Arrivals.OPEN)
    stacked = cases_of([replace(case, job=opened) for case in cases])
    low, high = most * SLIGHT, most * MARGIN
    for _ in range(_BISECTIONS):
        rate = np.sqrt(low * high)
        flow = solve(replace(stacked, load=replace(stacked.load, rate=rate)))
        keeps = standing(flow, job)[0] == KEEPS
        low, high = np.where(keeps, rate, low), np.where(keeps, high, rate)
    return low


def _least(rate: float, each: float) -> int:
    """Return the deployments that `rate` needs at least, where clients reach `each` of one."""
    return ceil(rate / (MARGIN * each) - 1e-9)


def _sized(
    chip: Chip,
    job: ServingJob,
    engine: Engine,
    layout: ServingLayout,
    each: float,
    most: int | None,
) -> Sizing | None:
    """Return the fewest deployments of a layout, up to `most`, that keep up with the demand.

    `each` is what clients reach of one. Deployments are equal: of a demand that takes more than
    `MANY` the share of `MANY` is sized, and the rest is copies of it.
    """
    assert job.request_rate is not None
    some = min(job.request_rate, MANY * each)
    copies = job.request_rate / some

    def tried(count: int) -> ServingEstimate | None:
        share = replace(job, request_rate=some / count, arrivals=Arrivals.OPEN)
        found = predict_serving(chip, share, layout, engine)
        return found if found.fits else None

    top = None if most is None else int(most / copies)
    found = _fewest(tried, _least(some, each), ceil(some / each), top)
    if found is None:
        return None
    count, estimate = found
    deployments = ceil(copies * count * (1.0 - 1e-12))
    # One deployment less was too few, whatever the closed form says.
    needed = max(job.request_rate / each, copies * (count - 1))
    return Sizing(deployments * layout.chips, deployments, estimate, needed)


def _fewest(
    tried: Callable[[int], ServingEstimate | None], least: int, likely: int, most: int | None
) -> tuple[int, ServingEstimate] | None:
    """Return the fewest deployments, from `least` up to `most`, that keep up, and one's answer.

    What `most` fail, fewer fail too; without it the search starts at what is `likely`.
    """
    low, count = least - 1, max(likely, least) if most is None else most
    if count <= low:
        return None
    step = max(1, count // 16)
    while (held := tried(count)) is None:
        if most is not None or count > 4 * least:
            return None  # fewer chips are known, or waiting alone breaks the limit
        low, count, step = count, count + step, 2 * step
    step = max(1, count // 16)
    while count - low > 1:
        # Down in growing steps while they hold, then by halves.
        middle = max((low + count) // 2, count - step)
        found = tried(middle)
        if found is None:
            low = middle
        else:
            held, count, step = found, middle, 2 * step
    return count, held


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
    held = undisturbed(stacked, capacity(stacked))
    room = np.maximum(np.floor(held * stacked.layout.dp), 1.0)
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
