"""At what rate a trace is served, and whether arrivals outrun the deployment.

Served: n / (A + D), with A from the first arrival to the last and D from there to the last token.
Overload: the same requests, all there at once, take a deployment at full pace longer than A.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from math import inf
from typing import Any

import numpy as np

from tonnage.perf.interval import at_most, interval
from tonnage.perf.serving.case import ServingCase, cases_of
from tonnage.perf.serving.events import play
from tonnage.perf.serving.simulate import Simulation
from tonnage.perf.serving.times import Times, tabulate
from tonnage.provenance import Spread

Tabulated = Callable[[list[int]], Times]
"""The times of a replica, told for the prompts that it gets."""

EDGE = 0.05
"""D over A up to which the end is as much an edge as the empty start, and is left out; it counts in
full from twice that on."""
LAST_WAIT = 0.01
"""Wait of the last request to be admitted, over A, below which nothing has piled up."""
THROUGH = 0.2
"""Least share of the requests that end before the last is admitted, all sent at once: with fewer
the deployment is hardly ever full, and nothing can be told of its pace."""


def offered_per_s(sent_s: Any) -> float:
    """(n - 1) / A: arrivals a second; without end where all come at one time."""
    span = float(np.max(sent_s) - np.min(sent_s))
    return (len(sent_s) - 1) / span if span > 0 else inf


def served_per_s(sent_s: Any, e2e_s: Any, slower: float = 1.0, *, whole: bool = False) -> float:
    """N / (A + D), at most what is offered; `whole` counts every end in full.

    `slower` stretches D, to tell what a slower deployment would serve.
    """
    last = float(np.max(sent_s))
    span = last - float(np.min(sent_s))
    drain = max(float(np.max(sent_s + e2e_s)) - last, 0.0) * slower
    if not whole:
        drain = min(max(2.0 * (drain - EDGE * span), 0.0), drain)
    over = span + drain
    return min(len(sent_s) / over if over > 0 else inf, offered_per_s(sent_s))


def traced_rates(sent_s: Any, e2e_s: Any, sigma: float, keeping: float, *, swamped: bool) -> Spread:
    """Return requests a second of a trace: a slower deployment ends later, or falls behind.

    `keeping` is the share of the rate that the slow end of the step still keeps up with.
    """
    doubt = interval(1.0, sigma)
    if swamped:
        return at_most(doubt * served_per_s(sent_s, e2e_s, whole=True), offered_per_s(sent_s))
    rate = served_per_s(sent_s, e2e_s)
    slow = min(served_per_s(sent_s, e2e_s, doubt.p90), rate * keeping)
    return Spread(slow, rate, served_per_s(sent_s, e2e_s, doubt.p10))


def times_of(case: ServingCase) -> Tabulated:
    """Return what tells the times of one of the case's replicas."""
    return lambda prompts: tabulate(cases_of([case]), prompts, int(case.engine.max_sequences))


def load_told(tabulated: Tabulated, runs: Sequence[Simulation]) -> float:
    """Return what comes over what replicas at full pace could serve; 0 where nothing tells.

    Nothing does while no wait grows, or where the requests are too few.
    """
    loads = [load for run in runs if (load := _load(tabulated, run)) is not None]
    return float(np.mean(loads)) if loads else 0.0


def _load(tabulated: Tabulated, run: Simulation) -> float | None:
    """Time needed at full pace over the time in which the requests come; None: not to be told."""
    offered = offered_per_s(run.sent_s)
    if not 0.0 < offered < inf:
        return None
    last = float(np.max(run.sent_s))
    if float(np.max(run.sent_s + run.ttft_s)) - last <= LAST_WAIT * run.arrivals_s:
        return 0.0
    needed = _needed_s(tabulated, run)
    return None if needed is None else needed * offered / len(run.sent_s)


def _needed_s(tabulated: Tabulated, run: Simulation) -> float | None:
    """Seconds of full pace that the requests of a run take; None where nothing can be told.

    All are sent at once. Until the last is admitted the replica is as full as it gets; what is left
    to make then is counted at the pace of full slots, so that the longest answers, made alone in
    the end, do not pass for work.
    """
    prompts, answers = ([int(n) for n in lengths] for lengths in run.lengths)
    times = tabulated(prompts)
    median = float(np.median(prompts))
    alone = (float(np.median(answers)) - 1.0) * (times.base[1] + times.per_token[1] * median)
    if run.arrivals_s < float(np.min(run.ttft_s)) + alone:
        return None  # a burst: all are there before one alone would be answered
    times = replace(times, request_s=0.0, token_s=0.0)  # they would sort the queue by length
    events = play(times, [0.0] * len(prompts), (prompts, answers))
    first, end = np.array(events.first), np.array(events.last)
    full = float(first.max())
    going = end > full
    if going.mean() > 1.0 - THROUGH:
        return None
    if not going.any():
        return full
    size = np.array(answers, float)[going]
    share = (full - first[going]) / (end[going] - first[going])
    made = 1.0 + share * (size - 1.0)
    context = float(np.mean(np.array(prompts, float)[going] + made))
    count = min(times.slots, max(len(size), int(times.room / (context + times.block))))
    step = times.base[count] + times.per_token[count] * count * context
    return full + float(np.sum(size - made)) * step / count
