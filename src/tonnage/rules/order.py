"""An order's aggregate TPP against the limits that the rules put on quantities.

aggregate TPP = count x TPP of one chip (740.27(c), 740.29, 742.6(b)(10)(iii)(B)). The limits are
those of the framework of January 2025, codified and not enforced; they are shown with that state.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import Any

from tonnage.rules.licence import cited
from tonnage.rules.rulebook import Rulebook
from tonnage.rules.verdict import Cited

LIMITS = ("740.29.notice_tpp", "740.29.annual_tpp", "740.27.report_tpp", "742.6.allocation_tpp")


@dataclass(frozen=True, slots=True)
class OrderLimit:
    """A limit on aggregate TPP: `share` of it that the order makes, and how many chips fill it."""

    parameter: str
    says: str
    limit_tpp: float
    share: float
    chips: int
    cited: Cited

    def to_dict(self) -> dict[str, Any]:
        """Return the limit as plain data."""
        return {
            "parameter": self.parameter,
            "says": self.says,
            "limit_tpp": self.limit_tpp,
            "share": self.share,
            "chips": self.chips,
            **self.cited.to_dict(),
        }


def order_limits(
    book: Rulebook, tpp_of_one: float, count: int, day: date
) -> tuple[OrderLimit, ...]:
    """Return every limit on aggregate TPP codified on a day, against an order of `count` chips."""
    found = []
    for name in LIMITS:
        entry = book.on(name, day)
        if entry is not None:
            limit = entry.number
            found.append(
                OrderLimit(
                    name,
                    book.parameter(name).says,
                    limit,
                    tpp_of_one * count / limit,
                    int(limit // tpp_of_one),
                    cited(book, entry, day),
                )
            )
    return tuple(found)
