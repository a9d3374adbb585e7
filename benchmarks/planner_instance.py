"""The reference planning instance: invented numbers of a realistic shape, the same on every run.

Twelve quarters, twelve chips in four software stacks (half of them domestic), six serving loads,
and 81 histories: at each of four dates the rules stay, tighten by one or tighten by two steps.
What is measured on it is the planner; its plan says nothing of any real chip. One chip here stands
for a cluster of 256; money is in millions.
"""

from __future__ import annotations

import numpy as np

from tonnage.planning import Chips, Limits, Loads, Porting, Problem, Purchase, Rental, Risk, Tree

QUARTERS, CHIPS, LOADS, STACKS = 12, 12, 6, 4
BRANCHING = {81: (2, 4, 7, 9), 27: (2, 4, 7), 9: (2, 4), 3: (2,), 1: ()}
"""Histories wanted → quarters in which the tree branches."""
OUTCOMES = ((0, 0.5, 1.00), (1, 0.3, 1.03), (2, 0.2, 1.06))
"""Steps of tightening, probability, factor on demand."""
GROWTH = 1.07
OPEX_PER_POWER = 0.35
SCALE = 8.0


def grow(branching: tuple[int, ...]) -> tuple[np.ndarray, ...]:
    """Return period, parent, probability, tightening and demand factor of every node."""
    nodes = [(0, -1, 1.0, 0, 1.0)]
    front = [0]
    for quarter in range(1, QUARTERS):
        outcomes = OUTCOMES if quarter in branching else ((0, 1.0, 1.0),)
        following = []
        for parent in front:
            _, _, weight, steps, demand = nodes[parent]
            for more, chance, factor in outcomes:
                following.append(len(nodes))
                nodes.append(
                    (quarter, parent, weight * chance, steps + more, demand * GROWTH * factor)
                )
        front = following
    return tuple(np.array(column) for column in zip(*nodes, strict=True))


def reference(histories: int = 81, seed: int = 7) -> Problem:
    """Return the instance with 1, 3, 9, 27 or 81 histories. The order of draws is part of it."""
    draw = np.random.default_rng(seed)
    period, parent, probability, steps, growth = grow(BRANCHING[histories])
    index = np.arange(CHIPS)
    domestic = index >= CHIPS // 2
    speed = np.where(domestic, 0.45, 1.0) * (0.7 + 0.6 * draw.random(CHIPS))
    rate = speed[:, None] * (0.5 + draw.random((CHIPS, LOADS)))
    first_price = 9.0 * speed**0.8 * (0.9 + 0.2 * draw.random(CHIPS))
    dearer = np.where(domestic, 1.0, 1 + 0.08 * steps[:, None])
    price = first_price * dearer * 0.98 ** period[:, None]
    made = np.where(domestic, 6 + 1.0 * period[:, None], 14.0)
    supply = np.floor(SCALE * made * np.where(domestic, 1.0, 0.55 ** steps[:, None]))
    lead = draw.integers(0, 3, CHIPS)
    for_rent = SCALE * np.where(domestic, 4.0, 6.0 * 0.7 ** steps[:, None])
    power = 0.22 + 0.1 * draw.random(CHIPS)
    demand = SCALE * growth[:, None] * (3 + 4 * draw.random(LOADS))
    penalty = 25 + 10 * draw.random(LOADS)
    port_cost = SCALE * (6 + 10 * draw.random((STACKS, LOADS)))
    return Problem(
        Tree(period, parent, probability),
        Chips(
            tuple(f"chip {k + 1}" for k in index),
            stack=np.where(domestic, 2 + index % 2, index % 2),
            domestic=domestic,
            power=power,
        ),
        Purchase(price, supply=supply, lead=lead, hold=0.02 * price),
        Loads(tuple(f"load {k + 1}" for k in range(LOADS)), rate, demand, penalty),
        Porting(tuple(f"stack {k + 1}" for k in range(STACKS)), port_cost),
        rental=Rental(0.14 * price, for_rent),
        limits=Limits(
            opex=OPEX_PER_POWER * power,
            budget=(SCALE * (260.0 + 12 * np.arange(QUARTERS)))[period],
            power=(SCALE * (14.0 + 2.2 * np.arange(QUARTERS)))[period],
            domestic_share=np.where(np.arange(QUARTERS) >= 4, 0.3, 0.0)[period],
        ),
        risk=Risk(level=0.9, weight=0.3),
    )
