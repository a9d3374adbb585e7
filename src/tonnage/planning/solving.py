"""From a problem to a plan with its proven gap."""

from __future__ import annotations

import threading
import time
from dataclasses import dataclass, replace

import numpy as np

from tonnage.errors import Infeasible
from tonnage.planning.algebra import Programme
from tonnage.planning.axes import Bools, Floats
from tonnage.planning.draft import Draft
from tonnage.planning.elastic import explanation, least_relaxations
from tonnage.planning.fixing import Fixed, fix
from tonnage.planning.formulation import formulate
from tonnage.planning.futures import known
from tonnage.planning.plan import Plan, plan_of
from tonnage.planning.ports import begins_of, solve_whole
from tonnage.planning.problem import Problem
from tonnage.planning.solver import Outcome, Progress, Run, solve_programme
from tonnage.planning.tree_search import Search, first_plan, search_tree

LARGE = 12_000
"""Columns above which the tree is searched part by part."""
LEAST = 10.0
"""Seconds for branch and bound where rounding finds no way."""


@dataclass(frozen=True, slots=True)
class Settings:
    """How to look for a plan. The same settings give the same plan (unless time runs out)."""

    whole: str = "now"
    """`now`: whole counts in the first window, later ones are policy, not orders. `all`: whole
    counts everywhere. `none`: the linear relaxation."""
    ports: str = "all"
    """`all`: ports are whole in every period, for nobody can port a twentieth. `now`: in the first
    window only. Read with `whole="now"`."""
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


def solve(
    problem: Problem,
    settings: Settings | None = None,
    *,
    fixed: Fixed | None = None,
    committed: bool = False,
) -> Plan:
    """Return a plan for the problem.

    `fixed` are decisions taken as given (chips; NaN where free). `committed` asks for orders and
    ports that are signed at the start and are the same in all futures.

    Raises
    ------
    Infeasible
        Nothing meets the limits; says which to relax, and by how much.
    KeyboardInterrupt
        Interrupted before any plan was found. Later, the best plan so far is returned instead.
    """
    how = settings or Settings()
    how = replace(how, stop=how.stop or threading.Event())
    began = time.monotonic()
    best = _least_by_future(problem, how) if problem.risk.objective == "regret" else None
    programme, draft = formulate(problem, best, committed)
    if fixed:
        programme = fix(problem, programme, fixed)
    out, method = _search(problem, programme, draft, how, began)
    if not out.solved:
        _explain(problem, programme, draft, out, how)
    money = draft.units.money
    assert how.stop is not None
    return plan_of(
        problem,
        programme,
        out.x,
        status="interrupted" if how.stop.is_set() else out.status,
        whole=how.whole if out.all_whole else "now",
        objective=out.objective * money,
        bound=out.bound * money,
        seconds=time.monotonic() - began,
        method=method,
        units=draft.units,
    )


def _search(
    problem: Problem, programme: Programme, draft: Draft, how: Settings, began: float
) -> tuple[Outcome, str]:
    """Look for a solution by the method that suits the size; say which."""
    whole = whole_columns(problem, programme, how)
    run = Run(
        gap=how.gap, seconds=how.seconds - (time.monotonic() - began), threads=how.threads,
        seed=how.seed, interior=len(whole) > LARGE, stop=how.stop,
    )  # fmt: skip
    if not whole.any():
        return solve_programme(programme, run), "linear programme"
    counts, ports = whole_periods(problem, how), port_periods(problem, how)
    search = Search(programme, draft, counts, ports, run, how.progress or _silent)
    separable = set(programme.columns).isdisjoint(("worst", "signed"))
    if separable and len(whole) > LARGE:
        out = search_tree(search)
        if out.status != "none" or search.halted:
            return out, "tightened relaxation, dive along the tree, subtrees"
        run = replace(run, seconds=max(search.left, LEAST))
    begins = begins_of(programme.columns["begin"], problem.tree.parent)
    out = solve_whole(programme, begins, run, whole)
    if out.status == "none":
        return first_plan(replace(search, run=replace(run, stop=None))), "rounding"
    return out, "branch and bound"


def _silent(text: str) -> None:
    """Say nothing."""


def _explain(
    problem: Problem, programme: Programme, draft: Draft, out: Outcome, how: Settings
) -> None:
    """Raise what there is to say when no plan was found."""
    if how.stop is not None and how.stop.is_set():
        raise KeyboardInterrupt
    if out.status == "none":
        message = f"No plan was found in {how.seconds:g} s; allow more time or a larger gap."
        raise Infeasible(message)
    whole = whole_columns(problem, programme, how)
    raise Infeasible(explanation(least_relaxations(problem, programme, draft, whole)))


def _least_by_future(problem: Problem, how: Settings) -> Floats:
    """[leaf] least cost of each future known in advance."""
    leaves = range(len(problem.tree.leaves))
    return np.array([solve(known(problem, leaf), how).bound for leaf in leaves])


def whole_columns(problem: Problem, programme: Programme, how: Settings) -> Bools:
    """[column] whether it must be whole under the settings."""
    last, ported = whole_periods(problem, how), port_periods(problem, how)
    whole = np.zeros(len(programme.cost), dtype=bool)
    for name, periods in (("buy", last), ("deploy", last), ("begin", ported)):
        columns = programme.columns[name][problem.tree.period < periods]
        whole[columns.ravel()] = True
    return whole & programme.whole


def whole_periods(problem: Problem, how: Settings) -> int:
    """Return how many periods, from the first, have whole counts."""
    window = min(how.window, problem.tree.periods)
    return {"all": problem.tree.periods, "now": window, "none": 0}[how.whole]


def port_periods(problem: Problem, how: Settings) -> int:
    """Return how many periods, from the first, have whole ports."""
    counts = whole_periods(problem, how)
    return problem.tree.periods if how.ports == "all" and counts else counts
