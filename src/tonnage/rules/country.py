"""Countries by code or name, and the code under which the rules see them."""

from __future__ import annotations

from functools import lru_cache

from tonnage.errors import UnknownName
from tonnage.rules.loading import shipped

TREATED_AS = {"HK": "CN"}
"""Hong Kong has been treated as China under the EAR since December 2020 (85 FR 83765; K)."""


@lru_cache(maxsize=1)
def _names() -> dict[str, str]:
    found: dict[str, str] = {}
    for line in (shipped() / "countries.tsv").read_text(encoding="utf-8").splitlines():
        if line.startswith("#"):
            continue
        code, name, *others = line.split("\t")
        for spelling in (code, name, *(others[0].split("|") if others else ())):
            found[_plain(spelling)] = code
    return found


@lru_cache(maxsize=1)
def _shown() -> dict[str, str]:
    lines = (shipped() / "countries.tsv").read_text(encoding="utf-8").splitlines()
    return dict(line.split("\t")[:2] for line in lines if not line.startswith("#"))


def _plain(text: str) -> str:
    return " ".join(text.casefold().replace("-", " ").replace(".", "").split())


def country(text: str, field: str = "country") -> str:
    """Return the ISO 3166-1 alpha-2 code of a country written as code or name.

    Raises
    ------
    UnknownName
        If no country is called so; the message lists the nearest names.

    Examples
    --------
    >>> country("china"), country("Hong Kong"), country("阿联酋")
    ('CN', 'HK', 'AE')
    """
    found = _names().get(_plain(str(text)))
    if found is None:
        from rapidfuzz import process

        near = [name for name, _, _ in process.extract(_plain(str(text)), list(_names()), limit=3)]
        shown = ", ".join(sorted({_names()[name] for name in near}))
        mend = f"no such country; write an ISO 3166 code such as CN or a name (nearest: {shown})"
        raise UnknownName.of(field, text, mend)
    return found


def country_name(code: str) -> str:
    """Return the English short name of a code."""
    return _shown().get(code, code)


def seen_as(code: str) -> str:
    """Return the code under which the rules treat a country: Hong Kong counts as China."""
    return TREATED_AS.get(code, code)
