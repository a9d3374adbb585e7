"""`validate`: the predictions against a table of measurements, scored."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from math import exp, log, sqrt
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from tonnage.catalog import load_catalog
from tonnage.dates import today
from tonnage.errors import InputError, TonnageError
from tonnage.provenance import Spread
from tonnage.study.measurements import Assumption, Kind, Row, Table, read_table
from tonnage.study.validation_score import Prediction, Score, Skipped, grouped, score_of

if TYPE_CHECKING:
    from tonnage.perf import ServingEstimate
    from tonnage.study.measurements_runs import StatedRun
    from tonnage.study.measurements_serving import ServingQuestion

__all__ = ["Kind", "Prediction", "Score", "Skipped", "Validation", "score_of", "validate"]

Case = TypeVar("Case")
Answer = TypeVar("Answer")
Z90 = 1.2815515655446004
"""The 90th percentile of the standard normal distribution."""
NOT_FINITE = "no finite prediction for this shape and layout"


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
        return grouped(self.predictions, lambda item: item.source)

    @property
    def by_chip(self) -> dict[str, Score]:
        """Scores by catalog id."""
        return grouped(self.predictions, lambda item: item.chip)

    @property
    def by_subset(self) -> dict[str, Score]:
        """Scores by the table's own validation groups, where it has them."""
        named = [item for item in self.predictions if item.subset]
        return grouped(named, lambda item: item.subset)

    @property
    def by_metric(self) -> dict[str, Score]:
        """Scores by metric, latency columns included."""
        return grouped((*self.predictions, *self.latencies), lambda item: item.metric)

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
    from tonnage.study.measurements_runs import LATENCIES
    from tonnage.study.measurements_serving import METRICS, all_questions

    asked, lacking = all_questions(rows, load_catalog(day))
    skipped = [Skipped(row.id, row.line, why) for row, why in lacking]
    found, latencies = [], []
    for question, answer in zip(asked, _estimates(asked), strict=True):
        row, chip = question.row, question.case.chip.id
        if isinstance(answer, str):
            skipped.append(Skipped(row.id, row.line, answer))
            continue
        spread = METRICS[question.metric](question, answer)
        found.append(
            _prediction(row, chip, question.metric, question.measured, spread, question.assumed)
        )
        for column, of in LATENCIES.items():
            measured = row.number(column)
            if measured and column != question.metric:
                latencies.append(
                    _prediction(row, chip, column, measured, of(answer), question.assumed)
                )
    return found, latencies, skipped


def _estimates(asked: Sequence[ServingQuestion]) -> list[ServingEstimate | str]:
    """Return each question's estimate, its stated run played; or why there is none."""
    from tonnage.perf import play_run, predict_serving_cases
    from tonnage.study.measurements_labels import Unusable
    from tonnage.study.measurements_runs import StatedRun, stated_run

    runs: list[StatedRun | str | None] = []
    for question in asked:
        try:
            runs.append(stated_run(question.row, question.case))
        except Unusable as reason:
            runs.append(str(reason))
    cases = [
        run.case if isinstance(run, StatedRun) else question.case
        for question, run in zip(asked, runs, strict=True)
    ]
    estimates: list[ServingEstimate | str] = []
    for run, answer in zip(runs, answered(cases, predict_serving_cases), strict=True):
        if isinstance(run, str) or isinstance(answer, TonnageError):
            estimates.append(run if isinstance(run, str) else str(answer))
        else:
            estimates.append(play_run(answer, run.case, run.run) if run else answer)
    return estimates


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
