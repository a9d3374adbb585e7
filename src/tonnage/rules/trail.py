"""Where each parameter of the tree takes part in an answer."""

from __future__ import annotations

from tonnage.rules.clause import CLAUSES, NOTE_2
from tonnage.rules.parameter import Places
from tonnage.rules.rulebook import Rulebook

_PARTS = {
    "742.6.licence": "licence requirement",
    "744.23.headquarters": "licence requirement",
    "742.6.review": "review policy",
    "744.23.review": "review policy",
    "742.6.lane": "review policy (lane of January 2026)",
    "748.dd": "conditions of the lane of January 2026",
    "740.8": "exceptions NAC and ACA",
    "740.25": "exception HBM, for memory stacks",
    "740.27": "exception AIA",
    "groups.AIA": "exception AIA",
    "740.28": "exception ACM",
    "740.29": "exception LPP",
    "740.s8": "approved parties in the Emirates",
    "748.15": "data-centre validated end users",
    "tariff": "import duty",
    "742.6.allocation": "country allocation, shown only",
    "3A090.c": "memory stacks",
    "3A090.note1": "foundry presumption, shown only",
    "744.11": "other limbs, shown only",
    "notice.2025.revenue_share": "reported licence terms, shown only",
}
"""Beginning of a parameter's id → the part of an answer that reads it."""


def uses(book: Rulebook, parameter: str) -> tuple[str, ...]:
    """Return the tests, scopes, notices and parts of an answer that read a parameter."""
    found = [
        f"test {clause.paragraph}"
        for clause in CLAUSES
        if parameter in {leg.parameter for leg in clause.legs}
    ]
    if parameter == NOTE_2.parameter:
        found.append("Note 2")
    found += [
        f"{overlay.kind} {overlay.id}"
        for overlay in book.overlays
        if parameter in (*overlay.any_of, *overlay.all_of)
    ]
    found += [text for start, text in _PARTS.items() if parameter.startswith(start)]
    if parameter.startswith("groups."):
        group = parameter.removeprefix("groups.")
        found += [other for other in book.parameters if _names_group(book, other, group)]
    return tuple(dict.fromkeys(found))


def _names_group(book: Rulebook, parameter: str, group: str) -> bool:
    scopes = (entry.value for entry in book.parameter(parameter).values)
    return any(
        group in (*scope.groups, *scope.except_groups)
        for scope in scopes
        if isinstance(scope, Places)
    )
