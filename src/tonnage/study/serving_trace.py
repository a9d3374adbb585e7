"""A trace file: when requests came, and how long each was.

A CSV with a header. `arrival_s` is needed; `input_tokens` and `output_tokens` may follow.
"""

from __future__ import annotations

import csv
import io
from dataclasses import dataclass, replace
from math import isfinite

from tonnage.errors import Fault, InputError
from tonnage.files import read_text
from tonnage.perf import predict_serving
from tonnage.study.serving import PoolsPrediction, ServingPrediction
from tonnage.workload import ServingJob

MOST_FAULTS = 20
MOST_PLAYED = 1_000_000
"""Requests of a trace that are played where nobody says how many."""
LENGTHS = ("input_tokens", "output_tokens")


@dataclass(frozen=True, slots=True)
class Trace:
    """Requests in the order they came, seconds from the first."""

    arrival_s: tuple[float, ...]
    input_tokens: tuple[float, ...] | None
    output_tokens: tuple[float, ...] | None
    lines: tuple[int, ...]
    """Line of the file that each request stands on."""
    whole: int
    """Requests of the file, of which these are the first."""

    @property
    def notes(self) -> tuple[str, ...]:
        """What was left out."""
        count = len(self.arrival_s)
        if count == self.whole:
            return ()
        told = f"the first {count:,} of the {self.whole:,} requests of the trace are played"
        return (f"{told}; rates and lengths are theirs",)


def read_trace(path: str, first: int | None = None) -> Trace:
    """Return a trace, sorted by arrival: all of it, or its `first` requests.

    Raises
    ------
    InputError
        Naming every line and column that cannot be used.
    """
    rows = csv.DictReader(io.StringIO(read_text(path)))
    names = [n for n in ("arrival_s", *LENGTHS) if n in (rows.fieldnames or ())]
    if "arrival_s" not in names:
        raise InputError.of("trace", path, "a CSV with a column arrival_s (seconds)")
    faults: list[Fault] = []
    found = [(*(_number(row, n, rows.line_num, faults) for n in names), rows.line_num)
             for row in rows]  # fmt: skip
    if not found:
        faults.append(Fault("trace", path, "one request or more"))
    if faults:
        raise InputError(faults[:MOST_FAULTS])
    found.sort(key=lambda line: line[0])
    kept = found[: first or MOST_PLAYED]
    *values, lines = zip(*kept, strict=True)
    columns = dict(zip(names, values, strict=True))
    start = columns["arrival_s"][0]
    return Trace(
        tuple(t - start for t in columns["arrival_s"]),
        columns.get("input_tokens"),
        columns.get("output_tokens"),
        tuple(int(line) for line in lines),
        len(found),
    )


def told_of(trace: Trace, answer: ServingPrediction) -> ServingPrediction:
    """Return the answer with what has to be said of the trace: parts left out, its longest request.

    Where that one fits nowhere, whatever else is served, the answer is a no that names its line.
    """
    answer = replace(answer, notes=(*answer.notes, *trace.notes, *_beyond(answer, trace)))
    found, longest = answer.estimate, answer.traffic.longest(answer.job)
    if longest is None or not found.runs:
        return answer
    line, alone = trace.lines[longest[0]], longest[1]
    lone = predict_serving(answer.chip, alone, found.layout, answer.engine)
    if lone.runs:
        return answer
    reason = _never(line, alone, f"{found.layout}: {lone.reason}")
    never = replace(found, fits=False, reason=reason, overloaded=False, max_concurrency=0)
    return replace(answer, estimate=never)


def told_of_pools(trace: Trace, answer: PoolsPrediction) -> PoolsPrediction:
    """Return the answer of two pools with what has to be said of the trace, as `told_of` does."""
    answer = replace(answer, notes=(*answer.notes, *trace.notes, *_beyond(answer, trace)))
    found, longest = answer.estimate, answer.traffic.longest(answer.job)
    if longest is None:
        return answer
    line, alone = trace.lines[longest[0]], longest[1]
    halves = (
        ("prefill", found.prefill, answer.prefill_chip, replace(alone, output_tokens=1.0)),
        ("decoding", found.decode, answer.decode_chip, alone),
    )
    for (name, pool, chip, job), engine in zip(halves, answer.engines, strict=True):
        lone = predict_serving(chip, job, pool.layout, engine)
        if not lone.runs:
            reason = _never(line, alone, f"{pool.layout} of the {name} pool: {lone.reason}")
            never = replace(found, fits=False, reason=reason, overloaded=False, max_concurrency=0)
            return replace(answer, estimate=never)
    return answer


def _lengths(trace: Trace, job: ServingJob) -> tuple[tuple[float, ...], tuple[float, ...]]:
    """Return tokens of prompts and answers, told or the job's."""
    count = len(trace.arrival_s)
    prompts = trace.input_tokens or (job.input_tokens,) * count
    return prompts, trace.output_tokens or (job.output_tokens,) * count


def _never(line: int, job: ServingJob, where: str) -> str:
    tokens = f"{job.input_tokens:,.0f} + {job.output_tokens:,.0f} tokens"
    return f"line {line} of the trace, {tokens}, can never run on {where}"


def _beyond(answer: ServingPrediction | PoolsPrediction, trace: Trace) -> list[str]:
    """Say which lines are beyond the model's context."""
    prompts, answers = _lengths(trace, answer.job)
    longest = answer.model.max_positions
    mean = answer.job.input_tokens + answer.job.output_tokens
    if not longest or mean > longest:
        return []
    over = [n for n, a, b in zip(trace.lines, prompts, answers, strict=True) if a + b > longest]
    if not over:
        return []
    more = f" and {len(over) - 1:,} more" if len(over) > 1 else ""
    told = f"line {over[0]}{more} of the trace: more tokens than the context of {longest:,} that"
    return [f"{told} {answer.model.name} was made for"]


def _number(row: dict[str, str], name: str, line: int, faults: list[Fault]) -> float:
    least = 0.0 if name == "arrival_s" else 1.0
    try:
        value = float(row[name] or "")
    except (TypeError, ValueError):
        value = float("nan")
    if not (isfinite(value) and value >= least):
        faults.append(Fault(f"line {line}, {name}", row[name], f"a number, {least:g} or more"))
    return value
