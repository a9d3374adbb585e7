"""Facts of the market: what was ordered, delivered, made, earned, forecast or said."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from enum import StrEnum

from tonnage.provenance import (
    Confidence,
    Folder,
    Row,
    Source,
    read_each,
    read_rows,
    read_sources,
)

FACT_COLUMNS = (
    "id", "date", "subject", "quantity", "value", "low", "high", "unit", "type", "speaker",
    "confidence", "source", "known_from", "note",
)  # fmt: skip


class FactType(StrEnum):
    """What kind of claim it is; only outcomes may score a forecast."""

    OUTCOME = "outcome"
    FORECAST = "forecast"
    STATEMENT = "statement"
    ESTIMATE = "estimate"
    EVENT = "event"
    DERIVED = "derived"


@dataclass(frozen=True, slots=True)
class Fact:
    """One claim about `subject`; `value` is `None` where the claim has no number.

    `on` is the day or the end of the period it speaks of, which for a forecast lies ahead of
    `known_from`, the day the claim was made public.
    """

    id: str
    on: date
    subject: str
    quantity: str
    value: float | None
    low: float | None
    high: float | None
    unit: str
    type: FactType
    speaker: str
    confidence: Confidence
    source: Source
    known_from: date
    note: str = ""


def read_facts(folder: Folder) -> tuple[Fact, ...]:
    """Return every fact of a data folder in order of the day it speaks of.

    Raises
    ------
    DataError
        If a row lacks source, confidence, speaker or day, or has a number without a unit.
    """
    sources = read_sources(folder)
    seen: set[str] = set()

    def read(row: Row) -> Fact:
        fact = _fact(row, sources)
        if fact.id in seen:
            raise row.fault("id", "stands twice; keep one")
        seen.add(fact.id)
        return fact

    rows = [
        row
        for file in sorted(folder.iterdir(), key=lambda file: file.name)
        if file.name.endswith(".csv") and file.name != "sources.csv"
        for row in read_rows(file, FACT_COLUMNS)
    ]
    return tuple(sorted(read_each(rows, read), key=lambda fact: (fact.on, fact.id)))


def _fact(row: Row, sources: Mapping[str, Source]) -> Fact:
    try:
        kind = FactType(row.required("type"))
    except ValueError:
        raise row.fault("type", f"one of {', '.join(FactType)}") from None
    value, low, high = (row.number(column) for column in ("value", "low", "high"))
    stated = [number for number in (low, value, high) if number is not None]
    if stated != sorted(stated):
        raise row.fault("value", "low, value and high are not in order")
    if stated and not row["unit"]:
        raise row.fault("unit", "missing; a number has a unit")
    on, known_from = row.day("date"), row.day("known_from")
    if kind is FactType.OUTCOME and known_from < on:
        raise row.fault("known_from", f"an outcome is not known before it happened ({on})")
    return Fact(
        row.required("id"),
        on,
        row.required("subject"),
        row.required("quantity"),
        value,
        low,
        high,
        row["unit"],
        kind,
        row.required("speaker"),
        row.confidence(),
        row.source(sources),
        known_from,
        row["note"],
    )
