"""`predict_serving`: the one call that answers for a chip, a job and a number of chips."""

from __future__ import annotations

from dataclasses import replace
from math import ceil

from tonnage.catalog import Chip
from tonnage.perf.serving.case import ServingCase
from tonnage.perf.serving.engine import Engine, find_engine
from tonnage.perf.serving.estimate import ServingEstimate, among, predict_serving_cases
from tonnage.perf.serving.layout import ServingLayout
from tonnage.perf.serving.search import ranked, search_serving
from tonnage.perf.serving.traffic import Traffic, closed_form_holds, played
from tonnage.workload import Arrivals, ServingJob

TRIED = 6
"""Layouts of a search, best first, that are played until one keeps the limits."""
BRIEF = 4000
"""Requests of a replica for which each of them is played at first, ..."""
FINAL = 2
"""... and how many of the best are then played in full."""

HOPELESS, LONG = 4.0, 1000
"""Arrivals over what the closed form says can be served, of answers of so many tokens at least,
above which no further layout is played. Plays of such answers exceed it twofold at most; those
of few tokens may go far beyond, and are quick to play."""
FURTHER = 1.25
"""Step by which a played load grows while it keeps the limits."""
CLOSE = 0.02
"""How finely the largest played load within the limits is told."""
GAIN = 1e-3
"""Least gain in tokens a second for which more clients are played."""


def predict_serving(
    chip: Chip,
    job: ServingJob,
    layout: ServingLayout | None = None,
    engine: Engine | None = None,
    chips: int | None = None,
    traffic: Traffic | None = None,
) -> ServingEstimate:
    """Return what `chips` of `chip` deliver for `job`.

    Parameters
    ----------
    layout
        How the model is spread; `None`: the best of all for up to `chips` chips.
    engine
        From `find_engine`; `None`: the usual one for the chip's maker.
    chips
        May be left out where `layout` says it.
    traffic
        Bursts, a trace, or the wish to have the load played event by event. Without it the closed
        form answers where it holds, and the event simulation where it does not: open arrivals
        that keep the deployment busy, and clients whose caches do not fit at once.

    Raises
    ------
    NotEnoughKnown
        If the chip lacks memory size, bandwidth or a rate.

    Examples
    --------
    >>> from datetime import date
    >>> from tonnage.catalog import load_catalog
    >>> from tonnage.workload import Attention, Model
    >>> llama = Model("l", "L", 32, 4096, 14336, True, Attention(32, 8, 128), 128256, False)
    >>> chip = load_catalog(date(2026, 1, 1)).find("H20")
    >>> job = ServingJob(llama, 1024, 256, concurrency=16)
    >>> predict_serving(chip, job, ServingLayout()).fits
    True
    """
    used = engine or find_engine(None, vendor=chip.vendor)
    count = chips or (layout.chips if layout else 1)
    loaded = job.concurrency is not None or job.request_rate is not None
    way = traffic or Traffic()
    if job.arrivals is Arrivals.OPEN or not way.plain:
        if layout is not None and loaded:
            cases = [ServingCase(chip, job, layout, used)]
        else:
            cases = ranked(chip, job, count, used, TRIED, layout=layout)
        free = not loaded and (job.ttft_ms is not None or job.tpot_ms is not None)
        return among(_queued(cases, way, free=free), count)
    if loaded:
        found = _held(ranked(chip, job, count, used, TRIED, layout=layout), way)
        return found if layout is not None else among(found, count)
    return search_serving(chip, job, count, used, layout=layout)


def _held(cases: list[ServingCase], traffic: Traffic) -> ServingEstimate:
    """Return the best of the cases under so many clients, whichever way each is answered.

    The closed form ranks them; where it does not hold for the first, full caches may turn the order
    round: all are then answered, and limits kept go before tokens a second.
    """
    found = predict_serving_cases(cases)
    if not found[0].runs or closed_form_holds(cases[0]):
        return found[0]
    brief = replace(traffic, requests=min(traffic.requests, BRIEF))
    holds = [closed_form_holds(case) for case in cases]

    def answer(k: int, way: Traffic) -> ServingEstimate:
        return found[k] if holds[k] else played(found[k], cases[k], way)

    def standing(one: ServingEstimate) -> tuple[bool, float]:
        return one.fits, _rate(one)

    tried = {k: standing(answer(k, brief)) for k, one in enumerate(found) if one.runs}
    last = sorted(tried, key=lambda k: tried[k])[-FINAL:]
    return max((answer(k, traffic) for k in last), key=standing)


def _queued(cases: list[ServingCase], traffic: Traffic, *, free: bool = False) -> ServingEstimate:
    """Return the first of the cases, best first, that keeps the limits when it is played.

    `free` says that the load is the search's own: it is then moved to what holds when played.
    """
    first: ServingEstimate | None = None
    for case, found in zip(cases, predict_serving_cases(cases), strict=True):
        if first is not None and traffic.arrival_s is None and _hopeless(found, case.job):
            continue
        answer = found
        if found.max_concurrency >= 1 and not (traffic.plain and closed_form_holds(case)):
            answer = _most(found, case, traffic) if free else played(found, case, traffic)
        first = first or answer
        if answer.fits:
            return answer
    assert first is not None
    return first


def _hopeless(found: ServingEstimate, job: ServingJob) -> bool:
    """Return whether arrivals of long answers exceed by far what the closed form can serve."""
    if job.arrivals is not Arrivals.OPEN or job.request_rate is None or job.output_tokens < LONG:
        return False
    return job.request_rate > HOPELESS * found.requests_per_s.p50


def _most(found: ServingEstimate, case: ServingCase, traffic: Traffic) -> ServingEstimate:
    """Return the case at the most clients with which it keeps the limits when it is played.

    From the load that the closed form found, up while throughput grows or down until the limits
    hold, then by bisection. Where one client breaks a limit, the answer at one.
    """

    def at(clients: float) -> ServingEstimate:
        one = replace(case, job=replace(case.job, concurrency=clients))
        return played(predict_serving_cases([one])[0], one, traffic)

    low, high = 0.0, max(float(found.concurrency or 1.0), 1.0)
    most = max(float(found.max_concurrency), high)
    best, answer = None, at(high)
    while answer.fits:
        grown = best is None or _rate(answer) > _rate(best) * (1.0 + GAIN)
        if grown:
            best, low = answer, high
        if not grown or high >= most:
            return best or answer
        high = min(float(ceil(high * FURTHER)), most)
        answer = at(high)
    while high - low > max(1.0, CLOSE * low):
        middle = float((low + high) // 2.0) if best else max(float(high // 2.0), 1.0)
        tried = at(middle)
        if tried.fits:
            best, low = (tried if best is None or _rate(tried) > _rate(best) else best), middle
        else:
            answer, high = tried, middle
    return best or answer


def _rate(found: ServingEstimate) -> float:
    return found.tokens_per_s_output.p50
