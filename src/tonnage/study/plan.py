"""The verb `plan`: from a scenario to a plan with its reasons."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from pathlib import Path

from tonnage import planning
from tonnage.catalog import load_catalog
from tonnage.scenario import Scenario, Tree, grow, read_scenario
from tonnage.study.plan_answer import PlanAnswer
from tonnage.study.plan_law import Ruling, law_of
from tonnage.study.plan_moves import future_of, moves_at, trunk
from tonnage.study.plan_price import prices_of
from tonnage.study.plan_problem import World, problem_of
from tonnage.study.plan_rates import rates_of

Say = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Wishes:
    """How to look for a plan, and what is meant by a good one."""

    risk: str = "cost"
    """`cost` (expected), `cvar` (with the mean of the bad tail) or `regret` (least worst)."""
    risk_weight: float = 0.5
    risk_level: float = 0.8
    gap: float = 0.005
    time_limit_s: float = 15.0
    all_integer: bool = False
    alternatives: int = 2
    threads: int = 2
    seed: int = 0


def plan(
    scenario: Scenario | str | Path,
    *,
    as_of: date | None = None,
    wishes: Wishes | None = None,
    say: Say | None = None,
) -> PlanAnswer:
    """Return the plan of a scenario: moves, service, cost and law in each future.

    Parameters
    ----------
    scenario
        A scenario, or the path of its file.
    as_of
        Day whose knowledge is used; default the scenario's own.

    Raises
    ------
    InputError
        The scenario is unsound; carries every fault.
    Infeasible
        Nothing meets the limits; says in words which to relax.
    """
    tell = say or (lambda _: None)
    wishes = wishes or Wishes()
    given = scenario if isinstance(scenario, Scenario) else read_scenario(scenario, as_of)
    world = world_of(given, grow(given), given.as_of)
    tell(f"{given.title}: {len(world.tree.nodes)} nodes, {len(world.tree.leaves)} futures")
    problem = problem_of(world, risk_of(wishes))
    found = planning.solve(problem, settings_of(wishes, tell))
    return _answer(world, found)


def world_of(scenario: Scenario, tree: Tree, law_as_of: date) -> World:
    """Return a scenario with its law, speeds and prices."""
    catalog = load_catalog(scenario.as_of)
    return World(
        scenario,
        tree,
        law_of(scenario, tree, catalog, law_as_of),
        rates_of(scenario, catalog),
        prices_of(scenario, catalog),
    )


def risk_of(wishes: Wishes) -> planning.Risk:
    """Return what is minimised."""
    if wishes.risk == "cvar":
        return planning.Risk(wishes.risk_level, wishes.risk_weight)
    return planning.Risk(objective="regret" if wishes.risk == "regret" else "cost")


def settings_of(wishes: Wishes, tell: Say) -> planning.Settings:
    """Return how to solve."""
    return planning.Settings(
        whole="all" if wishes.all_integer else "now",
        gap=wishes.gap,
        seconds=wishes.time_limit_s,
        threads=wishes.threads,
        seed=wishes.seed,
        progress=tell,
    )


def _answer(world: World, found: planning.Plan) -> PlanAnswer:
    leaves = range(len(world.tree.leaves))
    return PlanAnswer(
        world=world,
        plan=found,
        status=found.status,
        objective=found.objective,
        gap=found.gap,
        interrupted=found.status == "interrupted",
        futures=tuple(future_of(world, found, leaf, None) for leaf in leaves),
        first_moves=tuple(a for n in trunk(world) for a in moves_at(world, found, n)),
        binding=(),
        alternatives=(),
        law=rulings(world),
        seconds=found.seconds,
    )


def rulings(world: World) -> tuple[Ruling, ...]:
    """Return every ruling, in the order of chips, then nodes."""
    nodes = range(len(world.tree.nodes))
    return tuple(world.law.rulings[n, chip] for chip in world.chips for n in nodes)
