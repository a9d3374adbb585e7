"""Reading what users give and writing what they keep.

A file that a user names may be missing, a folder, unreadable, huge, not text, or a YAML bomb. Each
gives one `InputError` that names the file as the user wrote it. Writing is atomic: the old file
stays whole until the new one is.
"""

from __future__ import annotations

import os
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tonnage.errors import Fault, InputError

LARGEST_INPUT_BYTES = 64 * 2**20
LARGEST_YAML_BYTES = 4 * 2**20
DEEPEST_YAML = 40


def read_text(path: str | Path, largest_bytes: int = LARGEST_INPUT_BYTES) -> str:
    """Return the UTF-8 text of a user's file (a byte-order mark is dropped).

    Raises
    ------
    InputError
        If the file is missing, a folder, unreadable, larger than `largest_bytes` or not UTF-8.
    """
    shown, file = str(path), Path(path)
    if not shown.strip():
        raise InputError.of("file", shown, "no name given; name a file")
    try:
        if file.is_dir():
            raise InputError.of("file", shown, "this is a folder; name a file in it")
        if not file.exists():
            raise InputError.of("file", shown, "no such file; check the path")
        if not file.is_file():
            raise InputError.of("file", shown, "not a regular file; save its content to one first")
        size = file.stat().st_size
        if size > largest_bytes:
            mend = f"{size / 2**20:.0f} MiB; the most read here is {largest_bytes / 2**20:.0f} MiB"
            raise InputError.of("file", shown, mend)
        raw = file.read_bytes()
    except (OSError, ValueError) as error:
        if isinstance(error, InputError):
            raise
        reason = getattr(error, "strerror", None) or "not a usable path"
        raise InputError.of("file", shown, f"cannot be read ({reason})") from None
    try:
        return raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        mend = f"not UTF-8 text (byte {error.start}); save it as UTF-8"
        raise InputError.of("file", shown, mend) from None


def write_text(path: str | Path, text: str) -> None:
    """Write `text` to `path` whole or not at all, keeping the former file until then.

    Raises
    ------
    InputError
        If the folder is missing or not writable.
    """
    file = Path(path)
    try:
        handle, temporary = tempfile.mkstemp(dir=file.parent, prefix=f".{file.name}.")
        try:
            with os.fdopen(handle, "w", encoding="utf-8") as stream:
                stream.write(text)
                stream.flush()
                os.fsync(stream.fileno())
            Path(temporary).chmod(0o644)
            Path(temporary).replace(file)
        except BaseException:
            Path(temporary).unlink(missing_ok=True)
            raise
    except OSError as error:
        mend = f"cannot be written ({error.strerror}); name a folder that exists and is writable"
        raise InputError.of("file", str(path), mend) from None


@dataclass(frozen=True, slots=True)
class YamlDocument:
    """A parsed YAML file and the line of each of its values, by path of keys and indices."""

    name: str
    data: Any
    lines: Mapping[tuple[str | int, ...], int] = field(repr=False)

    def where(self, path: tuple[str | int, ...] = ()) -> str:
        """Return `file:line` of the value at `path`, or of its nearest parent."""
        while path and path not in self.lines:
            path = path[:-1]
        return f"{self.name}:{self.lines.get(path, 1)}"


def read_yaml(path: str | Path) -> YamlDocument:
    """Return a user's YAML file as plain dicts, lists and scalars, with line numbers.

    Anchors, aliases, tags, duplicate keys, several documents and very deep nesting are refused:
    none is needed here and each can hide something from the reader.

    Raises
    ------
    InputError
        If the file cannot be read or breaks one of those rules.
    """
    return parse_yaml(read_text(path, LARGEST_YAML_BYTES), str(path))


def parse_yaml(text: str, name: str = "input") -> YamlDocument:
    """Return YAML `text` as `read_yaml` does; `name` stands in the messages."""
    import yaml

    loader = yaml.SafeLoader(text) if not hasattr(yaml, "CSafeLoader") else yaml.CSafeLoader(text)
    try:
        _refuse_aliases(text, name)
        node = loader.get_single_node()
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        line = mark.line + 1 if mark is not None else 1
        told = ", ".join(filter(None, (error.context, error.problem)))
        raise InputError.of("yaml", None, told, f"{name}:{line}") from None
    except yaml.YAMLError:
        raise InputError.of("yaml", None, "holds characters YAML does not allow", name) from None
    finally:
        loader.dispose()
    if node is None:
        raise InputError.of("file", name, "empty; `--help` and docs/how say what belongs in it")
    lines: dict[tuple[str | int, ...], int] = {}
    faults: list[Fault] = []
    data = _plain(node, (), lines, faults, name)
    if faults:
        raise InputError(faults)
    return YamlDocument(name, data, lines)


def _refuse_aliases(text: str, name: str) -> None:
    import yaml

    depth = 0
    for event in yaml.parse(text, Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader)):
        where = f"{name}:{event.start_mark.line + 1}" if event.start_mark else name
        if getattr(event, "anchor", None):
            raise InputError.of(
                "yaml", None, "anchors and aliases are not read; write it out", where
            )
        if isinstance(event, yaml.CollectionStartEvent):
            depth += 1
            if depth > DEEPEST_YAML:
                raise InputError.of("yaml", None, f"nested deeper than {DEEPEST_YAML}", where)
        elif isinstance(event, yaml.CollectionEndEvent):
            depth -= 1


def _plain(
    node: Any,
    path: tuple[str | int, ...],
    lines: dict[tuple[str | int, ...], int],
    faults: list[Fault],
    name: str,
) -> Any:
    import yaml

    lines[path] = node.start_mark.line + 1
    if isinstance(node, yaml.MappingNode):
        return _plain_mapping(node, path, lines, faults, name)
    if isinstance(node, yaml.SequenceNode):
        items = enumerate(node.value)
        return [_plain(item, (*path, i), lines, faults, name) for i, item in items]
    try:
        return yaml.constructor.SafeConstructor().construct_object(node, deep=True)
    except ValueError:
        return node.value  # such as 2025-13-01: left as text, the reader of the field says how
    except yaml.YAMLError:
        mend = "not a plain value; write a number, text, true, false or a day"
        faults.append(Fault(dotted(path), node.value, mend, f"{name}:{lines[path]}"))
        return None


def _plain_mapping(
    node: Any,
    path: tuple[str | int, ...],
    lines: dict[tuple[str | int, ...], int],
    faults: list[Fault],
    name: str,
) -> dict[str, Any]:
    import yaml

    result: dict[str, Any] = {}
    for key_node, value_node in node.value:
        where = f"{name}:{key_node.start_mark.line + 1}"
        if not isinstance(key_node, yaml.ScalarNode):
            faults.append(Fault(dotted(path), None, "a key must be plain text", where))
            continue
        key = key_node.value
        if key in result:
            mend = f"written twice (first on line {lines[(*path, key)]}); keep one"
            faults.append(Fault(dotted((*path, key)), None, mend, where))
        result[key] = _plain(value_node, (*path, key), lines, faults, name)
        lines[(*path, key)] = key_node.start_mark.line + 1
    return result


def dotted(path: tuple[str | int, ...]) -> str:
    """Return a path of keys as `a.b[2].c`.

    Examples
    --------
    >>> dotted(("futures", 2, "name"))
    'futures[2].name'
    """
    text = ""
    for part in path:
        text += f"[{part}]" if isinstance(part, int) else f".{part}" if text else str(part)
    return text or "document"
