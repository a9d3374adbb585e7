"""The verb `rules sweep`: the exact values at which catalog chips flip as a threshold moves."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from itertools import pairwise
from math import isfinite
from pathlib import Path

from tonnage.catalog import Chip, load_catalog
from tonnage.dates import given_day
from tonnage.errors import InputError
from tonnage.rules import (
    Dated,
    Parameter,
    Readings,
    Rulebook,
    classify,
    country,
    load_rules,
    measures_of,
    moved,
    read_reform,
)
from tonnage.study.rulebook_flips import Flip, answers, flips_of

AS_PUBLISHED = Readings(rounding=False)
"""Flips are told by the published figures themselves, not by the intervals that round to them."""


@dataclass(frozen=True, slots=True)
class Step:
    """A threshold at which chips flip; `beyond` if they flip just past it and not on it."""

    value: float
    beyond: bool
    flips: tuple[Flip, ...]


@dataclass(frozen=True, slots=True)
class Sweep:
    """What happens to the catalog as one threshold moves from `start` to `stop`."""

    parameter: str
    moved: tuple[str, ...]
    """The parameter and those that state the same number of the law."""
    unit: str
    start: float
    stop: float
    in_force: float
    destination: str
    on: date
    steps: tuple[Step, ...]
    reform: str = ""
    """Name of the what-if patch under which the threshold moved."""


def rules_sweep(
    parameter: str,
    start: float,
    stop: float,
    *,
    destination: str = "CN",
    on: date | str | None = None,
    as_of: date | str | None = None,
    headquarters: str | None = None,
    alone: bool = False,
    reform: str | Path | None = None,
) -> Sweep:
    """Return the exact values at which catalog chips flip as a threshold moves.

    A number that the law states in several paragraphs moves in all of them, unless `alone`. The
    chips are those of the catalog as published; nothing is searched for.

    Raises
    ------
    UnknownName
        If there is no such parameter.
    InputError
        If it has no number in force on the day, or an end of the range is not a positive number.
    """
    book = load_rules(given_day(as_of), read_reform(reform) if reform is not None else None)
    day = given_day(on, book.as_of, "on")
    known = book.parameter(parameter)
    held = known.on(day)
    if held is None or not isinstance(held.value, (int, float)) or held.operator in {"is", "in"}:
        mend = f"has no threshold in force on {day}; see `tonnage rules list`"
        raise InputError.of("parameter", parameter, mend)
    for field, value in (("from", start), ("to", stop)):
        if not (isfinite(value) and value > 0):
            raise InputError.of(field, value, "write a positive number")
    if start == stop:
        raise InputError.of("to", stop, "give an end other than the start")
    names = (parameter,) if alone else (parameter, *_linked(book, known, held, day))
    walk = _Walk(book, names, day, destination, headquarters)
    return Sweep(
        parameter,
        names,
        known.unit,
        start,
        stop,
        held.number,
        country(destination, "destination"),
        day,
        walk.steps(start, stop),
        book.reform.name if book.reform is not None else "",
    )


def _linked(book: Rulebook, parameter: Parameter, held: Dated, day: date) -> list[str]:
    """Return the parameters that state the same number on the day."""
    found = []
    for name in parameter.linked:
        entry = book.on(name, day)
        if entry is not None and entry.value == held.value:
            found.append(name)
    return found


class _Walk:
    """Moves a threshold and watches the catalog's chips."""

    def __init__(
        self,
        book: Rulebook,
        names: Sequence[str],
        day: date,
        destination: str,
        headquarters: str | None,
    ) -> None:
        self._book, self._names, self._day = book, names, day
        self._destination, self._headquarters = destination, headquarters
        self._books: dict[float, Rulebook] = {}

    def steps(self, start: float, stop: float) -> tuple[Step, ...]:
        found: dict[tuple[float, bool], list[Flip]] = {}
        for chip in load_catalog(self._book.as_of).chips:
            for at, flips in self._path(chip, start, stop):
                found.setdefault(at, []).extend(flips)
        falling = stop < start
        order = sorted(found, key=lambda at: (-at[0] if falling else at[0], at[1]))
        return tuple(Step(value, beyond, tuple(found[value, beyond])) for value, beyond in order)

    def _path(
        self, chip: Chip, start: float, stop: float
    ) -> Iterable[tuple[tuple[float, bool], list[Flip]]]:
        low, high = min(start, stop), max(start, stop)
        lines = {line for line in self._lines(chip) if low <= line <= high} - {start}
        on_the_way = [start, *sorted(lines - {stop}, reverse=stop < start), stop]
        last = self._at(chip, start)
        for here, there in pairwise(on_the_way):
            middle = self._at(chip, (here + there) / 2)
            if flips := flips_of(chip, last, middle):
                yield (here, True), flips
            last = self._at(chip, there)
            if flips := flips_of(chip, middle, last):
                yield (there, False), flips

    def _lines(self, chip: Chip) -> set[float]:
        """Return the chip's own figures, the only values at which its answer can change."""
        measures = measures_of(chip, AS_PUBLISHED)
        quantities = {self._book.parameter(name).quantity for name in self._names}
        found = [measures.quantity(quantity) for quantity in quantities]
        return {line for each in found for line in (each.low, each.high) if 0 < line < float("inf")}

    def _at(self, chip: Chip, value: float) -> dict[str, str]:
        book = self._books.get(value)
        if book is None:
            numbers = dict.fromkeys(self._names, value)
            book = self._books[value] = moved(self._book, numbers, self._day)
        return answers(
            classify(
                chip,
                self._destination,
                self._day,
                headquarters=self._headquarters,
                book=book,
                readings=AS_PUBLISHED,
            )
        )
