"""Renting another maker's chips from a cloud instead of buying: what is known of such offers."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

from tonnage.catalog import Catalog, Chip
from tonnage.cost.book import CostBook, Statement, load_costs
from tonnage.cost.rental import rent
from tonnage.cost.siblings import yardstick
from tonnage.cost.terms import Terms
from tonnage.provenance import Spread


@dataclass(frozen=True, slots=True)
class Offer:
    """What a cloud asks for an hour of a chip, and for as much work as an hour of another."""

    provider: str
    chip: Chip
    per_hour: Spread | None
    """USD; `None` where no rent of the chip is published."""
    hours_for_one: float | None
    """Hours of this chip for the work of one hour of the chip it stands against, by the geometric
    mean of 16-bit rate and memory bandwidth; `None` where these are not public."""
    source: str
    note: str

    @property
    def per_equal_work(self) -> Spread | None:
        """USD for as much work as one hour of the chip it stands against."""
        if self.per_hour is None or self.hours_for_one is None:
            return None
        return self.per_hour * self.hours_for_one


def offers(chip: Chip, catalog: Catalog, terms: Terms, on: date | None = None) -> list[Offer]:
    """Return what clouds of the buyer's country let in place of a chip, as known on the day."""
    book = load_costs(catalog.as_of)
    day = on or catalog.as_of
    rows = [s for s in book.statements if s.item == "provider" and s.region == terms.country]
    return [
        _offer(row, chip, catalog, book, terms, day)
        for row in rows
        if row.scope in catalog.by_id and row.scope != chip.id and row.known_from <= day
    ]


def _offer(
    row: Statement, chip: Chip, catalog: Catalog, book: CostBook, terms: Terms, on: date
) -> Offer:
    other = catalog.by_id[row.scope]
    known = rent(other, catalog, Terms(country=terms.country), on)
    mine, theirs = yardstick(chip), yardstick(other)
    hours = mine / theirs if mine and theirs else None
    if known is None:
        note = f"no rent of {other.name} is published by {on}; {row.note}"
        return Offer(row.unit, other, None, hours, row.cited, note)
    raised = [
        s
        for s in book.find("vendor_change", terms.country, (row.unit,))
        if known.on_demand.known_from < s.known_from <= on
    ]
    value, note = known.on_demand.value, f"{known.on_demand.note}; {row.note}"
    for change in raised:
        value *= 1.0 + change.value.p50 / 100.0
        note += f"; raised {change.value.p50:g} % ({change.cited})"
    return Offer(row.unit, other, value, hours, known.on_demand.source, note)
