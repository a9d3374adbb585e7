"""Two clusters against each other: cost and power, with what they share taken once."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from tonnage.cost.ledger import ledger
from tonnage.cost.ownership import Ownership
from tonnage.cost.through import draws, percentile
from tonnage.provenance import Spread


@dataclass(frozen=True, slots=True)
class Comparison:
    """One cluster over another."""

    cost: Spread
    """Full cost a month: running, depreciation, cost of money."""
    capex: Spread
    power: Spread
    """Rated power at the servers' inlets."""


def compare(ours: Ownership, theirs: Ownership, count: Spread) -> Comparison:
    """Return our cluster over theirs, `count` of our chips standing against one of theirs.

    Each of 255 joint draws takes an input that both sides have from one source (tariff, PUE, rates,
    adders of the same form) once, so that its doubt cancels; a chip against itself gives exactly 1.
    """
    common = {n for n, f in ours.inputs.items() if theirs.inputs.get(n) == f}
    inputs: dict[str, Spread] = {n: ours.inputs[n].value for n in sorted(common)}
    for side, owned in (("ours", ours), ("theirs", theirs)):
        own_inputs = {n: f.value for n, f in owned.inputs.items() if n not in common}
        inputs |= {f"{side} {name}": value for name, value in own_inputs.items()}
    inputs["count"] = count
    ratios: dict[str, list[float]] = {"month": [], "capex": [], "rated_w": []}
    for drawn in draws(inputs):
        our_bill = _bill("ours", ours, drawn)
        their_bill = _bill("theirs", theirs, drawn)
        for name, found in ratios.items():
            found.append(drawn["count"] * our_bill[name] / their_bill[name])
    return Comparison(*(_spread(ratios[name]) for name in ("month", "capex", "rated_w")))


def _bill(side: str, owned: Ownership, drawn: Mapping[str, float]) -> dict[str, float]:
    x = {n: drawn[n] if n in drawn else drawn[f"{side} {n}"] for n in owned.inputs}
    bill = ledger(x, owned.terms.years, owned.terms.utilisation)
    return {**bill, "rated_w": x["rated_w"]}


def _spread(values: list[float]) -> Spread:
    ordered = sorted(values)
    return Spread(*(percentile(ordered, share) for share in (0.1, 0.5, 0.9)))
