"""From order to service: deliveries fill the stock, deployment empties it into the fleet."""

from __future__ import annotations

import numpy as np

from tonnage.planning.axes import Floats
from tonnage.planning.draft import Draft


def stock(draft: Draft) -> None:
    """stock[n,c] = stock[parent(n),c] + delivered[n,c] · due[n,c] + arriving[n,c] − deploy[n,c].

    Blocks. `due` are the orders of the ancestors whose lead time ends at n, so an order follows
    every branch below its node. At the root the stock in hand stands in for the parent's.
    """
    problem, var = draft.problem, draft.var
    block, delivered = problem.chips.block, problem.purchase.delivered
    given = problem.fleet.arriving * delivered / block
    given[0] += problem.fleet.stock / block
    change = var["stock"] - draft.before(var["stock"]) - draft.due * delivered + var["deploy"]
    draft.builder.require("stock", change == given)


def fleet(draft: Draft) -> None:
    """held[n,c] = (1 − failure[c]) · held[parent(n),c] + deploy[n,c] − retire[n,c].

    Blocks. At the root the cohorts in hand stand in for the parent's.
    """
    problem, var = draft.problem, draft.var
    kept = draft.before(var["held"]) * (1.0 - problem.chips.failure)
    given = np.zeros((problem.tree.nodes, len(problem.chips.names)))
    given[0] = in_hand(draft)[0]
    change = var["held"] - kept - var["deploy"] + var["retire"]
    draft.builder.require("fleet", change == given)


def in_hand(draft: Draft) -> Floats:
    """[node, chip] blocks of the cohorts in hand that are still there, less failures."""
    problem = draft.problem
    period, cohorts = problem.tree.period, problem.fleet
    there = period[:, None] < cohorts.until
    blocks = np.zeros((problem.tree.nodes, len(problem.chips.names)))
    for cohort, chip in enumerate(cohorts.chip):
        blocks[:, chip] += there[:, cohort] * cohorts.count[cohort] / problem.chips.block[chip]
    aged: Floats = blocks * (1.0 - problem.chips.failure) ** period[:, None]
    return aged


def age(draft: Draft) -> None:
    """held[n,c] ≤ in_hand[n,c] + Σ_{k < life[c]} (1 − failure[c])^k · deploy[ancestor(n,k),c].

    Blocks. Written only for chips of which something gets too old within the horizon.
    """
    problem, var = draft.problem, draft.var
    periods = problem.tree.periods
    leaving = problem.fleet.chip[problem.fleet.until < periods]
    aging = np.union1d(np.flatnonzero(problem.chips.life < periods), leaving).astype(int)
    if not aging.size:
        return
    life, kept = problem.chips.life[aging], 1.0 - problem.chips.failure[aging]
    alive, deployed = var["held"][:, aging], var["deploy"][:, aging]
    for lag in range(periods):
        alive = alive - (deployed * ((lag < life) * kept**lag)).at(draft.lags[lag])
    draft.builder.require("age", alive <= in_hand(draft)[:, aging])
