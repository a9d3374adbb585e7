"""One case per constraint family, small enough to be worked out by hand in the comment above it."""

import numpy as np
import pytest

from tonnage.planning import (
    Chips,
    Fleet,
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

ALL = Settings(whole="all", gap=0.0, threads=1)
PORTED = Porting(("s",), done=True)


def one_chip(tree=None, *, price=10.0, demand=8.0, penalty=100.0, rate=2.0, porting=PORTED,
             buying=None, loads=None, chip=None, **parts):  # fmt: skip
    """A buyer of one kind of chip with one load, 8 units/s wanted, 2 units/s a chip."""
    return Problem(
        tree or chain(1),
        Chips(("A",), stack=0, **(chip or {})),
        Purchase(price, **(buying or {})),
        Loads(("x",), rate, demand, penalty, **(loads or {})),
        porting,
        **parts,
    )


def test_demand_is_met_by_just_enough_chips():
    # 8 units/s at 2 a chip: 4 chips at 10.
    plan = solve(one_chip(), ALL)
    assert plan.objective == pytest.approx(40)
    assert plan.do.buy.tolist() == [[4]]


def test_what_is_dearer_than_its_penalty_goes_unmet():
    # A chip serves 2 units/s for 10; a penalty of 4 a unit makes them worth 8: buy nothing.
    plan = solve(one_chip(penalty=4.0), ALL)
    assert plan.objective == pytest.approx(32)
    assert plan.then.short.tolist() == [[8]]


def test_unmet_share_is_a_limit():
    # At most a quarter (2 units/s) unmet: 3 chips and 2 · 4.
    plan = solve(one_chip(penalty=4.0, loads={"unmet": 0.25}), ALL)
    assert plan.objective == pytest.approx(38)


def test_supply_and_permission_cap_orders():
    # 3 chips to be had: 30 and 2 units/s unmet at 100; not allowed: 800.
    assert solve(one_chip(buying={"supply": 3.5}), ALL).objective == pytest.approx(230)
    assert solve(one_chip(buying={"allowed": False}), ALL).objective == pytest.approx(800)


def test_purchases_come_in_whole_blocks():
    # Blocks of 3 chips: 2 blocks for the 4 chips needed; the linear relaxation buys 4/3.
    assert solve(one_chip(chip={"block": 3.0}), ALL).objective == pytest.approx(60)
    relaxed = solve(one_chip(chip={"block": 3.0}), Settings(whole="none"))
    assert relaxed.objective == pytest.approx(40)


def test_orders_arrive_after_their_lead_time():
    # Lead of one period: period 1 is unmet (8 · 5 = 40), period 2 served by 4 chips (40).
    plan = solve(one_chip(chain(2), penalty=5.0, buying={"lead": 1}, demand=8.0), ALL)
    assert plan.objective == pytest.approx(80)
    assert plan.then.arrived.tolist() == [[0], [4]]


def test_lead_times_cross_branches():
    # Ordered at the root before it is known whether demand comes (half the time): 4 chips at 10
    # against 0.5 · 8 · 100.
    tree = Tree([0, 1, 1], [-1, 0, 0], [1, 0.5, 0.5])
    demand = np.array([[0.0], [8.0], [0.0]])
    plan = solve(one_chip(tree, demand=demand, buying={"lead": 1}), ALL)
    assert plan.objective == pytest.approx(40)
    assert plan.then.arrived[1:].tolist() == [[4], [4]]


def test_only_the_delivered_share_comes_and_only_it_is_paid_at_delivery():
    # Half comes: 8 ordered for 4; a quarter of 10 is paid at the order of 8 (20), three quarters
    # for the 4 that come (30).
    buying = {"delivered": 0.5, "paid_on_order": 0.25}
    plan = solve(one_chip(buying=buying), ALL)
    assert plan.objective == pytest.approx(50)


def test_stock_costs_and_waits():
    # Chips are 10 now and 30 later; none is needed now. Hold 4 for one period at 3: 40 + 12.
    demand = np.array([[0.0], [8.0]])
    plan = solve(
        one_chip(chain(2), price=np.array([[10.0], [30.0]]), demand=demand, buying={"hold": 3.0},
                 limits=Limits(opex=5.0)), ALL)  # fmt: skip
    assert plan.objective == pytest.approx(40 + 12 + 4 * 5)
    assert plan.then.stock.tolist() == [[4], [0]]


def test_fleet_in_hand_serves_until_it_leaves():
    # 4 in hand leave after the first period; then 4 are bought.
    fleet = Fleet(chip=[0], count=[4.0], until=[1])
    plan = solve(one_chip(chain(2), fleet=fleet), ALL)
    assert plan.objective == pytest.approx(40)
    assert plan.do.buy.tolist() == [[0], [4]]


def test_bought_chips_retire_at_the_end_of_their_life():
    # A life of one period: 4 chips for each of two periods.
    assert solve(one_chip(chain(2), chip={"life": 1}), ALL).objective == pytest.approx(80)
    assert solve(one_chip(chain(2)), ALL).objective == pytest.approx(40)


def test_failures_must_be_replaced():
    # A quarter fails in a period: 4, then 1 more.
    plan = solve(one_chip(chain(2), chip={"failure": 0.25}), ALL)
    assert plan.objective == pytest.approx(50)


def test_retired_chips_are_sold_and_those_left_have_a_worth():
    # 4 in hand and no demand: sold at 6 each. Kept at the end: worth 7 each.
    fleet = Fleet(chip=[0], count=[4.0])
    sold = one_chip(demand=0.0, fleet=fleet, buying={"resale": 6.0, "allowed": False})
    kept = one_chip(
        demand=0.0, fleet=fleet, buying={"resale": 6.0, "residual": 7.0, "allowed": False}
    )
    assert solve(sold, ALL).objective == pytest.approx(-24)
    assert solve(kept, ALL).objective == pytest.approx(-28)


def test_orders_outstanding_arrive():
    # 3 on their way at the start: one to buy.
    plan = solve(one_chip(fleet=Fleet(chip=[], count=[], arriving=3.0)), ALL)
    assert plan.objective == pytest.approx(10)


def test_rental_on_demand_up_to_what_is_offered():
    # Rent 3 at 2, buy 1 at 10.
    plan = solve(one_chip(rental=Rental(price=2.0, cap=3.0)), ALL)
    assert plan.objective == pytest.approx(16)


def test_a_reservation_is_paid_for_its_whole_term():
    # Needed in period 1 only; reserved for two at 3: 4 · 3 · 2 = 24, less than 40 to buy.
    demand = np.array([[8.0], [0.0]])
    rental = Rental(term=[2], term_price=3.0, term_cap=10.0)
    plan = solve(one_chip(chain(2), demand=demand, rental=rental), ALL)
    assert plan.objective == pytest.approx(24)
    assert plan.then.rented.tolist() == [[4], [4]]


def test_power_and_floor_limit_the_chips_in_service():
    # 600 W for 3 chips of 200 W, or floor for 2: the rest is unmet.
    power = one_chip(chip={"power": 200.0}, limits=Limits(power=600.0))
    floor = one_chip(chip={"floor": 1.0}, limits=Limits(floor=2.0))
    assert solve(power, ALL).objective == pytest.approx(30 + 200)
    assert solve(floor, ALL).objective == pytest.approx(20 + 400)


def test_budget_of_the_period_and_to_date():
    # 20 a period buys 2 now and 2 later; 20 in all buys 2.
    period = one_chip(chain(2), limits=Limits(budget=20.0))
    total = one_chip(chain(2), limits=Limits(budget_total=20.0))
    assert solve(period, ALL).objective == pytest.approx(40 + 400)
    assert solve(total, ALL).objective == pytest.approx(20 + 800)


def test_a_budget_counts_what_it_covers():
    # Running costs 5 a chip: a budget of 45 over both pays for 3.
    limits = Limits(opex=5.0, budget=45.0, budget_covers=("purchase", "operation"))
    assert solve(one_chip(limits=limits), ALL).objective == pytest.approx(45 + 200)


def two_chips(by):
    """A foreign chip at 10 and a domestic one at 20, alike in speed; half must be domestic."""
    return Problem(
        chain(1),
        Chips(("A", "B"), stack=0, domestic=[False, True]),
        Purchase([10.0, 20.0]),
        Loads(("x",), [[2.0], [2.0]], 12.0, 100.0),
        PORTED,
        limits=Limits(domestic_share=0.5, domestic_by=by),
    )


def test_domestic_share_of_spend_and_of_chips():
    # Of 6 chips: by number 3 + 3 = 90; by spend 4 at 10 and 2 at 20 = 80.
    assert solve(two_chips("chips"), ALL).objective == pytest.approx(90)
    assert solve(two_chips("spend"), ALL).objective == pytest.approx(80)


def test_porting_is_paid_once_and_opens_a_stack_and_load():
    # 4 chips and 25 for the port; at 1000 it is not worth it and all goes unmet.
    cheap = one_chip(chain(2), porting=Porting(("s",), cost=25.0))
    dear = one_chip(porting=Porting(("s",), cost=1000.0))
    assert solve(cheap, ALL).objective == pytest.approx(65)
    assert solve(dear, ALL).objective == pytest.approx(800)


def test_porting_takes_time_and_starts_slowly():
    # Ready one period after, at half the load in its first: 8 unmet, 4 unmet, none; penalty 1.
    porting = Porting(("s",), cost=1.0, delay=1, slow=0.5, ramp=1)
    plan = solve(one_chip(chain(3), price=0.5, penalty=1.0, porting=porting), ALL)
    assert plan.objective == pytest.approx(1 + 8 + 4 + 4 * 0.5)
    assert plan.then.short[:, 0].tolist() == [8, 4, 0]


def test_training_is_done_by_its_deadline_at_any_pace():
    # 80 units of work, 10 s a period, 2 units/s a chip: 4 chips in one period or 2 in two.
    tree = chain(3, seconds=10.0)
    loads = {"training": True, "work": 80.0, "deadline": 1}
    plan = solve(one_chip(tree, demand=0.0, loads=loads), ALL)
    assert plan.objective == pytest.approx(20)
    late = {**loads, "start": 1}
    assert solve(one_chip(tree, demand=0.0, loads=late), ALL).objective == pytest.approx(40)


def test_training_left_undone_is_paid_for_at_the_deadline():
    tree = chain(2, seconds=10.0)
    loads = {"training": True, "work": 80.0, "deadline": 0}
    plan = solve(one_chip(tree, demand=0.0, penalty=0.1, loads=loads), ALL)
    assert plan.objective == pytest.approx(8)
    assert plan.then.short[:, 0].tolist() == [80, 0]


def test_later_payments_are_discounted():
    # Needed in the second period, a year later: 40 / 1.25.
    year = 365.25 * 86400.0
    demand = np.array([[0.0], [8.0]])
    plan = solve(one_chip(chain(2, year), demand=demand, discount_rate=0.25), ALL)
    assert plan.objective == pytest.approx(32)


def branch(risk, price=20.0):
    """Demand comes in one of four futures; chips must be ordered before."""
    tree = Tree([0, 1, 1], [-1, 0, 0], [1, 0.25, 0.75])
    demand = np.array([[0.0], [8.0], [0.0]])
    return one_chip(tree, demand=demand, penalty=8.0, price=price, buying={"lead": 1}, risk=risk)


def test_cvar_weighs_the_tail():
    # Unmet: 64 with chance 1/4, mean 16. Buying 4 chips at 5 costs 20 for certain. The mean of the
    # worst quarter is 64 against 20, so half weight on it (40 against 20) buys.
    assert solve(branch(Risk(), 5.0), ALL).objective == pytest.approx(16)
    assert solve(branch(Risk(0.75, 0.5), 5.0), ALL).objective == pytest.approx(20)


def test_least_worst_regret():
    # Known futures cost 20 and 0. Buying 0 ≤ b ≤ 4 chips regrets 5b + 16 (4 − b) − 20 in one and
    # 5b in the other: 44 − 11b = 5b at b = 2.75; in whole chips b = 3 regrets 15.
    plan = solve(branch(Risk(objective="regret"), 5.0), ALL)
    assert plan.do.buy[0].tolist() == [3]
    assert plan.objective == pytest.approx(15, abs=1e-2)
