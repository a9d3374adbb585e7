"""The width of a prediction: model error, doubt about constants, and how many anchors there are."""

from __future__ import annotations

from dataclasses import dataclass
from math import sqrt

from tonnage.provenance import Spread


@dataclass(frozen=True, slots=True)
class Doubt:
    """What the width of an interval is made of; deviations of the log."""

    floor: float
    """Model error where anchors abound: spread of residuals on the fitting rows."""
    unseen: float
    """Added model error of a chip family or framework without any anchor."""
    half_anchors: float
    """Anchors at which half of the added variance is gone."""


def deviation(doubt: Doubt, anchors: float, constants: float = 0.0) -> float:
    """sqrt(floor² + (unseen² + constants²) · h / (h + anchors)).

    Parameters
    ----------
    anchors
        Measured runs behind the constants that matter (the fewer of chip's and framework's).
    constants
        Deviation of the log of the result that the constants' own doubt causes. Anchors shrink
        it too, since the fit has tied the constants to them.
    """
    fading = doubt.half_anchors / (doubt.half_anchors + anchors)
    return sqrt(doubt.floor**2 + (doubt.unseen**2 + constants**2) * fading)


def interval(p50: float, sigma: float) -> Spread:
    """p10, p90 = p50 · exp(∓1.2816 sigma): a log-normal error of deviation `sigma`."""
    return Spread.lognormal(p50, sigma)


def at_most(spread: Spread, most: float) -> Spread:
    """min(x, most) of every percentile: what is served never exceeds what is offered."""
    return spread.map(lambda value: min(value, most))
