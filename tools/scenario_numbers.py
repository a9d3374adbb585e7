"""Print the numbers that docs/scenarios.md tells of the shipped scenarios.

Example: python tools/scenario_numbers.py
"""

from __future__ import annotations

import time
from dataclasses import replace
from datetime import date
from pathlib import Path

import numpy as np

from tonnage import planning
from tonnage.study.plan import plan
from tonnage.study.plan_answer import PlanAnswer
from tonnage.study.plan_moves import trunk
from tonnage.study.plan_sensitivity import levers

EXAMPLES = Path(__file__).parents[1] / "examples"
REPLAY_TO = date(2026, 6, 1)
OLD = ("nv-a800-sxm-80", "nv-h800-sxm")
MILLION = 1e6


def main() -> None:
    """Print every shipped scenario in a line, then the January 2024 one at length."""
    for path in sorted(EXAMPLES.glob("*.yaml")):
        if path.read_text(encoding="utf-8").startswith("tonnage: tonnage-scenario"):
            began = time.perf_counter()
            answer = plan(path)
            took = time.perf_counter() - began
            cost, futures = answer.objective / MILLION, len(answer.futures)
            found = f"{cost:,.1f} M USD, {futures} futures, gap {answer.gap:.2%}"
            print(f"{path.stem}: {found}, {took:.1f} s")
    january(plan(EXAMPLES / "china-cloud-2024.yaml", replay_to=REPLAY_TO))


def january(answer: PlanAnswer) -> None:
    """Print what the plan of January 2024 says of the article's claims."""
    world, problem, do = answer.world, answer.plan.problem, answer.plan.do
    home = np.array([world.prices.maker[c] == world.scenario.buyer.country for c in world.chips])
    spend = do.buy * problem.purchase.price / MILLION
    branches = dict.fromkeys(node.branch for node in world.tree.nodes)
    print(
        "\nordered while a branch is the last known: chips abroad, at home; M USD abroad, at home"
    )
    for branch in branches:
        nodes = [i for i, node in enumerate(world.tree.nodes) if node.branch == branch]
        counts = [do.buy[nodes][:, ~home].sum(), do.buy[nodes][:, home].sum()]
        money = [spend[nodes][:, ~home].sum(), spend[nodes][:, home].sum()]
        print(f"  {branch or 'every future'}: {counts[0]:,.0f}, {counts[1]:,.0f};"
              f" {money[0]:,.0f}, {money[1]:,.0f}")  # fmt: skip
    print("\nspeed over that of an H20; dollars in service for a token a second")
    for work in world.scenario.workloads:
        ratings = {c: world.rates.ratings[c, work.name].speed for c in world.chips}
        base = ratings["nv-h20-96"]
        day = date(2024, 12, 1)
        for chip, speed in ratings.items():
            if speed and base:
                price = world.prices.bought(chip, day)
                dear = f"{price / speed.p50:,.0f}" if price else "–"
                print(f"  {work.name}, {chip}: {speed.p50 / base.p50:.2f}; {dear}")
    first_moves(answer)
    for future in answer.futures:
        regret = (future.regret or 0.0) / MILLION
        print(f"  {future.name}: {future.cost / MILLION:,.0f}, regret {regret:,.1f}")
    for line in (*answer.worth.items(), *(b.says for b in answer.binding)):
        print(f"  {line}")
    if answer.replay is not None:
        print("\n".join(f"  {line}" for line in answer.replay.says))


def first_moves(answer: PlanAnswer) -> None:
    """Print orders before the futures part, as planned and with one branch all but certain."""
    world, problem = answer.world, answer.plan.problem
    nodes = np.array(trunk(world))
    loose = planning.Settings(whole="now", gap=0.002, seconds=10.0)
    print("\norders before October 2024")
    cases = {"as planned": problem}
    cases |= {name: change(problem) for name, change in levers(world) if "certain" in name}
    for name, case in cases.items():
        made = planning.solve(case, replace(loose))
        counts = made.do.buy[nodes].sum(0)
        named = {
            world.prices.names[c]: int(n) for c, n in zip(world.chips, counts, strict=True) if n
        }
        begun = made.do.port[nodes[-1]] > 0.5
        ported = [
            f"{world.stacks[s]}/{world.scenario.workloads[w].name}"
            for s, w in np.argwhere(begun & ~problem.porting.done)
        ]
        print(f"  {name}: {named}; ported {ported or 'nothing'}")


if __name__ == "__main__":
    main()
