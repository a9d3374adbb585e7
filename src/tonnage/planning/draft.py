"""A programme in the making: the problem, its variables, and the units they are counted in."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property

import numpy as np

from tonnage.planning.algebra import Builder, Expr
from tonnage.planning.axes import Bools, Floats, Ints
from tonnage.planning.problem import Problem


@dataclass(frozen=True, slots=True, eq=False)
class Units:
    """What one unit of a variable is: powers of ten that keep the programme's numbers near one."""

    money: float
    """Money in one unit of cost."""
    speed: Floats
    """[load] units per second in one unit of speed."""
    span: float
    """Seconds in one unit of time; work is counted in speed × span."""


def _power_of_ten(values: Floats, fallback: float = 1.0) -> float:
    """10^⌊log₁₀ median of the positive finite values⌋."""
    positive = values[(values > 0) & np.isfinite(values)]
    return float(10.0 ** np.floor(np.log10(np.median(positive)))) if positive.size else fallback


def units_of(problem: Problem) -> Units:
    """Return the units that suit the magnitudes of a problem."""
    loads, tree = problem.loads, problem.tree
    span = float(np.mean(tree.seconds))
    money = _power_of_ten(problem.purchase.price * problem.chips.block)
    speed = np.ones(len(loads.names))
    for load in range(speed.size):
        if loads.training[load]:
            window = problem_window(problem, load)
            wanted = loads.work[load] / max(float(tree.seconds[window].sum()), 1.0)
        else:
            wanted = float(loads.demand[:, load].max())
        speed[load] = _power_of_ten(np.array([wanted]))
    return Units(money, speed, span)


def problem_window(problem: Problem, load: int) -> slice:
    """Return the periods in which a training load may work."""
    last = min(int(problem.loads.deadline[load]), problem.tree.periods - 1)
    return slice(int(problem.loads.start[load]), last + 1)


@dataclass(eq=False)
class Draft:
    """The variables of a programme as expressions, and what every constraint family needs.

    Chips are counted in blocks, money and speed in `units`.
    """

    problem: Problem
    builder: Builder = field(default_factory=Builder)
    var: dict[str, Expr] = field(default_factory=dict)

    @cached_property
    def units(self) -> Units:
        """What one unit of each kind of variable is."""
        return units_of(self.problem)

    @cached_property
    def lags(self) -> Ints:
        """[lag, node] ancestor `lag` periods earlier, -1 before the start; lag 0 … periods."""
        tree = self.problem.tree
        return np.stack([tree.ancestor(lag) for lag in range(tree.periods + 1)])

    def before(self, expr: Expr) -> Expr:
        """Return the same history, one period earlier."""
        return expr.at(self.problem.tree.parent)

    def lagged(self, expr: Expr, lag: Ints) -> Expr:
        """Entry of the node `lag[...]` periods earlier; `lag` has the shape after the node axis."""
        steps = np.minimum(lag, len(self.lags) - 1)
        return expr.at(np.moveaxis(self.lags[steps], -1, 0))

    @cached_property
    def served(self) -> Expr:
        """[node, chip, load] speed that each chip gives to each load."""
        rate = self.problem.loads.rate * self.problem.chips.block[:, None] / self.units.speed
        return self.var["work"] * rate

    @cached_property
    def due(self) -> Expr:
        """[node, chip] blocks whose delivery falls due at the node."""
        lead = self.problem.purchase.lead
        orders = self.var["buy"]
        parts = [(orders * (lead == lag)).at(self.lags[lag]) for lag in _lags(lead, len(self.lags))]
        return _total(parts)

    @cached_property
    def owed(self) -> Expr:
        """[node, chip] money still to pay for the blocks due at the node, if all came."""
        buy = self.problem.purchase
        part = (1.0 - buy.paid_on_order) * self.price
        orders = self.var["buy"]
        lags = _lags(buy.lead, len(self.lags))
        return _total([(orders * (part * (buy.lead == k))).at(self.lags[k]) for k in lags])

    @cached_property
    def port(self) -> Expr:
        """[node, stack, load] ports begun on the way to the node, itself included."""
        begun = self.var["begin"]
        return _total([begun.at(lag) for lag in self.lags[:-1]])

    @cached_property
    def price(self) -> Floats:
        """[node, chip] cost units for one block."""
        price: Floats = self.problem.purchase.price * self.problem.chips.block / self.units.money
        return price

    @cached_property
    def useful(self) -> Bools:
        """[node, chip, load] the chip suits the load, and the load may work at the node."""
        problem = self.problem
        open_ = np.ones((problem.tree.nodes, len(problem.loads.names)), dtype=bool)
        for load in np.flatnonzero(problem.loads.training):
            window = problem_window(problem, int(load))
            period = problem.tree.period
            open_[:, load] = (period >= window.start) & (period < window.stop)
        useful: Bools = (problem.loads.rate > 0) & open_[:, None, :]
        return useful


def _lags(lead: Ints, count: int) -> list[int]:
    return [int(k) for k in np.unique(lead) if k < count]


def _total(parts: list[Expr]) -> Expr:
    whole = parts[0]
    for part in parts[1:]:
        whole = whole + part
    return whole
