"""Plans that cost almost as little and look most different."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from scipy import sparse

from tonnage.planning.algebra import Programme
from tonnage.planning.axes import Floats, Ints
from tonnage.planning.formulation import formulate
from tonnage.planning.plan import Plan, plan_of
from tonnage.planning.solver import Run, solve_programme
from tonnage.planning.solving import Settings, whole_columns


@dataclass(frozen=True, slots=True, eq=False)
class Alternative:
    """A near-optimal plan, and how it differs."""

    plan: Plan
    extra: float
    """Objective above that of the first plan, as a share."""
    says: str


def alternatives(
    plan: Plan, settings: Settings, slack: float = 0.02, count: int = 3
) -> tuple[Alternative, ...]:
    """Return plans within `slack` of the objective that avoid what the plans before them buy.

    Modelling to generate alternatives (Brill, Chang and Hopkins 1982, hop-skip-jump): each plan
    minimises the expected spend on chips in proportion to how much earlier plans spent on them,
    subject to objective ≤ (1 + slack) · objective of the first.
    """
    problem = plan.problem
    programme, draft = formulate(problem)
    whole = whole_columns(problem, programme, settings)
    limit = (plan.objective + slack * abs(plan.objective)) / draft.units.money
    capped = _with_row(programme, programme.cost, limit)
    found: list[Alternative] = []
    used = _spend(plan)
    for _ in range(count):
        target = replace(capped, cost=_avoid(plan, programme, used))
        run = Run(0.02, settings.seconds, settings.threads, settings.seed, stop=settings.stop)
        out = solve_programme(target, run, whole)
        if not out.solved:
            break
        objective = float(programme.cost @ out.x) * draft.units.money
        other = plan_of(
            problem, programme, out.x, status="feasible", whole=plan.whole,
            objective=objective, bound=plan.bound, units=draft.units,
            method="avoids what earlier plans buy",
        )  # fmt: skip
        spend = _spend(other)
        if any(_same(spend, _spend(each.plan)) for each in found) or _same(spend, _spend(plan)):
            break
        extra = objective / plan.objective - 1.0 if plan.objective else 0.0
        found.append(Alternative(other, extra, _difference(plan, other, extra)))
        used = used + spend
    return tuple(found)


def _with_row(programme: Programme, row: Floats, high: float) -> Programme:
    matrix = sparse.csr_matrix(sparse.vstack([programme.matrix, sparse.csr_matrix(row)]))
    return replace(
        programme,
        matrix=matrix,
        row_low=np.append(programme.row_low, -np.inf),
        row_high=np.append(programme.row_high, high),
    )


def _spend(plan: Plan) -> Floats:
    """[chip, way] expected money spent on buying and on renting each chip."""
    weight, do, problem = plan.problem.tree.weight[:, None], plan.do, plan.problem
    bought = (do.buy * problem.purchase.price * weight).sum(0)
    rented = (do.rent * problem.rental.price * weight).sum(0)
    signed = (do.reserve * problem.rental.term_price * problem.rental.term).sum(2) * weight
    return np.stack([bought, rented + signed.sum(0)], axis=1)


def _avoid(plan: Plan, programme: Programme, used: Floats) -> Floats:
    """[column] weight that makes what was used dear, and all else almost free."""
    problem, share = plan.problem, used / max(float(used.sum()), 1e-9)
    weight, block = problem.tree.weight[:, None], problem.chips.block
    unit = float(used.sum()) / max(problem.tree.nodes, 1)
    cost = programme.cost * 1e-4 / max(float(np.abs(programme.cost).max()), 1e-12)
    buy = weight * problem.purchase.price * block / max(unit, 1e-9)
    rent = weight * problem.rental.price * block / max(unit, 1e-9)
    _add(cost, programme.columns["buy"], buy * share[:, 0])
    _add(cost, programme.columns["rent"], rent * share[:, 1])
    signed = problem.rental.term_price * (block[:, None] * problem.rental.term)
    each = weight[:, :, None] * signed / max(unit, 1e-9) * share[:, 1][:, None]
    _add(cost, programme.columns["reserve"], each)
    return cost


def _add(cost: Floats, columns: Ints, more: Floats) -> None:
    cost[columns.ravel()] += np.broadcast_to(more, columns.shape).ravel()


def _same(a: Floats, b: Floats) -> bool:
    return bool(np.abs(a - b).sum() <= 0.02 * max(a.sum(), b.sum(), 1e-9))


def _difference(plan: Plan, other: Plan, extra: float) -> str:
    """Say where the money goes instead."""
    change = _spend(other) - _spend(plan)
    names, parts = plan.problem.chips.names, []
    order = np.argsort(-np.abs(change).ravel())
    for at in order[:4]:
        chip, way = divmod(int(at), 2)
        amount = change[chip, way]
        if abs(amount) > 0.01 * max(_spend(plan).sum(), 1e-9):
            verb = ("buys", "rents")[way]
            more = "more" if amount > 0 else "less"
            parts.append(f"{verb} {more} {names[chip]} ({_money(amount)} {plan.problem.currency})")
    text = "; ".join(parts) or "moves orders between periods"
    return f"{text}, for {extra:+.1%}"


def _money(amount: float) -> str:
    """Return an amount with its sign, in millions where it is that large.

    >>> _money(-1234.0), _money(5.6e7)
    ('-1,234', '+56.0 million')
    """
    return f"{amount / 1e6:+,.1f} million" if abs(amount) >= 1e6 else f"{amount:+,.0f}"
