"""`validate`: the predictions against a table of measurements, scored."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from math import exp, log, sqrt
from pathlib import Path
from typing import Any, TypeVar

from tonnage.catalog import load_catalog
from tonnage.dates import today
from tonnage.errors import InputError, TonnageError
from tonnage.provenance import Spread
from tonnage.study.measurements import Assumption, Kind, Row, Table, read_table

__all__ = ["Kind", "Prediction", "Score", "Skipped", "Validation", "score_of", "validate"]

Case = TypeVar("Case")
Answer = TypeVar("Answer")
TAIL = 0.9
Z90 = 1.2815515655446004
"""The 90th percentile of the standard normal distribution."""
NOT_FINITE = "no finite prediction for this shape and layout"


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


@dataclass(frozen=True, slots=True)
class Validation:
    """A table of measurements, scored."""

    table: str
    kind: Kind
    rows: int
    predictions: tuple[Prediction, ...]
    """Of the headline metric, in the order of the table."""
    latencies: tuple[Prediction, ...]
    """Of latency columns filled beside another headline metric."""
    skipped: tuple[Skipped, ...]

    @property
    def score(self) -> Score:
        """Score of all headline predictions."""
        return score_of(self.predictions)

    @property
    def by_source(self) -> dict[str, Score]:
        """Scores by source block (the id without its number)."""
        return _grouped(self.predictions, lambda item: item.source)

    @property
    def by_chip(self) -> dict[str, Score]:
        """Scores by catalog id."""
        return _grouped(self.predictions, lambda item: item.chip)

    @property
    def by_subset(self) -> dict[str, Score]:
        """Scores by the table's own validation groups, where it has them."""
        named = [item for item in self.predictions if item.subset]
        return _grouped(named, lambda item: item.subset)

    @property
    def by_metric(self) -> dict[str, Score]:
        """Scores by metric, latency columns included."""
        return _grouped((*self.predictions, *self.latencies), lambda item: item.metric)

    @property
    def mean_over_sources(self) -> float | None:
        """Mean of the sources' MAPE: no large table dominates."""
        errors = [score.mape for score in self.by_source.values() if score.mape is not None]
        return sum(errors) / len(errors) if errors else None

    def to_dict(self) -> dict[str, Any]:
        """Return the contract's fields; errors and shares are fractions."""
        groups = {
            "by_source": self.by_source,
            "by_chip": self.by_chip,
            "by_metric": self.by_metric,
            "by_subset": self.by_subset,
        }
        return {
            "table": self.table,
            "kind": self.kind.value,
            "rows": self.rows,
            **self.score.to_dict(),
            "mape_mean_over_sources": self.mean_over_sources,
            "skipped": [item.to_dict() for item in self.skipped],
            **{name: _plain(scores) for name, scores in groups.items()},
            "predictions": [item.to_dict() for item in self.predictions],
            "latencies": [item.to_dict() for item in self.latencies],
        }

    def to_frame(self) -> list[dict[str, Any]]:
        """Return the predictions as rows of plain values, ready for a data frame."""
        return [item.to_dict() for item in (*self.predictions, *self.latencies)]


def _plain(scores: Mapping[str, Score]) -> dict[str, Any]:
    return {name: score.to_dict() for name, score in scores.items()}


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


def _grouped(items: Iterable[Prediction], key: Callable[[Prediction], str]) -> dict[str, Score]:
    groups: dict[str, list[Prediction]] = {}
    for item in items:
        groups.setdefault(key(item), []).append(item)
    return {name: score_of(groups[name]) for name in sorted(groups)}


def validate(
    path: str | Path,
    *,
    source: str | None = None,
    chip: str | None = None,
    complete_only: bool = False,
    as_of: date | None = None,
) -> Validation:
    """Return the error of the predictions on a table of measurements.

    Parameters
    ----------
    path
        CSV with the columns of the published training or serving tables (docs/how/validate.md).
    source
        Keep the rows whose id prefix is this, or whose source title contains it.
    chip
        Keep the rows whose chip label has this as words of its own, or means that catalog chip.
    complete_only
        Keep the rows marked `complete = yes`.

    Raises
    ------
    InputError
        If the file is no such table, with every fault and its line, or if no row is left.
    """
    table = read_table(path)
    day = as_of or today()
    kept = _kept(table, source, chip, complete_only, day)
    readable = [row for row in kept if row.id not in table.unreadable]
    of_kind = _training if table.kind is Kind.TRAINING else _serving
    found, latencies, skipped = of_kind(readable, day)
    skipped += [
        Skipped(row.id, row.line, table.unreadable[row.id])
        for row in kept
        if row.id in table.unreadable
    ]
    return Validation(
        table=table.name,
        kind=table.kind,
        rows=len(kept),
        predictions=tuple(found),
        latencies=tuple(latencies),
        skipped=tuple(sorted(skipped, key=lambda item: item.line)),
    )


