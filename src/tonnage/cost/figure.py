"""A number of money, power or time with its doubt and its source, and how such numbers add."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import date
from math import sqrt

from tonnage.provenance import Confidence, Spread

ASSUMPTION = "assumption"
"""What stands where a source would, when a value is ours."""


@dataclass(frozen=True, slots=True)
class Figure:
    """One value, what it is, and where it comes from."""

    name: str
    value: Spread
    unit: str
    source: str
    confidence: Confidence
    known_from: date
    note: str = ""

    def times(self, factor: float, unit: str = "") -> Figure:
        """Return the figure scaled by a number without doubt."""
        return replace(self, value=self.value * factor, unit=unit or self.unit)

    def named(self, name: str) -> Figure:
        """Return the same figure under another name."""
        return replace(self, name=name)


def total(values: Iterable[Spread]) -> Spread:
    """p50 = sum of p50; distance to p10 and p90 = root of the summed squares of the distances.

    The addends are taken as independent, so their doubts partly cancel. Scaling an addend up never
    lowers any of the three percentiles, because no distance to p10 is larger than its p50 (all
    addends here are positive).
    """
    addends = list(values)
    middle = sum(v.p50 for v in addends)
    below = sqrt(sum((v.p50 - v.p10) ** 2 for v in addends))
    above = sqrt(sum((v.p90 - v.p50) ** 2 for v in addends))
    return Spread(middle - below, middle, middle + above)


def product(*factors: Spread) -> Spread:
    """p50 = product of p50; the relative distances to p10 and p90 add as squares of logs.

    The factors are taken as independent and positive (a p10 of zero gives a p10 of zero).
    """
    from math import exp, log

    middle, below, above = 1.0, 0.0, 0.0
    vanishes = False
    for factor in factors:
        middle *= factor.p50
        if factor.p50 <= 0:
            return Spread.exactly(0.0)
        vanishes = vanishes or factor.p10 <= 0
        below += log(factor.p50 / factor.p10) ** 2 if factor.p10 > 0 else 0.0
        above += log(factor.p90 / factor.p50) ** 2
    low = 0.0 if vanishes else middle * exp(-sqrt(below))
    return Spread(low, middle, middle * exp(sqrt(above)))


def quotient(over: Spread, under: Spread) -> Spread:
    """Return the ratio of two independent positive quantities."""
    inverse = Spread(1 / under.p90, 1 / under.p50, 1 / under.p10 if under.p10 > 0 else float("inf"))
    return product(over, inverse)
