"""Predictions beside measurements, and their errors."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

from tonnage.provenance import Spread

TAIL = 0.9


@dataclass(frozen=True, slots=True)
class Prediction:
    """One measured number and what was predicted for it, in the unit of the table."""

    id: str
    line: int
    source: str
    subset: str
    chip: str
    """Catalog id."""
    metric: str
    measured: float
    predicted: Spread
    assumed: tuple[str, ...]

    @property
    def error(self) -> float:
        """(predicted - measured) / measured, signed."""
        return self.predicted.p50 / self.measured - 1.0

    @property
    def ape(self) -> float:
        """|predicted - measured| / measured."""
        return abs(self.error)

    @property
    def covered(self) -> bool:
        """Whether p10 <= measured <= p90."""
        return self.predicted.p10 <= self.measured <= self.predicted.p90

    def to_dict(self) -> dict[str, Any]:
        """Return the row with the contract's field names."""
        return {
            "id": self.id,
            "metric": self.metric,
            "measured": self.measured,
            **self.predicted.to_dict(),
            "ape": self.ape,
            "error": self.error,
            "chip": self.chip,
            "assumed": list(self.assumed),
        }


@dataclass(frozen=True, slots=True)
class Skipped:
    """A row without a prediction, and what it lacks."""

    id: str
    line: int
    why: str

    def to_dict(self) -> dict[str, Any]:
        """Return id, line and reason."""
        return {"id": self.id, "line": self.line, "why": self.why}


@dataclass(frozen=True, slots=True)
class Score:
    """Errors of some predictions, as fractions of the measured values; `None` without any."""

    predicted: int
    mape: float | None
    median_ape: float | None
    bias: float | None
    """Mean signed error: above 0 the predictions are too high."""
    p90_ape: float | None
    coverage_80: float | None
    """Share of measured values between p10 and p90; 0.8 is right."""

    def to_dict(self) -> dict[str, Any]:
        """Return every score by name."""
        return {name: getattr(self, name) for name in self.__slots__}


def score_of(predictions: Iterable[Prediction]) -> Score:
    """Return mean, median and 90th percentile of the error, bias and coverage.

    The percentile is the smallest error that 90 % of the predictions do not exceed.
    """
    items = list(predictions)
    if not items:
        return Score(0, None, None, None, None, None)
    errors = sorted(item.ape for item in items)
    count = len(errors)
    middle = (errors[(count - 1) // 2] + errors[count // 2]) / 2
    return Score(
        predicted=count,
        mape=sum(errors) / count,
        median_ape=middle,
        bias=sum(item.error for item in items) / count,
        p90_ape=errors[min(-int(-TAIL * count // 1), count) - 1],
        coverage_80=sum(item.covered for item in items) / count,
    )


def grouped(items: Iterable[Prediction], key: Callable[[Prediction], str]) -> dict[str, Score]:
    """Return the score of each group of predictions, by what `key` says of them."""
    groups: dict[str, list[Prediction]] = {}
    for item in items:
        groups.setdefault(key(item), []).append(item)
    return {name: score_of(groups[name]) for name in sorted(groups)}
