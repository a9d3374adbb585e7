"""The law as the public knew it on one day."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import date
from functools import lru_cache
from typing import TYPE_CHECKING

from tonnage.dates import today
from tonnage.errors import UnknownName
from tonnage.rules.loading import Law, read_law
from tonnage.rules.parameter import Dated, Overlay, Parameter, Places, Regime, Rule, State

if TYPE_CHECKING:
    from tonnage.rules.reform import Reform

NOT_ENFORCED = "not enforced"
STAYED = "stayed"


@dataclass(frozen=True, slots=True, eq=False)
class Rulebook:
    """Rules, enforcement and overlays as known on `as_of`, with a reform if one was asked for.

    Two rulebooks are the same only if they are the same object, so that answers can be kept.
    """

    as_of: date
    rules: Mapping[str, Rule]
    parameters: Mapping[str, Parameter]
    regimes: Mapping[str, Regime]
    overlays: tuple[Overlay, ...]
    text_read: date
    reform: Reform | None = None

    def on(self, parameter: str, day: date) -> Dated | None:
        """Return the entry of a parameter in force on a day, `None` if there is none or not yet."""
        known = self.parameters.get(parameter)
        return None if known is None else known.on(day)

    def parameter(self, name: str) -> Parameter:
        """Return a parameter by its id; the message of an unknown one lists the nearest."""
        found = self.parameters.get(name)
        if found is None:
            raise unknown_name("parameter", name, self.parameters)
        return found

    def binding(self, parameter: str, day: date, *, codified: bool = False) -> Dated | None:
        """Return the entry that must be obeyed on a day.

        An entry whose compliance day is still to come does not bind, nor does one whose regime is
        stayed or not enforced, unless the text alone is asked for (`codified`).
        """
        entry = self.on(parameter, day)
        if entry is None or day < entry.compliance:
            return None
        if not codified and self.state(entry.enforcement, day) in (NOT_ENFORCED, STAYED):
            return None
        return entry

    def state(self, regime: str, day: date) -> str:
        """Return how a regime is treated on a day."""
        found = self.regime_state(regime, day)
        return found.state if found else "enforced"

    def regime_state(self, regime: str, day: date) -> State | None:
        """Return the dated state of a regime with its source."""
        return self.regimes[regime].on(day) if regime in self.regimes else None

    def members(self, group: str, day: date) -> frozenset[str]:
        """Return the countries of a group (A5, A6, D1, D4, D5, AIA) on a day."""
        entry = self.on(f"groups.{group}", day)
        if entry is None or not isinstance(entry.value, tuple):
            return frozenset()
        return frozenset(entry.value)

    def covers(self, places: Places, country: str, day: date) -> bool:
        """Return whether a scope reaches a country on a day."""
        if places.worldwide or country in places.countries:
            return True
        if any(country in self.members(group, day) for group in places.except_groups):
            return False
        return any(country in self.members(group, day) for group in places.groups)

    def reaches(self, parameter: str, country: str | None, day: date) -> bool:
        """Return whether a scope parameter is in force and reaches a country."""
        entry = self.on(parameter, day)
        if entry is None or country is None or not isinstance(entry.value, Places):
            return False
        return self.covers(entry.value, country, day)

    def change_days(self) -> tuple[date, ...]:
        """Return every day on which an entry, a state or an overlay begins or ends, in order."""
        days = {entry.effective for p in self.parameters.values() for entry in p.values}
        days |= {entry.compliance for p in self.parameters.values() for entry in p.values}
        days |= {state.effective for regime in self.regimes.values() for state in regime.states}
        days |= {overlay.effective for overlay in self.overlays}
        days |= {overlay.until for overlay in self.overlays if overlay.until}
        return tuple(sorted(days))


def load_rules(as_of: date | None = None, reform: Reform | None = None) -> Rulebook:
    """Return the law as known on `as_of` (default: today), with a what-if reform laid over it."""
    book = _known(as_of or today())
    return book if reform is None else reform.applied_to(book)


@lru_cache(maxsize=1)
def _shipped_law() -> Law:
    return read_law()


@lru_cache(maxsize=64)
def _known(as_of: date) -> Rulebook:
    return known_on(_shipped_law(), as_of)


def known_on(law: Law, as_of: date) -> Rulebook:
    """Return what the public could know of `law` on a day: later entries are left out.

    An end that was announced later is left out too, so a value then stands open-ended.
    """
    rules = {}
    for rule in law.rules.values():
        kept = {p.id: _known_parameter(p, as_of) for p in rule.parameters.values()}
        kept = {key: p for key, p in kept.items() if p.values or not rule.parameters[key].values}
        if kept:
            rules[rule.id] = replace(rule, parameters=kept)
    regimes = {
        key: replace(regime, states=tuple(s for s in regime.states if s.known_from <= as_of))
        for key, regime in law.regimes.items()
    }
    return Rulebook(
        as_of=as_of,
        rules=rules,
        parameters={p.id: p for rule in rules.values() for p in rule.parameters.values()},
        regimes={key: regime for key, regime in regimes.items() if regime.states},
        overlays=tuple(_known_overlays(law.overlays, as_of)),
        text_read=law.text_read,
    )


def _known_parameter(parameter: Parameter, as_of: date) -> Parameter:
    entries = tuple(entry for entry in parameter.values if entry.known_from <= as_of)
    return replace(parameter, values=entries)


def _known_overlays(overlays: Iterable[Overlay], as_of: date) -> Iterable[Overlay]:
    for overlay in overlays:
        if overlay.known_from <= as_of:
            ends_later = overlay.until_known_from is not None and overlay.until_known_from > as_of
            yield replace(overlay, until=None) if ends_later else overlay


def unknown_name(kind: str, name: str, names: Iterable[str]) -> UnknownName:
    """Return the error for a name that is not there, with the nearest ones."""
    from rapidfuzz import process

    near = [found for found, _, _ in process.extract(name, list(names), limit=4)]
    return UnknownName.of(kind, name, f"no such {kind}; nearest: {', '.join(near)}")