def _kept(
    table: Table, source: str | None, chip: str | None, complete_only: bool, day: date
) -> list[Row]:
    rows = [
        row
        for row in table.rows
        if (not complete_only or row.text("complete").lower() in ("yes", "true", "1"))
        and (source is None or _of_source(row, source))
        and (chip is None or _of_chip(row, chip, day))
    ]
    if rows:
        return rows
    chosen = {"source": source, "chip": chip, "complete_only": complete_only or None}
    given = ", ".join(f"{name} {value!r}" for name, value in chosen.items() if value is not None)
    sources = sorted({row.source for row in table.rows})
    mend = f"no row of the table has {given}; its sources: {', '.join(sources[:30])}"
    raise InputError.of("filter", given, mend)


def _of_source(row: Row, wanted: str) -> bool:
    low = wanted.lower()
    return low == row.source.lower() or low in row.text("source_title").lower()


def _of_chip(row: Row, wanted: str, day: date) -> bool:
    """Return whether the label has `wanted` as words of its own, or means a chip of that name."""
    if re.search(
        rf"(?<![a-z0-9]){re.escape(wanted.lower())}(?![a-z0-9])", row.text("chip").lower()
    ):
        return True
    from tonnage.study.measurements_labels import Unusable, chip_of

    catalog = load_catalog(day)
    try:
        return chip_of(row, catalog).chip.id in {chip.id for chip in catalog.find_all(wanted)}
    except (Unusable, TonnageError):
        return False


Found = tuple[list[Prediction], list[Prediction], list[Skipped]]


def _training(rows: Sequence[Row], day: date) -> Found:
    from tonnage.perf import predict_cases
    from tonnage.study.measurements_training import all_questions, as_metric

    asked, lacking = all_questions(rows, load_catalog(day), search=True)
    skipped = [Skipped(row.id, row.line, why) for row, why in lacking]
    flat = [case for question in asked for case in question.cases]
    answers = iter(answered(flat, predict_cases))
    found = []
    for question in asked:
        tried = [next(answers) for _ in question.cases]
        failed = next((answer for answer in tried if isinstance(answer, TonnageError)), None)
        if failed is not None:
            skipped.append(Skipped(question.row.id, question.row.line, str(failed)))
            continue
        usable = [answer for answer in tried if not isinstance(answer, TonnageError)]
        chosen = next((i for i, answer in enumerate(usable) if answer.fits), len(usable) - 1)
        case = question.cases[chosen]
        found.append(
            _prediction(
                question.row,
                case.chip.id,
                question.metric,
                question.measured,
                as_metric(question, case, usable[chosen].iteration_time_s),
                question.assumed,
            )
        )
    return found, [], skipped


def _serving(rows: Sequence[Row], day: date) -> Found:
    from tonnage.perf import predict_serving_cases
    from tonnage.study.measurements_serving import LATENCIES, METRICS, all_questions

    asked, lacking = all_questions(rows, load_catalog(day))
    skipped = [Skipped(row.id, row.line, why) for row, why in lacking]
    answers = answered([question.case for question in asked], predict_serving_cases)
    found, latencies = [], []
    for question, answer in zip(asked, answers, strict=True):
        row, chip = question.row, question.case.chip.id
        if isinstance(answer, TonnageError):
            skipped.append(Skipped(row.id, row.line, str(answer)))
            continue
        spread = METRICS[question.metric](question, answer)
        found.append(
            _prediction(row, chip, question.metric, question.measured, spread, question.assumed)
        )
        for column in LATENCIES:
            measured = row.number(column)
            if measured and column != question.metric:
                spread = METRICS[column](question, answer)
                latencies.append(_prediction(row, chip, column, measured, spread, question.assumed))
    return found, latencies, skipped


def widened(spread: Spread, assumed: Iterable[Assumption]) -> Spread:
    """p50 · exp(∓sqrt(ln²(p50/p10 or p90/p50) + z90²·Σ doubt²)): assumptions add their doubt."""
    added = Z90**2 * sum(assumption.doubt**2 for assumption in assumed)
    if not added or spread.p10 <= 0:
        return spread
    below = exp(sqrt(log(spread.p50 / spread.p10) ** 2 + added))
    above = exp(sqrt(log(spread.p90 / spread.p50) ** 2 + added))
    return Spread(spread.p50 / below, spread.p50, spread.p50 * above)


def _prediction(
    row: Row,
    chip: str,
    metric: str,
    measured: float,
    spread: Spread,
    assumed: tuple[Assumption, ...],
) -> Prediction:
    return Prediction(
        id=row.id,
        line=row.line,
        source=row.source,
        subset=row.text("subset"),
        chip=chip,
        metric=metric,
        measured=measured,
        predicted=widened(spread, assumed),
        assumed=tuple(assumption.text for assumption in assumed),
    )


def answered(
    cases: Sequence[Case], predict: Callable[[list[Case]], Sequence[Answer]]
) -> list[Answer | TonnageError]:
    """Return the answer to every case, asked all at once; a case that fails has its error.

    A failure of the whole is narrowed down by halves, so that a few bad rows cost little.
    """
    if not cases:
        return []
    try:
        return list(predict(list(cases)))
    except TonnageError as error:
        if len(cases) == 1:
            return [error]
    except (ValueError, ArithmeticError) as error:
        if len(cases) == 1:
            return [TonnageError(f"{NOT_FINITE} ({error})")]
    half = len(cases) // 2
    return [*answered(cases[:half], predict), *answered(cases[half:], predict)]
