"""The algebra, the arrays, and the search: bounds that hold, plans that can be carried out."""

import os
import signal
import threading
import time

import numpy as np
import pytest

from tonnage.errors import InputError
from tonnage.planning import (
    Chips,
    Limits,
    Loads,
    Porting,
    Problem,
    Purchase,
    Rental,
    Risk,
    Settings,
    Tree,
    chain,
    solve,
)
from tonnage.planning import solving as solving_module
from tonnage.planning.algebra import Builder
from tonnage.planning.constraints.tighten import rented_work
from tonnage.planning.formulation import formulate
from tonnage.planning.plan import risk_of
from tonnage.planning.ports import begins_of, solve_whole
from tonnage.planning.solver import Run, solve_programme


def grown(branchings: tuple[int, ...], periods: int = 6, chips: int = 4) -> Problem:
    """A tree that doubles at given periods, with stacks to port, rental, limits and CVaR."""
    rng = np.random.default_rng(3)
    period, parent, weight, steps = [0], [-1], [1.0], [0]
    front = [0]
    for now in range(1, periods):
        following = []
        for node in front:
            for step, chance in ((0, 0.6), (1, 0.4)) if now in branchings else ((0, 1.0),):
                following.append(len(period))
                period.append(now)
                parent.append(node)
                weight.append(weight[node] * chance)
                steps.append(steps[node] + step)
        front = following
    period, steps = np.array(period), np.array(steps)
    nodes = len(period)
    domestic = np.arange(chips) >= chips // 2
    price = rng.uniform(5, 9, chips) * (1 + 0.1 * steps[:, None])
    supply = np.where(domestic, 6.0, 12.0 * 0.5 ** steps[:, None])
    return Problem(
        Tree(period, parent, weight),
        Chips(tuple("abcdefgh"[:chips]), stack=1 * domestic, domestic=domestic, power=1.0),
        Purchase(price, supply=supply, lead=rng.integers(0, 2, chips), hold=0.1),
        Loads(("x", "y"), rng.uniform(0.5, 1.5, (chips, 2)),
              np.tile(8.0 + 2.0 * period[:, None], (1, 2)), 20.0),
        Porting(("s", "t"), cost=rng.uniform(8, 16, (2, 2))),
        rental=Rental(0.2 * price, np.where(domestic, 3.0, 5.0 * 0.7 ** steps[:, None])),
        limits=Limits(opex=0.2, budget=150.0, power=np.full(nodes, 60.0),
                      domestic_share=np.where(period >= 2, 0.3, 0.0)),
        risk=Risk(0.8, 0.3),
    )  # fmt: skip


def test_algebra_is_numpy_indexing():
    builder = Builder()
    x = builder.variable("x", (2, 3), high=5.0)
    parent = np.array([-1, 0])
    builder.require("lag", x - x.at(parent) <= 1.0)
    builder.require("sum", (x * np.arange(3.0)).sum(1) + x[:, 0] >= 2.0)
    programme = builder.programme((x * np.array([[1.0], [2.0]])).sum(0).sum(0))
    dense = programme.matrix.toarray()
    assert dense[programme.rows["lag"][0, 1]].tolist() == [0, 1, 0, 0, 0, 0]
    assert dense[programme.rows["lag"][1, 1]].tolist() == [0, -1, 0, 0, 1, 0]
    assert dense[programme.rows["sum"][1]].tolist() == [0, 0, 0, 1, 1, 2]
    assert programme.cost.tolist() == [1, 1, 1, 2, 2, 2]
    assert programme.row_high[programme.rows["lag"]].tolist() == [[1] * 3] * 2


def test_lags_may_differ_by_entry():
    builder = Builder()
    x = builder.variable("x", (3, 2))
    lag = np.array([[-1, -1], [0, -1], [1, 0]])
    builder.require("row", x.at(lag) <= 0.0)
    dense = builder.programme(x.sum(0).sum(0)).matrix.toarray()
    assert [np.flatnonzero(row).tolist() for row in dense] == [[], [], [0], [], [2], [1]]


def test_all_faults_of_a_problem_are_told_at_once():
    with pytest.raises(InputError) as told:
        Problem(
            chain(2), Chips(("A",), stack=3, block=0.0), Purchase(np.array([[1.0, 2.0]])),
            Loads(("x",), np.nan, -1.0, 1.0), Porting(("s",)),
            limits=Limits(domestic_by="weight", budget_covers=("rent", "salt")),
            risk=Risk(1.5, 2.0),
        )  # fmt: skip
    text = str(told.value)
    for field in ("chips.block", "chips.stack", "purchase.price", "loads.rate",
                  "loads.demand", "limits.domestic_by", "limits.budget_covers",
                  "risk.level", "risk.weight"):  # fmt: skip
        assert field in text


