"""What the law says of a chip for a buyer on a day, beside each answer of `match`."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import Any

from tonnage.catalog import Chip
from tonnage.rules import Verdict, classify, load_rules


@dataclass(frozen=True, slots=True)
class Permission:
    """The law's answer in short; the whole of it is `tonnage classify`."""

    verdict: Verdict

    @property
    def lawful(self) -> bool | None:
        """Whether the chip may be supplied without a licence; `None` where that is open.

        A sale within the United States is no export; one within another country may still be a
        transfer of an item that the rules reach, which the catalog does not know.
        """
        found = self.verdict
        return True if found.domestic and found.destination == "US" else found.permitted

    @property
    def says(self) -> str:
        """The answer in words, with class and paragraph."""
        found = self.verdict
        if found.domestic:
            text = f"made and sold in {found.destination}: no export to license"
            watched = found.guidance and found.destination != "US"
            return f"{text}; but see {found.guidance[0].id}" if watched else text
        name = "no class" if found.class_id == "none" else found.class_id
        if found.permitted is None:
            return f"open: class {found.class_id}, a deciding figure is not public"
        if found.permitted:
            return f"no licence required ({name})"
        ground = "by notice to the maker" if not found.licence_required else f"({name})"
        return f"licence required {ground}"

    def to_dict(self) -> dict[str, Any]:
        """Return class, paragraph, licence and words as plain data."""
        found = self.verdict
        return {
            "class": found.class_id,
            "paragraph": found.paragraph,
            "licence_required": found.licence_required,
            "licence_by_notice": found.licence_by_notice,
            "domestic": found.domestic,
            "says": self.says,
        }


def permission(
    chip: Chip, country: str, headquarters: str | None, on: date, as_of: date
) -> Permission:
    """Return what the law says of supplying a chip to a country on a day.

    A chip of a maker at home in the country is taken as made and bought there; any other comes from
    the United States, or from its maker's country if the buyer is in the United States.
    """
    exporter = chip.headquarters if country in (chip.headquarters, "US") else "US"
    book = load_rules(as_of)
    return Permission(
        classify(chip, country, on, headquarters=headquarters, exporter=exporter, book=book)
    )
