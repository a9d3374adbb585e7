"""Two pools played event by event: one rank of each, its arrivals Poisson.

What leaves a prefill rank reaches the decoding ranks mixed with what others let go, so their
arrivals are taken as random too, and a request's two halves as independent. A decoding rank does
nothing for a prompt: its cache arrives with it, and there is room for the whole answer.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from tonnage.perf.interval import interval
from tonnage.perf.serving.case import ServingCase, cases_of
from tonnage.perf.serving.estimate import Percentiles
from tonnage.perf.serving.events import play
from tonnage.perf.serving.percentiles import LEVELS
from tonnage.perf.serving.pools_load import PoolsAtLoad
from tonnage.perf.serving.simulate import drawn_lengths, simulate_serving
from tonnage.perf.serving.times import Times, tabulate
from tonnage.units import MILLI
from tonnage.workload import Arrivals

LEADING = 0.1
"""Share of the requests that fill an empty rank and are left out."""


@dataclass(frozen=True, slots=True, eq=False)
class PoolsRun:
    """What happened to every request, seconds, axis [request]."""

    ttft_s: Any
    tpot_s: Any
    e2e_s: Any


def play_pools(halves: PoolsAtLoad, rate: float, requests: int, seed: int = 0) -> PoolsRun:
    """Return what `requests` at `rate` a second of the whole meet in both pools."""
    random = np.random.default_rng(seed)
    skipped = int(LEADING * requests)
    first = _prefilled(halves, rate, requests, seed)[skipped:] + halves.moved_s
    stay, size = _decoded(halves, rate, requests, random)
    stay, size = stay[skipped:], size[skipped:]
    return PoolsRun(first, stay / np.maximum(size - 1.0, 1.0), random.permutation(first) + stay)


def played_tails(run: PoolsRun, late: float, sigma: float) -> dict[str, Percentiles]:
    """Return the percentiles of what was played."""
    kinds = {"ttft_ms": (run.ttft_s, late), "tpot_ms": (run.tpot_s, sigma),
             "e2e_ms": (run.e2e_s, sigma)}  # fmt: skip
    return {
        name: Percentiles(*(interval(float(np.quantile(s, q)) / MILLI, doubt) for q in LEVELS))
        for name, (s, doubt) in kinds.items()
    }


def _prefilled(halves: PoolsAtLoad, rate: float, requests: int, seed: int) -> Any:
    """Seconds to the end of the prompt on one rank."""
    case, ranks = halves.prefill, halves.prefill_ranks
    share = rate / ranks * case.layout.dp
    job = replace(case.job, arrivals=Arrivals.OPEN, concurrency=None, request_rate=share,
                  output_tokens=1.0)  # fmt: skip
    return simulate_serving(replace(case, job=job), requests, seed=seed).ttft_s


def _decoded(halves: PoolsAtLoad, rate: float, requests: int, random: Any) -> tuple[Any, Any]:
    """Seconds from a cache's arrival to the last token, and the tokens of the answers."""
    share = rate / halves.decode_ranks
    job = replace(halves.decode.job, arrivals=Arrivals.OPEN, concurrency=None,
                  request_rate=share * halves.ranks)  # fmt: skip
    case = replace(halves.decode, job=job)
    prompts = drawn_lengths(random, job.input_tokens, job.shortest_share, requests)
    answers = drawn_lengths(random, job.output_tokens, job.shortest_share, requests)
    sent = np.cumsum(random.exponential(1.0 / share, requests))
    events = play(_decoding(case, prompts, halves.full), sent.tolist(), (prompts, answers))
    return np.array(events.last) - np.array(events.sent), np.array(answers, float)


def _decoding(case: ServingCase, prompts: list[int], full: float) -> Times:
    """Return a rank's times without those of prompts."""
    times = tabulate(cases_of([case]), prompts, max(1, int(full)))
    nothing = [0.0] * len(times.tokens)
    return replace(
        times, products=[nothing] * len(times.products), attention=nothing, launches=[0.0, 0.0],
        request_s=0.0, token_s=0.0, held=0.0, behind=0.0, fresh=1.0, admitted=1.0, mixed=True,
        budget=1e18, poll=1,
    )  # fmt: skip