@pytest.mark.parametrize(
    ("period", "parent", "weight", "field"),
    [
        ([0, 1], [-1, 1], [1, 1], "tree.parent"),
        ([0, 2], [-1, 0], [1, 1], "tree.period"),
        ([0, 1, 1], [-1, 0, 0], [1, 0.5, 0.6], "tree.probability"),
        ([0, 1, 1, 2], [-1, 0, 0, 1], [1, 0.5, 0.5, 0.5], "tree.period"),
    ],
)
def test_a_tree_that_is_none_is_refused(period, parent, weight, field):
    tree = Tree(np.array(period), np.array(parent), np.array(weight, dtype=float))
    with pytest.raises(InputError, match=field):
        Problem(
            tree, Chips(("A",), stack=0), Purchase(1.0), Loads(("x",), 1.0, 1.0), Porting(("s",))
        )


def test_cuts_keep_every_whole_plan_and_raise_the_bound():
    problem = grown((2, 4))
    programme, draft = formulate(problem)
    rows, high = rented_work(draft, problem.tree.periods)
    plan = solve(problem, Settings(whole="all", gap=0.0, threads=1, seconds=30))
    assert (rows @ plan.x <= high + 1e-6).all()
    relaxed = solve_programme(programme, Run())
    assert (rows @ relaxed.x > high + 1e-3).any()


def test_branching_on_ports_that_are_there_gives_the_same_optimum():
    problem = grown((2,), periods=4)
    programme, _ = formulate(problem)
    begins = begins_of(programme.columns["begin"], problem.tree.parent)
    there = solve_whole(programme, begins, Run(), programme.whole)
    begun = solve_programme(programme, Run(), programme.whole)
    assert there.objective == pytest.approx(begun.objective, rel=1e-6)
    assert there.objective == pytest.approx(programme.cost @ there.x, rel=1e-9)


@pytest.mark.parametrize("whole", ["all", "now"])
def test_the_tree_search_proves_its_plan_and_agrees_with_branch_and_bound(monkeypatch, whole):
    problem = grown((1, 3), periods=5)
    how = Settings(whole=whole, window=2, gap=0.01, threads=2, seconds=30)
    exact = solve(problem, how)
    monkeypatch.setattr(solving_module, "LARGE", 0)
    searched = solve(problem, how)
    assert searched.method.startswith("tightened relaxation")
    assert searched.then.broken == ()
    assert searched.bound <= exact.objective * (1 + 1e-6)
    assert exact.bound <= searched.objective * (1 + 1e-6)
    assert searched.gap < 0.05
    assert searched.objective == pytest.approx(risk_of(problem, searched.cost))
    first = problem.tree.period < (2 if whole == "now" else problem.tree.periods)
    for counts in (searched.do.buy[first], searched.do.deploy[first], searched.do.port[first]):
        assert np.abs(counts - np.round(counts)).max() < 1e-6


def test_the_same_settings_give_the_same_plan(monkeypatch):
    monkeypatch.setattr(solving_module, "LARGE", 0)
    how = Settings(whole="all", gap=0.01, threads=2, seconds=60)
    first, second = (solve(grown((1, 2), periods=4), how) for _ in range(2))
    assert first.objective == second.objective
    assert np.array_equal(first.x, second.x)


def test_a_time_limit_keeps_the_best_plan_with_its_gap():
    plan = solve(grown((1, 2, 3, 4)), Settings(whole="all", gap=0.0, threads=1, seconds=2.0))
    assert plan.status in ("feasible", "optimal")
    assert plan.bound <= plan.objective
    assert plan.then.broken == ()


def test_an_interrupt_keeps_the_best_plan_with_its_gap():
    stop = threading.Timer(4.0, lambda: os.kill(os.getpid(), signal.SIGINT))
    stop.start()
    began = time.monotonic()
    try:
        plan = solve(grown((1, 2, 3, 4)), Settings(whole="all", gap=0.0, threads=1, seconds=60))
    finally:
        stop.cancel()
        stop.join()
    assert plan.status == "interrupted"
    assert time.monotonic() - began < 20
    assert plan.bound <= plan.objective
    assert plan.then.broken == ()


def test_stopped_at_once_a_small_problem_still_gets_a_rounded_plan():
    stop = threading.Event()
    stop.set()
    plan = solve(grown((1, 2, 3, 4)), Settings(whole="all", gap=0.0, stop=stop))
    assert plan.status == "interrupted"
    assert plan.method == "rounding"
    assert plan.bound <= plan.objective
    assert plan.then.broken == ()


def test_stopping_before_any_plan_is_an_interrupt(monkeypatch):
    monkeypatch.setattr(solving_module, "LARGE", 0)
    stop = threading.Event()
    stop.set()
    with pytest.raises(KeyboardInterrupt):
        solve(grown((1, 2, 3, 4)), Settings(whole="all", gap=0.0, stop=stop))


def test_ports_are_whole_in_every_period_unless_asked_otherwise():
    problem = grown((1, 3), periods=5)
    plan = solve(problem, Settings(window=1, gap=0.01, threads=1))
    assert np.abs(plan.do.port - np.round(plan.do.port)).max() < 1e-6
    policy = solve(problem, Settings(window=1, ports="now", gap=0.01, threads=1))
    assert policy.bound <= plan.objective
