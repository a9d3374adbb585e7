"""Two pools played event by event: one rank of each under random arrivals, all under a trace.

What leaves a prefill rank reaches the decoding ranks mixed with what others let go, so random
arrivals there are taken as random again, with the same bursts, and a request's two halves as
independent. A trace goes to the prefill ranks in turn, and from there to the decoding ranks in
turn, as prompts are done. A decoding rank does nothing for a prompt: its cache arrives with it, and
there is room for the whole answer.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from tonnage.perf.interval import interval
from tonnage.perf.serving.case import ServingCase, cases_of
from tonnage.perf.serving.estimate import Percentiles
from tonnage.perf.serving.events import play
from tonnage.perf.serving.pace import load_told
from tonnage.perf.serving.percentiles import LEVELS
from tonnage.perf.serving.pools_load import PoolsAtLoad
from tonnage.perf.serving.simulate import Simulation, drawn_lengths, simulate_serving, summary
from tonnage.perf.serving.times import Times, tabulate
from tonnage.perf.serving.traffic import Traffic
from tonnage.units import MILLI
from tonnage.workload import Arrivals, ServingJob

LEADING = 0.1
"""Share of the requests that fill an empty rank and are left out."""


@dataclass(frozen=True, slots=True, eq=False)
class PoolsRun:
    """What happened to every request, seconds, axis [request]."""

    ttft_s: Any
    tpot_s: Any
    e2e_s: Any
    sent_s: Any
    load: float = 0.0
    """What comes over what the slower pool could serve; 0 where nothing tells."""
    prompt: float = 0.0
    """Mean tokens of a trace's prompts, ..."""
    answer: float = 0.0
    """... and answers."""


def play_pools(
    halves: PoolsAtLoad, rate: float, requests: int, burstiness: float = 1.0, seed: int = 0
) -> PoolsRun:
    """Return what `requests` at `rate` a second of the whole meet in both pools."""
    random = np.random.default_rng(seed)
    skipped = int(LEADING * requests)
    case = _prefilling(halves, rate)
    first = simulate_serving(case, requests, seed=seed, burstiness=burstiness)
    ttft = (
        first.ttft_s[skipped:] + halves.moved_s + halves.queue.others(rate / halves.prefill_ranks)
    )
    played = _decoded(halves, rate, requests, burstiness, random)
    stay, late, size = (values[skipped:] for values in played)
    ttft = random.permutation(ttft) + late
    e2e = ttft + stay
    return PoolsRun(ttft, _each(stay, size), e2e, first.sent_s[skipped:])


def play_trace(halves: PoolsAtLoad, trace: Traffic) -> PoolsRun:
    """Return what every request of a trace meets in both pools, in the order of arrival."""
    assert trace.arrival_s is not None
    order = np.argsort(np.asarray(trace.arrival_s, float), kind="stable")
    sent = np.asarray(trace.arrival_s, float)[order]
    lengths = _told(halves.decode.job, trace, order)
    both = BothPools.of(halves, trace.requests_per_s, lengths)
    run, ahead, after, later = both.play(sent)
    span = float(sent[-1] - sent[0])
    if span > _alone(run, lengths[1]):
        # The decoding ranks get the trace over a longer time, if the prefill ranks fall behind.
        loads = load_told(lambda _: both.ahead, ahead), load_told(lambda _: both.after, after)
        run = replace(run, load=max(loads[0], loads[1] * later / span))
    return run


@dataclass(frozen=True, slots=True, eq=False)
class BothPools:
    """Both pools and the requests that they are to serve, in the order of arrival."""

    halves: PoolsAtLoad
    rate: float
    ahead: Times
    after: Times
    prompts: Any
    answers: Any
    """Whole tokens, axis [request]."""

    @classmethod
    def of(cls, halves: PoolsAtLoad, rate: float, lengths: tuple[Any, Any]) -> BothPools:
        """Return the pools under about `rate` requests/s of such lengths."""
        prompts = list(map(int, lengths[0]))
        ahead = tabulate(cases_of([_prefilling(halves, rate)]), prompts, len(prompts))
        after = _decoding(_serving(halves, rate), prompts, halves.full)
        return cls(halves, rate, ahead, after, *lengths)

    def play(self, sent: Any) -> tuple[PoolsRun, list[Simulation], list[Simulation], float]:
        """Return what the requests meet, the plays of all ranks, and how long decoding's come."""
        halves, ones = self.halves, np.ones_like(self.answers)
        ttft, _, ahead = _in_turn(halves.prefill_ranks, self.ahead, sent, (self.prompts, ones))
        moved = halves.moved_s * self.prompts / halves.prompt
        ttft = ttft + moved + halves.queue.others(self.rate / halves.prefill_ranks)
        there = sent + ttft
        came = np.argsort(there, kind="stable")
        stay, late, after = _in_turn(
            halves.decode_ranks, self.after, there[came], (self.prompts[came], self.answers[came])
        )
        back = np.empty_like(came)
        back[came] = np.arange(len(came))
        late = waited_for_room(self.after, late, self.prompts + self.answers / 2.0)[back]
        stay, ttft = stay[back] - late, ttft + late
        run = PoolsRun(
            ttft, _each(stay, self.answers), ttft + stay, sent, 0.0,
            float(self.prompts.mean()), float(self.answers.mean()),
        )  # fmt: skip
        return run, ahead, after, float(np.ptp(there))


