"""What one chip costs in a plan: price, network, running cost, rent and resale in one record."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

from tonnage.catalog import Catalog, Chip
from tonnage.cost.figure import Figure, product, total
from tonnage.cost.ownership import Ownership, own, resale_of
from tonnage.cost.rental import Rent, rent
from tonnage.cost.terms import Terms
from tonnage.errors import NotEnoughKnown
from tonnage.provenance import Spread
from tonnage.units import HOURS_PER_MONTH


@dataclass(frozen=True, slots=True)
class ChipCosts:
    """One chip of a cluster of `chips`, on one day. USD and watts for one chip.

    `owned` is `None` where neither price nor power could be had or estimated, `rented` where no
    rent could; `unknown` names what was missing, `estimated` what was taken from sibling chips.
    """

    chip: Chip
    chips: int
    on: date
    owned: Ownership | None
    rented: Rent | None
    unknown: tuple[str, ...]
    estimated: tuple[str, ...]

    @property
    def price(self) -> Figure | None:
        """One chip in its server: the price in a server, or the bare price and the server."""
        if self.owned is None:
            return None
        price, server = self.owned.inputs["price"], self.owned.inputs["server"]
        if server.value.p90 == 0:
            return price
        both = total([price.value, server.value])
        source = f"{price.source}; server: {server.source}"
        note = f"{price.note}; with its share of a server"
        return Figure("price", both, "USD/chip", source, price.confidence, price.known_from, note)

    @property
    def network(self) -> Figure | None:
        """Switches and cables of the cluster, by its size and the port speed."""
        return None if self.owned is None else self.owned.inputs["network"]

    @property
    def duties(self) -> Spread | None:
        """Import duty and revenue share that are not in the price yet."""
        if self.owned is None:
            return None
        return total([self.owned.per_chip["duty"], self.owned.per_chip["revenue share"]])

    @property
    def capex(self) -> Spread | None:
        """Everything paid at purchase."""
        return None if self.owned is None else self.owned.per_chip["capex"]

    @property
    def opex_per_hour(self) -> Spread | None:
        """Running cost an hour of calendar time; no depreciation, no cost of money."""
        return None if self.owned is None else self.owned.per_chip["opex"] / HOURS_PER_MONTH

    @property
    def rent_per_hour(self) -> Figure | None:
        """Price of an hour on demand."""
        return None if self.rented is None else self.rented.on_demand

    def reserved_per_hour(self, months: int) -> Spread | None:
        """Return the price of an hour, used or not, in a contract of 12 or 36 months."""
        return None if self.rented is None else self.rented.reserved(months)

    def resale(self, years: float) -> Spread | None:
        """Return what chip, server and network fetch after so many years."""
        return None if self.owned is None else resale_of(self.owned, years)

    @property
    def rated_w(self) -> Spread | None:
        """Rated power with server and network, at the server's inlet."""
        return None if self.owned is None else self.owned.inputs["rated_w"].value

    @property
    def mean_w(self) -> Spread | None:
        """Mean power with server and network at the utilisation of the terms."""
        return None if self.owned is None else self.owned.per_chip["mean_w"]

    @property
    def facility_w(self) -> Spread | None:
        """Rated power with cooling: what the site must supply."""
        if self.owned is None:
            return None
        return product(self.owned.inputs["rated_w"].value, self.owned.inputs["pue"].value)

    @property
    def area_m2(self) -> Spread | None:
        """Floor with aisles."""
        return None if self.owned is None else self.owned.floor.area_m2 / self.chips


def chip_costs(
    chip: Chip,
    catalog: Catalog,
    *,
    chips: int,
    terms: Terms | None = None,
    on: date | None = None,
) -> ChipCosts:
    """Return what one chip of a cluster of `chips` costs on a day, for a plan.

    What is not known is left out and named, not raised.

    Raises
    ------
    InputError
        If the country's electricity price is unknown and no tariff is given.
    """
    terms = terms or Terms()
    day = on or catalog.as_of
    unknown: list[str] = []
    owned = None
    try:
        owned = own(chip, chips, catalog, terms, day)
    except NotEnoughKnown as gap:
        unknown += gap.missing
    rented = rent(chip, catalog, terms, day)
    unknown += [] if rented is not None else ["rent"]
    estimated = () if owned is None else owned.estimated
    if rented is not None and rented.estimated:
        estimated += ("rent",)
    return ChipCosts(chip, chips, day, owned, rented, tuple(unknown), estimated)
