"""The verbs `rules list`, `rules show` and `rules diff`."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

from tonnage.catalog import load_catalog
from tonnage.dates import given_day
from tonnage.errors import UnknownName
from tonnage.rules import (
    Dated,
    Overlay,
    Parameter,
    Regime,
    Rule,
    Rulebook,
    classify,
    country,
    load_rules,
    read_reform,
    uses,
)
from tonnage.study.rulebook_flips import Flip, answers, flips_of


@dataclass(frozen=True, slots=True)
class Listed:
    """A rule as it stands on a day: since when, how enforced, with which parameters."""

    rule: Rule
    effective_from: date | None
    enforcement: str
    in_force: tuple[str, ...]
    """Ids of the parameters in force."""


@dataclass(frozen=True, slots=True)
class Shown:
    """One rule, parameter, notice or regime with its whole trail."""

    id: str
    title: str
    citation: str
    effective_from: date | None
    enforcement: str
    parameters: tuple[Parameter, ...]
    used_in: Mapping[str, tuple[str, ...]]
    overlay: Overlay | None = None
    regime: Regime | None = None


@dataclass(frozen=True, slots=True)
class Changed:
    """A rule of which parameters differ between two days."""

    rule: Rule
    parameters: tuple[tuple[Parameter, Dated | None, Dated | None, str, str], ...]
    """Parameter, entry before and after, enforcement before and after."""


@dataclass(frozen=True, slots=True)
class Diff:
    """What changed in the law between two days, and for which chips."""

    first: date
    second: date
    destination: str
    changed: tuple[Changed, ...]
    begun: tuple[Overlay, ...]
    ended: tuple[Overlay, ...]
    flips: tuple[Flip, ...]
    reform: str = ""
    """Name of the what-if patch under which the second day was looked at."""


def rules_list(as_of: date | str | None = None, on: date | str | None = None) -> tuple[Listed, ...]:
    """Return every rule known on `as_of`, as it stands on the day `on`."""
    book = load_rules(given_day(as_of))
    day = given_day(on, book.as_of, "on")
    return tuple(_listed(book, rule, day) for rule in book.rules.values())


def rules_ahead(
    as_of: date | str | None = None, on: date | str | None = None
) -> tuple[tuple[Parameter, Dated], ...]:
    """Return what is known to change after a day, next first."""
    book = load_rules(given_day(as_of))
    day = given_day(on, book.as_of, "on")
    found = [
        (parameter, entry)
        for parameter in book.parameters.values()
        for entry in parameter.values
        if entry.effective > day
    ]
    return tuple(sorted(found, key=lambda pair: (pair[1].effective, pair[0].id)))


def _listed(book: Rulebook, rule: Rule, day: date) -> Listed:
    in_force = tuple(p.id for p in rule.parameters.values() if p.on(day) is not None)
    return Listed(rule, _begun(rule.parameters.values()), _states(book, rule, day), in_force)


def _begun(parameters: Iterable[Parameter]) -> date | None:
    return min((entry.effective for p in parameters for entry in p.values), default=None)


def _states(book: Rulebook, rule: Rule, day: date) -> str:
    """Return how the rule's parts are enforced on a day: one word, or one a regime."""
    entries = [entry for p in rule.parameters.values() if (entry := p.on(day)) is not None]
    if not entries:
        later = [e.effective for p in rule.parameters.values() for e in p.values]
        return "not yet in force" if later and min(later) > day else "not in force"
    return "; ".join(dict.fromkeys(book.state(entry.enforcement, day) for entry in entries))


def rules_show(name: str, as_of: date | str | None = None, on: date | str | None = None) -> Shown:
    """Return the trail of a rule, parameter, notice or enforcement regime.

    Raises
    ------
    UnknownName
        If the tree has nothing of that name; the message lists the nearest.
    """
    book = load_rules(given_day(as_of))
    day = given_day(on, book.as_of, "on")
    names = {
        **{key.casefold(): key for key in book.regimes},
        **{overlay.id.casefold(): overlay.id for overlay in book.overlays},
        **{key.casefold(): key for key in book.parameters},
        **{key.casefold(): key for key in book.rules},
    }
    found = names.get(name.casefold().strip())
    if found is None:
        raise _no_such(name, list(names.values()))
    if found in book.rules:
        return _shown_rule(book, book.rules[found], day)
    if found in book.parameters:
        return _shown_parameter(book, book.parameter(found), day)
    return _shown_other(book, found, day)


