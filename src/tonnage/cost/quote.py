"""Published prices of a chip: which fit a buyer and a day, and how they become one figure.

A bare card or module and a chip in a server are different goods (a factor of 2.3 to 2.5 for an
Ascend 910B): each quote says which it is, and one figure is only ever made from one kind. Quotes
from black, grey and smuggled markets are not prices a lawful buyer can pay and are left out.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, timedelta
from enum import StrEnum
from math import exp, hypot, log
from statistics import median

from tonnage.cost.figure import Figure
from tonnage.provenance import Z90, Confidence, Spread

FRESH = timedelta(days=365)
"""Quotes of the last year stand together; older ones only if there is none of these."""
STALE_SIGMA = 0.15
"""Deviation of the log that a price gains a year after it was quoted; our assumption, near the
yearly decay of the price histories in `costs/life.csv`."""
ELSEWHERE_SIGMA = 0.15
"""Deviation of the log added to a price of another country; our assumption."""

WEAK_SIGMA = 0.2
"""Deviation of the log added to a price of a weak source, even one that states a range: it is
forum-grade, and often unclear in its unit; our assumption."""

_NOT_LAWFUL = ("black", "smuggled", "grey", "gray", "unofficial", "imported")


class Good(StrEnum):
    """What a price buys."""

    BARE = "bare chip"
    SERVER = "chip in a server"
    RACK = "chip in a rack with its network"
    RENT = "chip-hour"


@dataclass(frozen=True, slots=True)
class Quote:
    """One published price of one chip, in USD a chip or a chip-hour."""

    good: Good
    usd: Spread
    day: date
    country: str
    """ISO code, or `world` where the source speaks of no one country."""
    lawful: bool
    cited: str
    confidence: Confidence
    note: str = ""


def market_of(region: str) -> tuple[str, bool]:
    """Return the country of a price's region, and whether it is a market of lawful buyers.

    Examples
    --------
    >>> market_of("China (smuggled)"), market_of("US (Amazon retail)"), market_of("Global median")
    (('CN', False), ('US', True), ('world', True))
    """
    text = region.casefold()
    lawful = not any(word in text for word in _NOT_LAWFUL)
    for word, country in (("china", "CN"), ("us", "US")):
        if text.startswith(word):
            return country, lawful
    return "world", lawful


def choose(quotes: Iterable[Quote], good: Good, country: str, on: date) -> list[Quote]:
    """Return the quotes to use: lawful, of one good, not later than `on`, newest last.

    Those of the buyer's country if there are any, else those of no one country, else all; of
    these, the ones within a year of `on`, or the newest if all are older.
    """
    fitting = [q for q in quotes if q.good is good and q.lawful and q.day <= on]
    near: list[Quote] = []
    for place in (country, "world"):
        near = near or [q for q in fitting if q.country == place]
    near = sorted(near or fitting, key=lambda q: q.day)
    fresh = [q for q in near if q.day > on - FRESH]
    return fresh or near[-1:]


def together(quotes: list[Quote], name: str, country: str, on: date) -> Figure | None:
    """Return chosen quotes as one figure: lowest low, median middle, highest high.

    Each is widened for its age, for coming from another country, and for a weak source.
    """
    if not quotes:
        return None
    wide = [_widened(quote, country, on) for quote in quotes]
    value = Spread(min(s.p10 for s in wide), median(s.p50 for s in wide), max(s.p90 for s in wide))
    newest = quotes[-1]
    worst = max((q.confidence for q in quotes), key=list(Confidence).index)
    days = f"{quotes[0].day} to {newest.day}" if len(quotes) > 1 else f"{newest.day}"
    note = f"{newest.good}; {len(quotes)} quote{'s' if len(quotes) > 1 else ''}, {days}"
    if newest.country != country:
        note += f", from {newest.country} for want of one from {country}"
    unit = "USD/chip-hour" if newest.good is Good.RENT else "USD/chip"
    cited = "; ".join(dict.fromkeys(q.cited for q in quotes))
    return Figure(name, value, unit, cited, worst, newest.day, note)


def _widened(quote: Quote, country: str, on: date) -> Spread:
    years = max(0.0, (on - quote.day).days / 365.25)
    away = ELSEWHERE_SIGMA if quote.country not in (country, "world") else 0.0
    weak = WEAK_SIGMA if quote.confidence is Confidence.WEAK else 0.0
    more = hypot(STALE_SIGMA * years, away, weak)
    s = quote.usd
    low = hypot(log(s.p50 / s.p10) / Z90, more)
    high = hypot(log(s.p90 / s.p50) / Z90, more)
    return Spread(s.p50 * exp(-Z90 * low), s.p50, s.p50 * exp(Z90 * high))
