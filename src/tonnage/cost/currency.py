"""Money of other countries in US dollars, at the rate known on the day."""

from __future__ import annotations

from datetime import date

from tonnage.cost.book import CostBook
from tonnage.cost.figure import Figure
from tonnage.errors import InputError, NotEnoughKnown

CURRENCIES = {
    "CN": "CNY", "DE": "EUR", "FR": "EUR", "GB": "GBP", "JP": "JPY", "MY": "MYR", "SG": "SGD",
}  # fmt: skip
"""Country → its money (ISO 4217), for the currencies whose rates are in the data."""


def exchange_rate(country: str, book: CostBook) -> Figure | None:
    """Return how much of a country's money one dollar buys, `None` if that is not in the data."""
    currency = CURRENCIES.get(country, "")
    if not book.find("per_usd", scopes=(currency,)):
        return None
    return book.latest("per_usd", scopes=(currency,)).named("exchange rate")


def dollars_per(currency: str, book: CostBook, on: date | None = None) -> float:
    """Return the US dollars that one unit of a currency was worth.

    The rate is the last one published on or before `on` (default: the book's day), or the first
    one known where `on` lies before all of them.

    Raises
    ------
    InputError
        If no rate of the currency is in the data.
    NotEnoughKnown
        If rates are in the data, but all were published after the book's day.
    """
    if currency == "USD":
        return 1.0
    found = book.find("per_usd", scopes=(currency,))
    if not found:
        known = sorted({s.scope for s in book.statements if s.item == "per_usd"})
        if not known:
            raise NotEnoughKnown(f"no exchange rate is known on {book.as_of}", ["per_usd"])
        mend = f"one of USD, {', '.join(known)}"
        raise InputError.of("currency", currency, mend)
    day = on or book.as_of
    before = [s for s in found if s.known_from <= day]
    return 1.0 / (before[-1] if before else found[0]).value.p50


def in_dollars(figure: Figure, book: CostBook, on: date | None = None) -> Figure:
    """Return a figure whose unit begins with a currency (`CNY/chip`) in US dollars."""
    currency, slash, rest = figure.unit.partition("/")
    if currency == "USD":
        return figure
    return figure.times(dollars_per(currency, book, on), f"USD{slash}{rest}")
