"""Total cost of owning a number of chips: every input with its source, every result with doubt."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date

from tonnage.catalog import Catalog, Chip
from tonnage.cost.book import CostBook, load_costs
from tonnage.cost.currency import exchange_rate, in_dollars
from tonnage.cost.duties import duty_on, revenue_share_on
from tonnage.cost.figure import Figure
from tonnage.cost.ledger import CAPEX, CAPITAL, OPEX, ledger, resale
from tonnage.cost.price import price_and_server
from tonnage.cost.site import Floor, floor_of, network_adder, power_of
from tonnage.cost.terms import GIVEN, Terms
from tonnage.cost.through import through
from tonnage.provenance import Confidence, Spread


@dataclass(frozen=True, slots=True)
class Item:
    """One line of a bill: what it is, how much, and where the number comes from."""

    name: str
    group: str
    """`capital` (USD once), `monthly` (USD a month), `charge` (USD a month) or `input`."""
    value: Spread
    unit: str
    source: str
    note: str = ""


@dataclass(frozen=True, slots=True)
class Ownership:
    """What owning `chips` chips costs. Money in USD; per chip where the name says so."""

    chip: Chip
    chips: int
    on: date
    terms: Terms
    inputs: Mapping[str, Figure] = field(repr=False)
    per_chip: Mapping[str, Spread]
    """The results of `ledger` for one chip."""
    floor: Floor
    estimated: tuple[str, ...]
    """Inputs taken from sibling chips because the chip's own are not public."""
    exchange: Figure | None = None
    """The country's money for one dollar; prices were converted at the rates of their own days."""

    @property
    def capex(self) -> Spread:
        """Outlay at purchase for all chips, with server and network."""
        return self.per_chip["capex"] * self.chips

    @property
    def opex_per_month(self) -> Spread:
        """Running cost a month for all chips; depreciation and cost of money not in it."""
        return self.per_chip["opex"] * self.chips

    @property
    def cost_per_month(self) -> Spread:
        """Running cost, depreciation and cost of money a month for all chips."""
        return self.per_chip["month"] * self.chips

    @property
    def usd_per_chip_hour(self) -> Spread:
        """Full cost of one chip-hour in use."""
        return self.per_chip["hour"]

    @property
    def power_w(self) -> Spread:
        """Rated power of all chips with server and network, at the servers' inlets."""
        return self.inputs["rated_w"].value * self.chips

    def items(self) -> list[Item]:
        """Return the bill for all chips, then the inputs behind it."""
        lines = [self._money(name, "capital", "USD") for name in CAPEX]
        lines += [self._money(name, "monthly", "USD/month") for name in OPEX]
        lines += [self._money(name, "charge", "USD/month") for name in CAPITAL]
        lines += [
            Item(f.name, "input", f.value, f.unit, f.source, f.note) for f in self.inputs.values()
        ]
        if self.exchange is not None:
            rate = self.exchange
            note = f"of {rate.known_from}; prices are converted at the rates of their own days"
            lines.append(Item(rate.name, "input", rate.value, rate.unit, rate.source, note))
        return lines

    def _money(self, name: str, group: str, unit: str) -> Item:
        parts = [self.inputs[key] for key in _BEHIND[name]]
        source = "; ".join(dict.fromkeys(part.source for part in parts))
        note = "; ".join(dict.fromkeys(part.note for part in parts if part.note))
        return Item(name, group, self.per_chip[name] * self.chips, unit, source, note)


_BEHIND: dict[str, tuple[str, ...]] = {
    "price": ("price",),
    "server": ("server",),
    "network": ("network",),
    "duty": ("duty",),
    "revenue share": ("revenue_share",),
    "electricity": ("tariff", "pue", "rated_w", "load_share", "idle_share"),
    "hosting": ("build_cost", "facility_life", "facility_upkeep"),
    "staff": ("staff_per_1000", "salary"),
    "spares": ("failure_rate", "uncovered_share"),
    "support": ("support",),
    "depreciation": ("value_decay", "used_discount", "network_residual"),
    "cost of money": ("base_rate", "risk_margin"),
}
"""Line of the bill → the inputs whose sources stand behind it."""


