"""How the answer to `predict train` looks: JSON, a table, and the explanation in words."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tonnage.perf import SAYS, Goodput, RunTotal, TrainingEstimate
from tonnage.provenance import Spread
from tonnage.study.training import TrainingPrediction
from tonnage.units import GIGA, SECONDS_PER_HOUR

if TYPE_CHECKING:
    from rich.table import Table

_MEMORY = ("weights", "gradients", "optimizer", "activations", "logits", "buffers", "reserve")


def to_json(answer: TrainingPrediction) -> dict[str, Any]:
    """Return the document of `predict train --json`."""
    found = answer.estimate
    document: dict[str, Any] = {
        "model": answer.model.id,
        "chip": found.chip,
        "chips": found.chips,
        "seq": answer.job.seq_len,
        "global_batch": answer.job.global_batch,
        "precision": answer.job.precision,
        "framework": found.framework,
        **_estimate(found),
        "breakdown_s": dict(found.breakdown_s),
        "bottleneck": found.bottleneck,
        "explanation": found.explanation,
        "reason": found.reason or None,
        "assumed": list(found.assumed),
        "layouts_considered": answer.layouts_considered,
        "layouts_feasible": answer.layouts_feasible,
    }
    if answer.search is not None:
        document["top"] = [_estimate(e) for e in answer.search.top]
        document["pareto"] = [_estimate(e) for e in answer.search.pareto]
        document["neighbours"] = [
            {"change": n.change, "layout": n.layout, "slower_by": n.slower_by, "why": n.why}
            for n in answer.search.neighbours
        ]
    if answer.run is not None:
        document["run"] = _run(answer.run)
    return document


def _estimate(found: TrainingEstimate) -> dict[str, Any]:
    names = (*_MEMORY, "total", "capacity")
    return {
        "iteration_time_s": found.iteration_time_s.to_dict(),
        "tokens_per_s_per_chip": found.tokens_per_s_per_chip.to_dict(),
        "model_tflops_per_chip": found.model_tflops_per_chip.to_dict(),
        "mfu": found.mfu.to_dict(),
        "memory_gb_per_chip": {name: found.memory_bytes[name] / GIGA for name in names},
        "fits": found.fits,
        "layout": found.layout.to_dict(),
    }


def _run(run: RunTotal) -> dict[str, Any]:
    return {
        "tokens": run.tokens,
        "days": run.days.to_dict(),
        "chip_hours": run.chip_hours.to_dict(),
        "goodput": _goodput(run.goodput),
    }


def _goodput(goodput: Goodput) -> dict[str, Any]:
    return {
        "share": goodput.share.to_dict(),
        "hours_between_failures": goodput.mean_time_between_failures_s / SECONDS_PER_HOUR,
        "checkpoint_interval_s": goodput.checkpoint_interval_s,
        "checkpoint_s": goodput.checkpoint_s,
        "restart_s": goodput.restart_s,
        "sources": list(goodput.sources),
    }


def table(answer: TrainingPrediction) -> Table:
    """Return the figures of the step as a table with their 80 % interval."""
    from rich.table import Table

    found = answer.estimate
    title = f"{answer.model.name} on {found.chips} x {answer.chip.name}, {found.layout}"
    grid = Table("quantity", "low", "middle", "high", "unit", title=title, title_justify="left")
    for column in grid.columns[1:4]:
        column.justify = "right"
    rows: list[tuple[str, Spread, str]] = [
        ("iteration time", found.iteration_time_s, "s"),
        ("tokens per chip", found.tokens_per_s_per_chip, "tokens/s"),
        ("model FLOPs per chip", found.model_tflops_per_chip, "TFLOP/s"),
        ("MFU", found.mfu * 100.0, "%"),
    ]
    if answer.run is not None:
        rows += [
            ("days for the tokens", answer.run.days, "days"),
            ("chip-hours", answer.run.chip_hours, "hours"),
            ("goodput", answer.run.goodput.share * 100.0, "%"),
        ]
    for name, spread, unit in rows:
        grid.add_row(name, _short(spread.p10), _short(spread.p50), _short(spread.p90), unit)
    return grid


def parts_table(answer: TrainingPrediction) -> Table:
    """Return where the time of a step goes, and where the memory goes."""
    from rich.table import Table

    found = answer.estimate
    grid = Table("time of the step", "s", "share", "memory per chip", "GB", title_justify="left")
    for index in (1, 2, 4):
        grid.columns[index].justify = "right"
    whole = found.iteration_time_s.p50
    parts = sorted(found.breakdown_s.items(), key=lambda item: -item[1])
    times = [(SAYS[n], _short(s), f"{s / whole:.1%}") for n, s in parts if s > 0.001 * whole]
    memory = [(n, f"{found.memory_bytes[n] / GIGA:.1f}") for n in (*_MEMORY, "total", "capacity")]
    for row in range(max(len(times), len(memory))):
        left = times[row] if row < len(times) else ("", "", "")
        right = memory[row] if row < len(memory) else ("", "")
        grid.add_row(*left, *right)
    return grid


def text(answer: TrainingPrediction) -> str:
    """Return in words what limits the step, why neighbours lose, and what is assumed."""
    found = answer.estimate
    lines = [found.explanation]
    if found.reason:
        lines.append(f"Does not fit: {found.reason}.")
    if answer.search is not None:
        considered, fit = answer.layouts_considered, answer.layouts_feasible
        lines.append(f"Best of {considered:,} layouts, {fit:,} of which fit.")
        lines += [_neighbour(n.change, n.slower_by, n.why) for n in answer.search.neighbours[:6]]
    if answer.run is not None:
        hours = answer.run.goodput.mean_time_between_failures_s / SECONDS_PER_HOUR
        every = answer.run.goodput.checkpoint_interval_s / 60.0
        lines.append(
            f"A failure every {hours:.1f} h is to be expected; a checkpoint every {every:.0f} min "
            "loses least."
        )
    # A quantity is one word; what is said in words stands as its own sentence.
    names = ", ".join(a for a in found.assumed if " " not in a)
    if names:
        lines.append(f"Not public for this chip, taken from its family: {names}.")
    lines += [f"{a}." for a in found.assumed if " " in a]
    return "\n".join(lines)


def _neighbour(change: str, slower_by: float | None, why: str) -> str:
    if slower_by is None:
        return f"  {change}: {why}."
    return f"  {change}: {slower_by:+.1%} ({why})."


def _short(value: float) -> str:
    return f"{value:,.0f}" if abs(value) >= 1000 else f"{value:.4g}"
