"""The classification tests of ECCN 3A090, as formulas over dated parameters.

| paragraph | test |
|---|---|
| 3A090 (2022) | I/O rate >= 600 GB/s and processing sum >= 4800 |
| 3A090.a.1 | TPP >= 4800 |
| 3A090.a.2 | TPP >= 1600 and performance density >= 5.92 |
| 3A090.b.1 | 2400 <= TPP < 4800 and 1.6 <= performance density < 5.92 |
| 3A090.b.2 | TPP >= 1600 and 3.2 <= performance density < 5.92 |
| Note 2 | .a and .b leave out what is not for data centres and has TPP < 4800 |

The numbers stand here for the reader; the code takes them, and their operators, from the rule tree.
Source: 87 FR 62186 (2022 wording); 88 FR 73458 and 15 CFR 774 Supp. 1 (since 2023-11-17).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from functools import lru_cache
from typing import Any

from tonnage.rules.parameter import Dated
from tonnage.rules.rulebook import Rulebook

CLASS_A, CLASS_B, CLASS_2022 = "3A090.a", "3A090.b", "3A090 (2022)"
NONE, UNKNOWN = "none", "unknown"
CLASSES = (NONE, CLASS_B, CLASS_A, CLASS_2022)
"""Classes in rising order of precedence."""


@dataclass(frozen=True, slots=True)
class Leg:
    """One comparison: a quantity against a parameter."""

    quantity: str
    parameter: str


@dataclass(frozen=True, slots=True)
class Clause:
    """A paragraph that is met when all of its legs are."""

    paragraph: str
    class_id: str
    legs: tuple[Leg, ...]


CLAUSES = (
    Clause(
        "3A090 (2022)",
        CLASS_2022,
        (Leg("io_rate", "3A090.2022.io_rate"), Leg("processing_sum", "3A090.2022.processing_sum")),
    ),
    Clause("3A090.a.1", CLASS_A, (Leg("tpp", "3A090.a.1.tpp"),)),
    Clause(
        "3A090.a.2",
        CLASS_A,
        (Leg("tpp", "3A090.a.2.tpp"), Leg("performance_density", "3A090.a.2.pd")),
    ),
    Clause(
        "3A090.b.1",
        CLASS_B,
        (
            Leg("tpp", "3A090.b.1.tpp_min"),
            Leg("tpp", "3A090.b.1.tpp_max"),
            Leg("performance_density", "3A090.b.1.pd_min"),
            Leg("performance_density", "3A090.b.1.pd_max"),
        ),
    ),
    Clause(
        "3A090.b.2",
        CLASS_B,
        (
            Leg("tpp", "3A090.b.2.tpp"),
            Leg("performance_density", "3A090.b.2.pd_min"),
            Leg("performance_density", "3A090.b.2.pd_max"),
        ),
    ),
    Clause("proposed DRAM test", CLASS_A, (Leg("dram_bandwidth", "proposed.dram_bandwidth"),)),
    Clause(
        "proposed interconnect test",
        CLASS_A,
        (Leg("interconnect_bandwidth", "proposed.interconnect_bandwidth"),),
    ),
    Clause("proposed sum test", CLASS_A, (Leg("bandwidth_sum", "proposed.bandwidth_sum"),)),
)

NOTE_2 = Leg("tpp", "3A090.note2.tpp")


@dataclass(frozen=True, slots=True)
class Classification:
    """The tests in force on a day, with their thresholds; `note_2` where it is in force."""

    clauses: tuple[tuple[Clause, tuple[Dated, ...]], ...]
    note_2: Dated | None

    def thresholds(self, *quantities: str) -> tuple[float, ...]:
        """Return every number that any of the quantities is compared with, rising."""
        found = {
            entry.number
            for clause, entries in self.clauses
            for leg, entry in zip(clause.legs, entries, strict=True)
            if leg.quantity in quantities
        }
        if self.note_2 is not None and NOTE_2.quantity in quantities:
            found.add(self.note_2.number)
        return tuple(sorted(found))


@lru_cache(maxsize=512)
def classification_on(book: Rulebook, day: date) -> Classification:
    """Return the tests of 3A090 in force on a day; none before 2022-10-21."""
    active = []
    for clause in CLAUSES:
        entries = [book.on(leg.parameter, day) for leg in clause.legs]
        found = tuple(entry for entry in entries if entry is not None)
        if len(found) == len(clause.legs):
            active.append((clause, found))
    return Classification(tuple(active), book.on(NOTE_2.parameter, day))


def met(clause: Clause, entries: tuple[Dated, ...], values: Mapping[str, Any]) -> Any:
    """Return whether every leg holds, for numbers or for arrays of one shape."""
    result: Any = True
    for leg, entry in zip(clause.legs, entries, strict=True):
        result = entry.met_by(values[leg.quantity]) & result
    return result


def reached(law: Classification, values: Mapping[str, Any]) -> dict[str, Any]:
    """Return, by class, whether any of its paragraphs is met and Note 2 does not leave it out.

    `values` holds tpp, performance_density, io_rate, processing_sum, dram_bandwidth,
    interconnect_bandwidth, bandwidth_sum (numbers or arrays) and datacenter (bool or array).
    """
    found: dict[str, Any] = {}
    for clause, entries in law.clauses:
        found[clause.class_id] = met(clause, entries, values) | found.get(clause.class_id, False)
    if law.note_2 is not None:
        excluded = law.note_2.met_by(values["tpp"]) & (values["datacenter"] ^ True)
        for class_id in (CLASS_A, CLASS_B):
            if class_id in found:
                found[class_id] = found[class_id] & (excluded ^ True)
    return found


def derived(tpp: Any, area: Any, io: Any, dram: Any, datacenter: Any) -> dict[str, Any]:
    """Return every tested quantity from the five that a specification states.

    performance density = TPP / applicable die area; the processing sum of 2022 is taken as the TPP
    of the best path; the sum of bandwidths = DRAM + interconnect.
    """
    return {
        "tpp": tpp,
        "processing_sum": tpp,
        "performance_density": tpp / area,
        "io_rate": io,
        "interconnect_bandwidth": io,
        "dram_bandwidth": dram,
        "bandwidth_sum": dram + io,
        "datacenter": datacenter,
    }
