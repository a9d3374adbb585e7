"""The verb `plan`: from a scenario to a plan with its reasons."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import date
from math import isnan
from pathlib import Path

import numpy as np

from tonnage import planning
from tonnage.dates import given_day
from tonnage.errors import InputError
from tonnage.scenario import Scenario, Tree, grow, read_scenario
from tonnage.study.plan_answer import Action, Alternative, Binding, Future, PlanAnswer
from tonnage.study.plan_law import Ruling, law_of
from tonnage.study.plan_moves import future_of, moves_at, trunk
from tonnage.study.plan_price import prices_of
from tonnage.study.plan_problem import World, problem_of
from tonnage.study.plan_rates import rates_of
from tonnage.study.plan_replay import replay_day, replayed
from tonnage.study.plan_sensitivity import permissions, sensitivities

Say = Callable[[str], None]
ALTERNATIVE_SLACK = 0.02
"""How much more an alternative may cost, as a share."""
REASON_GAP = 0.001
"""Gap at which the plans behind the reasons stop."""
LEAST_SECONDS = 2.0
"""Time that the reasons get even when the plan took all of its own."""


@dataclass(frozen=True, slots=True)
class Wishes:
    """How to look for a plan, and what is meant by a good one."""

    risk: str = "cost"
    """`cost` (expected), `cvar` (with the mean of the bad tail) or `regret` (least worst)."""
    risk_weight: float = 0.5
    risk_level: float = 0.8
    gap: float = 0.001
    time_limit_s: float = 30.0
    all_integer: bool = False
    alternatives: int = 2
    reasons: bool = True
    """Also reckon regret, the worth of information, alternatives and sensitivities."""
    threads: int = 2
    seed: int = 0


def plan(
    scenario: Scenario | str | Path,
    *,
    as_of: date | str | None = None,
    wishes: Wishes | None = None,
    replay_to: date | str | None = None,
    say: Say | None = None,
) -> PlanAnswer:
    """Return the plan of a scenario: moves, service, cost and law in each future.

    Parameters
    ----------
    scenario
        A scenario, or the path of its file.
    as_of
        Day whose knowledge is used; default the scenario's own. A scenario that has been read
        keeps its own.
    wishes
        What is minimised, and how long to look.
    replay_to
        Also play the first moves out against what was known to have happened by this day.
    say
        Called with a line of text as the work goes on.

    Raises
    ------
    InputError
        The scenario is unsound; carries every fault.
    Infeasible
        Nothing meets the limits; says in words which to relax.
    """
    tell = say or (lambda _: None)
    how = wishes or Wishes()
    given = (
        scenario
        if isinstance(scenario, Scenario)
        else read_scenario(scenario, as_of if as_of is None else given_day(as_of))
    )
    until = None if replay_to is None else replay_day(replay_to, given)
    settings = settings_of(how, tell)
    world = world_of(given, grow(given), given.as_of)
    tell(f"{given.name}: {len(world.tree.nodes)} nodes, {len(world.tree.leaves)} futures")
    problem = problem_of(world, risk_of(how))
    found = planning.solve(problem, settings)
    answer = _bare(world, found)
    if answer.interrupted:
        return answer
    if how.reasons:
        answer = _reasoned(answer, settings, how, tell)
    if until is not None and not answer.interrupted:
        tell(f"replaying to {until}")
        answer = replace(answer, replay=replayed(answer, settings, until))
    return answer


def world_of(scenario: Scenario, tree: Tree, law_as_of: date) -> World:
    """Return a scenario with its law, speeds and prices."""
    catalog = scenario.catalog
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
    for name, value in (("--gap", wishes.gap), ("--time-limit", wishes.time_limit_s)):
        if isnan(value):
            raise InputError.of(name, value, "must be a number")
    return planning.Settings(
        whole="all" if wishes.all_integer else "now",
        gap=wishes.gap,
        seconds=wishes.time_limit_s,
        threads=wishes.threads,
        seed=wishes.seed,
        progress=tell,
        stop=threading.Event(),
    )


def _bare(world: World, found: planning.Plan) -> PlanAnswer:
    """Return the moves and what they reach, without further reasons."""
    leaves = range(len(world.tree.leaves))
    return PlanAnswer(
        world=world,
        plan=found,
        status=found.status,
        objective=found.objective,
        gap=found.gap,
        interrupted=found.status == "interrupted",
        futures=tuple(future_of(world, found, leaf, None) for leaf in leaves),
        first_moves=_first_moves(world, found),
        binding=(),
        alternatives=(),
        law=rulings(world),
        seconds=found.seconds,
    )


def _reasoned(
    answer: PlanAnswer, settings: planning.Settings, wishes: Wishes, tell: Say
) -> PlanAnswer:
    """Add what binds, regret, sensitivities, the worth of information and alternatives.

    They share what the plan has left of the time limit, in this order; what there is no time for is
    named in the notes.
    """
    found, began = answer.plan, time.monotonic()
    until = began + max(wishes.time_limit_s - answer.seconds, LEAST_SECONDS)
    rough = max(settings.gap, REASON_GAP)
    left = max(until - began, LEAST_SECONDS)
    quiet = replace(settings, progress=None, gap=rough, seconds=left)
    steps: tuple[tuple[str, Callable[[], dict[str, object]]], ...] = (
        ("what binds", lambda: {"binding": tuple(_bindings(found))}),
        ("regret", lambda: {"futures": _regretted(answer, quiet)}),
        ("what the first moves hang on",
         lambda: {"sensitivity": sensitivities(answer.world, found, quiet)}),
        ("the worth of information", lambda: {"worth": _worth(answer.world, found, quiet)}),
        ("alternatives", lambda: {"alternatives": _alternatives(answer, quiet, wishes)}),
    )  # fmt: skip
    left_out, halted = [], False
    for name, step in steps:
        if halted or time.monotonic() > until:
            left_out.append(name)
            continue
        tell(name)
        try:
            reason = step()
        except KeyboardInterrupt:
            reason, halted = {}, True
        if halted or (settings.stop is not None and settings.stop.is_set()):
            halted = True
            left_out.append(name)
            continue
        answer = replace(answer, **reason)  # type: ignore[arg-type]
    cause = "as it was interrupted" if halted else "for want of time (see --time-limit)"
    note = f"left out {cause}: {', '.join(left_out)}"
    return replace(
        answer,
        interrupted=halted,
        notes=(*answer.notes, note) if left_out else answer.notes,
        seconds=answer.seconds + time.monotonic() - began,
    )


def _regretted(answer: PlanAnswer, settings: planning.Settings) -> tuple[Future, ...]:
    """Return the futures with the plan's cost above the best that each could have cost."""
    best = planning.best_by_future(answer.plan.problem, settings)
    regret = np.maximum(answer.plan.cost - best, 0.0)
    return tuple(replace(f, regret=float(regret[i])) for i, f in enumerate(answer.futures))


