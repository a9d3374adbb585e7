"""What each option costs, in US dollars a chip in service, and the power it draws.

A price per chip is that of a bare chip and gets its share of server and network; a price per
server of eight gets only its share of the network. The shares come from the scenario (`adder`) or
from the cost room.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date

from tonnage.catalog import Catalog, Chip
from tonnage.cost import CostBook, load_costs, network_adder, node_adder, power_of
from tonnage.errors import NotEnoughKnown
from tonnage.scenario import Option, Scenario

CLUSTER_CHIPS = 1024
"""Size of cluster that network shares are taken at; our assumption."""


@dataclass(frozen=True, slots=True)
class Item:
    """One line of the ledger that the scenario does not hold itself."""

    chip: str
    what: str
    value: float
    unit: str
    source: str


@dataclass(frozen=True, slots=True)
class Prices:
    """Prices and power of the options of a scenario."""

    options: Mapping[str, Option]
    names: Mapping[str, str]
    """Chip → what people call it."""
    maker: Mapping[str, str]
    """Chip → country of its maker's headquarters."""
    watts: Mapping[str, float]
    """Chip → W of one chip with its share of the server, before cooling."""
    server: Mapping[str, float]
    """Chip → USD that its share of server and network adds to the price stated."""
    items: tuple[Item, ...]

    def bought(self, chip: str, day: date) -> float:
        """Return the price of a chip in service, USD, ordered on a day."""
        buy = self.options[chip].buy
        if buy is None or buy.price is None:
            return 0.0
        return buy.price.on(day) + self.server[chip]

    def rented(self, chip: str, day: date) -> float:
        """Return the rent of a chip, USD an hour, on a day."""
        rent = self.options[chip].rent
        return rent.price.on(day) if rent is not None and rent.price is not None else 0.0

    def worth(self, chip: str) -> float:
        """Return what upkeep is reckoned on: the worth stated, else the first price, else 0."""
        option = self.options[chip]
        if option.worth is not None:
            return option.worth.value
        buy = option.buy
        return 0.0 if buy is None or buy.price is None else buy.price.value + self.server[chip]


def prices_of(scenario: Scenario, catalog: Catalog) -> Prices:
    """Return prices and power of every option as known on the scenario's day."""
    book = load_costs(scenario.as_of)
    names, maker, watts, server = {}, {}, {}, {}
    items: list[Item] = []
    for option in scenario.options:
        chip = catalog.find(option.roadmap.like if option.roadmap else option.chip)
        names[option.chip] = option.chip if option.roadmap else chip.name
        maker[option.chip] = chip.headquarters
        watts[option.chip] = _watts(option, chip, catalog, book, items)
        server[option.chip] = _adder(option, chip, scenario.buyer.country, book, items)
    options = {option.chip: option for option in scenario.options}
    return Prices(options, names, maker, watts, server, tuple(items))


def _watts(
    option: Option, chip: Chip, catalog: Catalog, book: CostBook, items: list[Item]
) -> float:
    if option.power is not None:
        return option.power.value
    try:
        power = power_of(chip, CLUSTER_CHIPS, book, catalog).rated_w
    except NotEnoughKnown as error:
        what = str(error).partition(";")[0]
        message = f"{what}; give `power` under the option {option.chip}"
        raise NotEnoughKnown(message, error.missing) from None
    # A roadmap chip draws more as it does more: silicon of the same generation.
    scale = option.roadmap.factor if option.roadmap else 1.0
    watts = float(power.value.p50 * scale)
    items.append(Item(option.chip, "power with its share of the server", watts, "W", power.source))
    return watts


def _adder(option: Option, chip: Chip, country: str, book: CostBook, items: list[Item]) -> float:
    """Return the share of server and network that the stated price lacks."""
    if option.buy is None or option.buy.price is None:
        return 0.0
    if option.adder is not None:
        return option.adder.value
    parts = [network_adder(chip, CLUSTER_CHIPS, book)]
    if not option.buy.price.given_unit.endswith("/server8"):
        parts.append(node_adder(chip, book, country))
    items += [Item(option.chip, p.name, p.value.p50, "USD/chip", p.source) for p in parts]
    return float(sum(part.value.p50 for part in parts))
