"""High-bandwidth memory: 3A090.c and License Exception HBM.

memory bandwidth density = bandwidth in GB/s / area in mm2 of the package, or of the stack if it has
no package (note to 3A090.c, 15 CFR 774 Supp. 1; exception in 740.25). Memory packaged with a
processor whose dominant function is processing is not 3A090.c.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

from tonnage.errors import InputError
from tonnage.provenance import Grade, Source
from tonnage.rules.country import country
from tonnage.rules.licence import Deal, cited, watched_party
from tonnage.rules.rulebook import Rulebook, load_rules
from tonnage.rules.verdict import Cited, Exceptional, Policy

CLASS_C = "3A090.c"


@dataclass(frozen=True, slots=True)
class MemoryVerdict:
    """Class, licence requirement, exception and review policy of a memory stack."""

    density: float
    """GB/s per mm2."""
    class_id: str
    threshold: float | None
    """GB/s per mm2 in force on the day, `None` before 3A090.c."""
    paragraph: str
    source: Source | None
    grade: Grade | None
    licence_required: bool
    licence_basis: tuple[Cited, ...]
    exceptions: tuple[Exceptional, ...]
    review: tuple[Policy, ...]

    @property
    def margin(self) -> float | None:
        """100 (density / threshold - 1), in percent."""
        return None if self.threshold is None else 100 * (self.density / self.threshold - 1)


def classify_memory(
    bandwidth_gbs: float,
    area_mm2: float,
    destination: str,
    on: date,
    *,
    headquarters: str | None = None,
    book: Rulebook | None = None,
) -> MemoryVerdict:
    """Return what the law says of a memory stack that is not packaged with a processor.

    Raises
    ------
    InputError
        If bandwidth (GB/s) or area (mm2) is not positive, or a country is not one.
    """
    for name, value in (("bandwidth_gbs", bandwidth_gbs), ("area_mm2", area_mm2)):
        if not 0 < value < float("inf"):
            raise InputError.of(name, value, "give a positive number")
    book = book or load_rules()
    parent = country(headquarters, "headquarters") if headquarters else None
    deal = Deal.between(country(destination, "to"), "US", parent, on)
    density = bandwidth_gbs / area_mm2
    line = book.on("3A090.c.density", on)
    controlled = line is not None and bool(line.met_by(density))
    grounds = _grounds(book, deal) if controlled else ()
    return MemoryVerdict(
        density=density,
        class_id=CLASS_C if controlled else "none",
        threshold=None if line is None else line.number,
        paragraph=line.paragraph if line is not None and controlled else "",
        source=None if line is None else line.instrument,
        grade=None if line is None else line.grade,
        licence_required=bool(grounds),
        licence_basis=grounds,
        exceptions=_exception(book, density, on) if grounds else (),
        review=_review(book, deal) if grounds else (),
    )


def _grounds(book: Rulebook, deal: Deal) -> tuple[Cited, ...]:
    if deal.destination == "US":
        return ()
    found = []
    for scope, party in (
        ("742.6.licence.c", deal.destination),
        ("744.23.headquarters_c", deal.headquarters),
    ):
        entry = book.binding(scope, deal.day)
        if entry is not None and book.reaches(scope, party, deal.day):
            found.append(cited(book, entry, deal.day, str(entry.value)))
    return tuple(found)


def _exception(book: Rulebook, density: float, day: date) -> tuple[Exceptional, ...]:
    line, terms = book.on("740.25.density", day), book.on("740.25.hbm", day)
    if line is None or terms is None or not line.met_by(density):
        return ()
    conditions = terms.value if isinstance(terms.value, tuple) else ()
    says = book.parameter("740.25.hbm").says
    return (Exceptional("HBM", says, conditions, cited(book, terms, day)),)


def _review(book: Rulebook, deal: Deal) -> tuple[Policy, ...]:
    """Return approval presumed where neither seat nor parent is watched, else denial presumed."""
    party = Deal(deal.headquarters or deal.destination, "US", deal.headquarters, deal.day)
    name = "742.6.review.d5" if watched_party(book, party) else "742.6.review.c_other"
    entry = book.on(name, deal.day)
    if entry is None:
        return ()
    return (Policy(str(entry.value), cited(book, entry, deal.day, book.parameter(name).says)),)
