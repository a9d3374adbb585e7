"""How the answer to `cost --vary` looks: JSON and a table."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tonnage.study.ownership_sweep import CostPoint, CostSweep

if TYPE_CHECKING:
    from rich.table import Table


def to_json(answer: CostSweep) -> dict[str, Any]:
    """Return the document of `cost --vary … --json`."""
    return {"vary": list(answer.names), "points": [_point(point) for point in answer.points]}


def _point(point: CostPoint) -> dict[str, Any]:
    cost = point.cost
    if cost is None:
        names = ("capex", "opex_per_month", "usd_per_chip_hour", "break_even_months")
        return {**point.varied, **dict.fromkeys(names), "why": point.why}
    return {
        **point.varied,
        "capex": cost.capex.to_dict(),
        "opex_per_month": cost.opex_per_month.to_dict(),
        "usd_per_chip_hour": cost.usd_per_chip_hour.to_dict(),
        "break_even_months": cost.break_even.to_dict() if cost.break_even else None,
        "why": "",
    }


def table(answer: CostSweep) -> Table:
    """Return one row a point: the varied terms, the cost of a used hour, the break-even."""
    from rich.table import Table

    found = Table(*answer.names, "USD per used chip-hour", "80 % interval", "pays after")
    for column in found.columns:
        column.justify = "right"
    for point in answer.points:
        values = [f"{point.varied[name]:g}" for name in answer.names]
        if point.cost is None:
            found.add_row(*values, "none", "", point.why)
            continue
        hour = point.cost.usd_per_chip_hour
        way = point.cost.break_even
        pays = "rent not known" if way is None else f"{way.p50:.0f} months" if way.pays else "never"
        found.add_row(*values, f"{hour.p50:.2f}", f"{hour.p10:.2f}–{hour.p90:.2f}", pays)
    return found
