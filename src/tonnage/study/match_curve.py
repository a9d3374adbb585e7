"""How many chips reach a throughput: speeds at several sizes, and the number between them."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from math import ceil, exp, inf, isfinite, log, sqrt

from tonnage.catalog import Chip
from tonnage.errors import Infeasible, NotEnoughKnown
from tonnage.provenance import Z90, Spread
from tonnage.study.match_load import SERVE, TRAIN, WorkLoad
from tonnage.study.match_rate import Speed, serving_speeds, training_speed

DOUBLINGS = 7
"""The largest training cluster that is searched is 2^7 times the reference."""

SHARED = {
    TRAIN: {"chip": 1.0, "family": 0.5, "vendor": 0.15, "none": 0.0},
    SERVE: {"chip": 1.0, "family": 0.7, "vendor": 0.0, "none": 0.0},
}
"""Correlation of the errors of two predictions of one workload, by what the two chips share.

Formulas, workload and framework stand on both sides and their errors move both sides alike; a
chip's own constants do not. Measured on the published tables by `benchmarks/match_shared_error.py`
(family, vendor, none: training 0.57, 0.15, 0.18; serving 0.71, -0.04, 0.00), rounded towards zero,
never below it, and zero between vendors, where few pairs stand behind it. 84 to 93 % of some 800
measured ratios of two chips lie within the 80 % interval so made."""


@dataclass(frozen=True, slots=True)
class Curve:
    """What one chip delivers at several sizes."""

    chip: Chip
    speeds: tuple[Speed, ...]
    """By rising number of chips."""

    def nearest(self, chips: int) -> Speed:
        """Return the speed at the smallest searched size that holds `chips`, or at the largest."""
        return next((s for s in self.speeds if s.chips >= chips), self.speeds[-1])

    def rate(self, chips: float) -> float:
        """Tokens a second and chip at a size, linear in the logs between searched sizes."""
        points = [(s.chips, s.per_chip.p50) for s in self.speeds]
        if chips <= points[0][0]:
            return points[0][1]
        for (low, slow), (high, fast) in pairwise(points):
            if chips <= high:
                share = log(chips / low) / log(high / low)
                return float(slow * (fast / slow) ** share)
        return points[-1][1]

    def chips_for(self, throughput: float) -> float:
        """Smallest n with n · rate(n) >= throughput, a fraction; `inf` beyond 10^9 chips."""
        low, high = 0.0, float(self.speeds[0].chips)
        while high * self.rate(high) < throughput:
            low, high = high, 2 * high
            if high > 1e9:
                return inf
        for _ in range(80):
            half = (low + high) / 2
            low, high = (low, half) if half * self.rate(half) >= throughput else (half, high)
        return high


def curves(chips: list[Chip], count: int, load: WorkLoad) -> list[Curve | str]:
    """Return each chip's curve, the reference first, or why it has none."""
    if load.kind != TRAIN:
        found = serving_speeds(chips, load, count)
        return [s if isinstance(s, str) else Curve(s.chip, (s,)) for s in found]
    reference = _single(chips[0], load, count)
    if isinstance(reference, str):
        return [reference, *("the reference has no answer" for _ in chips[1:])]
    speed, same = reference.speeds[0], chips[0]
    target = delivered(speed, count)
    rest = [reference if c is same else _towards(c, load, speed.chips, target) for c in chips[1:]]
    return [reference, *rest]


def _single(chip: Chip, load: WorkLoad, count: int) -> Curve | str:
    try:
        return Curve(chip, (training_speed(chip, load, count),))
    except (Infeasible, NotEnoughKnown) as reason:
        return str(reason)


def _towards(chip: Chip, load: WorkLoad, count: int, target: float) -> Curve | str:
    """Return speeds at the reference's size and at its doubles or halves around the target."""
    found: list[Speed] = []
    reason = ""
    for size in (count << k for k in range(DOUBLINGS + 1)):
        one = _single(chip, load, size)
        if isinstance(one, str):
            reason = reason or one
            continue
        if not found or one.speeds[0].chips > found[-1].chips:
            found += one.speeds
        if delivered(one.speeds[0], size) >= target:
            break
    if not found:
        return reason
    size = count
    while len(found) == 1 and found[0].chips == size and size % 2 == 0 and size > 1:
        size //= 2
        one = _single(chip, load, size)
        if isinstance(one, str):
            break
        found = [*one.speeds, *found]
        if delivered(one.speeds[0], size) >= target:
            found, size = found[:1], found[0].chips
    return Curve(chip, tuple(found))


def correlation(a: Chip, b: Chip, kind: str) -> float:
    """Return the correlation of two chips' prediction errors on one workload (`SHARED`)."""
    shared = SHARED[kind]
    if a.id == b.id:
        return shared["chip"]
    if a.family.removesuffix(" (China)") == b.family.removesuffix(" (China)"):
        return shared["family"]
    return shared["vendor"] if a.vendor == b.vendor else shared["none"]


def ratio_sigma(ours: Speed, theirs: Speed) -> float:
    """sqrt(s1² + s2² - 2 rho s1 s2): deviation of the log of the ratio of two predictions."""
    rho = correlation(ours.chip, theirs.chip, ours.kind)
    one, two = ours.per_chip.sigma, theirs.per_chip.sigma
    return sqrt(max(0.0, one**2 + two**2 - 2 * rho * one * two))


@dataclass(frozen=True, slots=True)
class Need:
    """How many chips do the work: a ratio before rounding, and whole numbers after."""

    per_chip: Spread
    """Of these for one of the reference."""
    p10: int
    p50: int
    p90: int

    def to_dict(self) -> dict[str, int]:
        """Return the three whole numbers."""
        return {"p10": self.p10, "p50": self.p50, "p90": self.p90}


def needed(ours: Curve, reference: Speed, count: int, block: int) -> Need | None:
    """Return how many chips reach the throughput of `count` of the reference.

    Rounded up to blocks of whole servers and whole deployments; a chip against itself needs as
    many as there are. `None` where no number does.
    """
    if ours.chip.id == reference.chip.id:
        return Need(Spread.exactly(1.0), count, count, count)
    target = delivered(reference, count)
    speed = ours.nearest(count)
    sigma = ratio_sigma(speed, reference)
    exact = [ours.chips_for(target * exp(step * sigma)) for step in (-Z90, 0.0, Z90)]
    if not isfinite(exact[-1]):
        return None
    step = max(block, speed.group if len(ours.speeds) == 1 and speed.group <= 64 else 1)
    whole = [max(step, ceil(n / step - 1e-9) * step) for n in exact]
    return Need(Spread(*(n / count for n in exact)), *whole)


def delivered(speed: Speed, chips: int) -> float:
    """Tokens a second of `chips` chips in whole deployments."""
    return chips // speed.group * speed.group * speed.per_chip.p50


def kept(ours: Curve, reference: Speed, count: int) -> Spread | None:
    """Return the share of the reference's throughput that as many of these chips keep.

    `None` where the work does not run on so few.
    """
    if ours.chip.id == reference.chip.id:
        return Spread.exactly(1.0)
    runs = [s for s in ours.speeds if s.chips <= count]
    if not runs:
        return None
    speed = runs[-1]
    share = delivered(speed, count) / delivered(reference, count)
    return Spread.lognormal(share, ratio_sigma(speed, reference)) if share > 0 else None
