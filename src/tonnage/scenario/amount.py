"""Numbers of a scenario: each with its unit, and with a source or the word that it is assumed.

A dimension lists the units it may be written in and the unit it is kept in. Money is kept in US
dollars; other currencies pass through the rates that the scenario states.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from math import inf

from tonnage.units import HOURS_PER_YEAR, MONTHS_PER_YEAR

CURRENCIES = ("USD", "CNY", "EUR", "TWD", "HKD", "JPY")
DAYS_PER_YEAR = 365.25
_MULTIPLES = {"": 1.0, "k": 1e3, "M": 1e6, "B": 1e9}
_PER_YEAR = {
    "week": DAYS_PER_YEAR / 7.0,
    "month": MONTHS_PER_YEAR,
    "quarter": 4.0,
    "half-year": 2.0,
    "year": 1.0,
}
_TOKENS = {"token": 1.0, "ktoken": 1e3, "Mtoken": 1e6, "Gtoken": 1e9, "Ttoken": 1e12}


@dataclass(frozen=True, slots=True)
class Dimension:
    """What kind of number a field holds: its units, the one it is kept in, and its bounds."""

    name: str
    kept_in: str
    factors: Mapping[str, float]
    """Unit as written → multiple of the kept unit; money at one dollar a currency unit."""
    least: float = 0.0
    most: float = inf
    default_unit: str | None = None
    """Unit that may be left out."""
    compound: bool = False
    """Rates of growth: `(1 + g) ** n - 1` takes them to a year."""

    @property
    def units(self) -> tuple[str, ...]:
        """Units that may be written."""
        return tuple(self.factors)

    def example(self) -> str:
        """Return a well-formed value, for messages."""
        unit = self.default_unit or self.units[0]
        shown = "" if self.default_unit == "" else f", unit: {_yaml(unit)}"
        return f"{{value: 1{shown}, source: ID}} or {{value: 1{shown}, assumption: why}}"

    def convert(self, value: float, unit: str, per_usd: Mapping[str, float]) -> float:
        """Return `value` in the kept unit; `per_usd` holds currency units per dollar."""
        factor = self.factors[unit]
        if self.compound:
            scale = 0.01 if unit.startswith("%") else 1.0
            return float((1.0 + value * scale) ** factor - 1.0)
        currency = currency_of(unit)
        return value * factor / (per_usd[currency] if currency != "USD" else 1.0)


def _yaml(unit: str) -> str:
    return f'"{unit}"' if unit.startswith("%") else unit


def currency_of(unit: str) -> str:
    """Return the currency a unit is written in, `USD` where there is none.

    Examples
    --------
    >>> currency_of("MCNY/quarter"), currency_of("MW")
    ('CNY', 'USD')
    """
    head = unit.split("/", maxsplit=1)[0]
    return next((c for c in CURRENCIES if head.endswith(c) and len(head) <= len(c) + 1), "USD")


def _money(per: Mapping[str, float] | None = None) -> dict[str, float]:
    heads = {m + c: f for c in CURRENCIES for m, f in _MULTIPLES.items()}
    if per is None:
        return heads
    return {f"{head}/{unit}": f * g for unit, g in per.items() for head, f in heads.items()}


MONEY_RATE = Dimension("money over time", "USD/year", _money(_PER_YEAR))
CHIP_PRICE = Dimension("price of a chip", "USD/chip", _money({"chip": 1.0, "server8": 1 / 8}))
CHIP_HOUR = Dimension(
    "rent of a chip",
    "USD/chip-hour",
    _money(
        {
            "chip-hour": 1.0,
            "chip-month": MONTHS_PER_YEAR / HOURS_PER_YEAR,
            "server8-month": MONTHS_PER_YEAR / HOURS_PER_YEAR / 8.0,
        }
    ),
)
TOKEN_PRICE = Dimension("price of tokens", "USD/token", _money({"Mtoken": 1e-6, "Gtoken": 1e-9}))
EFFORT_PRICE = Dimension("price of work", "USD/engineer-month", _money({"engineer-month": 1.0}))
ENERGY_PRICE = Dimension("price of energy", "USD/kWh", _money({"kWh": 1.0, "MWh": 1e-3}))
EFFORT = Dimension(
    "work", "engineer-months", {"engineer-months": 1.0, "engineer-years": MONTHS_PER_YEAR}
)
POWER = Dimension("power", "W", {"W": 1.0, "kW": 1e3, "MW": 1e6, "GW": 1e9})
AREA = Dimension("floor space", "m2", {"m2": 1.0})
CHIPS = Dimension("number of chips", "chips", {"chips": 1.0, "servers8": 8.0})
CHIP_RATE = Dimension(
    "chips over time", "chips/year", {f"chips/{unit}": n for unit, n in _PER_YEAR.items()}
)
DURATION = Dimension(
    "time span",
    "days",
    {"days": 1.0} | {f"{unit}s": DAYS_PER_YEAR / n for unit, n in _PER_YEAR.items()},
)
LATENCY = Dimension("latency", "s", {"ms": 1e-3, "s": 1.0})
TOKENS = Dimension("number of tokens", "tokens", {f"{u}s": f for u, f in _TOKENS.items()})
TOKEN_RATE = Dimension("tokens over time", "tokens/s", {f"{u}s/s": f for u, f in _TOKENS.items()})
FRACTION = Dimension(
    "share", "fraction", {"": 1.0, "fraction": 1.0, "%": 0.01}, most=1.0, default_unit=""
)
FACTOR = Dimension("factor", "times", {"": 1.0, "times": 1.0, "%": 0.01}, default_unit="")
GROWTH = Dimension(
    "growth",
    "1/year",
    {f"{head}/{unit}": n for unit, n in _PER_YEAR.items() for head in ("%", "fraction")},
    least=-0.99,
    most=1e4,
    compound=True,
)
EXCHANGE = Dimension("exchange rate", "per USD", {"": 1.0, "per USD": 1.0}, 1e-6, default_unit="")


@dataclass(frozen=True, slots=True)
class Amount:
    """One number of a scenario, in the kept unit of its dimension, with its trail."""

    field: str
    """Where it stands in the file, such as `buyer.power`."""
    value: float
    unit: str
    """Kept unit."""
    shown: str
    """As the file has it, with its unit."""
    given_unit: str
    reason: str
    """Title of the source, or what was assumed."""
    assumed: bool
    known: date | None = None
    steps: tuple[tuple[date, float], ...] = ()
    """Dated values in the kept unit; each holds from its day to the next."""
    low: float | None = None
    high: float | None = None

    def on(self, day: date) -> float:
        """Return the value that holds on a day: the last step begun, else the first one."""
        if not self.steps:
            return self.value
        index = bisect_right([start for start, _ in self.steps], day) - 1
        return self.steps[max(index, 0)][1]


@dataclass(frozen=True, slots=True)
class Reference:
    """A document that the scenario draws on."""

    id: str
    title: str
    known: date
    url: str = ""
    note: str = ""
