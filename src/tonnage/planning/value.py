"""What knowing, waiting and hedging are worth, and what each future regrets."""

from __future__ import annotations

import threading
from dataclasses import dataclass, replace

import numpy as np

from tonnage.errors import Infeasible
from tonnage.planning.axes import Floats
from tonnage.planning.beside import beside
from tonnage.planning.fixing import Fixed, moves
from tonnage.planning.futures import known, likeliest, shared_nodes
from tonnage.planning.plan import Plan, risk_of
from tonnage.planning.problem import Problem
from tonnage.planning.solving import Settings, solve


@dataclass(frozen=True, slots=True, eq=False)
class Regret:
    """What each plan costs in each future, beside the least that the future could have cost."""

    plans: tuple[str, ...]
    """[plan] `the plan`, then `best for F` for every future F."""
    cost: Floats
    """[plan, leaf] discounted money; infinite where the first moves leave no way on."""
    best: Floats
    """[leaf] proven least cost had the future been known (the bound, so regret is never
    flattered)."""

    @property
    def regret(self) -> Floats:
        """[plan, leaf] cost − best."""
        return np.asarray(self.cost - self.best)


@dataclass(frozen=True, slots=True)
class Worth:
    """Differences between the objective of a plan and that of planning under other information."""

    perfect_information: float
    """Objective − that of the futures' own best plans: most that a forecast can be worth."""
    stochastic_plan: float
    """Objective after first moves made for the likeliest future alone − objective. Infinite when
    those moves leave no feasible way on in some future."""
    waiting: float
    """Objective when orders and ports of every period are signed now, the same in all futures −
    objective: what being able to decide later is worth."""


def best_by_future(problem: Problem, settings: Settings) -> Floats:
    """[leaf] least cost of each future known in advance, as a proven bound."""
    leaves = range(len(problem.tree.leaves))
    stop = settings.stop or threading.Event()
    each = replace(settings, threads=1, progress=None, stop=stop)

    def least(leaf: int) -> float:
        return solve(known(problem, leaf), each).bound

    return np.array(beside(least, leaves, settings.threads, stop))


def regret(plan: Plan, settings: Settings, best: Floats | None = None) -> Regret:
    """Price the plan, and the first moves of each future's own best plan, in every future.

    The first moves (orders, reservations and ports at the nodes that all futures share) are made
    as if the future were certain; then the tree is planned as well as can be.
    """
    problem = plan.problem
    stop = settings.stop or threading.Event()
    own = replace(settings, threads=1, progress=None, stop=stop)
    leaves = range(len(problem.tree.leaves))
    made = beside(lambda leaf: solve(known(problem, leaf), own), leaves, settings.threads, stop)
    costs = beside(lambda sure: _after(problem, sure, own), made, settings.threads, stop)
    least = np.array([sure.bound for sure in made]) if best is None else best
    names = ("the plan", *(f"best for {problem.tree.future(leaf)}" for leaf in leaves))
    return Regret(names, np.stack([plan.cost, *costs]), least)


def _first_moves(problem: Problem, sure: Plan) -> Fixed:
    """Return the commitments of a plan for a single future at the nodes all futures share."""
    shared = shared_nodes(problem)
    return moves(sure.problem, sure.do, np.arange(len(shared)), shared, problem.tree.nodes)


def _after(problem: Problem, sure: Plan, settings: Settings) -> Floats:
    try:
        return solve(problem, settings, fixed=_first_moves(problem, sure)).cost
    except Infeasible:
        return np.full(len(problem.tree.leaves), np.inf)


def worth(plan: Plan, settings: Settings, best: Floats | None = None) -> Worth:
    """Return what information, hedging and waiting are worth under the plan's own objective."""
    problem = plan.problem
    least = best_by_future(problem, settings) if best is None else best
    sure = solve(known(problem, likeliest(problem)), settings)
    hedged = risk_of(problem, _after(problem, sure, settings))
    committed = solve(problem, settings, committed=True)
    return Worth(
        perfect_information=plan.objective - risk_of(problem, least),
        stochastic_plan=hedged - plan.objective,
        waiting=committed.objective - plan.objective,
    )
