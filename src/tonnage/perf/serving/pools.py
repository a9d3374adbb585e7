"""Prefill and decoding apart: two pools of chips, alike or of two kinds.

A prefill instance does nothing but prompts, a decoding instance nothing but steps, so neither
stalls the other. The rate of the whole is the lesser of its halves; the cache travels between.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from tonnage.catalog import Chip
from tonnage.errors import Infeasible
from tonnage.perf.interval import interval
from tonnage.perf.serving.arrays import Number
from tonnage.perf.serving.case import ServingCase, cases_of
from tonnage.perf.serving.engine import Engine, find_engine
from tonnage.perf.serving.estimate import deviations
from tonnage.perf.serving.flow import prompt_seconds
from tonnage.perf.serving.layout import ServingLayout
from tonnage.perf.serving.memory import cache_bytes, capacity
from tonnage.perf.serving.search import options
from tonnage.perf.serving.step import decode_step
from tonnage.provenance import Spread
from tonnage.units import MILLI
from tonnage.workload import Arrivals, ServingJob

BUSY = 0.85
"""Share of its time that a prefill instance works where no limit on TTFT says less."""
SIZES = (1, 2, 4, 8, 16, 32)
"""Chips of one instance that are tried."""


@dataclass(frozen=True, slots=True)
class Pool:
    """One half of a deployment."""

    chip: str
    layout: ServingLayout
    instances: int
    chips: int
    requests_per_s: float
    """What the pool could do alone."""
    batch: float
    """Sequences that run at once in one instance."""


@dataclass(frozen=True, slots=True)
class PoolsEstimate:
    """What a disaggregated deployment delivers."""

    prefill: Pool
    decode: Pool
    chips: int
    ttft_ms: Spread
    tpot_ms: Spread
    transfer_ms: float
    """Time to move one request's cache."""
    requests_per_s: Spread
    tokens_per_s_output: Spread
    tokens_per_s_output_per_chip: Spread


@dataclass(frozen=True, slots=True, eq=False)
class _Instances:
    """Options for one half, axis [option]."""

    chip: Chip
    layouts: list[ServingLayout]
    chips: Number
    rate: Number
    """Requests/s of one instance within the limits."""
    latency: Number
    """TTFT at that rate, or the decode step."""
    batch: Number
    sigma: Number


def search_pools(
    prefill: Chip,
    decode: Chip,
    job: ServingJob,
    chips: int | tuple[int, int],
    engine: Engine | None = None,
) -> PoolsEstimate:
    """Return the split of `chips` with most requests a second within the job's limits.

    `chips` is the total to split, or a pair (prefill, decode) where the kinds differ and each is
    given. Every size, layout and batch of both halves is weighed.

    Raises
    ------
    Infeasible
        If no instance of one half fits or keeps its limit.
    """
    most = (chips, chips) if isinstance(chips, int) else chips
    left = _prefill_options(prefill, job, most[0], engine)
    right = _decode_options(decode, job, most[1], engine)
    pair = _split(left, right, chips) if isinstance(chips, int) else _fill(left, right, chips)
    return _estimate(job, left, right, pair)


def _cases(chip: Chip, job: ServingJob, most: int, engine: Engine | None) -> list[ServingCase]:
    used = engine or find_engine(None, vendor=chip.vendor)
    found = []
    for size in (s for s in SIZES if s <= most):
        found += [c for c in options(chip, job, size, used) if c.layout.dp == 1 or c.layout.ep > 1]
    return found


def _prefill_options(chip: Chip, job: ServingJob, most: int, engine: Engine | None) -> _Instances:
    """S = prompt / pp a request; W = S·rho / (2(1-rho)) waiting (M/D/1) keeps the TTFT limit."""
    alone = replace(
        job, concurrency=1.0, request_rate=None, arrivals=Arrivals.STATIC, output_tokens=1.0
    )
    found = _cases(chip, alone, most, engine)
    cases = cases_of(found)
    ranks = cases.layout.dp
    fits = capacity(cases).sequences >= 1.0
    service = prompt_seconds(cases)
    moved = _transfer(cases)
    busy = np.full_like(service, BUSY)
    if job.ttft_ms is not None:
        spare = np.maximum(job.ttft_ms * MILLI - service - moved - cases.engine.request_s, 0.0)
        busy = np.minimum(busy, 2.0 * spare / (2.0 * spare + service / cases.layout.pp))
    stage = service / cases.layout.pp
    wait = stage * busy / (2.0 * (1.0 - busy))
    rate = np.where(fits, busy / stage * ranks, 0.0)
    latency = service + wait + moved + cases.engine.request_s
    return _Instances(
        chip, [c.layout for c in found], _sizes(found), rate, latency, np.ones_like(rate),
        deviations(cases),
    )  # fmt: skip


