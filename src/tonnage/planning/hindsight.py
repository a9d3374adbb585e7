"""A plan made earlier against what really happened."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from tonnage.planning.axes import Ints
from tonnage.planning.fixing import moves, permitted
from tonnage.planning.plan import Plan
from tonnage.planning.problem import Problem
from tonnage.planning.solving import Settings, solve


@dataclass(frozen=True, slots=True, eq=False)
class Replay:
    """What first moves cost once the future was known, beside hindsight."""

    plan: Plan
    """The first moves kept as far as they were possible, the rest as well as could be."""
    hindsight: Plan
    """The best plan of a buyer who had known."""
    undone: tuple[str, ...]
    """Orders that could not be made as planned, in words."""

    @property
    def regret(self) -> float:
        """Cost above hindsight."""
        return self.plan.objective - self.hindsight.objective


def replay(plan: Plan, happened: Problem, nodes: Ints, settings: Settings | None = None) -> Replay:
    """Carry the commitments that `plan` makes at `nodes` into what happened.

    Parameters
    ----------
    plan
        Made on its own tree.
    happened
        The problem with facts instead of futures, usually of a single path, with the same chips,
        loads, stacks and terms.
    nodes
        [step] nodes of the plan's tree whose orders, reservations and ports are kept; step k is put
        on node k of `happened`.
    settings
        How to plan the rest.
    """
    how = settings or Settings()
    onto = np.arange(len(nodes))
    wanted = moves(plan.problem, plan.do, nodes, onto, happened.tree.nodes)
    given = permitted(happened, wanted)
    undone = []
    short = np.nan_to_num(wanted["buy"]) - np.nan_to_num(given["buy"])
    for node, chip in np.argwhere(short > 1e-6):
        period, name = happened.tree.label(int(node)), happened.chips.names[chip]
        undone.append(f"{short[node, chip]:,.0f} {name} planned for {period} could not be ordered")
    return Replay(solve(happened, how, fixed=given), solve(happened, how), tuple(undone))
