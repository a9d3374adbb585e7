"""How the answers on capacity look: the fewest chips for a demand, and the front."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tonnage.report.page import counted
from tonnage.report.serving import estimate_json, short
from tonnage.study.serving_capacity import ServingFront, ServingSize, point_of

if TYPE_CHECKING:
    from rich.table import Table


def _asked(answer: ServingSize | ServingFront) -> dict[str, Any]:
    job = answer.job
    return {
        "model": answer.model.id,
        "chip": answer.chip.id,
        "input": job.input_tokens,
        "output": job.output_tokens,
        "ttft_limit_ms": job.ttft_ms,
        "tpot_limit_ms": job.tpot_ms,
        "weights": job.weights,
        "kv": job.kv,
        "framework": answer.engine.name,
    }


def size_json(answer: ServingSize) -> dict[str, Any]:
    """Return the document of `predict serve --request-rate R --json` without `--chips`."""
    found = answer.sizing
    return _asked(answer) | {
        "request_rate": answer.job.request_rate,
        "chips": found.chips,
        "chips_p10": found.interval[0],
        "chips_p90": found.interval[1],
        "deployments": found.deployments,
        "deployment": estimate_json(found.estimate),
        "notes": list(answer.notes),
    }


def size_text(answer: ServingSize) -> str:
    """Return in words how many chips serve the demand, and how each deployment runs."""
    found, one = answer.sizing, answer.sizing.estimate
    each = counted(one.chips_used, "chip")
    demand = f"{_rate(answer.job.request_rate or 0.0, 'g')} of {answer.model.name}"
    serve = "serves" if found.chips == 1 else "serve"
    how = f"{counted(found.deployments, 'deployment')} of {each} ({one.layout})"
    first, token = one.ttft_ms, one.tpot_ms
    speeds = (
        f"{short(first.p50)} ms to the first token ({short(first.p10)} to {short(first.p90)}), "
        f"{short(token.p50)} ms per output token ({short(token.p10)} to {short(token.p90)})"
    )
    low, high = found.interval
    ends = "As many" if low == high else f"{low:,} to {counted(high, 'chip')}"
    lines = [
        f"{counted(found.chips, 'chip')} of {answer.chip.name} {serve} {demand}: {how}.",
        f"Each takes {_rate(one.requests_per_s.p50, '.4g')}: {speeds}.",
        f"{ends} at the ends of the speed; in brackets 80 % intervals.",
        f"That it keeps up with arrivals at random was found by {one.method}.",
        f"{answer.engine.name}; weights {answer.job.weights}, cache {answer.job.kv}.",
    ]
    return "\n".join([*lines, *(f"Note: {note}." for note in answer.notes)])


def _rate(value: float, digits: str) -> str:
    """Return `1 request/s`, `2.5 requests/s`."""
    shown = format(value, digits)
    return f"{shown} request/s" if shown == "1" else f"{shown} requests/s"


def front_json(answer: ServingFront) -> dict[str, Any]:
    """Return the document of `predict serve --pareto --json`."""
    points = [point_of(found) for found in answer.points]
    return _asked(answer) | {
        "chips": answer.chips,
        "points": points,
        "reason": answer.reason or None,
        "notes": list(answer.notes),
    }


def front_table(answer: ServingFront) -> Table:
    """Return one row a point, from the fastest user to the most tokens."""
    from rich.table import Table

    title = f"{answer.model.name} on {answer.chips:,} x {answer.chip.name}"
    grid = Table(
        "tokens/s of a user", "tokens/s of a chip", "requests at once", "layout",
        "first token, ms", "per token, ms", title=title, title_justify="left",
    )  # fmt: skip
    for index in (0, 1, 2, 4, 5):
        grid.columns[index].justify = "right"
    for found in answer.points:
        point = point_of(found)
        grid.add_row(
            _ranged(point, "tokens_per_s_per_user"),
            _ranged(point, "tokens_per_s_output_per_chip"),
            f"{point['concurrency']:,.0f}", str(found.layout),
            short(point["ttft_ms"]), short(point["tpot_ms"]),
        )  # fmt: skip
    return grid


def _ranged(point: dict[str, Any], name: str) -> str:
    """Return a middle value with its interval."""
    values = [short(point[key] or 0.0) for key in (name, f"{name}_p10", f"{name}_p90")]
    return f"{values[0]} ({values[1]}–{values[2]})"


def front_text(answer: ServingFront) -> str:
    """Return in words what the front is."""
    lines = [
        "No other layout and load gives a user and a chip both more tokens a second.",
        "In brackets the 80 % intervals.",
    ]
    if answer.reason:
        lines = [f"Not within what was asked: {answer.reason}."]
    lines.append(f"{answer.engine.name}; weights {answer.job.weights}, cache {answer.job.kv}.")
    return "\n".join([*lines, *(f"Note: {note}." for note in answer.notes)])
