"""The verb `match`: how many of one chip do the work of N of another, and at what cost.

Both sides run the workload in their best layout. A count is the smallest number of chips whose
throughput reaches the reference, within the latency limits of a serving job, in whole servers. The
permission of the law on the day stands beside each answer.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date
from typing import Any

from tonnage.catalog import Catalog, Chip, load_catalog
from tonnage.cost import (
    Comparison,
    Ownership,
    Terms,
    compare,
    load_costs,
    node_chips,
    own,
    quotient,
)
from tonnage.dates import given_day
from tonnage.errors import Fault, Infeasible, InputError, NotEnoughKnown
from tonnage.provenance import Spread
from tonnage.rules import country as country_code
from tonnage.study.match_curve import Curve, Need, curves, kept, needed
from tonnage.study.match_law import Permission, permission
from tonnage.study.match_load import TRAIN, WorkLoad
from tonnage.study.match_rate import SERVING_SIZES, Speed
from tonnage.study.match_why import why
from tonnage.units import SECONDS_PER_DAY
from tonnage.workload import ServingJob, TrainingJob

MOST_CHIPS = 1_000_000


@dataclass(frozen=True, slots=True)
class MatchRow:
    """The answer for one chip; where it cannot do the work, `why` says what stands in the way."""

    chip: Chip
    need: Need | None
    speed: Speed | None
    """In the searched layout nearest the count."""
    owned: Ownership | None
    """The cluster of `need.p50` chips; `None` where its price or power is not known."""
    against: Comparison | None
    """That cluster over the reference; `None` where one side's cost is not known."""
    kept: Spread | None
    """Share of the reference's throughput that as many of these chips keep."""
    why: str
    permission: Permission
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Match:
    """The answer to `match`."""

    chip: Chip
    chips: int
    speed: Speed
    owned: Ownership | None
    permission: Permission
    rows: tuple[MatchRow, ...]
    load: WorkLoad
    country: str
    headquarters: str | None
    on: date
    as_of: date
    notes: tuple[str, ...]

    @property
    def run_days(self) -> Spread | None:
        """Days of the whole training run on the reference, where a number of tokens was given."""
        tokens = self.load.job.tokens if isinstance(self.load.job, TrainingJob) else None
        if tokens is None:
            return None
        used = min(self.speed.chips, self.chips)
        return quotient(Spread.exactly(tokens), self.speed.per_chip * used * SECONDS_PER_DAY)

    def to_frame(self) -> dict[str, list[Any]]:
        """Return the rows as columns, as `pandas.DataFrame` takes them."""
        columns: dict[str, list[Any]] = {}
        for row in self.rows:
            flat: dict[str, Any] = {"chip": row.chip.id}
            flat |= _flat("count", row.need)
            flat |= _flat("cost_ratio", row.against.cost if row.against else None)
            flat |= _flat("power_ratio", row.against.power if row.against else None)
            flat |= _flat("kept", row.kept)
            flat |= {"lawful": row.permission.lawful, "why": row.why}
            for name, value in flat.items():
                columns.setdefault(name, []).append(value)
        return columns


def _flat(name: str, found: Spread | Need | None) -> dict[str, Any]:
    return {f"{name}_{end}": getattr(found, end, None) for end in ("p10", "p50", "p90")}


def match(
    chip: str | Chip,
    chips: int,
    to: Sequence[str | Chip],
    load: WorkLoad,
    *,
    country: str = "CN",
    headquarters: str | None = None,
    on: date | str | None = None,
    as_of: date | str | None = None,
    terms: Terms | None = None,
) -> Match:
    """Return how many of each chip in `to` do the work of `chips` of `chip`.

    Parameters
    ----------
    chip, to
        Names as in `tonnage chips list`, or the chips themselves.
    chips
        Number of the reference chip.
    load
        What is trained or served (`read_load`, `load_of`).
    country, headquarters
        Where the chips are to run, and where the buyer or its parent has its seat.
    on, as_of
        The day whose prices and law are asked for (default: `as_of`), and the day as of which all
        is known (default: today).
    terms
        Years, utilisation and other terms of ownership; its country is replaced by `country`.

    Raises
    ------
    InputError
        With every name and number that cannot be used.
    Infeasible
        If the reference itself cannot do the work.
    """
    known = given_day(as_of)
    catalog = load_catalog(known)
    place = country_code(country, "country")
    seat = country_code(headquarters, "headquarters") if headquarters else None
    day = given_day(on, known, "on")
    load = load.known_by(known)
    buyer = _Buyer(catalog, replace(terms or Terms(), country=place), place, seat, day)
    reference, targets = _named(catalog, chip, chips, to)
    first, *others = curves([reference, *targets], chips, load)
    if isinstance(first, str):
        message = f"{chips:,} x {reference.name} cannot do this work: {first}"
        raise Infeasible(message)
    speed = first.nearest(chips)
    owned = buyer.own(reference, chips)
    given = owned if isinstance(owned, Ownership) else None
    rows = tuple(
        _row(buyer, target, found, speed, chips, given, load)
        for target, found in zip(targets, others, strict=True)
    )
    notes = (*_notes(load), *_notes_on(speed, chips), *([owned] if isinstance(owned, str) else []))
    law = buyer.permission(reference)
    return Match(reference, chips, speed, given, law, rows, load, place, seat, day, known, notes)


