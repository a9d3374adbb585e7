"""What a set of decisions leads to, by walking the tree: no solver, no programme.

The walk repeats the rules of the model in plain arithmetic, so it checks the programme as well as
it prices a plan: its cost is what the plan costs, and its shortfalls are what the plan breaks.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from tonnage.planning.axes import Floats
from tonnage.planning.draft import problem_window
from tonnage.planning.problem import Problem


@dataclass(frozen=True, slots=True, eq=False)
class Decisions:
    """What is decided at every node, in chips; everything else follows."""

    buy: Floats
    """[node, chip] chips ordered."""
    deploy: Floats
    """[node, chip] chips put into service."""
    retire: Floats
    """[node, chip] chips taken out of service, and sold."""
    rent: Floats
    """[node, chip] chips rented on demand."""
    reserve: Floats
    """[node, chip, term] chips reserved."""
    work: Floats
    """[node, chip, load] chips at work."""
    port: Floats
    """[node, stack, load] 1 from the node on at which a port is begun."""


@dataclass(frozen=True, slots=True, eq=False)
class Walk:
    """What followed from decisions."""

    stock: Floats
    """[node, chip] chips in hand, not in service."""
    held: Floats
    """[node, chip] chips in service."""
    arrived: Floats
    """[node, chip] chips delivered at the node."""
    rented: Floats
    """[node, chip] chips on demand and under reservations."""
    served: Floats
    """[node, chip, load] speed, units per second."""
    short: Floats
    """[node, load] serving: speed unmet; training: work missing, at the deadline's nodes."""
    payments: dict[str, Floats]
    """Kind → [node] money, undiscounted: the kinds of `COSTS`, `penalty`, and `proceeds` (< 0)."""
    cost: Floats
    """[node] discounted sum of the payments."""
    broken: tuple[str, ...]
    """Limits that the decisions break, in words; empty when the plan can be carried out."""

    @property
    def spent(self) -> Floats:
        """[node] everything paid, undiscounted, penalties left out."""
        kinds = [x for kind, x in self.payments.items() if kind != "penalty"]
        return np.asarray(np.sum(kinds, axis=0), dtype=float)


def walk(problem: Problem, do: Decisions) -> Walk:
    """Follow decisions through every branch of the tree."""
    arrived, owed = _deliveries(problem, do)
    stock, held = _stocks(problem, do, arrived)
    rented, rent = _rentals(problem, do)
    served = do.work * problem.loads.rate
    short = _shortfall(problem, served)
    buy, loads, leaf = problem.purchase, problem.loads, problem.tree.leaves
    parent = problem.tree.parent[:, None, None]
    before = np.where(parent >= 0, do.port[problem.tree.parent], problem.porting.done)
    begun = np.maximum(do.port - before, 0.0)
    proceeds = -(do.retire * buy.resale).sum(1)
    proceeds[leaf] -= ((held + stock) * buy.residual)[leaf].sum(1)
    payments = {
        "purchase": (do.buy * buy.price * buy.paid_on_order).sum(1) + owed.sum(1),
        "rent": rent,
        "porting": (begun * problem.porting.cost).sum((1, 2)),
        "operation": (held * problem.limits.opex).sum(1),
        "holding": (stock * buy.hold).sum(1),
        "penalty": (short * loads.penalty).sum(1),
        "proceeds": proceeds,
    }
    cost = problem.discount * np.sum(list(payments.values()), axis=0)
    state = Walk(stock, held, arrived, rented, served, short, payments, cost, ())
    broken = tuple(_broken(problem, do, state))
    return Walk(stock, held, arrived, rented, served, short, payments, cost, broken)


def _deliveries(problem: Problem, do: Decisions) -> tuple[Floats, Floats]:
    """[node, chip] chips that come, and money due for them."""
    tree, buy = problem.tree, problem.purchase
    arrived = problem.fleet.arriving * buy.delivered
    owed = np.zeros_like(arrived)
    for node in range(tree.nodes):
        at, lag = node, 0
        while at >= 0:
            due = np.where(buy.lead[at] == lag, do.buy[at], 0.0) * buy.delivered[node]
            arrived[node] += due
            owed[node] += due * buy.price[at] * (1.0 - buy.paid_on_order)
            at, lag = int(tree.parent[at]), lag + 1
    return arrived, owed


