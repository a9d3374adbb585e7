"""What must hold of any plan, on small random problems."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tonnage.errors import Infeasible
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
from tonnage.planning.plan import risk_of
from tonnage.planning.simulate import tail_mean

EXACT = Settings(whole="all", gap=0.0, threads=1)
RELAXED = Settings(whole="none", threads=1)
quick = settings(
    max_examples=12, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck)
)
SAME = 1e-6


@st.composite
def problems(draw) -> Problem:
    """Two chips, one ported stack and one to port, a branch after the first period."""
    rng = np.random.default_rng(draw(st.integers(0, 10_000)))
    chance = draw(st.floats(0.1, 0.9))
    tree = Tree([0, 1, 1], [-1, 0, 0], [1.0, chance, 1.0 - chance])
    shape = (3, 2)
    return Problem(
        tree,
        Chips(("a", "b"), stack=[0, 1], domestic=[False, True], power=[1.0, 1.2]),
        Purchase(
            rng.uniform(5, 15, shape), supply=rng.integers(0, 6, shape),
            allowed=rng.random(shape) < 0.8, lead=rng.integers(0, 2, shape), hold=0.2,
        ),
        Loads(("x",), [[2.0], [1.5]], rng.uniform(4, 12, (3, 1)), rng.uniform(4, 12)),
        Porting(("s", "t"), cost=[[0.0], [rng.uniform(0, 8)]], done=[[True], [False]]),
        rental=Rental(price=rng.uniform(2, 5, shape), cap=rng.uniform(0, 2, shape)),
        limits=Limits(
            opex=0.1, budget=rng.uniform(20, 60), power=rng.uniform(3, 9),
            domestic_share=draw(st.sampled_from([0.0, 0.3])),
        ),
        risk=Risk(draw(st.sampled_from([0.0, 0.5, 0.8])), draw(st.sampled_from([0.0, 0.4]))),
    )  # fmt: skip


def cost(problem: Problem, how: Settings = EXACT) -> float:
    return solve(problem, how).objective


def no_cheaper(tighter: Problem, problem: Problem) -> None:
    base = cost(problem)
    assert cost(tighter) >= base - SAME * max(1.0, abs(base))


@quick
@given(problems(), st.integers(0, 2), st.integers(0, 1))
def test_a_tighter_rule_never_lowers_the_cost(problem, node, chip):
    allowed = problem.purchase.allowed.copy()
    allowed[node, chip] = False
    no_cheaper(replace(problem, purchase=replace(problem.purchase, allowed=allowed)), problem)


@quick
@given(problems(), st.floats(0.0, 1.0))
def test_a_smaller_budget_never_lowers_the_cost(problem, share):
    limits = replace(problem.limits, budget=problem.limits.budget * share)
    no_cheaper(replace(problem, limits=limits), problem)


@quick
@given(problems(), st.integers(0, 2), st.integers(0, 1))
def test_a_later_delivery_never_lowers_the_cost(problem, node, chip):
    lead = problem.purchase.lead.copy()
    lead[node, chip] += 1
    # Stock costs nothing to hold, or what comes later would save its keeping.
    free = replace(problem.purchase, hold=np.zeros_like(problem.purchase.hold))
    later = replace(problem, purchase=replace(free, lead=lead))
    no_cheaper(later, replace(problem, purchase=free))


@quick
@given(problems(), st.floats(1.0, 2.0), st.integers(0, 1))
def test_a_higher_price_never_lowers_the_cost(problem, factor, chip):
    price = problem.purchase.price.copy()
    price[:, chip] *= factor
    # The share of spend is a limit in prices: by number it stays the same limit.
    limits = replace(problem.limits, domestic_by="chips")
    base = replace(problem, limits=limits)
    no_cheaper(replace(base, purchase=replace(problem.purchase, price=price)), base)


@quick
@given(problems(), st.floats(1e-3, 1e3))
def test_probabilities_are_free_of_scale(problem, scale):
    scaled = replace(problem.tree, probability=problem.tree.probability * scale)
    assert cost(replace(problem, tree=scaled)) == pytest.approx(cost(problem), rel=1e-6)


@quick
@given(problems(), st.floats(0.1, 0.9))
def test_splitting_a_future_in_two_alike_changes_nothing(problem, share):
    weight = problem.tree.probability
    tree = Tree(
        [0, 1, 1, 1], [-1, 0, 0, 0], [1.0, weight[1], weight[2] * share, weight[2] * (1 - share)]
    )
    at = np.array([0, 1, 2, 2])
    buy, rental, limits = problem.purchase, problem.rental, problem.limits
    split = replace(
        problem, tree=tree,
        purchase=Purchase(buy.price[at], buy.supply[at], buy.allowed[at], buy.lead[at], hold=0.2),
        loads=replace(problem.loads, demand=problem.loads.demand[at],
                      penalty=problem.loads.penalty[at], unmet=problem.loads.unmet[at]),
        rental=Rental(rental.price[at], rental.cap[at]),
        fleet=replace(problem.fleet, arriving=0.0),
        limits=Limits(opex=0.1, budget=limits.budget[at], power=limits.power[at],
                      domestic_share=limits.domestic_share[at]),
    )  # fmt: skip
    assert cost(split) == pytest.approx(cost(problem), rel=1e-6)


@quick
@given(problems(), st.floats(0.0, 1.0))
def test_cvar_at_level_0_is_the_mean(problem, weight):
    mean = cost(replace(problem, risk=Risk()))
    assert cost(replace(problem, risk=Risk(0.0, weight))) == pytest.approx(mean, rel=1e-6)


@quick
@given(problems())
def test_the_optimum_is_no_dearer_than_any_plan_walked_through_the_tree(problem):
    best = cost(problem, RELAXED)
    whole = solve(problem, EXACT)
    signed = solve(problem, EXACT, committed=True)
    for plan in (whole, signed):
        assert plan.then.broken == ()
        walked = risk_of(problem, plan.cost)
        assert plan.objective == pytest.approx(walked, rel=1e-9, abs=1e-9)
        assert best <= walked + SAME * max(1.0, abs(walked))
    assert whole.objective <= signed.objective + SAME * max(1.0, abs(signed.objective))


@quick
@given(problems())
def test_the_bound_is_below_the_plan_and_knowing_the_future_is_below_the_bound(problem):
    from tonnage.planning import best_by_future

    plan = solve(problem, EXACT)
    assert plan.bound <= plan.objective + SAME * max(1.0, abs(plan.objective))
    known = risk_of(problem, best_by_future(problem, EXACT))
    assert known <= plan.bound + SAME * max(1.0, abs(plan.bound))


@quick
@given(st.lists(st.floats(-50, 50), min_size=1, max_size=6), st.floats(0.0, 0.95))
def test_the_mean_of_the_tail_lies_between_mean_and_maximum(costs, level):
    values = np.array(costs)
    weight = np.full(len(costs), 1.0 / len(costs))
    tail = tail_mean(values, weight, level)
    assert values.mean() - 1e-9 <= tail <= values.max() + 1e-9
    assert tail_mean(values, weight, 0.0) == pytest.approx(values.mean(), abs=1e-9)


@quick
@given(st.floats(0.0, 0.9))
def test_an_infeasible_problem_becomes_feasible_by_what_its_message_says(supply):
    # 4 chips are needed; `supply` blocks of 4 are on offer, and nothing may go unmet.
    problem = Problem(
        chain(1), Chips(("A",), stack=0), Purchase(10.0, supply=np.floor(4 * supply)),
        Loads(("x",), 2.0, 8.0, 100.0, unmet=0.0), Porting(("s",), done=True),
    )  # fmt: skip
    with pytest.raises(Infeasible, match="supply of A: "):
        solve(problem, EXACT)
    missing = 4.0 - np.floor(4 * supply)
    with pytest.raises(Infeasible, match=f"supply of A: {missing:.0f} chips more"):
        solve(problem, EXACT)
    mended = replace(problem, purchase=Purchase(10.0, supply=4.0))
    assert cost(mended) == pytest.approx(40)
