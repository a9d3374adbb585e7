"""Classification of whole tables of specifications on many days at once.

The tests, thresholds and scopes are those of the scalar path; NaN stands for unknown, and a row
with NaN gets a class only if every value it might stand for gives that class.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from tonnage.errors import InputError
from tonnage.rules.clause import (
    CLASSES,
    UNKNOWN,
    Classification,
    classification_on,
    derived,
    reached,
)
from tonnage.rules.country import country, seen_as
from tonnage.rules.licence import Deal, requirement
from tonnage.rules.possible import SMALLEST_AREA
from tonnage.rules.rulebook import Rulebook, load_rules

Floats = NDArray[np.float64]
Codes = NDArray[np.int8]

COLUMNS = ("tpp", "die_area_mm2", "io_gbs", "dram_gbs", "datacenter")
NAMES = (*CLASSES, UNKNOWN)
"""What the class codes 0, 1, … stand for."""
YES, NO, UNKNOWN_CODE = 1, 0, -1


@dataclass(frozen=True, slots=True)
class Table:
    """Classes [spec, day] and licence requirements [spec, destination, day].

    `classes` holds indices into `names`; `licence_required` 1, 0, or -1 where it cannot be told.
    """

    destinations: tuple[str, ...]
    days: tuple[date, ...]
    classes: Codes
    licence_required: Codes
    names: tuple[str, ...] = NAMES

    def class_names(self) -> NDArray[np.str_]:
        """Return the class ids [spec, day] as text."""
        return np.array(self.names)[self.classes]

    def to_frame(self) -> dict[str, NDArray[Any]]:
        """Return columns of equal length, one row a spec, destination and day.

        Any table library takes them as they are.
        """
        specs, places, days = self.licence_required.shape
        spec, place, day = np.meshgrid(
            np.arange(specs), np.arange(places), np.arange(days), indexing="ij"
        )
        return {
            "spec": spec.ravel(),
            "destination": np.array(self.destinations)[place.ravel()],
            "on": np.array(self.days, dtype="datetime64[D]")[day.ravel()],
            "class": self.class_names()[spec.ravel(), day.ravel()],
            "licence_required": self.licence_required.ravel(),
        }


@dataclass(frozen=True, slots=True)
class _Specs:
    """Columns [spec]; NaN where a figure is unknown, `market` 1, 0 or NaN."""

    tpp: Floats
    area: Floats
    io: Floats
    dram: Floats
    market: Floats

    def rows(self, mask: NDArray[np.bool_]) -> _Specs:
        return _Specs(*(column[mask] for column in self.columns()))

    def columns(self) -> tuple[Floats, ...]:
        return self.tpp, self.area, self.io, self.dram, self.market


def classify_table(
    specs: Mapping[str, ArrayLike],
    destinations: Sequence[str],
    days: Sequence[date],
    *,
    headquarters: str | None = None,
    book: Rulebook | None = None,
    codified: bool = False,
) -> Table:
    """Classify every specification on every day, for exports from the US.

    Parameters
    ----------
    specs
        Columns [spec] of equal length: tpp, die_area_mm2, io_gbs (links and PCI Express, both
        directions), dram_gbs, datacenter (true, false); a column left out, or NaN, is unknown.
        A structured array does as well.

    Raises
    ------
    InputError
        If a column is unknown to the rules, of another length, negative or infinite, or there is
        no column, destination or day.
    """
    book = book or load_rules()
    columns = _columns(specs)
    places = tuple(country(place, "destinations") for place in destinations)
    if not places or not days:
        raise InputError.of("destinations, days", None, "give at least one of each")
    parent = seen_as(country(headquarters, "headquarters")) if headquarters else None
    classes = np.empty((columns.tpp.size, len(days)), np.int8)
    licences = np.empty((columns.tpp.size, len(places), len(days)), np.int8)
    reachable: dict[Classification, NDArray[np.uint8]] = {}
    for j, day in enumerate(days):
        law = classification_on(book, day)
        masks = reachable.get(law)
        if masks is None:
            masks = reachable[law] = _reachable(law, columns)
        classes[:, j] = _CLASS_OF_MASK[masks]
        for i, place in enumerate(places):
            deal = Deal(seen_as(place), "US", parent, day, codified)
            licences[:, i, j] = _licence_by_mask(book, deal)[masks]
    return Table(places, tuple(days), classes, licences)


def _columns(specs: Mapping[str, ArrayLike]) -> _Specs:
    dtype = getattr(specs, "dtype", None)
    given = list(dtype.names or ()) if dtype is not None else list(specs)
    strange = [name for name in given if name not in COLUMNS]
    if strange or not given:
        mend = f"use columns of {', '.join(COLUMNS)}"
        raise InputError.of("specs", strange or None, mend)
    arrays = {name: np.asarray(specs[name], dtype=np.float64).ravel() for name in given}
    sizes = {array.size for array in arrays.values()}
    if len(sizes) != 1:
        raise InputError.of("specs", sorted(sizes), "give every column the same length")
    for name, array in arrays.items():
        if np.any(array < 0) or np.any(np.isinf(array)):
            raise InputError.of(name, None, "give finite numbers of 0 or more; NaN for unknown")
    if "die_area_mm2" in arrays and np.any(arrays["die_area_mm2"] == 0):
        raise InputError.of("die_area_mm2", 0, "an area is positive; NaN for unknown")
    blank = np.full(sizes.pop(), np.nan)
    return _Specs(*(arrays.get(name, blank) for name in COLUMNS))


_CLASS_OF_MASK = np.array(
    [
        {1 << code: code for code in range(len(CLASSES))}.get(mask, len(CLASSES))
        for mask in range(1 << len(CLASSES))
    ],
    np.int8,
)
"""Set of possible classes, as bits, to class code."""


def _licence_by_mask(book: Rulebook, deal: Deal) -> Codes:
    """Return the licence requirement of every set of possible classes."""
    needs = [bool(requirement(book, name, deal)) for name in CLASSES]
    answers = []
    for mask in range(1 << len(CLASSES)):
        found = {needs[code] for code in range(len(CLASSES)) if mask >> code & 1}
        answers.append(UNKNOWN_CODE if len(found) != 1 else (YES if found == {True} else NO))
    return np.array(answers, np.int8)


def _reachable(law: Classification, specs: _Specs) -> NDArray[np.uint8]:
    """Return the set of classes each row may have, as bits [spec].

    Rows that lack the same figures are visited together, so that no cell is visited in vain.
    """
    masks = np.zeros(specs.tpp.size, np.uint8)
    lacking = np.zeros(specs.tpp.size, np.uint8)
    for k, column in enumerate(specs.columns()):
        lacking |= np.isnan(column).astype(np.uint8) << np.uint8(k)
    for pattern in np.unique(lacking):
        rows: NDArray[np.bool_] = np.equal(lacking, pattern)
        mine = specs.rows(rows)
        masks[rows] = _bits(law, *mine.columns()) if pattern == 0 else _visit(law, mine)
    return masks


def _visit(law: Classification, specs: _Specs) -> NDArray[np.uint8]:
    """Visit every cell that an unknown figure may fall into, as `possible._cells` does."""
    masks = np.zeros(specs.tpp.size, np.uint8)
    densities = law.thresholds("performance_density")
    lines = [np.full_like(specs.tpp, t) for t in law.thresholds("tpp", "processing_sum")]
    lines += [np.where(np.isnan(specs.area), SMALLEST_AREA, specs.area) * t for t in densities]
    sums, drams = law.thresholds("bandwidth_sum"), law.thresholds("dram_bandwidth")
    links = law.thresholds("io_rate", "interconnect_bandwidth")
    known_io = np.where(np.isnan(specs.io), 0.0, specs.io)
    for tpp in _samples(specs.tpp, lines, 0.0):
        for area in _samples(specs.area, [tpp / t for t in densities], SMALLEST_AREA):
            dram_lines = [np.full_like(tpp, t) for t in drams] + [t - known_io for t in sums]
            for dram in _samples(specs.dram, dram_lines, 0.0):
                io_lines = [np.full_like(tpp, t) for t in links] + [t - dram for t in sums]
                for io in _samples(specs.io, io_lines, 0.0):
                    for market in _markets(specs.market):
                        masks |= _bits(law, tpp, area, io, dram, market)
    return masks


def _markets(market: Floats) -> Iterable[Floats]:
    if not np.isnan(market).any():
        return (market,)
    return np.zeros_like(market), np.ones_like(market)


def _samples(column: Floats, lines: list[Floats], low: float) -> Iterable[Floats]:
    """Yield columns in which unknown figures take a value of every cell in turn."""
    if not np.isnan(column).any():
        yield column
        return
    floor = np.full_like(column, low)
    if not lines:
        yield floor
        return
    points = np.sort(np.stack([floor, *(np.maximum(line, low) for line in lines)]), axis=0)
    points = np.concatenate([points, 2 * points[-1:] + 1])
    yield from points
    yield from (points[1:] + points[:-1]) / 2


def _bits(
    law: Classification, tpp: Floats, area: Floats, io: Floats, dram: Floats, market: Floats
) -> NDArray[np.uint8]:
    """Return the class of exact figures as one bit [spec]."""
    found = reached(law, derived(tpp, area, io, dram, market.astype(np.bool_)))
    codes = np.zeros(tpp.size, np.uint8)
    for code, name in enumerate(CLASSES):
        if name in found:
            codes[np.asarray(found[name], np.bool_)] = code
    return np.left_shift(np.uint8(1), codes)
