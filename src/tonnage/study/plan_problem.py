"""From a scenario to the arrays of the planner: every number on its node, chip and load.

Axes as in `tonnage.planning.problem`: [node, chip], [node, load], [chip, load], [stack, load].
Money is in US dollars, speed in tokens per second, power in watts at the meter.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date

import numpy as np
import numpy.typing as npt

from tonnage import planning
from tonnage.scenario import (
    Amount,
    Change,
    Option,
    Period,
    Scenario,
    Serving,
    Training,
    Tree,
)
from tonnage.study.plan_law import Law
from tonnage.study.plan_price import Prices
from tonnage.study.plan_rates import Rates
from tonnage.units import HOURS_PER_YEAR, KILO, SECONDS_PER_DAY

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
Bools = npt.NDArray[np.bool_]

BLOCK_CHIPS = 8.0
"""Smallest order where the scenario says nothing: one server; our assumption."""
RESERVE_YEARS = 1.0
"""Length of a reservation; our assumption."""


@dataclass(frozen=True, slots=True)
class World:
    """All that the arrays are made from."""

    scenario: Scenario
    tree: Tree
    law: Law
    rates: Rates
    prices: Prices

    @property
    def chips(self) -> tuple[str, ...]:
        """[chip] names of the options, in the order of the file."""
        return tuple(option.chip for option in self.scenario.options)

    @property
    def stacks(self) -> tuple[str, ...]:
        """[stack] names of the software stacks."""
        named = [option.stack for option in self.scenario.options]
        return tuple(dict.fromkeys([*named, *self.scenario.ready_stacks]))

    def changes(self, node: int, kind: str, name: str | None = None) -> Iterator[Change]:
        """Yield the changes of a kind in effect on the first day of a node."""
        day = self.tree.start(node)
        for change in self.tree.nodes[node].changes:
            if change.kind == kind and change.holds(day) and (not name or name in change.names):
                yield change

    def factor(self, node: int, kind: str, name: str, side: str = "") -> float:
        """Return the product of the factors in effect on a chip or workload at a node."""
        product = 1.0
        for change in self.changes(node, kind, name):
            if change.amount is not None and (not side or change.detail in {side, "both"}):
                product *= change.amount.value
        return product

    def arrival(self, node: int, chip: str) -> date | None:
        """Return the day that the branches known at a node give for a chip's first order."""
        days = [
            change.on
            for change in self.tree.nodes[node].changes
            if change.kind == "arrival" and chip in change.names
        ]
        return max(days) if days else None

    def latest(self, node: int, kind: str, name: str, otherwise: float) -> float:
        """Return the share that the last change in effect sets at a node."""
        found = [c for c in self.changes(node, kind, name) if c.amount is not None]
        last = max(found, key=lambda change: change.on, default=None)
        return last.amount.value if last is not None and last.amount is not None else otherwise


def problem_of(world: World, risk: planning.Risk) -> planning.Problem:
    """Return the planning problem of a scenario."""
    buyer = world.scenario.buyer
    return planning.Problem(
        tree=_tree(world.tree),
        chips=_chips(world),
        purchase=_purchase(world),
        loads=_loads(world),
        porting=_porting(world),
        rental=_rental(world),
        fleet=_fleet(world),
        limits=_limits(world),
        risk=risk,
        discount_rate=buyer.discount_rate.value if buyer.discount_rate else 0.0,
    )


def _tree(tree: Tree) -> planning.Tree:
    return planning.Tree(
        period=np.array([node.period for node in tree.nodes]),
        parent=np.array([node.parent for node in tree.nodes]),
        probability=np.array([node.probability for node in tree.nodes]),
        seconds=np.array([(p.end - p.start).days * SECONDS_PER_DAY for p in tree.periods]),
        labels=tuple(period.name for period in tree.periods),
        futures=tree.futures,
    )


def _node_years(tree: Tree) -> Floats:
    """[node] length in years."""
    return np.array([tree.periods[node.period].years for node in tree.nodes])


