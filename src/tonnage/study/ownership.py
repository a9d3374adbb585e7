"""The verb `cost`: owning chips, renting them, and when one beats the other."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import date
from typing import TYPE_CHECKING, Any

from tonnage.catalog import Chip, load_catalog
from tonnage.cost import (
    UTILISATIONS,
    BreakEven,
    Offer,
    Ownership,
    Rent,
    Terms,
    break_even,
    break_even_utilisation,
    offers,
    own,
    quotient,
    rent,
)
from tonnage.dates import given_day
from tonnage.errors import Infeasible, InputError
from tonnage.provenance import Spread
from tonnage.rules import country as country_code
from tonnage.study.match_law import Permission, permission
from tonnage.units import MEGA, SECONDS_PER_DAY, SECONDS_PER_HOUR

if TYPE_CHECKING:
    from tonnage.study.match_load import WorkLoad
    from tonnage.study.match_rate import Speed

WAYS = ("on demand", "reserved 12 months", "reserved 36 months")
MOST_CHIPS = 10_000_000


@dataclass(frozen=True, slots=True)
class WorkCost:
    """What a workload costs on owned chips, and how fast it runs."""

    load: WorkLoad
    speed: Speed
    per_chip: Spread
    """Tokens a second of the whole cluster over all its chips, those included that stay idle
    because they do not make up a deployment."""
    usd_per_million_tokens: Spread
    """Training: tokens trained on. Serving: output tokens."""
    run_usd: Spread | None
    """The whole training run, where a number of tokens was given."""
    run_days: Spread | None


@dataclass(frozen=True, slots=True)
class TotalCost:
    """The answer to `cost`."""

    owned: Ownership
    rented: Rent | None
    break_even: BreakEven | None
    """Against renting on demand at the utilisation of the terms; `None` without a rent."""
    ways: tuple[BreakEven, ...]
    """The same against every way of renting."""
    by_utilisation: tuple[BreakEven, ...]
    """Against renting on demand, at each of ten utilisations."""
    utilisation_to_own: float | None
    """Share of hours above which owning is cheaper over the whole term."""
    offers: tuple[Offer, ...]
    """What clouds of the country let instead."""
    work: WorkCost | None
    permission: Permission
    """What the law says of supplying the chip to the country on the day."""
    as_of: date

    def to_frame(self) -> dict[str, list[Any]]:
        """Return the bill as columns, as `pandas.DataFrame` takes them."""
        items = self.owned.items()
        return {
            "name": [item.name for item in items],
            "group": [item.group for item in items],
            "p10": [item.value.p10 for item in items],
            "p50": [item.value.p50 for item in items],
            "p90": [item.value.p90 for item in items],
            "unit": [item.unit for item in items],
            "source": [item.source for item in items],
        }


def total_cost(
    chip: str | Chip,
    chips: int,
    *,
    terms: Terms | None = None,
    load: WorkLoad | None = None,
    on: date | str | None = None,
    as_of: date | str | None = None,
) -> TotalCost:
    """Return what owning `chips` of a chip costs, against renting them.

    Parameters
    ----------
    chip
        A name as in `tonnage chips list`, or the chip itself.
    chips
        Number of chips of the cluster, which sets the network.
    terms
        Country, years, utilisation, and what the buyer states against the data.
    load
        A workload, for the cost of a million tokens and of a training run.
    on, as_of
        The day whose prices are asked for (default: `as_of`), and the day as of which all is known
        (default: today).

    Raises
    ------
    InputError
        If a name or number cannot be used.
    NotEnoughKnown
        If price or power is neither published nor to be had from siblings.
    Infeasible
        If the workload does not run on so many chips.
    """
    day = given_day(on, known := given_day(as_of), "on")
    catalog = load_catalog(known)
    device = chip if isinstance(chip, Chip) else catalog.find(chip)
    if not 1 <= chips <= MOST_CHIPS:
        raise InputError.of("chips", chips, f"a whole number from 1 to {MOST_CHIPS:,}")
    used = terms or Terms()
    used = replace(used, country=country_code(used.country, "country"))
    owned = own(device, chips, catalog, used, day)
    rented = rent(device, catalog, used, day)
    ways: tuple[BreakEven, ...] = ()
    by_use: tuple[BreakEven, ...] = ()
    if rented is not None:
        ways = tuple(break_even(owned, rented, way) for way in WAYS)
        by_use = tuple(break_even(owned, rented, WAYS[0], share) for share in UTILISATIONS)
    return TotalCost(
        owned,
        rented,
        ways[0] if ways else None,
        ways,
        by_use,
        break_even_utilisation(owned, rented) if rented is not None else None,
        tuple(offers(device, catalog, used, day)),
        work_cost(owned, load.known_by(known)) if load is not None else None,
        permission(device, used.country, None, day, known),
        known,
    )


def work_cost(owned: Ownership, load: WorkLoad) -> WorkCost:
    """USD a million tokens = USD a chip-hour / (tokens a second and chip · 3600) · 10^6.

    The chips run the workload in their best layout; a serving job that names a concurrency or a
    request rate runs at that load, spread over all chips, else at its best. Idle hours are in the
    price of a used hour, idle chips in the tokens a second and chip.

    Raises
    ------
    Infeasible
        If no layout of so many chips does the work, or not at the load that it names.
    """
    from tonnage.study.match_curve import delivered
    from tonnage.workload import TrainingJob

    speed = _speed(owned, load)
    share = delivered(speed, owned.chips) / (speed.per_chip.p50 * owned.chips)
    per_chip = speed.per_chip * share
    hourly = per_chip * SECONDS_PER_HOUR
    per_million = quotient(owned.usd_per_chip_hour, hourly) * MEGA
    run_usd = run_days = None
    tokens = load.job.tokens if isinstance(load.job, TrainingJob) else None
    if tokens is not None:
        run_usd = per_million * (tokens / MEGA)
        cluster = per_chip * owned.chips * SECONDS_PER_DAY
        run_days = quotient(Spread.exactly(tokens), cluster)
    return WorkCost(load, speed, per_chip, per_million, run_usd, run_days)


def _speed(owned: Ownership, load: WorkLoad) -> Speed:
    from tonnage.study.match_curve import Curve, curves
    from tonnage.study.match_rate import loaded_speed
    from tonnage.workload import ServingJob

    job, who = load.job, f"{owned.chips:,} x {owned.chip.name}"
    if isinstance(job, ServingJob) and (job.concurrency or job.request_rate):
        try:
            return loaded_speed(owned.chip, load, owned.chips)
        except Infeasible as no:
            raise Infeasible(f"{who}: {no}") from None
    found = curves([owned.chip], owned.chips, load)[0]
    if not isinstance(found, Curve):
        raise Infeasible(f"{who}: {found}")
    return found.nearest(owned.chips)
