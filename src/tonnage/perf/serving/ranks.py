"""Attention ranks that share one set of experts step together: a prompt on one holds up all.

A rank is busy with prompts for a share q of the time; while any of d ranks is, none of them
decodes: a share U = 1 - (1-q)^d, ranks prefilling at their own moments. Published runs of
DeepSeek-V3 and Kimi-K2 under SGLang with attention data parallelism show it: their time per token
is two to four times that of a rank on its own. Where prompts ride along with decoding, ranks take
them in the same steps, and published runs of TensorRT-LLM show no such stall.
"""

from __future__ import annotations

import numpy as np

from tonnage.perf.serving.arrays import Number
from tonnage.perf.serving.case import KINDS, Cases
from tonnage.workload import Arrivals

_BISECTIONS = 40


def ranks_in_step(cases: Cases) -> Number:
    """Attention ranks of one set of experts."""
    return np.maximum(cases.layout.ep / cases.layout.tp, 1.0)


def ranks_together(cases: Cases) -> Number:
    """Ranks at work whose prompts hold up each other's decoding.

    Those of one set of experts, where prompts take own steps and more than a first token is made.
    """
    layout, load = cases.layout, cases.load
    closed, opened = (load.kind == KINDS.index(kind) for kind in (Arrivals.CLOSED, Arrivals.OPEN))
    together = (layout.ep > layout.tp) & (cases.engine.mixed <= 0) & (closed | opened)
    together &= load.output > 1.0
    ranks = ranks_in_step(cases)
    clients = load.concurrency * ranks / np.maximum(layout.dp, 1.0)  # of one set of experts
    busy = np.where(closed, np.clip(clients, 1.0, ranks), ranks)
    return np.where(together, busy, 1.0)


def held_open(cases: Cases, share: Number) -> Number:
    """U / q of open arrivals, q = `share`: how much longer prompts hold a rank up."""
    ranks, q = ranks_together(cases), np.clip(share, 1e-9, 0.999)
    return np.where(ranks > 1.0, -np.expm1(ranks * np.log1p(-q)) / q, 1.0)


def held_closed(cases: Cases, prompts: Number, decoding: Number) -> Number:
    """U / q where q·T = `prompts` and (1-U)·T = `decoding`, seconds of a round of T.

    For one rank on its own that is 1.
    """
    if not np.any(ranks_together(cases) > 1.0):
        return np.ones_like(prompts + decoding)
    return held_open(cases, _prompts_share(cases, prompts, decoding))


def slowed_open(cases: Cases, share: Number) -> Number:
    """1 / (1-q)^(d-1): what the prompts of the other ranks make of a decoding step, q = `share`."""
    q = np.clip(share, 0.0, 0.999)
    return np.asarray((1.0 - q) ** (1.0 - ranks_together(cases)))


def slowed_closed(cases: Cases, prompts: Number, decoding: Number) -> Number:
    """Return the same of a round, as in `held_closed`."""
    return slowed_open(cases, _prompts_share(cases, prompts, decoding))


def _prompts_share(cases: Cases, prompts: Number, decoding: Number) -> Number:
    """Return q: with r = prompts / decoding, q = r·(1-q)^d."""
    ranks, r = ranks_together(cases), prompts / np.maximum(decoding, 1e-12)
    low, high = np.zeros_like(r), np.ones_like(r)
    for _ in range(_BISECTIONS):
        middle = (low + high) / 2.0
        above = middle > r * (1.0 - middle) ** ranks
        low, high = np.where(above, low, middle), np.where(above, middle, high)
    return (low + high) / 2.0
