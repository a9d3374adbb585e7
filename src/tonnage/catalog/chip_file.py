"""A chip of the user's own, written as YAML (`docs/how/chip-file.md` shows the format)."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import date, datetime
from difflib import get_close_matches
from pathlib import Path
from types import MappingProxyType
from typing import Annotated, Any, TypeVar

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError

from tonnage.catalog.chip import Chip, Value
from tonnage.catalog.quantity import QUANTITIES, Quantity
from tonnage.catalog.value import read_value
from tonnage.dates import parse_day, parse_partial_day
from tonnage.errors import Fault, InputError
from tonnage.files import YamlDocument, dotted, read_yaml
from tonnage.provenance import Confidence, Source, Sourced

At = tuple[str | int, ...]
_EXAMPLE = "see docs/how/chip-file.md for an example"


def _day(given: object) -> date:
    if isinstance(given, datetime):
        message = "write a day as YYYY-MM-DD, without a time"
        raise ValueError(message)
    try:
        return parse_day(given)
    except InputError as error:
        raise ValueError(error.faults[0].mend) from None


def _partial(given: object) -> date:
    if isinstance(given, date):
        return _day(given)
    try:
        return parse_partial_day(str(given))
    except (InputError, ValueError):
        message = "write YYYY, YYYY-MM or YYYY-MM-DD"
        raise ValueError(message) from None


Day = Annotated[date, BeforeValidator(_day)]
PartialDay = Annotated[date, BeforeValidator(_partial)]
Text = Annotated[str, Field(min_length=1, max_length=2000)]
Name = Annotated[str, Field(min_length=1, max_length=100)]


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True, frozen=True, str_strip_whitespace=True)


class _ChipIn(_Part):
    id: Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9-]{1,63}$")]
    name: Name
    vendor: Name
    headquarters: Annotated[str, Field(pattern=r"^[A-Z]{2}$")]
    family: Name = "own"
    aliases: list[Name] = []
    note: str = ""


class _SourceIn(_Part):
    title: Text
    url: Annotated[str, Field(pattern=r"^(https?://\S+)?$")] = ""
    published: PartialDay | None = None


class _DefaultsIn(_Part):
    source: str | None = None
    confidence: str | None = None
    known_from: Day | None = None


class _ValueIn(_Part):
    value: Any
    unit: str = ""
    source: str
    confidence: str
    known_from: Day
    note: str = ""
    low: float | None = None
    high: float | None = None


P = TypeVar("P", bound=_Part)


def read_chip_file(path: str | Path, as_of: date | None = None) -> Chip:
    """Return the chip that a YAML file describes, with what was known of it on `as_of`.

    Without `as_of` everything in the file counts.

    Raises
    ------
    InputError
        If the file cannot be read or anything in it is wrong; every fault at once, with its line.
    """
    reader = _Reader(read_yaml(path))
    chip = reader.chip()
    if as_of is None:
        return chip
    known = {q: v for q, v in chip.values.items() if v.known(as_of)}
    return Chip(
        chip.id,
        chip.name,
        chip.vendor,
        chip.family,
        chip.headquarters,
        chip.aliases,
        MappingProxyType(known),
        chip.note,
    )


class _Reader:
    """Walks one document and gathers its faults."""

    def __init__(self, document: YamlDocument) -> None:
        self.document = document
        self.faults: list[Fault] = []

    def chip(self) -> Chip:
        root = self._mapping((), self.document.data)
        for name in root.keys() - {"chip", "sources", "defaults", "values"}:
            self._fault((name,), None, "not a part of a chip file: chip, sources, defaults, values")
        header = self._part(("chip",), root.get("chip"), _ChipIn)
        defaults = self._part(("defaults",), root.get("defaults", {}), _DefaultsIn)
        sources = self._sources(root.get("sources"))
        values = self._values(root.get("values"), sources, defaults)
        if self.faults or header is None:
            raise InputError(sorted(self.faults, key=self._line))
        return Chip(
            header.id,
            header.name,
            header.vendor,
            header.family,
            header.headquarters,
            tuple(header.aliases),
            MappingProxyType(values),
            header.note,
        )

    def _line(self, fault: Fault) -> int:
        return int(fault.where.rpartition(":")[2])

    def _fault(self, at: At, value: object, mend: str) -> None:
        self.faults.append(Fault(dotted(at), value, mend, self.document.where(at)))

    def _mapping(self, at: At, given: object) -> Mapping[str, Any]:
        if isinstance(given, dict):
            return given
        self._fault(at, given, f"write `name: value` pairs here; {_EXAMPLE}")
        return {}

    def _part(self, at: At, given: object, model: type[P]) -> P | None:
        if not isinstance(given, dict):
            self._fault(at, given, f"write `name: value` pairs here; {_EXAMPLE}")
            return None
        try:
            return model.model_validate(given)
        except ValidationError as error:
            for found in error.errors(include_url=False):
                place = (*at, *found["loc"])
                missing = found["type"] == "missing"
                shown = None if missing else found["input"]
                self._fault(place, shown, _mend(found, model))
            return None

    def _sources(self, given: object) -> dict[str, Source]:
        sources = {}
        for name, entry in self._mapping(("sources",), given).items():
            part = self._part(("sources", name), entry, _SourceIn)
            if part is not None:
                sources[name] = Source(name, part.title, part.url, part.published)
            else:
                sources[name] = Source(name, name, "")
        return sources

    def _values(
        self, given: object, sources: Mapping[str, Source], defaults: _DefaultsIn | None
    ) -> dict[str, Sourced[Value]]:
        base = {} if defaults is None else defaults.model_dump(exclude_none=True)
        values = {}
        for name, entry in self._mapping(("values",), given).items():
            quantity = QUANTITIES.get(name)
            if quantity is None:
                near = get_close_matches(name, QUANTITIES, n=3) or sorted(QUANTITIES)
                self._fault(("values", name), None, f"no such quantity; {', '.join(near)}")
                continue
            filled = {**base, **entry} if isinstance(entry, dict) else entry
            stated = self._stated(quantity, filled, sources)
            if stated is not None:
                values[name] = stated
        return {name: values[name] for name in QUANTITIES if name in values}

    def _stated(
        self, quantity: Quantity, filled: Any, sources: Mapping[str, Source]
    ) -> Sourced[Value] | None:
        """Return one value; what is wrong with its form and with its meaning is told together."""
        before = len(self.faults)
        at: At = ("values", quantity.name)
        part = self._part(at, filled, _ValueIn)
        value = self._meaning(at, quantity, filled, sources) if isinstance(filled, dict) else None
        if part is not None and value is not None:
            self._check_ends(at, part, value)
        if part is None or value is None or len(self.faults) > before:
            return None
        return Sourced(
            value,
            quantity.unit,
            Confidence(part.confidence),
            sources[part.source],
            part.known_from,
            note=part.note,
            low=part.low,
            high=part.high,
        )

    def _meaning(
        self, at: At, quantity: Quantity, filled: dict[str, Any], sources: Mapping[str, Source]
    ) -> Value | None:
        value: Value | None = None
        if "value" in filled:
            try:
                value = read_value(filled["value"], quantity)
            except ValueError as error:
                self._fault((*at, "value"), filled["value"], str(error))
        unit = filled.get("unit", "")
        if unit != quantity.unit:
            mend = f"write {quantity.unit!r}" if quantity.unit else "leave the unit out"
            self._fault((*at, "unit"), unit or None, f"{quantity.name} has another unit; {mend}")
        source = filled.get("source")
        if isinstance(source, str) and source not in sources:
            self._fault((*at, "source"), source, "not under `sources`; add it there")
        confidence = filled.get("confidence")
        if isinstance(confidence, str) and confidence not in set(Confidence):
            self._fault((*at, "confidence"), confidence, f"one of {', '.join(Confidence)}")
        return value

    def _check_ends(self, at: At, part: _ValueIn, value: Value) -> None:
        if part.low is None and part.high is None:
            return
        if isinstance(value, (str, bool, date)):
            self._fault((*at, "low"), part.low, "only a number has a low and a high end")
            return
        low = value if part.low is None else part.low
        high = value if part.high is None else part.high
        if not 0 <= low <= value <= high < float("inf"):
            self._fault((*at, "low"), part.low, "low, value and high must be in this order")


def _mend(found: Mapping[str, Any], model: type[BaseModel]) -> str:
    kind = found["type"]
    if kind == "missing":
        return "missing; add it"
    if kind == "extra_forbidden":
        return f"no such field; the fields are {', '.join(model.model_fields)}"
    if kind == "value_error":
        return str(found["ctx"]["error"])
    if kind == "string_too_short":
        return "empty; write some text"
    if kind == "string_pattern_mismatch":
        return _PATTERNS.get(str(found["loc"][-1]), "not in the form that is wanted")
    return re.sub(r"^Input should be", "should be", str(found["msg"]))


_PATTERNS = {
    "id": "write 2 to 64 lower-case letters, digits and hyphens, such as acme-x1",
    "headquarters": "write an ISO 3166 alpha-2 code, such as CN",
    "url": "write an address with http:// or https://, or leave it out",
}
