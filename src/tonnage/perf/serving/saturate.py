"""The load that makes most of a layout within its limits.

Throughput is not quite monotone in the load: a batch that spills over into another tile of a matrix
product costs a whole one. So the limits are found by bisection, which tells good options from bad
ones, and the good ones are then tried at every load of one fixed series. What a looser limit allows
is all that a tighter one does, and more.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from typing import Any

import numpy as np

from tonnage.perf.serving.arrays import Number

POINTS = 14
"""Loads of the first pass, evenly spaced in the logarithm from one to all that memory holds."""
ROUNDS = 10
CLOSE = 0.01
"""Step of the series of loads, and how finely the first pass tells limits: so far may the answer be
from the best load."""
BUDGET = 120_000
"""Loads of the second pass, over all options that compete."""
LEAST_TRIED = 2
"""Options of one competitor that reach the second pass at least."""

Measure = Callable[[Any, Number], tuple[Number, Number]]
"""Options by index, requests in flight in each → what is to be most, worst latency over limit."""


@lru_cache(maxsize=1)
def _series() -> Any:
    """Return whole numbers of requests, 1 % apart or by one, up to 10^11."""
    return np.unique(np.rint((1.0 + CLOSE) ** np.arange(2550)))


def best_loads(measure: Measure, room: Number, owner: Any) -> tuple[Any, Any]:
    """Return the whole number of requests with the highest worth within the limits, by option.

    Parameters
    ----------
    measure
        Called with indices of options and a number of requests in flight for each.
    room
        Requests that each option holds at once, axis [option].
    owner
        For whom each option competes, axis [option]; the best of each owner are told finely.

    Returns
    -------
    loads, worth
        Axis [option]. Where no load holds, one request, and -inf.
    """
    top = np.maximum(np.floor(room + 1e-9), 1.0)
    loads, worth = _first_pass(measure, top)
    some = _shortlist(worth, owner)
    if not len(some):
        return np.where(np.isfinite(worth), loads, 1.0), worth
    # Not the most that fits, unless it is of the series: more memory must offer all that less does.
    lengths = np.searchsorted(_series(), top[some], side="right")
    option = np.repeat(np.arange(len(some)), lengths)
    place = np.arange(len(option)) - np.repeat(np.cumsum(lengths) - lengths, lengths)
    load = _series()[place]
    found, over = measure(some[option], load)
    found = np.where(over <= 1.0, found, -np.inf)
    for start, count, index in zip(np.cumsum(lengths) - lengths, lengths, some, strict=True):
        k = start + int(np.argmax(found[start : start + count]))
        loads[index], worth[index] = load[k], found[k]
    return np.where(np.isfinite(worth), loads, 1.0), worth


def _shortlist(worth: Any, owner: Any) -> Any:
    """Return the indices of the options worth a second look: the best of each owner that hold."""
    names, mine = np.unique(owner, return_inverse=True)
    each = max(LEAST_TRIED, BUDGET // (len(_series()) * max(len(names), 1)))
    order = np.lexsort((-worth, mine))
    first = np.searchsorted(mine[order], np.arange(len(names)))
    rank = np.arange(len(order)) - first[mine[order]]
    chosen = order[(rank < each) & np.isfinite(worth[order])]
    return np.sort(chosen)


def _first_pass(measure: Measure, top: Any) -> tuple[Any, Any]:
    """Return about the best load of every option, and its worth; -inf where none holds."""
    steps = np.arange(POINTS) / (POINTS - 1.0)
    grid = np.rint(top[:, None] ** steps)
    found, over = measure(np.repeat(np.arange(len(top)), POINTS), grid.ravel())
    holds = over.reshape(grid.shape) <= 1.0
    worth = np.where(holds, found.reshape(grid.shape), -np.inf)
    row, best = np.arange(len(top)), np.argmax(worth, axis=1)
    loads, most = grid[row, best], worth[row, best]
    # The last load of the pass that holds; beyond it lies the limit.
    last = POINTS - 1 - np.argmax(holds[:, ::-1], axis=1)
    option = np.flatnonzero(holds.any(axis=1) & (last < POINTS - 1))
    low, high = grid[option, last[option]], grid[option, last[option] + 1]
    for _ in range(ROUNDS):
        going = np.flatnonzero(high - low > np.maximum(1.0, CLOSE * low))
        if not len(going):
            break
        middle = np.floor((low[going] + high[going]) / 2.0)
        value, over = measure(option[going], middle)
        kept = over <= 1.0
        low[going[kept]], high[going[~kept]] = middle[kept], middle[~kept]
        better = kept & (value > most[option[going]])
        loads[option[going[better]]] = middle[better]
        most[option[going[better]]] = value[better]
    return loads, most
