"""A plan: what is decided at every node, what follows from it, and how good it is proven to be."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from functools import cached_property

import numpy as np

from tonnage.planning.algebra import Programme
from tonnage.planning.axes import Floats
from tonnage.planning.draft import Units
from tonnage.planning.problem import Problem
from tonnage.planning.simulate import Decisions, Walk, tail_mean, walk


@dataclass(frozen=True, eq=False)
class Plan:
    """Decisions for every node of the tree, with their proven distance from the best."""

    problem: Problem
    status: str
    """`optimal`: within the gap asked. `feasible`: stopped by the time limit. `interrupted`."""
    whole: str
    """Which counts are whole: `all`, `now` (those of the first window) or `none`."""
    objective: float
    """Money: the value of the risk measure that was minimised."""
    bound: float
    """Money: proven that no plan of the same kind does better."""
    do: Decisions
    then: Walk
    seconds: float = 0.0
    """Time that finding and proving took."""
    method: str = ""
    """How it was found and proven, in a phrase."""
    units: Units | None = field(default=None, repr=False)
    x: Floats = field(default_factory=lambda: np.zeros(0), repr=False)
    """[column] of the programme, for going on from here."""

    @property
    def gap(self) -> float:
        """(objective − bound) / |objective|, at least 0."""
        return max(self.objective - self.bound, 0.0) / max(abs(self.objective), 1e-9)

    @cached_property
    def cost(self) -> Floats:
        """[leaf] discounted cost of each future."""
        return np.asarray(self.then.cost[self.problem.tree.path].sum(1))

    @cached_property
    def probability(self) -> Floats:
        """[leaf] probability of each future."""
        tree = self.problem.tree
        return np.asarray(tree.weight[tree.leaves])

    @property
    def expected(self) -> float:
        """Expected discounted cost."""
        return float(self.cost @ self.probability)

    @property
    def tail(self) -> float:
        """CVaR of the cost at the problem's level."""
        return tail_mean(self.cost, self.probability, self.problem.risk.level)


def risk_of(problem: Problem, cost: Floats) -> float:
    """(1 − weight) · mean + weight · CVaR of the costs [leaf] of the futures."""
    weight = problem.tree.weight[problem.tree.leaves]
    risk = problem.risk
    mean = float(cost @ weight)
    return (1.0 - risk.weight) * mean + risk.weight * tail_mean(cost, weight, risk.level)


def decisions_of(problem: Problem, programme: Programme, x: Floats) -> Decisions:
    """Read the decisions out of a solution, in chips; whole counts are made exactly whole."""
    block = problem.chips.block
    value = {}
    for name in ("buy", "deploy", "retire", "rent", "reserve", "work", "begin"):
        columns = programme.columns[name]
        value[name] = np.maximum(x[columns], 0.0)
        near = np.abs(value[name] - np.round(value[name])) < 1e-6
        value[name] = np.where(near, np.round(value[name]), value[name])
    for name in ("buy", "deploy", "retire", "rent"):
        value[name] = value[name] * block
    for name in ("reserve", "work"):
        value[name] = value[name] * block[:, None]
    value["port"] = ports_of(problem, value.pop("begin"))
    return Decisions(**value)


def ports_of(problem: Problem, begin: Floats) -> Floats:
    """[node, stack, load] ports that are there, from what is begun at each node."""
    port = begin + problem.porting.done
    for node, parent in enumerate(problem.tree.parent):
        if parent >= 0:
            port[node] = np.minimum(port[parent] + begin[node], 1.0)
    return port


def plan_of(problem: Problem, programme: Programme, x: Floats, **made: object) -> Plan:
    """Return the plan of a solution; its costs come from walking the tree, not from the solver."""
    do = decisions_of(problem, programme, x)
    plan = Plan(problem=problem, do=do, then=walk(problem, do), x=x, **made)  # type: ignore[arg-type]
    if problem.risk.objective == "regret":
        return plan
    return replace(plan, objective=risk_of(problem, plan.cost))
