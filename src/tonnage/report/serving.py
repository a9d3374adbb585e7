"""How the answer to `predict serve` looks: JSON, tables, and the explanation in words."""

from __future__ import annotations

from collections.abc import Collection
from typing import TYPE_CHECKING, Any

from tonnage.report.page import counted
from tonnage.study.serving import ServingPrediction

if TYPE_CHECKING:
    from rich.table import Table

    from tonnage.perf import PoolsEstimate, ServingEstimate

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
    document |= estimate_json(answer.estimate)
    if answer.swamped:
        document |= dict.fromkeys(LATENCIES)
    document["burstiness"] = answer.traffic.burstiness
    document["reason"] = answer.estimate.reason or None
    document["notes"] = list(answer.notes)
    return document


SPEEDS = (
    "ttft_ms", "tpot_ms", "e2e_ms", "requests_per_s", "tokens_per_s_output", "tokens_per_s_total",
    "tokens_per_s_output_per_chip", "percentiles", "breakdown_ms", "prefill_ms", "bottleneck",
    "running",
)  # fmt: skip
"""What has no value where a request does not fit."""
LATENCIES = ("ttft_ms", "tpot_ms", "e2e_ms", "percentiles")
"""What has no value where the queue grows without end."""
_ROWS = (
    ("time to first token", "ttft_ms", "ms"),
    ("time per output token", "tpot_ms", "ms"),
    ("whole request", "e2e_ms", "ms"),
    ("requests", "requests_per_s", "1/s"),
    ("output", "tokens_per_s_output", "tokens/s"),
    ("output per chip", "tokens_per_s_output_per_chip", "tokens/s"),
    ("prompts and output", "tokens_per_s_total", "tokens/s"),
)
"""Of the table of speeds: name, field and unit."""


def estimate_json(found: ServingEstimate) -> dict[str, Any]:
    """Return an estimate as plain data; what cannot run has no speeds."""
    result = found.to_dict()
    return result if found.runs else result | dict.fromkeys(SPEEDS)


def tables(answer: ServingPrediction) -> list[Table]:
    """Return the tables of the answer: of what does not fit, memory alone."""
    parts = parts_table(answer)
    if not answer.estimate.runs:
        return [parts]
    untold = LATENCIES if answer.swamped else ()
    untold = ("tpot_ms", *untold) if answer.job.output_tokens <= 1 else untold
    return [speeds_table(answer.estimate, _title(answer), untold), parts]


def speeds_table(
    found: ServingEstimate | PoolsEstimate, title: str, untold: Collection[str] = ()
) -> Table:
    """Return latencies and rates with their 80 % interval, and percentiles over requests.

    Of one deployment or of two pools; without the rows of the fields that are `untold`.
    """
    from rich.table import Table

    grid = Table(
        "quantity", "low", "middle", "high", "unit", "p90 of requests", "p99",
        title=title, title_justify="left",
    )  # fmt: skip
    for column in (*grid.columns[1:4], *grid.columns[5:7]):
        column.justify = "right"
    for name, key, unit in _ROWS:
        if key in untold:
            continue
        spread, tail = getattr(found, key), found.percentiles.get(key)
        late = (short(tail.p90.p50), short(tail.p99.p50)) if tail else ("", "")
        grid.add_row(name, short(spread.p10), short(spread.p50), short(spread.p90), unit, *late)
    return grid


