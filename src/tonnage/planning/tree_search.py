"""Whole plans on large trees: a tight relaxation, a dive along the tree, then its small subtrees.

1. The linear relaxation by interior point, tightened by inequalities where it breaks them. Its
   optimum is the proven bound.
2. A dive: period by period, ports and orders are rounded and the rest is solved again from the
   last basis. What is fixed early is known in all futures below it.
3. Once all nodes before some period are fixed, the subtrees that hang below share nothing (the
   threshold of the CVaR is held), so each is a small programme of its own and may be improved
   apart from the others.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field, replace

import numpy as np
from scipy import sparse

from tonnage.planning.algebra import Programme
from tonnage.planning.axes import Bools, Floats, Ints
from tonnage.planning.beside import beside
from tonnage.planning.constraints.tighten import rented_work
from tonnage.planning.draft import Draft
from tonnage.planning.live import Live
from tonnage.planning.ports import begins_of, part_of, solve_whole
from tonnage.planning.solver import Outcome, Run

BROKEN = 1e-3
"""Blocks by which an inequality must be broken to be added."""
ROUNDS = 6
WORTHWHILE = 2e-3
"""Relative rise of the bound below which no further round of inequalities is tried."""
SMALL = 1500
"""Columns of a subtree that is small enough to be solved whole."""
OPEN = 0.35
"""Share of a port above which the dive opens it."""
NEAR = 1e-6
LEAST = 5.0
"""Seconds that each subtree gets in any case."""
FEW_NODES, MANY_NODES = 10, 1_000_000
"""Nodes of branch and bound for each subtree in the first and in the second round."""


@dataclass(eq=False)
class Search:
    """The state of a search: what is whole, what is fixed, and the time that is left."""

    programme: Programme
    draft: Draft
    periods: int
    """Periods, from the first, in which counts must be whole."""
    port_periods: int
    """Periods, from the first, in which ports must be whole; no fewer."""
    run: Run
    say: Callable[[str], None]
    began: float = field(default_factory=time.monotonic)

    @property
    def left(self) -> float:
        """Seconds left; negative when over."""
        return self.run.seconds - (time.monotonic() - self.began)

    @property
    def halted(self) -> bool:
        """Whether someone asked to stop."""
        return self.run.stop is not None and self.run.stop.is_set()

    def gap(self, objective: float, bound: float) -> float:
        """Relative distance of an objective from the bound."""
        return (objective - bound) / max(abs(objective), 1e-9)


def search_tree(search: Search) -> Outcome:
    """Return the best whole plan that dive and subtrees give, with the proven bound.

    A first plan is finished even when its time is over, unless someone asks to stop.
    """
    nothing = np.zeros(0)
    live = Live(search.programme, replace(search.run, interior=True))
    if not live.solve():
        return Outcome(live.status, nothing, np.inf, -np.inf, nothing, nothing)
    search.say(f"relaxation solved, {search.left:.0f} s left")
    _tighten(search, live)
    bound = live.objective
    search.say(f"relaxation tightened, {search.left:.0f} s left")
    top = _top(search)
    if not _dive(search, live, top):
        return Outcome("none", nothing, np.inf, bound, nothing, nothing)
    x, all_whole = live.x, True
    search.say(f"dive ends {search.gap(live.objective, bound):.2%} above, {search.left:.0f} s left")
    if top < search.port_periods:
        x, all_whole = _finish(search, x, top, bound)
    objective = float(search.programme.cost @ x)
    status = "optimal" if search.gap(objective, bound) <= search.run.gap else "feasible"
    return Outcome(status, x, objective, bound, nothing, nothing, all_whole)


def first_plan(search: Search) -> Outcome:
    """Return a whole plan by rounding alone: quick, and proven by the relaxation only."""
    nothing = np.zeros(0)
    live = Live(search.programme, search.run)
    if not live.solve():
        return Outcome(live.status, nothing, np.inf, -np.inf, nothing, nothing)
    bound = live.objective
    if not _dive(search, live, search.port_periods):
        return Outcome("none", nothing, np.inf, bound, nothing, nothing)
    return Outcome("feasible", live.x, live.objective, bound, nothing, nothing)


def _tighten(search: Search, live: Live) -> None:
    """Add broken inequalities until the bound stops rising."""
    rows, high = rented_work(search.draft, search.port_periods)
    added = np.zeros(len(high), dtype=bool)
    for _ in range(ROUNDS):
        broken = (rows @ live.x > high + BROKEN) & ~added
        if not broken.any() or search.left < 0.3 * search.run.seconds or search.halted:
            return
        added |= broken
        live.add(sparse.csr_matrix(rows[broken]), high[broken])
        before = live.objective
        if not live.solve() or live.objective - before < WORTHWHILE * abs(before):
            return


def _dive(search: Search, live: Live, top: int) -> bool:
    """Round the ports of the periods before `top` one by one, then the orders, then deployment."""
    tree, columns = search.draft.problem.tree, search.programme.columns
    port = np.zeros((tree.nodes, *columns["begin"].shape[1:]))
    for now in range(min(top, search.port_periods)):
        nodes = np.flatnonzero(tree.period == now)
        before = port[tree.parent[nodes]] if now else np.zeros_like(port[nodes])
        begin = columns["begin"][nodes]
        port[nodes] = _opened(live.x[begin] + before, before, search.programme.high[begin])
        if not _settle(search, live, begin.ravel(), (port[nodes] - before).ravel()):
            return False
    for now in range(min(top, search.periods)):
        orders = columns["buy"][tree.period == now]
        for count in _roundings(search, live.x[orders], search.programme.high[orders]):
            if _settle(search, live, orders.ravel(), count.ravel()):
                break
        else:
            return False
    return _deploy(search, live, min(top, search.periods))


def _opened(port: Floats, before: Floats, high: Floats) -> Floats:
    """[node, stack, load] 1 where a port is open enough, or is the most open one of its load."""
    best = (port >= port.max(axis=1, keepdims=True) - 1e-9) & (port > 0.1)
    opened: Floats = np.maximum(1.0 * ((port > OPEN) | best), before)
    return np.where(high > 0, opened, before)


def _roundings(search: Search, x: Floats, high: Floats) -> list[Floats]:
    """Whole orders to try, the nearest first; the next one is sure to keep a domestic share."""
    domestic = search.draft.problem.chips.domestic
    down = np.floor(x + NEAR)
    up = np.minimum(np.ceil(x - NEAR), high)
    return [np.minimum(np.round(x), high), np.where(domestic, up, down), up, down]


def _deploy(search: Search, live: Live, top: int) -> bool:
    """Deploy whole blocks: what is deployed on the way to a node is rounded up, while it is there.

    More in service than needed is retired again, which the fleet allows at any count.
    """
    tree = search.draft.problem.tree
    columns = search.programme.columns
    inside = tree.period < top
    wanted = _along(tree.parent, live.x[columns["deploy"]])
    there = wanted + live.x[columns["stock"]]
    for most in (np.ceil(wanted - NEAR), np.floor(wanted + NEAR)):
        total = np.minimum(most, np.floor(there + NEAR))
        before = np.where((tree.parent >= 0)[:, None], total[tree.parent], 0.0)
        each = np.maximum(total - before, 0.0)[inside]
        if _settle(search, live, columns["deploy"][inside].ravel(), each.ravel()):
            return True
    for now in range(top):
        cols = columns["deploy"][tree.period == now].ravel()
        for each in (np.ceil(live.x[cols] - NEAR), np.floor(live.x[cols] + NEAR)):
            if _settle(search, live, cols, each):
                break
        else:
            return False
    return True


def _along(parent: Ints, each: Floats) -> Floats:
    """[node, …] sums along the path from the root."""
    total = each.copy()
    for node, up in enumerate(parent):
        if up >= 0:
            total[node] += total[up]
    return total


def _settle(search: Search, live: Live, columns: Ints, value: Floats) -> bool:
    """Fix columns at a value and solve again if that changed anything; undo it when in vain."""
    moved = bool((np.abs(live.x[columns] - value) > NEAR).any())
    live.bound(columns, value, value)
    if moved and not live.solve():
        live.bound(columns, search.programme.low[columns], search.programme.high[columns])
        return False
    return not search.halted


def _finish(search: Search, x: Floats, top: int, bound: float) -> tuple[Floats, bool]:
    """Make the subtrees that begin at `top` whole, with all else as in `x`.

    First with few nodes of branching each; then, while the gap is not reached and time is left,
    with many. Returns the solution, and whether all of it is whole: a subtree that was not reached
    stays as it is in `x`.
    """
    tree, cost = search.draft.problem.tree, search.programme.cost
    subtrees = _Subtrees(search, x, np.flatnonzero(tree.period == top))
    target = bound + search.run.gap * abs(bound)
    room = max(target - float(cost @ x), 0.05 * search.run.gap * abs(bound))
    share = room / len(subtrees.roots)
    places = range(len(subtrees.roots))
    best = dict.fromkeys(places, np.inf)
    done, missing = x.copy(), list(places)
    for nodes in (FEW_NODES, MANY_NODES):
        slack = share if nodes == FEW_NODES else 0.1 * share
        for place, keep, out in subtrees.solve_all(missing, share, Run(slack=slack, nodes=nodes)):
            if out.objective < best[place]:
                done[keep], best[place] = out.x, out.objective
            if out.solved and out.objective - out.bound <= 0.2 * share:
                missing.remove(place)
        all_whole = max(best.values()) < np.inf
        enough = all_whole and (float(cost @ done) <= target or search.left <= 0)
        if enough or not missing or search.halted:
            break
    return done, all_whole


@dataclass(eq=False)
class _Subtrees:
    """Subtrees that hang below fixed nodes, each a programme of its own."""

    search: Search
    x: Floats
    roots: Ints

    def __post_init__(self) -> None:
        tree, programme = self.search.draft.problem.tree, self.search.programme
        self.owner = _owners(self.search)
        period = np.where(self.owner < 0, tree.periods, tree.period[np.maximum(self.owner, 0)])
        self.whole = period < self.search.periods
        begin = programme.columns["begin"].ravel()
        self.whole[begin] = period[begin] < self.search.port_periods
        self.by_column = programme.matrix.tocsc()
        self.begins = begins_of(programme.columns["begin"], tree.parent)

    def solve_all(
        self, places: list[int], share: float, run: Run
    ) -> list[tuple[int, Bools, Outcome]]:
        """Solve subtrees beside each other, each within a fair part of the time."""
        threads = self.search.run.threads
        turns = -(-len(places) // threads)
        seconds = max(2.0 * self.search.left / turns, LEAST)
        run = replace(run, seconds=seconds, stop=self.search.run.stop)
        stop = run.stop or threading.Event()
        return beside(lambda place: self.solve(place, share, run), places, threads, stop)

    def solve(self, place: int, share: float, run: Run) -> tuple[int, Bools, Outcome]:
        """Return the columns of a subtree and its plan, good enough within its share."""
        below = self.search.draft.problem.tree.below(int(self.roots[place]))
        keep = np.isin(self.owner, below)
        part = _cut(self.search.programme, self.by_column, keep, self.x)
        run = replace(run, target=float(part.cost @ self.x[keep]) + share)
        begins = part_of(self.begins, keep, self.x)
        return place, keep, solve_whole(part, begins, run, part.whole & self.whole[keep])


def _top(search: Search) -> int:
    """First period at which every subtree is small."""
    tree = search.draft.problem.tree
    each = len(search.programme.cost) / tree.nodes
    for period in range(1, search.port_periods):
        roots = np.flatnonzero(tree.period == period)
        branches = len(np.unique(tree.parent[roots])) < len(roots)
        if branches and len(tree.below(int(roots[0]))) * each <= SMALL:
            return period
    return search.port_periods


def _owners(search: Search) -> Ints:
    """[column] node that each column belongs to, -1 for those of the whole tree."""
    tree = search.draft.problem.tree
    owner = np.full(len(search.programme.cost), -1)
    for name, columns in search.programme.columns.items():
        if name == "excess":
            owner[columns] = tree.leaves
        elif columns.shape[0] == tree.nodes and name != "var":
            owner[columns.reshape(tree.nodes, -1)] = np.arange(tree.nodes)[:, None]
    return owner


def _cut(whole: Programme, by_column: sparse.csc_matrix, keep: Bools, x: Floats) -> Programme:
    """Return the programme of the columns that are kept, all others at their values in `x`."""
    given = by_column[:, ~keep] @ x[~keep]
    inside = by_column[:, keep].tocsr()
    rows = np.flatnonzero(np.diff(inside.indptr))
    room = 1e-7 * (1.0 + np.abs(given[rows]))
    return Programme(
        inside[rows], whole.cost[keep], whole.low[keep], whole.high[keep],
        whole.row_low[rows] - given[rows] - room, whole.row_high[rows] - given[rows] + room,
        whole.whole[keep], {}, {},
    )  # fmt: skip
