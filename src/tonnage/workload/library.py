"""The models that have a name, and how a name finds one."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import Any

from tonnage.dates import parse_day
from tonnage.errors import AmbiguousName, DataError, UnknownName
from tonnage.provenance import Source
from tonnage.workload.model import Model
from tonnage.workload.shape import model_from_words

NEAREST = 5
"""Names that a message about an unknown name offers."""
BILLION = 1e9


@dataclass(frozen=True, slots=True)
class ModelEntry:
    """A named model: its shape, and what its makers state of it."""

    model: Model
    family: str
    maker: str
    aliases: tuple[str, ...]
    released: date
    source: Source
    published_params: float
    published_active: float | None = None
    note: str = ""


@dataclass(frozen=True, slots=True)
class Models:
    """The named models known on a day, in the order of their data files."""

    entries: tuple[ModelEntry, ...]
    by_key: Mapping[str, ModelEntry]

    def __iter__(self) -> Iterator[ModelEntry]:
        return iter(self.entries)

    def __len__(self) -> int:
        return len(self.entries)

    def find(self, name: str) -> ModelEntry:
        """Return the model that `name` means; case, separators and tuning suffixes do not matter.

        Raises
        ------
        UnknownName, AmbiguousName
            If none or several answer; the message lists candidates.

        Examples
        --------
        >>> load_models().find("meta-llama/Llama-3.1-70B-Instruct").model.id
        'llama-3.1-70b'
        """
        for form in _forms(name):
            found = self.by_key.get(_key(form))
            if found is not None:
                return found
        return self._by_words(name)

    def _by_words(self, name: str) -> ModelEntry:
        wanted = _words(_forms(name)[-1])
        hits = [entry for entry in self.entries if wanted and wanted <= _words_of(entry)]
        if len(hits) == 1:
            return hits[0]
        if hits:
            ids = ", ".join(entry.model.id for entry in hits[: 3 * NEAREST])
            raise AmbiguousName.of("model", name, f"several models answer to it: {ids}")
        near = ", ".join(self._nearest(name))
        mend = f"no such model; near: {near}. See `tonnage models list`, or give a config.json"
        raise UnknownName.of("model", name, mend)

    def _nearest(self, name: str) -> list[str]:
        from rapidfuzz import fuzz, process

        keys = process.extract(_key(name), list(self.by_key), scorer=fuzz.WRatio, limit=4 * NEAREST)
        ids = dict.fromkeys(self.by_key[key].model.id for key, _, _ in keys)
        return list(ids)[:NEAREST]


@cache
def load_models(as_of: date | None = None) -> Models:
    """Return the named models released on or before `as_of` (all of them if it is `None`)."""
    entries = [entry for entry in _all_entries() if as_of is None or entry.released <= as_of]
    by_key: dict[str, ModelEntry] = {}
    for entry in entries:
        for name in (entry.model.id, entry.model.name, *entry.aliases):
            other = by_key.setdefault(_key(name), entry)
            if other is not entry:
                message = f"{name} names both {other.model.id} and {entry.model.id}"
                raise DataError(message)
    return Models(tuple(entries), by_key)


def find_model(name: str, as_of: date | None = None) -> Model:
    """Return the shape of a named model (`Models.find` says how names match)."""
    return load_models(as_of).find(name).model


def entry_of(model: Model) -> ModelEntry | None:
    """Return the entry of a named model, `None` for one that was read from a file."""
    found = load_models().by_key.get(_key(model.id))
    return found if found is not None and found.model == model else None


def resolve_model(text: str, as_of: date | None = None) -> Model:
    """Return a named model, or the one that a `config.json` or a folder with one describes.

    A text that ends in `.json` or is a folder or file that exists is a path; all else is a name.
    """
    if text.lower().endswith(".json") or Path(text).exists():
        from tonnage.workload.huggingface import read_model

        return read_model(text)
    return find_model(text, as_of)


_TUNINGS = {
    "instruct", "chat", "base", "hf", "it", "fp8", "fp4", "nvfp4", "bf16", "fp16", "int8", "int4",
    "awq", "gptq", "w8a8", "w4a16", "pt", "sft", "preview", "dynamic", "mxfp4", "quantized",
    "static", "pertensor", "block", "8k", "4k", "32k", "128k", "thinking", "2501", "2507",
}  # fmt: skip


def _forms(name: str) -> list[str]:
    """Return the name, and the name without maker's path, `Meta-` and tuning suffixes."""
    bare = name.strip().rsplit("/", 1)[-1].lower()
    bare = re.sub(r"^(meta|nvidia)[-_ ]", "", bare)
    parts = [part for part in re.split(r"[-_\s]+", bare) if part]
    while len(parts) > 1 and parts[-1] in _TUNINGS:
        parts.pop()
    return [name, "-".join(parts)]


def _key(name: str) -> str:
    return re.sub(r"[^a-z0-9.+α]", "", name.lower())


def _words(name: str) -> frozenset[str]:
    spaced = re.sub(r"(?<=[a-z])(?=\d)", " ", name.lower())
    return frozenset(word for word in re.split(r"[^a-z0-9.+]+", spaced) if word)


@cache
def _words_of(entry: ModelEntry) -> frozenset[str]:
    return _words(entry.model.id) | _words(entry.model.name)


@cache
def _all_entries() -> tuple[ModelEntry, ...]:
    import yaml

    loader: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    entries: list[ModelEntry] = []
    for path in sorted(files("tonnage.data.models").iterdir(), key=lambda item: item.name):
        if path.name.endswith(".yaml"):
            table = yaml.load(path.read_text(encoding="utf-8"), Loader=loader)  # noqa: S506
            sources = table.get("sources", {})
            for ident, words in table["models"].items():
                entries.append(_entry(ident, words, table, sources))
    return tuple(entries)


def _entry(
    ident: str, words: Mapping[str, Any], table: Mapping[str, Any], sources: Mapping[str, str]
) -> ModelEntry:
    missing = {"name", "released", "source", "published_b", "shape"} - set(words)
    if missing:
        message = f"model {ident}: missing {sorted(missing)}"
        raise DataError(message)
    told = sources.get(words["source"], words["source"])
    link = told if told.startswith("https://") else ""
    title = "configuration of the released weights" if link else told
    released = parse_day(words["released"])
    active = words.get("active_b")
    return ModelEntry(
        model=model_from_words(ident, words["name"], {**table["defaults"], **words["shape"]}),
        family=words.get("family", table["family"]),
        maker=words.get("maker", table["maker"]),
        aliases=tuple(words.get("aliases", ())),
        released=released,
        source=Source(id=f"model:{ident}", title=title, url=link, published=released),
        published_params=words["published_b"] * BILLION,
        published_active=None if active is None else active * BILLION,
        note=words.get("note", ""),
    )
