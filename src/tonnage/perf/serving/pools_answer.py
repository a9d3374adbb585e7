"""What two chosen pools deliver: in closed form, and played where requests come by themselves."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from tonnage.perf.interval import interval
from tonnage.perf.serving.case import ServingCase
from tonnage.perf.serving.estimate import (
    PARTS,
    Percentiles,
    ServingMemory,
    limit_broken,
    outrun,
    predict_serving_cases,
    ttft_sigma,
)
from tonnage.perf.serving.pace import traced_rates
from tonnage.perf.serving.percentiles import LEVELS
from tonnage.perf.serving.pools_clients import play_clients
from tonnage.perf.serving.pools_load import Pool, PoolsAtLoad, rates_told, ttft_tail
from tonnage.perf.serving.pools_play import PoolsRun, play_pools, play_trace, played_tails
from tonnage.perf.serving.pools_queue import BUSIEST
from tonnage.perf.serving.traffic import SIMULATED, Traffic
from tonnage.provenance import Spread
from tonnage.units import MILLI
from tonnage.workload import Arrivals, ServingJob


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
    """Over requests: of a played load `ttft_ms`, `tpot_ms` and `e2e_ms`; else `ttft_ms`."""
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
    overloaded: bool = False
    """More requests come than are served: waits have no end."""

    @property
    def runs(self) -> bool:
        """Whether every request fits into memory; if not, speeds are those of the others."""
        return self.max_concurrency >= 1

    @property
    def chips_used(self) -> int:
        """Chips of both pools."""
        return self.prefill.chips + self.decode.chips

    @property
    def memory_gb_per_chip(self) -> ServingMemory:
        """Of the decoding pool, where the caches live: of those that decode at once."""
        return self.decode.memory_gb_per_chip

    def to_dict(self) -> dict[str, Any]:
        """Return the answer as plain data, with the contract's field names beside both pools'."""
        result: dict[str, Any] = {}
        for name in self.__slots__:
            value = getattr(self, name)
            if name == "overloaded":  # told in `reason`
                continue
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
class Half:
    """What was chosen for one pool: an option, and how many instances of it."""

    case: ServingCase
    count: int
    chips: int
    """Of one instance."""
    rate: float
    """Requests/s of one instance within the limits."""
    batch: float
    sigma: float
    room: float
    """Sequences of one instance where no limit holds them back."""

    @property
    def alone(self) -> float:
        """Requests/s of the pool, whatever the other does."""
        return self.count * self.rate

    def pool(self, case: ServingCase) -> Pool:
        """Return the pool as it is told, working on `case`."""
        memory = predict_serving_cases([case])[0].memory_gb_per_chip
        return Pool(
            case.chip.id, case.engine.id, case.layout, self.count, self.count * self.chips,
            self.alone, self.batch, memory,
        )  # fmt: skip


@dataclass(frozen=True, slots=True, eq=False)
class _Told:
    """Rates and latencies of the whole, seconds."""

    rate: float
    requests: Spread
    ttft_s: float
    tpot_s: float
    e2e_s: float
    prompt: float
    answer: float
    tails: dict[str, Percentiles]
    reason: str
    method: str
    swamped: bool = False


def estimate_pools(
    job: ServingJob, left: Half, right: Half, port: float, total: int, traffic: Traffic | None
) -> PoolsEstimate:
    """Return what the two pools deliver; a load is played where `traffic` says how it comes."""
    # A limit on TPOT holds clients back from decoding; what arrives at a rate within it is not.
    batch = right.batch if job.request_rate is None else right.room
    halves = PoolsAtLoad.of(left.case, left.count, right.case, right.count, batch, port)
    if job.concurrency is not None:
        # A limit on TTFT does not hold clients back: it is kept or not.
        left = replace(left, rate=BUSIEST * halves.prompts_per_s / left.count)
    sigma = max(left.sigma, right.sigma)
    late = ttft_sigma(left.sigma, replace(job, arrivals=Arrivals.CLOSED))
    told = _closed_form(job, halves, min(left.alone, right.alone), sigma, late)
    if traffic is not None and traffic.arrival_s is not None:
        told = _traced(told, play_trace(halves, traffic), sigma, late)
    elif traffic is not None and job.request_rate is not None and not told.reason:
        run = play_pools(halves, told.rate, traffic.requests, traffic.burstiness)
        told = _played(told, run, sigma, late)
    elif traffic is not None and job.concurrency:
        run = play_clients(halves, job.concurrency, told.rate)
        most = min(left.alone, right.alone)
        rate = min(job.concurrency / float(run.e2e_s.mean()), most)  # Little's law
        told = replace(_played(told, run, sigma, late), rate=rate, requests=interval(rate, sigma))
    named = job.concurrency or job.request_rate
    reason = told.reason or limit_broken(job, told.tpot_s / MILLI, told.ttft_s / MILLI)
    running = min(told.rate * halves.steps * told.tpot_s, halves.full * halves.decode_ranks)
    held = halves.decode if named is None else _holding(halves.decode, running / right.count)
    first, second = left.pool(halves.prefill), right.pool(held)
    alone = predict_serving_cases([halves.decode])[0]
    parts = alone.breakdown_ms | {"prompts": 0.0}
    scale = told.tpot_s / MILLI / sum(parts.values())
    which = "prefill" if first.requests_per_s < second.requests_per_s else "decoding"
    longest = max(parts, key=lambda name: parts[name])
    output = told.requests * told.answer
    return PoolsEstimate(
        first, second, total, not reason, reason,
        interval(told.ttft_s / MILLI, late),
        interval(told.tpot_s / MILLI, sigma),
        interval(told.e2e_s / MILLI, sigma),
        told.tails,
        halves.moved_s / MILLI,
        told.requests,
        output,
        told.requests * (told.answer + told.prompt),
        output / total,
        running,
        alone.max_concurrency * right.count,
        {name: value * scale for name, value in parts.items()},
        f"the {which} pool; a token's time goes into {PARTS[longest]}",
        sigma,
        told.method,
        told.swamped,
    )  # fmt: skip


def _holding(case: ServingCase, sequences: float) -> ServingCase:
    """Return a decoding instance that holds the caches of so many sequences."""
    return replace(case, job=replace(case.job, concurrency=max(sequences, 1.0)))


def _closed_form(
    job: ServingJob, halves: PoolsAtLoad, most: float, sigma: float, late: float
) -> _Told:
    rate, reason = halves.served(job, most)
    ttft, tpot, wait, busy = halves.latencies(rate)
    alone = ttft - wait
    if job.concurrency is not None:
        # More clients than the pools hold wait in the queue (Little's law).
        ttft = max(ttft, job.concurrency / rate - halves.steps * tpot)
    if job.concurrency is not None and ttft > alone + wait:
        tail = Percentiles(*[interval(ttft / MILLI, late)] * len(LEVELS))  # all wait for all others
    else:
        tail = ttft_tail(ttft / MILLI, wait / MILLI, busy, late)
    return _Told(
        rate, rates_told(job, rate, most, sigma), ttft, tpot,
        ttft + max(halves.answer - 1.0, 0.0) * tpot, halves.prompt, halves.answer,
        {"ttft_ms": tail}, reason, "closed form",
        bool(reason),
    )  # fmt: skip


def _played(told: _Told, run: PoolsRun, sigma: float, late: float) -> _Told:
    """Return latencies as they were played."""
    return replace(
        told, ttft_s=float(run.ttft_s.mean()), tpot_s=float(np.nanmean(run.tpot_s)),
        e2e_s=float(run.e2e_s.mean()), tails=played_tails(run, late, sigma), method=SIMULATED,
    )  # fmt: skip


def _traced(told: _Told, run: PoolsRun, sigma: float, late: float) -> _Told:
    """Return a trace as it was played: it alone tells whether it outruns the pools."""
    swamped = run.load > 1.0
    keeping = told.requests.p10 / told.requests.p50
    rates = traced_rates(run.sent_s, run.e2e_s, sigma, keeping, swamped=swamped)
    reason = outrun(run.load) if swamped else ""
    found = replace(
        told, rate=rates.p50, requests=rates, prompt=run.prompt, answer=run.answer,
        reason=reason, swamped=swamped,
    )  # fmt: skip
    return _played(found, run, sigma, late)
