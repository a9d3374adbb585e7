"""Rows of serving measurements as questions to the serving model, and its answers as metrics."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from tonnage.catalog import Catalog
from tonnage.errors import TonnageError
from tonnage.perf import (
    Engine,
    ServingCase,
    ServingEstimate,
    ServingLayout,
    default_kv,
    find_engine,
)
from tonnage.provenance import Spread
from tonnage.study.measurements import Assumption, Row
from tonnage.study.measurements_labels import Unusable, chip_of, format_of
from tonnage.study.measurements_model import serving_model
from tonnage.study.measurements_runs import LATENCIES
from tonnage.study.published_weights import published_in
from tonnage.workload import Arrivals, Model, ServingJob, Speculation

MILLISECONDS = 1e3
NODE = 8
ROUNDS = 10
"""Requests a client sends one after the other in an InferenceX run (its benchmark's default)."""
PREFILL_TOKENS = 16384
"""Prompt tokens on a device in a prefill-only run that states neither batch nor tokens."""

SETTINGS = (
    "prefill_tokens", "memory_fraction", "max_sequences", "poll_steps", "captured_tokens",
)  # fmt: skip
"""Columns of server settings that replace an engine's defaults where they are filled."""
ACCEPTANCE = 0.6
"""Drafted tokens that are taken, where a row says how many are drafted but not how many hold."""

_STATIC_WORDS = (
    "static batch", "static inference", "static batching", "llm-inference-bench", "llama-bench",
    "splitwise", "batch 1", "whole batch", "transformers",
)  # fmt: skip
_AT_ONCE = ("all requests sent at once", "all requests at once", "requests thrown in at once")


@dataclass(frozen=True, slots=True)
class ServingQuestion:
    """A row ready to be predicted."""

    row: Row
    case: ServingCase
    metric: str
    measured: float
    assumed: tuple[Assumption, ...]


def serving_question(row: Row, catalog: Catalog) -> ServingQuestion:
    """Return the question that a row answers.

    Raises
    ------
    Unusable
        Naming what is missing.
    """
    metric, measured = _headline(row)
    assumed: list[Assumption] = []
    labelled = chip_of(row, catalog)
    assumed += labelled.assumed
    layout = _layout(row, assumed)
    engine = _engine(row, labelled.chip.vendor)
    has_fp4 = labelled.chip.number("fp4_tflops") is not None
    job = _job(row, layout, assumed, lambda weights: default_kv(engine, weights, has_fp4))
    case = ServingCase(labelled.chip, job, layout, engine)
    return ServingQuestion(row, case, metric, measured, tuple(assumed))


def _headline(row: Row) -> tuple[str, float]:
    metric, measured = row.text("metric"), row.number("value")
    if measured is None:
        message = "value is blank"
        raise Unusable(message)
    if metric not in METRICS:
        message = f"metric {metric!r} is not one of {', '.join(METRICS)}"
        raise Unusable(message)
    return metric, measured


def _engine(row: Row, vendor: str) -> Engine:
    name = row.text("software") or None
    try:
        engine = find_engine(name, row.text("software_version"), row.count("year"), vendor)
    except TonnageError:
        engine = find_engine(None, "", row.count("year"), vendor)
    given = {name: value for name in SETTINGS if (value := row.number(name))}
    return engine.with_settings(given)


def _layout(row: Row, assumed: list[Assumption]) -> ServingLayout:
    chips = row.count("n_chips")
    tp, pp, dp = row.count("tp"), row.count("pp") or 1, row.count("dp")
    if chips is None and tp is None:
        message = "n_chips and tp are blank"
        raise Unusable(message)
    chips = chips or (tp or 1) * pp * (dp or 1)
    if tp is None:
        tp = max(chips // (pp * (dp or 1)), 1)
        assumed.append(Assumption(f"tp taken as {tp}", 0.1))
    if chips % (tp * pp):
        message = f"tp·pp = {tp * pp} does not divide n_chips = {chips}"
        raise Unusable(message)
    replicas = chips // (tp * pp)
    ep = row.count("ep") or 1
    if dp is not None and dp not in (1, replicas):
        assumed.append(Assumption(f"dp taken as {replicas}", 0.1))
    return ServingLayout(tp=tp, pp=pp, dp=replicas, ep=ep)


def _job(
    row: Row, layout: ServingLayout, assumed: list[Assumption], usual_kv: Callable[[str], str]
) -> ServingJob:
    named = serving_model(row)
    model = named.model
    assumed += named.assumed
    weights = _weights(row, model, assumed)
    activations = format_of(row.text("act_precision"))
    arrivals = _arrivals(row)
    prompt = row.number("input_len")
    if prompt is None:
        message = "input_len is blank"
        raise Unusable(message)
    answer = row.number("output_len")
    if answer is None and row.text("phase") != "prefill" and row.text("metric") != "ttft_ms":
        message = "output_len is blank"
        raise Unusable(message)
    batch = row.number("batch_or_concurrency")
    if arrivals is Arrivals.OFFLINE:
        concurrency, requests = None, None if batch is None else round(batch)
    else:
        concurrency = batch or _unstated_batch(row, layout, prompt, assumed)
        requests = _requests(row, concurrency)
    return ServingJob(
        model=model,
        input_tokens=max(prompt, 1.0),
        output_tokens=answer or 1.0,
        concurrency=concurrency,
        arrivals=arrivals,
        requests=requests,
        weights=weights,
        activations=activations,
        kv=format_of(row.text("kv_precision")) or usual_kv(weights),
        speculation=_speculation(row),
        shortest_share=_shortest(row),
    )


def _weights(row: Row, model: Model, assumed: list[Assumption]) -> str:
    cell = row.text("weight_precision")
    found = format_of(cell)
    if found is not None:
        return found
    if cell:
        message = f"weight_precision {cell!r} is not known"
        raise Unusable(message)
    told = row.told + " " + row.text("model").lower()
    hinted = re.search(r"\b(nvfp4|mxfp4|fp8|w8a8|int8|awq|int4)\b", told)
    supposed = published_in(model) if hinted is None else hinted.group(1)
    weights = format_of(supposed) or "bf16"
    assumed.append(Assumption(f"weight_precision taken as {weights}", 0.3))
    return weights


def _arrivals(row: Row) -> Arrivals:
    told, phase = row.told, row.text("phase")
    batch = row.number("batch_or_concurrency")
    engine = row.text("software").lower()
    if any(words in told for words in _AT_ONCE):
        return Arrivals.OFFLINE
    if any(words in told or words in engine for words in (*_STATIC_WORDS, "llama.cpp")):
        return Arrivals.STATIC
    if phase == "prefill":
        return Arrivals.STATIC
    if batch is None:
        return Arrivals.OFFLINE
    return Arrivals.CLOSED


def _unstated_batch(
    row: Row, layout: ServingLayout, prompt: float, assumed: list[Assumption]
) -> float:
    """Return the batch of a run that states none: by the tokens on each device, else one."""
    told = re.search(r"([\d,]+) tokens per device", row.told)
    if told is None and layout.dp == 1:
        assumed.append(Assumption("batch taken as 1", 0.4))
        return 1.0
    tokens = float(told.group(1).replace(",", "")) if told else float(PREFILL_TOKENS)
    if told is None:
        text = f"{PREFILL_TOKENS} prompt tokens per device assumed"
        assumed.append(Assumption(text, 0.1))
    return max(layout.dp * tokens / max(prompt, 1.0), 1.0)


def _requests(row: Row, concurrency: float) -> int | None:
    told = re.search(r"\b(\d+) (?:prompts|requests)\b", row.told)
    if told is not None:
        return int(told.group(1))
    client = "inferencex" in row.told or "gap-analysis" in row.told
    return round(ROUNDS * concurrency) if client else None


def _speculation(row: Row) -> Speculation | None:
    told = re.search(r"accept(?:ance|ed)? length (?:of )?([\d.]+)(?:-([\d.]+))?", row.told)
    drafted = row.count("draft_tokens")
    if told is None and drafted:
        return Speculation(drafted, row.number("acceptance") or ACCEPTANCE)
    if told is None:
        return None
    ends = [float(end) for end in told.groups() if end]
    length = sum(ends) / len(ends)
    drafts = max(round(length + 0.5) - 1, 1)
    return Speculation(drafts, min(max(length - 1.0, 0.0) / drafts, 0.95))


def _shortest(row: Row) -> float:
    told = re.search(r"(?:uniformly|drawn) in \[([\d.]+),", row.told)
    return float(told.group(1)) if told else 1.0


Conversion = Callable[[ServingQuestion, ServingEstimate], Spread]


def _latency(of: Callable[[ServingEstimate], Spread]) -> Conversion:
    return lambda _, found: of(found)


def _chips(question: ServingQuestion) -> int:
    return question.case.layout.chips


_DECODING_ONLY = re.compile(r"flat in (the )?input|decode tokens|decoding speed|decode speed")


def _output(question: ServingQuestion, found: ServingEstimate) -> Spread:
    """Return generated tokens/s, prompt time left out where only decoding was measured."""
    row = question.row
    if row.text("phase") != "decode" and not _DECODING_ONLY.search(row.told):
        return found.tokens_per_s_output
    running = question.case.job.concurrency or found.running
    return found.tpot_ms.map(lambda time: MILLISECONDS * running / time)


def _input(question: ServingQuestion, found: ServingEstimate) -> Spread:
    job = question.case.job
    if question.row.text("phase") == "prefill" and job.concurrency is not None:
        tokens = job.concurrency * job.input_tokens
        return found.ttft_ms.map(lambda time: MILLISECONDS * tokens / time)
    return found.requests_per_s * job.input_tokens


def _a_stream(question: ServingQuestion, found: ServingEstimate) -> Spread:
    del question
    return found.tpot_ms.map(lambda time: MILLISECONDS / time)


METRICS: Mapping[str, Conversion] = {
    "tokens_per_s_total_output": _output,
    "tokens_per_s_total": lambda _, found: found.tokens_per_s_total,
    "tokens_per_s_output_per_chip": lambda q, found: _output(q, found) / _chips(q),
    "tokens_per_s_output_AMBIGUOUS": lambda q, found: _output(q, found) / _chips(q),
    "tokens_per_s_total_per_chip": lambda q, found: found.tokens_per_s_total / _chips(q),
    "tokens_per_s_input_total": _input,
    "tokens_per_s_input_per_chip": lambda q, found: _input(q, found) / _chips(q),
    "tokens_per_s_input_per_node8": lambda q, found: _input(q, found) * (NODE / _chips(q)),
    "tokens_per_s_output_per_node8": lambda q, found: _output(q, found) * (NODE / _chips(q)),
    "tokens_per_s_output_per_user": _a_stream,
    "requests_per_s": lambda _, found: found.requests_per_s,
    **{name: _latency(of) for name, of in LATENCIES.items()},
}
"""Metric of a table → how it follows from an estimate. The table of TensorRT-LLM 0.5 and 0.6.1
headed "out tok/s" is per chip: its values equal the per-chip ones of the same page."""


def all_questions(
    rows: Sequence[Row], catalog: Catalog
) -> tuple[list[ServingQuestion], list[tuple[Row, str]]]:
    """Return the questions of rows, and the rows that have none with the reason."""
    asked, skipped = [], []
    for row in rows:
        try:
            asked.append(serving_question(row, catalog))
        except (Unusable, TonnageError) as reason:
            skipped.append((row, str(reason)))
    return asked, skipped
