"""Why nothing is feasible: the least set of limits to relax, and by how much, in words."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from scipy import sparse

from tonnage.planning.algebra import Programme
from tonnage.planning.axes import Bools, Floats, Ints
from tonnage.planning.draft import Draft
from tonnage.planning.problem import Problem, unit_of
from tonnage.planning.solver import Run, solve_programme

ENOUGH = 1e-6
SECONDS = 10.0
"""Time for each try."""
LARGE = 20_000
"""Columns above which a try goes to the interior point method."""


@dataclass(frozen=True, slots=True, eq=False)
class Limit:
    """One limit that could be relaxed: the rows or column bounds it consists of."""

    name: str
    rows: Ints
    columns: Ints
    node: Ints
    """[row or column] node that each belongs to."""
    scale: Floats
    """[row or column] size of the limit: relaxations count in shares of it."""
    unit: str
    factor: float
    """Units in one unit of the row or column."""


@dataclass(frozen=True, slots=True)
class Relaxation:
    """How far one limit must give way."""

    limit: str
    amount: float
    """Largest excess at any node, in `unit`."""
    unit: str
    period: int
    says: str


def least_relaxations(
    problem: Problem, programme: Programme, draft: Draft, whole: Bools
) -> tuple[tuple[Relaxation, ...], ...]:
    """Return the smallest sets of limits whose relaxation makes the problem feasible.

    Each set alone is enough. Singles first; when no single limit is enough, one set from which
    nothing can be left out. Empty when even giving way in all of them does not help (the given
    decisions contradict each other). Counts are whole where `whole` [column] says so, except in
    large problems.
    """
    if len(whole) > LARGE:
        whole = np.zeros_like(whole)
    limits = _limits(problem, programme, draft)
    singles = [(limit, _excess(programme, [limit], whole)) for limit in limits]
    enough = [_worded(problem, [limit], x) for limit, x in singles if x is not None]
    if enough:
        return tuple(enough)
    kept = list(limits)
    if _excess(programme, kept, whole) is None:
        return ()
    for limit in limits:
        rest = [other for other in kept if other is not limit]
        if _excess(programme, rest, whole) is not None:
            kept = rest
    found = _excess(programme, kept, whole)
    assert found is not None
    return (_worded(problem, kept, found),)


def explanation(sets: tuple[tuple[Relaxation, ...], ...], limit: int = 5) -> str:
    """Return the message of an infeasible problem."""
    if not sets:
        return "No plan meets all limits, and the decisions taken as given contradict each other."
    if len(sets) == 1:
        needed = "; and ".join(each.says for each in sets[0])
        return f"No plan meets all limits. Needed: {needed}."
    lines = "\n".join(f"- {each[0].says}" for each in sets[:limit])
    more = f"\n({len(sets) - limit} more would do as well.)" if len(sets) > limit else ""
    return f"No plan meets all limits. Any one of these would be enough:\n{lines}{more}"


def _limits(problem: Problem, programme: Programme, draft: Draft) -> list[Limit]:
    rows, found = programme.rows, []
    money, loads = draft.units.money, problem.loads
    nothing = np.zeros(0, dtype=np.int64)

    def add_rows(name: str, family: str, cap: Floats, unit: str, factor: float) -> None:
        if family in rows:
            at = np.flatnonzero(cap)
            size = np.maximum(np.abs(programme.row_high[rows[family]]), ENOUGH)
            found.append(Limit(name, rows[family], nothing, at, size, unit, factor))

    def add_columns(name: str, columns: Ints, at: Ints, unit: str, factor: float) -> None:
        size = np.maximum(programme.high[columns], 1.0)
        found.append(Limit(name, nothing, columns, at, size, unit, factor))

    for load, name in enumerate(loads.names):
        tight = np.flatnonzero(loads.unmet[:, load] < 1.0)
        if tight.size:
            spare = loads.training[load]
            scale = draft.units.speed[load] * (draft.units.span if spare else 1.0)
            unit = unit_of(loads, load)
            columns = programme.columns["short"][tight, load]
            add_columns(f"unmet {name}", columns, tight, unit, scale)
    site, cap = problem.limits, np.isfinite
    add_rows("power", "power", cap(site.power), "MW", _most(site.power) / 1e6)
    add_rows("floor space", "floor", cap(site.floor), "floor units", _most(site.floor))
    add_rows("budget", "budget", cap(site.budget), problem.currency, money)
    total = cap(site.budget_total)
    add_rows("budget to date", "budget_total", total, problem.currency, money)
    for chip, name in enumerate(problem.chips.names):
        at = np.flatnonzero(
            problem.purchase.allowed[:, chip] & cap(problem.purchase.supply[:, chip])
        )
        if at.size:
            columns, block = programme.columns["buy"][at, chip], problem.chips.block[chip]
            add_columns(f"supply of {name}", columns, at, "chips", block)
        at = np.flatnonzero(problem.rental.cap[:, chip] > 0)
        if at.size:
            columns, block = programme.columns["rent"][at, chip], problem.chips.block[chip]
            add_columns(f"rental of {name}", columns, at, "chips", block)
    return found


def _most(cap: Floats) -> float:
    return float(max(cap[np.isfinite(cap)].max(initial=0.0), 1e-9))


def _excess(programme: Programme, limits: list[Limit], whole: Bools) -> Floats | None:
    """Least excess of every row and column of the limits, in their own units; None if in vain."""
    rows = np.concatenate([limit.rows for limit in limits] or [np.zeros(0, int)])
    columns = np.concatenate([limit.columns for limit in limits] or [np.zeros(0, int)])
    weight = np.concatenate(
        [1.0 / limit.scale for limit in limits if limit.rows.size]
        + [1.0 / limit.scale for limit in limits if limit.columns.size]
        or [np.zeros(0)]
    )
    height, width = programme.matrix.shape
    ones, count = np.ones(rows.size), rows.size + columns.size
    give = sparse.csr_matrix((-ones, (rows, np.arange(rows.size))), shape=(height, count))
    caps = sparse.hstack([
        sparse.csr_matrix((np.ones(columns.size), (np.arange(columns.size), columns)),
                          shape=(columns.size, width)),
        sparse.csr_matrix((-np.ones(columns.size), (np.arange(columns.size),
                          rows.size + np.arange(columns.size))), shape=(columns.size, count)),
    ])  # fmt: skip
    high = programme.high.copy()
    high[columns] = np.inf
    loose = replace(
        programme,
        matrix=sparse.csr_matrix(sparse.vstack([sparse.hstack([programme.matrix, give]), caps])),
        cost=np.concatenate([np.zeros(width), weight]),
        low=np.concatenate([programme.low, np.zeros(count)]),
        high=np.concatenate([high, np.full(count, np.inf)]),
        row_low=np.concatenate([programme.row_low, np.full(columns.size, -np.inf)]),
        row_high=np.concatenate([programme.row_high, programme.high[columns]]),
    )
    run = Run(gap=0.01, seconds=SECONDS, interior=width > LARGE, crossover=False)
    out = solve_programme(loose, run, np.append(whole, np.zeros(count, dtype=bool)))
    return out.x[width:] if out.solved else None


def _worded(problem: Problem, limits: list[Limit], excess: Floats) -> tuple[Relaxation, ...]:
    first_column = sum(limit.rows.size for limit in limits)
    at_row, at_column, found = 0, first_column, []
    for limit in limits:
        if limit.rows.size:
            part, at_row = excess[at_row : at_row + limit.rows.size], at_row + limit.rows.size
        else:
            part = excess[at_column : at_column + limit.columns.size]
            at_column += limit.columns.size
        worst = int(np.argmax(part))
        share = float(part[worst] / limit.scale[worst])
        period = int(problem.tree.period[limit.node[worst]])
        amount = float(part[worst]) * limit.factor
        gives = np.unique(problem.tree.period[limit.node[part > ENOUGH * limit.scale]])
        says = _says(problem, limit, amount, share, period) + _elsewhere(len(gives) - 1)
        found.append(Relaxation(limit.name, amount, limit.unit, period, says))
    return tuple(found)


def _elsewhere(periods: int) -> str:
    """Return that other periods give way too: one alone would not be enough."""
    if periods < 1:
        return ""
    return f", and as much or less in {periods} other period{'s' if periods > 1 else ''}"


def _says(problem: Problem, limit: Limit, amount: float, share: float, period: int) -> str:
    when = problem.tree.label(period)
    more = f"{_shown(amount)} {_plural(limit.unit, amount)} more"
    if limit.name.startswith("unmet "):
        return f"{limit.name.removeprefix('unmet ')}: leave {more} unmet in {when}"
    part = f" ({share:.1%} above the limit)" if 0 < share < 10 else ""
    return f"{limit.name}: {more}{part} in {when}"


def _plural(unit: str, amount: float) -> str:
    """Return a unit of work, such as token or token/s, in its plural."""
    head, slash, rest = unit.partition("/")
    return f"{head}s{slash}{rest}" if head in {"token", "unit"} and amount != 1.0 else unit


def _shown(amount: float) -> str:
    """Return an amount to four figures."""
    return f"{amount:,.0f}" if amount >= 1000 else f"{amount:.4g}"
