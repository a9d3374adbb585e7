"""From the arrays of a plan to moves, service and standings that people can read."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
import numpy.typing as npt

from tonnage.planning import Plan
from tonnage.scenario import Serving
from tonnage.study.plan_answer import Action, Future, Served, Standing
from tonnage.study.plan_problem import World

Floats = npt.NDArray[np.float64]

LEAST_CHIPS = 0.5
"""Fewer chips than this are rounding of the solver, not a move."""
_WATTS = 1e6


def moves_at(world: World, plan: Plan, node: int) -> Iterator[Action]:
    """Yield what is decided at a node."""
    period = world.tree.periods[world.tree.nodes[node].period].name
    do, problem = plan.do, plan.problem
    flows: tuple[tuple[str, Floats, Floats], ...] = (
        ("buy", do.buy, problem.purchase.price),
        ("rent", do.rent, problem.rental.price),
    )
    for kind, counts, price in flows:
        for c, chip in enumerate(world.chips):
            if counts[node, c] >= LEAST_CHIPS:
                count = float(counts[node, c])
                yield Action(period, kind, chip, count, count * float(price[node, c]))
    yield from _reservations(world, plan, node, period)
    yield from _ports(world, plan, node, period)
    yield from _turnover(world, plan, node, period)


def _reservations(world: World, plan: Plan, node: int, period: str) -> Iterator[Action]:
    rental = plan.problem.rental
    for c, chip in enumerate(world.chips):
        for t, term in enumerate(rental.term):
            count = float(plan.do.reserve[node, c, t])
            if count >= LEAST_CHIPS:
                usd = count * float(rental.term_price[node, c, t]) * int(term)
                yield Action(period, "reserve", chip, count, usd, f"{int(term)} periods")


def _ports(world: World, plan: Plan, node: int, period: str) -> Iterator[Action]:
    porting, parent = plan.problem.porting, world.tree.nodes[node].parent
    before = plan.do.port[parent] if parent >= 0 else 1.0 * porting.done
    begun = plan.do.port[node] - before
    for s, w in np.argwhere(begun > 0.05):
        if porting.cost[s, w] > 0 or porting.delay[s, w] > 0:
            usd = float(porting.cost[s, w] * begun[s, w])
            load = world.scenario.workloads[w].name
            yield Action(period, "port", porting.stacks[s], float(begun[s, w]), usd, load)


def _turnover(world: World, plan: Plan, node: int, period: str) -> Iterator[Action]:
    resale = plan.problem.purchase.resale
    for c, chip in enumerate(world.chips):
        kept = float(plan.then.stock[node, c])
        if kept >= LEAST_CHIPS:
            usd = kept * float(plan.problem.purchase.hold[node, c])
            yield Action(period, "stockpile", chip, kept, usd, "in stock at the period's end")
        count = float(plan.do.retire[node, c])
        if count >= LEAST_CHIPS:
            yield Action(period, "retire", chip, count, -count * float(resale[node, c]))


def service_along(world: World, plan: Plan, path: Sequence[int]) -> dict[str, tuple[Served, ...]]:
    """Return for each workload what is wanted and done along a history."""
    return {
        work.name: tuple(
            _serving(world, plan, path, w)
            if isinstance(work, Serving)
            else _training(world, plan, path, w)
        )
        for w, work in enumerate(world.scenario.workloads)
    }


def _serving(world: World, plan: Plan, path: Sequence[int], w: int) -> Iterator[Served]:
    for t, node in enumerate(path):
        wanted = float(plan.problem.loads.demand[node, w])
        done = wanted - float(plan.then.short[node, w])
        given = plan.then.served[node, :, w]
        by = {c: float(x) for c, x in zip(world.chips, given, strict=True) if x > 1e-6 * wanted}
        yield Served(world.tree.periods[t].name, wanted, done, by)


def _training(world: World, plan: Plan, path: Sequence[int], w: int) -> Iterator[Served]:
    seconds = plan.problem.tree.seconds
    tokens = np.array([plan.then.served[node, :, w] * seconds[t] for t, node in enumerate(path)])
    wanted = float(plan.problem.loads.work[w])
    last = min(int(plan.problem.loads.deadline[w]), len(path) - 1)
    by = {c: float(x) for c, x in zip(world.chips, tokens.sum(0), strict=True) if x > 1e-6 * wanted}
    yield Served(world.tree.periods[last].name, wanted, float(tokens.sum()), by)


def standing_at(world: World, plan: Plan, node: int) -> Standing:
    """Return fleet, stock, rent, money and power of a node."""

    def shown(counts: Floats) -> dict[str, float]:
        pairs = zip(world.chips, counts[node], strict=True)
        return {chip: float(n) for chip, n in pairs if n >= LEAST_CHIPS}

    then = plan.then
    spent = sum(float(x[node]) for kind, x in then.payments.items()
                if kind not in ("penalty", "proceeds"))  # fmt: skip
    power = float(then.held[node] @ plan.problem.chips.power) / _WATTS
    period = world.tree.periods[world.tree.nodes[node].period].name
    return Standing(period, shown(then.held), shown(then.stock), shown(then.rented), spent, power)


def future_of(world: World, plan: Plan, leaf: int, regret: float | None) -> Future:
    """Return what the plan does and reaches in the `leaf`-th future."""
    node = world.tree.leaves[leaf]
    path = world.tree.path(node)
    name = world.tree.futures[leaf]
    about = next((b.about for b in world.scenario.branches if b.name == name), "")
    return Future(
        name=name,
        probability=world.tree.nodes[node].probability,
        about=about,
        actions=tuple(action for n in path for action in moves_at(world, plan, n)),
        served=service_along(world, plan, path),
        standings=tuple(standing_at(world, plan, n) for n in path),
        cost=float(plan.cost[leaf]),
        regret=regret,
    )


def trunk(world: World) -> tuple[int, ...]:
    """Return the nodes that every future passes through, from the root on."""
    paths = [world.tree.path(leaf) for leaf in world.tree.leaves]
    shared = [nodes[0] for nodes in zip(*paths, strict=True) if len(set(nodes)) == 1]
    return tuple(shared)


__all__ = ["future_of", "moves_at", "service_along", "standing_at", "trunk"]
