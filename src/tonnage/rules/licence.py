"""Licence requirement, exceptions and review policy: class x destination x parties x day.

Source: 15 CFR 742.6(a)(6) and (b)(10), 744.23(a)(3) and (d), 740.8, 740.27 to 740.29, 748.15 and
748 Supp. 2 (dd), each taken from the rule tree with its dates.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date

from tonnage.rules.clause import CLASS_2022, CLASS_A, CLASS_B
from tonnage.rules.country import seen_as
from tonnage.rules.metrics import Measures
from tonnage.rules.parameter import Dated, Places
from tonnage.rules.rulebook import Rulebook
from tonnage.rules.testing import conjunction, parameter_test
from tonnage.rules.verdict import Cited, Exceptional, Policy

_SCOPES = {
    CLASS_2022: ("742.6.licence.2022",),
    CLASS_A: ("742.6.licence.a", "742.6.licence.a_worldwide"),
    CLASS_B: ("742.6.licence.b",),
}
_HEADQUARTERS = "744.23.headquarters"
_SAID = {"tpp": "TPP", "dram_bandwidth": "DRAM bandwidth"}


@dataclass(frozen=True, slots=True)
class Deal:
    """Who sends what where: codes as the rules see them (Hong Kong counts as China)."""

    destination: str
    exporter: str
    headquarters: str | None
    day: date
    codified: bool = False
    """Apply the text as codified, whether or not it is enforced."""

    @classmethod
    def between(
        cls,
        destination: str,
        exporter: str,
        headquarters: str | None,
        day: date,
        *,
        codified: bool = False,
    ) -> Deal:
        """Return the deal of countries as they are called."""
        parent = seen_as(headquarters) if headquarters else None
        return cls(seen_as(destination), seen_as(exporter), parent, day, codified)


def cited(book: Rulebook, entry: Dated, day: date, why: str = "") -> Cited:
    """Return the citation of an entry with the state of its enforcement on a day."""
    state = book.state(entry.enforcement, day)
    return Cited(entry.paragraph, entry.instrument, entry.grade, state, why)


def requirement(book: Rulebook, class_id: str, deal: Deal) -> tuple[Cited, ...]:
    """Return every ground on which an item of a class needs a licence; empty if there is none.

    Goods that stay in the US are no export.
    """
    if deal.destination == "US":
        return ()
    grounds = []
    for scope in _SCOPES.get(class_id, ()):
        entry = book.binding(scope, deal.day, codified=deal.codified)
        if entry is not None and book.reaches(scope, deal.destination, deal.day):
            grounds.append(cited(book, entry, deal.day, f"destination: {entry.value}"))
    entry = book.binding(_HEADQUARTERS, deal.day, codified=deal.codified)
    hit = book.reaches(_HEADQUARTERS, deal.headquarters, deal.day)
    if entry is not None and hit and class_id in (CLASS_A, CLASS_B):
        grounds.append(cited(book, entry, deal.day, f"headquarters: {entry.value}"))
    return tuple(grounds)


def exceptions(
    book: Rulebook, class_ids: Iterable[str], market: bool | None, deal: Deal
) -> tuple[Exceptional, ...]:
    """Return the exceptions and authorizations that may apply to an item that needs a licence.

    Data-centre items of 3A090.a are outside NAC and ACA; where the market is not known the
    exception is listed with that condition.
    """
    classes = set(class_ids)
    found = []
    open_to_small = CLASS_B in classes or (CLASS_A in classes and market is not True)
    watched = watched_party(book, deal)
    if open_to_small:
        found += _small_item(book, deal)
    if classes & {CLASS_A, CLASS_B}:
        if deal.destination == "AE":
            found += _listed(book, "Supp. 8", "740.s8.uae", deal)
        if not watched:
            found += _listed(book, "VEU", "748.15.veu", deal)
    if CLASS_A in classes and not watched:
        if deal.destination in book.members("AIA", deal.day):
            found += _listed(book, "AIA", "740.27.aia", deal)
        found += _listed(book, "ACM", "740.28.acm", deal)
        found += _listed(book, "LPP", "740.29.lpp", deal)
    return tuple(found)


def _small_item(book: Rulebook, deal: Deal) -> list[Exceptional]:
    within = deal.exporter == deal.destination
    scope = "740.8.nac.destinations"
    notified = book.reaches(scope, deal.destination, deal.day)
    notified = notified or book.reaches(_HEADQUARTERS, deal.headquarters, deal.day)
    authorized = _listed(book, "ACA", "740.8.aca", deal)
    if notified and not (within and authorized):
        return _listed(book, "NAC", "740.8.nac", deal)
    return authorized


def _listed(book: Rulebook, name: str, parameter: str, deal: Deal) -> list[Exceptional]:
    day, codified = deal.day, deal.codified
    entry = book.binding(parameter, day, codified=codified)
    if entry is None or not isinstance(entry.value, tuple):
        return []
    says = book.parameter(parameter).says
    return [Exceptional(name, says, entry.value, cited(book, entry, day))]


def watched_party(book: Rulebook, deal: Deal) -> bool:
    """Return whether destination or headquarters stand in D:5 or are Macau."""
    places = Places(groups=("D5",), countries=("MO",))
    parties = (deal.destination, deal.headquarters)
    return any(p is not None and book.covers(places, p, deal.day) for p in parties)


def review(
    book: Rulebook,
    class_ids: Iterable[str],
    measures: Measures,
    deal: Deal,
) -> tuple[Policy, ...]:
    """Return the review policies an application may meet, the governing one first."""
    classes = set(class_ids)
    if CLASS_2022 in classes:
        return _policies(book, deal.day, "742.6.review.2022")
    if not classes & {CLASS_A, CLASS_B}:
        return ()
    small = CLASS_A not in classes or measures.datacenter is False
    if not watched_party(book, deal):
        return _elsewhere(book, deal)
    lane = _lane(book, measures, deal)
    denial = _policies(book, deal.day, "742.6.review.d5")
    mild = _policies(book, deal.day, "744.23.review.not_datacenter") if small else ()
    if lane:
        return (*lane, *denial)
    if mild and not _policies(book, deal.day, "742.6.lane.policy"):
        return (*mild, *denial)
    return (*denial, *mild)


def _elsewhere(book: Rulebook, deal: Deal) -> tuple[Policy, ...]:
    trusted = deal.headquarters is not None and (
        deal.headquarters == "US"
        or book.covers(Places(groups=("A5", "A6")), deal.headquarters, deal.day)
    )
    own = _policies(book, deal.day, "744.23.review.trusted") if trusted else ()
    near = book.reaches("742.6.licence.a", deal.destination, deal.day)
    name = "742.6.review.other" if near else "742.6.review.worldwide"
    return (*own, *_policies(book, deal.day, name))


def _policies(book: Rulebook, day: date, parameter: str) -> tuple[Policy, ...]:
    entry = book.on(parameter, day)
    if entry is None:
        return ()
    says = book.parameter(parameter).says
    return (Policy(str(entry.value), cited(book, entry, day, says)),)


def _lane(book: Rulebook, measures: Measures, deal: Deal) -> tuple[Policy, ...]:
    """Return the case-by-case policy of January 2026 where it is, or may be, open."""
    policy = book.on("742.6.lane.policy", deal.day)
    if policy is None or not (
        book.reaches("742.6.lane.destinations", deal.destination, deal.day)
        and book.reaches("742.6.lane.exporters", deal.exporter, deal.day)
    ):
        return ()
    names = ("742.6.lane.tpp", "742.6.lane.dram")
    tests = [parameter_test(book, name, deal.day, measures) for name in names]
    answer = conjunction(test.met for test in tests if test is not None)
    if answer is False:
        return ()
    certified = book.on("748.dd.certifications", deal.day)
    conditions = certified.value if certified and isinstance(certified.value, tuple) else ()
    text = str(policy.value)
    if answer is None:
        open_ones = [t for t in tests if t is not None and t.met is None]
        needs = " and ".join(f"{_SAID[t.quantity]} {t.operator} {t.threshold:g}" for t in open_ones)
        text = f"{text} if {needs}, otherwise presumption of denial"
    return (Policy(text, cited(book, policy, deal.day, "the lane of January 2026"), conditions),)
