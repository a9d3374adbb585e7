"""The verbs of `chips`: the catalog, its prices, and what the rules compute from it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date
from pathlib import Path
from typing import Any

from tonnage.catalog import QUANTITIES, Catalog, Chip, Price, Value, load_catalog
from tonnage.dates import given_day
from tonnage.errors import UnknownName
from tonnage.provenance import Sourced
from tonnage.rules import performance_density, tpp


@dataclass(frozen=True, slots=True)
class ChipSheet:
    """One chip as known on a day, with TPP and performance density (per mm2), `None` if unknown."""

    chip: Chip
    as_of: date
    tpp: float | None
    performance_density: float | None
    history: Mapping[str, tuple[Sourced[Value], ...]] = field(default_factory=dict)
    """Every statement known on the day, oldest first, by quantity; empty unless asked for."""

    @property
    def unknown(self) -> tuple[str, ...]:
        """Quantities of the catalog that are not public for this chip."""
        return tuple(name for name in QUANTITIES if name not in self.chip.values)


@dataclass(frozen=True, slots=True)
class ChipList:
    """Chips as known on a day."""

    as_of: date
    sheets: tuple[ChipSheet, ...]
    asked: tuple[str, ...] = ()
    """What narrowed the list, in words."""

    def to_frame(self) -> dict[str, list[Any]]:
        """Return one list a column, ready for a data frame: `pandas.DataFrame(x.to_frame())`."""
        records = [_record(sheet) for sheet in self.sheets]
        return {column: [record[column] for record in records] for column in _COLUMNS}


def list_chips(
    as_of: date | str | None = None, vendor: str | None = None, headquarters: str | None = None
) -> ChipList:
    """Return the chips that were public on a day, of one vendor or country if asked.

    Raises
    ------
    UnknownName
        If no chip known on the day has that vendor or country of headquarters.
    """
    day = given_day(as_of)
    catalog = load_catalog(day)
    chips = catalog.chips
    asked = []
    if vendor is not None and chips:
        maker = catalog.vendor(vendor)
        asked.append(f"vendor {maker}")
        chips = tuple(chip for chip in chips if chip.vendor == maker)
    if headquarters is not None and chips:
        present = sorted({chip.headquarters for chip in catalog.chips})
        country = headquarters.strip().upper()
        if country not in present:
            mend = f"no vendor has its headquarters there; one of {', '.join(present)}"
            raise UnknownName.of("--hq", headquarters, mend)
        asked.append(f"headquarters in {country}")
        chips = tuple(chip for chip in chips if chip.headquarters == country)
    return ChipList(day, tuple(_sheet(chip, day) for chip in chips), tuple(asked))


def show_chip(
    name: str | None = None,
    as_of: date | str | None = None,
    chip_file: str | Path | None = None,
    history: bool = False,
) -> ChipSheet:
    """Return one chip, found by any of its names, or read from a chip file.

    With both, the file's chip is added to the catalog before the name is looked up. With `history`
    the sheet also has the statements that later ones replaced.

    Raises
    ------
    UnknownName, AmbiguousName
        If the name does not mean one chip that was public on the day.
    InputError
        If the chip file is wrong.
    """
    day = given_day(as_of)
    catalog, own = _with_own(day, chip_file)
    chip = own if own is not None and name is None else catalog.find(name or "")
    sheet = _sheet(chip, day)
    return replace(sheet, history=catalog.history(chip)) if history else sheet


def compare_chips(
    names: Sequence[str], as_of: date | str | None = None, chip_file: str | Path | None = None
) -> ChipList:
    """Return several chips in the order asked; a name that bins share stands for all of them.

    Raises
    ------
    UnknownName
        If no chip that was public on the day answers to a name.
    InputError
        If the chip file is wrong.
    """
    day = given_day(as_of)
    catalog, own = _with_own(day, chip_file)
    found = [chip for name in names for chip in catalog.find_all(name)]
    if own is not None and own not in found:
        found.append(own)
    return ChipList(day, tuple(_sheet(chip, day) for chip in dict.fromkeys(found)))


@dataclass(frozen=True, slots=True)
class PriceList:
    """Prices that were public on a day, oldest first; `of` is the chip asked for, if one was."""

    as_of: date
    prices: tuple[Price, ...]
    of: str | None = None


def list_prices(name: str | None = None, as_of: date | str | None = None) -> PriceList:
    """Return the prices of one chip, or of every bin that shares a name, or all.

    Raises
    ------
    UnknownName
        If no chip that was public on the day answers to the name.
    """
    day = given_day(as_of)
    catalog = load_catalog(day)
    if name is None:
        return PriceList(day, catalog.prices)
    wanted = {chip.id for chip in catalog.find_all(name)}
    return PriceList(day, tuple(p for p in catalog.prices if wanted & set(p.chips)), name)


def _with_own(day: date, chip_file: str | Path | None) -> tuple[Catalog, Chip | None]:
    catalog = load_catalog(day)
    if chip_file is None:
        return catalog, None
    from tonnage.catalog import read_chip_file

    own = read_chip_file(chip_file, day)
    return catalog.with_chip(own), own


def _sheet(chip: Chip, day: date) -> ChipSheet:
    return ChipSheet(chip, day, tpp(chip), performance_density(chip))


_COLUMNS = (
    *("id", "name", "vendor", "family", "headquarters"),
    *QUANTITIES,
    *("tpp", "performance_density"),
)


def _record(sheet: ChipSheet) -> dict[str, Any]:
    chip = sheet.chip
    stated = {q: chip.values[q].value if q in chip.values else None for q in QUANTITIES}
    return {
        "id": chip.id,
        "name": chip.name,
        "vendor": chip.vendor,
        "family": chip.family,
        "headquarters": chip.headquarters,
        **stated,
        "tpp": sheet.tpp,
        "performance_density": sheet.performance_density,
    }
