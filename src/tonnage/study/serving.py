"""The verb `predict serve`: names in, what a deployment delivers, and the best layout for it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import date
from typing import Any, TypeVar

from tonnage.catalog import Chip
from tonnage.dates import given_day
from tonnage.errors import InputError
from tonnage.perf import (
    Engine,
    PoolsEstimate,
    ServingEstimate,
    ServingLayout,
    Traffic,
    played_requests,
    search_pools,
)
from tonnage.perf import predict_serving as predict_deployment
from tonnage.study.serving_load import Load
from tonnage.study.serving_question import question
from tonnage.workload import Model, ServingJob, Speculation

_LEAST_ANSWER = 2
"""Tokens of an answer that gives a decoding pool something to do."""
_POOLS = 2
_SAME = 1e-6


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
    notes: tuple[str, ...] = ()
    """What a reader has to know beside the numbers."""

    @property
    def swamped(self) -> bool:
        """More requests come than can be served: waits have no end, and no latency is told."""
        if self.traffic.arrival_s is not None:
            return self.estimate.overloaded  # its last answers alone may cost it rate
        return never_served(self.job, self.estimate)

    def to_frame(self) -> dict[str, list[Any]]:
        """Return the answer as columns of one row; no speeds where it does not fit.

        Nor latencies where more requests come than can be served.
        """
        found = self.estimate
        columns: dict[str, list[Any]] = {"chip": [found.chip], "chips": [found.chips]}
        return columns | _speeds(found, swamped=self.swamped)


def _speeds(found: ServingEstimate | PoolsEstimate, *, swamped: bool) -> dict[str, list[Any]]:
    """Return speeds as columns of one row."""
    columns: dict[str, list[Any]] = {}
    for name in ("ttft_ms", "tpot_ms", "tokens_per_s_output", "tokens_per_s_output_per_chip"):
        for key, value in getattr(found, name).to_dict().items():
            told = found.runs and not (swamped and name.endswith("_ms"))
            columns[f"{name}_{key}"] = [value if told else None]
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
    settings: Mapping[str, float] | None = None,
    traffic: Traffic | None = None,
    as_of: date | str | None = None,
) -> ServingPrediction:
    """Return what up to `chips` of a chip deliver for a model, lengths and a load.

    Parameters
    ----------
    model, chip
        Names, a path to a `config.json`, or the objects themselves.
    concurrency, request_rate
        In flight, or a second; with neither, the load with most tokens a second within the limits.
    kv, framework
        Format of the cache (default: what the engine takes); an engine (default: the usual one).
    layout
        As `tp=8,dp=2` or a `ServingLayout`; without it the best is searched.
    shortest_share, traffic
        Lengths are drawn evenly between this share and all; bursts, a trace, or events to play.
        What a trace says of rate and lengths goes before what is said beside it.
    settings
        Of the server: any of max_sequences, prefill_tokens, memory_fraction.
    as_of
        Day by which chip, model and engine have to be known (default: today).

    Raises
    ------
    InputError, NotEnoughKnown
        With all that cannot be used together; with what is not public of the chip on that day.
    """
    request_rate, input, output = _said(traffic, request_rate, input, output)  # noqa: A001
    load = Load(
        input, output, concurrency, request_rate, ttft_ms, tpot_ms, weights, kv,
        prefix_hit_rate, speculation, shortest_share, settings,
    )  # fmt: skip
    asked = question(
        model, (chip,), {"chips": chips}, load,
        framework=framework, layout=layout, traffic=traffic, as_of=given_day(as_of),
    )  # fmt: skip
    way, device, engine = _checked(traffic, request_rate), asked.devices[0], asked.engines[0]
    found = predict_deployment(device, asked.job, asked.layout, engine, chips, way)
    told = asked.model, device, asked.job, engine, found, asked.layout is None, way
    return _counted(ServingPrediction(*told, (*asked.notes, *notes_on(found, engine))))


def never_served(job: ServingJob, found: ServingEstimate | PoolsEstimate) -> bool:
    """Return whether requests come faster than they are served."""
    rate = job.request_rate
    return rate is not None and not found.fits and found.requests_per_s.p50 < rate * (1.0 - 1e-9)


def notes_on(found: ServingEstimate, engine: Engine) -> list[str]:
    """Return what has to be said of an answer: idle chips, and a limit that memory does not set."""
    notes = []
    if found.chips_used < found.chips:
        work = "works" if found.chips_used == 1 else "work"
        notes.append(
            f"{found.chips_used:,} of the {found.chips:,} chips {work}: no layout of more of them "
            f"does better"
        )
    replicas, most = found.layout.dp, int(engine.max_sequences)
    wanted = max(found.running, found.concurrency or 0.0)
    if found.runs and found.max_concurrency >= most * replicas and wanted >= most * replicas:
        requests = "request" if most == 1 else "requests"
        notes.append(
            f"{engine.name} runs at most {most:,} {requests} at once on a replica; "
            f"memory would hold more"
        )
    return notes


@dataclass(frozen=True, slots=True)
class PoolsPrediction:
    """The answer to `predict serve --disaggregate`."""

    model: Model
    prefill_chip: Chip
    decode_chip: Chip
    job: ServingJob
    estimate: PoolsEstimate
    engines: tuple[Engine, Engine]
    """Of the prefill and of the decoding pool."""
    traffic: Traffic = field(default_factory=Traffic)
    sized: bool = False
    """Whether the chips of each pool were given."""
    notes: tuple[str, ...] = ()

    @property
    def swamped(self) -> bool:
        """More requests come than can be served: waits have no end, and no latency is told."""
        return self.estimate.overloaded

    def to_frame(self) -> dict[str, list[Any]]:
        """Return the answer as columns of one row, speeds as in `ServingPrediction`."""
        found = self.estimate
        columns: dict[str, list[Any]] = {
            "prefill_chip": [found.prefill.chip], "decode_chip": [found.decode.chip],
            "chips": [found.chips],
        }  # fmt: skip
        return columns | _speeds(found, swamped=self.swamped)


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
    settings: Mapping[str, float] | None = None,
    traffic: Traffic | None = None,
    as_of: date | str | None = None,
) -> PoolsPrediction:
    """Return what prefill and decoding apart deliver, on one kind of chip or two.

    `chips` is the total, whose best split is searched, or the pair (prefill, decode). The other
    parameters are those of `predict_serving`; a load that is named is played.

    Raises
    ------
    InputError, Infeasible
        With all that cannot be used; if one half fits nowhere or keeps its limit nowhere.
    """
    request_rate, input, output = _said(traffic, request_rate, input, output)  # noqa: A001
    load = Load(
        input, output, concurrency, request_rate, ttft_ms, tpot_ms, weights, kv,
        prefix_hit_rate, speculation, shortest_share, settings,
    )  # fmt: skip
    counts: dict[str, object] = {"chips": chips}
    if isinstance(chips, tuple) and len(chips) == _POOLS:
        counts = dict(zip(("prefill_chips", "decode_chips"), chips, strict=True))
    asked = question(
        model, (prefill_chip, decode_chip), counts, load,
        framework=framework, as_of=given_day(as_of),
    )  # fmt: skip
    if output < _LEAST_ANSWER:
        if traffic is not None and traffic.output_tokens is not None:
            mend = "2 or more in the mean leave something to decode"
            raise InputError.of("trace", f"answers of {output:g} tokens", mend)
        mend = "2 or more: an answer of one token leaves nothing to decode"
        raise InputError.of("output", output, mend)
    first, second = asked.devices[0], asked.devices[-1]
    engines = asked.engines[0], asked.engines[-1]
    way = _checked(traffic, request_rate)
    if way.simulate and request_rate is None and concurrency is None:
        mend = "leave it out, or name a load to play: request_rate or concurrency"
        raise InputError.of("simulate", True, mend)
    found = search_pools(first, second, asked.job, chips, engines, way)
    notes = (*asked.notes, *_notes_on_pools(found, engines))
    told = asked.model, first, second, asked.job, found, engines, way, isinstance(chips, tuple)
    return _counted(PoolsPrediction(*told, notes))


Answer = TypeVar("Answer", ServingPrediction, PoolsPrediction)


def _counted(answer: Answer) -> Answer:
    """Return the answer, with a note where a number of requests was asked for and not played."""
    count = answer.traffic.requests
    return answer if count == Traffic().requests else unplayed(answer, count)


def unplayed(answer: Answer, requests: int) -> Answer:
    """Return the answer with a note where so many requests were asked for and none was played."""
    found, note = answer.estimate, f"the closed form answered, none of {requests:,} requests played"
    played, clients = found.method != "closed form", answer.job.concurrency
    if isinstance(found, ServingEstimate):
        if played or not found.runs:
            return answer
        note += "; --simulate plays them"
    elif played:
        if clients is None:
            return answer
        count = played_requests(clients)
        note = f"{count:,} requests of the clients are played, whatever --requests says"
    return replace(answer, notes=tuple(dict.fromkeys((*answer.notes, note))))


def _notes_on_pools(found: PoolsEstimate, engines: tuple[Engine, Engine]) -> list[str]:
    """Return what has to be said of pools: idle chips, and engines that nobody has joined."""
    notes = []
    if found.chips_used < found.chips:
        idle = f"{found.chips_used:,} of the {found.chips:,} chips work: no split of more of them"
        notes.append(f"{idle} does better")
    first, second = engines
    if first.id != second.id:
        notes.append(
            f"each engine lays out its cache in its own way, and none is known here to pass one "
            f"from {first.name} to {second.name}: the answer takes it for granted"
        )
    return notes


def _said(
    traffic: Traffic | None, rate: float | None, prompt: float, answer: float
) -> tuple[float | None, float, float]:
    """Return rate and mean lengths: those of a trace, where it says them."""
    if not isinstance(traffic, Traffic) or traffic.arrival_s is None:
        return rate, prompt, answer
    count, own = len(traffic.arrival_s), traffic.requests_per_s
    if rate is not None and abs(rate - own) > _SAME * own:
        raise InputError.of("request_rate", rate, f"leave it out: the trace says {own:.4g}")
    lengths = [sum(some) / count if some is not None else said for some, said in
               ((traffic.input_tokens, prompt), (traffic.output_tokens, answer))]  # fmt: skip
    return own, lengths[0], lengths[1]


def _checked(traffic: Traffic | None, request_rate: float | None) -> Traffic:
    way = traffic or Traffic()
    if request_rate is None and way.burstiness != 1.0:
        raise InputError.of("request_rate", None, "requests a second, for bursts")
    return way
