"""Event simulation of one replica, step by step where the batch changes, else in jumps.

Step and prompt times are those of the closed forms; what this adds is the order of events
(`events`), memory that fills up among them. A prompt that rides along adds what the step grows by,
so a short one rides almost free; a client's next request is seen once interface and tokenizer have
dealt with it, in which time other clients end too and queue up.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from tonnage.perf.serving.case import Cases, ServingCase, cases_of
from tonnage.perf.serving.events import Lengths, Played, play
from tonnage.perf.serving.flow import solve
from tonnage.perf.serving.times import tabulate
from tonnage.workload import Arrivals

APART = 0.03
"""Share of the mean by which answers of equal length differ where a load has no end; our
assumption."""


@dataclass(frozen=True, slots=True, eq=False)
class Simulation:
    """What happened to every request of one replica, seconds, axis [request]."""

    ttft_s: Any
    tpot_s: Any
    """Mean time per output token after the first; NaN for answers of one token."""
    e2e_s: Any
    duration_s: float
    arrivals_s: float
    """From the first request sent to the last."""
    input_tokens: float
    output_tokens: float
    changes: int
    """Times the batch changed; all other steps were jumped over."""
    played: int
    """Requests played, those left out of the answer included."""
    preempted: int
    """Times a request gave up its cache for want of memory and was computed again."""
    sent_s: Any
    lengths: tuple[Any, Any]
    """Tokens of prompts and of answers."""

    @property
    def requests_per_s(self) -> float:
        """Requests over the duration."""
        return len(self.e2e_s) / self.duration_s

    def percentile(self, name: str, level: float) -> float:
        """Return the `level` (0 to 1) quantile of `ttft_s`, `tpot_s` or `e2e_s`."""
        return float(np.nanquantile(getattr(self, name), level))


def simulate_serving(
    case: ServingCase,
    requests: int = 10_000,
    *,
    seed: int = 0,
    burstiness: float = 1.0,
    arrival_s: Sequence[float] | None = None,
    input_tokens: Sequence[float] | None = None,
    output_tokens: Sequence[float] | None = None,
    evenly: bool = False,
    clients: int | None = None,
) -> Simulation:
    """Return what one of the deployment's replicas does with its share of the load.

    Parameters
    ----------
    case
        Closed concurrency (its clients send again at once) or open arrivals at `request_rate`.
    requests
        Requests to simulate.
    burstiness
        Variance over squared mean of the gaps between open arrivals: 1 Poisson, above it bursts
        (gamma gaps).
    arrival_s
        Arrival times from a trace, instead of random ones.
    input_tokens, output_tokens
        Lengths of a trace's requests, in the order of `arrival_s`, instead of random ones.
    evenly
        Start closed clients evenly over a round instead of all at once, and leave the first and
        the last round out: traffic without an end, where a benchmark's first wave has passed.
    clients
        Closed clients of this replica, instead of the mean over replicas.

    Returns
    -------
    Simulation
        Deterministic for a seed.
    """
    cases = cases_of([case])
    random = np.random.default_rng(seed)
    shortest = case.job.shortest_share
    requests = requests if arrival_s is None else min(requests, len(arrival_s))
    prompts = _lengths(random, case.job.input_tokens, shortest, requests, input_tokens)
    answers = _lengths(random, case.job.output_tokens, shortest, requests, output_tokens)
    closed = case.job.arrivals is not Arrivals.OPEN and arrival_s is None
    if closed and evenly and shortest >= 1 and output_tokens is None:
        answers = hardly_equal(random, case.job.output_tokens, requests)
    if arrival_s is not None:
        order = np.argsort(np.asarray(arrival_s, float), kind="stable")[:requests]
        sent = np.asarray(arrival_s, float)[order]
        prompts, answers = _in_order(prompts, order), _in_order(answers, order)
    elif closed:
        sent = _closed(cases, requests, evenly, clients)
    else:
        gap = case.layout.dp / (case.job.request_rate or 1.0)
        sent = np.cumsum(random.gamma(1.0 / burstiness, burstiness * gap, requests))
    known = int(np.isfinite(sent).sum())
    times = tabulate(cases, prompts, known)
    events = play(times, sent.tolist(), (prompts, answers))
    return summary(events, (prompts, answers), known if closed and evenly else 0)


def _closed(cases: Cases, requests: int, evenly: bool, told: int | None) -> Any:
    """Seconds at which clients send first: all at once or over a round; inf for what follows."""
    each = float(cases.load.concurrency[0] or 1.0) / float(cases.layout.dp[0])
    clients = min(told or max(1, round(each)), requests)
    flow = solve(cases)
    room = max(1.0, min(float(flow.capacity.sequences[0]), float(cases.engine.max_sequences[0])))
    running = min(clients, int(room))
    # Those that run start over a round; the others queue from its end on, as they always do.
    stay = float(flow.e2e_s[0] - flow.memory_wait_s[0])
    gap = stay / running if evenly else 0.0
    order = np.minimum(np.arange(clients), running)
    return np.concatenate([gap * order, np.full(requests - clients, np.inf)])


def _lengths(
    random: Any, longest: float, shortest: float, count: int, told: Sequence[float] | None
) -> list[int]:
    if told is None:
        return drawn_lengths(random, longest, shortest, count)
    return _whole(np.asarray(told, float))


def drawn_lengths(random: Any, longest: float, shortest: float, count: int) -> list[int]:
    """Return `count` whole lengths drawn evenly between a share of the longest and all of it."""
    if shortest < 1:
        return _whole(random.uniform(shortest * longest, longest, count))
    return _whole(np.diff(np.rint(longest * np.arange(count + 1))))  # 1.5: 1 and 2 in turn


def hardly_equal(random: Any, mean: float, count: int) -> list[int]:
    """Return answers within `APART` of their mean.

    Those of a service differ; exactly equal ones would gather in groups that start and end together
    for ever.
    """
    return _whole(random.uniform((1.0 - APART) * mean, (1.0 + APART) * mean, count))


def _whole(lengths: Any) -> list[int]:
    found: list[int] = np.maximum(np.rint(lengths), 1).astype(int).tolist()
    return found


def _in_order(values: list[int], order: Any) -> list[int]:
    return [values[k] for k in order]


def summary(events: Played, lengths: Lengths, clients: int) -> Simulation:
    """Return what happened; of clients that go on for ever, without their first and last round.

    `clients` is their number, 0 of a load that ends.
    """
    start, begin, end = np.array(events.sent), np.array(events.first), np.array(events.last)
    prompts, size = np.array(lengths[0], float), np.array(lengths[1], float)
    after = np.where(size > 1, (end - begin) / np.maximum(size - 1, 1), np.nan)
    span = float(end.max() - start.min())
    arrivals = float(start.max() - start.min())
    before, whole = begin - start, end - start
    if clients and len(start) > 2 * clients:
        kept = slice(clients, len(start) - clients)
        before, after, whole = before[kept], after[kept], whole[kept]
        prompts, size, start = prompts[kept], size[kept], start[kept]
        span = float(whole.sum()) / clients  # each client is always waiting for an answer
    return Simulation(
        before, after, whole, span, arrivals, float(prompts.sum()), float(size.sum()),
        events.changes, len(events.sent), events.preempted, start, (prompts, size),
    )  # fmt: skip
