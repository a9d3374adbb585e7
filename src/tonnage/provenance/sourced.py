"""A value that knows its unit, its source, when it holds and when it became known."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from typing import Generic, TypeVar

from tonnage.dates import Span
from tonnage.provenance.source import Confidence, Source

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Sourced(Generic[T]):
    """One value with its trail.

    `holds` is the span in which the value is true; `known_from` the day it became public. A value
    stated again later has several `Sourced`, one a statement. `low` and `high` are the ends that
    sources disagree between, in the same unit; `None` where they agree.
    """

    value: T
    unit: str
    confidence: Confidence
    source: Source
    known_from: date
    holds: Span = Span()
    note: str = ""
    low: float | None = None
    high: float | None = None

    def known(self, as_of: date) -> bool:
        """Return whether the value was public on that day."""
        return self.known_from <= as_of


def latest_known(values: Iterable[Sourced[T]], as_of: date) -> Sourced[T] | None:
    """Return the statement that became public last, on or before `as_of`; `None` if none was."""
    known = [value for value in values if value.known(as_of)]
    return max(known, key=lambda value: value.known_from, default=None)
