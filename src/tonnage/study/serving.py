"""The verb `predict serve`: names in, what a deployment delivers, and the best layout for it."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date
from typing import Any

from tonnage.catalog import Chip, load_catalog, read_chip_file
from tonnage.dates import today
from tonnage.errors import Fault, InputError
from tonnage.perf import (
    Engine,
    PoolsEstimate,
    ServingEstimate,
    ServingLayout,
    Traffic,
    default_kv,
    find_engine,
    parse_serving_layout,
    search_pools,
)
from tonnage.perf import predict_serving as predict_deployment
from tonnage.workload import Arrivals, Model, ServingJob, Speculation, resolve_model

LONGEST_PROMPT = 1e8
"""Tokens above which a prompt is a slip of the pen."""


@dataclass(frozen=True, slots=True)
class ServingPrediction:
    """The answer to `predict serve`."""

    model: Model
    chip: Chip
    job: ServingJob
    engine: Engine
    estimate: ServingEstimate
    searched: bool
    """The layout was searched, not given."""
    traffic: Traffic = field(default_factory=Traffic)

    def to_frame(self) -> dict[str, list[Any]]:
        """Return the answer as columns of one row."""
        found = self.estimate
        columns: dict[str, list[Any]] = {"chip": [found.chip], "chips": [found.chips]}
        for name in ("ttft_ms", "tpot_ms", "tokens_per_s_output", "tokens_per_s_output_per_chip"):
            for key, value in getattr(found, name).to_dict().items():
                columns[f"{name}_{key}"] = [value]
        return columns


def predict_serving(
    model: str | Model,
    chip: str | Chip,
    chips: int,
    *,
    input: float,  # noqa: A002 - the option's name on the command line
    output: float,
    concurrency: float | None = None,
    request_rate: float | None = None,
    ttft_ms: float | None = None,
    tpot_ms: float | None = None,
    weights: str = "bf16",
    kv: str | None = None,
    framework: str | None = None,
    layout: str | ServingLayout | None = None,
    prefix_hit_rate: float = 0.0,
    speculation: Speculation | None = None,
    shortest_share: float = 1.0,
    traffic: Traffic | None = None,
    as_of: date | None = None,
) -> ServingPrediction:
    """Return what `chips` of a chip deliver for a model, lengths and a load.

    Parameters
    ----------
    model, chip
        Names, a path to a `config.json`, or the objects themselves.
    concurrency, request_rate
        In flight, or a second; with neither, the load with most tokens a second within the limits.
    kv
        Format of the cache (default: what the engine takes).
    layout
        As `tp=8,dp=2` or a `ServingLayout`; without it the best is searched.
    shortest_share
        Lengths are drawn evenly between this share of `input` and `output` and all of them.
    traffic
        Bursts, a trace, or to play the load event by event.

    Raises
    ------
    InputError
        If a name or number cannot be used.
    NotEnoughKnown
        If the chip's matrix rate or memory is not public on that day.
    """
    _check(chips, input)
    shape = model if isinstance(model, Model) else resolve_model(model)
    device = load_catalog(as_of or today()).find(chip) if isinstance(chip, str) else chip
    engine = find_engine(framework, vendor=device.vendor)
    cache = kv or default_kv(engine, weights, device.number("fp4_tflops") is not None)
    job = ServingJob(
        shape, input, output, concurrency=concurrency, request_rate=request_rate,
        arrivals=Arrivals.OPEN if request_rate is not None else Arrivals.CLOSED,
        ttft_ms=ttft_ms, tpot_ms=tpot_ms, weights=weights, kv=cache,
        prefix_hit_rate=prefix_hit_rate, speculation=speculation, shortest_share=shortest_share,
    )  # fmt: skip
    way = _checked(traffic, request_rate)
    chosen = parse_serving_layout(layout, chips) if isinstance(layout, str) else layout
    found = predict_deployment(device, job, chosen, engine, chips, way)
    return ServingPrediction(shape, device, job, engine, found, chosen is None, way)


@dataclass(frozen=True, slots=True)
class PoolsPrediction:
    """The answer to `predict serve --disaggregate`."""

    model: Model
    prefill_chip: Chip
    decode_chip: Chip
    job: ServingJob
    estimate: PoolsEstimate


def predict_pools(
    model: str | Model,
    prefill_chip: str | Chip,
    decode_chip: str | Chip,
    chips: int | tuple[int, int],
    *,
    input: float,  # noqa: A002 - the option's name on the command line
    output: float,
    concurrency: float | None = None,
    request_rate: float | None = None,
    ttft_ms: float | None = None,
    tpot_ms: float | None = None,
    weights: str = "bf16",
    kv: str | None = None,
    framework: str | None = None,
    prefix_hit_rate: float = 0.0,
    speculation: Speculation | None = None,
    shortest_share: float = 1.0,
    as_of: date | None = None,
) -> PoolsPrediction:
    """Return what prefill and decoding apart deliver, on one kind of chip or two.

    `chips` is the total, whose best split is searched, or the pair (prefill, decode). The other
    parameters are those of `predict_serving`.

    Raises
    ------
    Infeasible
        If one half fits nowhere or keeps its limit nowhere.
    """
    counts = (chips, chips) if isinstance(chips, int) else chips
    for count in counts:
        _check(count, input)
    known = load_catalog(as_of or today())
    first, second = (
        known.find(c) if isinstance(c, str) else c for c in (prefill_chip, decode_chip)
    )
    shape = model if isinstance(model, Model) else resolve_model(model)
    engine = find_engine(framework, vendor=second.vendor)
    cache = kv or default_kv(engine, weights, second.number("fp4_tflops") is not None)
    job = ServingJob(
        shape, input, output, concurrency=concurrency, request_rate=request_rate,
        ttft_ms=ttft_ms, tpot_ms=tpot_ms, weights=weights, kv=cache,
        prefix_hit_rate=prefix_hit_rate, speculation=speculation, shortest_share=shortest_share,
    )  # fmt: skip
    found = search_pools(first, second, job, chips, engine if framework else None)
    return PoolsPrediction(shape, first, second, job, found)


def _checked(traffic: Traffic | None, request_rate: float | None) -> Traffic:
    way = traffic or Traffic()
    if request_rate is None and (way.burstiness != 1.0 or way.arrival_s is not None):
        raise InputError.of("request_rate", None, "requests a second, for bursts and traces")
    return way


def _check(chips: int, prompt: float) -> None:
    faults = [] if chips >= 1 else [Fault("chips", chips, "a whole number, 1 or more")]
    if not 0 < prompt < LONGEST_PROMPT:
        faults.append(Fault("input", prompt, "prompt tokens, above 0"))
    if faults:
        raise InputError(faults)


def chip_from_file(path: str, as_of: date | None = None) -> Chip:
    """Return the chip a user describes in a file (fields as in `tonnage chips show`)."""
    return read_chip_file(path, as_of)
