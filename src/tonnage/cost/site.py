"""What stands around a chip: its share of server, network, power and floor."""

from __future__ import annotations

from dataclasses import dataclass
from math import ceil

from tonnage.catalog import Catalog, Chip
from tonnage.cost.book import CostBook
from tonnage.cost.currency import in_dollars
from tonnage.cost.figure import Figure, product, total
from tonnage.cost.siblings import from_siblings
from tonnage.errors import NotEnoughKnown
from tonnage.provenance import Confidence, Spread

REFERENCE_GBPS = 400.0
"""Port speed of the network prices in `costs/network.csv`; other speeds cost in proportion."""

MODULE, CARD = "module", "card"


def form_of(chip: Chip) -> str:
    """Return `card` for chips on PCIe cards, `module` for those on a base board or in a rack.

    Where the catalog names no form, a chip with chip-to-chip links is taken as a module.
    """
    form = (chip.text("form_factor") or "").casefold()
    if form:
        return CARD if form.startswith("pcie") or form in ("card", "soc") else MODULE
    return MODULE if chip.number("scale_up_gbs") else CARD


def switch_tiers(chips: int, radix: int = 64) -> int:
    """Return the switch tiers of a fat tree without blocking: t tiers join 2 (radix/2)^t ends.

    Examples
    --------
    >>> [switch_tiers(n) for n in (8, 64, 65, 2048, 2049)]
    [1, 1, 2, 2, 3]
    """
    tiers = 1
    while chips > 2 * (radix / 2) ** tiers:
        tiers += 1
    return tiers


def node_chips(chip: Chip, book: CostBook) -> int:
    """Return the chips in one server of the chip's form."""
    return round(book.latest("node_chips", scopes=(form_of(chip),)).value.p50)


def nodes_for(chip: Chip, chips: int, book: CostBook) -> int:
    """Return the whole servers that hold `chips` chips."""
    return ceil(chips / node_chips(chip, book))


def node_adder(chip: Chip, book: CostBook, country: str) -> Figure:
    """Return what turns a bare chip into one in a server, in USD a chip.

    Boards, processors, host memory, network cards, chassis and the builder's margin: the
    difference of published prices in and out of a server, by form and maker, in the country if
    known there and anywhere else if not.
    """
    form = form_of(chip)
    scopes = (chip.vendor, form) if form == MODULE else (form,)
    return in_dollars(book.pooled("node_adder", country, scopes), book).named("server")


def switch_ports(chip: Chip, chips: int, book: CostBook) -> tuple[int, int]:
    """Return the switch ports and the links that each chip of a cluster needs.

    (2 t - 1, t) with t tiers of a fat tree without blocking; none within one server.
    """
    if chips <= node_chips(chip, book):
        return 0, 0
    tiers = switch_tiers(chips, round(book.latest("radix").value.p50))
    return 2 * tiers - 1, tiers


def network_adder(chip: Chip, chips: int, book: CostBook) -> Figure:
    """(ports · port price + links · link price) · port speed / 400 Gbit/s, in USD a chip.

    Ports and links as `switch_ports`; prices: `costs/network.csv`.
    """
    port, link = book.latest("switch_port"), book.latest("link")
    ports, links = switch_ports(chip, chips, book)
    speed = port_gbps(chip, book)
    money = product(total([port.value * ports, link.value * links]), speed / REFERENCE_GBPS)
    note = f"{ports} switch ports and {links} links a chip at {speed.p50:g} Gbit/s"
    cited = "; ".join(dict.fromkeys((port.source, link.source)))
    day = max(port.known_from, link.known_from)
    return Figure("network", money, "USD/chip", cited, port.confidence, day, note)


def port_gbps(chip: Chip, book: CostBook) -> Spread:
    """Return the network port speed of one chip in Gbit/s, assumed where the catalog has none."""
    known = chip.number("nic_gbps")
    if known is not None:
        return Spread.exactly(known)
    return book.latest("nic_gbps", scopes=(form_of(chip),)).value


