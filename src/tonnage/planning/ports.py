"""Ports that are there instead of ports that are begun, for branch and bound.

With begin[n] = port[n] − port[parent(n)] both say the same. Relaxations are half the size in
`begin`: no row is needed to link the two. Branch and bound does better in `port`: a port that is
rounded down in one node stays what it is in the others.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from scipy import sparse

from tonnage.planning.algebra import Programme
from tonnage.planning.axes import Bools, Floats, Ints
from tonnage.planning.solver import Outcome, Run, solve_programme


@dataclass(frozen=True, slots=True, eq=False)
class Begins:
    """Which columns of a programme are beginnings of ports, and what was there before."""

    column: Ints
    """[begin] number of the column."""
    earlier: Ints
    """[begin] number of the column of the same port at the parent node, -1 if that is not in it."""
    before: Floats
    """[begin] ports begun before the programme's first node."""


def begins_of(columns: Ints, parent: Ints) -> Begins:
    """Return the beginnings of a whole tree: columns [node, stack, load], parent [node]."""
    up = np.where((parent >= 0)[:, None, None], columns[parent], -1)
    return Begins(columns.ravel(), up.ravel(), np.zeros(columns.size))


def part_of(begins: Begins, keep: Bools, x: Floats) -> Begins:
    """Return the beginnings among the columns that are kept, all others being as in `x`."""
    place = np.cumsum(keep) - 1
    inside = keep[begins.column]
    earlier = begins.earlier[inside]
    known = earlier >= 0
    there = known & keep[np.maximum(earlier, 0)]
    total = _totals(begins, x)
    before = np.where(known & ~there, total[np.maximum(earlier, 0)], 0.0)
    return Begins(
        place[begins.column[inside]], np.where(there, place[np.maximum(earlier, 0)], -1), before
    )


def _totals(begins: Begins, x: Floats) -> Floats:
    """[column] ports that are there, at the columns of beginnings; parents come before children."""
    total = np.zeros(len(x))
    for column, earlier in zip(begins.column.tolist(), begins.earlier.tolist(), strict=True):
        total[column] = x[column] + (total[earlier] if earlier >= 0 else 0.0)
    return total


def solve_whole(programme: Programme, begins: Begins, run: Run, whole: Bools) -> Outcome:
    """Minimise a programme with integers by branching on ports that are there."""
    width = len(programme.cost)
    linked = begins.earlier >= 0
    back = sparse.identity(width, format="csr") - sparse.csr_matrix(
        (np.ones(int(linked.sum())), (begins.column[linked], begins.earlier[linked])),
        shape=(width, width),
    )
    shift = np.zeros(width)
    shift[begins.column] = begins.before
    low, high = programme.low.copy(), programme.high.copy()
    first = ~linked
    low[begins.column] = np.where(first, low[begins.column] + begins.before, 0.0)
    high[begins.column] = np.where(first, high[begins.column] + begins.before, 1.0)
    moved = programme.matrix @ shift
    links = back[begins.column[linked]]
    ported = replace(
        programme,
        matrix=sparse.csr_matrix(sparse.vstack([programme.matrix @ back, links])),
        cost=np.asarray(back.T @ programme.cost),
        low=low,
        high=high,
        row_low=np.append(programme.row_low + moved, programme.low[begins.column[linked]]),
        row_high=np.append(programme.row_high + moved, programme.high[begins.column[linked]]),
    )
    constant = float(programme.cost @ shift)
    out = solve_programme(ported, replace(run, target=run.target + constant), whole)
    x = back @ out.x - shift if out.solved else out.x
    return replace(out, x=x, objective=out.objective - constant, bound=out.bound - constant)
