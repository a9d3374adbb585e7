"""From a scenario file to a `Scenario`, or to one message with everything that is wrong in it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tonnage.errors import Fault, InputError
from tonnage.files import YamlDocument, dotted, parse_yaml, read_yaml
from tonnage.scenario.faults import faults_of

if TYPE_CHECKING:
    from tonnage.scenario.scenario import Scenario
    from tonnage.scenario.schema import ScenarioIn

VERSION = "tonnage-scenario/1"


@dataclass(frozen=True, slots=True)
class Draft:
    """What of a file could be read: sound sections, and sound items of lists by their index."""

    document: YamlDocument
    folder: str
    sections: dict[str, Any]
    """Section → value, or list of (index, item); a section that is unsound is left out."""

    def one(self, section: str) -> Any:
        """Return a section, `None` if it is not sound."""
        return self.sections.get(section)

    def items(self, section: str) -> list[tuple[int, Any]]:
        """Return the sound items of a list with their index in the file."""
        found = self.sections.get(section, [])
        return found if isinstance(found, list) else []

    def raw_names(self, section: str, key: str = "name") -> list[str]:
        """Return every name in a list, also of items that are unsound otherwise."""
        data = self.document.data
        items = data.get(section) if isinstance(data, dict) else None
        rows = items if isinstance(items, list) else []
        return [str(row[key]) for row in rows if isinstance(row, dict) and key in row]

    def fault(self, path: tuple[str | int, ...], value: object, mend: str) -> Fault:
        """Return a fault at a place of the file."""
        return Fault(dotted(path), value, mend, self.document.where(path))


def read_scenario(path: str | Path, as_of: date | None = None) -> Scenario:
    """Return the scenario of a YAML file.

    `as_of` moves the scenario's own date; a number that became known later is then a fault.

    Raises
    ------
    InputError
        With every fault of the file at once: line, field, value and mend.

    Examples
    --------
    >>> read_scenario("examples/china-cloud-2024.yaml").name  # doctest: +SKIP
    'china-cloud-2024'
    """
    return _scenario(read_yaml(path), str(Path(path).parent), as_of)


def parse_scenario(text: str, name: str = "scenario", as_of: date | None = None) -> Scenario:
    """Return the scenario written in `text`, as `read_scenario` does for a file."""
    return _scenario(parse_yaml(text, name), "", as_of)


def scenario_schema() -> dict[str, Any]:
    """Return the JSON Schema (2020-12) of a scenario file."""
    from tonnage.scenario.schema import ScenarioIn

    schema = ScenarioIn.model_json_schema()
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", **schema}


def _scenario(document: YamlDocument, folder: str, as_of: date | None) -> Scenario:
    from tonnage.scenario.check import semantic_faults
    from tonnage.scenario.convert import converted
    from tonnage.scenario.schema import ScenarioIn

    _refuse_other_files(document)
    data = dict(document.data) if as_of is None else {**document.data, "as_of": as_of}
    faults: list[Fault] = []
    draft, whole = _validated(
        YamlDocument(document.name, data, document.lines), folder, ScenarioIn, faults
    )
    faults += semantic_faults(draft)
    if faults or whole is None:
        raise InputError(sorted(faults, key=_line))
    return converted(whole, folder)


def _line(fault: Fault) -> int:
    tail = fault.where.rpartition(":")[2]
    return int(tail) if tail.isdigit() else 0


def _refuse_other_files(document: YamlDocument) -> None:
    """Say one thing, not a hundred, when the file is no scenario at all."""
    data = document.data
    if not isinstance(data, dict):
        mend = "a scenario is a mapping of fields; see examples/china-cloud-2024.yaml"
        raise InputError.of("scenario", type(data).__name__, mend, document.where())
    if "tonnage" not in data:
        mend = f"the first line of a scenario is `tonnage: {VERSION}`"
        raise InputError.of("tonnage", None, mend, document.where())
    if data["tonnage"] != VERSION:
        mend = f"this release reads `{VERSION}`"
        raise InputError.of("tonnage", data["tonnage"], mend, document.where(("tonnage",)))


def _validated(
    document: YamlDocument, folder: str, schema: type[ScenarioIn], faults: list[Fault]
) -> tuple[Draft, ScenarioIn | None]:
    """Return the sound parts, and the whole if all of it is sound; add to `faults`."""
    from pydantic import ValidationError

    try:
        whole = schema.model_validate(document.data)
    except ValidationError as error:
        errors = error.errors(include_url=False)
        faults += faults_of(errors, document, schema)
        return _sound(document, folder, schema, [e["loc"] for e in errors]), None
    sections = {name: _indexed(getattr(whole, name)) for name in schema.model_fields}
    return Draft(document, folder, sections), whole


def _indexed(value: Any) -> Any:
    return list(enumerate(value)) if isinstance(value, list) else value


def _sound(
    document: YamlDocument,
    folder: str,
    schema: type[ScenarioIn],
    unsound: list[tuple[int | str, ...]],
) -> Draft:
    from pydantic import TypeAdapter

    whole_off = {loc[0] for loc in unsound if len(loc) < 2 or not isinstance(loc[1], int)}
    items_off = {(loc[0], loc[1]) for loc in unsound if len(loc) > 1}
    sections: dict[str, Any] = {}
    for name, field in schema.model_fields.items():
        if name in whole_off or name not in document.data:
            continue
        raw = document.data[name]
        if isinstance(raw, list):
            kept = [(i, item) for i, item in enumerate(raw) if (name, i) not in items_off]
            reader: Any = TypeAdapter[Any](field.rebuild_annotation())
            sections[name] = [(i, reader.validate_python([item])[0]) for i, item in kept]
        else:
            reader = TypeAdapter[Any](field.rebuild_annotation())
            sections[name] = reader.validate_python(raw)
    return Draft(document, folder, sections)
