"""Days, and half-open spans of days."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, date, datetime

from tonnage.errors import InputError

_ISO_DAY = re.compile(r"\d{4}-\d{2}-\d{2}")
_PARTIAL = re.compile(r"(\d{4})(?:-(\d{2}))?(?:-(\d{2}))?")


def today() -> date:
    """Return the present day in UTC."""
    return datetime.now(UTC).date()


def parse_day(text: object, field: str = "date", where: str = "") -> date:
    """Return the day written as YYYY-MM-DD.

    Raises
    ------
    InputError
        If the text is not an existing day in that form.

    Examples
    --------
    >>> parse_day("2023-11-17")
    datetime.date(2023, 11, 17)
    """
    if isinstance(text, datetime):
        return text.date()
    if isinstance(text, date):
        return text
    mend = "write a day as YYYY-MM-DD, such as 2023-11-17"
    if not isinstance(text, str) or not _ISO_DAY.fullmatch(text):
        raise InputError.of(field, text, mend, where)
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise InputError.of(field, text, f"no such day; {mend}", where) from None


def given_day(given: date | str | None, default: date | None = None, field: str = "as_of") -> date:
    """Return a day given as such or as YYYY-MM-DD; if none is given, `default` (else today).

    Raises
    ------
    InputError
        If the text is not an existing day in that form.
    """
    return (default or today()) if given is None else parse_day(given, field)


def parse_partial_day(text: str) -> date:
    """Return the first day of a year, a month or a day written as YYYY, YYYY-MM or YYYY-MM-DD.

    Examples
    --------
    >>> parse_partial_day("2024-01")
    datetime.date(2024, 1, 1)
    """
    match = _PARTIAL.fullmatch(text)
    if match is None:
        raise InputError.of("date", text, "write YYYY, YYYY-MM or YYYY-MM-DD")
    year, month, day = match.groups()
    return date(int(year), int(month or 1), int(day or 1))


@dataclass(frozen=True, slots=True)
class Span:
    """Days from `start` (inclusive) to `end` (exclusive); `None` leaves a side open."""

    start: date | None = None
    end: date | None = None

    def __contains__(self, day: object) -> bool:
        if not isinstance(day, date):
            return False
        after = self.start is None or self.start <= day
        return after and (self.end is None or day < self.end)
