"""The catalog as it was known on one day."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import date
from functools import cache, lru_cache
from types import MappingProxyType

from tonnage.catalog.chip import Chip, Value
from tonnage.catalog.fact import Fact, read_facts
from tonnage.catalog.names import NameIndex, Names
from tonnage.catalog.price import Price, read_prices
from tonnage.catalog.quantity import QUANTITIES
from tonnage.catalog.tables import ChipTables, Identity, Statement, read_chip_tables
from tonnage.errors import UnknownName
from tonnage.provenance import Sourced, data_folder, latest_known


@dataclass(frozen=True, slots=True)
class Catalog:
    """Chips, prices and facts that were public on `as_of`, and nothing later."""

    as_of: date
    chips: tuple[Chip, ...]
    names: NameIndex = field(repr=False)
    by_id: Mapping[str, Chip] = field(repr=False)

    @property
    def prices(self) -> tuple[Price, ...]:
        """Prices that were public on the day, oldest first."""
        return tuple(price for price in _prices() if price.known_from <= self.as_of)

    @property
    def facts(self) -> tuple[Fact, ...]:
        """Market facts that were public on the day, in order of the day they speak of."""
        return tuple(fact for fact in _facts() if fact.known_from <= self.as_of)

    def find(self, name: str) -> Chip:
        """Return the chip that a name means.

        Raises
        ------
        UnknownName
            If no chip known on the day answers to it; the message lists the nearest.
        AmbiguousName
            If several do, such as the bins of one family; the message lists them.
        """
        return self.by_id[self.names.one_of(name)]

    def find_all(self, name: str) -> list[Chip]:
        """Return every chip that a name may mean: one, or all the bins that share it.

        Raises
        ------
        UnknownName
            If no chip known on the day answers to it.
        """
        return [self.by_id[found] for found in self.names.all_of(name)]

    def history(self, chip: Chip) -> Mapping[str, tuple[Sourced[Value], ...]]:
        """Return every statement of a chip that was public on the day, oldest first, by quantity.

        The last of each is the one that stands in `chip.values`.
        """
        stated: dict[str, list[Sourced[Value]]] = {}
        if chip is self.by_id.get(chip.id):
            for statement in _chip_tables().statements.get(chip.id, ()):
                if statement.stated.known(self.as_of):
                    stated.setdefault(statement.quantity, []).append(statement.stated)
        for quantity, value in chip.values.items():
            stated.setdefault(quantity, [value])
        return MappingProxyType(
            {q: tuple(sorted(v, key=lambda s: s.known_from)) for q, v in stated.items()}
        )

    def vendor(self, name: str) -> str:
        """Return the vendor that a name means, in any case and in Chinese.

        Raises
        ------
        UnknownName
            If no vendor of a chip known on the day answers to it; the message lists them.
        """
        wanted = name.casefold().strip()
        present = dict.fromkeys(chip.vendor for chip in self.chips)
        for vendor in present:
            others = _chip_tables().vendors.get(vendor, ())
            if wanted in {text.casefold() for text in (vendor, *others)}:
                return vendor
        inside = [vendor for vendor in present if wanted and wanted in vendor.casefold()]
        if len(inside) == 1:
            return inside[0]
        raise UnknownName.of("vendor", name, f"no such vendor; one of {', '.join(present)}")

    def with_chip(self, chip: Chip) -> Catalog:
        """Return a catalog that also has a chip of the user's; it takes over its names."""
        chips = (*(c for c in self.chips if c.id != chip.id), chip)
        entries = [_names_of(c) for c in self.chips if c.id != chip.id]
        entries.append(Names(chip.id, chip.name, chip.aliases))
        names = NameIndex.of(entries, self.as_of.isoformat())
        return replace(self, chips=chips, names=names, by_id=_by_id(chips))


@lru_cache(maxsize=32)
def load_catalog(as_of: date) -> Catalog:
    """Return what was public on a day.

    Of a quantity stated more than once, the statement that became public last on or before
    `as_of` stands. The same day gives the same object.

    Raises
    ------
    DataError
        If the shipped tables break their own rules.
    """
    tables = _chip_tables()
    known = [entry for entry in tables.identities.values() if entry.known_from <= as_of]
    chips = tuple(_chip(entry, tables.statements[entry.id], as_of) for entry in known)
    names = NameIndex.of((entry.names for entry in known), as_of.isoformat())
    return Catalog(as_of, chips, names, _by_id(chips))


@cache
def _chip_tables() -> ChipTables:
    return read_chip_tables(data_folder("chips"))


@cache
def _prices() -> tuple[Price, ...]:
    return read_prices(data_folder("prices"), _chip_tables().identities)


@cache
def _facts() -> tuple[Fact, ...]:
    return read_facts(data_folder("facts"))


def _by_id(chips: tuple[Chip, ...]) -> Mapping[str, Chip]:
    return MappingProxyType({chip.id: chip for chip in chips})


def _names_of(chip: Chip) -> Names:
    entry = _chip_tables().identities.get(chip.id)
    return entry.names if entry is not None else Names(chip.id, chip.name, chip.aliases)


def _chip(entry: Identity, statements: tuple[Statement, ...], as_of: date) -> Chip:
    stated: dict[str, list[Sourced[Value]]] = {}
    for statement in statements:
        stated.setdefault(statement.quantity, []).append(statement.stated)
    values = {
        quantity: latest
        for quantity in QUANTITIES
        if quantity in stated
        for latest in [latest_known(stated[quantity], as_of)]
        if latest is not None
    }
    return Chip(
        entry.id,
        entry.name,
        entry.vendor,
        entry.family,
        entry.headquarters,
        entry.names.own,
        MappingProxyType(values),
        entry.note,
    )
