"""From what pydantic found wrong to the project's own faults, with file, line and mend."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from difflib import get_close_matches
from typing import TYPE_CHECKING, Any, get_args

from tonnage.errors import Fault
from tonnage.files import YamlDocument, dotted

if TYPE_CHECKING:
    from pydantic import BaseModel
    from pydantic_core import ErrorDetails

Path = tuple[str | int, ...]

_MENDS = {
    "missing": "required, but not there",
    "string_type": "must be text; put it in quotes if it looks like a number or a day",
    "int_type": "must be a whole number",
    "float_type": "must be a number",
    "bool_type": "must be true or false",
    "dict_type": "must be a mapping of fields",
    "list_type": "must be a list: lines that begin with a dash",
    "too_short": "must have at least one entry",
    "model_type": "must be a mapping of fields",
    "union_tag_not_found": "needs its `kind`",
    "finite_number": "must be a finite number",
}


def faults_of(
    errors: Iterable[ErrorDetails], document: YamlDocument, schema: type[BaseModel]
) -> list[Fault]:
    """Return one fault an error, in the order of the file."""
    faults = []
    for error in errors:
        path = place(error["loc"], document.data)
        kind = error["type"]
        mend = _mend(error, fields_at(schema, error["loc"]) if kind == "extra_forbidden" else ())
        value = None if kind in {"missing", "extra_forbidden"} else error.get("input")
        shown = value if isinstance(value, str | int | float | bool) else None
        faults.append(Fault(dotted(path), shown, mend, document.where(path)))
    return faults


def _mend(error: ErrorDetails, known: Iterable[str]) -> str:
    kind, context = error["type"], error.get("ctx", {})
    if kind == "extra_forbidden":
        name = str(error["loc"][-1])
        near = get_close_matches(name, list(known), n=1)
        return (
            f"no such field here; did you mean `{near[0]}`?"
            if near
            else ("no such field here; it has " + ", ".join(sorted(known)))
        )
    if kind == "value_error":
        return str(context.get("error", error["msg"]))
    if kind in {"literal_error", "union_tag_invalid"}:
        return f"must be one of {context.get('expected') or context.get('expected_tags')}"
    if kind == "string_pattern_mismatch":
        return f"must look like {context.get('pattern')}"
    return _MENDS.get(kind, str(error["msg"]))


def place(location: Iterable[str | int], data: Any) -> Path:
    """Return a pydantic location without the names of union members, which no file has."""
    path: list[str | int] = []
    parts = list(location)
    for index, part in enumerate(parts):
        last = index == len(parts) - 1
        listed = isinstance(data, list) and isinstance(part, int) and part < len(data)
        if listed or (isinstance(data, Mapping) and part in data):
            data = data[part]
        elif not last or (isinstance(data, Mapping) and part == data.get("kind")):
            continue
        path.append(part)
    return tuple(path)


def fields_at(schema: type[BaseModel], location: Iterable[str | int]) -> tuple[str, ...]:
    """Return the fields that the parent of a location may have."""
    models: tuple[type[BaseModel], ...] = (schema,)
    for part in list(location)[:-1]:
        if isinstance(part, int):
            continue
        having = [model for model in models if part in model.model_fields]
        if having:
            models = tuple(
                m for model in having for m in _models(model.model_fields[part].annotation)
            )
        else:
            tagged = tuple(m for m in models if part in _tags(m))
            models = tagged or models
    return tuple(sorted({name for model in models for name in model.model_fields}))


def _models(annotation: Any) -> tuple[type[BaseModel], ...]:
    if hasattr(annotation, "model_fields"):
        return (annotation,)
    return tuple(model for part in get_args(annotation) for model in _models(part))


def _tags(model: type[BaseModel]) -> tuple[str, ...]:
    kind = model.model_fields.get("kind")
    return get_args(kind.annotation) if kind is not None else ()
