"""How a validation looks: scores by source and chip, the worst rows, then words."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from typing import TYPE_CHECKING

from tonnage.study.validation import Kind, Score, Validation

if TYPE_CHECKING:
    from rich.console import RenderableType

WORST = 10
REASONS = 12
COVERAGE_LOW, COVERAGE_HIGH = 0.75, 0.88
"""Between these an 80 % interval is called honest."""


def tables(answer: Validation) -> list[RenderableType]:
    """Return the tables of scores and of the worst rows."""
    groups = {"source": answer.by_source, "chip": answer.by_chip}
    if len(answer.by_metric) > 1:
        groups["metric"] = answer.by_metric
    if answer.by_subset:
        groups["subset"] = answer.by_subset
    found = [_scores(name, scores, answer.score) for name, scores in groups.items()]
    return [*found, _worst(answer)] if answer.predictions else found


def _scores(name: str, scores: Mapping[str, Score], whole: Score) -> RenderableType:
    from rich.box import SIMPLE_HEAD
    from rich.table import Table

    result = Table(title=f"Error by {name}", title_justify="left", box=SIMPLE_HEAD)
    result.add_column(name, no_wrap=True)
    for column in ("rows", "MAPE %", "median", "bias", "p90", "in 80 %"):
        result.add_column(column, justify="right", no_wrap=True)
    for key, score in scores.items():
        result.add_row(key, *_cells(score))
    if name != "metric" and len(scores) > 1:
        result.add_section()
        result.add_row("all", *_cells(whole))
    return result


def _cells(score: Score) -> list[str]:
    bias = _digits(score.bias, sign=True)
    errors = [_digits(score.mape), _digits(score.median_ape), bias, _digits(score.p90_ape)]
    return [str(score.predicted), *errors, _digits(score.coverage_80)]


def _digits(share: float | None, sign: bool = False) -> str:
    return percent(share, sign).removesuffix(" %")


def percent(share: float | None, sign: bool = False) -> str:
    """Return a share as percent, a dash where there is none."""
    if share is None:
        return "-"
    return f"{100 * share:+.1f} %" if sign else f"{100 * share:.1f} %"


def _worst(answer: Validation) -> RenderableType:
    from rich.box import SIMPLE_HEAD
    from rich.table import Table

    result = Table(title="Worst rows", title_justify="left", box=SIMPLE_HEAD)
    result.add_column("id", no_wrap=True)
    result.add_column("metric")
    for column in ("measured", "p10", "p50", "p90", "error %"):
        result.add_column(column, justify="right", no_wrap=True)
    for item in sorted(answer.predictions, key=lambda item: -item.ape)[:WORST]:
        spread = item.predicted
        result.add_row(
            item.id,
            item.metric,
            *(f"{v:,.4g}" for v in (item.measured, spread.p10, spread.p50, spread.p90)),
            _digits(item.error, sign=True),
        )
    return result


def text(answer: Validation) -> str:
    """Return what the scores mean, and why rows were skipped."""
    score = answer.score
    what = "training steps" if answer.kind is Kind.TRAINING else "serving runs"
    said = [f"{score.predicted} of {answer.rows} {what} were predicted."]
    if score.mape is not None and score.bias is not None and score.coverage_80 is not None:
        lean = "too high" if score.bias > 0 else "too low"
        said.append(
            f"The mean error is {percent(score.mape)} (median {percent(score.median_ape)}, nine in "
            f"ten below {percent(score.p90_ape)}); predictions are {percent(abs(score.bias))} "
            f"{lean} on average."
        )
        if len(answer.by_source) > 1:
            mean = percent(answer.mean_over_sources)
            said.append(f"Averaged over the {len(answer.by_source)} sources it is {mean}.")
        said.append(_coverage(score.coverage_80))
    said += _skipped(answer)
    guessed = Counter(text for item in answer.predictions for text in item.assumed)
    if guessed:
        most = "; ".join(f"{text} ({count})" for text, count in guessed.most_common(5))
        said.append(f"Assumed where a cell is blank: {most}.")
    return "\n".join(said)


def _coverage(share: float) -> str:
    told = f"{percent(share)} of the measured values lie within the 80 % interval: "
    if share < COVERAGE_LOW:
        return told + "the intervals are too narrow."
    return told + ("the intervals are too wide." if share > COVERAGE_HIGH else "as they should.")


def _skipped(answer: Validation) -> list[str]:
    if not answer.skipped:
        return []
    reasons = Counter(item.why for item in answer.skipped)
    shown = [f"  {count} x {why}" for why, count in reasons.most_common(REASONS)]
    rest = len(reasons) - REASONS
    shown += [f"  and {rest} reasons more (--json lists every row)"] if rest > 0 else []
    return [f"{len(answer.skipped)} rows were skipped:", *shown]
