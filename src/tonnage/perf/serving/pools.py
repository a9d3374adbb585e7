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
from tonnage.perf.machine import machine_of
from tonnage.perf.serving.arrays import Number
from tonnage.perf.serving.case import Cases, ServingCase, cases_of
from tonnage.perf.serving.engine import Engine, find_engine
from tonnage.perf.serving.estimate import (
    PARTS,
    Percentiles,
    ServingMemory,
    deviations,
    limit_broken,
    predict_serving_cases,
    ttft_sigma,
)
from tonnage.perf.serving.grid import taken
from tonnage.perf.serving.memory import Capacity, cache_bytes, capacity, shortage, undisturbed
from tonnage.perf.serving.pools_load import Pool, PoolsAtLoad, offered, ttft_tail
from tonnage.perf.serving.pools_play import play_pools, played_tails
from tonnage.perf.serving.pools_split import (
    BATCHES,
    DecodeSide,
    PrefillSide,
    batches,
    best_split,
)
from tonnage.perf.serving.prompts import entry_seconds, prompt_seconds
from tonnage.perf.serving.saturate import best_loads
from tonnage.perf.serving.space import instances, tensor_domain
from tonnage.perf.serving.step import decode_step
from tonnage.provenance import Spread
from tonnage.units import MILLI
from tonnage.workload import Arrivals, ServingJob

BUSY = 0.85
"""Share of its time that a prefill instance works where no limit on TTFT says less."""
LARGEST = 32
"""Chips of the largest instance that is tried."""


@dataclass(frozen=True, slots=True)
class PoolsEstimate:
    """What a disaggregated deployment delivers; field names as in `ServingEstimate`."""

    prefill: Pool
    decode: Pool
    chips: int
    """Chips asked for; `chips_used` of them work."""
    fits: bool
    reason: str
    """Empty where the load is served; else what is in the way."""
    ttft_ms: Spread
    tpot_ms: Spread
    e2e_ms: Spread
    percentiles: dict[str, Percentiles]
    """Over requests: of arrivals, played, `ttft_ms`, `tpot_ms` and `e2e_ms`; else `ttft_ms`."""
    transfer_ms: float
    """Time to move one request's cache."""
    requests_per_s: Spread
    tokens_per_s_output: Spread
    tokens_per_s_total: Spread
    tokens_per_s_output_per_chip: Spread
    """Of the chips asked for, idle ones included."""
    running: float
    """Sequences that decode at once."""
    max_concurrency: int
    """Sequences whose cache fits at once in the decoding pool."""
    breakdown_ms: dict[str, float]
    """Parts of the time per output token; they add up to `tpot_ms.p50`."""
    bottleneck: str
    sigma: float
    method: str = "closed form"

    @property
    def chips_used(self) -> int:
        """Chips of both pools."""
        return self.prefill.chips + self.decode.chips

    @property
    def memory_gb_per_chip(self) -> ServingMemory:
        """Of the decoding pool, where the caches live."""
        return self.decode.memory_gb_per_chip

    def to_dict(self) -> dict[str, Any]:
        """Return the answer as plain data, with the contract's field names beside both pools'."""
        result: dict[str, Any] = {}
        for name in self.__slots__:
            value = getattr(self, name)
            if name == "percentiles":
                value = {key: item.to_dict() for key, item in value.items()}
            result[name] = value.to_dict() if hasattr(value, "to_dict") else value
        result["chips_used"] = self.chips_used
        result["memory_gb_per_chip"] = self.memory_gb_per_chip.to_dict()
        halves = {"prefill": self.prefill, "decode": self.decode}
        layout = {name: half.layout.to_dict() for name, half in halves.items()}
        result["layout"] = {n: d | {"instances": halves[n].instances} for n, d in layout.items()}
        return result


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
    played: int = 0,
) -> PoolsEstimate:
    """Return the split of `chips` with most requests a second within the job's limits.

    `chips` is the total to split, or a pair (prefill, decode) where the kinds differ and each is
    given; `engine` is that of both, or a pair. Every size, layout and batch is weighed. Where the
    job names a load, rates and latencies are those at that load; `played` requests of one rank of
    each pool then give the percentiles under arrivals at random.

    Raises
    ------
    Infeasible
        If no instance of one half fits or keeps its limit.
    """
    most = (chips, chips) if isinstance(chips, int) else chips
    port = min(_port(prefill), _port(decode))
    ahead, after = engine if isinstance(engine, tuple) else (engine, engine)
    left = _prefill_options(prefill, job, most[0], ahead, port)
    right = _decode_options(decode, job, most[1], after)
    if job.concurrency is not None or job.request_rate is not None:
        sides = _prefill_side(left, port), _decode_side(right)
        pair = _found(best_split(job, *sides, chips), left, right)
    else:
        pair = _split(left, right, chips) if isinstance(chips, int) else _fill(left, right, chips)
    total = chips if isinstance(chips, int) else sum(chips)
    return _estimate(job, left, right, pair, port, total, played)


def _prefill_side(half: _Instances, port: float) -> PrefillSide:
    cases = cases_of(half.cases)
    service = prompt_seconds(cases)
    stage = service / cases.layout.pp
    first = service + _transfer(cases, port) + entry_seconds(cases)
    return PrefillSide(half.chips, half.rate, stage / cases.layout.dp, stage, first)


def _decode_side(half: _Instances) -> DecodeSide:
    cases = cases_of(half.cases)
    index = np.repeat(np.arange(len(half.cases)), BATCHES)
    series = batches(half.batch).ravel()
    some = taken(cases, index)
    ranks = np.maximum(series / some.layout.dp, 1.0) / some.layout.pp
    step = decode_step(some, ranks, some.load.input + some.load.output / 2.0)
    each = np.reshape(step.total / some.load.tokens_per_step, (len(half.cases), BATCHES))
    return DecodeSide(half.chips, half.rate, half.batch, each, float(cases.load.output[0]))


