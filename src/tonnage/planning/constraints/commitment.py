"""Orders signed once for all futures: the plan of a buyer who may not wait and see."""

from __future__ import annotations

import numpy as np

from tonnage.planning.draft import Draft


def commitment(draft: Draft) -> None:
    """buy[n,c] = signed[t(n),c] where allowed at n, and begin[n,s,w] = begun[t(n),s,w].

    An order that the law stops at a node does not happen there; all else is as signed at the start.
    """
    problem, var, add = draft.problem, draft.var, draft.builder.variable
    period, sizes = problem.tree.period, problem.sizes
    signed = add("signed", (sizes["period"], sizes["chip"]))
    begun = add("begun", (sizes["period"], sizes["stack"], sizes["load"]), high=1.0)
    allowed = problem.purchase.allowed.astype(float)
    same = var["buy"] - signed[period] * allowed
    draft.builder.require("signed", same * allowed == np.zeros(allowed.shape))
    draft.builder.require("begun", var["begin"] - begun[period] == 0)
