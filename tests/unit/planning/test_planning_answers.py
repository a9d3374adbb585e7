"""What a plan can be asked: prices of limits, regret, worth of waiting, alternatives, replay."""

import numpy as np
import pytest

from tonnage.errors import Infeasible, InputError
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
    alternatives,
    best_by_future,
    binding,
    chain,
    known,
    regret,
    replay,
    shared_nodes,
    solve,
    worth,
)

EXACT = Settings(whole="all", gap=0.0, threads=1)
PORTED = Porting(("s",), done=True)


def buyer(tree=None, *, price=10.0, demand=8.0, penalty=100.0, buying=None, chips=None, **parts):
    """One chip of 2 units/s, 8 units/s wanted."""
    return Problem(
        tree or chain(1), Chips(("A",), stack=0, **(chips or {})),
        Purchase(price, **(buying or {})),
        Loads(("x",), 2.0, demand, penalty, units=("token",)), PORTED, **parts,
    )  # fmt: skip


def two_futures(price=(10.0, 30.0), level=0.0, weight=0.0):
    """Demand comes with chance 1/4, a period on. Chips cost 10 now, 30 then."""
    tree = Tree([0, 1, 1], [-1, 0, 0], [1, 0.25, 0.75], labels=("now", "then"),
                futures=("demand", "none"))  # fmt: skip
    cost = np.array([[price[0]], [price[1]], [price[1]]])
    demand = np.array([[0.0], [8.0], [0.0]])
    return buyer(tree, price=cost, demand=demand, risk=Risk(level, weight))


def prices(plan):
    return {(each.family, each.item): each for each in binding(plan)}


def test_supply_is_worth_the_penalty_it_saves_less_the_price():
    # One chip more serves 2 units/s at 100 for 10: 190.
    found = prices(solve(buyer(buying={"supply": 2.0}), EXACT))
    assert found["supply", "A"].price.tolist() == pytest.approx([190])
    assert "190 USD in period 1" in found["supply", "A"].says


def test_permission_is_priced_where_it_is_missing():
    found = prices(solve(buyer(buying={"allowed": False, "supply": 5.0}), EXACT))
    assert found["permission", "A"].price.tolist() == pytest.approx([190])


def test_prices_name_their_periods_and_weigh_futures():
    # Demand comes with chance 1/4; two chips on offer then, none before: (200 − 10) / 4.
    problem = two_futures(price=(500.0, 10.0))
    supply = np.array([[0.0], [2.0], [2.0]])
    problem = buyer(problem.tree, price=problem.purchase.price, demand=problem.loads.demand,
                    buying={"supply": supply})  # fmt: skip
    found = prices(solve(problem, EXACT))
    assert found["supply", "A"].price.tolist() == pytest.approx([0, 47.5])
    assert found["supply", "A"].says.endswith("in then.")


def test_power_budget_and_demand_are_priced():
    # 3 chips' worth of power: a MW more carries 1/200e-6 chips of 190 each.
    power = prices(solve(buyer(chips={"power": 200.0}, limits=Limits(power=600.0)), EXACT))
    assert power["power", ""].price.tolist() == pytest.approx([190 * 5000])
    assert power["demand", "x"].price.tolist() == pytest.approx([100])
    # A budget of 20: ten more buy a chip that saves 190; a million counts as one unit.
    budget = prices(solve(buyer(limits=Limits(budget=20.0)), EXACT))
    assert budget["budget", ""].price.tolist() == pytest.approx([19e6])


def test_the_domestic_share_is_priced_per_point():
    # Chips at 10, the domestic one at 20, half by number: 3 + 3. A point less moves 0.06 chips.
    problem = Problem(
        chain(1), Chips(("A", "B"), stack=0, domestic=[False, True]), Purchase([10.0, 20.0]),
        Loads(("x",), [[2.0], [2.0]], 12.0, 100.0), PORTED,
        limits=Limits(domestic_share=0.5, domestic_by="chips"),
    )  # fmt: skip
    found = prices(solve(problem, EXACT))
    assert found["domestic", ""].price.tolist() == pytest.approx([0.6])


def test_regret_is_cost_above_the_best_of_each_future():
    # Buy now: 40 in either future. Wait: 120 or 0, mean 30: wait. Best known: 40 and 0.
    problem = two_futures()
    plan = solve(problem, EXACT)
    assert plan.objective == pytest.approx(30)
    table = regret(plan, EXACT)
    assert table.plans == ("the plan", "best for demand", "best for none")
    assert table.best.tolist() == pytest.approx([40, 0])
    assert table.regret.tolist() == [pytest.approx(row) for row in ([80, 0], [0, 40], [80, 0])]


def test_what_knowing_waiting_and_hedging_are_worth():
    # Waiting: 30; known: 10; signed at the start: 40 now. The likeliest future buys nothing now.
    plan = solve(two_futures(), EXACT)
    value = worth(plan, EXACT)
    assert value.perfect_information == pytest.approx(20)
    assert value.waiting == pytest.approx(10)
    assert value.stochastic_plan == pytest.approx(0)
    # With later chips at 50, waiting costs 50 in the mean, so buying now (40) is best; the
    # plan for the likeliest future alone would have waited.
    hedged = solve(two_futures(price=(10.0, 50.0)), EXACT)
    assert worth(hedged, EXACT).stochastic_plan == pytest.approx(10)


def test_known_futures_and_shared_nodes():
    problem = two_futures()
    assert shared_nodes(problem).tolist() == [0]
    assert solve(known(problem, 0), EXACT).objective == pytest.approx(40)
    assert best_by_future(problem, EXACT).tolist() == pytest.approx([40, 0])


