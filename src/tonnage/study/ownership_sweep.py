"""How the cost of a cluster moves with its terms: one answer for every point of a grid."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from concurrent.futures import Executor
from dataclasses import dataclass, fields, replace
from datetime import date
from itertools import product
from typing import Any

from tonnage.catalog import Chip
from tonnage.cost import BreakEven, Terms
from tonnage.errors import InputError
from tonnage.provenance import Spread
from tonnage.study.ownership import total_cost
from tonnage.sweep import sweep

MOST_POINTS = 10_000
VARIED = tuple(f.name for f in fields(Terms) if f.name != "country")
"""Terms that may be varied."""


@dataclass(frozen=True, slots=True)
class _Point:
    chip: str | Chip
    chips: int
    terms: Terms
    on: date | str | None
    as_of: date | str | None


@dataclass(frozen=True, slots=True)
class CostFigures:
    """What a sweep keeps of a `TotalCost`; plain numbers, so that it may come from afar."""

    capex: Spread
    opex_per_month: Spread
    usd_per_chip_hour: Spread
    break_even: BreakEven | None


@dataclass(frozen=True, slots=True)
class CostPoint:
    """The varied terms of one point, and the cost there; `why` says why there is none."""

    varied: Mapping[str, float]
    cost: CostFigures | None
    why: str = ""


@dataclass(frozen=True, slots=True)
class CostSweep:
    """The costs of a grid of terms, the last varied term changing fastest."""

    names: tuple[str, ...]
    points: tuple[CostPoint, ...]

    def to_frame(self) -> dict[str, list[Any]]:
        """Return the points as columns, as `pandas.DataFrame` takes them."""
        columns: dict[str, list[Any]] = {
            name: [point.varied[name] for point in self.points] for name in self.names
        }
        for end in ("p10", "p50", "p90"):
            columns[f"usd_per_chip_hour_{end}"] = [
                getattr(p.cost.usd_per_chip_hour, end) if p.cost else None for p in self.points
            ]
        columns["capex_p50"] = [p.cost.capex.p50 if p.cost else None for p in self.points]
        columns["break_even_months_p50"] = [
            p.cost.break_even.to_dict()["p50"] if p.cost and p.cost.break_even else None
            for p in self.points
        ]
        return columns


def cost_sweep(
    chip: str | Chip,
    chips: int,
    vary: Mapping[str, Sequence[float]],
    *,
    terms: Terms | None = None,
    on: date | str | None = None,
    as_of: date | str | None = None,
    executor: Executor | None = None,
) -> CostSweep:
    """Return the cost at every combination of varied terms.

    Parameters
    ----------
    chip, chips, terms, on, as_of
        As `total_cost`.
    vary
        Values by term (`VARIED`), such as `{"utilisation": [0.3, 0.6, 0.9]}`.
    executor
        Where the points are computed; by default here, one after another. Executors of other
        processes need the chip by its name.

    Raises
    ------
    InputError
        If a term cannot be varied, a value is out of range, or the grid is too large.
    """
    names = tuple(vary)
    for name in names:
        if name not in VARIED:
            raise InputError.of("vary", name, f"one of {', '.join(VARIED)}")
        if not vary[name]:
            raise InputError.of("vary", name, "give at least one value")
    grid = list(product(*(vary[name] for name in names)))
    if len(grid) > MOST_POINTS:
        raise InputError.of("vary", len(grid), f"{MOST_POINTS:,} points at most")
    base = terms or Terms()
    points = [_Point(chip, chips, _moved(base, names, values), on, as_of) for values in grid]
    found = [
        CostPoint(dict(zip(names, values, strict=True)), outcome.value, str(outcome.error or ""))
        for values, outcome in zip(grid, sweep(_cost, points, executor), strict=True)
    ]
    return CostSweep(names, tuple(found))


def _moved(base: Terms, names: Sequence[str], values: Sequence[float]) -> Terms:
    moved: dict[str, Any] = dict(zip(names, values, strict=True))
    return replace(base, **moved)


def _cost(point: _Point) -> CostFigures:
    found = total_cost(point.chip, point.chips, terms=point.terms, on=point.on, as_of=point.as_of)
    owned = found.owned
    return CostFigures(owned.capex, owned.opex_per_month, owned.usd_per_chip_hour, found.break_even)