def _per_node(tree: Tree, amount: Amount | None, otherwise: float) -> Floats:
    """[node] the value that holds on the first day of each node."""
    if amount is None:
        return np.full(len(tree.nodes), otherwise)
    return np.array([amount.on(tree.start(i)) for i in range(len(tree.nodes))])


def _chips(world: World) -> planning.Chips:
    options, stacks = world.scenario.options, world.stacks
    blocks = [o.buy.block.value if o.buy and o.buy.block else BLOCK_CHIPS for o in options]
    area, home = world.scenario.buyer.area_per_chip, world.scenario.buyer.country
    return planning.Chips(
        names=tuple(world.prices.names[chip] for chip in world.chips),
        stack=np.array([stacks.index(option.stack) for option in options]),
        domestic=np.array([world.prices.maker[c] == home for c in world.chips]),
        block=np.array(blocks),
        power=_meter_watts(world),
        floor=np.full(len(options), area.value if area else 0.0),
    )


def _meter_watts(world: World) -> Floats:
    """[chip] W at the meter of a chip in service."""
    pue = world.scenario.buyer.pue
    return np.array([world.prices.watts[c] for c in world.chips]) * (pue.value if pue else 1.0)


def _purchase(world: World) -> planning.Purchase:
    tree, options = world.tree, world.scenario.options
    shape = (len(tree.nodes), len(options))
    price, supply, hold, worth, resale = (np.zeros(shape) for _ in range(5))
    allowed, lead = np.ones(shape, dtype=bool), np.zeros(shape, dtype=np.int64)
    delivered = np.ones(shape)
    for c, option in enumerate(options):
        if option.buy is None:
            # What nobody sells never comes, so that one more of it on offer is worth nothing.
            delivered[:, c] = 0.0
            continue
        for n in range(len(tree.nodes)):
            day, years = tree.start(n), tree.periods[tree.nodes[n].period].years
            price[n, c] = world.prices.bought(option.chip, day) * world.factor(
                n, "price", option.chip, "buy"
            )
            allowed[n, c] = world.law.allowed(n, option.chip) and not _banned(world, n, option)
            lead[n, c] = _periods(option.buy.lead_time.on(day), tree.periods)
            # An order that would come after the last period is no part of the plan.
            in_time = tree.nodes[n].period + lead[n, c] < len(tree.periods)
            supply[n, c] = _supply(world, n, option) if in_time else 0.0
            delivered[n, c] = _delivered(world, n, option)
            keep = option.buy.stockpile
            # Without leave to stockpile, a box costs its price each period, so none is kept.
            hold[n, c] = price[n, c] * (keep.value * years if keep else 1.0)
            worth[n, c] = price[n, c] * (option.buy.residual.value if option.buy.residual else 0.0)
            resale[n, c] = price[n, c] * (option.buy.resale.value if option.buy.resale else 0.0)
    deposit = [o.buy.deposit.value if o.buy and o.buy.deposit else 0.0 for o in options]
    return planning.Purchase(
        price=price,
        supply=supply,
        allowed=allowed,
        lead=lead,
        delivered=delivered,
        paid_on_order=np.array(deposit),
        hold=hold,
        resale=resale,
        residual=worth,
    )


def _periods(days: float, periods: tuple[Period, ...]) -> int:
    """Return a time span in whole periods, rounded, as the mean period counts."""
    mean = (periods[-1].end - periods[0].start).days / len(periods)
    return int(days / mean + 0.5)


def _open_share(period: Period, first: date | None, last: date | None) -> float:
    """Return the part of a period between two days."""
    begin, end = max(period.start, first or period.start), min(period.end, last or period.end)
    return max((end - begin).days, 0) / (period.end - period.start).days


