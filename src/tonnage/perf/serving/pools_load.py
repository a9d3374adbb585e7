"""Two chosen pools under a load: rate, latencies and batch.

With X requests/s over x prefill instances of r ranks and y decoding instances of q ranks:

    TTFT = interface + W(X/(x·r)) + transfer    (`pools_queue`)
    b = X/(y·q) · (o-1) · t(b),   TPOT = t(b)

K clients in a closed loop settle where X·(TTFT + (o-1)·TPOT) = K: one token comes from the prompt.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from math import log
from typing import Any

import numpy as np

from tonnage.perf.interval import at_most, interval
from tonnage.perf.serving.case import Cases, ServingCase, cases_of
from tonnage.perf.serving.estimate import Percentiles, ServingMemory, overrun
from tonnage.perf.serving.layout import ServingLayout
from tonnage.perf.serving.memory import cache_bytes
from tonnage.perf.serving.percentiles import LEVELS
from tonnage.perf.serving.pools_queue import PromptQueue
from tonnage.perf.serving.prompts import entry_seconds
from tonnage.perf.serving.step import decode_step
from tonnage.provenance import Spread
from tonnage.workload import Arrivals, ServingJob

_ROUNDS, _CLOSE = 40, 1e-7


@dataclass(frozen=True, slots=True)
class Pool:
    """One half of a deployment."""

    chip: str
    engine: str
    layout: ServingLayout
    instances: int
    chips: int
    requests_per_s: float
    """What the pool could do alone."""
    batch: float
    """Sequences that run at once in one instance, at most."""
    memory_gb_per_chip: ServingMemory

    def to_dict(self) -> dict[str, Any]:
        """Return the pool as plain data."""
        result = {name: getattr(self, name) for name in self.__slots__}
        return result | {
            "layout": self.layout.to_dict(), "memory_gb_per_chip": self.memory_gb_per_chip.to_dict()
        }  # fmt: skip


@dataclass(frozen=True, slots=True, eq=False)
class PoolsAtLoad:
    """A prefill case and a decoding case, with how many instances of each there are."""

    prefill: ServingCase
    decode: ServingCase
    """One decoding instance at its largest batch, as a static batch."""
    stepping: Cases
    queue: PromptQueue
    """What a prompt waits and takes at a prefill rank."""
    entry_s: float
    """Engine's time per request."""
    moved_s: float
    prefill_ranks: float
    """Instances times ranks that take prompts."""
    decode_ranks: float
    ranks: int
    """Of one decoding instance."""
    full: float
    """Largest batch of a decoding rank."""
    prompt: float
    answer: float
    """Mean tokens of prompts and answers."""

    @classmethod
    def of(
        cls, prefill: ServingCase, x: int, decode: ServingCase, y: int, batch: float, port: float
    ) -> PoolsAtLoad:
        """Return `x` and `y` instances of two cases, with ports of `port` bytes/s between."""
        ahead, after = cases_of([prefill]), cases_of([decode])
        size: Any = cache_bytes(ahead, ahead.load.input)
        entry: Any = entry_seconds(ahead)
        hop: Any = ahead.machine.nic_latency_s
        moved = float(size[0]) / port
        whole = replace(decode.job, concurrency=batch, arrivals=Arrivals.STATIC)
        return cls(
            prefill, replace(decode, job=whole), after, PromptQueue.of(ahead),
            float(entry[0]), moved + float(hop[0]),
            float(x * prefill.layout.dp), float(y * decode.layout.dp), decode.layout.dp,
            batch / decode.layout.dp, float(ahead.load.input[0]), float(after.load.output[0]),
        )  # fmt: skip

    @property
    def steps(self) -> float:
        """Tokens that decoding makes of an answer: the first one comes from the prompt."""
        return max(self.answer - 1.0, 1.0)

    @property
    def prompts_per_s(self) -> float:
        """Prompts/s that all prefill ranks do with full steps."""
        return self.prefill_ranks * float(self.queue.most_per_s[0])

    def step_s(self, batch: float) -> float:
        """Return seconds per token of a rank that decodes `batch` sequences."""
        load = self.stepping.load
        size = np.array([max(batch, 1.0) / self.decode.layout.pp])
        step = decode_step(self.stepping, size, load.input + load.output / 2.0)
        return float((step.total / load.tokens_per_step)[0])

    def batch(self, rate: float) -> float:
        """Return b = X/(y·q)·(o-1)·t(b), from above, at most the largest batch."""
        size = self.full
        for _ in range(_ROUNDS):
            last = size
            size = min(rate / self.decode_ranks * self.steps * self.step_s(last), self.full)
            if abs(size - last) <= _CLOSE * last:
                break
        return size

    def latencies(self, rate: float) -> tuple[float, float, float, float]:
        """Return TTFT, TPOT, the mean wait in TTFT (seconds), and prefill's busy share."""
        each = rate / self.prefill_ranks
        first = float(self.queue.first(each))
        ttft = first + self.moved_s + self.entry_s
        wait = first - float(self.queue.alone_s[0])
        return ttft, self.step_s(self.batch(rate)), wait, self.queue.busy_share(each)

    def served(self, job: ServingJob, most: float) -> tuple[float, str]:
        """Return the requests/s at the job's load, `most` where it names none, and what hinders."""
        if job.request_rate is not None:
            short = job.request_rate > most * (1.0 + 1e-9)
            limits = " within the limits" if job.tpot_ms or job.ttft_ms else ""
            return min(job.request_rate, most), overrun(job, most) + limits if short else ""
        if job.concurrency is None:
            return most, ""
        low, high = 0.0, most
        for _ in range(_ROUNDS):
            middle = (low + high) / 2.0
            ttft, tpot, _wait, _busy = self.latencies(middle)
            under = middle * (ttft + self.steps * tpot) < job.concurrency
            low, high = (middle, high) if under else (low, middle)
        return high, ""


def rates_told(job: ServingJob, rate: float, most: float, sigma: float) -> Spread:
    """Return requests/s: of arrivals as many as come, unless slower pools could not keep up.

    `most` is what the pools could serve.
    """
    found = interval(rate, sigma)
    if job.request_rate is None:
        return found
    if rate < job.request_rate:
        return at_most(found, job.request_rate)
    return Spread(min(rate, interval(most, sigma).p10), rate, rate)


def ttft_tail(ttft: float, wait: float, busy: float, sigma: float) -> Percentiles:
    """TTFT over requests: a wait of zero with probability 1 - rho, else exponential (M/G/1)."""

    def beyond(level: float) -> float:
        return wait / busy * log(busy / (1.0 - level)) if busy > 1.0 - level else 0.0

    return Percentiles(*(interval(ttft - wait + beyond(q), sigma) for q in LEVELS))
