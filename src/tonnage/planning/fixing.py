"""Decisions taken as given: the part of a plan that is already made."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import numpy as np

from tonnage.errors import InputError
from tonnage.planning.algebra import Programme
from tonnage.planning.axes import Floats, Ints
from tonnage.planning.problem import Problem
from tonnage.planning.simulate import Decisions

Fixed = Mapping[str, Floats]
"""Name of a decision (`buy`, `reserve`, `port`, …) → array in its shape, NaN where free."""


def fix(problem: Problem, programme: Programme, fixed: Fixed) -> Programme:
    """Return the programme with the given decisions (in chips) fixed.

    Raises
    ------
    InputError
        A name that is no decision, or an array of another shape.
    """
    low, high = programme.low.copy(), programme.high.copy()
    block = problem.chips.block
    for decision, wanted in fixed.items():
        name, given = (
            ("begin", _begun(problem, wanted)) if decision == "port" else (decision, wanted)
        )
        columns = programme.columns.get(name)
        if columns is None or columns.shape != np.shape(given):
            shape = None if columns is None else list(columns.shape)
            raise InputError.of(f"fixed.{decision}", list(np.shape(given)), f"give shape {shape}")
        size = {2: block, 3: block[:, None]}[columns.ndim]
        value = np.asarray(given) if name == "begin" else np.asarray(given) / size
        held = ~np.isnan(value)
        low[columns[held]] = high[columns[held]] = value[held]
    return replace(programme, low=low, high=high)


def _begun(problem: Problem, port: Floats) -> Floats:
    """[node, stack, load] what is begun where, from the ports that are there; NaN where free."""
    port = np.asarray(port, dtype=float)
    parent = problem.tree.parent
    if port.shape[:1] != parent.shape:
        return port
    first = np.broadcast_to(1.0 * problem.porting.done, port.shape)
    before = np.where((parent >= 0)[:, None, None], port[parent], first)
    return np.where(problem.porting.done, 0.0, np.maximum(port - before, 0.0))


def moves(
    problem: Problem,
    do: Decisions,
    nodes: Ints,
    onto: Ints | None = None,
    count: int | None = None,
    names: tuple[str, ...] = ("buy", "reserve", "port"),
) -> dict[str, Floats]:
    """Return the commitments made at `nodes`, all others free.

    `onto` are the nodes of another tree of `count` nodes that the decisions are put on; without
    it they stay where they are. Orders that the other problem does not allow are left to it.
    """
    onto = nodes if onto is None else onto
    fixed = {}
    for name in names:
        value = getattr(do, name)
        full = np.full((count or problem.tree.nodes, *value.shape[1:]), np.nan)
        full[onto] = value[nodes]
        fixed[name] = full
    return fixed


def permitted(problem: Problem, fixed: Fixed) -> dict[str, Floats]:
    """Return commitments cut to what the problem allows: no order above supply or permission."""
    buy, rental = problem.purchase, problem.rental
    block = problem.chips.block
    orders = np.where(buy.allowed, np.floor(buy.supply / block + 1e-9) * block, 0.0)
    cap = {"buy": orders, "reserve": rental.term_cap, "rent": rental.cap}
    return {name: np.minimum(x, cap[name]) if name in cap else x for name, x in fixed.items()}
