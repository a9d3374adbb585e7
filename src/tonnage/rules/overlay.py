"""Which notices, guidance, practice and buyer-side measures reach a chip; and the import duty."""

from __future__ import annotations

from collections.abc import Collection
from datetime import date

from tonnage.catalog import Chip
from tonnage.rules.country import seen_as
from tonnage.rules.licence import Deal, cited
from tonnage.rules.metrics import Measures
from tonnage.rules.parameter import Overlay
from tonnage.rules.rulebook import Rulebook
from tonnage.rules.testing import conjunction, disjunction, parameter_test
from tonnage.rules.verdict import Duty, Measure, Test


def measures_reaching(
    book: Rulebook, chip: Chip, quantities: Measures, classes: Collection[str], deal: Deal
) -> list[Measure]:
    """Return every overlay that reaches the chip, place and parties, oldest first."""
    found = []
    for overlay in sorted(book.overlays, key=lambda overlay: overlay.effective):
        if (
            overlay.holds(deal.day)
            and _place(book, overlay, deal)
            and _maker(book, overlay, chip, deal.day)
        ):
            tests = _tests(book, overlay, deal.day, quantities)
            applies = _applies(overlay, chip, quantities, classes, tests)
            if applies is not False:
                found.append(_measure(book, overlay, applies, tests, deal.day))
    return found


def _place(book: Rulebook, overlay: Overlay, deal: Deal) -> bool:
    party = overlay.headquarters is not None and deal.headquarters is not None
    hit = party and book.covers(overlay.headquarters, deal.headquarters, deal.day)  # type: ignore[arg-type]
    if overlay.needs_headquarters:
        return hit
    return hit or book.covers(overlay.destinations, deal.destination, deal.day)


def _maker(book: Rulebook, overlay: Overlay, chip: Chip, day: date) -> bool:
    vendor = chip.vendor.casefold()
    if overlay.addressees and not any(vendor.startswith(a.casefold()) for a in overlay.addressees):
        return False
    home = seen_as(chip.headquarters)
    inside = overlay.maker_headquarters
    outside = overlay.not_maker_headquarters
    if inside is not None and not book.covers(inside, home, day):
        return False
    return outside is None or not book.covers(outside, home, day)


def _tests(book: Rulebook, overlay: Overlay, day: date, quantities: Measures) -> tuple[Test, ...]:
    names = (*overlay.any_of, *overlay.all_of)
    tests = (parameter_test(book, name, day, quantities) for name in names)
    return tuple(test for test in tests if test is not None)


def _applies(
    overlay: Overlay,
    chip: Chip,
    quantities: Measures,
    classes: Collection[str],
    tests: tuple[Test, ...],
) -> bool | None:
    if chip.id in overlay.chips:
        return True
    if overlay.classes:
        return bool(set(overlay.classes) & set(classes))
    if not tests:
        return not overlay.chips
    by_name = {test.parameter: test.met for test in tests}
    answers = []
    if overlay.any_of:
        answers.append(disjunction(by_name[name] for name in overlay.any_of if name in by_name))
    answers += [by_name[name] for name in overlay.all_of if name in by_name]
    if overlay.datacenter_only:
        answers.append(quantities.datacenter)
    return conjunction(answers)


def _measure(
    book: Rulebook, overlay: Overlay, applies: bool | None, tests: tuple[Test, ...], day: date
) -> Measure:
    state = book.regime_state(overlay.enforcement, day)
    notes = (overlay.note, state.note if state else "")
    return Measure(
        id=overlay.id,
        kind=overlay.kind,
        says=overlay.says,
        source=overlay.source,
        grade=overlay.grade,
        effective=overlay.effective,
        until=overlay.until,
        applies=applies,
        licence=overlay.licence,
        addressees=overlay.addressees,
        state=state.state if state else "enforced",
        buyers=overlay.buyers,
        note=" ".join(filter(None, notes)),
        tests=tests,
    )


def duties(book: Rulebook, quantities: Measures, day: date) -> tuple[Duty, ...]:
    """Return the section 232 bands that TPP and DRAM bandwidth fall into, or may."""
    rate = book.on("tariff.rate", day)
    if rate is None:
        return ()
    found = []
    for band in ("band1", "band2"):
        names = [f"tariff.{band}.{q}_{side}" for q in ("tpp", "dram") for side in ("min", "max")]
        tests = [parameter_test(book, name, day, quantities) for name in names]
        answer = conjunction(test.met for test in tests if test is not None)
        if answer is not False:
            found.append(Duty(rate.number, band, answer, cited(book, rate, day)))
    return tuple(found)
