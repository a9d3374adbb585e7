"""Latency percentiles over requests, where a closed form holds.

Waits behind other prompts are zero with probability 1 - rho and else exponential (the tail of
M/G/1); a share 1/rounds of a finite closed run belongs to the first wave, which waits evenly
between zero and twice its mean. `simulate` gives the same without these assumptions.
"""

from __future__ import annotations

from math import sqrt

import numpy as np

from tonnage.perf.serving.arrays import Number
from tonnage.perf.serving.arrivals import BUSIEST
from tonnage.perf.serving.case import ENDLESS, Cases
from tonnage.perf.serving.flow import Flow
from tonnage.perf.serving.prompts import first_share, kind_is
from tonnage.workload import Arrivals

LEVELS = (0.5, 0.9, 0.99)
_BISECTIONS = 50
_TERMS, _SERIES = 12, 0.5
"""Terms of a series of alternating signs, and the load up to which it is summed."""
_FEW = 2.0
"""Prompts that are met in the mean, up to which their numbers are told one by one."""


def ttft_quantile(cases: Cases, flow: Flow, level: float) -> Number:
    """Seconds that a share `level` of the requests does not exceed, axis [case]."""
    low, high = np.zeros_like(flow.own_s), 40.0 * (flow.queue_s + flow.memory_wait_s) + flow.own_s
    high = high + 2.0 * flow.first_wave_s
    for _ in range(_BISECTIONS):
        middle = (low + high) / 2.0
        below = _wait_share(cases, flow, middle) < level
        low, high = np.where(below, middle, low), np.where(below, high, middle)
    found = np.where(kind_is(cases, Arrivals.OPEN), -np.expm1(-flow.batch), flow.batch > 1.0)
    found = np.where(kind_is(cases, Arrivals.STATIC), 0.0, found)
    part = np.maximum(level - (1.0 - found), 0.0) - 0.5 * found  # of the step that runs
    part = part * np.where(found > 0, flow.decode.total, 0.0)
    # Lengths and waits vary independently.
    longer, later = flow.own_s * cases.load.spread * _even(level), high + part
    apart = np.hypot(longer, np.maximum(later, 0.0)) + np.minimum(later, 0.0)
    return np.maximum(flow.own_s + flow.turn_s + apart, 0.5 * flow.own_s)


def _wait_share(cases: Cases, flow: Flow, wait: Number) -> Number:
    """Share of the requests that wait no longer than `wait` seconds."""
    first = first_share(cases)
    steady_mean = flow.queue_s - flow.turn_s - first * flow.first_wave_s
    steady_mean = steady_mean / np.maximum(1.0 - first, 1e-9)
    steady_mean = np.maximum(steady_mean, 0.0)
    # Who decodes undisturbed may still have waited; with M/D/1, rho = 2W / (S + 2W).
    waited = 2.0 * steady_mean / np.maximum(flow.prompt_s + 2.0 * steady_mean, 1e-12)
    rho = np.clip(np.maximum(flow.busy, waited), 1e-6, BUSIEST)
    steady = 1.0 - rho * np.exp(-wait * rho / np.maximum(steady_mean, 1e-12))
    steady = np.where(kind_is(cases, Arrivals.OPEN) & (rho < _SERIES), _in_turn(flow, wait), steady)
    # No closed client waits longer than for all the others.
    all_others = kind_is(cases, Arrivals.CLOSED) & (wait >= 2.0 * flow.first_wave_s)
    steady = np.where(all_others, 1.0, steady)
    early = np.clip(wait / np.maximum(2.0 * flow.first_wave_s, 1e-12), 0.0, 1.0)
    late = np.clip(wait / np.maximum(2.0 * flow.memory_wait_s, 1e-12), 0.0, 1.0)
    # Clients without an end always find the same queue.
    endless = kind_is(cases, Arrivals.CLOSED) & (cases.load.requests >= ENDLESS)
    late = np.where(endless, np.where(wait >= flow.memory_wait_s, 1.0, 0.0), late)
    mixture = (1.0 - first) * steady + first * early
    return np.where(flow.memory_wait_s > flow.queue_s, late, mixture)


