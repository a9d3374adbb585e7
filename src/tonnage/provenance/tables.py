"""Shipped tables: one CSV row a statement, each with its source, confidence and two dates.

A table that breaks its own rules does not load. The error names file, line and field of every
fault, so that a reviewer of the data sees them all at once.
"""

from __future__ import annotations

import csv
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from importlib.resources import files
from importlib.resources.abc import Traversable
from math import isfinite
from pathlib import Path
from typing import TypeVar

from tonnage.dates import parse_partial_day
from tonnage.errors import DataError, InputError
from tonnage.provenance.source import Confidence, Source

T = TypeVar("T")
Folder = Traversable | Path

SOURCE_COLUMNS = ("id", "title", "url", "published")


def data_folder(name: str) -> Traversable:
    """Return a folder of the shipped data, such as `data_folder("chips")`."""
    return files("tonnage") / "data" / name


@dataclass(frozen=True, slots=True)
class Row:
    """One line of a table; `where` is `file:line`."""

    cells: Mapping[str, str]
    where: str

    def __getitem__(self, column: str) -> str:
        return self.cells[column]

    def fault(self, field: str, mend: str) -> DataError:
        """Return the error that says what is wrong with one field of this row."""
        given = f" = {self.cells[field]!r}" if self.cells.get(field) else ""
        return DataError(f"{self.where}: {field}{given}: {mend}")

    def required(self, column: str) -> str:
        """Return a cell that may not be empty."""
        if not self.cells[column]:
            raise self.fault(column, "missing; every row states it")
        return self.cells[column]

    def number(self, column: str) -> float | None:
        """Return a finite number, `None` if the cell is empty."""
        text = self.cells[column]
        if not text:
            return None
        try:
            value = float(text)
        except ValueError:
            raise self.fault(column, "not a number") from None
        if not isfinite(value):
            raise self.fault(column, "not a finite number")
        return value

    def day(self, column: str) -> date:
        """Return a whole day written as YYYY-MM-DD."""
        try:
            return date.fromisoformat(self.required(column))
        except ValueError:
            raise self.fault(column, "write a day as YYYY-MM-DD") from None

    def confidence(self) -> Confidence:
        """Return the cell `confidence`."""
        try:
            return Confidence(self.required("confidence"))
        except ValueError:
            raise self.fault("confidence", f"one of {', '.join(Confidence)}") from None

    def source(self, sources: Mapping[str, Source]) -> Source:
        """Return the source that the cell `source` names."""
        found = sources.get(self.required("source"))
        if found is None:
            raise self.fault("source", "no such id in sources.csv")
        return found


def read_rows(file: Folder, columns: Sequence[str]) -> list[Row]:
    """Return the rows of a CSV file whose header is exactly `columns`.

    Raises
    ------
    DataError
        If the file is not UTF-8, has another header, or a row with too few or too many cells.
    """
    try:
        text = file.read_text(encoding="utf-8")
    except UnicodeDecodeError:
        message = f"{file.name}: not UTF-8 text"
        raise DataError(message) from None
    reader = csv.reader(text.splitlines(keepends=True), strict=True)
    header = next(reader, [])
    if tuple(header) != tuple(columns):
        message = f"{file.name}:1: columns are {','.join(header)}; write {','.join(columns)}"
        raise DataError(message)
    rows = []
    for cells in reader:
        where = f"{file.name}:{reader.line_num}"
        if len(cells) != len(columns):
            message = f"{where}: {len(cells)} cells; the header has {len(columns)}"
            raise DataError(message)
        rows.append(Row(dict(zip(columns, map(str.strip, cells), strict=True)), where))
    return rows


def read_each(rows: Iterable[Row], read: Callable[[Row], T]) -> list[T]:
    """Return `read(row)` of every row; the faults of all rows come as one `DataError`."""
    results: list[T] = []
    faults: list[str] = []
    for row in rows:
        try:
            results.append(read(row))
        except DataError as error:
            faults.append(str(error))
    if faults:
        raise DataError("\n".join(faults))
    return results


def read_sources(folder: Folder) -> dict[str, Source]:
    """Return the sources that `sources.csv` of a data folder lists, by id.

    Raises
    ------
    DataError
        If a source has no id or title, stands twice, or has a malformed address or day.
    """
    sources: dict[str, Source] = {}

    def read(row: Row) -> None:
        name = row.required("id")
        if name in sources:
            raise row.fault("id", "stands twice; keep one")
        if row["url"] and not row["url"].startswith(("http://", "https://")):
            raise row.fault("url", "write an address with http:// or https://, or leave it empty")
        try:
            published = parse_partial_day(row["published"]) if row["published"] else None
        except (InputError, ValueError):
            raise row.fault("published", "write YYYY, YYYY-MM or YYYY-MM-DD") from None
        sources[name] = Source(name, row.required("title"), row["url"], published)

    read_each(read_rows(folder / "sources.csv", SOURCE_COLUMNS), read)
    return sources
