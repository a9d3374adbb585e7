"""Finding a chip by the names people and papers print.

A name is compared by its letters and digits alone, without case, blanks, hyphens and the words that
say only who made it. A name that one chip owns wins over one that several share; a name that
several share, such as the family of some bins, is ambiguous and lists them.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from tonnage.errors import AmbiguousName, UnknownName

_WORD = re.compile(r"[a-z0-9]+|[\u3400-\u9fff]+")
_BRACKETS = re.compile(r"\([^()]*\)")
_MAKERS = frozenset({
    "nvidia", "amd", "intel", "huawei", "google", "aws", "amazon", "baidu", "alibaba", "ascend",
    "geforce", "tesla", "instinct", "radeon", "gpu", "gpus", "npu", "npus", "accelerator",
})  # fmt: skip
_MAKERS_CHINESE = re.compile(
    "华为|華為|昇腾|升腾|昇騰|英伟达|輝達|英特尔|百度|阿里巴巴|阿里|谷歌|显卡|芯片"
)
_LONGEST = 120
"""Characters of a name that are read; labels of papers are shorter."""
_NEAREST = 5


def words(name: str) -> tuple[str, ...]:
    """Return the words that tell chips apart, in order.

    Examples
    --------
    >>> words("NVIDIA A100-SXM4-80GB")
    ('a100', 'sxm4', '80gb')
    >>> words("昇腾910B")
    ('910b',)
    """
    plain = unicodedata.normalize("NFKC", name[:_LONGEST]).casefold()
    found = _WORD.findall(_MAKERS_CHINESE.sub(" ", plain))
    return tuple(word for word in found if word not in _MAKERS)


def key(name: str) -> str:
    """Return the form in which names are compared.

    Examples
    --------
    >>> key("RTX 4090 D") == key("rtx4090d")
    True
    """
    return "".join(words(name))


@dataclass(frozen=True, slots=True)
class Names:
    """Names of one chip: `own` are its alone, `shared` it has in common with sister chips."""

    id: str
    title: str
    own: tuple[str, ...] = ()
    shared: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class NameIndex:
    """Every name of the chips of one catalog."""

    as_of: str
    titles: Mapping[str, str]
    own: Mapping[str, str] = field(repr=False)
    """Key of a name → id of the one chip that owns it."""
    shared: Mapping[str, tuple[str, ...]] = field(repr=False)
    bags: Mapping[str, frozenset[str]] = field(repr=False)
    """Id → every word of its names."""

    @classmethod
    def of(cls, entries: Iterable[Names], as_of: str) -> NameIndex:
        """Return the index of chips; a later entry takes a name that an earlier one owned."""
        titles: dict[str, str] = {}
        own: dict[str, str] = {}
        shared: dict[str, tuple[str, ...]] = {}
        bags: dict[str, frozenset[str]] = {}
        for entry in entries:
            titles[entry.id] = entry.title
            owned = (entry.id, entry.title, *entry.own)
            own.update((key(name), entry.id) for name in owned)
            for spelled in dict.fromkeys(map(key, entry.shared)):
                shared[spelled] = (*shared.get(spelled, ()), entry.id)
            bags[entry.id] = frozenset(w for n in (*owned, *entry.shared) for w in words(n))
        return cls(as_of, titles, own, shared, bags)

    def all_of(self, name: str) -> tuple[str, ...]:
        """Return the ids that answer to a name: one, or every bin that shares it.

        Raises
        ------
        UnknownName
            If none does; the message lists the nearest.
        """
        for text in dict.fromkeys((name, _BRACKETS.sub(" ", name))):
            spelled = key(text)
            if spelled in self.own:
                return (self.own[spelled],)
            if spelled in self.shared:
                return self.shared[spelled]
        found = self._holding(set(words(name)))
        if not found:
            raise self._unknown(name)
        return found

    def one_of(self, name: str) -> str:
        """Return the id of the one chip that answers to a name.

        Raises
        ------
        UnknownName
            If none does.
        AmbiguousName
            If several do; the message lists them.
        """
        found = self.all_of(name)
        if len(found) > 1:
            listed = ", ".join(f"{self.titles[i]} ({i})" for i in found[:12])
            more = f" and {len(found) - 12} more" if len(found) > 12 else ""
            raise AmbiguousName.of(
                "chip", name, f"several chips answer to it; say which: {listed}{more}"
            )
        return found[0]

    def _holding(self, wanted: set[str]) -> tuple[str, ...]:
        """Return the chips whose names hold every word; lone numbers and letters do not count."""
        telling = any(
            w.isalnum() and not w.isdigit() and any(c.isdigit() for c in w) for w in wanted
        )
        if not telling:
            return ()
        return tuple(i for i, bag in self.bags.items() if wanted <= bag)

    def _unknown(self, name: str) -> UnknownName:
        near = self._nearest(name)
        hint = f"nearest: {', '.join(near)}" if near else "see `tonnage chips list`"
        mend = f"no chip of this name was known on {self.as_of}; {hint}"
        return UnknownName.of("chip", name, mend)

    def _nearest(self, name: str) -> list[str]:
        from rapidfuzz import fuzz, process

        best: dict[str, float] = {}
        for spelled, score, _ in process.extract(
            key(name), list(self.own), scorer=fuzz.WRatio, limit=20, score_cutoff=60
        ):
            best.setdefault(self.own[spelled], score)
        return [f"{self.titles[i]} ({i})" for i in list(best)[:_NEAREST]]
