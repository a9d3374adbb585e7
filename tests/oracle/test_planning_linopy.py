"""The programme against a second modelling layer, written element by element from the inequalities.

Random small problems with every feature are built again in linopy; relaxed and whole optima agree.
"""

import warnings

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
    solve,
)

TREE = Tree(
    [0, 1, 2, 2], [-1, 0, 1, 1], [2.0, 2.0, 1.5, 0.5], seconds=[10.0, 12.0, 9.0]
)  # fmt: skip


def draw(seed: int) -> Problem:
    """A problem over 4 nodes, 3 chips, 2 stacks, a serving and a training load."""
    rng = np.random.default_rng(seed)
    shape = (4, 3)
    price = rng.uniform(5, 15, shape)
    demand = np.stack([rng.uniform(10, 30, 4), np.zeros(4)], axis=1)
    return Problem(
        TREE,
        Chips(
            ("a", "b", "c"), stack=[0, 1, 1], domestic=[False, True, False], block=[1, 2, 3],
            power=rng.uniform(1, 2, 3), floor=rng.uniform(1, 2, 3), life=[2, 10, 1],
            failure=[0.1, 0.0, 0.05],
        ),
        Purchase(
            price, supply=rng.integers(2, 9, shape), allowed=rng.random(shape) < 0.8,
            lead=rng.integers(0, 3, shape), delivered=rng.uniform(0.5, 1, shape),
            paid_on_order=[1.0, 0.3, 0.0], hold=0.2, resale=1.0, residual=0.3 * price,
        ),
        Loads(
            ("serve", "train"), rate=[[2.0, 1.0], [1.5, 2.0], [1.0, 0.0]], demand=demand,
            penalty=[9.0, 0.8], unmet=[0.9, 1.0], training=[False, True], work=[0.0, 200.0],
            start=[0, 1], deadline=[9, 2],
        ),
        Porting(
            ("s", "t"), cost=rng.uniform(5, 20, (2, 2)), delay=[[0, 0], [1, 1]],
            slow=[[1, 1], [0.5, 1]], ramp=[[0, 0], [1, 0]], done=[[True, False], [False, False]],
        ),
        rental=Rental(
            price=rng.uniform(2, 4, shape), cap=rng.uniform(0, 3, shape), term=[2],
            term_price=rng.uniform(1, 3, (4, 3, 1)), term_cap=rng.uniform(0, 2, (4, 3, 1)),
        ),
        fleet=Fleet(
            chip=[0, 1], count=[3.0, 2.0], until=[2, 9], stock=[0.0, 1.0, 0.0],
            arriving=rng.uniform(0, 0.5, shape),
        ),
        limits=Limits(
            opex=rng.uniform(0.1, 0.5, shape), budget=60.0, budget_total=[70, 110, 150, 140],
            budget_covers=("purchase", "rent", "porting"), power=35.0, floor=35.0,
            domestic_share=[0.0, 0.2, 0.4, 0.0],
        ),
        risk=Risk(0.6, 0.4),
        discount_rate=0.1,
    )  # fmt: skip


