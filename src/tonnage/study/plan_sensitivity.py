"""Which assumptions the first moves hang on: each is moved alone, and the plan made again."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace

import numpy as np
import numpy.typing as npt

from tonnage import planning
from tonnage.errors import Infeasible
from tonnage.study.plan_answer import Sensitivity
from tonnage.study.plan_moves import trunk
from tonnage.study.plan_problem import World

Floats = npt.NDArray[np.float64]
Lever = tuple[str, Callable[[planning.Problem], planning.Problem]]
LEAST_MOVED = 0.02
"""Part of the first moves below which a change is not told."""
SHOWN = 6
"""Sensitivities told, those that move most of the first moves first."""


def sensitivities(
    world: World, found: planning.Plan, settings: planning.Settings
) -> tuple[Sensitivity, ...]:
    """Return what becomes of cost and first moves when one assumption moves.

    Counts are let free of whole servers (the linear relaxation), for the plan and for each change,
    so that what moves is the assumption's doing and not the rounding's.
    """
    loose = replace(settings, whole="none")
    nodes = np.array(trunk(world))
    base = planning.solve(found.problem, loose)
    first = _first(base, nodes)
    rows = []
    for name, change in levers(world):
        try:
            moved = planning.solve(change(found.problem), loose)
        except Infeasible:
            rows.append(Sensitivity(name, None, 1.0, "no plan meets the limits then"))
            continue
        shift = _first(moved, nodes) - first
        part = float(np.abs(shift).sum() / max(first.sum(), 1.0))
        rows.append(
            Sensitivity(name, moved.objective - base.objective, part, _words(world, first, shift))
        )
    order = sorted(rows, key=lambda row: -row.moved)
    return tuple(row for row in order[:SHOWN] if row.moved >= LEAST_MOVED)


def permissions(
    world: World, found: planning.Plan, settings: planning.Settings
) -> dict[str, float]:
    """Return what it is worth that a chip stays open where some future closes it, in USD.

    The plan is made again with the chip open at every node; counts are free of whole servers.
    """
    loose = replace(settings, whole="none")
    problem = found.problem
    base, worth = planning.solve(problem, loose).objective, {}
    for c, option in enumerate(world.scenario.options):
        allowed = problem.purchase.allowed
        if option.buy is None or allowed[:, c].all() or not allowed[0, c]:
            continue
        open_, comes = allowed.copy(), problem.purchase.delivered.copy()
        open_[:, c], comes[:, c] = True, comes[0, c]
        purchase = replace(problem.purchase, allowed=open_, delivered=comes)
        freed = planning.solve(replace(problem, purchase=purchase), loose)
        worth[world.chips[c]] = max(base - freed.objective, 0.0)
    return worth


def _first(plan: planning.Plan, nodes: npt.NDArray[np.int64]) -> Floats:
    """[chip] chips ordered, reserved and rented in the periods that all futures share."""
    do = plan.do
    counts: Floats = (do.buy + do.rent + do.reserve.sum(2))[nodes].sum(0)
    return counts


def _words(world: World, first: Floats, shift: Floats) -> str:
    parts = []
    for c in np.argsort(-np.abs(shift)):
        if abs(shift[c]) >= max(0.02 * first.sum(), 8.0):
            before, after = first[c], first[c] + shift[c]
            parts.append(f"{world.prices.names[world.chips[c]]} {before:,.0f} to {after:,.0f}")
    return "; ".join(parts) or "first moves hardly change"


def levers(world: World) -> Iterator[Lever]:
    """Yield what is moved: speeds by stack, demand, price of unmet demand, supply, budget, odds."""
    for stack in world.stacks:
        mine = np.array([option.stack == stack for option in world.scenario.options])
        for word, quantile in (("low", "p10"), ("high", "p90")):
            speed = world.rates.table(quantile)
            yield f"speed on {stack} at its {word} end", _speed(mine, speed)
    for word, factor in (("a quarter less", 0.75), ("a quarter more", 1.25)):
        yield f"serving demand {word}", _scaled("loads", "demand", factor)
        yield f"price of unmet demand {word}", _scaled("loads", "penalty", factor)
        yield f"prices of chips {word}", _scaled("purchase", "price", factor)
    for word, factor in (("half", 0.5), ("double", 2.0)):
        yield f"supply of home-made chips {word}", _supply(world, factor)
    for word, factor in (("a quarter less", 0.75), ("a quarter more", 1.25)):
        yield f"budget {word}", _scaled("limits", "budget", factor)
    yield from _odds(world)


def _speed(mine: npt.NDArray[np.bool_], speed: Floats) -> Callable[..., planning.Problem]:
    def change(problem: planning.Problem) -> planning.Problem:
        rate = np.where(mine[:, None], speed, problem.loads.rate)
        return replace(problem, loads=replace(problem.loads, rate=rate))

    return change


def _scaled(part: str, name: str, factor: float) -> Callable[..., planning.Problem]:
    def change(problem: planning.Problem) -> planning.Problem:
        held = getattr(problem, part)
        new = replace(held, **{name: getattr(held, name) * factor})
        return replace(problem, **{part: new})

    return change


def _supply(world: World, factor: float) -> Callable[..., planning.Problem]:
    home = world.scenario.buyer.country
    mine = np.array([world.prices.maker[chip] == home for chip in world.chips])

    def change(problem: planning.Problem) -> planning.Problem:
        supply = problem.purchase.supply * np.where(mine, factor, 1.0)
        return replace(problem, purchase=replace(problem.purchase, supply=supply))

    return change


def _odds(world: World) -> Iterator[Lever]:
    """Yield each first branch as good as certain."""
    first = [branch.name for branch in world.scenario.branches if branch.after is None]
    for name in first:
        weight = np.array([_certain(world, node, name) for node in range(len(world.tree.nodes))])
        yield f"'{name}' all but certain", _weighted(weight)


def _certain(world: World, node: int, name: str) -> float:
    """Return the probability of a node when the first branch is `name` with 98 %."""
    parents = {branch.name: branch.after for branch in world.scenario.branches}
    held = {b.name: b.probability.value for b in world.scenario.branches if b.after is None}
    at = world.tree.nodes[node].branch
    if at is None:
        return world.tree.nodes[node].probability
    root = at
    while parents[root] is not None:
        root = str(parents[root])
    if held[name] >= 1.0 or held[name] <= 0.0:
        return world.tree.nodes[node].probability
    rest = 1.0 - held[name]
    scale = 0.98 / held[name] if root == name else 0.02 / rest
    return world.tree.nodes[node].probability * scale


def _weighted(weight: Floats) -> Callable[..., planning.Problem]:
    def change(problem: planning.Problem) -> planning.Problem:
        return replace(problem, tree=replace(problem.tree, probability=weight))

    return change
