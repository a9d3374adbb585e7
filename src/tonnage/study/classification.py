"""The verb `classify`: names of chips in, one verdict each out."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from pathlib import Path
from typing import Any

from tonnage.catalog import Catalog, Chip, load_catalog
from tonnage.dates import given_day, today
from tonnage.errors import InputError, UnknownName
from tonnage.rules import (
    OrderLimit,
    Readings,
    Rulebook,
    Verdict,
    country,
    load_rules,
    measures_of,
    order_limits,
    read_reform,
)
from tonnage.rules import classify as classify_chip


@dataclass(frozen=True, slots=True)
class Order:
    """So many of one chip: their aggregate TPP, `None` if unknown, and the limits on it."""

    count: int
    tpp_total: float | None
    limits: tuple[OrderLimit, ...]


@dataclass(frozen=True, slots=True)
class Classified:
    """Verdicts in the order in which the chips were named."""

    verdicts: tuple[Verdict, ...]
    orders: Mapping[str, Order]
    """The order of each chip, by id; empty if no count was asked about."""

    def __iter__(self) -> Iterator[Verdict]:
        return iter(self.verdicts)

    def __len__(self) -> int:
        return len(self.verdicts)

    def __getitem__(self, index: int) -> Verdict:
        return self.verdicts[index]

    def to_frame(self) -> dict[str, list[Any]]:
        """Return columns of equal length, one row a chip; any table library takes them."""
        return {
            "chip": [v.chip for v in self.verdicts],
            "destination": [v.destination for v in self.verdicts],
            "on": [v.on for v in self.verdicts],
            "class": [v.class_id for v in self.verdicts],
            "paragraph": [v.paragraph for v in self.verdicts],
            "licence_required": [v.licence_required for v in self.verdicts],
            "licence_by_notice": [v.licence_by_notice for v in self.verdicts],
            "exceptions": [[found.id for found in v.exceptions] for v in self.verdicts],
            "review_policy": [v.review_policy for v in self.verdicts],
            "enforcement": [v.enforcement for v in self.verdicts],
        }


def classify(
    chips: str | Sequence[str],
    to: str,
    *,
    on: date | str | None = None,
    headquarters: str | None = None,
    exporter: str = "US",
    as_of: date | str | None = None,
    chip_file: str | Path | None = None,
    reform: str | Path | None = None,
    readings: Readings | None = None,
    codified: bool = False,
    count: int | None = None,
) -> Classified:
    """Return what the law says of chips for a destination and day.

    Parameters
    ----------
    chips
        Names or ids; a name that several entries share, such as 昇腾910B, gives one verdict each.
    on, as_of
        The day whose law is meant, and the day as of which chips and law are known (default:
        today; `on` defaults to `as_of`); text is read as YYYY-MM-DD.
    exporter
        Where the export begins. An item in the US is subject to the EAR; for a chip made and sold
        inside China name CN.
    chip_file
        A chip of one's own, beside the named ones; a name may mean it too.
    count
        How many of each are ordered, to set their aggregate TPP against the limits on it.

    Raises
    ------
    UnknownName
        If a name is no chip or a country is none.
    InputError
        If a file has faults, or there is neither a name nor a file.
    """
    known = given_day(as_of)
    book = load_rules(known, read_reform(reform) if reform is not None else None)
    own = None
    if chip_file is not None:
        from tonnage.catalog import read_chip_file  # its schema is heavy

        own = read_chip_file(chip_file, known)
        country(own.headquarters, "chip.headquarters")
    found = chips_named([chips] if isinstance(chips, str) else chips, known, own)
    if not found:
        raise InputError.of("chips", None, "name at least one chip, or give a chip file")
    if count is not None and count < 1:
        raise InputError.of("count", count, "order at least one")
    day = given_day(on, known, "on")
    verdicts = (
        _verdict(chip, to, day, headquarters, exporter, book, readings, codified) for chip in found
    )
    orders = {chip.id: _order(book, chip, count, day, readings) for chip in found if count}
    return Classified(tuple(verdicts), orders)


def _order(
    book: Rulebook, chip: Chip, count: int | None, day: date, readings: Readings | None
) -> Order:
    score = measures_of(chip, readings).tpp.value
    if score is None or count is None:
        return Order(count or 0, None, ())
    return Order(count, score * count, order_limits(book, score, count, day))


def chips_named(names: Sequence[str], as_of: date, own: Chip | None = None) -> list[Chip]:
    """Return the chips that names mean, each once, in order, and last a chip of the user's own.

    A chip that was not public yet on `as_of` comes without any figure, so that nothing later leaks.
    The user's chip takes its id and names over from the catalog, and comes also unnamed.
    """
    catalog = load_catalog(as_of)
    if own is not None:
        catalog = catalog.with_chip(own)
    found = [chip for name in names for chip in _called(catalog, name)]
    if own is not None:
        found.append(own)
    return list({chip.id: chip for chip in found}.values())


def _called(catalog: Catalog, name: str) -> list[Chip]:
    try:
        return catalog.find_all(name)
    except UnknownName:
        present = today()
        if catalog.as_of >= present:
            raise
        return [replace(chip, values={}) for chip in load_catalog(present).find_all(name)]


def _verdict(
    chip: Chip,
    to: str,
    on: date,
    headquarters: str | None,
    exporter: str,
    book: Rulebook,
    readings: Readings | None,
    codified: bool,
) -> Verdict:
    verdict = classify_chip(
        chip,
        to,
        on,
        headquarters=headquarters,
        exporter=exporter,
        book=book,
        readings=readings,
        codified=codified,
    )
    if chip.values:
        return verdict
    reason = f"nothing of it was public by {book.as_of}"
    return replace(verdict, reason=f"{verdict.reason}; {reason}" if verdict.reason else reason)
