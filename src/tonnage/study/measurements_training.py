"""Rows of training measurements as questions to the training model, and its answers as metrics."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path

from tonnage.catalog import Catalog, Chip, load_catalog
from tonnage.dates import today
from tonnage.errors import TonnageError
from tonnage.perf import (
    Layout,
    Recompute,
    TrainingCase,
    cluster_network,
    machine_of,
    recognize_framework,
)
from tonnage.provenance import Spread
from tonnage.study.measurements import Assumption, Kind, Row, read_table
from tonnage.study.measurements_labels import Unusable, chip_of, format_of
from tonnage.study.measurements_layout import (
    SEARCH_DOUBT,
    LayoutUnknown,
    fastest_layout,
    stated_layouts,
)
from tonnage.study.measurements_model import is_adapter, training_model
from tonnage.units import TERA
from tonnage.workload import (
    Convention,
    Model,
    TrainingJob,
    forward_flops_per_token,
    training_flops_per_token,
)

WHOLE_SERVER = 8
USUAL_RANK = 16
"""Rank of adapters where a row does not state it (MLPerf's Llama 2 70B LoRA task uses 16)."""
CAUSAL_SINCE = 2025
"""Year from which Megatron-style FLOP counts halve attention, where a source gives no formula:
Megatron-Bridge's printed tokens/s and TFLOP/s agree with the halved count to 0.4 %, those of
NeMo 24.07 and MosaicML with the full one to 0.2 %."""


@dataclass(frozen=True, slots=True)
class TrainingQuestion:
    """A row ready to be predicted; several `cases` where recomputation is not stated."""

    row: Row
    cases: tuple[TrainingCase, ...]
    """The first that fits in memory is meant; if none fits, the last."""
    metric: str
    measured: float
    assumed: tuple[Assumption, ...]


def training_cases(path: str | Path, as_of: date | None = None) -> list[tuple[Row, TrainingCase]]:
    """Return the rows of a training table that can be predicted, each with its first case.

    Rows that lack something are left out; `questions_of` says why.
    """
    table = read_table(path)
    if table.kind is not Kind.TRAINING:
        message = f"{path} is not a training table"
        raise ValueError(message)
    catalog = load_catalog(as_of or today())
    found = []
    for row in table.rows:
        if row.id in table.unreadable:
            continue
        try:
            question = training_question(row, catalog)
        except Unusable:
            continue
        found.append((row, question.cases[0]))
    return found


def training_question(row: Row, catalog: Catalog, search: bool = False) -> TrainingQuestion:
    """Return the question that a row answers; `search` finds layouts that are not stated.

    Raises
    ------
    Unusable
        Naming what is missing.
    """
    metric, measured = _headline(row)
    labelled = chip_of(row, catalog)
    named = training_model(row)
    assumed: list[Assumption] = [*labelled.assumed, *named.assumed]
    if metric == "mfu" and measured > LARGEST_SHARE:
        assumed.append(Assumption("mfu read as a percentage"))
    stack = recognize_framework(row.told, labelled.chip.vendor, row.count("year"))
    try:
        layouts, chips = stated_layouts(row, named.model, assumed)
        job = _job(row, named.model, labelled.chip, layouts[0], assumed)
    except LayoutUnknown:
        if not search:
            raise
        chips = _needed(row, "n_chips")
        job = _job(row, named.model, labelled.chip, None, assumed)
        best = fastest_layout(labelled.chip, job, chips, stack, _network(row), _server(row))
        text = "layout not stated: the fastest that fits"
        assumed.append(Assumption(text, SEARCH_DOUBT))
        layouts = [best]
    cases = [
        TrainingCase(
            job=job,
            chip=labelled.chip,
            chips=chips,
            layout=layout,
            framework=stack,
            nic_gbps=_network(row),
            node_chips=_server(row),
        )
        for layout in layouts
    ]
    return TrainingQuestion(row, tuple(cases), metric, measured, tuple(assumed))


def _job(
    row: Row, model: Model, chip: Chip, layout: Layout | None, assumed: list[Assumption]
) -> TrainingJob:
    batch = _needed(row, "global_batch_seqs") if layout is None else _batch(row, layout, assumed)
    return TrainingJob(
        model=model,
        seq_len=_needed(row, "seq_len"),
        global_batch=batch,
        precision=_precision(row, chip, assumed),
        lora_rank=USUAL_RANK if is_adapter(row) else None,
    )


LARGEST_SHARE = 1.5
"""An MFU above this is a percentage, whatever the column says."""
PERCENT = 100.0
METRICS = ("iter_time_s", "tokens_per_s_per_gpu", "tflops_per_gpu", "mfu", "samples_per_s")


def _headline(row: Row) -> tuple[str, float]:
    """Return the metric to be scored: the headline, else the second printed one."""
    for metric, value in (("metric", "value"), ("metric2", "value2")):
        measured = row.number(value)
        if row.text(metric) in METRICS and measured is not None:
            return row.text(metric), measured
    if row.text("metric") == "gpu_hours":
        message = "gpu_hours to a target depend on convergence, and no speed is printed"
        raise Unusable(message)
    if row.number("value") is None:
        message = "value is blank"
        raise Unusable(message)
    message = f"metric {row.text('metric')!r} is not one of {', '.join(METRICS)}"
    raise Unusable(message)


def _needed(row: Row, column: str) -> int:
    value = row.count(column)
    if value is None:
        message = f"{column} is blank"
        raise Unusable(message)
    return value


def _precision(row: Row, chip: Chip, assumed: list[Assumption]) -> str:
    cell = row.text("precision")
    found = format_of(cell)
    if found is not None:
        return found
    if cell:
        message = f"precision {cell!r} is not known"
        raise Unusable(message)
    quantized = "mlperf" in row.told and chip.number("fp8_tflops") is not None
    supposed = "fp8" if quantized else "bf16"
    assumed.append(Assumption(f"precision taken as {supposed}", 0.2))
    return supposed


def _network(row: Row) -> float | None:
    return cluster_network(row.text("interconnect_note"), row.count("chips_per_node"))


def _server(row: Row) -> int | None:
    """Return the chips of a server; trays of a rack (4 of GB200's 72) are not one."""
    chips = row.count("chips_per_node")
    return chips if chips is not None and chips >= WHOLE_SERVER else None


def _batch(row: Row, layout: Layout, assumed: list[Assumption]) -> int:
    batch = row.count("global_batch_seqs")
    if batch is not None:
        return batch
    whole_step = row.text("metric") in ("iter_time_s", "samples_per_s")
    if whole_step or layout.pp > 1 or row.count("micro_batch") is None:
        message = "global_batch_seqs is blank"
        raise Unusable(message)
    text = "global_batch_seqs taken as dp·micro_batch: one micro batch a step"
    assumed.append(Assumption(text, 0.1))
    return layout.dp * layout.mb


def as_metric(question: TrainingQuestion, case: TrainingCase, seconds: Spread) -> Spread:
    """Return a predicted step time as the row's metric, by the row's own FLOP convention."""
    job = case.job
    tokens = job.tokens_per_step / case.chips
    if question.metric == "iter_time_s":
        return seconds
    if question.metric == "samples_per_s":
        return seconds.map(lambda time: job.global_batch / time)
    rate = seconds.map(lambda time: tokens / time)
    if question.metric == "tokens_per_s_per_gpu":
        return rate
    flops = counted_flops(question.row, case)
    if question.metric == "tflops_per_gpu":
        return rate * (flops / TERA)
    share = rate * (flops / _peak(question.row, case))
    return share * PERCENT if question.measured > LARGEST_SHARE else share


def counted_flops(row: Row, case: TrainingCase) -> float:
    """FLOPs of one token as the row's source counts them, recomputation included where it does."""
    model, seq = case.job.model, case.job.seq_len
    convention = _convention(row)
    flops = training_flops_per_token(model, seq, convention)
    if _counts_recompute(row) and case.layout.recompute is Recompute.FULL:
        causal = convention is Convention.CAUSAL
        head = 2.0 * model.vocab * model.hidden
        flops += forward_flops_per_token(model, seq, causal) - head
    return flops


def _convention(row: Row) -> Convention:
    words = row.text("flops_convention").lower()
    if re.search(r"without causal|full attention|12\*l\*d\*s|s/\(?6h|72bl|96\*b", words):
        return Convention.SIX_N if "6*n" in words else Convention.FULL
    if re.search(r"6n\b|6\*n", words):
        return Convention.SIX_N
    if re.search(r"causal(ly)? (halv|mask)|half of (the )?attention|causal attention", words):
        return Convention.CAUSAL
    bridge = "megatron-bridge" in row.told or "megatron_bridge" in row.told
    recent = (row.count("year") or 0) >= CAUSAL_SINCE and "megatron" in row.told
    return Convention.CAUSAL if bridge or recent else Convention.FULL


_RECOMPUTE_APART = re.compile(r"recompute(d|ation)? (is )?(not counted|excluded)|no recompute")
_RECOMPUTE_COUNTED = re.compile(
    r"recompute(d|ation)? (is |are )?(counted|included)|includ\w+ (the )?(full.*)?recompute"
    r"|count(s|ing|ed)? (the )?recompute|checkpoint\w*[^;|]{0,40}(counted|factor 4|included)"
)


def _counts_recompute(row: Row) -> bool:
    for column in ("flops_convention", "note"):
        words = row.text(column).lower()
        if _RECOMPUTE_APART.search(words):
            return False
        if _RECOMPUTE_COUNTED.search(words):
            return True
    return False


def _peak(row: Row, case: TrainingCase) -> float:
    printed = re.search(r"peak (?:of )?([\d.]+) tflop|divided by ([\d.]+)", row.told)
    if printed is not None:
        return float(printed.group(1) or printed.group(2)) * TERA
    machine = machine_of(case.chip)
    return float(machine.rate(case.job.precision).peak)


def all_questions(
    rows: Sequence[Row], catalog: Catalog, search: bool = False
) -> tuple[list[TrainingQuestion], list[tuple[Row, str]]]:
    """Return the questions of rows, and the rows that have none with the reason."""
    asked, skipped = [], []
    for row in rows:
        try:
            asked.append(training_question(row, catalog, search))
        except (Unusable, TonnageError) as reason:
            skipped.append((row, str(reason)))
    return asked, skipped
