"""Comparing intervals with thresholds: yes, no, or not to be told."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date

from tonnage.rules.clause import Classification, Clause
from tonnage.rules.metrics import Interval, Measures
from tonnage.rules.parameter import Dated
from tonnage.rules.rulebook import Rulebook
from tonnage.rules.verdict import Test, finite


def compare(entry: Dated, interval: Interval) -> bool | None:
    """Return whether every figure of the interval meets the threshold, none does, or some do."""
    low, high = bool(entry.met_by(interval.low)), bool(entry.met_by(interval.high))
    return low if low == high else None


def conjunction(answers: Iterable[bool | None]) -> bool | None:
    """Return the three-valued "and": no beats unknown beats yes."""
    found = list(answers)
    return False if False in found else (None if None in found else True)


def disjunction(answers: Iterable[bool | None]) -> bool | None:
    """Return the three-valued "or": yes beats unknown beats no."""
    found = list(answers)
    return True if True in found else (None if None in found else False)


def test_of(
    clause: str, parameter: str, quantity: str, unit: str, entry: Dated, measures: Measures
) -> Test:
    """Return one comparison with everything needed to check it."""
    interval = measures.quantity(quantity)
    return Test(
        clause=clause,
        parameter=parameter,
        quantity=quantity,
        value=interval.value,
        low=interval.low if interval.known else None,
        high=finite(interval.high),
        unit=unit,
        operator=entry.operator,
        threshold=entry.number,
        met=compare(entry, interval),
        paragraph=entry.paragraph,
        source=entry.instrument,
        grade=entry.grade,
        note=interval.why,
    )


def parameter_test(book: Rulebook, parameter: str, day: date, measures: Measures) -> Test | None:
    """Return the comparison with a parameter in force on a day, `None` if it is not in force."""
    entry = book.on(parameter, day)
    if entry is None:
        return None
    known = book.parameter(parameter)
    return test_of(entry.paragraph, parameter, known.quantity, known.unit, entry, measures)


def clause_tests(
    book: Rulebook, law: Classification, measures: Measures
) -> list[tuple[Clause, tuple[Test, ...]]]:
    """Return the comparisons of every paragraph in force, in the order of the law."""
    return [
        (
            clause,
            tuple(
                test_of(
                    clause.paragraph,
                    leg.parameter,
                    leg.quantity,
                    book.parameter(leg.parameter).unit,
                    entry,
                    measures,
                )
                for leg, entry in zip(clause.legs, entries, strict=True)
            ),
        )
        for clause, entries in law.clauses
    ]
