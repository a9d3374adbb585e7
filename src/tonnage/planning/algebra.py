"""A small closed language for linear programmes over arrays.

An `Expr` is an array of linear expressions. It can be added, multiplied by data, summed over an
axis, indexed, and compared; nothing else. A `Builder` collects variables and constraints under
names and hands over a `Programme`: plain arrays, ready for a solver or for cutting into parts.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy import sparse

from tonnage.planning.axes import Bools, Floats, Ints

INF = np.inf
Numbers = npt.ArrayLike


@dataclass(frozen=True, eq=False)
class Expr:
    """Linear expressions laid out as an array of `shape`.

    Entry k (in C order) is the sum of coef[j] · column col[j] over start[k] ≤ j < start[k+1].
    """

    shape: tuple[int, ...]
    start: Ints
    col: Ints
    coef: Floats

    __array_ufunc__ = None
    """Lets `array * expr` come to `__rmul__`."""

    def _take(self, at: Ints) -> Expr:
        """Entries at flat positions; -1 gives the empty expression."""
        length = np.where(at < 0, 0, np.diff(self.start)[at]).ravel()
        start = np.concatenate([[0], np.cumsum(length)])
        from_ = np.repeat(self.start[np.maximum(at.ravel(), 0)] - start[:-1], length)
        terms = from_ + np.arange(start[-1])
        return Expr(at.shape, start, self.col[terms], self.coef[terms])

    @property
    def _positions(self) -> Ints:
        return np.arange(len(self.start) - 1).reshape(self.shape)

    def _spread(self, shape: tuple[int, ...]) -> Expr:
        if shape == self.shape:
            return self
        return self._take(np.broadcast_to(self._positions, shape))

    def __getitem__(self, key: Any) -> Expr:
        """Entries as NumPy indexes them (no negative positions: use `at` for lags)."""
        return self._take(self._positions[key])

    def at(self, index: Ints) -> Expr:
        """Entry (i, …) becomes entry (index[i], …), or (index[i, …], …) when `index` is as deep.

        Index -1 gives the empty expression: what lies before the root of a tree.
        """
        deep = index.reshape(index.shape + (1,) * (len(self.shape) - index.ndim))
        stride = int(np.prod(self.shape[1:]))
        inner = np.arange(stride).reshape(self.shape[1:])
        return self._take(np.where(deep < 0, -1, deep * stride + inner))

    def __add__(self, other: Expr) -> Expr:
        shape = np.broadcast_shapes(self.shape, other.shape)
        a, b = self._spread(shape), other._spread(shape)
        size = len(a.start) - 1
        both = Expr(
            (2 * size,),
            np.concatenate([a.start, a.start[-1] + b.start[1:]]),
            np.concatenate([a.col, b.col]),
            np.concatenate([a.coef, b.coef]),
        )
        mixed = both._take(np.stack([np.arange(size), size + np.arange(size)], axis=1))
        return Expr(shape, mixed.start[::2], mixed.col, mixed.coef)

    def __mul__(self, by: Numbers) -> Expr:
        factor = np.asarray(by, dtype=float)
        shape = np.broadcast_shapes(self.shape, factor.shape)
        a = self._spread(shape)
        each = np.repeat(np.broadcast_to(factor, shape).ravel(), np.diff(a.start))
        return Expr(shape, a.start, a.col, a.coef * each)

    __rmul__ = __mul__

    def __neg__(self) -> Expr:
        return self * -1.0

    def __sub__(self, other: Expr) -> Expr:
        return self + -other

    def sum(self, axis: int) -> Expr:
        """Sum over one axis."""
        count = self.shape[axis]
        last = np.moveaxis(self._positions, axis, -1)
        a = self._take(np.ascontiguousarray(last))
        start = a.start[::count] if count else np.zeros(int(np.prod(last.shape[:-1])) + 1, int)
        return Expr(last.shape[:-1], start, a.col, a.coef)

    def __le__(self, bound: Numbers) -> Rows:
        return Rows(self, -INF, bound)

    def __ge__(self, bound: Numbers) -> Rows:
        return Rows(self, bound, INF)

    def __eq__(self, bound: Numbers) -> Rows:  # type: ignore[override]
        return Rows(self, bound, bound)

    __hash__ = None  # type: ignore[assignment]


@dataclass(frozen=True, slots=True, eq=False)
class Rows:
    """low ≤ expr ≤ high, entry by entry."""

    expr: Expr
    low: Numbers
    high: Numbers


@dataclass(frozen=True, eq=False)
class Programme:
    """min cost·x, row_low ≤ A·x ≤ row_high, low ≤ x ≤ high, x whole where `whole`."""

    matrix: sparse.csr_matrix
    cost: Floats
    low: Floats
    high: Floats
    row_low: Floats
    row_high: Floats
    whole: Bools
    columns: dict[str, Ints]
    """Name of a variable → its column numbers, in the variable's shape."""
    rows: dict[str, Ints]
    """Name of a constraint family → its row numbers, in the family's shape."""


@dataclass(eq=False)
class Builder:
    """Collects variables and constraints, each under its name."""

    _low: list[Floats] = field(default_factory=list)
    _high: list[Floats] = field(default_factory=list)
    _whole: list[Bools] = field(default_factory=list)
    _rows: list[tuple[Expr, Floats, Floats]] = field(default_factory=list)
    columns: dict[str, Ints] = field(default_factory=dict)
    rows: dict[str, Ints] = field(default_factory=dict)

    def variable(
        self,
        name: str,
        shape: Sequence[int],
        low: Numbers = 0.0,
        high: Numbers = INF,
        whole: bool = False,
    ) -> Expr:
        """Add an array of variables and return it as an expression."""
        first = sum(len(x) for x in self._low)
        col = first + np.arange(int(np.prod(shape)))
        self._low.append(np.broadcast_to(np.asarray(low, float), shape).ravel())
        self._high.append(np.broadcast_to(np.asarray(high, float), shape).ravel())
        self._whole.append(np.full(col.size, whole))
        self.columns[name] = col.reshape(shape)
        return Expr(tuple(shape), np.arange(col.size + 1), col, np.ones(col.size))

    def require(self, name: str, rows: Rows) -> None:
        """Add a family of constraints."""
        expr = rows.expr
        first = sum(len(low) for _, low, _ in self._rows)
        low = np.broadcast_to(np.asarray(rows.low, float), expr.shape).ravel()
        high = np.broadcast_to(np.asarray(rows.high, float), expr.shape).ravel()
        self.rows[name] = first + np.arange(low.size).reshape(expr.shape)
        self._rows.append((expr, low, high))

    def programme(self, objective: Expr) -> Programme:
        """Return what was collected, with the objective (a single expression) to be minimised."""
        width = sum(len(x) for x in self._low)
        exprs = [expr for expr, _, _ in self._rows]
        ends = np.concatenate([[0], np.cumsum([expr.start[-1] for expr in exprs])])
        start = np.concatenate([[0], *(e.start[1:] + k for e, k in zip(exprs, ends, strict=False))])
        coef = np.concatenate([e.coef for e in exprs])
        col = np.concatenate([e.col for e in exprs])
        matrix = sparse.csr_matrix((coef, col, start), shape=(len(start) - 1, width))
        matrix.sum_duplicates()
        matrix.eliminate_zeros()
        return Programme(
            matrix,
            np.bincount(objective.col, objective.coef, width).astype(float),
            np.concatenate(self._low),
            np.concatenate(self._high),
            np.concatenate([low for _, low, _ in self._rows]),
            np.concatenate([high for _, _, high in self._rows]),
            np.concatenate(self._whole),
            self.columns,
            self.rows,
        )
