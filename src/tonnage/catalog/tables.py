"""The chip tables: who each chip is, and one row a stated value."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date

from tonnage.catalog.chip import Value
from tonnage.catalog.names import Names
from tonnage.catalog.quantity import QUANTITIES
from tonnage.catalog.value import read_value
from tonnage.errors import DataError
from tonnage.provenance import (
    Folder,
    Row,
    Source,
    Sourced,
    read_each,
    read_rows,
    read_sources,
)

INDEX_COLUMNS = (
    "id", "name", "vendor", "family", "headquarters", "known_from", "aliases", "shared_names",
    "note",
)  # fmt: skip
VALUE_COLUMNS = (
    "chip", "quantity", "value", "low", "high", "unit", "confidence", "source", "known_from",
    "note",
)  # fmt: skip
VENDOR_COLUMNS = ("vendor", "names")
BETWEEN_NAMES = "|"
_NOT_VALUES = frozenset({"index.csv", "sources.csv", "vendors.csv"})


@dataclass(frozen=True, slots=True)
class Identity:
    """Who a chip is; `note` says only what was true and public from the start."""

    id: str
    name: str
    vendor: str
    family: str
    headquarters: str
    known_from: date
    names: Names
    note: str


@dataclass(frozen=True, slots=True)
class Statement:
    """One stated value of one chip."""

    chip: str
    quantity: str
    stated: Sourced[Value]


@dataclass(frozen=True, slots=True)
class ChipTables:
    """All statements ever made, of every chip, whatever the date."""

    identities: Mapping[str, Identity]
    statements: Mapping[str, tuple[Statement, ...]]
    """Statements by chip, in the order of their files."""
    sources: Mapping[str, Source]
    vendors: Mapping[str, tuple[str, ...]]
    """Other names of each vendor."""


def read_chip_tables(folder: Folder) -> ChipTables:
    """Return the chips of a data folder: `index.csv`, `sources.csv` and the tables beside them.

    Raises
    ------
    DataError
        If a row lacks source, unit, confidence or day, names what does not exist, or repeats
        another; every fault of every table at once.
    """
    sources = read_sources(folder)
    vendors = _read_vendors(folder)
    identities = _read_index(folder, vendors)
    rows = [
        row
        for file in sorted(folder.iterdir(), key=lambda file: file.name)
        if file.name.endswith(".csv") and file.name not in _NOT_VALUES
        for row in read_rows(file, VALUE_COLUMNS)
    ]
    statements: dict[str, list[Statement]] = {chip: [] for chip in identities}
    seen: set[tuple[str, str, date]] = set()

    def read(row: Row) -> None:
        statement = _statement(row, identities, sources)
        mark = (statement.chip, statement.quantity, statement.stated.known_from)
        if mark in seen:
            raise row.fault("quantity", "stated twice from the same day; keep one")
        seen.add(mark)
        statements[statement.chip].append(statement)

    read_each(rows, read)
    return ChipTables(identities, {k: tuple(v) for k, v in statements.items()}, sources, vendors)


def _read_vendors(folder: Folder) -> dict[str, tuple[str, ...]]:
    rows = read_rows(folder / "vendors.csv", VENDOR_COLUMNS)
    return {row["vendor"]: _split(row["names"]) for row in rows}


def _read_index(folder: Folder, vendors: Mapping[str, tuple[str, ...]]) -> dict[str, Identity]:
    identities: dict[str, Identity] = {}

    def read(row: Row) -> None:
        entry = _identity(row)
        if entry.vendor not in vendors:
            raise row.fault("vendor", "not in vendors.csv; add it there")
        if entry.id in identities:
            raise row.fault("id", "stands twice; keep one")
        identities[entry.id] = entry

    read_each(read_rows(folder / "index.csv", INDEX_COLUMNS), read)
    return identities


def _identity(row: Row) -> Identity:
    country = row.required("headquarters")
    if len(country) != 2 or not country.isupper():
        raise row.fault("headquarters", "write an ISO 3166 alpha-2 code, such as CN")
    chip, name = row.required("id"), row.required("name")
    names = Names(chip, name, _split(row["aliases"]), _split(row["shared_names"]))
    return Identity(
        chip,
        name,
        row.required("vendor"),
        row.required("family"),
        country,
        row.day("known_from"),
        names,
        row["note"],
    )


def _split(names: str) -> tuple[str, ...]:
    return tuple(name.strip() for name in names.split(BETWEEN_NAMES) if name.strip())


def _statement(
    row: Row, identities: Mapping[str, Identity], sources: Mapping[str, Source]
) -> Statement:
    owner = identities.get(row.required("chip"))
    if owner is None:
        raise row.fault("chip", "no such id in index.csv")
    quantity = QUANTITIES.get(row.required("quantity"))
    if quantity is None:
        raise row.fault("quantity", "not a quantity of the catalog")
    if row["unit"] != quantity.unit:
        raise row.fault("unit", f"{quantity.name} is stated in {quantity.unit or 'no unit'}")
    try:
        value = read_value(row.required("value"), quantity)
    except DataError:
        raise
    except ValueError as error:
        raise row.fault("value", str(error)) from None
    known_from = row.day("known_from")
    if known_from < owner.known_from:
        raise row.fault("known_from", f"before the chip itself was public ({owner.known_from})")
    stated = Sourced(
        value,
        quantity.unit,
        row.confidence(),
        row.source(sources),
        known_from,
        note=row["note"],
        low=row.number("low"),
        high=row.number("high"),
    )
    _check_ends(row, stated)
    return Statement(owner.id, quantity.name, stated)


def _check_ends(row: Row, stated: Sourced[Value]) -> None:
    ends = [end for end in (stated.low, stated.high) if end is not None]
    if not ends:
        return
    if isinstance(stated.value, (str, bool, date)):
        raise row.fault("low", "only a number has a low and a high end")
    low = stated.value if stated.low is None else stated.low
    high = stated.value if stated.high is None else stated.high
    if not 0 <= low <= stated.value <= high:
        raise row.fault("low", "low, value and high are not in order")
