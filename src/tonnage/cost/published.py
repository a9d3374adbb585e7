"""The catalog's prices of a chip as quotes in USD a chip or a chip-hour."""

from __future__ import annotations

from tonnage.catalog import Catalog, Chip, Price, PriceKind
from tonnage.cost.book import CostBook, spread_of
from tonnage.cost.currency import dollars_per
from tonnage.cost.quote import Good, Quote, market_of
from tonnage.units import HOURS_PER_DAY, HOURS_PER_MONTH, HOURS_PER_YEAR, KILO

_GOOD: dict[PriceKind, tuple[Good, float]] = {
    PriceKind.CHIP: (Good.BARE, 1.0),
    PriceKind.MODULE_OF_8: (Good.BARE, 8.0),
    PriceKind.CHIP_IN_SERVER: (Good.SERVER, 1.0),
    PriceKind.SERVER_OF_8: (Good.SERVER, 8.0),
    PriceKind.RENT_CHIP_HOUR: (Good.RENT, 1.0),
    PriceKind.RENT_CHIP_MONTH: (Good.RENT, HOURS_PER_MONTH),
    PriceKind.RENT_SERVER_OF_8_MONTH: (Good.RENT, 8.0 * HOURS_PER_MONTH),
    PriceKind.RENT_SERVER_DAY: (Good.RENT, 8.0 * HOURS_PER_DAY),
}
"""Kind of price → what it buys, and what to divide it by for one chip or one chip-hour."""


def quotes_of(chip: Chip, catalog: Catalog, book: CostBook) -> list[Quote]:
    """Return every published price of a chip that can be put per chip or per chip-hour.

    Money is converted at the rate of the price's own day. A rent per PFLOP/s and year is put on
    the chip's dense 16-bit rate; racks and servers of unstated size are left out.
    """
    found = (_quote(price, chip, book) for price in catalog.prices if chip.id in price.chips)
    return [quote for quote in found if quote is not None]


def _quote(price: Price, chip: Chip, book: CostBook) -> Quote | None:
    if price.kind is PriceKind.RENT_PFLOPS_YEAR:
        rate = chip.number("fp16_tflops") or chip.number("bf16_tflops")
        if not rate:
            return None
        good, share = Good.RENT, HOURS_PER_YEAR * KILO / rate
    elif price.kind in _GOOD:
        good, share = _GOOD[price.kind]
    else:
        return None
    dollars = dollars_per(price.currency, book, price.on) / share
    value = spread_of(price.low, price.mid, price.high, price.confidence) * dollars
    country, lawful = market_of(price.region)
    cited = f"{price.label}: {price.source}"
    return Quote(good, value, price.on, country, lawful, cited, price.confidence, price.note)
