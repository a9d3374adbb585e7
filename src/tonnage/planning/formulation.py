"""The planning problem as one programme in tree form: a variable for each node and item.

Since a decision belongs to a node, no equations are needed to keep futures from knowing what has
not happened yet.
"""

from __future__ import annotations

import numpy as np

from tonnage.planning.algebra import Programme
from tonnage.planning.axes import Floats
from tonnage.planning.constraints import commitment, limits, money, service, supply
from tonnage.planning.draft import Draft, problem_window
from tonnage.planning.problem import Problem

FREE = -np.inf


def formulate(
    problem: Problem, best: Floats | None = None, committed: bool = False
) -> tuple[Programme, Draft]:
    """Return the programme of a problem, and the draft that knows its units.

    `best` [leaf] is the least cost of each future known in advance, for the regret objective.
    `committed` makes orders and ports the same in all futures.
    """
    draft = Draft(problem)
    _variables(draft)
    for family in (
        supply.stock, supply.fleet, supply.age,
        service.capacity, service.ported, service.demand, service.training,
        limits.power, limits.budget, limits.floor, limits.domestic,
        money.cost,
    ):  # fmt: skip
        family(draft)
    if committed:
        commitment.commitment(draft)
    return draft.builder.programme(money.objective(draft, best)), draft


def _variables(draft: Draft) -> None:
    """Declare the variables with their bounds: supply, permission, rental caps, unmet limits."""
    problem, var, add = draft.problem, draft.var, draft.builder.variable
    sizes = problem.sizes
    node, chip, load = sizes["node"], sizes["chip"], sizes["load"]
    block, rental = problem.chips.block, problem.rental
    orders = np.where(problem.purchase.allowed, problem.purchase.supply / block, 0.0)
    var["buy"] = add("buy", (node, chip), high=np.floor(orders + 1e-9), whole=True)
    var["deploy"] = add("deploy", (node, chip), whole=True)
    for name in ("stock", "held", "retire"):
        var[name] = add(name, (node, chip))
    var["rent"] = add("rent", (node, chip), high=rental.cap / block)
    var["reserve"] = add(
        "reserve", (node, chip, sizes["term"]), high=rental.term_cap / block[:, None]
    )
    var["work"] = add("work", (node, chip, load), high=np.where(draft.useful, np.inf, 0.0))
    var["short"] = add("short", (node, load), high=most_unmet(draft))
    done = problem.porting.done
    pairs = (node, sizes["stack"], load)
    var["begin"] = add("begin", pairs, high=1.0 * ~done, whole=True)
    var["cost"] = add("cost", (node,), low=FREE)


def most_unmet(draft: Draft) -> Floats:
    """[node, load] unmet share × demand; for training, × work at the deadline's nodes, else 0."""
    problem, units = draft.problem, draft.units
    loads, period = problem.loads, problem.tree.period
    wanted = loads.demand / units.speed
    for load in np.flatnonzero(loads.training):
        at_deadline = period == problem_window(problem, int(load)).stop - 1
        wanted[:, load] = at_deadline * loads.work[load] / (units.speed[load] * units.span)
    return np.where(loads.unmet > 0, wanted * loads.unmet, 0.0)