def own(
    chip: Chip,
    chips: int,
    catalog: Catalog,
    terms: Terms | None = None,
    on: date | None = None,
) -> Ownership:
    """Return what owning `chips` chips costs from `on` (default: the catalog's day).

    Raises
    ------
    InputError
        If the country's electricity price is unknown and no tariff is given.
    NotEnoughKnown
        If the chip has no published price and no sibling has one, or its power is as unknown.
    """
    terms = terms or Terms()
    on = on or catalog.as_of
    book = load_costs(catalog.as_of)
    terms.check_country(book)
    price, server = price_and_server(chip, catalog, book, terms, on)
    inputs = {"price": price, "server": server, "network": network_adder(chip, chips, book)}
    inputs["duty"] = duty_on(chip, catalog, book, terms.country, on, price)
    inputs["revenue_share"] = revenue_share_on(chip, book, terms.country, on, price)
    inputs |= running_inputs(chip, chips, catalog, book, terms)
    spreads = {name: figure.value for name, figure in inputs.items()}
    per_chip = through(lambda x: ledger(x, terms.years, terms.utilisation), spreads)
    floor = floor_of(chip, chips, inputs["rated_w"].value.p50, book)
    estimated = tuple(f.name for f in inputs.values() if f.confidence is Confidence.ESTIMATED)
    local = exchange_rate(terms.country, book)
    return Ownership(chip, chips, on, terms, inputs, per_chip, floor, estimated, local)


def running_inputs(
    chip: Chip, chips: int, catalog: Catalog, book: CostBook, terms: Terms
) -> dict[str, Figure]:
    """Return what running costs depend on, by name, in the units that `ledger` reads."""
    power = power_of(chip, chips, book, catalog, terms.power_w)
    country = terms.country
    # Some places charge sites with chips of their own makers less.
    home = ("domestic",) if chip.headquarters == country else ()
    inputs = {
        "rated_w": power.rated_w,
        "load_share": power.load_share.named("draw under load"),
        "idle_share": power.idle_share.named("draw when idle"),
        "tariff": _or_given(terms.tariff, "USD/kWh", book, "tariff", country, home),
        "pue": _or_given(terms.pue, "ratio", book, "pue", country, ()),
        "build_cost": in_dollars(book.latest("build_cost", country), book),
        "staff_per_1000": book.latest("staff_per_1000"),
        "salary": book.latest("salary", country),
        "facility_life": book.latest("facility_life"),
        "uncovered_share": book.latest("uncovered_share"),
        "used_discount": book.latest("used_discount"),
        "network_residual": book.latest("network_residual"),
    }
    for name in ("facility_upkeep", "failure_rate", "support", "value_decay"):
        inputs[name] = book.latest(name).times(0.01, "share/year")
    if terms.cost_of_money is None:
        for name in ("base_rate", "risk_margin"):
            inputs[name] = book.latest(name, country).times(0.01, "share/year")
    else:
        given = _given("base_rate", terms.cost_of_money, "share/year", book)
        inputs["base_rate"] = given
        inputs["risk_margin"] = _given("risk_margin", 0.0, "share/year", book)
    return {key: f.named(f.name.replace("_", " ")) for key, f in inputs.items()}


def _or_given(
    given: float | None,
    unit: str,
    book: CostBook,
    item: str,
    country: str,
    scopes: tuple[str, ...],
) -> Figure:
    if given is not None:
        return _given(item, given, unit, book)
    found = book.latest(item, country, (*scopes, ""))
    return found if found.unit == unit else in_dollars(found, book)


def _given(name: str, value: float, unit: str, book: CostBook) -> Figure:
    return Figure(name, Spread.exactly(value), unit, GIVEN, Confidence.REPORTED, book.as_of)


def resale_of(owned: Ownership, years: float) -> Spread:
    """Return what one chip with its server and network fetches after `years`, in USD."""
    spreads = {name: figure.value for name, figure in owned.inputs.items()}
    return through(lambda x: {"resale": resale(x, years)}, spreads)["resale"]