def _supply(world: World, node: int, option: Option) -> float:
    assert option.buy is not None
    period = world.tree.periods[world.tree.nodes[node].period]
    first = world.arrival(node, option.chip) or option.buy.first
    share = _open_share(period, first, option.buy.last)
    if option.buy.cap is None:
        return float("inf") if share > 0 else 0.0
    cap = option.buy.cap.on(period.start) * period.years * share
    cap *= world.factor(node, "supply", option.chip)
    # Where the law closes the market the offer stands, so that the permission has its worth.
    licensed = world.law.licensed_share(node, option.chip)
    return cap * licensed if licensed > 0 else cap


def _banned(world: World, node: int, option: Option) -> bool:
    return any(True for _ in world.changes(node, "ban", option.chip))


def _delivered(world: World, node: int, option: Option) -> float:
    """Return the part of what is due at a node that comes: none where the law stopped it.

    Where the order was closed too, nothing can be due; the usual part stands there, so that the
    worth of a permission is that of chips that come.
    """
    assert option.buy is not None
    if not world.law.allowed(node, option.chip):
        ordered = _ordered_at(world, node, option.buy.lead_time)
        if ordered < 0 or world.law.allowed(ordered, option.chip):
            return 0.0
    base = option.buy.delivered.on(world.tree.start(node)) if option.buy.delivered else 1.0
    return world.latest(node, "delivery", option.chip, base)


def _ordered_at(world: World, node: int, lead: Amount) -> int:
    """Return the node at which what is due now was ordered, -1 before the start."""
    at = node
    for _ in range(_periods(lead.on(world.tree.start(node)), world.tree.periods)):
        if at >= 0:
            at = world.tree.nodes[at].parent
    return at


def _rental(world: World) -> planning.Rental:
    tree, options = world.tree, world.scenario.options
    shape = (len(tree.nodes), len(options))
    price, cap = np.zeros(shape), np.zeros(shape)
    off = np.zeros(len(options))
    for c, option in enumerate(options):
        if option.rent is None:
            continue
        off[c] = option.rent.reserve_discount.value if option.rent.reserve_discount else 0.0
        for n in range(len(tree.nodes)):
            period = tree.periods[tree.nodes[n].period]
            hourly = world.prices.rented(option.chip, period.start)
            hourly *= world.factor(n, "price", option.chip, "rent")
            price[n, c] = hourly * HOURS_PER_YEAR * period.years
            most = option.rent.cap.on(period.start) if option.rent.cap else float("inf")
            most *= world.factor(n, "supply", option.chip)
            cap[n, c] = most if _open_share(period, option.rent.first, None) > 0 else 0.0
    mean_years = float(_node_years(tree).mean())
    term = max(int(RESERVE_YEARS / mean_years + 0.5), 1)
    reserved = np.where(off > 0, cap, 0.0)
    return planning.Rental(
        price=price,
        cap=cap,
        term=np.array([term]),
        term_price=(price * (1.0 - off))[..., None],
        term_cap=reserved[..., None],
    )


def _loads(world: World) -> planning.Loads:
    tree, works = world.tree, world.scenario.workloads
    shape = (len(tree.nodes), len(works))
    demand, penalty, unmet = np.zeros(shape), np.zeros(shape), np.ones(shape)
    seconds = _node_years(tree) * HOURS_PER_YEAR * 3600.0
    for w, work in enumerate(works):
        per_token = _per_node(tree, work.unmet.price, 0.0)
        serving = isinstance(work, Serving)
        penalty[:, w] = per_token * seconds if serving else per_token
        unmet[:, w] = _per_node(tree, work.unmet.limit, 1.0)
        if isinstance(work, Serving):
            demand[:, w] = [_demand(world, n, work) for n in range(len(tree.nodes))]
    runs = [work if isinstance(work, Training) else None for work in works]
    return planning.Loads(
        names=tuple(work.name for work in works),
        rate=world.rates.table(),
        demand=demand,
        penalty=penalty,
        unmet=unmet,
        training=np.array([run is not None for run in runs]),
        work=np.array([run.tokens.value if run else 0.0 for run in runs]),
        start=np.array([_period_of(tree, run.start) if run else 0 for run in runs]),
        deadline=np.array([_last_period(tree, run.deadline) if run else 10_000 for run in runs]),
        units=("token",) * len(works),
    )