def _worth(world: World, found: planning.Plan, settings: planning.Settings) -> dict[str, float]:
    """Return the worth of information, of hedging and of waiting; none with a single future."""
    if len(found.cost) < 2:
        return {}
    value = planning.worth(found, settings)
    named = {
        "knowing the future now would be worth": value.perfect_information,
        "minding every future, not only the likeliest, is worth": value.stochastic_plan,
        "being able to decide later is worth": value.waiting,
    }
    worth = {name: max(usd, 0.0) for name, usd in named.items() if np.isfinite(usd)}
    for chip, usd in permissions(world, found, settings).items():
        worth[f"{world.prices.names[chip]} open in every future would be worth"] = usd
    return worth


def _alternatives(
    answer: PlanAnswer, settings: planning.Settings, wishes: Wishes
) -> tuple[Alternative, ...]:
    """Return plans of nearly the same cost; their counts are free of whole servers."""
    loose, count = replace(settings, whole="none"), wishes.alternatives
    others = planning.alternatives(answer.plan, loose, ALTERNATIVE_SLACK, count) if count else ()
    return tuple(_alternative(answer.world, other) for other in others)


def _first_moves(world: World, found: planning.Plan) -> tuple[Action, ...]:
    """Return what is signed before the futures part; stock follows from it and is no move."""
    moves = (move for node in trunk(world) for move in moves_at(world, found, node))
    return tuple(move for move in moves if move.kind != "stockpile")


def _bindings(found: planning.Plan) -> list[Binding]:
    """Return the limits that bind; what unserved demand costs is no limit and is left out."""
    label = found.problem.tree.label
    return [
        Binding(
            constraint=f"{each.family} {each.item}".strip(),
            period=label(each.peak),
            shadow_price=float(each.price[each.peak]),
            unit=each.unit,
            by_period={label(t): float(p) for t, p in enumerate(each.price) if p > 0},
            stake=each.stake,
            says=each.says,
        )
        for each in planning.binding(found)
        if each.family != "demand"
    ]


def _alternative(world: World, other: planning.Alternative) -> Alternative:
    return Alternative(
        cost=other.plan.objective,
        over=other.extra,
        first_moves=_first_moves(world, other.plan),
        says=other.says,
    )


def rulings(world: World) -> tuple[Ruling, ...]:
    """Return every ruling, in the order of chips, then nodes."""
    nodes = range(len(world.tree.nodes))
    return tuple(world.law.rulings[n, chip] for chip in world.chips for n in nodes)