def _stocks(problem: Problem, do: Decisions, arrived: Floats) -> tuple[Floats, Floats]:
    stock, held = np.zeros_like(do.buy), np.zeros_like(do.buy)
    cohorts = problem.fleet
    for node, parent in enumerate(problem.tree.parent):
        first = parent < 0
        in_stock = cohorts.stock if first else stock[parent]
        in_use = held[parent] * (1.0 - problem.chips.failure)
        if first:
            there = cohorts.count * (cohorts.until > 0)
            in_use = np.bincount(cohorts.chip, there, len(problem.chips.names))
        stock[node] = in_stock + arrived[node] - do.deploy[node]
        held[node] = in_use + do.deploy[node] - do.retire[node]
    return stock, held


def _rentals(problem: Problem, do: Decisions) -> tuple[Floats, Floats]:
    """[node, chip] chips rented, and [node] money for them."""
    tree, rental = problem.tree, problem.rental
    rented, rent = do.rent.copy(), (do.rent * rental.price).sum(1)
    for node in range(tree.nodes):
        at, lag = node, 0
        while at >= 0:
            running = do.reserve[at] * (lag < rental.term)
            rented[node] += running.sum(1)
            rent[node] += (running * rental.term_price[at]).sum()
            at, lag = int(tree.parent[at]), lag + 1
    return rented, rent


def _shortfall(problem: Problem, served: Floats) -> Floats:
    loads, tree = problem.loads, problem.tree
    speed = served.sum(1)
    short = np.where(loads.training, 0.0, np.maximum(loads.demand - speed, 0.0))
    for load in np.flatnonzero(loads.training):
        window = problem_window(problem, int(load))
        for leaf in range(len(tree.leaves)):
            nodes = tree.path[leaf, window]
            done = float((speed[nodes, load] * tree.seconds[window]).sum())
            short[nodes[-1], load] = max(loads.work[load] - done, 0.0)
    return short


def _broken(problem: Problem, do: Decisions, then: Walk) -> list[str]:
    """Name what cannot be carried out, with the largest excess of each kind."""
    limits, buy, loads = problem.limits, problem.purchase, problem.loads
    paid = np.sum([then.payments[kind] for kind in limits.budget_covers], axis=0)
    so_far = paid.copy()
    for node, parent in enumerate(problem.tree.parent):
        if parent >= 0:
            so_far[node] += so_far[parent]
    weight = buy.price if limits.domestic_by == "spend" else np.ones_like(buy.price)
    home = (do.buy * weight * (problem.chips.domestic - limits.domestic_share[:, None])).sum(1)
    busy = do.work.sum(2) - then.held - then.rented
    excess = {
        "orders where none are allowed": do.buy * ~buy.allowed,
        "orders above supply": do.buy - buy.supply,
        "deployment of chips not in stock": -then.stock,
        "retirement of chips not in service": -then.held,
        "rental above what is offered": do.rent - problem.rental.cap,
        "reservations above what is offered": do.reserve - problem.rental.term_cap,
        "work for more chips than there are": busy,
        "work that chips cannot do": do.work * (loads.rate == 0),
        "power": (then.held * problem.chips.power).sum(1) - limits.power,
        "floor space": (then.held * problem.chips.floor).sum(1) - limits.floor,
        "budget of the period": paid - limits.budget,
        "budget to date": so_far - limits.budget_total,
        "domestic share": -home,
        "chips past their age": _overage(problem, do, then),
        "work on stacks not ported": _unported(problem, do, then),
        "unmet demand": then.short - _most_short(problem),
    }
    size = {name: float(np.max(x, initial=0.0)) for name, x in excess.items()}
    scale = _scales(problem, do, then)
    return [f"{name}: by {size[name]:.6g}" for name in size if size[name] > 1e-5 * scale[name]]


