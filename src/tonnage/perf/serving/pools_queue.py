"""Prompts that wait at a rank which does nothing else, and share its steps.

With λ prompts/s, a step that finds L of them waiting takes all, at most the n that its budget and
the memory hold: T(L) seconds, T(n)·L/n for those beyond n. m = λ·T(L) come meanwhile, and a rank
that finds none waits for one:

    L' = max(Poisson(m(L)), 1),   W + T = E[L·T + λ·T²/2 - T·(L - n)+/2] / (λ·E[T + exp(-m)/λ])

(Little's law over a step; the last term: of several steps the first end earlier). L is 1 with its
probability, and beyond that lognormal from 1.5 on with the right mean and variance. With n = 1 this
is M/D/1; `tests/oracle` holds it against the solved Markov chain and against plays.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from tonnage.perf.serving.arrays import Number
from tonnage.perf.serving.case import Cases
from tonnage.perf.serving.grid import taken
from tonnage.perf.serving.memory import capacity
from tonnage.perf.serving.prompts import budgets, one_prompt
from tonnage.perf.serving.ranks import ranks_in_step

LOADS = np.linspace(0.0, 0.95, 39)[1:]
"""Loads at which waits are told, over the most that can be served; between and beyond them
wait·(1 - load) is told in a straight line."""
BUSIEST = 0.999
SIZES = 24
"""Prompts of a step, 1 to n, at which its time is told."""
_LEAST = 1.5
_ROUNDS = 100
_BISECTIONS = 50
_AT, _SHARE = np.polynomial.hermite_e.hermegauss(7)
_SHARE = _SHARE / _SHARE.sum()


@dataclass(frozen=True, slots=True, eq=False)
class PromptQueue:
    """Prefill ranks, seconds, axes [option] and [option, load]."""

    most_per_s: Number
    """Prompts/s of a rank whose steps are full."""
    alone_s: Number
    """One prompt's way through all stages."""
    calm_s: Number
    """(1 - load) times waiting and service, by `LOADS` and 0."""
    busy: Number
    """Share of its time that a rank works, by the same."""
    others_s: Number
    """Mean wait for steps that only other ranks work on, part of the first; by the same."""

    @classmethod
    def of(cls, cases: Cases) -> PromptQueue:
        """Return the queues of one rank of every case; all have the same budget and prompts."""
        sizes, most = _sizes(cases)
        stages = cases.layout.pp
        step = _Steps(sizes, _seconds(cases, sizes) / stages[:, None], most)
        served = most / step.at(most[:, None, None])[:, 0, 0]
        alone = step.seconds[:, 0] * stages
        first, busy, others = _latency(step, served, cases)
        none = np.zeros_like(alone)[:, None]
        return cls(
            served,
            alone,
            np.concatenate([alone[:, None], first], axis=1) * (1.0 - np.append(0.0, LOADS)),
            np.concatenate([none, busy], axis=1),
            np.concatenate([none, others], axis=1),
        )

    def first(self, rate: Any, option: int = 0) -> Any:
        """Return waiting and service of an option at `rate` prompts/s of a rank."""
        load = np.minimum(rate / self.most_per_s[option], BUSIEST)
        return np.interp(load, np.append(0.0, LOADS), self.calm_s[option]) / (1.0 - load)

    def busy_share(self, rate: float) -> float:
        """Return the share of its time that a rank of the first option works."""
        return float(np.interp(rate / self.most_per_s[0], np.append(0.0, LOADS), self.busy[0]))

    def others(self, rate: float) -> float:
        """Return what its prompts wait in the mean for steps that only other ranks work on."""
        return float(np.interp(rate / self.most_per_s[0], np.append(0.0, LOADS), self.others_s[0]))

    def within(self, seconds: Number, busiest: float) -> Number:
        """Return the prompts/s of a rank whose first token takes no longer, by option."""
        low, high = np.zeros_like(self.alone_s), np.full_like(self.alone_s, busiest)
        grid = np.append(0.0, LOADS)
        rows = np.arange(len(low))
        for _ in range(_BISECTIONS):
            load = (low + high) / 2.0
            k = np.clip(np.searchsorted(grid, load) - 1, 0, len(grid) - 2)
            left, right = self.calm_s[rows, k], self.calm_s[rows, k + 1]
            calm = left + (right - left) * (load - grid[k]) / (grid[k + 1] - grid[k])
            keeps = calm / (1.0 - load) <= seconds
            low, high = np.where(keeps, load, low), np.where(keeps, high, load)
        return np.where(self.alone_s <= seconds, low, 0.0) * self.most_per_s


