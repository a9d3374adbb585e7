"""Dated, cited values: the atoms of the rule tree."""

from __future__ import annotations

import operator
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any

from tonnage.provenance import Grade, Source

ENDS = "ends"
"""Operator of an entry that takes a value out of force."""

COMPARE: dict[str, Callable[[Any, Any], Any]] = {
    ">=": operator.ge,
    ">": operator.gt,
    "<": operator.lt,
    "<=": operator.le,
}
"""Operators that hold between a quantity and a threshold, on numbers and on arrays alike."""

OPERATORS = (*COMPARE, "is", "in", "covers", ENDS)


@dataclass(frozen=True, slots=True)
class Places:
    """Destinations or headquarters: members of groups and countries, less the members of others."""

    groups: tuple[str, ...] = ()
    except_groups: tuple[str, ...] = ()
    countries: tuple[str, ...] = ()
    worldwide: bool = False

    def __str__(self) -> str:
        if self.worldwide:
            return "every country"
        groups = _listed(f"{group[0]}:{group[1:]}" for group in self.groups)
        if groups and self.except_groups:
            others = _listed(f"{group[0]}:{group[1:]}" for group in self.except_groups)
            groups += f" but not in {others}"
        return " and by name ".join(filter(None, (groups, _listed(self.countries))))


def _listed(names: Iterable[str]) -> str:
    return " or ".join(names)


Value = float | str | date | tuple[str, ...] | Places | None


@dataclass(frozen=True, slots=True)
class Dated:
    """One entry of a parameter: a value, since when it holds, and who put it in force.

    `value` is `None` where the entry ends the one before it. `known_from` is the day the public
    could read it, `effective` the day it entered into force, `compliance` the day from which it
    must be obeyed (usually the same).
    """

    effective: date
    known_from: date
    value: Value
    operator: str
    paragraph: str
    reference: Source
    instrument: Source
    grade: Grade
    enforcement: str
    """Name of an enforcement regime."""
    compliance: date
    note: str = ""

    @property
    def number(self) -> float:
        """The value as a threshold."""
        if not isinstance(self.value, (int, float)):
            message = f"{self.paragraph}: {self.value!r} is not a threshold"
            raise TypeError(message)
        return float(self.value)

    def met_by(self, quantity: Any) -> Any:
        """Return `quantity operator value`, on a number or an array."""
        return COMPARE[self.operator](quantity, self.number)

    def to_dict(self) -> dict[str, Any]:
        """Return the entry as plain data."""
        value: Any = self.value
        if isinstance(value, Places):
            value = {
                "groups": list(value.groups),
                "except_groups": list(value.except_groups),
                "countries": list(value.countries),
                "worldwide": value.worldwide,
            }
        elif isinstance(value, tuple):
            value = list(value)
        elif isinstance(value, date):
            value = value.isoformat()
        return {
            "value": value,
            "operator": self.operator,
            "effective_from": self.effective.isoformat(),
            "compliance_from": self.compliance.isoformat(),
            "known_from": self.known_from.isoformat(),
            "paragraph": self.paragraph,
            "instrument": self.instrument.note or self.instrument.title,
            "instrument_url": self.instrument.url,
            "reference": self.reference.note or self.reference.title,
            "reference_url": self.reference.url,
            "grade": self.grade.value,
            "enforcement": self.enforcement,
            "note": self.note,
        }


@dataclass(frozen=True, slots=True)
class Parameter:
    """One number, list or scope of the law and its entries over time, oldest first."""

    id: str
    quantity: str
    unit: str
    says: str
    values: tuple[Dated, ...]
    linked: tuple[str, ...] = ()
    """Parameters that state the same number of the law in another paragraph."""

    def on(self, day: date) -> Dated | None:
        """Return the entry in force on a day, `None` if there is none."""
        found = None
        for entry in self.values:
            if entry.effective <= day:
                found = entry
        return None if found is None or found.operator == ENDS else found


@dataclass(frozen=True, slots=True)
class Rule:
    """A section of law and its parameters."""

    id: str
    title: str
    citation: str
    parameters: Mapping[str, Parameter]


@dataclass(frozen=True, slots=True)
class State:
    """How the agency treats a regime from a day on."""

    effective: date
    known_from: date
    state: str
    source: Source
    grade: Grade
    note: str = ""


@dataclass(frozen=True, slots=True)
class Regime:
    """The enforcement of a body of rules over time, apart from its text."""

    id: str
    title: str
    states: tuple[State, ...]

    def on(self, day: date) -> State | None:
        """Return the state on a day, `None` before the first."""
        return max(
            (state for state in self.states if state.effective <= day),
            key=lambda state: state.effective,
            default=None,
        )


@dataclass(frozen=True, slots=True)
class Overlay:
    """A notice, guidance, practice or buyer-side measure: dated and graded, apart from the law."""

    id: str
    kind: str
    """`notice`, `guidance`, `practice` or `buyer_side`."""
    effective: date
    known_from: date
    until: date | None
    says: str
    source: Source
    grade: Grade
    destinations: Places
    until_known_from: date | None = None
    addressees: tuple[str, ...] = ()
    chips: tuple[str, ...] = ()
    headquarters: Places | None = None
    maker_headquarters: Places | None = None
    not_maker_headquarters: Places | None = None
    needs_headquarters: bool = False
    classes: tuple[str, ...] = ()
    any_of: tuple[str, ...] = ()
    all_of: tuple[str, ...] = ()
    datacenter_only: bool = False
    licence: bool = False
    enforcement: str = "enforced"
    buyers: str = ""
    note: str = ""

    def holds(self, day: date) -> bool:
        """Return whether it was in force on a day."""
        return self.effective <= day and (self.until is None or day < self.until)
