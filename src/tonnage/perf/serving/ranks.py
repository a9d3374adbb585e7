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

    With r = prompts / decoding, q = r·(1-q)^d; for one rank on its own that is 1.
    """
    ranks = ranks_together(cases)
    if not np.any(ranks > 1.0):
        return np.ones_like(ranks)
    r = prompts / np.maximum(decoding, 1e-12)
    low, high = np.zeros_like(r), np.ones_like(r)
    for _ in range(_BISECTIONS):
        middle = (low + high) / 2.0
        above = middle > r * (1.0 - middle) ** ranks
        low, high = np.where(above, low, middle), np.where(above, middle, high)
    return held_open(cases, (low + high) / 2.0)
