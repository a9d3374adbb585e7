"""The split of chips between two pools that serves a named load best.

Every pair of options and every split is taken to the load: K clients settle where
X·(TTFT(X) + (o-1)·t(b)) = K, with b = X/(y·q) · (o-1)·t(b), told on a series of batches b and
between them in a straight line. What the limits allow bounds X, so a looser limit never serves
less.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from tonnage.perf.serving.arrays import Number
from tonnage.perf.serving.pools_queue import PromptQueue
from tonnage.workload import ServingJob

BATCHES = 48
"""Batches of a decoding rank at which a step is told, evenly spaced in the logarithm."""
SMALLEST = 0.01
"""The least of them: a rank that decodes 1 % of the time."""
SPLITS = 128
"""Splits that are tried of one pair of options; all where there are no more."""
QUICKER = 1e-6
"""Share of throughput that a second of a request is worth, to tell equals apart."""
NEVER = 1e-9


@dataclass(frozen=True, slots=True, eq=False)
class PrefillSide:
    """Options of the prefill pool, axis [option]."""

    chips: Number
    rate: Number
    """Requests/s of one instance within the limits."""
    ranks: Number
    """Ranks of an instance that take prompts, ..."""
    queue: PromptQueue
    """... and what a prompt waits and takes at one."""
    beside_s: Number
    """What else there is to a first token: interface, tokenizer and transfer."""


@dataclass(frozen=True, slots=True, eq=False)
class DecodeSide:
    """Options of the decoding pool, axis [option], steps on axes [option, batch]."""

    chips: Number
    rate: Number
    batch: Number
    """Sequences of one instance."""
    step_s: Number
    steps: float
    """Mean tokens of an answer after the first, which comes from the prompt."""


Choice = tuple[int, int, int, int]
"""Option and instances of prefill, option and instances of decoding."""


def batches(full: Number) -> Any:
    """Return batches of a rank from nearly none to `full`; axes [option, batch]."""
    steps = np.arange(BATCHES) / (BATCHES - 1.0)
    return SMALLEST * (np.asarray(full)[:, None] / SMALLEST) ** steps


def best_split(
    job: ServingJob, left: PrefillSide, right: DecodeSide, chips: int | tuple[int, int]
) -> Choice | None:
    """Return the choice that serves the job's load with most requests a second.

    Of equals the quickest, then that with fewest chips; none where no pair fits the chips.
    """
    best: tuple[float, float] | None = None
    answer: Choice | None = None
    for p in np.flatnonzero(left.rate > 0):
        for d, x, y in _splits(left, right, int(p), chips):
            worth = _worth(job, left, right, (int(p), x, d, y))
            used = x * left.chips[p] + y * right.chips[d]
            order = np.lexsort((used, -worth))[0]
            key = float(worth[order]), -float(used[order])
            if best is None or key > best:
                best = key
                answer = int(p), int(x[order]), int(d[order]), int(y[order])
    return answer


def _splits(
    left: PrefillSide, right: DecodeSide, p: int, chips: int | tuple[int, int]
) -> Iterator[tuple[Any, Any, Any]]:
    """Yield decoding options with the instances of both pools, axis [split]."""
    options = np.flatnonzero(right.rate > 0)
    if isinstance(chips, tuple):
        x = np.full(len(options), chips[0] // left.chips[p]).astype(int)
        y = (chips[1] // right.chips[options]).astype(int)
    else:
        most = int(chips // left.chips[p])
        counts = np.unique(np.linspace(1, max(most, 1), min(max(most, 1), SPLITS)).astype(int))
        x, options = np.tile(counts, len(options)), np.repeat(options, len(counts))
        y = ((chips - x * left.chips[p]) // right.chips[options]).astype(int)
    able = (x >= 1) & (y >= 1)
    if able.any():
        yield options[able], x[able], y[able]


def _worth(
    job: ServingJob, left: PrefillSide, right: DecodeSide, choice: tuple[int, Any, Any, Any]
) -> Any:
    """Return requests/s of splits under the load, a little less where a request takes longer."""
    p, x, d, y = choice
    most = np.minimum(x * left.rate[p], y * right.rate[d])
    # A whole pool at each batch of the series; axes [split, batch].
    running = batches(right.batch)[d] * y[:, None]
    rate = running / (right.steps * right.step_s[d])
    if job.request_rate is not None:
        served = np.minimum(most, job.request_rate)
    else:
        assert job.concurrency is not None
        clients = rate * _first(left, p, x[:, None], rate) + running
        served = np.minimum(most, _crossing(clients, rate, job.concurrency))
    time = _first(left, p, x, served) + _crossing(rate, running, served) / served
    return served / (1.0 + QUICKER * time)


def _first(left: PrefillSide, p: int, x: Any, rate: Any) -> Any:
    """Time to first token of `x` instances of an option."""
    return left.beside_s[p] + left.queue.first(rate / (x * left.ranks[p]), p)


def _crossing(rising: Any, values: Any, at: Any) -> Any:
    """Return `values` where `rising` passes `at`, in a straight line; axes [split, batch]."""
    goal = np.broadcast_to(np.asarray(at, float), rising.shape[:1])
    k = np.clip((rising < goal[:, None]).sum(axis=1), 1, rising.shape[1] - 1)
    row = np.arange(len(goal))
    low, high = rising[row, k - 1], rising[row, k]
    share = np.clip((goal - low) / np.maximum(high - low, NEVER * high), 0.0, 1.0)
    below = goal < rising[:, 0]
    first = values[:, 0] * goal / rising[:, 0]
    between = values[row, k - 1] + share * (values[row, k] - values[row, k - 1])
    return np.where(below, first, between)