def _scales(problem: Problem, do: Decisions, then: Walk) -> dict[str, float]:
    """Magnitudes against which an excess counts as rounding."""
    chips = 1.0 + float(max(x.max(initial=0) for x in (do.buy, then.held, do.work)))
    money = 1.0 + float(max(np.abs(x).max() for x in then.payments.values()))
    speed = 1.0 + float(max(then.served.max(initial=0), problem.loads.demand.max(initial=0)))
    own = {
        "power": 1.0 + float((then.held * problem.chips.power).sum(1).max()),
        "floor space": 1.0 + float((then.held * problem.chips.floor).sum(1).max()),
        "budget of the period": money,
        "budget to date": money,
        "domestic share": money,
        "work on stacks not ported": speed,
        "unmet demand": speed + float(problem.loads.work.max(initial=0)),
    }

    class _Else(dict[str, float]):
        def __missing__(self, name: str) -> float:
            return chips

    return _Else(own)


def _most_short(problem: Problem) -> Floats:
    loads = problem.loads
    return np.where(loads.training, loads.work, loads.demand) * loads.unmet


def _overage(problem: Problem, do: Decisions, then: Walk) -> Floats:
    """[node, chip] chips in service beyond those that are young enough."""
    tree, cohorts = problem.tree, problem.fleet
    young = np.zeros_like(then.held)
    for cohort, chip in enumerate(cohorts.chip):
        left = cohorts.count[cohort] * (1.0 - problem.chips.failure[chip]) ** tree.period
        young[:, chip] += left * (tree.period < cohorts.until[cohort])
    for node in range(tree.nodes):
        at, lag = node, 0
        while at >= 0:
            kept = (1.0 - problem.chips.failure) ** lag * (lag < problem.chips.life)
            young[node] += do.deploy[at] * kept
            at, lag = int(tree.parent[at]), lag + 1
    return then.held - young


def _unported(problem: Problem, do: Decisions, then: Walk) -> Floats:
    """[node, stack, load] speed on a stack beyond what its port carries."""
    tree, ways, loads = problem.tree, problem.porting, problem.loads
    want = np.where(loads.training, 0.0, loads.demand)
    for load in np.flatnonzero(loads.training):
        want[:, load] = loads.work[load] / tree.seconds[tree.period]
    open_ = np.zeros_like(do.port)
    pair = np.indices(ways.cost.shape)
    for node in range(tree.nodes):
        line = _line(tree.parent, node)
        for lag, part in (
            (ways.delay, np.where(ways.ramp > 0, ways.slow, 1.0)),
            (ways.delay + ways.ramp, np.where(ways.ramp > 0, 1.0 - ways.slow, 0.0)),
        ):
            at = np.where(lag < len(line), line[np.minimum(lag, len(line) - 1)], -1)
            open_[node] += np.where(at >= 0, do.port[at, pair[0], pair[1]], 0.0) * part
        open_[node] = np.where(ways.done, 1.0, open_[node])
    given = np.zeros_like(do.port)
    for chip, stack in enumerate(problem.chips.stack):
        given[:, stack] += then.served[:, chip]
    return given - open_ * want[:, None, :]


def _line(parent: np.ndarray, node: int) -> np.ndarray:
    """Nodes from `node` back to the root."""
    line = [node]
    while parent[line[-1]] >= 0:
        line.append(int(parent[line[-1]]))
    return np.array(line)


def tail_mean(cost: Floats, weight: Floats, level: float) -> float:
    """CVaR: mean of the costliest 1 − level of the futures, by sorting.

    >>> tail_mean(np.array([1.0, 2.0, 10.0]), np.array([0.5, 0.4, 0.1]), 0.8)
    6.0
    """
    order = np.argsort(-cost, kind="stable")
    share = weight[order] / weight.sum()
    room = 1.0 - level
    used = np.clip(room - np.concatenate([[0.0], np.cumsum(share)[:-1]]), 0.0, share)
    return float(used @ cost[order] / room)
