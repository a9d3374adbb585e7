"""Optima of small problems against trying everything.

One kind of chip in two sorts, one load, no rental: once the orders and the port are chosen, all
else follows (deploy what came, serve what can be served), so every choice can be priced by hand.
"""

import itertools

import numpy as np
import pytest

from tonnage.planning import (
    Chips,
    Limits,
    Loads,
    Porting,
    Problem,
    Purchase,
    Risk,
    Settings,
    Tree,
    solve,
)

PARENT = np.array([-1, 0, 0])
CHANCE = np.array([0.6, 0.4])
MOST = 2


def draw(seed: int) -> Problem:
    rng = np.random.default_rng(seed)
    return Problem(
        Tree([0, 1, 1], PARENT, [1.0, *CHANCE]),
        Chips(("a", "b"), stack=[0, 1], domestic=[False, True]),
        Purchase(rng.uniform(5, 12, (3, 2)), supply=MOST, lead=[0, 1],
                 allowed=np.array([[True, True], [True, True], [False, True]])),
        Loads(("x",), [[2.0], [1.5]], rng.uniform(2, 8, (3, 1)), 6.0),
        Porting(("s", "t"), cost=[[0.0], [3.0]], done=[[True], [False]]),
        limits=Limits(budget=26.0, domestic_share=[0.0, 0.3, 0.3]),
        risk=Risk(0.5, 0.5),
    )  # fmt: skip


def priced(problem: Problem, orders: np.ndarray, ported: tuple[bool, ...]) -> float:
    """Objective of orders [node, chip] and of having stack t ported at each node, or infinity."""
    price, demand = problem.purchase.price, problem.loads.demand[:, 0]
    if (orders * ~problem.purchase.allowed).any() or (ported[0] and not all(ported)):
        return np.inf
    cost = np.zeros(3)
    for node in range(3):
        spend = orders[node] * price[node]
        if spend.sum() > 26.0 + 1e-9 or (node > 0 and spend[1] < 0.3 * spend.sum() - 1e-9):
            return np.inf
        fleet = np.array([orders[node, 0], 0.0])
        if node > 0:
            fleet = orders[0] + fleet
        first = min(2.0 * fleet[0], demand[node])
        second = min(1.5 * fleet[1] * ported[node], demand[node] - first)
        spend_on_port = 3.0 * (ported[node] and not (node > 0 and ported[0]))
        cost[node] = spend.sum() + spend_on_port + 6.0 * (demand[node] - first - second)
    path = cost[0] + cost[1:]
    ordered = np.sort(path)[::-1]
    chance = CHANCE[np.argsort(-path)]
    head = min(chance[0], 0.5)
    tail = (head * ordered[0] + (0.5 - head) * ordered[1]) / 0.5
    return 0.5 * float(path @ CHANCE) + 0.5 * tail


@pytest.mark.parametrize("seed", range(4))
def test_optimum_is_the_best_of_all_choices(seed: int) -> None:
    problem = draw(seed)
    best = np.inf
    for counts in itertools.product(range(MOST + 1), repeat=6):
        orders = np.array(counts, dtype=float).reshape(3, 2)
        for ported in itertools.product((False, True), repeat=3):
            best = min(best, priced(problem, orders, ported))
    plan = solve(problem, Settings(whole="all", gap=0.0, threads=1))
    assert plan.objective == pytest.approx(best, rel=1e-6)
