"""Latency percentiles over requests, where a closed form holds.

Waits behind other prompts are zero with probability 1 - rho and else exponential (the tail of
M/G/1); a share 1/rounds of a finite closed run belongs to the first wave, which waits evenly
between zero and twice its mean. `simulate` gives the same without these assumptions.
"""

from __future__ import annotations

import numpy as np

from tonnage.perf.serving.arrays import Number
from tonnage.perf.serving.case import Cases
from tonnage.perf.serving.flow import BUSIEST, Flow, first_share
from tonnage.provenance import Z90

LEVELS = (0.5, 0.9, 0.99)
_BISECTIONS = 50


def ttft_quantile(cases: Cases, flow: Flow, level: float) -> Number:
    """Seconds that a share `level` of the requests does not exceed, axis [case]."""
    low, high = np.zeros_like(flow.own_s), 40.0 * (flow.queue_s + flow.memory_wait_s) + flow.own_s
    high = high + 2.0 * flow.first_wave_s
    for _ in range(_BISECTIONS):
        middle = (low + high) / 2.0
        below = _wait_share(cases, flow, middle) < level
        low, high = np.where(below, middle, low), np.where(below, high, middle)
    return flow.own_s * (1.0 + cases.load.spread * _normal(level)) + high


def _wait_share(cases: Cases, flow: Flow, wait: Number) -> Number:
    """Share of the requests that wait no longer than `wait` seconds."""
    first = first_share(cases)
    steady_mean = (flow.queue_s - first * flow.first_wave_s) / np.maximum(1.0 - first, 1e-9)
    steady_mean = np.maximum(steady_mean, 0.0)
    rho = np.clip(flow.stalls, 1e-6, BUSIEST)
    steady = 1.0 - rho * np.exp(-wait * rho / np.maximum(steady_mean, 1e-12))
    early = np.clip(wait / np.maximum(2.0 * flow.first_wave_s, 1e-12), 0.0, 1.0)
    late = np.clip(wait / np.maximum(2.0 * flow.memory_wait_s, 1e-12), 0.0, 1.0)
    mixture = (1.0 - first) * steady + first * early
    return np.where(flow.memory_wait_s > flow.queue_s, late, mixture)


def tpot_quantile(cases: Cases, flow: Flow, level: float) -> Number:
    """Mean time per token of a request at `level`: prompts of others come in Poisson numbers."""
    stay = np.maximum(flow.e2e_s - flow.memory_wait_s, 1e-9)
    met = np.maximum(flow.requests_per_s / cases.layout.dp * stay, 1e-9)
    deviation = flow.tpot_s * flow.stalls / np.sqrt(np.maximum(met, 1.0))
    return np.maximum(flow.tpot_s + _normal(level) * deviation, 0.5 * flow.tpot_s)


def e2e_quantile(cases: Cases, flow: Flow, level: float) -> Number:
    """Seconds from sending to the last token at `level`: lengths and waits vary independently."""
    decoding = np.maximum(flow.e2e_s - flow.ttft_s, 0.0)
    wait = np.maximum(ttft_quantile(cases, flow, 0.9) - flow.ttft_s, 0.0)
    slow = tpot_quantile(cases, flow, 0.9) / np.maximum(flow.tpot_s, 1e-12) - 1.0
    parts = (decoding * cases.load.spread) ** 2 + (wait**2 + (slow * decoding) ** 2) / Z90**2
    deviation = np.sqrt(parts)
    return np.maximum(flow.e2e_s + _normal(level) * deviation, flow.ttft_s)


def _normal(level: float) -> float:
    from statistics import NormalDist

    return NormalDist().inv_cdf(level)