@dataclass(frozen=True, slots=True)
class _Buyer:
    """Who asks: the day's catalog and prices, the place, and the law there."""

    catalog: Catalog
    terms: Terms
    country: str
    headquarters: str | None
    on: date

    def own(self, chip: Chip, chips: int) -> Ownership | str:
        """Return what a cluster costs, or why that is not known."""
        try:
            return own(chip, chips, self.catalog, self.terms, self.on)
        except NotEnoughKnown as gap:
            return str(gap)

    def permission(self, chip: Chip) -> Permission:
        return permission(chip, self.country, self.headquarters, self.on, self.catalog.as_of)

    def block(self, chip: Chip) -> int:
        """Chips in one server."""
        return node_chips(chip, load_costs(self.catalog.as_of))


def _row(
    buyer: _Buyer,
    chip: Chip,
    found: Curve | str,
    reference: Speed,
    count: int,
    given: Ownership | None,
    load: WorkLoad,
) -> MatchRow:
    law = buyer.permission(chip)
    if isinstance(found, str):
        return MatchRow(chip, None, None, None, None, None, found, law)
    need = needed(found, reference, count, buyer.block(chip))
    share = kept(found, reference, count)
    if need is None:
        return MatchRow(chip, None, None, None, None, share, "no number of these suffices", law)
    speed = found.nearest(need.p50)
    reasons = why(speed, reference, load, need.per_chip.p50)
    owned = buyer.own(chip, need.p50)
    if isinstance(owned, str):
        return MatchRow(chip, need, speed, None, None, share, reasons, law, (owned,))
    per_chip = Spread(need.p10 / count, need.p50 / count, need.p90 / count)
    against = compare(owned, given, per_chip) if given is not None else None
    notes = tuple(f"{name} estimated from sibling chips" for name in owned.estimated)
    notes += (speed.note,) if speed.note else ()
    return MatchRow(chip, need, speed, owned, against, share, reasons, law, notes)


def _named(
    catalog: Catalog, chip: str | Chip, chips: int, to: Sequence[str | Chip]
) -> tuple[Chip, list[Chip]]:
    """Return the chips that are named; the faults of all names come as one error."""
    faults: list[Fault] = []
    errors: list[InputError] = []
    found: list[Chip] = []
    for name in (chip, *to):
        try:
            found.append(name if isinstance(name, Chip) else catalog.find(name))
        except InputError as error:
            errors.append(error)
            faults += error.faults
    if not 1 <= chips <= MOST_CHIPS:
        faults.append(Fault("chips", chips, f"a whole number from 1 to {MOST_CHIPS:,}"))
    if not to:
        faults.append(Fault("to", None, "name at least one chip"))
    if len(errors) == len(faults) == 1:
        raise errors[0]
    if faults:
        raise InputError(faults)
    return found[0], list(dict.fromkeys(found[1:]))


def _notes_on(speed: Speed, chips: int) -> list[str]:
    notes = [speed.note] if speed.note else []
    if speed.group == speed.chips > SERVING_SIZES[-1] and speed.chips < chips:
        notes.append(f"{speed.chips:,} of the {chips:,} do the most that they can do together")
    return notes


def _notes(load: WorkLoad) -> tuple[str, ...]:
    if load.kind == TRAIN or not isinstance(load.job, ServingJob):
        return ()
    job, notes = load.job, []
    if job.concurrency is not None or job.request_rate is not None:
        notes.append("each side is loaded to its best; the given load itself was not used")
    if job.ttft_ms is None and job.tpot_ms is None:
        notes.append("no limit on latency was given; both sides run at their highest throughput")
    return tuple(notes)
