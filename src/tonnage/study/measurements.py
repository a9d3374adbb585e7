"""Tables of published measurements: what kind a file is, its rows, and every fault in it."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from math import isfinite
from pathlib import Path

from tonnage.errors import Fault, InputError
from tonnage.files import read_text

MOST_COUNT = 1e9
"""No run has more chips, layers, tokens in a sequence or sequences in a step, ..."""
MOST_SIZE = 1e15
"""... and none a larger figure of any other kind: a number above is a slip of the pen."""
MOST_FAULTS = 60
"""Faults told of one file; the rest is counted."""


class Kind(StrEnum):
    """What a table measures."""

    TRAINING = "training"
    SERVING = "serving"


NEEDED = {
    Kind.TRAINING: (
        "id", "chip", "n_chips", "model", "seq_len", "global_batch_seqs", "metric", "value",
    ),
    Kind.SERVING: (
        "id", "chip", "n_chips", "model", "input_len", "output_len", "metric", "value",
    ),
}  # fmt: skip
"""Columns without which no row of a table can be predicted; all others may be absent or blank."""
_TELLING = {
    Kind.TRAINING: {"seq_len", "global_batch_seqs", "micro_batch"},
    Kind.SERVING: {"input_len", "output_len", "batch_or_concurrency"},
}
_NUMBERS = {
    "year", "chip_memory_gb", "n_chips", "chips_per_node", "n_params_b", "layers", "hidden",
    "ffn_hidden", "heads", "kv_heads", "vocab", "seq_len", "n_experts", "topk", "tp", "pp", "vpp",
    "dp", "cp", "ep", "zero_stage", "micro_batch", "global_batch_seqs", "value", "value2",
    "batch_or_concurrency", "input_len", "output_len", "ttft_ms", "tpot_ms", "request_rate_per_s",
    "request_rate", "num_prompts", "prefill_tokens", "max_sequences", "memory_fraction",
    "poll_steps", "captured_tokens", "draft_tokens", "acceptance", "prefix_hit_rate",
}  # fmt: skip
_FRACTIONS = {
    "chip_memory_gb", "n_params_b", "value", "value2", "batch_or_concurrency", "input_len",
    "output_len", "ttft_ms", "tpot_ms", "request_rate_per_s", "request_rate", "memory_fraction",
    "poll_steps", "acceptance", "prefix_hit_rate",
}  # fmt: skip
"""Columns of numbers that need not be whole."""
_ZERO_IS_FINE = {"zero_stage", "input_len", "ttft_ms", "tpot_ms", "prefix_hit_rate"}
_LATENCY = re.compile(r"(ttft|tpot|itl|e2e)(_p\d+)?_ms")
"""Columns of latencies beyond the two above: means and percentiles over requests."""
_ZERO_IS_BLANK = {"n_experts", "topk", "vpp", "cp", "ep", "value2", "chips_per_node"}
"""Columns where some sources write 0 for "has none"."""


@dataclass(frozen=True, slots=True)
class Assumption:
    """What was taken where a source is silent, and how much that may be off."""

    text: str
    doubt: float = 0.0
    """Deviation of the log that it adds to the prediction."""


@dataclass(frozen=True, slots=True)
class Row:
    """One measurement as its table has it; a blank cell means: not stated."""

    id: str
    line: int
    cells: Mapping[str, str]

    def text(self, column: str) -> str:
        """Return a cell's text, empty where it is blank or the column absent."""
        return self.cells.get(column, "")

    def number(self, column: str) -> float | None:
        """Return a cell's number, `None` where it is blank."""
        cell = self.text(column)
        return float(cell) if cell else None

    def count(self, column: str) -> int | None:
        """Return a cell's whole number, `None` where it is blank."""
        value = self.number(column)
        return None if value is None else round(value)

    @property
    def source(self) -> str:
        """The source block: the id without its running number."""
        head, dash, tail = self.id.rpartition("-")
        return head if dash and tail.isdigit() else self.id

    @property
    def told(self) -> str:
        """All that the source says in words, lower case: title, address, convention, note."""
        columns = ("source_title", "source_url", "flops_convention", "note")
        return " ".join(self.text(column) for column in columns).lower()


@dataclass(frozen=True, slots=True)
class Table:
    """A table of measurements."""

    name: str
    kind: Kind
    rows: tuple[Row, ...]
    unreadable: Mapping[str, str]
    """Id of each row with a cell that is no such number → what is wrong with it."""