def _decode_options(chip: Chip, job: ServingJob, most: int, engine: Engine | None) -> _Instances:
    free = replace(job, concurrency=None, request_rate=None, arrivals=Arrivals.CLOSED)
    found = _cases(chip, free, most, engine)
    cases = cases_of(found)
    load, layout = cases.load, cases.layout
    batch = load.concurrency / layout.dp
    room = capacity(cases)
    context = load.input + load.output / 2.0
    step = decode_step(cases, batch / layout.pp, context).total / load.tokens_per_step
    ok = room.sequences >= batch
    if job.tpot_ms is not None:
        ok = ok & (step <= job.tpot_ms * MILLI)
    rate = np.where(ok, batch * layout.dp / (load.output * step), 0.0)
    return _Instances(
        chip, [c.layout for c in found], _sizes(found), rate, step, batch * layout.dp,
        deviations(cases),
    )  # fmt: skip


def _sizes(found: Sequence[ServingCase]) -> Any:
    return np.array([c.layout.chips for c in found], float)


def _transfer(cases: Any) -> Number:
    """Seconds to move one prompt's cache over every chip's own network port."""
    size = cache_bytes(cases, cases.load.input)
    machine = cases.machine
    return size / (machine.nic_bandwidth * machine.nic_efficiency) + machine.nic_latency_s


def _best_per_chip(half: _Instances) -> list[int]:
    """For every size: the option with the highest rate; of equals the quickest."""
    best = []
    for size in np.unique(half.chips):
        mine = np.flatnonzero((half.chips == size) & (half.rate > 0))
        if len(mine):
            best.append(int(mine[np.lexsort((half.latency[mine], -half.rate[mine]))[0]]))
    return best


def _split(left: _Instances, right: _Instances, chips: int) -> tuple[int, int, int, int]:
    """Return option and instances of each half with the highest lesser rate."""
    best, answer = 0.0, None
    for p in _best_per_chip(left):
        for d in _best_per_chip(right):
            for x in range(1, int(chips // left.chips[p]) + 1):
                y = int((chips - x * left.chips[p]) // right.chips[d])
                rate = min(x * left.rate[p], y * right.rate[d])
                if rate > best * (1.0 + 1e-12):
                    best, answer = rate, (p, x, d, y)
    return _found(answer, left, right)


def _fill(left: _Instances, right: _Instances, chips: tuple[int, int]) -> tuple[int, int, int, int]:
    """Return the option that makes most of each half's own chips."""
    best: list[tuple[int, int]] = []
    for half, count in zip((left, right), chips, strict=True):
        choices = [(int(count // half.chips[k]) * half.rate[k], k) for k in _best_per_chip(half)]
        if not choices:
            return _found(None, left, right)
        k = max(choices)[1]
        best.append((k, int(count // half.chips[k])))
    (p, x), (d, y) = best
    return _found((p, x, d, y) if x and y else None, left, right)


def _found(
    answer: tuple[int, int, int, int] | None, left: _Instances, right: _Instances
) -> tuple[int, int, int, int]:
    if answer is not None:
        return answer
    who = [f"{n} on {half.chip.name}" for n, half in (("prefill", left), ("decoding", right))
           if not np.any(half.rate > 0)]  # fmt: skip
    cause = " and ".join(who) or "the two halves together"
    message = f"{cause}: no instance fits in memory and keeps its limit; raise it or add chips"
    raise Infeasible(message)


def _estimate(
    job: ServingJob, left: _Instances, right: _Instances, pair: tuple[int, int, int, int]
) -> PoolsEstimate:
    p, x, d, y = pair
    first = Pool(
        left.chip.id, left.layouts[p], x, int(x * left.chips[p]), float(x * left.rate[p]), 1.0
    )
    second = Pool(
        right.chip.id, right.layouts[d], y, int(y * right.chips[d]), float(y * right.rate[d]),
        float(right.batch[d]),
    )  # fmt: skip
    rate = min(first.requests_per_s, second.requests_per_s)
    sigma = float(max(left.sigma[p], right.sigma[d]))
    alone = replace(job, concurrency=1.0, request_rate=None)
    used = find_engine(None, vendor=left.chip.vendor)
    moved = _transfer(cases_of([ServingCase(left.chip, alone, left.layouts[p], used)]))
    chips = first.chips + second.chips
    output = rate * job.output_tokens * (1.0 + job.shortest_share) / 2.0
    return PoolsEstimate(
        first, second, chips,
        interval(float(left.latency[p]) / MILLI, sigma),
        interval(float(right.latency[d]) / MILLI, sigma),
        float(moved[0]) / MILLI,
        interval(rate, sigma), interval(output, sigma), interval(output / chips, sigma),
    )  # fmt: skip
