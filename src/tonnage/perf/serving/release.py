"""Which serving engines were known on a day, and on whose chips they run."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from functools import lru_cache
from importlib.resources import files as package_files
from typing import Any

from tonnage.dates import parse_day
from tonnage.errors import DataError, InputError
from tonnage.files import parse_yaml
from tonnage.perf.serving.engine import Engine, EngineEntry, engine_entries, find_engine


@dataclass(frozen=True, slots=True)
class Release:
    """What is known of a class of engines beside its constants."""

    known: date
    """Day of the first release of the class."""
    release: str
    makers: tuple[str, ...]
    """Makers on whose chips alone it runs; empty where that is not limited."""
    instead: Mapping[str, str]
    """Maker on whose chips another engine of the name runs → that engine."""
    caches: tuple[str, ...]
    """Formats of the cache that its documentation names; empty where none was read."""
    source: str
    caches_source: str


@lru_cache(maxsize=1)
def releases() -> Mapping[str, Release]:
    """Return the releases by engine id.

    Raises
    ------
    DataError
        If an engine of `data/engines` has no entry, or an entry no source.
    """
    path = package_files("tonnage.data") / "releases" / "serving_engines.yaml"
    data = parse_yaml(path.read_text(encoding="utf-8"), path.name).data
    absent = set(engine_entries()) - set(data["engines"])
    if absent:
        message = f"{path.name}: no entry for {', '.join(sorted(absent))}"
        raise DataError(message)
    return {name: _release(name, told, data["sources"]) for name, told in data["engines"].items()}


def _release(name: str, told: Mapping[str, Any], sources: Mapping[str, str]) -> Release:
    if not told.get("source") or (told.get("caches") and not told.get("caches_source")):
        message = f"serving_engines.yaml: {name} lacks a source"
        raise DataError(message)
    cited = {key: sources.get(told.get(key, ""), told.get(key, "")) for key in _CITED}
    return Release(
        known=parse_day(told["known"]),
        release=told["release"],
        makers=tuple(told.get("makers", ())),
        instead=dict(told.get("not_on", {})),
        caches=tuple(told.get("caches", ())),
        **cited,
    )


_CITED = ("source", "caches_source")


def engine_known(name: str | None, vendor: str, as_of: date) -> Engine:
    """Return the engine of that name for a maker's chips, in the newest class known by `as_of`.

    A name with a version means that version's class. Without a name: the usual engine of the
    maker, and its first class where none was known by then.

    Raises
    ------
    UnknownName
        If no engine answers to the name.
    InputError
        If it does not run on the maker's chips, or was not known by then.
    """
    asked = find_engine(name, vendor=vendor)
    instead = releases()[asked.id].instead.get(vendor)
    if instead is not None:
        asked = find_engine(instead, vendor=vendor)
    makers = releases()[asked.id].makers
    if name and makers and vendor not in makers:
        mend = f"{asked.name} runs on chips of {' and '.join(makers)} alone, not of {vendor}"
        raise InputError.of("framework", name, f"{mend}; {_usable(vendor, as_of)}")
    line = _line(asked, vendor)
    known = [entry for entry in line if releases()[entry.engine.id].known <= as_of]
    versioned = name is not None and (name in engine_entries() or re.search(r"\d+\.\d", name))
    if versioned and releases()[asked.id].known <= as_of:
        return asked
    if name is None:
        return (known or line[:1])[-1].engine
    if versioned or not known:
        told = releases()[asked.id if versioned else line[0].engine.id]
        mend = f"known from {told.known} ({told.release}), not by {as_of}"
        raise InputError.of("framework", name, f"{mend}; {_usable(vendor, as_of)}")
    return known[-1].engine


def _line(engine: Engine, vendor: str) -> list[EngineEntry]:
    """Return the classes of one engine on a maker's chips, older first."""
    entries = engine_entries()
    pattern = entries[engine.id].pattern
    line = [e for e in entries.values() if e.pattern == pattern]
    fit = [e for e in line if not releases()[e.engine.id].makers
           or vendor in releases()[e.engine.id].makers]  # fmt: skip
    return fit or line


def _usable(vendor: str, as_of: date) -> str:
    """Say which engines would do."""
    fit = [e.engine.id for e in engine_entries().values()
           if (told := releases()[e.engine.id]).known <= as_of and vendor not in told.instead
           and (not told.makers or vendor in told.makers)]  # fmt: skip
    return f"name one of {', '.join(fit)}" if fit else "none that is known here was"
