"""How the answer to `predict serve` looks: JSON, tables, and the explanation in words."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tonnage.study.serving import ServingPrediction

if TYPE_CHECKING:
    from rich.table import Table

    from tonnage.provenance import Spread

_PARTS = {
    "products": "weights: reading and multiplying",
    "experts": "experts",
    "attention": "attention over the cache",
    "collectives": "communication",
    "overhead": "engine overhead",
    "prompts": "prompts of other requests",
}


def to_json(answer: ServingPrediction) -> dict[str, Any]:
    """Return the document of `predict serve --json`."""
    job = answer.job
    document: dict[str, Any] = {
        "model": answer.model.id,
        "input": job.input_tokens,
        "output": job.output_tokens,
        "weights": job.weights,
        "kv": job.kv,
        "framework": answer.engine.name,
        "layout_searched": answer.searched,
    }
    document |= answer.estimate.to_dict()
    document["burstiness"] = answer.traffic.burstiness
    document["reason"] = answer.estimate.reason or None
    return document


def table(answer: ServingPrediction) -> Table:
    """Return latencies and rates with their 80 % interval, and percentiles over requests."""
    from rich.table import Table

    found = answer.estimate
    title = f"{answer.model.name} on {found.chips} x {answer.chip.name}, {found.layout}"
    grid = Table(
        "quantity", "low", "middle", "high", "unit", "p90 of requests", "p99",
        title=title, title_justify="left",
    )  # fmt: skip
    for column in (*grid.columns[1:4], *grid.columns[5:7]):
        column.justify = "right"
    rows: list[tuple[str, Spread, str, str]] = [
        ("time to first token", found.ttft_ms, "ms", "ttft_ms"),
        ("time per output token", found.tpot_ms, "ms", "tpot_ms"),
        ("whole request", found.e2e_ms, "ms", "e2e_ms"),
        ("requests", found.requests_per_s, "1/s", ""),
        ("output", found.tokens_per_s_output, "tokens/s", ""),
        ("output per chip", found.tokens_per_s_output_per_chip, "tokens/s", ""),
        ("prompts and output", found.tokens_per_s_total, "tokens/s", ""),
    ]
    for name, spread, unit, key in rows:
        tail = found.percentiles.get(key)
        late = (short(tail.p90.p50), short(tail.p99.p50)) if tail else ("", "")
        grid.add_row(name, short(spread.p10), short(spread.p50), short(spread.p90), unit, *late)
    return grid


def parts_table(answer: ServingPrediction) -> Table:
    """Return where the time of a token goes, and where the memory goes."""
    from rich.table import Table

    found = answer.estimate
    grid = Table("time of a token", "ms", "share", "memory per chip", "GB")
    for index in (1, 2, 4):
        grid.columns[index].justify = "right"
    whole = found.tpot_ms.p50
    parts = sorted(found.breakdown_ms.items(), key=lambda item: -item[1])
    times = [(_PARTS[n], short(v), f"{v / whole:.1%}") for n, v in parts if v > 1e-3 * whole]
    held = found.memory_gb_per_chip.to_dict()
    memory = [(name.replace("_", " "), f"{value:.1f}") for name, value in held.items()]
    for row in range(max(len(times), len(memory))):
        left = times[row] if row < len(times) else ("", "", "")
        right = memory[row] if row < len(memory) else ("", "")
        grid.add_row(*left, *right)
    return grid


def text(answer: ServingPrediction) -> str:
    """Return in words what the deployment does, what limits it, and what is taken for granted."""
    found, job = answer.estimate, answer.job
    lengths = f"{job.input_tokens:,.0f} + {job.output_tokens:,.0f} tokens"
    room = f"memory would hold {found.max_concurrency:,} of {lengths}"
    lines = [
        f"{found.running:,.0f} requests run at once; {room}.",
        f"Most of a token's time goes into {found.bottleneck}.",
    ]
    if found.reason:
        lines.append(f"Not within what was asked: {found.reason}.")
    if answer.searched:
        lines.append("The layout is the best of all that divide the chips and the model.")
    lines.append(
        f"{answer.engine.name}; weights {job.weights}, cache {job.kv}. "
        f"Low and high are the 10th and 90th percentile of the model's error "
        f"(deviation {found.sigma:.0%})."
    )
    if found.method != "closed form":
        lines.append(_played(answer))
    if answer.engine.anchors < 1:
        lines.append("No published run of this engine was fitted: the interval is wide.")
    return "\n".join(lines)


def _played(answer: ServingPrediction) -> str:
    """Say what was simulated."""
    way = answer.traffic
    if way.arrival_s is not None:
        what = "the trace"
    elif answer.job.request_rate is None:
        what = "closed clients"
    elif way.burstiness == 1.0:
        what = "Poisson arrivals"
    else:
        what = f"arrivals of burstiness {way.burstiness:g}"
    return f"Latencies and rates come from playing {what} event by event."


def short(value: float) -> str:
    """Return a number with the digits a table needs."""
    return f"{value:,.0f}" if abs(value) >= 1000 else f"{value:.4g}"
