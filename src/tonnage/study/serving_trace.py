"""A trace file: when requests came, and how long each was.

A CSV with a header. `arrival_s` is needed; `input_tokens` and `output_tokens` may follow.
"""

from __future__ import annotations

import csv
import io
from dataclasses import dataclass
from math import isfinite

from tonnage.errors import Fault, InputError
from tonnage.files import read_text

MOST_FAULTS = 20
LENGTHS = ("input_tokens", "output_tokens")
_SHORTEST = 2


@dataclass(frozen=True, slots=True)
class Trace:
    """Requests in the order they came, seconds from the first."""

    arrival_s: tuple[float, ...]
    input_tokens: tuple[float, ...] | None
    output_tokens: tuple[float, ...] | None

    @property
    def requests_per_s(self) -> float:
        """Mean rate over the span of the trace."""
        return (len(self.arrival_s) - 1) / self.arrival_s[-1]


def read_trace(path: str) -> Trace:
    """Return a trace, sorted by arrival.

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
    found = [tuple(_number(row, n, rows.line_num, faults) for n in names) for row in rows]
    if len(found) < _SHORTEST or len({line[0] for line in found}) < _SHORTEST:
        faults.append(Fault("trace", path, "two requests or more, at different times"))
    if faults:
        raise InputError(faults[:MOST_FAULTS])
    found.sort(key=lambda line: line[0])
    columns = dict(zip(names, zip(*found, strict=True), strict=True))
    start = columns["arrival_s"][0]
    return Trace(
        tuple(t - start for t in columns["arrival_s"]),
        columns.get("input_tokens"),
        columns.get("output_tokens"),
    )


def _number(row: dict[str, str], name: str, line: int, faults: list[Fault]) -> float:
    least = 0.0 if name == "arrival_s" else 1.0
    try:
        value = float(row[name] or "")
    except (TypeError, ValueError):
        value = float("nan")
    if not (isfinite(value) and value >= least):
        faults.append(Fault(f"line {line}, {name}", row[name], f"a number, {least:g} or more"))
    return value
