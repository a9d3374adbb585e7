"""Which limits bind, and what one more unit of each would be worth."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from tonnage.planning.algebra import Programme
from tonnage.planning.axes import Floats
from tonnage.planning.draft import Units
from tonnage.planning.fixing import Fixed, fix
from tonnage.planning.formulation import formulate
from tonnage.planning.plan import Plan
from tonnage.planning.problem import Problem, unit_of
from tonnage.planning.solver import Outcome, Run, solve_programme

SLIVER = 1e-4
"""Blocks."""
LARGE = 20_000
"""Columns above which a linear programme goes to the interior point method."""


@dataclass(frozen=True, slots=True, eq=False)
class Binding:
    """A limit that costs money: what the objective would fall by with one more unit of it.

    Prices come from the linear programme in which the plan's ports are kept and chips need not come
    in whole blocks, so they hold for small changes. They are weighted by probability and
    discounted: one more unit in the period, in every future where the limit binds.
    """

    family: str
    """`permission`, `supply`, `rental`, `reservation`, `power`, `floor`, `budget`, `budget_total`,
    `domestic`, `unmet` or `demand`."""
    item: str
    """Name of the chip or load, or empty."""
    unit: str
    """What there would be one more of."""
    price: Floats
    """[period] money for one more unit; 0 where the limit does not bind."""
    stake: float
    """Money for one percent more of the limit in all periods: how much it matters."""
    says: str

    @property
    def peak(self) -> int:
        """Period in which one more unit is worth most."""
        return int(np.argmax(self.price))


def binding(plan: Plan, fixed: Fixed | None = None) -> tuple[Binding, ...]:
    """Return the limits that bind under a plan, those with most at stake first.

    The ports of the plan are kept and all else is solved again as a linear programme, whose duals
    are the prices.
    """
    programme, draft = formulate(plan.problem)
    if fixed:
        programme = fix(plan.problem, programme, fixed)
    out = solve_programme(_opened(keep_ports(programme, plan.x)), Run(interior=len(plan.x) > LARGE))
    if not out.row_dual.size:
        return ()
    duals = _Duals(plan, programme, out, draft.units)
    found = [
        *_orders(duals), *_rentals(duals), *_unmet(duals), *_served(duals), *_site(duals),
        *_budgets(duals), *_mandate(duals),
    ]  # fmt: skip
    return tuple(sorted((each for each in found if each), key=lambda each: -each.stake))


def keep_ports(programme: Programme, x: Floats) -> Programme:
    """Return the programme with the ports as they are in `x`, where they are whole.

    Counts of chips stay free: they are many, so a price between whole numbers means something,
    while half a port does not; and a chip more can only be worth something if it may be deployed.
    """
    columns = programme.columns["begin"].ravel()
    nearest = np.round(x[columns])
    kept = np.abs(x[columns] - nearest) < 1e-6
    low, high = programme.low.copy(), programme.high.copy()
    low[columns[kept]] = high[columns[kept]] = nearest[kept]
    return replace(programme, low=low, high=high)


def _opened(programme: Programme) -> Programme:
    """Let a sliver of every closed order through, so that its price is that of one more.

    A column fixed at 0 may carry any dual; one with a little room carries its worth.
    """
    high, orders = programme.high.copy(), programme.columns["buy"].ravel()
    closed = orders[high[orders] == 0.0]
    high[closed] = SLIVER
    return replace(programme, high=high)


@dataclass(frozen=True, slots=True, eq=False)
class _Duals:
    """A plan, the duals of its programme, and the words for them."""

    plan: Plan
    programme: Programme
    out: Outcome
    units: Units

    @property
    def problem(self) -> Problem:
        return self.plan.problem

    def columns(self, name: str) -> Floats:
        """Money that the objective falls by per unit of the variable's upper bound."""
        return np.asarray(-self.out.column_dual[self.programme.columns[name]] * self.units.money)

    def rows(self, name: str) -> Floats:
        """Money that the objective rises by per unit of the right-hand side."""
        return np.asarray(self.out.row_dual[self.programme.rows[name]] * self.units.money)

    def made(
        self, family: str, item: str, unit: str, phrase: str, worth: Floats, limit: Floats
    ) -> Binding | None:
        """Return the binding of [node] prices and limits, or nothing when it never binds."""
        tree, worth = self.problem.tree, np.maximum(worth, 0.0)
        price = np.bincount(tree.period, worth, tree.periods).astype(float)
        stake = float(0.01 * (worth * np.where(np.isfinite(limit), limit, 0.0)).sum())
        if max(stake, price.max()) <= 1e-9 * max(abs(self.plan.objective), 1.0):
            return None
        says = f"{phrase} {self.amount(price)} {self.when(price)}."
        return Binding(family, item, unit, price, stake, says)

    def amount(self, price: Floats) -> str:
        """Return a price, or the range of it."""
        currency, live = self.problem.currency, price[price > 1e-3 * price.max()]
        if live.max() > 1.2 * live.min():
            return f"{_shown(live.min())} to {_shown(live.max())} {currency}"
        return f"{_shown(live.max())} {currency}"

    def when(self, price: Floats) -> str:
        """Return the periods in which a price is not 0."""
        tree, live = self.problem.tree, np.flatnonzero(price > 1e-3 * price.max())
        first, last = tree.label(int(live[0])), tree.label(int(live[-1]))
        if len(live) == 1:
            return f"in {first}"
        gaps = "" if len(live) == live[-1] - live[0] + 1 else ", with gaps"
        return f"from {first} to {last}{gaps}"


