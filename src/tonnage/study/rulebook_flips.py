"""Which parts of a chip's answer change between two laws, days or thresholds."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from tonnage.catalog import Chip
from tonnage.rules import Verdict


@dataclass(frozen=True, slots=True)
class Flip:
    """A chip whose answer changes: what of it, from what to what."""

    chip: str
    what: str
    before: str
    after: str


def answers(verdict: Verdict) -> dict[str, str]:
    """Return the parts of a verdict whose change is told."""
    said = {True: "required", False: "not required", None: "unknown"}
    kinds = {"notice": verdict.notices, "buyer side": verdict.buyer_side}
    return {
        "class": verdict.class_id,
        "licence_required": said[verdict.licence_required],
        "licence_by_notice": said[verdict.licence_by_notice],
        "exceptions": ", ".join(found.id for found in verdict.exceptions) or "none",
        "review_policy": _policy(verdict),
        "enforcement": verdict.enforcement,
        "buyer_side": ", ".join(found.id for found in kinds["buyer side"]) or "none",
        "tariff": ", ".join(d.band for d in verdict.tariff if d.applies) or "none",
    }


def _policy(verdict: Verdict) -> str:
    """Return the review policy without the figures that it waits for."""
    policy, conditional, _ = (verdict.review_policy or "none").partition(" if ")
    return f"{policy}, if figures not public allow" if conditional else policy


def flips_of(chip: Chip, before: Mapping[str, str], after: Mapping[str, str]) -> list[Flip]:
    """Return the parts of a chip's answer that differ."""
    return [
        Flip(chip.id, key, before[key], after[key]) for key in before if before[key] != after[key]
    ]
