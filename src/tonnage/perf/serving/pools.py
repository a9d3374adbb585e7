"""Prefill and decoding apart: two pools of chips, alike or of two kinds.

A prefill instance does nothing but prompts, a decoding instance nothing but steps, so neither
stalls the other. The rate of the whole is the lesser of its halves; the cache travels between.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from math import inf
from typing import Any

import numpy as np

from tonnage.catalog import Chip
from tonnage.errors import Infeasible
from tonnage.perf.machine import machine_of
from tonnage.perf.serving.arrays import Number
from tonnage.perf.serving.arrivals import BUSIEST
from tonnage.perf.serving.case import Cases, ServingCase, cases_of
from tonnage.perf.serving.engine import Engine, find_engine
from tonnage.perf.serving.estimate import deviations
from tonnage.perf.serving.grid import taken
from tonnage.perf.serving.memory import Capacity, cache_bytes, capacity, shortage, undisturbed
from tonnage.perf.serving.pools_answer import Half, PoolsEstimate, estimate_pools
from tonnage.perf.serving.pools_queue import BUSIEST as FULL
from tonnage.perf.serving.pools_queue import PromptQueue
from tonnage.perf.serving.pools_split import (
    BATCHES,
    DecodeSide,
    PrefillSide,
    batches,
    best_split,
)
from tonnage.perf.serving.prompts import entry_seconds
from tonnage.perf.serving.saturate import best_loads
from tonnage.perf.serving.space import instances, tensor_domain
from tonnage.perf.serving.step import decode_step
from tonnage.perf.serving.traffic import Traffic
from tonnage.units import MILLI
from tonnage.workload import Arrivals, ServingJob

BUSY = 0.85
"""Share of what full steps serve that prefill does where neither load nor TTFT limit says less."""
LARGEST = 32
"""Chips of the largest instance that is tried."""


@dataclass(frozen=True, slots=True, eq=False)
class _Instances:
    """Options for one half, axis [option]."""

    cases: list[ServingCase]
    chips: Number
    rate: Number
    """Requests/s of one instance within the limits."""
    latency: Number
    """TTFT at that rate, or the decode step."""
    batch: Number
    """Sequences of one instance at once."""
    sigma: Number
    shortage: str
    """Why no option has any rate: memory, or the limit."""
    room: Number
    """Sequences of one instance that no limit but memory and slots holds."""

    @property
    def chip(self) -> Chip:
        """The kind of chip of this half."""
        return self.cases[0].chip


def search_pools(
    prefill: Chip,
    decode: Chip,
    job: ServingJob,
    chips: int | tuple[int, int],
    engine: Engine | tuple[Engine, Engine] | None = None,
    traffic: Traffic | None = None,
) -> PoolsEstimate:
    """Return the split of `chips` with most requests a second within the job's limits.

    `chips` is the total to split, or a pair (prefill, decode) where the kinds differ and each is
    given; `engine` is that of both, or a pair. Every size, layout and batch is weighed. Where the
    job names a load, rates and latencies are those at that load; arrivals are played where
    `traffic` says how they come: one rank of each pool under random ones, all ranks under a trace,
    whose split is the best for its mean rate and lengths.

    Raises
    ------
    Infeasible
        If no instance of one half fits or keeps its limit.
    """
    most = (chips, chips) if isinstance(chips, int) else chips
    port = min(_port(prefill), _port(decode))
    ahead, after = engine if isinstance(engine, tuple) else (engine, engine)
    named = job.concurrency is not None or job.request_rate is not None
    busiest = (FULL if job.concurrency else BUSIEST) if named else BUSY
    left, queue = _prefill_options(prefill, job, most[0], ahead, port, busiest)
    right = _decode_options(decode, job, most[1], after)
    longest = None if traffic is None else traffic.longest(job)
    if longest is not None:
        left = _with_room(left, replace(longest[1], output_tokens=1.0))
        right = _with_room(right, longest[1])
    if named:
        sides = _prefill_side(left, queue, port), _decode_side(right)
        pair = _found(best_split(job, *sides, chips), left, right)
    else:
        pair = _split(left, right, chips) if isinstance(chips, int) else _fill(left, right, chips)
    total = chips if isinstance(chips, int) else sum(chips)
    p, x, d, y = pair
    halves = _half(left, p, x), _half(right, d, y)
    return estimate_pools(job, *halves, port, total, traffic)


def _with_room(half: _Instances, longest: ServingJob) -> _Instances:
    """Leave out what has no room for the longest request of a trace, unless nothing has."""
    room = capacity(cases_of([replace(case, job=longest) for case in half.cases])).sequences >= 1.0
    kept = np.where(room, half.rate, 0.0)
    return replace(half, rate=kept) if np.any(kept > 0) else half


def _half(half: _Instances, k: int, count: int) -> Half:
    return Half(
        half.cases[k], count, int(half.chips[k]), float(half.rate[k]), float(half.batch[k]),
        float(half.sigma[k]), float(half.room[k]),
    )  # fmt: skip


def _prefill_side(half: _Instances, queue: PromptQueue, port: float) -> PrefillSide:
    cases = cases_of(half.cases)
    beside = _transfer(cases, port) + entry_seconds(cases)
    return PrefillSide(half.chips, half.rate, cases.layout.dp, queue, beside)


def _decode_side(half: _Instances) -> DecodeSide:
    cases = cases_of(half.cases)
    index = np.repeat(np.arange(len(half.cases)), BATCHES)
    series = batches(half.batch).ravel()
    some = taken(cases, index)
    ranks = np.maximum(series / some.layout.dp, 1.0) / some.layout.pp
    step = decode_step(some, ranks, some.load.input + some.load.output / 2.0)
    each = np.reshape(step.total / some.load.tokens_per_step, (len(half.cases), BATCHES))
    steps = max(float(cases.load.output[0]) - 1.0, 1.0)
    return DecodeSide(half.chips, half.rate, half.batch, each, steps)


def _cases(chip: Chip, job: ServingJob, most: int, engine: Engine | None) -> list[ServingCase]:
    used = engine or find_engine(None, vendor=chip.vendor)
    found = instances(job.model, min(most, LARGEST), tensor_domain(chip))
    return [ServingCase(chip, job, layout, used) for layout in found]


def _prefill_options(
    chip: Chip, job: ServingJob, most: int, engine: Engine | None, port: float, busiest: float
) -> tuple[_Instances, PromptQueue]:
    """Work that share of what full steps serve, or as much as keeps the TTFT limit.

    Beside the instances the queues of their ranks.
    """
    alone = replace(
        job, concurrency=1.0, request_rate=None, arrivals=Arrivals.CLOSED, output_tokens=1.0
    )
    found = _cases(chip, alone, most, engine)
    cases = cases_of(found)
    fits = capacity(cases).sequences >= 1.0
    queue, beside = PromptQueue.of(cases), _transfer(cases, port) + entry_seconds(cases)
    limit = (job.ttft_ms or inf) * MILLI
    each = np.where(fits, queue.within(limit - beside, busiest), 0.0)
    latency = beside + np.array([queue.first(rate, k) for k, rate in enumerate(each)])
    short = _shortage(capacity(cases), f"keeps {job.ttft_ms or 0:g} ms to the first token")
    ones, rate = np.ones_like(each), each * cases.layout.dp
    some = _Instances(found, _sizes(found), rate, latency, ones, deviations(cases), short, ones)
    return some, queue


def _decode_options(chip: Chip, job: ServingJob, most: int, engine: Engine | None) -> _Instances:
    free = replace(job, concurrency=None, request_rate=None, arrivals=Arrivals.CLOSED)
    found = _cases(chip, free, most, engine)
    cases = cases_of(found)
    ranks, room = cases.layout.dp, capacity(cases)
    fits = room.sequences >= 1.0

    def step_s(index: Any, batch: Number) -> Number:
        some = taken(cases, index)
        context = some.load.input + some.load.output / 2.0
        step = decode_step(some, batch / some.layout.dp / some.layout.pp, context)
        return step.total / some.load.tokens_per_step

    def measure(index: Any, batch: Number) -> tuple[Number, Number]:
        step = step_s(index, batch)
        over = step / (job.tpot_ms * MILLI) if job.tpot_ms is not None else np.zeros_like(step)
        return batch / (np.maximum(cases.load.output[index] - 1.0, 1.0) * step), over

    kept = np.floor(undisturbed(cases, room)) * ranks  # no cache is given up
    batch, _ = best_loads(measure, kept, np.zeros(len(found)))
    batch = np.maximum(batch, ranks)
    rate, over = measure(np.arange(len(found)), batch)
    rate = np.where(fits & (over <= 1.0), rate, 0.0)
    step = step_s(np.arange(len(found)), batch)
    short = _shortage(room, f"keeps {job.tpot_ms or 0:g} ms per output token")
    room_of = np.maximum(kept, ranks)
    return _Instances(found, _sizes(found), rate, step, batch, deviations(cases), short, room_of)


def _shortage(room: Capacity, keeps: str) -> str:
    """Say what hinders where nothing can serve: the memory of the best option, or the limit."""
    if np.any(room.sequences >= 1.0):
        return f"no instance {keeps}"
    return shortage(room, int(np.argmin(room.needed / room.usable)))


def _sizes(found: Sequence[ServingCase]) -> Any:
    return np.array([c.layout.chips for c in found], float)


def _port(chip: Chip) -> float:
    """Bytes/s of the network port of a chip."""
    machine = machine_of(chip)
    return float(machine.nic_bandwidth * machine.nic_efficiency)


def _transfer(cases: Cases, port: float) -> Number:
    """Seconds to move one prompt's cache over every chip's own port, the slower half's."""
    size = cache_bytes(cases, cases.load.input)
    return size / port + cases.machine.nic_latency_s


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
    told = [f"{n} on {half.chip.name}: {half.shortage}"
            for n, half in (("prefill", left), ("decoding", right))
            if not np.any(half.rate > 0)]  # fmt: skip
    message = "; ".join(told) or "the chips are too few for an instance of each pool; add chips"
    raise Infeasible(message)
