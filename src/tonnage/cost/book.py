"""The cost data as known on one day: tariffs, adders, rates, each with its source.

One table a topic in `data/costs`, one row a statement. A row without a source does not load; a
value that is ours says "assumption". Rows that became known after the book's day are left out
when it is loaded, so that nothing behind it has to think of dates.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from functools import cache, lru_cache
from statistics import median

from tonnage.cost.figure import ASSUMPTION, Figure
from tonnage.errors import DataError, NotEnoughKnown
from tonnage.provenance import Confidence, Row, Spread, data_folder, read_each, read_rows

TOPICS = (
    "electricity", "pue", "currency", "money", "facility", "power",
    "node", "network", "running", "life", "rental", "duties", "providers",
)  # fmt: skip
COLUMNS = (
    "item", "scope", "region", "unit", "low", "mid", "high",
    "confidence", "known_from", "source", "url", "note",
)  # fmt: skip

WIDTH = {
    Confidence.DATASHEET: 0.0, Confidence.OFFICIAL: 0.0, Confidence.FILING: 0.02,
    Confidence.DATASET: 0.08, Confidence.REPORTED: 0.10, Confidence.DERIVED: 0.15,
    Confidence.ESTIMATED: 0.25, Confidence.ASSUMPTION: 0.25, Confidence.WEAK: 0.25,
}  # fmt: skip
"""Deviation of the log that a statement without a range is given; our assumption."""


@dataclass(frozen=True, slots=True)
class Statement:
    """One row of a cost table: low, mid and high in `unit`, and its trail."""

    item: str
    scope: str
    region: str
    unit: str
    value: Spread
    confidence: Confidence
    known_from: date
    source: str
    url: str
    note: str

    @property
    def cited(self) -> str:
        """The source in one line; `assumption` where the value is ours."""
        return f"{self.source} <{self.url}>" if self.url else self.source


@dataclass(frozen=True, slots=True, eq=False)
class CostBook:
    """Every cost statement known on `as_of`."""

    as_of: date
    statements: tuple[Statement, ...]

    def regions(self, item: str) -> tuple[str, ...]:
        """Return the regions (country codes or `world`) that have a statement of an item."""
        return tuple(sorted({s.region for s in self.statements if s.item == item}))

    def find(self, item: str, region: str = "", scopes: Sequence[str] = ("",)) -> list[Statement]:
        """Return the statements that fit best, oldest first: first scope, then region, then world.

        An assumption is left out where a sourced statement of the same scope and region is known.
        """
        for scope in scopes:
            for place in dict.fromkeys((region, "world")):
                found = [
                    s
                    for s in self.statements
                    if s.item == item and s.scope == scope and s.region in (place, "")
                ]
                sourced = [s for s in found if s.source != ASSUMPTION]
                if found:
                    return sorted(sourced or found, key=lambda s: s.known_from)
        return []

    def latest(self, item: str, region: str = "", scopes: Sequence[str] = ("",)) -> Figure:
        """Return the statement that became known last.

        Raises
        ------
        NotEnoughKnown
            If there is none for the region and none for the world.
        """
        found = self.find(item, region, scopes)
        if not found:
            raise self._unknown(item, region, scopes)
        last = found[-1]
        return Figure(
            item, last.value, last.unit, last.cited, last.confidence, last.known_from, last.note
        )

    def pooled(self, item: str, region: str = "", scopes: Sequence[str] = ("",)) -> Figure:
        """Return all fitting statements as one: lowest low, median mid, highest high.

        For quantities on which sources disagree rather than follow one another in time.

        Raises
        ------
        NotEnoughKnown
            As `latest`.
        """
        found = self.find(item, region, scopes)
        if not found:
            raise self._unknown(item, region, scopes)
        units = {s.unit for s in found}
        if len(units) > 1:
            message = f"costs: {item} is stated in {', '.join(sorted(units))}; use one unit"
            raise DataError(message)
        value = Spread(
            min(s.value.p10 for s in found),
            median(s.value.p50 for s in found),
            max(s.value.p90 for s in found),
        )
        worst = max((s.confidence for s in found), key=list(Confidence).index)
        cited = "; ".join(dict.fromkeys(s.cited for s in found))
        note = "; ".join(dict.fromkeys(s.note for s in found if s.note))
        return Figure(item, value, found[0].unit, cited, worst, found[-1].known_from, note)

    def _unknown(self, item: str, region: str, scopes: Sequence[str]) -> NotEnoughKnown:
        scope = f" of {scopes[0]}" if scopes[0] else ""
        where = f" in {region}" if region else ""
        known = [r for r in self.regions(item) if r]
        hint = f"; known for {', '.join(known)}" if known else ""
        message = f"no {item.replace('_', ' ')}{scope}{where} is known on {self.as_of}{hint}"
        return NotEnoughKnown(message, [item])


@cache
def _all_statements() -> tuple[Statement, ...]:
    folder = data_folder("costs")
    rows = [row for topic in TOPICS for row in read_rows(folder / f"{topic}.csv", COLUMNS)]
    return tuple(read_each(rows, read_statement))


@lru_cache(maxsize=64)
def load_costs(as_of: date) -> CostBook:
    """Return the cost data as known on a day."""
    return CostBook(as_of, tuple(s for s in _all_statements() if s.known_from <= as_of))


def read_statement(row: Row) -> Statement:
    """Return the statement that a row of a table makes.

    Raises
    ------
    DataError
        If it lacks a source, a unit, a day or a value, or low, mid and high are out of order.
    """
    confidence = row.confidence()
    try:
        value = spread_of(row.number("low"), row.number("mid"), row.number("high"), confidence)
    except ValueError as error:
        raise row.fault("mid", str(error)) from None
    return Statement(
        item=row.required("item"),
        scope=row["scope"],
        region=row["region"],
        unit=row.required("unit"),
        value=value,
        confidence=confidence,
        known_from=row.day("known_from"),
        source=row.required("source"),
        url=row["url"],
        note=row["note"],
    )


def spread_of(
    low: float | None, mid: float | None, high: float | None, confidence: Confidence
) -> Spread:
    """Return a statement's spread; a missing side is given the width of its confidence.

    A range without a middle has its geometric mean as the middle.

    Raises
    ------
    ValueError
        If nothing is stated, or the numbers are out of order.
    """
    if mid is None and low is not None and high is not None:
        mid = (low * high) ** 0.5
    if mid is None:
        mid = high if low is None else low
    if mid is None:
        message = "low, mid and high are all empty; state one"
        raise ValueError(message)
    around = Spread.lognormal(mid, WIDTH[confidence]) if mid > 0 else Spread.exactly(mid)
    return Spread(around.p10 if low is None else low, mid, around.p90 if high is None else high)