def _cases(chip: Chip, job: ServingJob, most: int, engine: Engine | None) -> list[ServingCase]:
    used = engine or find_engine(None, vendor=chip.vendor)
    found = instances(job.model, min(most, LARGEST), tensor_domain(chip))
    return [ServingCase(chip, job, layout, used) for layout in found]


def _prefill_options(
    chip: Chip, job: ServingJob, most: int, engine: Engine | None, port: float
) -> _Instances:
    """S = prompt / pp a request; W = S·rho / (2(1-rho)) waiting (M/D/1) keeps the TTFT limit."""
    alone = replace(
        job, concurrency=1.0, request_rate=None, arrivals=Arrivals.CLOSED, output_tokens=1.0
    )
    found = _cases(chip, alone, most, engine)
    cases = cases_of(found)
    ranks = cases.layout.dp
    fits = capacity(cases).sequences >= 1.0
    service = prompt_seconds(cases)
    moved = _transfer(cases, port)
    busy = np.full_like(service, BUSY)
    if job.ttft_ms is not None:
        spare = np.maximum(job.ttft_ms * MILLI - service - moved - entry_seconds(cases), 0.0)
        busy = np.minimum(busy, 2.0 * spare / (2.0 * spare + service / cases.layout.pp))
    stage = service / cases.layout.pp
    wait = stage * busy / (2.0 * (1.0 - busy))
    rate = np.where(fits, busy / stage * ranks, 0.0)
    latency = service + wait + moved + entry_seconds(cases)
    return _Instances(
        found, _sizes(found), rate, latency, np.ones_like(rate), deviations(cases),
        _shortage(capacity(cases), f"keeps {job.ttft_ms or 0:g} ms to the first token"),
    )  # fmt: skip


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
        return batch / (cases.load.output[index] * step), over

    kept = np.floor(undisturbed(cases, room)) * ranks  # no cache is given up
    batch, _ = best_loads(measure, kept, np.zeros(len(found)))
    batch = np.maximum(batch, ranks)
    rate, over = measure(np.arange(len(found)), batch)
    rate = np.where(fits & (over <= 1.0), rate, 0.0)
    step = step_s(np.arange(len(found)), batch)
    short = _shortage(room, f"keeps {job.tpot_ms or 0:g} ms per output token")
    return _Instances(found, _sizes(found), rate, step, batch, deviations(cases), short)


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


def _estimate(
    job: ServingJob,
    left: _Instances,
    right: _Instances,
    pair: tuple[int, int, int, int],
    port: float,
    total: int,
    played: int,
) -> PoolsEstimate:
    p, x, d, y = pair
    halves = PoolsAtLoad.of(left.cases[p], x, right.cases[d], y, float(right.batch[d]), port)
    most = min(float(x * left.rate[p]), float(y * right.rate[d]))
    rate, reason = halves.served(job, most)
    ttft, tpot, wait, busy = halves.latencies(rate)
    if job.concurrency is not None:
        # More clients than the pools hold wait in the queue (Little's law).
        ttft = max(ttft, job.concurrency / rate - halves.answer * tpot)
    known = bool(played) and job.request_rate is not None and not reason
    run = play_pools(halves, rate, played) if known else None
    if run is not None:
        ttft, tpot = float(run.ttft_s.mean()), float(run.tpot_s.mean())
    reason = reason or limit_broken(job, tpot / MILLI, ttft / MILLI)
    sigma = float(max(left.sigma[p], right.sigma[d]))
    late = ttft_sigma(float(left.sigma[p]), replace(job, arrivals=Arrivals.CLOSED))
    first = _pool(left, p, x, halves.prefill)
    second = _pool(right, d, y, halves.decode)
    tails = {"ttft_ms": ttft_tail(ttft / MILLI, wait / MILLI, busy, late)}
    if run is not None:
        tails = played_tails(run, late, sigma)
    output = rate * halves.answer
    alone = predict_serving_cases([halves.decode])[0]
    parts = alone.breakdown_ms | {"prompts": 0.0}
    scale = tpot / MILLI / sum(parts.values())
    slower = first if first.requests_per_s < second.requests_per_s else second
    which = "prefill" if slower is first else "decoding"
    longest = max(parts, key=lambda name: parts[name])
    return PoolsEstimate(
        first, second, total, not reason, reason,
        interval(ttft / MILLI, late),
        interval(tpot / MILLI, sigma),
        interval((ttft + max(halves.answer - 1.0, 0.0) * tpot) / MILLI, sigma),
        tails,
        halves.moved_s / MILLI,
        offered(rate, sigma, job, rate),
        offered(output, sigma, job, rate),
        offered(output + rate * halves.prompt, sigma, job, rate),
        offered(output / total, sigma, job, rate),
        min(rate * halves.answer * tpot, halves.full * halves.ranks * y),
        alone.max_concurrency * y,
        {name: value * scale for name, value in parts.items()},
        f"the {which} pool; a token's time goes into {PARTS[longest]}",
        sigma,
        "event simulation" if run is not None else "closed form",
    )  # fmt: skip


def _pool(half: _Instances, k: int, count: int, case: ServingCase) -> Pool:
    alone = predict_serving_cases([case])[0]
    return Pool(
        case.chip.id, case.engine.id, case.layout, count, int(count * half.chips[k]),
        float(count * half.rate[k]), float(half.batch[k]), alone.memory_gb_per_chip,
    )  # fmt: skip