def parts_table(answer: ServingPrediction) -> Table:
    """Return where the time of a token goes, and where the memory goes."""
    from rich.table import Table

    found = answer.estimate
    held = found.memory_gb_per_chip.to_dict()
    memory = [(name.replace("_", " "), f"{value:.1f}") for name, value in held.items()]
    parts = found.breakdown_ms if found.tpot_ms.p50 > 0 else found.prefill_ms
    what = "time of a token" if found.tpot_ms.p50 > 0 else "time of a prompt"
    if not found.runs:
        alone = Table("memory per chip", "GB", title=_title(answer), title_justify="left")
        alone.columns[1].justify = "right"
        for cells in memory:
            alone.add_row(*cells)
        return alone
    grid = Table(what, "ms", "share", "memory per chip", "GB")
    for index in (1, 2, 4):
        grid.columns[index].justify = "right"
    whole = sum(parts.values())
    ordered = sorted(parts.items(), key=lambda item: -item[1])
    times = [(_PARTS[n], short(v), f"{v / whole:.1%}") for n, v in ordered if v > 1e-3 * whole]
    for row in range(max(len(times), len(memory))):
        left = times[row] if row < len(times) else ("", "", "")
        right = memory[row] if row < len(memory) else ("", "")
        grid.add_row(*left, *right)
    return grid


def _title(answer: ServingPrediction) -> str:
    found = answer.estimate
    return f"{answer.model.name} on {found.chips_used:,} x {answer.chip.name}, {found.layout}"


def text(answer: ServingPrediction) -> str:
    """Return in words what the deployment does, what limits it, and what is taken for granted."""
    found, job = answer.estimate, answer.job
    lines = [f"Not within what was asked: {found.reason}."] if found.reason else []
    if found.runs:
        lines += _load_lines(answer)
    elif answer.searched and answer.traffic.arrival_s is None:
        lines.append("Of all layouts that were tried, this one needs least memory; none fits.")
    lines += [f"Note: {note}." for note in answer.notes]
    if answer.searched and found.runs:
        lines.append("The layout is the best of all that the chips, heads and layers allow.")
    lines.append(f"{answer.engine.name}; weights {job.weights}, cache {job.kv}.")
    if found.runs:
        lines[-1] += (
            " Low and high are the 10th and 90th percentile of the model's error "
            f"(deviation {found.sigma:.0%})."
        )
    if found.method != "closed form" and found.runs:
        lines.append(_played(answer))
    if answer.engine.anchors < 1:
        lines.append("No published run of this engine was fitted: the interval is wide.")
    return "\n".join(lines)


def _load_lines(answer: ServingPrediction) -> list[str]:
    """Say how many requests there are, and what their time goes into."""
    found, job = answer.estimate, answer.job
    lengths = f"{job.input_tokens:,.0f} + {job.output_tokens:,.0f} tokens"
    running = doing(found.running, "request", "run")
    part = ", their answers partly made" if answer.engine.reserved_output < 1.0 else ""
    lines = [f"{running} at once; at most {found.max_concurrency:,} of {lengths} could{part}."]
    if job.concurrency is None and found.concurrency is not None:
        flying = counted(round(found.concurrency), "request")
        lines.insert(0, f"Most tokens a second with {flying} in flight.")
    if answer.swamped:
        lines.append("The queue grows without end, so no latencies are told.")
    if found.layout.dp > 1 and (answer.traffic.arrival_s is not None or job.request_rate):
        how = "at random" if answer.traffic.arrival_s is None else "in turn, which waits least"
        lines.append(f"Requests go to the {found.layout.dp} replicas {how}.")
    if found.preempted >= 0.005:
        lines.append(
            f"Caches run full: a request gives its own up {short(found.preempted)} times in the "
            "mean and is computed again; fewer at once (--max-sequences) would stall none."
        )
    which = "a token's" if found.tpot_ms.p50 > 0 else "a prompt's"
    lines.append(f"Most of {which} time goes into {found.bottleneck}.")
    return lines


def doing(count: float, thing: str, does: str) -> str:
    """Return `1 request runs`, `12 requests run`, `In the mean 0.4 requests run`."""
    if count < 1.0 and short(count) != "1":
        return f"In the mean {short(count)} {thing}s {does}"
    return f"1 {thing} {does}s" if round(count) == 1 else f"{count:,.0f} {thing}s {does}"


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
    told = "Rates" if answer.swamped else "Latencies and rates"
    return f"{told} come from playing {what} event by event."


def short(value: float) -> str:
    """Return a number with the digits a table needs."""
    return f"{value:,.0f}" if abs(value) >= 1000 else f"{value:.4g}"
