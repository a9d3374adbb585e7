"""Classification of one chip for one destination and day, in four parts."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import date

from tonnage.catalog import Chip
from tonnage.rules.clause import (
    CLASS_A,
    CLASSES,
    NONE,
    UNKNOWN,
    Classification,
    Clause,
    classification_on,
)
from tonnage.rules.country import country, seen_as
from tonnage.rules.licence import Deal, exceptions, requirement, review
from tonnage.rules.metrics import Measures, Readings, measures_of
from tonnage.rules.overlay import duties, measures_reaching
from tonnage.rules.parameter import Places
from tonnage.rules.possible import Decision, decisions, possible_classes
from tonnage.rules.rulebook import Rulebook, load_rules
from tonnage.rules.testing import clause_tests, conjunction, parameter_test
from tonnage.rules.verdict import Cited, Test, Verdict

_WATCHED = Places(groups=("D5",), countries=("MO",))
_SUBJECT = "subject to the EAR"
_MARKET = "designed or marketed for data centres"
_WORLDWIDE = "742.6.licence.a_worldwide"


@dataclass(frozen=True, slots=True)
class _Class:
    """The class, the paragraphs it rests on, and why."""

    id: str
    paragraph: str
    reason: str
    possible: tuple[str, ...]
    tests: tuple[Test, ...]
    unknown: tuple[Decision, ...]


def classify(
    chip: Chip,
    destination: str,
    on: date,
    *,
    headquarters: str | None = None,
    exporter: str = "US",
    book: Rulebook | None = None,
    readings: Readings | None = None,
    codified: bool = False,
) -> Verdict:
    """Return class, licence requirement, exceptions and review policy of a chip.

    Parameters
    ----------
    destination, headquarters, exporter
        Countries by code or name: where the item goes, where the buyer or its ultimate parent has
        its headquarters (default: not known to differ), where the export begins.
    on
        The day whose law is asked for; `book` says as of which day that law is known.
    codified
        Apply the text as codified, also where it is not enforced.

    Raises
    ------
    UnknownName
        If a country is not one.
    """
    book = book or load_rules()
    to, start = country(destination, "to"), country(exporter, "from")
    parent = country(headquarters, "headquarters") if headquarters else None
    deal = Deal.between(to, start, parent, on, codified=codified)
    measures = measures_of(chip, readings)
    verdict = _verdict(book, chip, measures, deal)
    return replace(verdict, destination=to, exporter=start, headquarters=parent)


def _verdict(book: Rulebook, chip: Chip, measures: Measures, deal: Deal) -> Verdict:
    on = deal.day
    found = _classified(book, measures, on)
    subject = _subject_to_ear(book, chip, deal)
    grounds = {name: requirement(book, name, deal) for name in found.possible}
    needed = _licence(grounds.values(), subject)
    needing = [name for name in found.possible if grounds[name]]
    enforcement, note = _enforcement(book, found.possible, deal)
    overlays = measures_reaching(book, chip, measures, (*found.possible, found.id), deal)
    return Verdict(
        chip=chip.id,
        name=chip.name,
        destination=deal.destination,
        on=on,
        as_of=book.as_of,
        headquarters=deal.headquarters,
        exporter=deal.exporter,
        class_id=found.id,
        paragraph=found.paragraph,
        reason=found.reason,
        possible=found.possible,
        licence_required=needed,
        licence_basis=_distinct(grounds.values()),
        exceptions=exceptions(book, needing, measures.datacenter, deal),
        review=review(book, needing, measures, deal),
        enforcement=enforcement,
        enforcement_note=note,
        tests=(*found.tests, *_lane_tests(book, measures, deal, bool(needing))),
        unknown=_with_whom_to_ask(
            chip, (*found.unknown, *_other_unknowns(book, chip, measures, deal, needing, subject))
        ),
        overlays=tuple(overlays),
        tariff=duties(book, measures, on),
        limbs=_limbs(book, on),
        assumption=_assumption(book, chip, deal, bool(needing)),
        domestic=deal.destination == deal.exporter,
        reform=book.reform.name if book.reform else "",
    )


def class_and_licence(measures: Measures, deal: Deal, book: Rulebook) -> tuple[str, bool | None]:
    """Return class and licence requirement of bare figures, an item subject to the EAR."""
    found = _classified(book, measures, deal.day)
    return found.id, _licence((requirement(book, name, deal) for name in found.possible), True)


def _classified(book: Rulebook, measures: Measures, day: date) -> _Class:
    law = classification_on(book, day)
    names = possible_classes(law, measures)
    possible = tuple(name for name in CLASSES if name in names)
    by_clause = clause_tests(book, law, measures)
    tests = tuple(test for _, found in by_clause for test in found)
    note_2 = parameter_test(book, "3A090.note2.tpp", day, measures)
    if note_2 is not None and measures.datacenter is not True:
        tests = (note_2, *tests)
    unknown = decisions(law, measures)
    if len(possible) > 1:
        needs = ", ".join(decision.quantity for decision in unknown) or "more exact figures"
        reason = f"{' or '.join(possible)}: needs {needs}"
        return _Class(UNKNOWN, "", reason, possible, tests, unknown)
    only = possible[0]
    met = _met_paragraphs(by_clause, only)
    undecided = _rounded_away(by_clause, only, met)
    if only != NONE:
        return _Class(only, " and ".join(met), "", possible, tests, undecided)
    reason = _why_none(law, measures, by_clause, note_2)
    paragraph = note_2.paragraph if note_2 is not None and reason.startswith("excluded") else ""
    return _Class(NONE, paragraph, reason, possible, tests, ())


def _met_paragraphs(by_clause: list[tuple[Clause, tuple[Test, ...]]], class_id: str) -> list[str]:
    """Return the paragraphs surely met, or, where rounding hides which, those that may be."""
    mine = [
        (c, conjunction(t.met for t in tests)) for c, tests in by_clause if c.class_id == class_id
    ]
    sure = [_label(clause, by_clause) for clause, answer in mine if answer]
    return sure or [_label(clause, by_clause) for clause, answer in mine if answer is None]


def _label(clause: Clause, by_clause: list[tuple[Clause, tuple[Test, ...]]]) -> str:
    if not clause.paragraph.startswith("proposed"):
        return clause.paragraph
    return next(tests[0].paragraph for found, tests in by_clause if found is clause)


def _rounded_away(
    by_clause: list[tuple[Clause, tuple[Test, ...]]], class_id: str, met: list[str]
) -> tuple[Decision, ...]:
    """Return the paragraphs of a settled class that a rounded or missing figure leaves open."""
    found = []
    for clause, tests in by_clause:
        if clause.class_id == class_id and conjunction(t.met for t in tests) is None:
            for test in tests:
                if test.met is None:
                    text = f"{clause.paragraph} ({_span(test)} against {test.threshold:g})"
                    text += f"; the class is {class_id} either way by {' and '.join(met)}"
                    found.append(Decision(test.quantity, text))
    return tuple(found)


def _span(test: Test) -> str:
    if test.low is None:
        return "not known"
    if test.high is None:
        return f"at least {test.low:.5g}"
    return f"{test.low:.5g} to {test.high:.5g}"


def _why_none(
    law: Classification,
    measures: Measures,
    by_clause: list[tuple[Clause, tuple[Test, ...]]],
    note_2: Test | None,
) -> str:
    if not law.clauses:
        return "3A090 was not yet in force"
    otherwise = [
        clause.paragraph
        for clause, tests in by_clause
        if conjunction(test.met for test in tests) is not False
    ]
    if note_2 is not None and note_2.met and measures.datacenter is False and otherwise:
        return f"excluded by Note 2 (would otherwise meet {', '.join(otherwise)})"
    return "meets no paragraph of 3A090"


def _subject_to_ear(book: Rulebook, chip: Chip, deal: Deal) -> bool | None:
    """Return whether the item is subject to the EAR; unknown for a D:5 maker's item outside the US.

    An item in the US is (734.3(a)(1)); those of other makers are taken to be (734.9(h), our
    assumption).
    """
    if deal.exporter == "US":
        return True
    home = seen_as(chip.headquarters)
    return None if book.covers(_WATCHED, home, deal.day) else True


def _assumption(book: Rulebook, chip: Chip, deal: Deal, needing: bool) -> str:
    if not needing:
        return ""
    watched = book.covers(_WATCHED, seen_as(chip.headquarters), deal.day)
    if deal.exporter == "US" and watched:
        return (
            f"an item in the US, which is subject to the EAR; for one made and sold in "
            f"{chip.headquarters} ask from {chip.headquarters}"
        )
    if deal.exporter == "US":
        return "an item in the US, which is subject to the EAR (734.3)"
    return "" if watched else "an item that is subject to the EAR, as a direct product (734.9)"


def _licence(grounds: Iterable[tuple[Cited, ...]], subject: bool | None) -> bool | None:
    answers = {bool(found) for found in grounds}
    if answers == {False}:
        return False
    return True if answers == {True} and subject else None


def _distinct(grounds: Iterable[tuple[Cited, ...]]) -> tuple[Cited, ...]:
    return tuple(dict.fromkeys(found for each in grounds for found in each))


def _lane_tests(book: Rulebook, measures: Measures, deal: Deal, needed: bool) -> tuple[Test, ...]:
    if not needed or not book.reaches("742.6.lane.destinations", deal.destination, deal.day):
        return ()
    names = ("742.6.lane.tpp", "742.6.lane.dram")
    tests = (parameter_test(book, name, deal.day, measures) for name in names)
    return tuple(test for test in tests if test is not None)


def _other_unknowns(
    book: Rulebook,
    chip: Chip,
    measures: Measures,
    deal: Deal,
    needing: list[str],
    subject: bool | None,
) -> list[Decision]:
    found = []
    if needing and subject is None:
        text = (
            "licence requirement: the class is arithmetic, but a licence concerns items subject to "
            f"the EAR; whether this item of a maker in {chip.headquarters} is (734.9) is not public"
        )
        found.append(Decision(_SUBJECT, text))
    for test in _lane_tests(book, measures, deal, bool(needing)):
        if test.met is None:
            line = f"{test.operator} {test.threshold:g} {test.unit}"
            text = f"review policy: {line} opens {test.paragraph}"
            found.append(Decision(test.quantity, text))
    if CLASS_A in needing and measures.datacenter is None:
        text = "exceptions: if it is not, NAC or ACA may apply"
        found.append(Decision(_MARKET, text))
    return found


def _with_whom_to_ask(chip: Chip, found: Iterable[Decision]) -> tuple[Decision, ...]:
    maker = f"the maker ({chip.vendor})"
    whom = {
        _SUBJECT: f"{maker} for the tools and technology behind it, or BIS for an advisory opinion",
        _MARKET: f"{maker}, or BIS for a commodity classification (748.3)",
    }
    return tuple(replace(each, ask=whom.get(each.quantity, maker)) for each in found)


def _enforcement(book: Rulebook, possible: tuple[str, ...], deal: Deal) -> tuple[str, str]:
    """Return the state of the text that decides, and what to know of it."""
    day = deal.day
    note = ""
    if day > book.text_read and book.as_of >= book.text_read:
        note = (
            f"The codified text was read as of {book.text_read}; later changes are not known here."
        )
    entry = book.on(_WORLDWIDE, day)
    if CLASS_A not in possible or entry is None or deal.destination == "US":
        return "enforced", note
    state = book.regime_state(entry.enforcement, day)
    local = book.reaches("742.6.licence.a", deal.destination, day)
    local = local or book.reaches("744.23.headquarters", deal.headquarters, day)
    if local or state is None or day < entry.compliance:
        return "enforced", note
    says = f"{entry.paragraph} asks for a licence to every country; {state.note}"
    return state.state, " ".join(filter(None, (says, note)))


def _limbs(book: Rulebook, day: date) -> tuple[str, ...]:
    """Return the rules that this answer names but does not decide, as dated."""
    limbs = [
        "listed parties (part 744), military and weapons end use, embargoes (part 746)",
        "supercomputer end use (744.23), General Prohibition Ten (736.2(b)(10))",
        "de minimis and foreign-produced direct products (734.4, 734.9)",
    ]
    affiliates = book.regime_state("affiliates", day)
    if affiliates is not None:
        note = affiliates.note.rstrip(".") or "in force"
        limbs.append(f"affiliates (50 percent) rule: {affiliates.state} ({note})")
    return tuple(limbs)
