"""What chips do: their time goes to loads, loads are served or go short."""

from __future__ import annotations

import numpy as np

from tonnage.planning.algebra import Expr
from tonnage.planning.draft import Draft, problem_window


def capacity(draft: Draft) -> None:
    """Σ_w work[n,c,w] ≤ held[n,c] + rented[n,c], in blocks."""
    var = draft.var
    busy = var["work"].sum(2)
    draft.builder.require("capacity", busy - var["held"] - rented(draft) <= 0)


def rented(draft: Draft) -> Expr:
    """[node, chip] blocks on demand, and under reservations signed at most term − 1 periods ago."""
    total = draft.var["rent"]
    for term, periods in enumerate(draft.problem.rental.term):
        signed = draft.var["reserve"][:, :, term]
        for lag in range(min(int(periods), draft.problem.tree.periods)):
            total = total + signed.at(draft.lags[lag])
    return total


def ported(draft: Draft) -> None:
    """Σ_{c on s} served[n,c,w] ≤ want[n,w] · (slow · ready[n,s,w] + (1 − slow) · mature[n,s,w]).

    ready is the port `delay` periods earlier, mature the one `ramp` periods before that; a port is
    there from the node on at which it is begun. Linked by stack, not by chip: fewer rows, and
    never weaker. `want` is the demand of a serving load; a training load may do all its work in
    one period.
    """
    problem, ways = draft.problem, draft.problem.porting
    loads, stacks = problem.loads, np.arange(len(ways.stacks))
    on_stack = (stacks[:, None] == problem.chips.stack)[None, :, :, None]
    given = (draft.served[:, None] * on_stack).sum(2)
    want = np.where(loads.training, 0.0, loads.demand) / draft.units.speed
    for load in np.flatnonzero(loads.training):
        want[:, load] = loads.work[load] / (
            draft.units.speed[load] * problem.tree.seconds[problem.tree.period]
        )
    port = draft.port
    ready = draft.lagged(port, ways.delay) * np.where(ways.ramp > 0, ways.slow, 1.0)
    if (ways.ramp > 0).any():
        late = draft.lagged(port, ways.delay + ways.ramp)
        ready = ready + late * np.where(ways.ramp > 0, 1.0 - ways.slow, 0.0)
    open_ = want[:, None, :] * ways.done
    draft.builder.require("ported", given - ready * (want[:, None, :] * ~ways.done) <= open_)


def demand(draft: Draft) -> None:
    """Σ_c served[n,c,w] + short[n,w] ≥ demand[n,w] for the serving loads."""
    loads = draft.problem.loads
    serving = np.flatnonzero(~loads.training)
    given = draft.served.sum(1)[:, serving] + draft.var["short"][:, serving]
    want = (loads.demand / draft.units.speed)[:, serving]
    draft.builder.require("demand", given >= want)


def training(draft: Draft) -> None:
    """Σ_{t in window} seconds[t] · Σ_c served[node(t),c,w] + short[n,w] ≥ work[w] at deadlines."""
    problem = draft.problem
    loads, tree, units = problem.loads, problem.tree, draft.units
    done = draft.served.sum(1) * (tree.seconds[tree.period] / units.span)[:, None]
    for load in np.flatnonzero(loads.training):
        window = problem_window(problem, int(load))
        at_deadline = np.flatnonzero(tree.period == window.stop - 1)
        progress = draft.var["short"][at_deadline, load]
        for lag in range(window.stop - window.start):
            progress = progress + done[:, load].at(draft.lags[lag][at_deadline])
        want = loads.work[load] / (units.speed[load] * units.span)
        draft.builder.require(f"training {load}", progress >= want)
