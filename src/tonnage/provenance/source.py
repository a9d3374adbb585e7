"""Where a number came from, and how far to trust it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from enum import StrEnum


class Confidence(StrEnum):
    """How a catalog value was had, best first."""

    DATASHEET = "datasheet"
    FILING = "filing"
    OFFICIAL = "official"
    DATASET = "dataset"
    REPORTED = "reported"
    DERIVED = "derived"
    ESTIMATED = "estimated"
    WEAK = "weak"
    ASSUMPTION = "assumption"


class Grade(StrEnum):
    """How a legal text was read, best first."""

    PRIMARY = "P"
    """Codified or primary text read."""
    QUOTED = "Q"
    """Primary text quoted word for word by a third party."""
    SECONDARY = "S"
    """Law firm or press."""
    KNOWLEDGE = "K"
    """Public knowledge not read again."""


@dataclass(frozen=True, slots=True)
class Source:
    """A document that states a value."""

    id: str
    title: str
    url: str
    published: date | None = None
    note: str = ""

    def __str__(self) -> str:
        return f"{self.title} <{self.url}>" if self.url else self.title
