"""Reading the shipped rule tree: a value that lacks any part of its trail does not load."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from importlib.resources import files
from pathlib import Path
from typing import Any

from tonnage.errors import DataError
from tonnage.provenance import Grade, Source
from tonnage.rules.parameter import (
    COMPARE,
    ENDS,
    OPERATORS,
    Dated,
    Overlay,
    Parameter,
    Places,
    Regime,
    Rule,
    State,
)

_ENTRY = (
    "from",
    "known_from",
    "value",
    "operator",
    "paragraph",
    "reference",
    "instrument",
    "grade",
    "enforcement",
)
_SOURCES, _ENFORCEMENT = "sources.yaml", "enforcement.yaml"


@dataclass(frozen=True, slots=True)
class Law:
    """Everything the rule files say, before any day is chosen."""

    rules: Mapping[str, Rule]
    regimes: Mapping[str, Regime]
    overlays: tuple[Overlay, ...]
    sources: Mapping[str, Source]
    text_read: date
    """Day of the codified text that was read last."""


def shipped() -> Path:
    """Return the folder of the rule tree in the package."""
    return Path(str(files("tonnage") / "data" / "rules"))


def read_law(folder: Path | None = None) -> Law:
    """Return the rule tree in `folder` (default: the one shipped).

    Raises
    ------
    DataError
        If a value lacks operator, reference, paragraph, instrument, grade, enforcement state or a
        date, or names a source or regime that is not there; the message lists every fault.
    """
    root = folder or shipped()
    faults: list[str] = []
    sources = _sources(_yaml(root / _SOURCES)["sources"], faults)
    enforcement = _yaml(root / _ENFORCEMENT)
    regimes = _regimes(enforcement["regimes"], sources, faults)
    rules: dict[str, Rule] = {}
    overlays: list[Overlay] = []
    for path in sorted(root.rglob("*.yaml")):
        if path.parent == root or path.parent.name == "reforms":
            continue
        read = _Reader(str(path.relative_to(root)), sources, regimes, faults)
        document = _yaml(path)
        if "overlays" in document:
            overlays += [found for item in document["overlays"] if (found := read.overlay(item))]
        else:
            rule = read.rule(document)
            rules[rule.id] = rule
    if faults:
        raise DataError("rule files:\n" + "\n".join(faults))
    read_day = enforcement["text_read"]
    return Law(rules, regimes, tuple(overlays), sources, read_day)


def _yaml(path: Path) -> Any:
    import yaml

    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    return yaml.load(path.read_text(encoding="utf-8"), Loader=loader)  # noqa: S506


def _sources(data: Mapping[str, Any], faults: list[str]) -> dict[str, Source]:
    found = {}
    for key, entry in data.items():
        missing = [
            name for name in ("title", "cite", "url", "published", "grade") if name not in entry
        ]
        if missing:
            faults.append(f"{_SOURCES}: {key}: lacks {', '.join(missing)}")
            continue
        found[key] = Source(
            key, entry["title"], entry["url"], entry["published"], note=str(entry["cite"])
        )
    return found


def _regimes(
    data: Mapping[str, Any], sources: Mapping[str, Source], faults: list[str]
) -> dict[str, Regime]:
    found = {}
    for key, entry in data.items():
        states = []
        for state in entry["states"]:
            if state.get("reference") not in sources:
                faults.append(
                    f"{_ENFORCEMENT}: {key}: unknown reference {state.get('reference')!r}"
                )
                continue
            states.append(
                State(
                    state["from"],
                    state["known_from"],
                    state["state"],
                    sources[state["reference"]],
                    Grade(state["grade"]),
                    state.get("note", ""),
                )
            )
        found[key] = Regime(key, entry["title"], tuple(states))
    return found


def places(data: Mapping[str, Any]) -> Places:
    """Return a scope written as groups, except_groups, countries and worldwide."""
    return Places(
        tuple(data.get("groups", ())),
        tuple(data.get("except_groups", ())),
        tuple(data.get("countries", ())),
        bool(data.get("worldwide", False)),
    )


def entry_faults(
    entry: Mapping[str, Any], sources: Mapping[str, Source], regimes: Mapping[str, Regime]
) -> Iterator[str]:
    """Yield what an entry lacks or names wrongly; empty for one that may load."""
    for name in _ENTRY:
        if name not in entry or (entry[name] in (None, "") and name != "value"):
            yield f"lacks {name}"
    for name in ("from", "known_from", "compliance_from"):
        if name in entry and type(entry[name]) is not date:
            yield f"{name} = {entry[name]!r} is not a day"
    for name in ("reference", "instrument"):
        if entry.get(name) and entry[name] not in sources:
            yield f"{name} = {entry[name]!r} is not in {_SOURCES}"
    if entry.get("operator") and entry["operator"] not in OPERATORS:
        yield f"operator = {entry['operator']!r} is none of {', '.join(OPERATORS)}"
    if entry.get("operator") in COMPARE and not _is_number(entry.get("value")):
        yield f"value = {entry.get('value')!r} is not a number"
    if (entry.get("value") is None) != (entry.get("operator") == ENDS):
        yield "only an entry with operator 'ends' has no value"
    if entry.get("grade") and entry["grade"] not in list(Grade):
        yield f"grade = {entry['grade']!r} is none of P, Q, S, K"
    if entry.get("enforcement") and entry["enforcement"] not in regimes:
        yield f"enforcement = {entry['enforcement']!r} is not in {_ENFORCEMENT}"


def _is_number(value: object) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool)


class _Reader:
    """Turns one file's data into rules and overlays, noting every fault."""

    def __init__(
        self,
        file: str,
        sources: Mapping[str, Source],
        regimes: Mapping[str, Regime],
        faults: list[str],
    ) -> None:
        self._file = file
        self._sources = sources
        self._regimes = regimes
        self._faults = faults

    def rule(self, data: Mapping[str, Any]) -> Rule:
        parameters = {key: self._parameter(key, entry) for key, entry in data["parameters"].items()}
        return Rule(str(data["rule"]), str(data["title"]), str(data["citation"]), parameters)

    def _parameter(self, key: str, data: Mapping[str, Any]) -> Parameter:
        found = []
        for entry in data["values"]:
            faults = list(entry_faults(entry, self._sources, self._regimes))
            day = entry.get("from", "no day")
            self._faults += [f"{self._file}: {key} ({day}): {fault}" for fault in faults]
            if not faults:
                found.append(dated(entry, self._sources))
        return Parameter(
            key,
            data["quantity"],
            data["unit"],
            data["says"],
            tuple(sorted(found, key=lambda entry: entry.effective)),
            tuple(data.get("linked", ())),
        )

    def overlay(self, data: Mapping[str, Any]) -> Overlay | None:
        needed = ("id", "kind", "from", "known_from", "says", "reference", "grade", "destinations")
        missing = [name for name in needed if not data.get(name)]
        if not missing and data["reference"] not in self._sources:
            missing = [f"a source named {data['reference']!r}"]
        if missing:
            self._faults.append(f"{self._file}: {data.get('id')}: lacks {', '.join(missing)}")
            return None
        tests = data.get("tests", {})
        scope = {
            name: places(data[name])
            for name in ("headquarters", "maker_headquarters", "not_maker_headquarters")
            if name in data
        }
        return Overlay(
            id=data["id"],
            kind=data["kind"],
            effective=data["from"],
            known_from=data["known_from"],
            until=data.get("until"),
            says=data["says"],
            source=self._sources[data["reference"]],
            grade=Grade(data["grade"]),
            destinations=places(data["destinations"]),
            until_known_from=data.get("until_known_from"),
            addressees=tuple(data.get("addressees", ())),
            chips=tuple(data.get("chips", ())),
            classes=tuple(data.get("classes", ())),
            needs_headquarters=data.get("needs_headquarters", False),
            any_of=tuple(tests.get("any", ())),
            all_of=tuple(tests.get("all", ())),
            datacenter_only=tests.get("datacenter", False),
            licence=data.get("licence", False),
            enforcement=data.get("enforcement", "enforced"),
            buyers=data.get("buyers", ""),
            note=data.get("note", ""),
            **scope,
        )


def dated(entry: Mapping[str, Any], sources: Mapping[str, Source]) -> Dated:
    """Return an entry whose faults were checked."""
    value: Any = entry["value"]
    if isinstance(value, list):
        value = tuple(str(item) for item in value)
    elif isinstance(value, dict):
        value = places(value)
    return Dated(
        effective=entry["from"],
        known_from=entry["known_from"],
        value=value,
        operator=entry["operator"],
        paragraph=str(entry["paragraph"]),
        reference=sources[entry["reference"]],
        instrument=sources[entry["instrument"]],
        grade=Grade(entry["grade"]),
        enforcement=entry["enforcement"],
        compliance=entry.get("compliance_from", entry["from"]),
        note=entry.get("note", ""),
    )
