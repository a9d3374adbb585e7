"""What is paid at every node, and what is minimised."""

from __future__ import annotations

import numpy as np

from tonnage.planning.algebra import Expr
from tonnage.planning.axes import Floats
from tonnage.planning.draft import Draft

TIE = 1e-5
"""Weight of expected cost beside the worst regret, so that plans of equal regret are not equal."""


def payments(draft: Draft) -> dict[str, Expr]:
    """[node] payments by kind, undiscounted, in cost units.

    purchase: paid · price · buy at the order, the rest of the order's price at delivery, for what
    comes. rent: on demand at the node's price, reservations at the price of their signing.
    porting: once, where begun. operation: chips in service. holding: chips in stock.
    """
    problem, var, units = draft.problem, draft.var, draft.units
    block = problem.chips.block / units.money
    buy, rental = problem.purchase, problem.rental
    purchase = (var["buy"] * (draft.price * buy.paid_on_order)).sum(1)
    if (buy.paid_on_order < 1.0).any():
        purchase = purchase + (draft.owed * buy.delivered).sum(1)
    rent = (var["rent"] * (rental.price * block)).sum(1)
    for term, periods in enumerate(rental.term):
        signed = (var["reserve"] * (rental.term_price * block[:, None]))[:, :, term].sum(1)
        for lag in range(min(int(periods), problem.tree.periods)):
            rent = rent + signed.at(draft.lags[lag])
    ported = (var["begin"] * (problem.porting.cost / units.money)).sum(2).sum(1)
    return {
        "purchase": purchase,
        "rent": rent,
        "porting": ported,
        "operation": (var["held"] * (problem.limits.opex * block)).sum(1),
        "holding": (var["stock"] * (buy.hold * block)).sum(1),
    }


def penalties(draft: Draft) -> Expr:
    """[node] penalty[n,w] · short[n,w], of the speed unmet or of the work missing."""
    loads, units = draft.problem.loads, draft.units
    one = units.speed * np.where(loads.training, units.span, 1.0) / units.money
    return (draft.var["short"] * (loads.penalty * one)).sum(1)


def proceeds(draft: Draft) -> Expr:
    """[node] resale of retired chips; at the leaves the worth of those held and in stock."""
    problem, var = draft.problem, draft.var
    block = problem.chips.block / draft.units.money
    resale = var["retire"] * (problem.purchase.resale * block)
    at_end = np.zeros((problem.tree.nodes, 1))
    at_end[problem.tree.leaves] = 1.0
    left = (var["held"] + var["stock"]) * (problem.purchase.residual * block * at_end)
    return (resale + left).sum(1)


def cost(draft: Draft) -> None:
    """cost[n] = discount[n] · (Σ payments[n] + penalties[n] − proceeds[n])."""
    total = penalties(draft) - proceeds(draft)
    for part in payments(draft).values():
        total = total + part
    draft.builder.require("cost", total * draft.problem.discount - draft.var["cost"] == 0)


def objective(draft: Draft, best: Floats | None = None) -> Expr:
    """(1 − λ) Σ p[n] cost[n] + λ (var + Σ p[leaf] excess[leaf] / (1 − α)), or the worst regret.

    excess[l] ≥ Σ_{n on path l} cost[n] − var, excess ≥ 0: Rockafellar and Uryasev (2000). With
    `best` [leaf], the least cost each future could have: worst ≥ Σ_{n on path l} cost[n] − best[l].
    """
    problem, builder, tree = draft.problem, draft.builder, draft.problem.tree
    paid = draft.var["cost"]
    expected = (paid * tree.weight).sum(0)
    risk = problem.risk
    if risk.objective == "regret" and best is not None:
        worst = builder.variable("worst", (1,), low=-np.inf)
        along = paid[tree.path].sum(1)
        builder.require("regret", worst - along >= -best / draft.units.money)
        return worst.sum(0) + expected * TIE
    if risk.weight == 0.0 or risk.level == 0.0:
        return expected
    var = builder.variable("var", (1,), low=-np.inf)
    excess = builder.variable("excess", (len(tree.leaves),))
    builder.require("tail", excess + var - paid[tree.path].sum(1) >= 0)
    tail = tree.weight[tree.leaves] / (1.0 - risk.level)
    return expected * (1.0 - risk.weight) + (var.sum(0) + (excess * tail).sum(0)) * risk.weight
