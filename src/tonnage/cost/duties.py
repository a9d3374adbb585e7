"""What governments take of the price: the section 232 duty and the reported revenue share.

A price published after a measure took effect already bears it; one published before does not. So
a measure is added only to older prices, and the bill says which is the case.
"""

from __future__ import annotations

from datetime import date

from tonnage.catalog import Catalog, Chip
from tonnage.cost.book import CostBook
from tonnage.cost.figure import Figure
from tonnage.provenance import Confidence, Spread
from tonnage.rules import classify, load_rules

EXEMPT = "US"
"""Data centres in the United States are exempt from the section 232 duty."""


def duty_on(
    chip: Chip, catalog: Catalog, book: CostBook, country: str, on: date, price: Figure
) -> Figure:
    """Return the section 232 duty as a share of the chip's price.

    Chips in the two bands of performance and memory bandwidth pay it on entering the United
    States, where units bound for elsewhere are tested; it is not paid back on their leaving. How
    much of it reaches the buyer is our assumption (`costs/duties.csv`).
    """
    law = load_rules(catalog.as_of)
    rate = law.on("tariff.rate", on) if "tariff.rate" in law.parameters else None
    bands = classify(chip, country, on, book=law).tariff if rate is not None else ()
    if rate is None or not bands or country == EXEMPT:
        return _none("duty", "none applies to this chip, country and day", on)
    cited = f"{rate.paragraph}, {rate.instrument} (grade {rate.grade.value})"
    since = rate.effective
    if price.known_from >= since:
        return _none("duty", f"in the price, which was published after {since} ({cited})", on)
    borne = book.latest("duty_borne")
    unsure = "" if bands[0].applies else "; a figure that decides the band is not public"
    note = f"{rate.number:.0%} of the price from {since}; {borne.note}{unsure}"
    value = borne.value * rate.number
    return Figure("duty", value, "share", cited, Confidence.OFFICIAL, since, note)


def revenue_share_on(chip: Chip, book: CostBook, country: str, on: date, price: Figure) -> Figure:
    """Return the seller's reported payment on sales of a chip, as a share of its price."""
    found = [s for s in book.find("revenue_share", country, (chip.id,)) if s.known_from <= on]
    if not found:
        return _none("revenue share", "none applies to this chip, country and day", on)
    stated = found[-1]
    if price.known_from >= stated.known_from:
        note = f"in the price, which was published after {stated.known_from}; {stated.cited}"
        return _none("revenue share", note, on)
    return Figure(
        "revenue share", stated.value * 0.01, "share", stated.cited, stated.confidence,
        stated.known_from, stated.note,
    )  # fmt: skip


def _none(name: str, why: str, on: date) -> Figure:
    return Figure(name, Spread.exactly(0.0), "share", why, Confidence.DERIVED, on)
