"""What one chip costs in its server: from prices in a server, bare prices, or siblings."""

from __future__ import annotations

from datetime import date

from tonnage.catalog import Catalog, Chip
from tonnage.cost.book import CostBook
from tonnage.cost.figure import Figure, total
from tonnage.cost.published import quotes_of
from tonnage.cost.quote import FRESH, Good, Quote, choose, together
from tonnage.cost.siblings import from_siblings
from tonnage.cost.site import node_adder
from tonnage.cost.terms import GIVEN, Terms
from tonnage.errors import NotEnoughKnown
from tonnage.provenance import Confidence, Spread


def price_and_server(
    chip: Chip, catalog: Catalog, book: CostBook, terms: Terms, on: date
) -> tuple[Figure, Figure]:
    """Return the price of the chip and of the server around it, in USD a chip.

    A price in a server already holds the server's share, whose own line is then zero; a bare price
    gets the server adder. With no price of the chip at all, siblings are asked, priced in their
    servers, and the result is labelled an estimate.

    Raises
    ------
    NotEnoughKnown
        If none of these is known.
    """
    if terms.price is not None:
        value = Spread.exactly(terms.price)
        given = Figure("price", value, "USD/chip", GIVEN, Confidence.REPORTED, on)
        return given, _inside(catalog)
    published = _published(chip, catalog, book, terms.country, on)
    if published is not None:
        return published
    guess = from_siblings(chip, catalog, lambda c: _in_server(c, catalog, book, terms.country, on))
    if guess is None:
        message = (
            f"{chip.name}: no price is known on {on}, nor one of a sibling chip; "
            "give a price (--price USD for one chip in its server)"
        )
        raise NotEnoughKnown(message, ["price"])
    note = f"no price is published; estimate from {', '.join(guess.names)} by delivered rate"
    estimate = Figure(
        "price", guess.value, "USD/chip", "estimate from siblings", Confidence.ESTIMATED, on, note
    )
    return estimate, _inside(catalog)


def _published(
    chip: Chip, catalog: Catalog, book: CostBook, country: str, on: date
) -> tuple[Figure, Figure] | None:
    quotes = quotes_of(chip, catalog, book)
    whole = choose(quotes, Good.SERVER, country, on)
    bare = choose(quotes, Good.BARE, country, on)
    chosen = bare if bare and not (whole and _serves_better(whole, bare, country)) else whole
    price = together(chosen, "price", country, on)
    if price is None:
        return None
    return price, _inside(catalog) if chosen is whole else node_adder(chip, book, country)


def _serves_better(whole: list[Quote], bare: list[Quote], country: str) -> bool:
    """Tell whether prices in a server serve better than bare ones.

    They do, unless they come from elsewhere and the bare ones do not, or are over a year older.
    """
    at_home = [quotes[-1].country == country for quotes in (whole, bare)]
    if at_home[0] != at_home[1]:
        return at_home[0]
    return bare[-1].day - whole[-1].day <= FRESH


def _in_server(
    chip: Chip, catalog: Catalog, book: CostBook, country: str, on: date
) -> Spread | None:
    published = _published(chip, catalog, book, country, on)
    return None if published is None else total(figure.value for figure in published)


def _inside(catalog: Catalog) -> Figure:
    return Figure(
        "server", Spread.exactly(0.0), "USD/chip", "in the price of the chip",
        Confidence.DERIVED, catalog.as_of,
    )  # fmt: skip
