"""Whether the branches of a scenario make a tree whose probabilities add up."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from tonnage.errors import Fault
from tonnage.scenario.scenario import periods_of

if TYPE_CHECKING:
    from tonnage.scenario.read import Draft

TOLERANCE = 1e-6
"""How far the probabilities of siblings may be from 1."""


def branch_faults(draft: Draft) -> Iterator[Fault]:
    """Yield what is wrong with the tree: unknown parents, cycles, days, probabilities."""
    rows = draft.items("branches")
    if len(rows) != len(draft.raw_names("branches")):
        return  # an unsound branch would make every sum look wrong
    parents = list(_parents(draft, rows))
    yield from parents
    if not parents:  # else days and sums would only repeat what is wrong
        yield from _days(draft, rows)
        yield from _siblings(draft, rows)


def branch_order(parents: dict[str, str | None]) -> list[str]:
    """Return the branches that hang on the start, each after its parent; those in cycles are out.

    Examples
    --------
    >>> branch_order({"b": "a", "a": None, "x": "y", "y": "x"})
    ['a', 'b']
    """
    order: list[str] = []
    waiting = dict(parents)
    while True:
        ready = [n for n, p in waiting.items() if p is None or p in order]
        if not ready:
            return order
        for name in ready:
            order.append(name)
            del waiting[name]


def _parents(draft: Draft, rows: list[tuple[int, Any]]) -> Iterator[Fault]:
    names = {row.name for _, row in rows}
    known = {row.name: row.after if row.after in names else None for _, row in rows}
    rooted = set(branch_order(known))
    for index, row in rows:
        if row.after is not None and row.after not in names:
            mend = f"no such branch; there are {', '.join(sorted(names - {row.name})) or 'none'}"
            yield draft.fault(("branches", index, "after"), row.after, mend)
        elif row.name not in rooted:
            mend = "the branches follow each other in a circle; let one follow the start"
            yield draft.fault(("branches", index, "after"), row.after, mend)


def _days(draft: Draft, rows: list[tuple[int, Any]]) -> Iterator[Fault]:
    horizon, as_of = draft.one("horizon"), draft.one("as_of")
    days = {row.name: row.day for _, row in rows}
    periods = periods_of(horizon.start, horizon.step, horizon.periods) if horizon else ()
    for index, row in rows:
        path = ("branches", index, "day")
        if row.after in days and row.day <= days[row.after]:
            mend = f"not after {days[row.after]}, the day of the branch it follows"
            yield draft.fault(path, str(row.day), mend)
        if periods and row.day >= periods[-1].end:
            mend = f"after the last period, which ends on {periods[-1].end}"
            yield draft.fault(path, str(row.day), mend)
        elif as_of and row.day <= as_of:
            mend = f"not after as_of {as_of}; what is known by then is no branch"
            yield draft.fault(path, str(row.day), mend)
        elif periods and row.day <= periods[0].start:
            mend = f"not after {periods[0].start}, the first day planned for"
            yield draft.fault(path, str(row.day), mend)


def _siblings(draft: Draft, rows: list[tuple[int, Any]]) -> Iterator[Fault]:
    families: dict[str | None, list[tuple[int, Any]]] = defaultdict(list)
    for index, row in rows:
        families[row.after].append((index, row))
    for parent, family in families.items():
        index, first = family[0]
        after = f"after {parent!r}" if parent else "at the start"
        total = sum(_probability(row) for _, row in family)
        if abs(total - 1.0) > TOLERANCE:
            mend = f"{len(family)} branches {after} add up to a probability of {total:g}, not 1"
            yield draft.fault(("branches", index, "probability"), None, mend)
        for place, row in family[1:]:
            if row.day != first.day:
                mend = f"siblings share the day on which it is known: {first.day} ({first.name})"
                yield draft.fault(("branches", place, "day"), str(row.day), mend)


def _probability(row: Any) -> float:
    number = row.probability
    scale = 0.01 if (number.unit or "").startswith("%") else 1.0
    return float(number.value or 0.0) * scale