def _shown(amount: float) -> str:
    """Return an amount to four figures.

    >>> _shown(76640.4), _shown(3.14159)
    ('76,640', '3.142')
    """
    return f"{amount:,.0f}" if amount >= 1000 else f"{amount:.4g}"


def _orders(duals: _Duals) -> list[Binding | None]:
    """Permission and supply: reduced costs of orders at their upper bound."""
    problem, buy = duals.problem, duals.problem.purchase
    block = problem.chips.block
    worth = duals.columns("buy") / block
    most = np.floor(buy.supply / block + 1e-9)
    full = (
        duals.out.x[duals.programme.columns["buy"]]
        >= np.minimum(most, np.maximum(most - 1e-6, SLIVER)) - 1e-9
    )
    found = []
    for chip, name in enumerate(problem.chips.names):
        law = ~buy.allowed[:, chip]
        offer = buy.supply[:, chip]
        found.append(duals.made(
            "permission", name, "chips", f"Permission to order one {name} would be worth",
            np.where(law, worth[:, chip], 0.0), offer))  # fmt: skip
        found.append(duals.made(
            "supply", name, "chips", f"One more {name} on offer each period would be worth",
            np.where(~law & full[:, chip], worth[:, chip], 0.0), offer))  # fmt: skip
    return found


def _rentals(duals: _Duals) -> list[Binding | None]:
    problem, rental = duals.problem, duals.problem.rental
    block = problem.chips.block
    on_demand = duals.columns("rent") / block
    signed = duals.columns("reserve") / block[:, None]
    found = []
    for chip, name in enumerate(problem.chips.names):
        offer = rental.cap[:, chip]
        found.append(duals.made(
            "rental", name, "chips", f"One more {name} for rent each period would be worth",
            np.where(offer > 0, on_demand[:, chip], 0.0), offer))  # fmt: skip
        for term, periods in enumerate(rental.term):
            offer = rental.term_cap[:, chip, term]
            found.append(duals.made(
                "reservation", name, "chips",
                f"One more {name} to reserve for {periods} periods would be worth",
                np.where(offer > 0, signed[:, chip, term], 0.0), offer))  # fmt: skip
    return found


def _unmet(duals: _Duals) -> list[Binding | None]:
    """Limits on what is left undone."""
    loads, units = duals.problem.loads, duals.units
    one = units.speed * np.where(loads.training, units.span, 1.0)
    worth = np.where(loads.unmet < 1.0, duals.columns("short") / one, 0.0)
    wanted = np.where(loads.training, loads.work, loads.demand) * loads.unmet
    return [
        duals.made(
            "unmet", name, unit_of(loads, int(load)),
            f"One more {unit_of(loads, int(load))} of {name} that may go unmet would save",
            worth[:, load], wanted[:, load])
        for load, name in enumerate(loads.names)
    ]  # fmt: skip


def _served(duals: _Duals) -> list[Binding | None]:
    """Return what one more unit of demand costs."""
    loads = duals.problem.loads
    serving = np.flatnonzero(~loads.training)
    if not serving.size:
        return []
    worth = duals.rows("demand") / duals.units.speed[serving]
    return [
        duals.made(
            "demand", loads.names[load], unit_of(loads, int(load)),
            f"One more {unit_of(loads, int(load))} of {loads.names[load]} to serve costs",
            worth[:, k], loads.demand[:, load])
        for k, load in enumerate(serving)
    ]  # fmt: skip


def _site(duals: _Duals) -> list[Binding | None]:
    limits, found = duals.problem.limits, []
    for family, cap, unit, one, phrase in (
        ("power", limits.power, "MW", 1e6, "One more MW would be worth"),
        ("floor", limits.floor, "floor unit", 1.0, "One more unit of floor space would be worth"),
    ):
        if family in duals.programme.rows:
            nodes = np.flatnonzero(np.isfinite(cap))
            worth = np.zeros(len(cap))
            worth[nodes] = -duals.rows(family) * one / max(float(cap[nodes].max()), 1e-9)
            found.append(duals.made(family, "", unit, phrase, worth, cap / one))
    return found


def _budgets(duals: _Duals) -> list[Binding | None]:
    limits, found = duals.problem.limits, []
    million = 1e6 / duals.units.money
    for family, cap, what in (
        ("budget", limits.budget, "the period's budget"),
        ("budget_total", limits.budget_total, "the budget to date"),
    ):
        if family in duals.programme.rows:
            nodes = np.flatnonzero(np.isfinite(cap))
            worth = np.zeros(len(cap))
            worth[nodes] = -duals.rows(family) * million
            unit = f"million {duals.problem.currency}"
            found.append(duals.made(
                family, "", unit, f"One {unit} more in {what} would save",
                worth, cap / 1e6))  # fmt: skip
    return found


def _mandate(duals: _Duals) -> list[Binding | None]:
    """Return the price of a percentage point of the domestic share, the plan being as it is."""
    problem = duals.problem
    if "domestic" not in duals.programme.rows:
        return []
    share = problem.limits.domestic_share
    nodes = np.flatnonzero(share > 0)
    spend = problem.limits.domestic_by == "spend"
    each = problem.purchase.price / duals.units.money if spend else 1.0
    worth = np.zeros(problem.tree.nodes)
    bought = duals.out.x[duals.programme.columns["buy"]] * problem.chips.block
    worth[nodes] = duals.rows("domestic") * (bought * each).sum(1)[nodes] * 0.01
    phrase = "One point less of the domestic share would save"
    return [duals.made("domestic", "", "point", phrase, worth, 100.0 * share)]
