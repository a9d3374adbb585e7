"""Which layouts a search tries: every combination of degrees that suits job and chips."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import product
from math import isqrt
from typing import Any

import numpy as np

from tonnage.perf.layout import Layouts
from tonnage.workload import TrainingJob


@dataclass(frozen=True, slots=True)
class SearchSpace:
    """Limits of the search. The default spans what Megatron-style frameworks run."""

    most_tp: int = 64
    most_cp: int = 64
    most_vpp: int = 16
    most_mb: int = 64
    zero: tuple[int, ...] = (0, 1, 2, 3)
    recompute: tuple[int, ...] = (0, 1, 2)
    zero_bubble: bool = False
    """Try the zero-bubble schedule too."""
    offload: bool = False
    """Try offload of optimizer state and of activations too."""


def divisors(number: int, most: int | None = None) -> list[int]:
    """Return the divisors of `number` up to `most`, ascending."""
    # Without the second bound a mistyped batch of 1e20 would be counted up to its root.
    end = isqrt(number) if most is None else min(isqrt(number), most)
    small = [d for d in range(1, end + 1) if number % d == 0]
    every = sorted({*small, *(number // d for d in small)})
    return [d for d in every if most is None or d <= most]


def layouts_in(job: TrainingJob, chips: int, space: SearchSpace) -> Layouts:
    """Return every layout of the space that suits the job on `chips`, axis [layout].

    TP divides the heads; CP divides the sequence (and only long ones are cut); DP·micro batch
    divides the global batch; interleaving divides layers evenly and micro batches by stages; EP
    divides the experts and TP·CP·DP. FSDP (ZeRO-3) is tried without a
    pipeline only, as frameworks do.
    """
    rows = list(_rows(job, chips, space))
    if not rows:
        return Layouts(*(np.empty(0) for _ in range(14)))
    core = np.array(rows, dtype=float)
    flags = np.array(list(_flags(space)), dtype=float)
    grid = np.repeat(core, len(flags), axis=0)
    more = np.tile(flags, (len(core), 1))
    tp, pp, vpp, dp, cp, ep, mb = grid.T
    zero, recompute, sp, schedule, away_optimizer, away_activations = more.T
    layouts = Layouts(
        tp, pp, vpp, dp, cp, ep, mb, zero, recompute, sp, schedule,
        np.zeros_like(tp), away_optimizer, away_activations,
    )  # fmt: skip
    keep = ~((sp > 0) & (tp == 1)) & ~((zero > 0) & (dp * cp == 1)) & ~((zero == 3) & (pp > 1))
    keep &= ~((schedule > 0) & ((pp == 1) | (vpp > 1)))
    keep &= ~((zero == 2) & (pp > 1))
    return layouts.take(np.flatnonzero(keep))


def _flags(space: SearchSpace) -> Iterator[tuple[Any, ...]]:
    schedules = (0, 1) if space.zero_bubble else (0,)
    away = (0, 1) if space.offload else (0,)
    return product(space.zero, space.recompute, (0, 1), schedules, away, away)


def _rows(job: TrainingJob, chips: int, space: SearchSpace) -> Iterator[tuple[int, ...]]:
    model = job.model
    for tp in divisors(chips, min(space.most_tp, chips)):
        if model.attention.heads % tp:
            continue
        for cp in _context(job, chips // tp, space):
            for pp in divisors(chips // (tp * cp), model.layers):
                dp = chips // (tp * cp * pp)
                if job.global_batch % dp:
                    continue
                share = job.global_batch // dp
                for mb, vpp, ep in product(
                    divisors(share, space.most_mb),
                    _interleavings(model.layers, pp, space),
                    _experts(job, tp * cp * dp),
                ):
                    if vpp == 1 or (share // mb) % pp == 0:
                        yield tp, pp, vpp, dp, cp, ep, mb


def _context(job: TrainingJob, chips: int, space: SearchSpace) -> Iterable[int]:
    most = max(1, min(space.most_cp, job.seq_len // 1024))
    return [cp for cp in divisors(chips, most) if job.seq_len % cp == 0]


def _interleavings(layers: int, pp: int, space: SearchSpace) -> list[int]:
    if pp == 1 or layers % pp:
        return [1]
    return divisors(layers // pp, space.most_vpp)


def _experts(job: TrainingJob, ranks: int) -> list[int]:
    experts = job.model.experts
    if experts is None:
        return [1]
    return [ep for ep in divisors(experts.routed) if ranks % ep == 0]