def _in_turn(
    ranks: float, times: Times, sent: Any, lengths: tuple[Any, Any]
) -> tuple[Any, Any, list[Simulation]]:
    """Play the ranks in turn; return seconds of requests, those to the first token, and plays."""
    count, runs = int(ranks), list[Simulation]()
    seconds, first = np.empty(len(sent)), np.empty(len(sent))
    for turn in range(min(count, len(sent))):
        mine = slice(turn, None, count)
        prompts, answers = ([int(n) for n in tokens[mine]] for tokens in lengths)
        events = play(times, sent[mine].tolist(), (prompts, answers))
        runs.append(summary(events, (prompts, answers), 0))
        seconds[mine], first[mine] = runs[-1].e2e_s, runs[-1].ttft_s
    return seconds, first, runs


def waited_for_room(after: Times, late: Any, context: Any) -> Any:
    """Return what requests wait for room to decode, of the seconds until they are taken.

    A step that runs is no wait. Who waits for room has no token yet: the first one comes later.
    """
    slots = len(after.base) - 1
    step = after.base[slots] + after.per_token[slots] * slots * float(np.mean(context))
    return np.maximum(late - step, 0.0)


def _alone(run: PoolsRun, answers: Any) -> float:
    """Seconds that a usual request would take at the quickest.

    What comes in less is a burst: all of it is there before one request would be answered.
    """
    token = 0.0 if np.isnan(run.tpot_s).all() else float(np.nanmin(run.tpot_s))
    return float(run.ttft_s.min()) + (float(np.median(answers)) - 1.0) * token


def _each(stay: Any, size: Any) -> Any:
    """Seconds per token after the first; NaN for answers of one token."""
    return np.where(size > 1, stay / np.maximum(size - 1.0, 1.0), np.nan)


def _told(job: ServingJob, trace: Traffic, order: Any) -> tuple[Any, Any]:
    """Return whole tokens of prompts and answers, told or drawn, in the order of arrival."""
    random = np.random.default_rng(0)
    found = []
    for told, longest in ((trace.input_tokens, job.input_tokens),
                          (trace.output_tokens, job.output_tokens)):  # fmt: skip
        if told is None:
            some = drawn_lengths(random, longest, job.shortest_share, len(order))
            found.append(np.array(some, float))
        else:
            found.append(np.maximum(np.rint(np.asarray(told, float)[order]), 1.0))
    return found[0], found[1]


def played_tails(run: PoolsRun, late: float, sigma: float) -> dict[str, Percentiles]:
    """Return the percentiles of what was played."""
    kinds = {"ttft_ms": (run.ttft_s, late), "tpot_ms": (run.tpot_s, sigma),
             "e2e_ms": (run.e2e_s, sigma)}  # fmt: skip
    return {
        name: Percentiles(*(interval(float(np.nanquantile(s, q)) / MILLI, doubt) for q in LEVELS))
        for name, (s, doubt) in kinds.items()
    }


def _prefilling(halves: PoolsAtLoad, rate: float) -> ServingCase:
    """Return a prefill instance under its share of the load."""
    case = halves.prefill
    share = rate / halves.prefill_ranks * case.layout.dp
    job = replace(case.job, arrivals=Arrivals.OPEN, concurrency=None, request_rate=share,
                  output_tokens=1.0)  # fmt: skip
    return replace(case, job=job)


def _serving(halves: PoolsAtLoad, rate: float) -> ServingCase:
    """Return a decoding instance under its share of the load."""
    share = rate / halves.decode_ranks
    job = replace(halves.decode.job, arrivals=Arrivals.OPEN, concurrency=None,
                  request_rate=share * halves.ranks)  # fmt: skip
    return replace(halves.decode, job=job)


def _decoded(
    halves: PoolsAtLoad, rate: float, requests: int, burstiness: float, random: Any
) -> tuple[Any, Any, Any]:
    """Seconds from room for a cache to the last token, those before, and the answers' tokens."""
    case = _serving(halves, rate)
    job, gap = case.job, halves.decode_ranks / rate
    prompts = drawn_lengths(random, job.input_tokens, job.shortest_share, requests)
    answers = drawn_lengths(random, job.output_tokens, job.shortest_share, requests)
    sent = np.cumsum(random.gamma(1.0 / burstiness, burstiness * gap, requests))
    times = _decoding(case, prompts, halves.full)
    events = play(times, sent.tolist(), (prompts, answers))
    start, size = np.array(events.sent), np.array(answers, float)
    late = waited_for_room(times, np.array(events.first) - start, np.array(prompts) + size / 2.0)
    return np.array(events.last) - start - late, late, size


def _decoding(case: ServingCase, prompts: list[int], full: float) -> Times:
    """Return a rank's times without those of prompts."""
    times = tabulate(cases_of([case]), prompts, max(1, int(full)), decoding_only=True)
    nothing = [0.0] * len(times.tokens)
    return replace(
        times, products=[nothing] * len(times.products), attention=nothing, launches=[0.0, 0.0],
        request_s=0.0, token_s=0.0, behind=0.0, fresh=1.0, admitted=1.0, mixed=True,
        budget=1e18, poll=1,
    )  # fmt: skip
