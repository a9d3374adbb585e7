"""The verbs `rules list`, `rules show`, `rules diff` and `rules sweep`."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from itertools import pairwise
from math import isfinite
from pathlib import Path
from typing import Any

from tonnage.catalog import Chip, load_catalog
from tonnage.errors import InputError, UnknownName
from tonnage.rules import (
    Dated,
    Overlay,
    Parameter,
    Readings,
    Regime,
    Rule,
    Rulebook,
    Verdict,
    classify,
    country,
    load_rules,
    measures_of,
    moved,
    read_reform,
    uses,
)

AS_PUBLISHED = Readings(rounding=False)
"""Flips are told by the published figures themselves, not by the intervals that round to them."""


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
class Flip:
    """A chip whose answer changes: what of it, from what to what."""

    chip: str
    what: str
    before: str
    after: str


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


@dataclass(frozen=True, slots=True)
class Step:
    """A threshold at which chips flip; `beyond` if they flip just past it and not on it."""

    value: float
    beyond: bool
    flips: tuple[Flip, ...]


@dataclass(frozen=True, slots=True)
class Sweep:
    """What happens to the catalog as one threshold moves from `start` to `stop`."""

    parameter: str
    moved: tuple[str, ...]
    """The parameter and those that state the same number of the law."""
    unit: str
    start: float
    stop: float
    in_force: float
    destination: str
    on: date
    steps: tuple[Step, ...]


def rules_list(as_of: date | None = None, on: date | None = None) -> tuple[Listed, ...]:
    """Return every rule known on `as_of`, as it stands on the day `on`."""
    book = load_rules(as_of)
    day = on or book.as_of
    return tuple(_listed(book, rule, day) for rule in book.rules.values())


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


def rules_show(name: str, as_of: date | None = None, on: date | None = None) -> Shown:
    """Return the trail of a rule, parameter, notice or enforcement regime.

    Raises
    ------
    UnknownName
        If the tree has nothing of that name; the message lists the nearest.
    """
    book = load_rules(as_of)
    day = on or book.as_of
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
    first: date,
    second: date,
    to: str = "CN",
    *,
    headquarters: str | None = None,
    exporter: str = "US",
    as_of: date | None = None,
    reform: str | Path | None = None,
) -> Diff:
    """Return the paragraphs that differ between two days and the catalog chips that flip.

    With a reform the second day is looked at as it would be.
    """
    book = load_rules(as_of)
    after = load_rules(as_of, read_reform(reform)) if reform is not None else book
    flips = []
    for chip in load_catalog(book.as_of).chips:
        states = [
            _answers(classify(chip, to, day, headquarters=headquarters, exporter=exporter, book=b))
            for b, day in ((book, first), (after, second))
        ]
        flips += _flips(chip, *states)
    changed = tuple(_changes(book, after, first, second))
    return Diff(
        first,
        second,
        country(to, "to"),
        changed,
        tuple(o for o in book.overlays if o.holds(second) and not o.holds(first)),
        tuple(o for o in book.overlays if o.holds(first) and not o.holds(second)),
        tuple(flips),
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


def _answers(verdict: Verdict) -> dict[str, str]:
    """Return the parts of a verdict whose change is told."""
    said = {True: "required", False: "not required", None: "unknown"}
    kinds = {"notice": verdict.notices, "buyer side": verdict.buyer_side}
    return {
        "class": verdict.class_id,
        "licence_required": said[verdict.licence_required],
        "licence_by_notice": said[verdict.licence_by_notice],
        "exceptions": ", ".join(found.id for found in verdict.exceptions) or "none",
        "review_policy": _policy(verdict),
        "enforcement": verdict.enforcement,
        "buyer_side": ", ".join(found.id for found in kinds["buyer side"]) or "none",
        "tariff": ", ".join(d.band for d in verdict.tariff if d.applies) or "none",
    }


def _policy(verdict: Verdict) -> str:
    """Return the review policy without the figures that it waits for."""
    policy, conditional, _ = (verdict.review_policy or "none").partition(" if ")
    return f"{policy}, if figures not public allow" if conditional else policy


def _flips(chip: Chip, before: Mapping[str, str], after: Mapping[str, str]) -> list[Flip]:
    return [
        Flip(chip.id, key, before[key], after[key]) for key in before if before[key] != after[key]
    ]


def rules_sweep(
    parameter: str,
    start: float,
    stop: float,
    *,
    destination: str = "CN",
    on: date | None = None,
    as_of: date | None = None,
    headquarters: str | None = None,
    alone: bool = False,
    reform: str | Path | None = None,
) -> Sweep:
    """Return the exact values at which catalog chips flip as a threshold moves.

    A number that the law states in several paragraphs moves in all of them, unless `alone`. The
    chips are those of the catalog as published; nothing is searched for.

    Raises
    ------
    UnknownName
        If there is no such parameter.
    InputError
        If it has no number in force on the day, or an end of the range is not a positive number.
    """
    book = load_rules(as_of, read_reform(reform) if reform is not None else None)
    day = on or book.as_of
    known = book.parameter(parameter)
    held = known.on(day)
    if held is None or not isinstance(held.value, (int, float)) or held.operator in {"is", "in"}:
        mend = f"has no threshold in force on {day}; see `tonnage rules list`"
        raise InputError.of("parameter", parameter, mend)
    for field, value in (("from", start), ("to", stop)):
        if not (isfinite(value) and value > 0):
            raise InputError.of(field, value, "write a positive number")
    if start == stop:
        raise InputError.of("to", stop, "give an end other than the start")
    names = (parameter,) if alone else (parameter, *_linked(book, known, held, day))
    walk = _Walk(book, names, day, destination, headquarters)
    return Sweep(
        parameter,
        names,
        known.unit,
        start,
        stop,
        held.number,
        country(destination, "destination"),
        day,
        walk.steps(start, stop),
    )


def _linked(book: Rulebook, parameter: Parameter, held: Dated, day: date) -> list[str]:
    """Return the parameters that state the same number on the day."""
    found = []
    for name in parameter.linked:
        entry = book.on(name, day)
        if entry is not None and entry.value == held.value:
            found.append(name)
    return found


class _Walk:
    """Moves a threshold and watches the catalog's chips."""

    def __init__(
        self,
        book: Rulebook,
        names: Sequence[str],
        day: date,
        destination: str,
        headquarters: str | None,
    ) -> None:
        self._book, self._names, self._day = book, names, day
        self._destination, self._headquarters = destination, headquarters
        self._books: dict[float, Rulebook] = {}

    def steps(self, start: float, stop: float) -> tuple[Step, ...]:
        found: dict[tuple[float, bool], list[Flip]] = {}
        for chip in load_catalog(self._book.as_of).chips:
            for at, flips in self._path(chip, start, stop):
                found.setdefault(at, []).extend(flips)
        falling = stop < start
        order = sorted(found, key=lambda at: (-at[0] if falling else at[0], at[1]))
        return tuple(Step(value, beyond, tuple(found[value, beyond])) for value, beyond in order)

    def _path(
        self, chip: Chip, start: float, stop: float
    ) -> Iterable[tuple[tuple[float, bool], list[Flip]]]:
        low, high = min(start, stop), max(start, stop)
        lines = {line for line in self._lines(chip) if low <= line <= high} - {start}
        on_the_way = [start, *sorted(lines - {stop}, reverse=stop < start), stop]
        last = self._at(chip, start)
        for here, there in pairwise(on_the_way):
            middle = self._at(chip, (here + there) / 2)
            if flips := _flips(chip, last, middle):
                yield (here, True), flips
            last = self._at(chip, there)
            if flips := _flips(chip, middle, last):
                yield (there, False), flips

    def _lines(self, chip: Chip) -> set[float]:
        """Return the chip's own figures, the only values at which its answer can change."""
        measures = measures_of(chip, AS_PUBLISHED, dict(self._book.die_areas))
        quantities = {self._book.parameter(name).quantity for name in self._names}
        found = [measures.quantity(quantity) for quantity in quantities]
        return {line for each in found for line in (each.low, each.high) if 0 < line < float("inf")}

    def _at(self, chip: Chip, value: float) -> dict[str, str]:
        book = self._books.get(value)
        if book is None:
            numbers = dict.fromkeys(self._names, value)
            book = self._books[value] = moved(self._book, numbers, self._day)
        return _answers(
            classify(
                chip,
                self._destination,
                self._day,
                headquarters=self._headquarters,
                book=book,
                readings=AS_PUBLISHED,
            )
        )