def _no_such(name: str, names: Sequence[str]) -> UnknownName:
    from rapidfuzz import process

    near = ", ".join(found for found, _, _ in process.extract(name, names, limit=4))
    mend = f"no such rule, parameter, notice or regime; nearest: {near} (see `tonnage rules list`)"
    return UnknownName.of("id", name, mend)


def _shown_rule(book: Rulebook, rule: Rule, day: date) -> Shown:
    parameters = tuple(rule.parameters.values())
    return Shown(
        rule.id,
        rule.title,
        rule.citation,
        _begun(parameters),
        _states(book, rule, day),
        parameters,
        {p.id: uses(book, p.id) for p in parameters},
    )


def _shown_parameter(book: Rulebook, parameter: Parameter, day: date) -> Shown:
    rule = next(rule for rule in book.rules.values() if parameter.id in rule.parameters)
    entry = parameter.on(day)
    state = book.state(entry.enforcement, day) if entry else "not in force"
    used = {parameter.id: uses(book, parameter.id)}
    begun = _begun([parameter])
    return Shown(parameter.id, parameter.says, rule.citation, begun, state, (parameter,), used)


def _shown_other(book: Rulebook, name: str, day: date) -> Shown:
    if name in book.regimes:
        regime = book.regimes[name]
        begun = min(state.effective for state in regime.states)
        cites = ", ".join(dict.fromkeys(state.source.note for state in regime.states))
        state = book.state(name, day)
        return Shown(name, regime.title, cites, begun, state, (), {}, regime=regime)
    overlay = next(overlay for overlay in book.overlays if overlay.id == name)
    read = (*overlay.any_of, *overlay.all_of)
    parameters = tuple(book.parameter(p) for p in read if p in book.parameters)
    used = {p.id: uses(book, p.id) for p in parameters}
    state = book.state(overlay.enforcement, day) if overlay.holds(day) else "not in force"
    cite = overlay.source.note
    return Shown(
        name, overlay.says, cite, overlay.effective, state, parameters, used, overlay=overlay
    )


def rules_diff(
    first: date | str,
    second: date | str,
    to: str = "CN",
    *,
    headquarters: str | None = None,
    exporter: str = "US",
    as_of: date | str | None = None,
    reform: str | Path | None = None,
) -> Diff:
    """Return the paragraphs that differ between two days and the catalog chips that flip.

    With a reform the second day is looked at as it would be.
    """
    first, second = given_day(first, field="first"), given_day(second, field="second")
    book = load_rules(given_day(as_of))
    after = load_rules(book.as_of, read_reform(reform)) if reform is not None else book
    flips = []
    for chip in load_catalog(book.as_of).chips:
        states = [
            answers(classify(chip, to, day, headquarters=headquarters, exporter=exporter, book=b))
            for b, day in ((book, first), (after, second))
        ]
        flips += flips_of(chip, *states)
    changed = tuple(_changes(book, after, first, second))
    return Diff(
        first,
        second,
        country(to, "to"),
        changed,
        tuple(o for o in book.overlays if o.holds(second) and not o.holds(first)),
        tuple(o for o in book.overlays if o.holds(first) and not o.holds(second)),
        tuple(flips),
        after.reform.name if after.reform is not None else "",
    )


def _changes(book: Rulebook, after: Rulebook, first: date, second: date) -> Iterable[Changed]:
    for rule in book.rules.values():
        found = []
        for parameter in rule.parameters.values():
            old, new = parameter.on(first), after.parameter(parameter.id).on(second)
            states = (_state(book, old, first), _state(after, new, second))
            same_text = _text(old) == _text(new)
            if not same_text or states[0] != states[1]:
                found.append((parameter, old, new, *states))
        if found:
            yield Changed(rule, tuple(found))


def _text(entry: Dated | None) -> tuple[Any, ...] | None:
    return None if entry is None else (entry.value, entry.operator)


def _state(book: Rulebook, entry: Dated | None, day: date) -> str:
    return "not in force" if entry is None else book.state(entry.enforcement, day)
