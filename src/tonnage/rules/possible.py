"""Which classes a chip may have when some of its figures are rounded or unknown.

The tests split the space of (TPP, die area, I/O, DRAM, market) into cells of one class each. Every
cell that the given intervals reach is visited, so the answer is neither a guess nor wider than the
figures make it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from itertools import pairwise
from math import inf
from typing import Any

from tonnage.rules.clause import (
    CLASSES,
    NONE,
    Classification,
    derived,
    reached,
)
from tonnage.rules.metrics import Interval, Measures

SMALLEST_AREA = 1e-3
"""mm2; stands for the open end of an unknown die area."""


@dataclass(frozen=True, slots=True)
class Decision:
    """What one unknown or rounded quantity would decide: outcomes by range."""

    quantity: str
    would_decide: str
    ask: str = ""
    """Who could say."""


def class_of(law: Classification, values: Mapping[str, object]) -> str:
    """Return the class of exact figures."""
    found = reached(law, values)
    return next((name for name in reversed(CLASSES) if bool(found.get(name, False))), NONE)


def possible_classes(law: Classification, measures: Measures) -> frozenset[str]:
    """Return every class that figures inside the intervals may have."""
    return frozenset(class_of(law, values) for values in _cells(law, measures))


def _cells(law: Classification, m: Measures) -> Iterator[dict[str, object]]:
    densities = law.thresholds("performance_density")
    area = Interval(max(m.die_area.low, SMALLEST_AREA), m.die_area.high)
    lines = set(law.thresholds("tpp", "processing_sum"))
    if densities:
        ends = (area.low, area.high)
        lines |= {line * end for line in densities for end in ends if end < inf}
    markets = (True, False) if m.datacenter is None else (m.datacenter,)
    sums = law.thresholds("bandwidth_sum")
    drams = set(law.thresholds("dram_bandwidth"))
    drams |= {line - end for line in sums for end in (m.io_rate.low, m.io_rate.high)}
    for tpp in samples(m.tpp, lines):
        for mm2 in samples(area, {tpp / line for line in densities}):
            for dram in samples(m.dram_bandwidth, drams):
                links = set(law.thresholds("io_rate", "interconnect_bandwidth"))
                for io in samples(m.io_rate, links | {line - dram for line in sums}):
                    for market in markets:
                        yield derived(tpp, mm2, io, dram, market)


def samples(interval: Interval, lines: Iterable[float]) -> list[float]:
    """Return a point of every cell that `lines` cut the interval into, and every line itself."""
    low, high = interval.low, interval.high
    if low == high:
        return [low]
    inside = sorted(line for line in lines if low <= line <= high)
    if not inside:
        return [low]
    top = high if high < inf else 2 * inside[-1] + 1
    points = sorted({low, *inside, top})
    middles = [(left + right) / 2 for left, right in pairwise(points)]
    return sorted({*points, *middles})


_INPUTS = {
    "tpp": ("tpp", ("tpp", "processing_sum"), "TPP"),
    "die_area_mm2": ("die_area", ("performance_density",), "mm2"),
    "io_bidirectional_gbs": ("io_rate", ("io_rate", "interconnect_bandwidth"), "GB/s"),
    "memory_bandwidth_gbs": ("dram_bandwidth", ("dram_bandwidth",), "GB/s"),
}
"""Input as the catalog names it → field of `Measures`, quantities tested, unit."""


def decisions(law: Classification, measures: Measures) -> tuple[Decision, ...]:
    """Return, for each figure that is not exact, what knowing it would decide of the class."""
    if len(possible_classes(law, measures)) == 1:
        return ()
    found = [_market_decision(law, measures)] if measures.datacenter is None else []
    found += [_input_decision(law, measures, name) for name in _INPUTS]
    return tuple(decision for decision in found if decision is not None)


def _market_decision(law: Classification, measures: Measures) -> Decision | None:
    outcomes = {
        market: possible_classes(law, replace(measures, datacenter=market))
        for market in (True, False)
    }
    if outcomes[True] == outcomes[False]:
        return None
    text = f"if it is: {_either(outcomes[True])}; if not: {_either(outcomes[False])}"
    return Decision("designed or marketed for data centres", text)


def _input_decision(law: Classification, measures: Measures, name: str) -> Decision | None:
    field, quantities, unit = _INPUTS[name]
    interval: Interval = getattr(measures, field)
    if interval.low == interval.high:
        return None
    lines = set(law.thresholds(*quantities))
    if name == "die_area_mm2":
        ends = [end for end in {measures.tpp.low, measures.tpp.high} if 0 < end < inf]
        lines = {end / line for line in lines for end in ends}
    if name == "tpp" and measures.die_area.known:
        areas = {measures.die_area.low, measures.die_area.high} - {0.0, inf}
        lines |= {a * line for a in areas for line in law.thresholds("performance_density")}
    ranges: list[tuple[float, frozenset[str]]] = []
    edges = [interval.low, *sorted(x for x in lines if interval.low < x < interval.high)]
    for left, right in zip(edges, [*edges[1:], interval.high], strict=True):
        middle = (left + right) / 2 if right < inf else 2 * left + 1
        outcome = possible_classes(law, _pinned(measures, field, middle))
        if not ranges or ranges[-1][1] != outcome:
            ranges.append((left, outcome))
    if len(ranges) == 1:
        return None
    return Decision(name, "; ".join(_range_texts(ranges, interval.high, unit)))


def _pinned(measures: Measures, field: str, value: float) -> Measures:
    exact: dict[str, Any] = {field: Interval.exactly(value)}
    return replace(measures, **exact)


def _range_texts(
    ranges: list[tuple[float, frozenset[str]]], end: float, unit: str
) -> Iterator[str]:
    ends = [left for left, _ in ranges[1:]] + [end]
    for index, ((left, outcome), right) in enumerate(zip(ranges, ends, strict=True)):
        if index == 0:
            where = f"below {right:.5g} {unit}"
        elif right == inf or index == len(ranges) - 1:
            where = f"{left:.5g} {unit} or more"
        else:
            where = f"{left:.5g} to {right:.5g} {unit}"
        yield f"{where}: {_either(outcome)}"


def _either(classes: frozenset[str]) -> str:
    return " or ".join(name for name in CLASSES if name in classes)
