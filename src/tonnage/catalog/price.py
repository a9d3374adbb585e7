"""Prices that were asked, paid or listed, each for one kind of thing.

A bare card and a card inside a server order differ by a factor of more than two; they are kinds of
their own and nothing converts one into the other.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
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

PRICE_COLUMNS = (
    "id", "chips", "label", "kind", "currency", "low", "mid", "high", "date", "region",
    "confidence", "source", "known_from", "note",
)  # fmt: skip
_CURRENCIES = frozenset({"USD", "CNY", "EUR", "%"})


class PriceKind(StrEnum):
    """What one price buys."""

    CHIP = "purchase_per_chip"
    """A bare card or module."""
    CHIP_IN_SERVER = "purchase_per_chip_in_server"
    """One chip with its share of the server it came in."""
    SERVER_OF_8 = "purchase_per_8chip_server"
    MODULE_OF_8 = "purchase_per_8chip_module"
    """A baseboard of eight chips without the server."""
    SERVER = "purchase_per_server"
    """A server whose number of chips is not stated."""
    SYSTEM = "purchase_per_rack_or_system"
    RENT_CHIP_HOUR = "rental_per_chip_hour"
    RENT_CHIP_MONTH = "rental_per_chip_month"
    RENT_SERVER_DAY = "rental_per_server_day"
    RENT_SERVER_OF_8_MONTH = "rental_per_8chip_server_month"
    RENT_PFLOPS_YEAR = "rental_per_PFLOPS_year"
    CHANGE = "price_change_percent"

    @property
    def rental(self) -> bool:
        """Whether the price is for use over time."""
        return self.value.startswith("rental")

    @property
    def purchase(self) -> bool:
        """Whether the price is for owning."""
        return self.value.startswith("purchase")


@dataclass(frozen=True, slots=True)
class Price:
    """One price; at least one of low, mid and high is known.

    `chips` are the catalog ids it is for, empty where the source names none; `label` is what the
    source calls the thing. The price held on `on`, in `region`; percent for `CHANGE`.
    """

    id: str
    chips: tuple[str, ...]
    label: str
    kind: PriceKind
    currency: str
    low: float | None
    mid: float | None
    high: float | None
    on: date
    region: str
    confidence: Confidence
    source: Source
    known_from: date
    note: str = ""

    @property
    def typical(self) -> float:
        """The middle if stated, else the middle of the ends, else the end that is stated."""
        if self.mid is not None:
            return self.mid
        ends = [end for end in (self.low, self.high) if end is not None]
        return sum(ends) / len(ends)


def read_prices(folder: Folder, chips: Collection[str]) -> tuple[Price, ...]:
    """Return every price of a data folder, oldest first; `chips` are the ids that exist.

    Raises
    ------
    DataError
        If a row lacks source, confidence, currency or day, or names a chip that does not exist.
    """
    sources = read_sources(folder)
    seen: set[str] = set()

    def read(row: Row) -> Price:
        price = _price(row, chips, sources)
        if price.id in seen:
            raise row.fault("id", "stands twice; keep one")
        seen.add(price.id)
        return price

    rows = [
        row
        for file in sorted(folder.iterdir(), key=lambda file: file.name)
        if file.name.endswith(".csv") and file.name != "sources.csv"
        for row in read_rows(file, PRICE_COLUMNS)
    ]
    return tuple(sorted(read_each(rows, read), key=lambda price: (price.on, price.id)))


def _price(row: Row, chips: Collection[str], sources: Mapping[str, Source]) -> Price:
    named = tuple(row["chips"].split())
    for chip in named:
        if chip not in chips:
            raise row.fault("chips", f"no chip {chip} in the catalog")
    try:
        kind = PriceKind(row.required("kind"))
    except ValueError:
        raise row.fault("kind", f"one of {', '.join(PriceKind)}") from None
    if row.required("currency") not in _CURRENCIES:
        raise row.fault("currency", f"one of {', '.join(sorted(_CURRENCIES))}")
    if (kind is PriceKind.CHANGE) != (row["currency"] == "%"):
        raise row.fault("currency", "% is for price changes and only for them")
    low, mid, high = (row.number(column) for column in ("low", "mid", "high"))
    stated = [end for end in (low, mid, high) if end is not None]
    if not stated or stated != sorted(stated) or min(stated) <= 0:
        raise row.fault("mid", "write low, mid, high in order and above zero, at least one of them")
    on, known_from = row.day("date"), row.day("known_from")
    if known_from < on:
        raise row.fault("known_from", f"before the day the price held ({on})")
    return Price(
        row.required("id"),
        named,
        row.required("label"),
        kind,
        row["currency"],
        low,
        mid,
        high,
        on,
        row.required("region"),
        row.confidence(),
        row.source(sources),
        known_from,
        row["note"],
    )
