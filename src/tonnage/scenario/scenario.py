"""A buyer's world as frozen values: what `read_scenario` returns and the planner reads.

Every `Amount` is in the kept unit of its dimension and carries its trail.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from itertools import pairwise

from tonnage.catalog import Catalog
from tonnage.scenario.amount import Amount, Reference
from tonnage.scenario.chips import catalog_with

MONTHS = {"month": 1, "quarter": 3, "year": 12}
"""Step of a horizon → calendar months."""


@dataclass(frozen=True, slots=True)
class Period:
    """Days from `start` (inclusive) to `end` (exclusive)."""

    name: str
    start: date
    end: date
    months: int

    @property
    def years(self) -> float:
        """Calendar months / 12: what a yearly cap or rent allots to it."""
        return self.months / 12.0


@dataclass(frozen=True, slots=True)
class Buyer:
    """Who buys, and within which limits; `None` is no limit."""

    country: str
    headquarters: str
    kind: str
    budget: Amount | None
    """USD a year."""
    power: Amount | None
    """W at the meter."""
    floor_space: Amount | None
    """m2."""
    area_per_chip: Amount | None
    domestic_share: Amount | None
    discount_rate: Amount | None
    """1/year."""
    electricity: Amount | None
    """USD/kWh."""
    pue: Amount | None
    upkeep: Amount | None
    """Share of the purchase price a year."""
    engineer_cost: Amount | None
    """USD an engineer-month."""


@dataclass(frozen=True, slots=True)
class Unmet:
    """What unserved demand costs (USD a token), and how much of it may be left (share)."""

    price: Amount
    limit: Amount | None


@dataclass(frozen=True, slots=True)
class Workload:
    """What both kinds of work have in common."""

    name: str
    model: str
    unmet: Unmet
    only: tuple[str, ...] | None
    never: tuple[str, ...]
    why: str
    utilisation: Amount | None

    def allows(self, chip: str) -> bool:
        """Tell whether the scenario lets this work run on a chip."""
        return chip not in self.never and (self.only is None or chip in self.only)


@dataclass(frozen=True, slots=True)
class Training(Workload):
    """A training run of so many tokens between two days."""

    tokens: Amount
    start: date
    deadline: date
    sequence: Amount
    global_batch: Amount
    chips: Amount


@dataclass(frozen=True, slots=True)
class Serving(Workload):
    """A stream of output tokens."""

    demand: Amount
    """Output tokens/s, mean."""
    growth: Amount | None
    """1/year."""
    input: Amount
    output: Amount
    ttft: Amount | None
    tpot: Amount | None
    weights: str | None


@dataclass(frozen=True, slots=True)
class Holding:
    """Chips in hand, of one age."""

    chip: str
    count: Amount
    bought: date
    life: Amount | None
    """Days."""


@dataclass(frozen=True, slots=True)
class Purchase:
    """Terms of purchase; `None` price: the catalog's."""

    price: Amount | None
    lead_time: Amount
    """Days."""
    cap: Amount | None
    """Chips a year."""
    delivered: Amount | None
    first: date | None
    last: date | None
    deposit: Amount | None
    stockpile: Amount | None
    """Part of the price that a year in its box costs; `None`: it is not kept."""
    resale: Amount | None
    residual: Amount | None
    block: Amount | None


@dataclass(frozen=True, slots=True)
class Rental:
    """Terms of rent; `None` price: the catalog's."""

    price: Amount | None
    """USD a chip-hour."""
    cap: Amount | None
    first: date | None
    reserve_discount: Amount | None


@dataclass(frozen=True, slots=True)
class Roadmap:
    """A chip not yet public, as a known chip times a discounted factor."""

    like: str
    speed: Amount
    discount: Amount

    @property
    def factor(self) -> float:
        """`1 + (speed - 1) (1 - discount)`: what is expected, over the known chip."""
        return 1.0 + (self.speed.value - 1.0) * (1.0 - self.discount.value)


@dataclass(frozen=True, slots=True)
class Option:
    """One chip that may be had, and how."""

    chip: str
    """Catalog id, or the scenario's own name of a roadmap chip."""
    stack: str
    buy: Purchase | None
    rent: Rental | None
    roadmap: Roadmap | None
    worth: Amount | None
    """USD a chip in hand."""
    licence: Amount | None
    power: Amount | None
    adder: Amount | None


@dataclass(frozen=True, slots=True)
class Port:
    """Moving one workload to a stack."""

    stack: str
    workload: str
    effort: Amount
    time: Amount
    """Days."""
    slow_start: Amount | None


@dataclass(frozen=True, slots=True)
class Change:
    """One thing that changes in a branch from `on` until `until`.

    `kind` is rules, supply, delivery, price, demand, mandate, ban, arrival or licence; `names` are
    the chips or workloads; `amount` is the factor or the share; `detail` the reform file, the side
    of a price or who bans.
    """

    kind: str
    on: date
    until: date | None
    names: tuple[str, ...]
    amount: Amount | None
    detail: str
    source: str

    def holds(self, day: date) -> bool:
        """Tell whether the change is in effect on a day."""
        return self.on <= day and (self.until is None or day < self.until)


@dataclass(frozen=True, slots=True)
class Branch:
    """One way things may turn after another branch."""

    name: str
    after: str | None
    on: date
    probability: Amount
    changes: tuple[Change, ...]
    about: str


@dataclass(frozen=True, slots=True)
class Scenario:
    """A buyer's world."""

    name: str
    title: str
    about: str
    as_of: date
    references: Mapping[str, Reference]
    periods: tuple[Period, ...]
    step: str
    buyer: Buyer
    workloads: tuple[Training | Serving, ...]
    fleet: tuple[Holding, ...]
    options: tuple[Option, ...]
    ready_stacks: tuple[str, ...]
    ports: tuple[Port, ...]
    branches: tuple[Branch, ...]
    happened: tuple[Change, ...]
    ledger: tuple[Amount, ...]
    """Every number of the file, in order, with its reason."""
    folder: str = ""
    """Folder of the file: reform and chip files are named from it."""
    chip_files: tuple[str, ...] = ()

    @property
    def catalog(self) -> Catalog:
        """The chips known on `as_of`, and those of the scenario's chip files."""
        return catalog_with(self.as_of, self.folder, self.chip_files)

    def option(self, chip: str) -> Option | None:
        """Return the option on a chip, `None` if there is none."""
        return next((o for o in self.options if o.chip == chip), None)


def add_months(day: date, months: int) -> date:
    """Return the day so many months later; the 29th to 31st become the last day there is.

    Examples
    --------
    >>> add_months(date(2024, 1, 31), 1)
    datetime.date(2024, 2, 29)
    """
    from calendar import monthrange

    year, month = divmod(day.year * 12 + day.month - 1 + months, 12)
    return date(year, month + 1, min(day.day, monthrange(year, month + 1)[1]))


def periods_of(start: date, step: str, count: int) -> tuple[Period, ...]:
    """Return `count` periods from `start`, named as people say them.

    Examples
    --------
    >>> [p.name for p in periods_of(date(2024, 1, 1), "quarter", 2)]
    ['2024-Q1', '2024-Q2']
    """
    starts = [add_months(start, MONTHS[step] * i) for i in range(count + 1)]
    return tuple(Period(_period_name(a, step), a, b, MONTHS[step]) for a, b in pairwise(starts))


def _period_name(start: date, step: str) -> str:
    if step == "year" and start.month == 1:
        return f"{start.year}"
    if step == "quarter" and start.month % 3 == 1:
        return f"{start.year}-Q{start.month // 3 + 1}"
    return f"{start.year}-{start.month:02d}"
