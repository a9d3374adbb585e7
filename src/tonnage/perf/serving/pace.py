"""At what rate a trace is served.

n / (A + D), with A from the first arrival to the last and D from there to the last token.
"""

from __future__ import annotations

from math import inf
from typing import Any

import numpy as np

from tonnage.perf.serving.simulate import Simulation

EDGE = 0.05
"""D over A up to which the end is as much an edge as the empty start, and is left out; it counts in
full from twice that on."""


def offered_per_s(sent_s: Any) -> float:
    """(n - 1) / A: arrivals a second; without end where all come at one time."""
    span = float(np.max(sent_s) - np.min(sent_s))
    return (len(sent_s) - 1) / span if span > 0 else inf


def served_per_s(run: Simulation, slower: float = 1.0, *, whole: bool = False) -> float:
    """N / (A + D), at most what is offered; `whole` counts every end in full.

    `slower` stretches D, to tell what a slower deployment would serve.
    """
    start, last = float(np.min(run.sent_s)), float(np.max(run.sent_s))
    span = last - start
    drain = max(float(np.max(run.sent_s + run.e2e_s)) - last, 0.0) * slower
    if not whole:
        drain = min(max(2.0 * (drain - EDGE * span), 0.0), drain)
    over = span + drain
    return min(len(run.sent_s) / over if over > 0 else inf, offered_per_s(run.sent_s))
