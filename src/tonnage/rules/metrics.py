"""The quantities that rules test, from what is published of a chip.

TPP = max over published dense rates of (rate in TOPS or TFLOPS x operand bits), since a
multiply-accumulate counts as two operations (3A090 technical notes 1 to 3, 15 CFR 774 Supp. 1);
performance density = TPP / applicable die area in mm2 (note 4). I/O rate and interconnect bandwidth
= chip-to-chip links + PCI Express, both directions, GB/s (3A090.a of 2022; 748 Supp. 2 (dd)(1)
note 2). A printed figure stands for the interval that rounds to it: 330 means 329.5 to 330.5.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from math import inf

from tonnage.catalog import DENSE_RATES, QUANTITIES, Chip

PCIE_GBS_PER_LANE = {1: 0.5, 2: 1.0, 3: 2.0, 4: 4.0, 5: 8.0, 6: 16.0}
"""Raw rate of a PCI Express lane, both directions, GB/s: 2 x GT/s / 8 (PCI-SIG), coding ignored as
the published totals do (gen 4 x16 = 64, gen 5 x16 = 128)."""
MATRIX_BITS = 19
"""Widest operand of a matrix rate (TF32); wider published rates are those of vector units."""
VECTOR_RATE, VECTOR_BITS = "fp32_tflops", 32


class Units(StrEnum):
    """Which processing units count toward TPP; note 1.d is read both ways."""

    BEST_PATH = "best-path"
    """The highest single path: how companies and the agency reckon; the default."""
    SUM = "sum-of-units"
    """The highest matrix path plus the FP32 vector units."""


@dataclass(frozen=True, slots=True)
class Readings:
    """How doubtful words of the rules are read."""

    units: Units = Units.BEST_PATH
    tf32_bits: int = 19
    """Bits of a TF32 operand: 19 that are used, or the 32 of its container."""
    rounding: bool = True
    """Take a printed figure as the interval that rounds to it, or as exact."""


@dataclass(frozen=True, slots=True)
class Interval:
    """A quantity between `low` and `high`; `value` is the published figure, if there is one."""

    low: float
    high: float
    value: float | None = None
    why: str = ""
    estimated: bool = False
    """Its ends are what sources disagree between, not the rounding of a printed figure."""

    @classmethod
    def exactly(cls, value: float | None) -> Interval:
        """Return an interval of one point, or the widest one for `None`."""
        return UNKNOWN_INTERVAL if value is None else cls(value, value, value)

    def as_published(self) -> Interval:
        """Return the published figure as one point; without one, the interval as it is."""
        return (
            self if self.value is None else Interval(self.value, self.value, self.value, self.why)
        )

    @property
    def known(self) -> bool:
        """Whether anything at all is known of it."""
        return self.low > 0 or self.high < inf

    def __add__(self, other: Interval) -> Interval:
        both = None not in (self.value, other.value)
        value = (self.value or 0) + (other.value or 0) if both else None
        why = "; ".join(filter(None, (self.why, other.why)))
        return Interval(self.low + other.low, self.high + other.high, value, why)


UNKNOWN_INTERVAL = Interval(0.0, inf)


@dataclass(frozen=True, slots=True)
class Measures:
    """What the rules ask of a chip: TPP, die area (mm2), I/O and DRAM rates (GB/s), market."""

    tpp: Interval = UNKNOWN_INTERVAL
    die_area: Interval = UNKNOWN_INTERVAL
    io_rate: Interval = UNKNOWN_INTERVAL
    dram_bandwidth: Interval = UNKNOWN_INTERVAL
    datacenter: bool | None = None
    """Designed or marketed for data centres; `None` if that is not known."""

    @property
    def performance_density(self) -> Interval:
        """TPP / applicable die area, per mm2."""
        tpp, area = self.tpp, self.die_area
        low = 0.0 if area.high == inf else tpp.low / area.high
        high = inf if area.low <= 0 else tpp.high / area.low
        known = tpp.value is not None and area.value is not None
        value = tpp.value / area.value if known and tpp.value and area.value else None
        return Interval(low, high, value, "; ".join(filter(None, (tpp.why, area.why))))

    def as_published(self) -> Measures:
        """Return the same with each published figure taken as exact."""
        return Measures(
            self.tpp.as_published(),
            self.die_area.as_published(),
            self.io_rate.as_published(),
            self.dram_bandwidth.as_published(),
            self.datacenter,
        )

    def quantity(self, name: str) -> Interval:
        """Return a tested quantity by the name that parameters use."""
        if name == "performance_density":
            return self.performance_density
        if name == "bandwidth_sum":
            return self.dram_bandwidth + self.io_rate
        return {
            "tpp": self.tpp,
            "processing_sum": self.tpp,
            "io_rate": self.io_rate,
            "interconnect_bandwidth": self.io_rate,
            "dram_bandwidth": self.dram_bandwidth,
        }[name]


def tpp(chip: Chip) -> float | None:
    """Return the TPP of the best published path, `None` if no matrix rate is published."""
    return _tpp(chip, Readings()).value


def performance_density(chip: Chip) -> float | None:
    """Return TPP / die area (per mm2), `None` if either is not published."""
    return measures_of(chip).performance_density.value


def measures_of(chip: Chip, readings: Readings | None = None) -> Measures:
    """Return every tested quantity of a chip, as intervals."""
    found = Measures(
        tpp=_tpp(chip, readings or Readings()),
        die_area=_printed(chip, "die_area_mm2") or UNKNOWN_INTERVAL,
        io_rate=_io_rate(chip),
        dram_bandwidth=_printed(chip, "memory_bandwidth_gbs") or UNKNOWN_INTERVAL,
        datacenter=chip.flag("datacenter"),
    )
    return found if readings is None or readings.rounding else found.as_published()


def rounded(value: float) -> Interval:
    """Return the interval of figures that round to one as printed.

    Examples
    --------
    >>> rounded(330.0).low, rounded(330.0).high, rounded(119.5).low
    (329.5, 330.5, 119.45)
    """
    digits = repr(float(value)).partition(".")[2]
    places = 0 if digits == "0" or "e" in digits else len(digits)
    half = 0.5 * 10.0**-places
    return Interval(value - half, value + half, value)


def _printed(chip: Chip, quantity: str) -> Interval | None:
    value = chip.number(quantity)
    if value is None or value <= 0:
        return None
    found = rounded(value)
    stated = chip.values[quantity]
    low = found.low if stated.low is None else min(found.low, stated.low)
    high = found.high if stated.high is None else max(found.high, stated.high)
    doubted = stated.low is not None or stated.high is not None
    return Interval(low, high, value, "sources disagree" if doubted else "", doubted)


def _tpp(chip: Chip, readings: Readings) -> Interval:
    """Return the path of the highest printed score; of equals, the one printed most finely."""
    paths = []
    for name in DENSE_RATES:
        rate = _printed(chip, name)
        bits = QUANTITIES[name].bits or 0
        if rate is not None and rate.value is not None:
            scored = readings.tf32_bits if name == "tf32_tflops" else bits
            path = Interval(rate.low * scored, rate.high * scored, rate.value * scored, name)
            paths.append((bits <= MATRIX_BITS, path))
    if not paths:
        return UNKNOWN_INTERVAL
    best = max(
        (path for _, path in paths), key=lambda path: (path.value or 0, path.low - path.high)
    )
    if not any(matrix for matrix, _ in paths):
        return Interval(best.low, inf, None, "only vector rates are published")
    vector = _printed(chip, VECTOR_RATE)
    if readings.units is Units.SUM and vector is not None and best.why != VECTOR_RATE:
        units = Interval(
            vector.low * VECTOR_BITS,
            vector.high * VECTOR_BITS,
            (vector.value or 0) * VECTOR_BITS,
            VECTOR_RATE,
        )
        return best + units
    return best


def _io_rate(chip: Chip) -> Interval:
    stated = _printed(chip, "io_bidirectional_gbs")
    if stated is not None:
        return stated
    links, bus = _printed(chip, "scale_up_gbs"), _pcie(chip)
    if links is None and chip.text("scale_up_name") is None and bus is not None:
        return Interval(bus.low, bus.high, bus.value, "no chip-to-chip link is published")
    if links is None or bus is None:
        known = links or bus
        return UNKNOWN_INTERVAL if known is None else Interval(known.low, inf, None, "in part")
    return links + bus


def _pcie(chip: Chip) -> Interval | None:
    generation, lanes = chip.number("pcie_generation"), chip.number("pcie_lanes")
    if generation is None or lanes is None or int(generation) not in PCIE_GBS_PER_LANE:
        return None
    return Interval.exactly(PCIE_GBS_PER_LANE[int(generation)] * lanes)