def _demand(world: World, node: int, work: Serving) -> float:
    day = world.tree.start(node)
    growth = 1.0
    if work.growth is not None:
        years = (day - world.tree.periods[0].start).days / 365.25
        growth = (1.0 + work.growth.value) ** years
    return work.demand.on(day) * growth * world.factor(node, "demand", work.name)


def _period_of(tree: Tree, day: date) -> int:
    """Return the period a day is in; the first or the last for a day outside."""
    inside = [i for i, period in enumerate(tree.periods) if period.start <= day]
    return inside[-1] if inside else 0


def _last_period(tree: Tree, deadline: date) -> int:
    """Return the last period of which more than half lies before a deadline, at least the first."""
    before = [
        i
        for i, p in enumerate(tree.periods)
        if (deadline - p.start).days * 2 >= (p.end - p.start).days
    ]
    return before[-1] if before else 0


def _porting(world: World) -> planning.Porting:
    scenario, stacks = world.scenario, world.stacks
    loads = [work.name for work in scenario.workloads]
    shape = (len(stacks), len(loads))
    cost, slow = np.zeros(shape), np.ones(shape)
    delay, ramp = np.zeros(shape, dtype=np.int64), np.zeros(shape, dtype=np.int64)
    done: Bools = np.zeros(shape, dtype=bool)
    for stack in scenario.ready_stacks:
        done[stacks.index(stack)] = True
    month = scenario.buyer.engineer_cost.value if scenario.buyer.engineer_cost else 0.0
    for port in scenario.ports:
        at = stacks.index(port.stack), loads.index(port.workload)
        cost[at] = port.effort.value * month
        delay[at] = _periods(port.time.value, scenario.periods)
        if port.slow_start is not None:
            slow[at], ramp[at] = port.slow_start.value, 1
    return planning.Porting(stacks, cost, delay, slow, ramp, done)


def _fleet(world: World) -> planning.Fleet:
    periods, rows = world.tree.periods, world.scenario.fleet
    until: Ints = np.full(len(rows), len(periods), dtype=np.int64)
    for i, row in enumerate(rows):
        if row.life is not None:
            age = [(p.start - row.bought).days for p in periods]
            until[i] = next(
                (t for t, days in enumerate(age) if days >= row.life.value), len(periods)
            )
    chip = np.array([world.chips.index(row.chip) for row in rows], dtype=np.int64)
    return planning.Fleet(chip, np.array([row.count.value for row in rows]), until)


def _limits(world: World) -> planning.Limits:
    tree, buyer = world.tree, world.scenario.buyer
    years, inf = _node_years(tree), float("inf")
    share = _per_node(tree, buyer.domestic_share, 0.0)
    for n in range(len(tree.nodes)):
        found = [c for c in world.changes(n, "mandate") if c.amount is not None]
        share[n] = max([share[n], *(c.amount.value for c in found if c.amount is not None)])
    return planning.Limits(
        opex=_opex(world),
        budget=_per_node(tree, buyer.budget, inf) * years,
        power=_per_node(tree, buyer.power, inf),
        floor=_per_node(tree, buyer.floor_space, inf),
        domestic_share=share,
    )


def _opex(world: World) -> Floats:
    """[node, chip] `W / 1000 · h · USD/kWh + upkeep · price · years`: running one chip a period."""
    tree, buyer = world.tree, world.scenario.buyer
    years = _node_years(tree)
    tariff = _per_node(tree, buyer.electricity, 0.0)
    energy = (tariff * years * HOURS_PER_YEAR)[:, None] * _meter_watts(world) / KILO
    upkeep = buyer.upkeep.value if buyer.upkeep else 0.0
    worth = np.array([world.prices.worth(chip) for chip in world.chips])
    result: Floats = energy + upkeep * worth * years[:, None]
    return result
