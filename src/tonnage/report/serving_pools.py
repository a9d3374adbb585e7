"""How the answer to `predict serve --disaggregate` looks: JSON, tables, and words."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tonnage.report.serving import LATENCIES, SPEEDS, doing, short, speeds_table
from tonnage.study.serving import PoolsPrediction

if TYPE_CHECKING:
    from rich.table import Table


def to_json(answer: PoolsPrediction) -> dict[str, Any]:
    """Return the document of `predict serve --disaggregate --json`.

    The contract's fields describe the whole; memory is that of the decoding pool, where the caches
    live, and `layout`, `prefill` and `decode` tell of each pool.
    """
    job = answer.job
    document: dict[str, Any] = {
        "model": answer.model.id,
        "input": job.input_tokens,
        "output": job.output_tokens,
        "weights": job.weights,
        "kv": job.kv,
        "disaggregated": True,
        "layout_searched": True,
    }
    document |= answer.estimate.to_dict()
    if answer.swamped:
        document |= dict.fromkeys(LATENCIES)
    if not answer.estimate.runs:
        document |= dict.fromkeys(set(SPEEDS) & set(document))
    document["reason"] = answer.estimate.reason or None
    document["notes"] = list(answer.notes)
    return document


def tables(answer: PoolsPrediction) -> list[Table]:
    """Return the tables of the answer: of what does not fit, that of the pools alone."""
    return [*([table(answer)] if answer.estimate.runs else []), pools_table(answer)]


def table(answer: PoolsPrediction) -> Table:
    """Return latencies and rates of the whole with their 80 % interval."""
    found = answer.estimate
    title = f"{answer.model.name}, prefill and decoding apart, {found.chips_used} chips"
    return speeds_table(found, title, LATENCIES if answer.swamped else ())


def pools_table(answer: PoolsPrediction) -> Table:
    """Return one row a pool: chips, layout, what it could do alone, memory."""
    from rich.table import Table

    grid = Table("pool", "chip", "instances", "layout", "chips", "requests/s alone", "GB of a chip")
    for index in (2, 4, 5, 6):
        grid.columns[index].justify = "right"
    found = answer.estimate
    for name, half, chip in (
        ("prefill", found.prefill, answer.prefill_chip),
        ("decoding", found.decode, answer.decode_chip),
    ):
        held = half.memory_gb_per_chip
        grid.add_row(
            name, chip.name, f"{half.instances}", str(half.layout), f"{half.chips}",
            short(half.requests_per_s), f"{held.total:.0f} of {held.usable:.0f}",
        )  # fmt: skip
    return grid


def text(answer: PoolsPrediction) -> str:
    """Return in words what limits the deployment and what is taken for granted."""
    found, job = answer.estimate, answer.job
    lengths = f"{job.input_tokens:,.0f} + {job.output_tokens:,.0f} tokens"
    drawn = answer.job.request_rate is not None and answer.traffic.arrival_s is None
    ranks = "one rank" if drawn else "every rank"
    turn = "" if drawn else ", to which requests go in turn"
    played = found.method != "closed form" and found.runs
    doubt = "Low and high are the 10th and 90th percentile of the model's error."
    room = f"the decoding pool could take {found.max_concurrency:,} of {lengths}"
    sizes = "Layouts" if answer.sized else "Sizes, layouts"
    running = f"{doing(found.running, 'sequence', 'decode')} at once; {room}."
    lines = [
        *([running, f"What limits it: {found.bottleneck}."] if found.runs else []),
        f"A prompt's cache travels in {short(found.transfer_ms)} ms, over the slower pool's ports.",
        f"{sizes} and batch of both pools are the best for most requests a second.",
        f"Engines {found.prefill.engine} and {found.decode.engine}.",
        f"Weights {job.weights}, cache {job.kv}.",
        *([doubt] if found.runs else []),
        *([f"Percentiles come from playing {ranks} of each pool{turn}."] if played else []),
    ]
    lines += [f"Note: {note}." for note in answer.notes]
    if answer.swamped:
        lines.insert(0, "The queue grows without end, so no latencies are told.")
    if found.reason:
        lines.insert(0, f"Not within what was asked: {found.reason}.")
    return "\n".join(lines)
