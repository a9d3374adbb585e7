"""Doubt carried through a formula: one input at a time, or by drawing them all."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import lru_cache
from math import sqrt
from random import Random

from tonnage.provenance import Z90, Spread


def through(
    formula: Callable[[Mapping[str, float]], Mapping[str, float]], inputs: Mapping[str, Spread]
) -> dict[str, Spread]:
    """Return every result of a formula with the doubt of its inputs.

    p50 is the formula at the inputs' middles. Each input is then moved alone to its p10 and to its
    p90; the falls and the rises of a result add as squares, since the inputs are taken as
    independent. A result that no single move makes negative has a p10 of 0 or more.

    Parameters
    ----------
    formula
        Takes one number an input, by name, and returns one number a result, by name.
    inputs
        Spread of each input, by name.
    """
    middle = {name: spread.p50 for name, spread in inputs.items()}
    base = formula(middle)
    falls = dict.fromkeys(base, 0.0)
    rises = dict.fromkeys(base, 0.0)
    least = dict(base)
    for name, spread in inputs.items():
        if spread.p10 == spread.p90:
            continue
        ends = [formula({**middle, name: end}) for end in (spread.p10, spread.p90)]
        for result, value in base.items():
            moved = [end[result] - value for end in ends]
            falls[result] += min(0.0, *moved) ** 2
            rises[result] += max(0.0, *moved) ** 2
            least[result] = min(least[result], *(end[result] for end in ends))
    return {
        # Two falls that add up may undershoot nought, where neither alone does.
        result: Spread(
            max(value - sqrt(falls[result]), min(least[result], 0.0)),
            value,
            value + sqrt(rises[result]),
        )
        for result, value in base.items()
    }


def draws(inputs: Mapping[str, Spread], count: int = 255, seed: int = 0) -> list[dict[str, float]]:
    """Return `count` joint draws of independent inputs; the same each time for the same seed.

    Each side of the middle is a half normal (of the log where the whole spread is positive, else
    of the value) that passes through p10 or p90. A larger input stays larger in every draw.
    """
    steps = _normals(count, len(inputs), seed)
    return [
        {
            name: _drawn(spread, step)
            for (name, spread), step in zip(inputs.items(), row, strict=True)
        }
        for row in steps
    ]


@lru_cache(maxsize=32)
def _normals(count: int, width: int, seed: int) -> tuple[tuple[float, ...], ...]:
    """Return [draw, input] standard normals over the 90th percentile of one."""
    random = Random(seed)  # noqa: S311 - a fixed sequence, not a secret
    return tuple(tuple(random.gauss(0.0, 1.0) / Z90 for _ in range(width)) for _ in range(count))


def _drawn(spread: Spread, step: float) -> float:
    end = spread.p90 if step > 0 else spread.p10
    if spread.p10 > 0:
        return float(spread.p50 * (end / spread.p50) ** abs(step))
    moved = spread.p50 + (end - spread.p50) * abs(step)
    return max(moved, 0.0) if spread.p10 == 0 else moved


def percentile(ordered: list[float], share: float) -> float:
    """Return the value below which `share` of an ordered list lies (nearest rank)."""
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))]
