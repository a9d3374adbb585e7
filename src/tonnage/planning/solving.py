"""From a problem to a plan with its proven gap."""

from __future__ import annotations

import threading
import time
from dataclasses import dataclass

import numpy as np

from tonnage.errors import Infeasible
from tonnage.planning.algebra import Programme
from tonnage.planning.axes import Bools
from tonnage.planning.formulation import formulate
from tonnage.planning.plan import Plan, plan_of
from tonnage.planning.problem import Problem
from tonnage.planning.solver import Progress, Run, solve_programme


@dataclass(frozen=True, slots=True)
class Settings:
    """How to look for a plan. The same settings give the same plan (unless time runs out)."""

    whole: str = "now"
    """`now`: whole counts and ports in the first window, later ones are policy, not orders.
    `all`: everywhere. `none`: the linear relaxation."""
    window: int = 4
    """Periods of the first window."""
    gap: float = 0.002
    """Relative gap at which to stop."""
    seconds: float = 60.0
    """Time after which the best plan so far is returned with its gap."""
    threads: int = 2
    seed: int = 0
    stop: threading.Event | None = None
    """Set from anywhere: the best plan so far is returned with its gap."""
    progress: Progress | None = None
    """Called with a line of text now and then."""


def solve(problem: Problem, settings: Settings | None = None) -> Plan:
    """Return a plan for the problem.

    Raises
    ------
    Infeasible
        Nothing meets the limits; says which to relax.
    KeyboardInterrupt
        Interrupted before any plan was found. Later, the best plan is returned instead.
    """
    how = settings or Settings()
    stop = how.stop or threading.Event()
    began = time.monotonic()
    programme, draft = formulate(problem)
    whole = whole_columns(problem, programme, how)
    run = Run(how.gap, how.seconds, how.threads, how.seed, len(whole) > 5000, stop=stop)
    out = solve_programme(programme, run, whole)
    if out.status == "infeasible":
        raise Infeasible("no plan meets all limits")
    if not out.solved:
        if stop.is_set():
            raise KeyboardInterrupt
        raise Infeasible(f"no plan was found in {how.seconds:g} s; allow more time")
    money = draft.units.money
    return plan_of(
        problem,
        programme,
        out.x,
        status="interrupted" if stop.is_set() else out.status,
        whole=how.whole,
        objective=out.objective * money,
        bound=out.bound * money,
        seconds=time.monotonic() - began,
        method="",
        units=draft.units,
    )


def whole_columns(problem: Problem, programme: Programme, how: Settings) -> Bools:
    """[column] whether it must be whole under the settings."""
    last = {"all": problem.tree.periods, "now": how.window, "none": 0}[how.whole]
    whole = np.zeros(len(programme.cost), dtype=bool)
    for name in ("buy", "deploy", "port"):
        columns = programme.columns[name][problem.tree.period < last]
        whole[columns.ravel()] = True
    return whole & programme.whole
