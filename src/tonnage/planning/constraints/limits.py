"""What the buyer may not exceed, and what its government asks."""

from __future__ import annotations

import numpy as np

from tonnage.planning.constraints.money import payments
from tonnage.planning.draft import Draft


def power(draft: Draft) -> None:
    """Σ_c power[c] · held[n,c] ≤ power_cap[n], as a share of the cap."""
    _site(draft, "power", draft.problem.chips.power, draft.problem.limits.power)


def floor(draft: Draft) -> None:
    """Σ_c floor[c] · held[n,c] ≤ floor_cap[n], as a share of the cap."""
    _site(draft, "floor", draft.problem.chips.floor, draft.problem.limits.floor)


def _site(draft: Draft, name: str, each: np.ndarray, cap: np.ndarray) -> None:
    nodes = np.flatnonzero(np.isfinite(cap))
    if nodes.size:
        scale = np.maximum(cap[nodes].max(), 1e-9)
        used = (draft.var["held"] * (each * draft.problem.chips.block / scale)).sum(1)
        draft.builder.require(name, used[nodes] <= cap[nodes] / scale)


def budget(draft: Draft) -> None:
    """Σ of the covered payments at n ≤ budget[n]; Σ along the path to n ≤ budget_total[n]."""
    limits, tree, money = draft.problem.limits, draft.problem.tree, draft.units.money
    paid = payments(draft)
    spend = paid[limits.budget_covers[0]]
    for kind in limits.budget_covers[1:]:
        spend = spend + paid[kind]
    nodes = np.flatnonzero(np.isfinite(limits.budget))
    if nodes.size:
        draft.builder.require("budget", spend[nodes] <= limits.budget[nodes] / money)
    nodes = np.flatnonzero(np.isfinite(limits.budget_total))
    if nodes.size:
        so_far = spend.at(draft.lags[0][nodes])
        for lag in range(1, tree.periods):
            so_far = so_far + spend.at(draft.lags[lag][nodes])
        draft.builder.require("budget_total", so_far <= limits.budget_total[nodes] / money)


def domestic(draft: Draft) -> None:
    """Σ_c (domestic[c] − share[n]) · w[n,c] · buy[n,c] ≥ 0, w the price or the chips of a block."""
    problem = draft.problem
    share = problem.limits.domestic_share
    nodes = np.flatnonzero(share > 0)
    if not nodes.size:
        return
    by_spend = problem.limits.domestic_by == "spend"
    weight = draft.price if by_spend else np.broadcast_to(problem.chips.block, draft.price.shape)
    part = problem.chips.domestic - share[:, None]
    bought = (draft.var["buy"] * (weight * part)).sum(1)
    draft.builder.require("domestic", bought[nodes] >= 0)