def test_alternatives_cost_little_more_and_differ():
    problem = Problem(
        chain(1), Chips(("A", "B", "C"), stack=0), Purchase([10.0, 10.1, 30.0]),
        Loads(("x",), [[2.0], [2.0], [2.0]], 80.0, 100.0), PORTED,
    )  # fmt: skip
    plan = solve(problem, EXACT)
    assert plan.do.buy[0].tolist() == [40, 0, 0]
    found = alternatives(plan, EXACT, slack=0.02)
    assert found[0].plan.do.buy[0, 1] == 40
    assert found[0].extra == pytest.approx(0.01)
    assert found[0].says == "buys more B (+404 USD); buys less A (-400 USD), for +1.0%"
    assert all(each.extra <= 0.02 + 1e-9 for each in found)
    assert all(each.plan.then.broken == () for each in found)


def test_a_plan_is_replayed_against_what_happened():
    # Made for demand that may come: buys 4 now. What happened: none came, and prices fell.
    plan = solve(two_futures(price=(10.0, 50.0)), EXACT)
    assert plan.do.buy[0].tolist() == [4]
    happened = buyer(chain(2), price=5.0, demand=0.0)
    told = replay(plan, happened, np.array([0]), EXACT)
    assert told.plan.objective == pytest.approx(20)
    assert told.hindsight.objective == pytest.approx(0)
    assert told.regret == pytest.approx(20)
    assert told.undone == ()


def test_orders_that_could_not_be_made_are_named_in_a_replay():
    plan = solve(two_futures(price=(10.0, 50.0)), EXACT)
    happened = buyer(chain(2), price=5.0, demand=8.0, buying={"supply": np.array([[1.0], [9.0]])})
    told = replay(plan, happened, np.array([0]), EXACT)
    assert told.undone == ("3 A planned for period 1 could not be ordered",)


def test_given_decisions_are_kept():
    problem = two_futures()
    fixed = {"buy": np.array([[4.0], [np.nan], [np.nan]])}
    assert solve(problem, EXACT, fixed=fixed).objective == pytest.approx(40)
    with pytest.raises(InputError, match=r"fixed\.buy"):
        solve(problem, EXACT, fixed={"buy": np.zeros((2, 1))})


def test_a_given_port_is_kept_and_paid_for():
    problem = Problem(
        chain(2), Chips(("A", "B"), stack=[0, 1]), Purchase(10.0),
        Loads(("x",), [[2.0], [2.0]], 8.0, 100.0),
        Porting(("s", "t"), cost=7.0, done=[[True], [False]]),
    )  # fmt: skip
    port = np.full((2, 2, 1), np.nan)
    port[0, 1], port[1, 1] = 0.0, 1.0
    plan = solve(problem, EXACT, fixed={"port": port})
    assert plan.objective == pytest.approx(47)
    assert plan.do.port[:, 1, 0].tolist() == [0, 1]


def test_infeasible_says_which_limit_to_relax_and_by_how_much():
    # 8 units/s wanted and nothing unmet: 4 chips of 200 W, power for 2.
    loads = Loads(("x",), 2.0, 8.0, 100.0, unmet=0.0, units=("token",))
    problem = Problem(
        chain(1), Chips(("A",), stack=0, power=2e5), Purchase(10.0), loads, PORTED,
        limits=Limits(power=4e5),
    )  # fmt: skip
    with pytest.raises(Infeasible) as told:
        solve(problem, EXACT)
    text = str(told.value)
    assert "x: leave 4 tokens/s more unmet in period 1" in text
    assert "power: 0.4 MW more (100.0% above the limit) in period 1" in text
    assert "kInfeasible" not in text


def test_infeasible_says_that_one_period_alone_is_not_enough():
    # 8 units/s wanted in each of three periods, power for 2 chips of 2 units/s.
    loads = Loads(("x",), 2.0, [[8.0], [8.0], [6.0]], 100.0, unmet=0.0, units=("token",))
    problem = Problem(
        chain(3), Chips(("A",), stack=0, power=2e5), Purchase(10.0), loads, PORTED,
        limits=Limits(power=4e5),
    )  # fmt: skip
    with pytest.raises(Infeasible) as told:
        solve(problem, EXACT)
    text = str(told.value)
    assert "x: leave 4 tokens/s more unmet in period 1, and as much or less in 2 other" in text
    assert "power: 0.4 MW more (100.0% above the limit) in period 1, and as much or less" in text


def test_infeasible_names_all_limits_that_must_give_way_together():
    # Both power and supply stand in the way; unmet demand is no way out as given.
    problem = Problem(
        chain(1), Chips(("A",), stack=0, power=2e5), Purchase(10.0, supply=2.0),
        Loads(("x",), 2.0, 8.0, 100.0), PORTED, limits=Limits(power=4e5),
    )  # fmt: skip
    with pytest.raises(Infeasible) as told:
        solve(problem, EXACT, fixed={"held": np.array([[4.0]])})
    assert "supply of A: 2 chips more" in str(told.value)
    assert "; and " in str(told.value)
    assert "power: 0.4 MW more" in str(told.value)


def test_what_must_give_way_is_counted_in_whole_blocks():
    # 6 chips of 2 units/s are needed and on offer, but they come in blocks of 4: one block.
    loads = Loads(("x",), 2.0, 12.0, 100.0, unmet=0.0)
    problem = Problem(
        chain(1), Chips(("A",), stack=0, block=4.0, power=2e5), Purchase(10.0, supply=6.0),
        loads, PORTED, limits=Limits(power=1.2e6),
    )  # fmt: skip
    with pytest.raises(Infeasible) as told:
        solve(problem, EXACT)
    assert "supply of A: 4 chips more" in str(told.value)
    assert "x: leave 4 units/s more unmet" in str(told.value)
