"""What-if reforms: a patch over the rule tree, with its own source, never taken for law.

A reform file names parameters of the tree and the values they would have from a day on:

    reform: Line at 4,000
    reference: {title: A proposal, url: "https://example.org/proposal"}
    from: 2026-06-01
    set:
      3A090.a.1.tpp: {value: 4000}

Entries that the tree schedules for that day or later give way to the reform.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import date
from pathlib import Path
from typing import Any

from tonnage.errors import Fault, InputError, UnknownName
from tonnage.files import YamlDocument, read_yaml
from tonnage.provenance import Grade, Source
from tonnage.rules.country import country
from tonnage.rules.loading import places
from tonnage.rules.parameter import COMPARE, ENDS, OPERATORS, Dated, Parameter, Rule, Value
from tonnage.rules.rulebook import Rulebook, load_rules

PROPOSED = "proposed"
_TOP = {"reform", "status", "reference", "from", "set", "note"}
_ENTRY = {"value", "operator", "paragraph", "note", "from", "grade"}
_SCOPE = {"groups", "except_groups", "countries", "worldwide"}
_DAY = "write a day as YYYY-MM-DD"


@dataclass(frozen=True, slots=True)
class Change:
    """One parameter and what it would be."""

    parameter: str
    value: Value
    operator: str
    paragraph: str
    effective: date
    grade: Grade
    note: str


@dataclass(frozen=True, slots=True)
class Reform:
    """A named set of changes with the document that proposes them."""

    name: str
    status: str
    source: Source
    changes: tuple[Change, ...]

    def applied_to(self, book: Rulebook) -> Rulebook:
        """Return the rulebook as it would be; `book` itself stays as it is.

        A parameter that the law did not have yet when `book` was known comes in with the reform's
        value alone.
        """
        rules, patched = dict(book.rules), dict(book.parameters)
        for change in self.changes:
            name = change.parameter
            home = _rule_with(name)
            shell = replace(home.parameters[name], values=())
            patched[name] = self._patched(patched.get(name, shell), change)
            known = rules.get(home.id, replace(home, parameters={}))
            rules[home.id] = replace(known, parameters={**known.parameters, name: patched[name]})
        return replace(book, rules=rules, parameters=patched, reform=self)

    def _patched(self, parameter: Parameter, change: Change) -> Parameter:
        entry = Dated(
            effective=change.effective,
            known_from=change.effective,
            value=change.value,
            operator=change.operator,
            paragraph=change.paragraph,
            reference=self.source,
            instrument=self.source,
            grade=change.grade,
            enforcement=PROPOSED,
            compliance=change.effective,
            note=change.note,
        )
        earlier = tuple(e for e in parameter.values if e.effective < change.effective)
        return replace(parameter, values=(*earlier, entry))


def _rule_with(parameter: str) -> Rule:
    return next(rule for rule in load_rules().rules.values() if parameter in rule.parameters)


def moved(book: Rulebook, values: Mapping[str, float], day: date) -> Rulebook:
    """Return the rulebook with thresholds in force on a day put to other numbers (for sweeps)."""
    patched = dict(book.parameters)
    for name, value in values.items():
        parameter = book.parameter(name)
        held = parameter.on(day)
        entries = tuple(
            replace(entry, value=value, enforcement=PROPOSED) if entry is held else entry
            for entry in parameter.values
        )
        patched[name] = replace(parameter, values=entries)
    return replace(book, parameters=patched)


def read_reform(path: str | Path) -> Reform:
    """Return the reform in a YAML file.

    Raises
    ------
    InputError
        With every fault of the file, each with its line: unknown keys or parameters, a value of the
        wrong kind, a bad day, a missing reference.
    """
    document = read_yaml(path)
    if not isinstance(document.data, dict):
        mend = "write a mapping with reform, reference, from and set"
        raise InputError.of("reform", None, mend, document.where())
    return _Patch(document).read()


class _Patch:
    """Reads one reform file and collects what is wrong with it."""

    def __init__(self, document: YamlDocument) -> None:
        self._document = document
        self._data: dict[str, Any] = document.data
        self._faults: list[Fault] = []
        self._book = load_rules()

    def read(self) -> Reform:
        self._unknown_keys((), self._data, _TOP)
        name = self._text(("reform",), self._data.get("reform"), "name the reform")
        source = self._source(name)
        start = self._day(("from",), self._data.get("from"))
        entries = self._data.get("set")
        if not isinstance(entries, dict) or not entries:
            self._fault(("set",), entries, "list at least one parameter and its value")
            entries = {}
        changes = [self._change(key, entry, start) for key, entry in entries.items()]
        if self._faults:
            raise InputError(self._faults)
        status = str(self._data.get("status") or "what-if")
        return Reform(name, status, source, tuple(c for c in changes if c is not None))

    def _fault(self, path: tuple[str, ...], value: object, mend: str) -> None:
        where = self._document.where(path)
        self._faults.append(Fault(".".join(path) or "document", value, mend, where))

    def _unknown_keys(
        self, path: tuple[str, ...], data: Mapping[str, Any], known: set[str]
    ) -> None:
        for key in data:
            if key not in known:
                self._fault(
                    (*path, key), None, f"not a key here; known: {', '.join(sorted(known))}"
                )

    def _text(self, path: tuple[str, ...], value: object, mend: str) -> str:
        if not isinstance(value, str) or not value.strip():
            self._fault(path, value, mend)
            return ""
        return value

    def _day(self, path: tuple[str, ...], value: object) -> date:
        if type(value) is date:
            return value
        self._fault(path, value, f"{_DAY} from which the reform holds")
        return date.max

    def _source(self, name: str) -> Source:
        reference = self._data.get("reference")
        if not isinstance(reference, dict):
            self._fault(("reference",), reference, "name the document as {title: …, url: …}")
            return Source("reform", name, "")
        self._unknown_keys(("reference",), reference, {"title", "cite", "url", "published"})
        title = self._text(("reference", "title"), reference.get("title"), "give its title")
        url = self._text(("reference", "url"), reference.get("url"), "give its address")
        cite = str(reference.get("cite") or title)
        return Source("reform", title, url, note=cite)

    def _change(self, key: str, entry: object, start: date) -> Change | None:
        path = ("set", key)
        try:
            parameter = self._book.parameter(key)
        except UnknownName as error:
            self._fault(path, None, error.faults[0].mend)
            return None
        if not isinstance(entry, dict):
            self._fault(path, entry, "write {value: …}")
            return None
        self._unknown_keys(path, entry, _ENTRY)
        last = parameter.values[-1] if parameter.values else None
        operator = entry.get("operator", last.operator if last else ">=")
        if operator not in OPERATORS:
            self._fault((*path, "operator"), operator, f"use one of {', '.join(OPERATORS)}")
            return None
        value = self._value((*path, "value"), entry.get("value"), operator)
        grade = entry.get("grade", Grade.KNOWLEDGE)
        if grade not in list(Grade):
            self._fault((*path, "grade"), grade, "use P, Q, S or K")
            return None
        effective = self._day((*path, "from"), entry["from"]) if "from" in entry else start
        paragraph = str(entry.get("paragraph") or f"proposed {last.paragraph if last else key}")
        note = str(entry.get("note", ""))
        return Change(key, value, operator, paragraph, effective, Grade(grade), note)

    def _value(self, path: tuple[str, ...], value: object, operator: str) -> Value:
        if operator == ENDS:
            if value is not None:
                self._fault(path, value, "an entry that ends a value has none")
            return None
        if operator in COMPARE:
            return self._threshold(path, value)
        if operator == "covers":
            return self._scope(path, value)
        if operator == "in":
            return self._members(path, value)
        if isinstance(value, list):
            return tuple(str(item) for item in value)
        if isinstance(value, (str, date)) or _is_number(value):
            return value  # type: ignore[return-value]
        self._fault(path, value, "write a number, a text, a day or a list of texts")
        return None

    def _threshold(self, path: tuple[str, ...], value: object) -> float | None:
        if not _is_number(value) or not 0 < float(value) < 1e15:  # type: ignore[arg-type]
            self._fault(path, value, "write a positive number")
            return None
        return float(value)  # type: ignore[arg-type]

    def _scope(self, path: tuple[str, ...], value: object) -> Value:
        if not isinstance(value, dict):
            self._fault(path, value, "write {groups: [D5], countries: [MO]} or {worldwide: true}")
            return None
        self._unknown_keys(path, value, _SCOPE)
        for name in ("groups", "except_groups"):
            for group in value.get(name) or ():
                if f"groups.{group}" not in self._book.parameters:
                    self._fault((*path, name), group, "use A5, A6, D1, D4, D5 or AIA")
        members = self._members((*path, "countries"), value.get("countries") or [])
        return places({**value, "countries": members or ()})

    def _members(self, path: tuple[str, ...], value: object) -> tuple[str, ...] | None:
        if not isinstance(value, list):
            self._fault(path, value, "write a list of country codes")
            return None
        found = []
        for item in value:
            try:
                found.append(country(str(item)))
            except UnknownName as error:
                self._fault(path, item, error.faults[0].mend)
        return tuple(found)


def _is_number(value: object) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool) and value == value