def _in_turn(flow: Flow, wait: Number) -> Number:
    """Share that waits no longer where prompts of length S come at random (M/D/1, Erlang 1909).

    (1-rho)·Σ_k (-rho·(x-k))^k / k! · exp(rho·(x-k)), k = 0 … floor(x), x the wait in S.
    """
    rho = np.clip(flow.busy, 1e-6, _SERIES)
    burst = np.maximum(2.0 * flow.queue_s * (1.0 - rho) / rho, 1e-12)
    x = np.minimum(wait / burst, _TERMS)
    total = np.zeros_like(x)
    factorial = 1.0
    for k in range(_TERMS + 1):
        factorial *= max(k, 1)
        over = np.maximum(x - k, 0.0)
        total += np.where(x >= k, (-rho * over) ** k / factorial * np.exp(rho * over), 0.0)
    return (1.0 - rho) * total


def tpot_quantile(cases: Cases, flow: Flow, level: float) -> Number:
    """Mean time per token of a request at `level`.

    Closed: prompts of others come in Poisson numbers. Open: N prompts of others are met, c each,
    and B others decode in a stay and as many in the time of one before it; each adds m·U for the
    part U of the stay that it decodes beside, m what one more sequence adds to a step. Waits feed
    on themselves, by 1 / (1 - λ·S - λ·o·m); the third cumulant gives the skew. Few prompts are
    counted one by one.
    """
    stay = np.maximum(flow.e2e_s - flow.memory_wait_s, 1e-9)
    met = np.maximum(flow.requests_per_s / cases.layout.dp * stay, 1e-9)
    deviation = flow.tpot_s * flow.stalls / np.sqrt(np.maximum(met, 1.0))
    plain = flow.tpot_s + _normal(level) * deviation
    here, count = np.maximum(flow.batch, 1e-9), np.maximum(flow.met, 1e-9)
    adds = flow.prompt_s / cases.layout.pp / np.maximum(cases.load.output - 1.0, 1.0)
    grows = flow.growth_s
    gain = 1.0 / np.maximum(1.0 - flow.busy - here * grows / np.maximum(flow.tpot_s, 1e-12), 0.1)
    within = np.minimum(here, count)  # met while decoding: each is a sequence beside, too
    second = count * adds**2 + within * adds * grows + here * 2.0 / 3.0 * grows**2
    third = count * adds**3 + within * (1.5 * adds**2 * grows + adds * grows**2)
    third = third + here * grows**3 / 2.0
    wide = np.sqrt(second) * gain
    skew = third / np.maximum(second, 1e-30) ** 1.5
    bent = _normal(level) + skew / 6.0 * (_normal(level) ** 2 - 1.0)
    calm = np.where(kind_is(cases, Arrivals.OPEN), flow.tpot_s - flow.met * adds, flow.tpot_s)
    many = np.maximum(flow.tpot_s + bent * wide, calm)
    # One by one: the median of most requests has met none at all.
    beside = np.sqrt(here * 2.0 / 3.0) * grows * gain * _normal(level)
    few = np.maximum(calm + beside, 0.5 * calm) + adds * _poisson_quantile(count, level)
    found = np.where(kind_is(cases, Arrivals.OPEN), np.where(count < _FEW, few, many), plain)
    return np.where(cases.load.output > 1.0, np.maximum(found, 0.5 * calm), 0.0)


def _poisson_quantile(mean: Number, level: float) -> Number:
    """Least k that a Poisson number exceeds with a probability of no more than 1 - level."""
    term = np.exp(-mean)
    below, found = term, np.zeros_like(mean)
    for k in range(1, _TERMS + 1):
        found = found + (below < level)
        term = term * mean / k
        below = below + term
    return found


def e2e_quantile(cases: Cases, flow: Flow, level: float, waits: tuple[Number, Number]) -> Number:
    """Seconds from sending to the last token at `level`: lengths and waits vary independently.

    `waits` are the `ttft_quantile` of one half and of `level`.
    """
    decoding = np.maximum(flow.e2e_s - flow.ttft_s, 0.0)
    scale = decoding / np.maximum(flow.tpot_s, 1e-12)
    steps = [tpot_quantile(cases, flow, at) * scale for at in (0.5, level)]
    middle = waits[0] + steps[0]
    parts = (waits[1] - waits[0]) ** 2 + (steps[1] - steps[0]) ** 2
    parts = parts + (decoding * cases.load.spread * _even(level)) ** 2
    return np.maximum(middle + np.sign(level - 0.5) * np.sqrt(parts), flow.ttft_s)


def _even(level: float) -> float:
    """Return the quantile of what is drawn evenly, as lengths are, in deviations from the mean."""
    return sqrt(3.0) * (2.0 * level - 1.0)


def _normal(level: float) -> float:
    from statistics import NormalDist

    return NormalDist().inv_cdf(level)
