"""A plan's first moves against what happened."""

from __future__ import annotations

from dataclasses import replace
from datetime import date

import numpy as np

from tonnage import planning
from tonnage.dates import given_day
from tonnage.errors import InputError
from tonnage.scenario import Change, Scenario, history
from tonnage.study.plan_answer import PlanAnswer, Replay
from tonnage.study.plan_law import Law, law_of
from tonnage.study.plan_moves import moves_at, service_along, trunk
from tonnage.study.plan_problem import World, problem_of


def replay_day(to: date | str, scenario: Scenario) -> date:
    """Return the day to replay to; raises an `InputError` unless it is after `as_of`."""
    day = given_day(to, field="replay_to")
    if day <= scenario.as_of:
        mend = f"name a day after the scenario's as_of {scenario.as_of}"
        raise InputError.of("--replay-to", day.isoformat(), mend)
    return day


def replayed(answer: PlanAnswer, settings: planning.Settings, to: date) -> Replay:
    """Return the first moves played out under the law and the facts known on `to`.

    The orders, reservations and ports of the periods before the first branch are kept as far as
    they could be carried out; the rest is planned anew with full knowledge. So the cost is the
    least that the plan could have come to, and its distance from hindsight is the price of the
    first moves alone. After `to` the law stays as it was known then.
    """
    world, scenario = answer.world, answer.world.scenario
    changes = happened_by(scenario, to)
    tree = history(scenario, changes)
    law = law_of(scenario, tree, scenario.catalog, to)
    real = replace(world, tree=tree, law=law)
    problem = problem_of(real, replace(answer.plan.problem.risk, weight=0.0, objective="cost"))
    quiet = replace(settings, progress=None)
    kept = np.array(trunk(world))[: max(len(trunk(world)), 1)]
    played = planning.replay(answer.plan, problem, kept, quiet)
    path = tuple(range(len(tree.nodes)))
    return Replay(
        to=to,
        cost=played.plan.expected,
        hindsight=played.hindsight.expected,
        foreseen=answer.plan.expected,
        actions=tuple(a for n in path for a in moves_at(real, played.plan, n)),
        served=service_along(real, played.plan, path),
        says=tuple(_words(real, law, changes, played, answer)),
    )


def happened_by(scenario: Scenario, day: date) -> tuple[Change, ...]:
    """Return what the scenario says has happened, as far as it was known on a day."""
    known = {id_: reference.known for id_, reference in scenario.references.items()}
    kept = []
    for change in scenario.happened:
        days = [known[change.source]] if change.source in known else [change.on]
        if change.amount is not None and change.amount.known is not None:
            days.append(change.amount.known)
        if max(days) <= day:
            kept.append(change)
    return tuple(kept)


def _words(
    real: World,
    law: Law,
    changes: tuple[Change, ...],
    played: planning.Replay,
    answer: PlanAnswer,
) -> list[str]:
    says = []
    for chip in real.chips:
        open_ = [law.allowed(n, chip) for n in range(len(real.tree.nodes))]
        first = next((n for n in range(1, len(open_)) if open_[n - 1] and not open_[n]), None)
        if first is not None:
            period = real.tree.periods[first].name
            says.append(f"{real.prices.names[chip]} could not be ordered from {period} on")
    says += [f"{len(changes)} facts of the scenario's `happened` were applied"]
    says += [f"{line}" for line in played.undone]
    lost = _lost(played)
    says += [f"{count:,.0f} {chip} ordered did not come" for chip, count in lost.items()]
    cost, best = played.plan.expected / 1e6, played.hindsight.expected / 1e6
    foreseen = answer.plan.expected / 1e6
    says.append(
        f"with the plan's first moves: {cost:,.0f} M USD; the plan expected {foreseen:,.0f} M; "
        f"a buyer who had known all: {best:,.0f} M; not knowing cost {max(cost - best, 0):,.0f} M"
    )
    return says


def _lost(played: planning.Replay) -> dict[str, float]:
    """Return the chips ordered and due within the plan that never came."""
    plan = played.plan
    problem = plan.problem
    due = np.zeros_like(plan.do.buy)
    for node in range(problem.tree.nodes):
        for chip in range(len(problem.chips.names)):
            at = node + int(problem.purchase.lead[node, chip])
            if at < problem.tree.nodes:
                due[at, chip] += plan.do.buy[node, chip]
    short = (due - plan.then.arrived).sum(0)
    pairs = zip(problem.chips.names, short, strict=True)
    return {name: float(count) for name, count in pairs if count >= 1.0}