@dataclass(frozen=True, slots=True)
class Power:
    """Power of one chip with its share of server and network, at the servers' inlets, in watts."""

    rated_w: Figure
    load_share: Figure
    idle_share: Figure

    def mean_w(self, utilisation: float) -> Spread:
        """Rated · (idle + (load - idle) · utilisation), the shares at their middles."""
        load, idle = self.load_share.value, self.idle_share.value
        share = idle.p50 + (load.p50 - idle.p50) * utilisation
        doubt = Spread(load.p10 / load.p50, 1.0, load.p90 / load.p50)
        return product(self.rated_w.value * share, doubt)


def power_of(
    chip: Chip, chips: int, book: CostBook, catalog: Catalog, watts: float | None = None
) -> Power:
    """Board power · (server over board) + switch ports · watts a port.

    A measured power of the whole system stands where `costs/power.csv` has one. A chip whose board
    power is not public gets that of its siblings for their rates, and says so.

    Raises
    ------
    NotEnoughKnown
        If neither the chip's power nor that of a sibling is known and `watts` is not given.
    """
    ports, _ = switch_ports(chip, chips, book)
    per_port = book.latest("switch_w_per_port").value * ports
    network = product(per_port, port_gbps(chip, book) / REFERENCE_GBPS)
    node = _measured_node(chip, book) if watts is None else None
    if node is None:
        board = _board_power(chip, catalog, watts)
        over = book.latest("node_over_tdp", scopes=(form_of(chip),))
        note = f"{board.value.p50:.0f} W board x {over.value.p50:g}; {board.note}".rstrip("; ")
        cited = f"{board.source}; {over.source}"
        value = product(board.value, over.value)
        node = Figure("", value, "W/chip", cited, over.confidence, board.known_from, note)
    rated = Figure(
        "rated power",
        total([node.value, network]),
        "W/chip",
        node.source,
        node.confidence,
        node.known_from,
        node.note,
    )
    return Power(rated, book.latest("load_share"), book.latest("idle_share"))


def _measured_node(chip: Chip, book: CostBook) -> Figure | None:
    found = book.find("node_w", scopes=(chip.id,))
    return book.latest("node_w", scopes=(chip.id,)) if found else None


def _board_power(chip: Chip, catalog: Catalog, watts: float | None) -> Figure:
    if watts is not None:
        value = Spread.exactly(watts)
        return Figure("board", value, "W", "given by the user", Confidence.REPORTED, catalog.as_of)
    stated = chip.values.get("tdp_w")
    if stated is not None:
        value = Spread.exactly(chip.require("tdp_w"))
        return Figure("board", value, "W", str(stated.source), stated.confidence, stated.known_from)
    guess = from_siblings(chip, catalog, _tdp)
    if guess is None:
        message = f"{chip.name}: its power is not public on {catalog.as_of}; give --power-w WATTS"
        raise NotEnoughKnown(message, ["tdp_w"])
    note = f"its own is not public; estimate from {', '.join(guess.names)}"
    return Figure(
        "board", guess.value, "W", "estimate from siblings", Confidence.ESTIMATED,
        catalog.as_of, note,
    )  # fmt: skip


def _tdp(chip: Chip) -> Spread | None:
    known = chip.number("tdp_w")
    return None if known is None else Spread.exactly(known)


@dataclass(frozen=True, slots=True)
class Floor:
    """Racks and floor of a cluster."""

    nodes: int
    racks: int
    area_m2: Spread


def floor_of(chip: Chip, chips: int, rated_w: float, book: CostBook) -> Floor:
    """Racks = the more of nodes · height / 42 units and power / what a rack can feed; m2 a rack.

    The rack's power and floor are our assumptions (`costs/facility.csv`).
    """
    nodes = nodes_for(chip, chips, book)
    height = book.latest("node_units", scopes=(form_of(chip),)).value.p50
    per_rack = book.latest("rack_power").value.p50 * 1e3
    by_height = ceil(nodes / max(1, int(42 // height)))
    by_power = ceil(chips * rated_w / per_rack)
    racks = max(by_height, by_power)
    return Floor(nodes, racks, book.latest("rack_area").value * racks)
