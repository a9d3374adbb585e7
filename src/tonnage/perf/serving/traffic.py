"""How requests come in time, and the answer of the event simulation to it.

The closed forms hold for Poisson arrivals while prompts take little of a replica's time and its
slots are mostly free, and for closed clients whose caches fit; beyond, waits feed on themselves (a
longer step gathers more sequences), caches are given up, and the simulation is asked.
`tests/oracle` holds both together where both hold.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from math import ceil, inf
from typing import Any

import numpy as np

from tonnage.errors import Fault, InputError
from tonnage.perf.interval import at_most, interval
from tonnage.perf.serving.case import ServingCase, cases_of
from tonnage.perf.serving.estimate import (
    PARTS,
    Percentiles,
    ServingEstimate,
    limit_broken,
    outrun,
    overrun,
    ttft_sigma,
)
from tonnage.perf.serving.flow import solve
from tonnage.perf.serving.memory import undisturbed
from tonnage.perf.serving.pace import load_told, offered_per_s, times_of, traced_rates
from tonnage.perf.serving.percentiles import LEVELS
from tonnage.perf.serving.simulate import Simulation, simulate_serving
from tonnage.provenance import Spread
from tonnage.units import MILLI
from tonnage.workload import Arrivals, ServingJob

SIMULATED = "event simulation"
QUIET_STALL, QUIET_SLOTS = 0.2, 0.05
"""Largest shares of time spent on prompts, and of slots taken, at which the closed form stays
within 7 % of the simulation in TPOT and end-to-end time (`tests/oracle`)."""
QUIET_ANSWER, QUIET_ROOM = 0.3, 4
"""Largest share of an answer's time that prompts take, and least sequences that there is room for:
few tokens are stalled by a prompt or two or by none, and who has no room stalls nobody. So chosen
that means agree within 5 % nearly everywhere (`benchmarks/serving_agreement.py`)."""
CROWD, CROWDED = 0.6, 0.75
"""Answers of closed clients that end in one step, and share of time spent on prompts, up to which
rates, times per token and whole requests stay close to the simulation (`tests/oracle`)."""
QUEUED, LEAST_QUEUED = 3.0, 100
"""Closed clients that are played, over those that run at once, and at least."""
LONGEST_RUN = 1_000_000
ROUNDS = 4
"""Least requests a client: the first and the last of each stay out of the answer."""


def _number(value: object) -> bool:
    return isinstance(value, int | float | np.number) and not isinstance(value, bool)


@dataclass(frozen=True, slots=True)
class Traffic:
    """Arrivals beyond a mean rate, and whether they are to be played event by event."""

    burstiness: float = 1.0
    """Variance over squared mean of the gaps: 1 Poisson, below more even, above in bursts."""
    arrival_s: Sequence[float] | None = None
    """Times of a trace, seconds."""
    input_tokens: Sequence[float] | None = None
    """Prompt tokens of each request of the trace, where it says."""
    output_tokens: Sequence[float] | None = None
    simulate: bool = False
    """Play the load even where the closed form holds."""
    requests: int = 20_000
    """Requests of one replica that are played; of closed clients `ROUNDS` each at least, and a
    trace is played whole."""

    def __post_init__(self) -> None:
        faults = []
        if not (_number(self.burstiness) and 0.0 < self.burstiness <= 1000.0):
            faults.append(Fault("burstiness", self.burstiness, "a number above 0, up to 1000"))
        whole = _number(self.requests) and self.requests == self.requests // 1
        if not (whole and 10 <= self.requests <= LONGEST_RUN):
            mend = f"a whole number from 10 to {LONGEST_RUN:,}"
            faults.append(Fault("requests", self.requests, mend))
        for name in ("arrival_s", "input_tokens", "output_tokens"):
            if getattr(self, name) is not None:
                faults += self._column_faults(name)
        if faults:
            raise InputError(faults)

    def _column_faults(self, name: str) -> list[Fault]:
        """Return what is wrong with a column of the trace."""
        told, sent = getattr(self, name), self.arrival_s
        if not (isinstance(told, Sequence | np.ndarray) and not isinstance(told, str)):
            return [Fault(name, told, "a list of numbers, one a request")]
        least = 0.0 if name == "arrival_s" else 1.0
        odd = [n for n in told if not (_number(n) and least <= n < inf)]
        if odd:
            return [Fault(name, odd[0], f"numbers of {least:g} or more, one a request")]
        if sent is None:
            return [Fault("arrival_s", None, f"the times of the requests that {name} tells of")]
        if not len(told) or (hasattr(sent, "__len__") and len(told) != len(sent)):
            return [Fault(name, f"{len(told)} numbers", "one a request, of one request or more")]
        return []

    @property
    def requests_per_s(self) -> float:
        """(n - 1) / span of a trace, at most n: a burst is ranked as if it came over a second."""
        sent = self.arrival_s if self.arrival_s is not None else ()
        return min(offered_per_s(np.asarray(sent, float)), float(len(sent)))

    def longest(self, job: ServingJob) -> tuple[int, ServingJob] | None:
        """Return the longest request of a trace, which and as a job without limits, if it says."""
        if self.arrival_s is None or (self.input_tokens is None and self.output_tokens is None):
            return None
        some = [job.input_tokens] * len(self.arrival_s)
        prompts = some if self.input_tokens is None else self.input_tokens
        rest = [job.output_tokens] * len(self.arrival_s)
        answers = rest if self.output_tokens is None else self.output_tokens
        k = max(range(len(prompts)), key=lambda i: prompts[i] + answers[i])
        return k, replace(
            job, input_tokens=float(prompts[k]), output_tokens=float(answers[k]),
            shortest_share=1.0, request_rate=None, concurrency=1.0, arrivals=Arrivals.CLOSED,
            ttft_ms=None, tpot_ms=None,
        )  # fmt: skip

    @property
    def plain(self) -> bool:
        """Poisson arrivals: the closed form knows them."""
        return self.burstiness == 1.0 and self.arrival_s is None and not self.simulate


def closed_form_holds(case: ServingCase) -> bool:
    """Return whether the closed form answers.

    Open arrivals must leave the deployment quiet enough. Of closed clients no more may run than the
    caches hold, unless the engine sets whole answers aside, else some are preempted; answers may
    not be so short that they end in crowds, or that prompts are nearly all there is; and in a
    pipeline prompts may take no more than a quiet share.
    """
    job, flow = case.job, solve(cases_of([case]))
    if job.arrivals is Arrivals.CLOSED and job.requests is None:
        clients = (job.concurrency or 1.0) / case.layout.dp
        cases = cases_of([case])
        room = max(float(undisturbed(cases, flow.capacity)[0]), 1.0)
        spare = case.engine.admitted_output >= 1.0 or room >= case.engine.max_sequences
        apart = min(clients, room) <= CROWD * job.output_tokens
        apart = apart and float(flow.stalls[0]) <= CROWDED
        apart = apart and (case.layout.pp == 1 or float(flow.busy[0]) <= QUIET_STALL)
        return apart and (spare or clients <= room)
    if job.arrivals is not Arrivals.OPEN:
        return True
    slots = min(float(flow.capacity.sequences[0]), float(case.engine.max_sequences))
    taken = float(flow.batch[0]) / max(slots // 1.0, 1.0)
    calm = float(flow.busy[0]) <= QUIET_STALL and float(flow.stalls[0]) <= QUIET_ANSWER
    return calm and taken <= QUIET_SLOTS and slots >= QUIET_ROOM


def played(found: ServingEstimate, case: ServingCase, traffic: Traffic) -> ServingEstimate:
    """Return `found` with latencies and rates from playing its load event by event.

    One replica of each kind is played: clients that do not divide evenly leave some with one more.
    A trace goes to the replicas in turn, and all of them are played.
    """
    runs = _deployment(case, traffic)
    run = _together(runs)
    traced = traffic.arrival_s is not None
    opened = traced or case.job.arrivals is Arrivals.OPEN
    load = load_told(times_of(case), [one for _, one in runs]) if opened else 0.0
    swamped = load > 1.0
    late = ttft_sigma(found.sigma, case.job)
    values = {"ttft_ms": run.ttft_s, "tpot_ms": run.tpot_s, "e2e_ms": run.e2e_s}
    means = {n: float(np.nanmean(v)) / MILLI if _any(v) else 0.0 for n, v in values.items()}
    doubt = {"ttft_ms": late, "tpot_ms": found.sigma, "e2e_ms": found.sigma}
    tails = {
        n: Percentiles(*(interval(run.percentile(n[:-2] + "s", q) / MILLI, doubt[n])
                         for q in LEVELS)) if _any(v) else found.percentiles[n]
        for n, v in values.items()
    }  # fmt: skip
    spreads = {n: interval(means[n], doubt[n]) for n in values}
    new = replace(
        found, percentiles=tails, method=SIMULATED,
        ttft_ms=spreads["ttft_ms"], tpot_ms=spreads["tpot_ms"], e2e_ms=spreads["e2e_ms"],
    )  # fmt: skip
    if traced:
        run = replace(run, duration_s=float(np.max(run.sent_s + run.e2e_s) - np.min(run.sent_s)))
        keeping = found.requests_per_s.p10 / found.requests_per_s.p50
        rates = traced_rates(run.sent_s, run.e2e_s, found.sigma, keeping, swamped=swamped)
    else:
        rates = _rates(found, case, run, swamped=swamped)
    new = _rated(replace(new, requests_per_s=rates, overloaded=swamped), case.job, run)
    if not swamped:
        return new
    reason = outrun(load) if traced else overrun(case.job, rates.p50)
    return replace(new, fits=False, reason=reason)


def _deployment(case: ServingCase, traffic: Traffic) -> list[tuple[int, Simulation]]:
    """Play one replica of each kind, all of them for a trace; return how many there are of each."""
    job, ranks = case.job, case.layout.dp
    if traffic.arrival_s is not None:
        used = range(min(ranks, len(traffic.arrival_s)))
        return [(1, _replica(case, traffic, 1.0, turn=k)) for k in used]
    if job.arrivals is Arrivals.OPEN or job.concurrency is None:
        return [(ranks, _replica(case, traffic, 1.0))]
    few, more = divmod(max(round(job.concurrency), 1), ranks)
    kinds = [(ranks - more, few), (more, few + 1)]
    runs = []
    for count, clients in kinds:
        if count and clients:
            share = count * clients / (ranks * few + more)
            runs.append((count, _crowd(case, traffic, share, clients)))
    return runs


def _crowd(case: ServingCase, traffic: Traffic, share: float, clients: int) -> Simulation:
    """Play one replica of so many closed clients.

    Of a long queue a part is played: each further client makes all wait 1/X longer, X a second.
    """
    room = float(undisturbed(cases := cases_of([case]), solve(cases).capacity)[0])
    some = min(clients, max(ceil(QUEUED * room), LEAST_QUEUED))
    run = _replica(case, traffic, share, some)
    late = (clients - some) / run.requests_per_s
    return replace(run, ttft_s=run.ttft_s + late, e2e_s=run.e2e_s + late)


def _replica(
    case: ServingCase, traffic: Traffic, share: float, clients: int | None = None, turn: int = 0
) -> Simulation:
    """Play one replica, of so many closed clients, for a share of the requests.

    Of a trace it is the one whose turn comes after so many others.
    """
    told = (traffic.arrival_s, traffic.input_tokens, traffic.output_tokens)
    sent, prompts, answers = (None if x is None else x[turn :: case.layout.dp] for x in told)
    if sent is not None:
        count = min(len(sent), LONGEST_RUN)
    else:
        least = max(ROUNDS * (clients or 0), 10)
        count = int(min(max(traffic.requests * share, least), LONGEST_RUN))
    return simulate_serving(
        case,
        count,
        seed=turn,
        evenly=case.job.requests is None,
        burstiness=traffic.burstiness,
        arrival_s=sent,
        input_tokens=prompts,
        output_tokens=answers,
        clients=clients,
    )


def _together(runs: Sequence[tuple[int, Simulation]]) -> Simulation:
    """Return the runs of so many replicas each as one, whose rate is that of all of them."""
    rate = sum(count * run.requests_per_s for count, run in runs)
    every = [run for _, run in runs]
    ttft, tpot, e2e = (
        np.concatenate([getattr(run, name) for run in every])
        for name in ("ttft_s", "tpot_s", "e2e_s")
    )
    return Simulation(
        ttft, tpot, e2e, len(e2e) / rate,
        max(run.arrivals_s for run in every),
        sum(run.input_tokens for run in every), sum(run.output_tokens for run in every),
        sum(run.changes for run in every), sum(run.played for run in every),
        sum(run.preempted for run in every),
        np.concatenate([run.sent_s for run in every]),
        (np.concatenate([run.lengths[0] for run in every]),
         np.concatenate([run.lengths[1] for run in every])),
    )  # fmt: skip


def _any(values: Any) -> bool:
    return bool(np.isfinite(values).any())


def _rates(found: ServingEstimate, case: ServingCase, run: Simulation, *, swamped: bool) -> Spread:
    """Return requests a second of closed clients, or of arrivals: what comes is served."""
    offered = case.job.request_rate if case.job.arrivals is Arrivals.OPEN else None
    rates = interval(run.requests_per_s, found.sigma)
    if offered is None:
        return rates
    slow = min(found.requests_per_s.p10, offered)
    return at_most(rates, offered) if swamped else Spread(slow, offered, offered)


def _rated(found: ServingEstimate, job: ServingJob, run: Simulation) -> ServingEstimate:
    """Add tokens a second, the parts of TPOT, and whether the limits are kept."""
    count, rates = len(run.e2e_s), found.requests_per_s
    output = rates * (run.output_tokens / count)
    whole = rates * ((run.output_tokens + run.input_tokens) / count)
    decoding = float(np.sum(run.e2e_s - run.ttft_s)) / run.duration_s
    decoding = decoding if _any(run.tpot_s) else found.running
    parts = _parts(found)
    reason = limit_broken(job, found.tpot_ms.p50, found.ttft_ms.p50)
    return replace(
        found,
        fits=not reason,
        reason=reason,
        tokens_per_s_output=output,
        tokens_per_s_total=whole,
        tokens_per_s_output_per_chip=output / found.chips,
        running=min(decoding, float(found.max_concurrency)),
        preempted=run.preempted / max(run.played, 1),
        breakdown_ms=parts,
        bottleneck=PARTS[max(parts, key=lambda name: parts[name])],
    )


def _parts(found: ServingEstimate) -> dict[str, float]:
    """Parts of the simulated TPOT: the step as the closed form has it, the rest others' prompts."""
    parts = dict(found.breakdown_ms) | {"prompts": 0.0}
    step, whole = sum(parts.values()), found.tpot_ms.p50
    scale = min(1.0, whole / step) if step else 1.0
    parts = {name: value * scale for name, value in parts.items()}
    return parts | {"prompts": max(whole - step, 0.0)}