@dataclass(frozen=True, slots=True, eq=False)
class _Steps:
    """Seconds of one stage by prompts that share it; axes [option, size]."""

    sizes: Any
    seconds: Any
    most: Any
    """n; axis [option]."""

    def at(self, waiting: Any) -> Any:
        """Return T(L), of all the steps it takes; axes [option, load, node]."""
        most = self.most[:, None, None]
        within = np.minimum(waiting, most)
        if len(self.sizes) == 1:
            held = np.broadcast_to(self.seconds[:, :1, None], within.shape)
        else:
            k = np.clip(np.searchsorted(self.sizes, within) - 1, 0, len(self.sizes) - 2)
            rows = np.arange(len(self.seconds))[:, None, None]
            left, right = self.seconds[rows, k], self.seconds[rows, k + 1]
            share = (within - self.sizes[k]) / (self.sizes[k + 1] - self.sizes[k])
            held = left + (right - left) * share
        return held * np.maximum(waiting / most, 1.0)


def _sizes(cases: Cases) -> tuple[Any, Any]:
    """Return numbers of prompts from 1 to the most of any option, and the most of each."""
    room = np.minimum(capacity(cases).sequences, cases.engine.max_sequences)
    most = np.maximum(np.floor(np.minimum(1.0 / budgets(cases), room) + 1e-9), 1.0)
    return np.unique(np.rint(np.geomspace(1, most.max(), SIZES))), most


def _seconds(cases: Cases, sizes: Any) -> Any:
    """Return the seconds of steps of so many prompts, through all stages; axes [option, size]."""
    options = len(cases.load.input)
    joint = np.tile(sizes, options)
    wide = taken(cases, np.repeat(np.arange(options), len(sizes)))
    parts, attention, _ = one_prompt(wide, joint, joint, np.ones_like(joint))
    return np.reshape((parts.total + attention) * joint, (options, len(sizes)))


def _latency(steps: _Steps, served: Number, cases: Cases) -> tuple[Any, Any, Any]:
    """Return waiting and service, the busy share, and `others_s`; axes [option, load]."""
    rate = (np.asarray(served)[:, None] * LOADS)[..., None]
    alone = np.ones_like(rate[..., 0])
    mean, square = 2.0 * alone, 4.0 * alone
    for _ in range(_ROUNDS):
        waiting, share = _spread(alone, mean, square)
        come = rate * steps.at(waiting)
        none = np.exp(-come)
        alone = np.sum(share * (1.0 + come) * none, axis=-1)
        more = np.maximum(1.0 - alone, 1e-12)
        mean = np.sum(share * come * (1.0 - none), axis=-1) / more
        square = np.sum(share * (come + come**2 - come * none), axis=-1) / more
    waiting, share = _spread(alone, mean, square)
    time = steps.at(waiting)
    idle = np.exp(-rate * time) / rate
    cycle = np.sum(share * (time + idle), axis=-1)
    most = steps.most[:, None, None]
    beyond = np.maximum(waiting - most, 0.0)
    area = waiting * time + rate * time**2 / 2.0 - time * beyond / 2.0
    first = np.sum(share * area, axis=-1) / cycle / rate[..., 0]
    within = np.minimum(waiting, most)
    stage = np.sum(share * within * steps.at(within), axis=-1) / np.sum(share * within, axis=-1)
    busy = np.sum(share * time, axis=-1) / cycle
    # Ranks of one set of experts step together, whoever has prompts.
    ranks = ranks_in_step(cases)[:, None]
    others = np.maximum(1.0 - (1.0 - busy) ** ranks - busy, 0.0) * stage / 2.0
    return first + stage * (cases.layout.pp[:, None] - 1.0) + others, busy, others


def _spread(alone: Any, mean: Any, square: Any) -> tuple[Any, Any]:
    """Return how many wait, and with what probability; axes [option, load, node]."""
    above = np.maximum(mean - _LEAST, _LEAST / 3.0)
    width = np.log1p(np.maximum(square - mean**2, 0.0) / above**2)[..., None]
    many = _LEAST + above[..., None] * np.exp(np.sqrt(width) * _AT - width / 2.0)
    one = np.ones_like(many[..., :1])
    shares = np.concatenate([(1.0 - alone)[..., None] * _SHARE, alone[..., None]], axis=-1)
    return np.concatenate([many, one], axis=-1), shares
