"""Inequalities that whole ports obey and fractional ones break, to be added where they are broken.

A relaxed plan opens a twentieth of a port to move a twentieth of a load. Where chips of the stack
are mostly rented, that can be cut off.
"""

from __future__ import annotations

import numpy as np
from scipy import sparse

from tonnage.planning.algebra import Builder
from tonnage.planning.axes import Floats, Ints
from tonnage.planning.constraints.service import rented
from tonnage.planning.draft import Draft


def rented_work(draft: Draft, periods: int) -> tuple[sparse.csr_matrix, Floats]:
    """work[n,c,w] ≤ held[n,c] + reserved[n,c] + offer[n,c] · ready[n,s(c),w], in blocks.

    `offer` is what can be rented on demand. Without a port no work is done, so the inequality
    holds; with one it is the capacity row with one load alone. Returned as rows · x ≤ right-hand
    side, for the nodes of the first `periods` periods, in which ports are whole.
    """
    problem, var = draft.problem, draft.var
    ways, offer = problem.porting, problem.rental.cap / problem.chips.block
    done = ways.done[problem.chips.stack]
    ready = draft.lagged(draft.port, ways.delay)[:, problem.chips.stack]
    owned = var["held"] + rented(draft) - var["rent"]
    left = var["work"] - owned[:, :, None] - ready * (offer[:, :, None] * ~done)
    node, chip, load = np.nonzero(draft.useful & (offer > 0)[:, :, None] & ~done)
    inside = problem.tree.period[node] < periods
    rows = left[node[inside], chip[inside], load[inside]]
    scratch = Builder()
    scratch.variable("all", (max(int(c.max(initial=-1)) for c in _columns(draft)) + 1,))
    scratch.require("rows", rows <= 0)
    programme = scratch.programme(var["cost"].sum(0))
    return programme.matrix, programme.row_high


def _columns(draft: Draft) -> list[Ints]:
    return list(draft.builder.columns.values())