def least(problem: Problem, whole: bool) -> float:
    """Optimum of the same problem, built in linopy one inequality at a time."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        import linopy
    model = linopy.Model()
    tree, chips, buy = problem.tree, problem.chips, problem.purchase
    loads, ways, rental = problem.loads, problem.porting, problem.rental
    fleet, limits, risk = problem.fleet, problem.limits, problem.risk
    nodes, kinds = range(tree.nodes), range(len(chips.names))
    jobs, stacks, terms = range(2), range(2), range(len(rental.term))
    inf = float("inf")

    def add(low, high, integer=False):
        return 1 * model.add_variables(low, high, integer=integer and whole)

    def at_most(left, right):
        model.add_constraints(left <= right)

    def line(node):
        found = [node]
        while tree.parent[found[-1]] >= 0:
            found.append(int(tree.parent[found[-1]]))
        return found

    order, deploy, stock, held, retire, rent, work, short, port, new, sign = ({} for _ in range(11))
    for n in nodes:
        for c in kinds:
            most = buy.supply[n, c] // chips.block[c] if buy.allowed[n, c] else 0
            order[n, c] = add(0, most, True) * chips.block[c]
            deploy[n, c] = add(0, inf, True) * chips.block[c]
            stock[n, c], held[n, c], retire[n, c] = add(0, inf), add(0, inf), add(0, inf)
            rent[n, c] = add(0, rental.cap[n, c])
            for k in terms:
                sign[n, c, k] = add(0, rental.term_cap[n, c, k])
            for w in jobs:
                open_ = (
                    not loads.training[w] or loads.start[w] <= tree.period[n] <= loads.deadline[w]
                )
                work[n, c, w] = add(0, inf if open_ and loads.rate[c, w] > 0 else 0)
        for w in jobs:
            due = loads.training[w] and tree.period[n] == min(loads.deadline[w], tree.periods - 1)
            want = loads.work[w] * due if loads.training[w] else loads.demand[n, w]
            short[n, w] = add(0, want * loads.unmet[n, w])
            for s in stacks:
                port[n, s, w] = add(float(ways.done[s, w]), 1, True)
                new[n, s, w] = add(0, inf)

    total, spend = {}, {}
    for n in nodes:
        past = line(n)
        up = tree.parent[n]
        paid = {"purchase": 0, "rent": 0, "porting": 0, "operation": 0, "holding": 0}
        rest = 0
        for c in kinds:
            due = [a for lag, a in enumerate(past) if buy.lead[a, c] == lag]
            come = sum((order[a, c] for a in due), 0 * order[n, c]) * buy.delivered[n, c]
            given = fleet.arriving[n, c] * buy.delivered[n, c] + (fleet.stock[c] if up < 0 else 0)
            old = stock[up, c] if up >= 0 else 0 * stock[n, c]
            model.add_constraints(stock[n, c] - old - come + deploy[n, c] == given)
            kept = held[up, c] * (1 - chips.failure[c]) if up >= 0 else 0 * held[n, c]
            mine = [k for k in range(2) if fleet.chip[k] == c]
            first = sum(fleet.count[k] for k in mine if fleet.until[k] > 0) if up < 0 else 0
            model.add_constraints(held[n, c] - kept - deploy[n, c] + retire[n, c] == first)
            age = (1 - chips.failure[c]) ** tree.period[n]
            young = sum(fleet.count[k] * age for k in mine if fleet.until[k] > tree.period[n])
            fresh = sum(
                (deploy[a, c] * (1 - chips.failure[c]) ** lag
                 for lag, a in enumerate(past) if lag < chips.life[c]), 0 * held[n, c])  # fmt: skip
            at_most(held[n, c] - fresh, young)
            running = [(a, k) for k in terms for a in past[: rental.term[k]]]
            hired = sum((sign[a, c, k] for a, k in running), rent[n, c])
            at_most(sum(work[n, c, w] for w in jobs) - held[n, c] - hired, 0)
            advance = buy.paid_on_order[c]
            paid["purchase"] += (
                order[n, c] * (buy.price[n, c] * advance)
                + sum(
                    (order[a, c] * (buy.price[a, c] * (1 - advance)) for a in due), 0 * order[n, c]
                )
                * buy.delivered[n, c]
            )
            paid["rent"] += rent[n, c] * rental.price[n, c] + sum(
                (sign[a, c, k] * rental.term_price[a, c, k] for a, k in running), 0 * rent[n, c]
            )
            paid["operation"] += held[n, c] * limits.opex[n, c]
            paid["holding"] += stock[n, c] * buy.hold[n, c]
            rest += retire[n, c] * -buy.resale[n, c]
            if n in tree.leaves:
                rest += (held[n, c] + stock[n, c]) * -buy.residual[n, c]
        for w in jobs:
            speed = {c: work[n, c, w] * loads.rate[c, w] for c in kinds}
            for s in stacks:
                before = port[up, s, w] if up >= 0 else 0 * port[n, s, w]
                begun = float(ways.done[s, w]) if up < 0 else 0.0
                model.add_constraints(new[n, s, w] - port[n, s, w] + before >= -begun)
                paid["porting"] += new[n, s, w] * ways.cost[s, w]
                want = loads.demand[n, w]
                if loads.training[w]:
                    want = loads.work[w] / tree.seconds[tree.period[n]]
                here = sum((speed[c] for c in kinds if chips.stack[c] == s), 0 * short[n, w])
                if ways.done[s, w]:
                    at_most(here, want)
                    continue
                slow = ways.slow[s, w] if ways.ramp[s, w] else 1.0
                ready, mature = ways.delay[s, w], ways.delay[s, w] + ways.ramp[s, w]
                open_ = 0 * short[n, w]
                if ready < len(past):
                    open_ = open_ + port[past[ready], s, w] * slow
                if mature < len(past):
                    open_ = open_ + port[past[mature], s, w] * (1 - slow)
                at_most(here - open_ * want, 0)
            if loads.training[w]:
                if tree.period[n] == min(loads.deadline[w], tree.periods - 1):
                    inside = [a for a in past if tree.period[a] >= loads.start[w]]
                    done = sum(
                        work[a, c, w] * (loads.rate[c, w] * tree.seconds[tree.period[a]])
                        for a in inside for c in kinds)  # fmt: skip
                    model.add_constraints(done + short[n, w] >= loads.work[w])
            else:
                model.add_constraints(sum(speed.values()) + short[n, w] >= loads.demand[n, w])
            rest += short[n, w] * loads.penalty[n, w]
        at_most(sum(held[n, c] * chips.power[c] for c in kinds), limits.power[n])
        at_most(sum(held[n, c] * chips.floor[c] for c in kinds), limits.floor[n])
        spend[n] = sum(paid[kind] for kind in limits.budget_covers)
        at_most(spend[n], limits.budget[n])
        at_most(sum(spend[a] for a in past), limits.budget_total[n])
        home = sum(
            order[n, c] * (buy.price[n, c] * (chips.domestic[c] - limits.domestic_share[n]))
            for c in kinds)  # fmt: skip
        model.add_constraints(home >= 0)
        years = tree.seconds[: tree.period[n]].sum() / (365.25 * 86400)
        total[n] = (sum(paid.values()) + rest) * (1 + problem.discount_rate) ** -years

    weight = tree.probability / tree.probability[0]
    threshold = add(-inf, inf)
    goal = sum(total[n] * (weight[n] * (1 - risk.weight)) for n in nodes) + threshold * risk.weight
    for leaf in tree.leaves:
        excess = add(0, inf)
        model.add_constraints(excess + threshold - sum(total[n] for n in line(leaf)) >= 0)
        goal += excess * (weight[leaf] * risk.weight / (1 - risk.level))
    model.add_objective(goal)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        model.solve("highs", output_flag=False, mip_rel_gap=0.0)
    return float(model.objective.value)


@pytest.mark.parametrize(("seed", "whole"), [(0, "none"), (1, "all")])
def test_optimum_is_that_of_a_second_modelling_layer(seed: int, whole: str) -> None:
    problem = draw(seed)
    plan = solve(problem, Settings(whole=whole, gap=0.0, threads=1))
    assert plan.objective == pytest.approx(least(problem, whole == "all"), rel=1e-6)
    assert plan.then.broken == ()
