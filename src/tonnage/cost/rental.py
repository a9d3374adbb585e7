"""Renting instead of owning: on demand, reserved for a year or three, and how rents move."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

from tonnage.catalog import Catalog, Chip
from tonnage.cost.book import CostBook, load_costs
from tonnage.cost.figure import Figure, product
from tonnage.cost.published import quotes_of
from tonnage.cost.quote import Good, choose, together
from tonnage.cost.siblings import from_siblings
from tonnage.cost.terms import GIVEN, Terms
from tonnage.provenance import Confidence, Spread

CONTRACT_MONTHS = (12, 36)


@dataclass(frozen=True, slots=True)
class Rent:
    """What one chip-hour costs to rent, in USD, on one day."""

    on_demand: Figure
    ratios: dict[int, Figure]
    """Reserved over on-demand price by months of the contract."""
    trend: Figure
    """Change of rents a year, as a share."""

    def reserved(self, months: int) -> Spread:
        """Return the price of an hour, used or not, in a contract of 12 or 36 months."""
        return product(self.on_demand.value, self.ratios[months].value)

    @property
    def estimated(self) -> bool:
        """Whether the rent is taken from sibling chips."""
        return self.on_demand.confidence is Confidence.ESTIMATED


def rent(
    chip: Chip, catalog: Catalog, terms: Terms | None = None, on: date | None = None
) -> Rent | None:
    """Return what a chip rents for, `None` if neither its rent nor that of a sibling is known."""
    terms = terms or Terms()
    on = on or catalog.as_of
    book = load_costs(catalog.as_of)
    hourly = _given(terms, book) or _published(chip, catalog, book, terms.country, on)
    if hourly is None:
        guess = from_siblings(
            chip, catalog, lambda c: _value(_published(c, catalog, book, terms.country, on))
        )
        if guess is None:
            return None
        note = f"no rent is published; estimate from {', '.join(guess.names)} by delivered rate"
        hourly = Figure(
            "rent", guess.value, "USD/chip-hour", "estimate from siblings",
            Confidence.ESTIMATED, on, note,
        )  # fmt: skip
    ratios = {m: book.latest("reserved_ratio", scopes=(str(m),)) for m in CONTRACT_MONTHS}
    return Rent(hourly, ratios, _trend(terms, book))


def _trend(terms: Terms, book: CostBook) -> Figure:
    observed = book.latest("rent_trend").times(0.01, "share/year")
    if terms.rent_trend is None:
        return observed
    value = Spread.exactly(terms.rent_trend)
    return Figure("rent trend", value, "share/year", GIVEN, Confidence.REPORTED, book.as_of)


def _given(terms: Terms, book: CostBook) -> Figure | None:
    if terms.rent is None:
        return None
    value = Spread.exactly(terms.rent)
    return Figure("rent", value, "USD/chip-hour", GIVEN, Confidence.REPORTED, book.as_of)


def _published(
    chip: Chip, catalog: Catalog, book: CostBook, country: str, on: date
) -> Figure | None:
    chosen = choose(quotes_of(chip, catalog, book), Good.RENT, country, on)
    return together(chosen, "rent", country, on)


def _value(figure: Figure | None) -> Spread | None:
    return None if figure is None else figure.value