def read_table(path: str | Path) -> Table:
    """Return the table in a CSV file, its kind told by its columns.

    A cell that cannot be read costs its row only; faults of the table itself, or of every row, end
    the reading.

    Raises
    ------
    InputError
        If the file cannot be read or is not such a table; every fault has its line.
    """
    name = str(path)
    text = read_text(path)
    if not text.strip():
        raise InputError.of("file", name, "empty; a table of measurements has a header and rows")
    try:
        lines = list(csv.reader(io.StringIO(text), strict=True))
    except csv.Error as error:
        mend = f"not CSV ({error}); quote cells that hold commas or quotes"
        raise InputError.of("file", name, mend) from None
    header = [cell.strip() for cell in lines[0]]
    kind = _kind(header, name)
    rows, faults, unreadable = _rows(header, text, name)
    if faults or (rows and len(unreadable) == len(rows)):
        faults += [fault for found in unreadable.values() for fault in found]
        more = len(faults) - MOST_FAULTS
        told = faults[:MOST_FAULTS]
        told += [Fault("file", name, f"and {more} faults more")] if more > 0 else []
        raise InputError(told)
    if not rows:
        raise InputError.of("file", name, "no rows below the header")
    told_of = {
        ident: "; ".join(f"{fault.field} = {fault.value!r}: {fault.mend}" for fault in found)
        for ident, found in unreadable.items()
    }
    return Table(name, kind, tuple(rows), told_of)


def _kind(header: Sequence[str], name: str) -> Kind:
    where = f"{name}:1"
    if len(header) == 1:
        for mark, word in ((";", "semicolons"), ("\t", "tabs"), ("|", "bars")):
            if mark in header[0]:
                mend = f"cells are separated by {word}; separate them by commas"
                raise InputError.of("header", None, mend, where)
    twice = sorted({column for column in header if column and header.count(column) > 1})
    if twice:
        raise InputError(Fault("header", c, "this column stands twice", where) for c in twice)
    present = set(header)
    kind = max(Kind, key=lambda k: len(_TELLING[k] & present))
    if not _TELLING[kind] & present:
        mend = "neither a training table (" + ", ".join(NEEDED[Kind.TRAINING])
        mend += ") nor a serving table (" + ", ".join(NEEDED[Kind.SERVING]) + ")"
        raise InputError.of("header", ",".join(header), mend, where)
    absent = [column for column in NEEDED[kind] if column not in present]
    if absent:
        raise InputError(
            Fault(column, None, f"a {kind} table needs this column", where) for column in absent
        )
    return kind


def _rows(
    header: Sequence[str], text: str, name: str
) -> tuple[list[Row], list[Fault], dict[str, list[Fault]]]:
    reader = csv.reader(io.StringIO(text), strict=True)
    next(reader)
    rows: list[Row] = []
    faults: list[Fault] = []
    unreadable: dict[str, list[Fault]] = {}
    first: dict[str, int] = {}
    line = 2
    for cells in reader:
        where, at = f"{name}:{line}", line
        line = reader.line_num + 1
        if not any(cell.strip() for cell in cells):
            continue
        if len(cells) != len(header):
            mend = f"{len(cells)} cells under a header of {len(header)}; quote cells with commas"
            faults.append(Fault("row", None, mend, where))
            continue
        named = {column: cell.strip() for column, cell in zip(header, cells, strict=True)}
        ident = named["id"]
        if not ident:
            faults.append(Fault("id", "", "blank; give each row a name of its own", where))
        elif ident in first:
            faults.append(Fault("id", ident, f"also on line {first[ident]}", where))
        first.setdefault(ident, at)
        for column in _ZERO_IS_BLANK & set(named):
            if named[column] in ("0", "0.0"):
                named[column] = ""
        if wrong := _faults_of(named, where):
            unreadable.setdefault(ident, []).extend(wrong)
        rows.append(Row(ident, at, named))
    return rows, faults, unreadable


def _faults_of(cells: Mapping[str, str], where: str) -> list[Fault]:
    faults = []
    for column in cells:
        cell = cells[column]
        latency = bool(_LATENCY.fullmatch(column))
        if not cell or not (latency or column in _NUMBERS) or _endless(column, cell):
            continue
        try:
            value = float(cell)
        except ValueError:
            faults.append(Fault(column, cell, "write a number or leave it blank", where))
            continue
        if not latency and column not in _FRACTIONS and isfinite(value) and value != round(value):
            faults.append(Fault(column, cell, "write a whole number or leave it blank", where))
            continue
        least = 0.0 if latency or column in _ZERO_IS_FINE else 1e-300
        most = MOST_SIZE if latency or column in _FRACTIONS else MOST_COUNT
        if not isfinite(value) or value < least:
            mend = "a finite number, 0 or more" if least == 0 else "a finite number above 0"
            faults.append(Fault(column, cell, mend, where))
        elif value > most:
            faults.append(Fault(column, cell, f"a number up to {most:.0e}", where))
    return sorted(faults, key=lambda fault: fault.field)


def _endless(column: str, cell: str) -> bool:
    """Return whether a cell says that requests are sent without waiting."""
    return column.startswith("request_rate") and cell.lower() in ("inf", "infinity")
