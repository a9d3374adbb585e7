"""What the schema cannot see: names that do not exist, days out of order, trees that do not add up.

Each check reads the sound parts of a draft, so that one run finds the faults of structure and of
meaning together.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tonnage.catalog import Catalog, read_chip_file
from tonnage.errors import Fault, InputError
from tonnage.scenario.amount import currency_of
from tonnage.scenario.check_tree import branch_faults
from tonnage.scenario.chips import catalog_with
from tonnage.scenario.scenario import periods_of
from tonnage.workload import find_model

if TYPE_CHECKING:
    from tonnage.scenario.read import Draft

Place = tuple[str | int, ...]


def semantic_faults(draft: Draft) -> list[Fault]:
    """Return every fault of meaning in the sound parts of a draft."""
    checks: tuple[Callable[[Draft], Iterable[Fault]], ...] = (
        _amounts,
        _sources,
        _repeated_names,
        _chip_files,
        _chips,
        _same_chip,
        _models,
        _workloads,
        _fleet,
        _options,
        _software,
        branch_faults,
        _changes,
        _reforms,
    )
    return [fault for check in checks for fault in check(draft)]


def amounts(value: Any, path: Place = ()) -> Iterator[tuple[Place, Any]]:
    """Yield every number (an `AmountIn`) inside a part of the file with its path."""
    if hasattr(value, "dimension"):
        yield path, value
    elif isinstance(value, dict):
        for key, item in value.items():
            yield from amounts(item, (*path, key))
    elif isinstance(value, list):
        for index, item in enumerate(value):
            if isinstance(item, tuple):
                index, item = item  # noqa: PLW2901 - a sound item brings its own index
            yield from amounts(item, (*path, index))
    elif hasattr(type(value), "model_fields"):
        for name in type(value).model_fields:
            yield from amounts(getattr(value, name), (*path, name))


def _amounts(draft: Draft) -> Iterator[Fault]:
    sources = draft.document.data.get("sources")
    ids = set(sources) if isinstance(sources, dict) else set()
    currencies = draft.document.data.get("currency")
    rates = set(currencies) if isinstance(currencies, dict) else set()
    as_of = draft.one("as_of")
    dated = draft.one("sources") or {}
    for path, number in amounts(draft.sections):
        if number.source is not None and number.source not in ids:
            mend = "no such id under `sources`; add it there"
            yield draft.fault((*path, "source"), number.source, mend)
        currency = currency_of(number.unit or "")
        if currency != "USD" and currency not in rates:
            mend = f"no rate for {currency}; add `currency: {{{currency}: {{value: ...}}}}`"
            yield draft.fault((*path, "unit"), number.unit, mend)
        if number.source in dated and number.known is None:
            known, where = dated[number.source].known, (*path, "source")
        else:
            known, where = number.known, (*path, "known")
        if as_of and known and known > as_of and path[0] != "happened":
            mend = f"became known on {known}, after as_of {as_of}; a plan may not use it"
            yield draft.fault(where, number.source, mend)


def _sources(draft: Draft) -> Iterator[Fault]:
    """Check the sources of changes: there is such an id, and no branch rests on later news."""
    ids, as_of = set(draft.document.data.get("sources") or {}), draft.one("as_of")
    for section in ("branches", "happened"):
        for path, change in _all_changes(draft, section):
            if change.source is not None and change.source not in ids:
                mend = "no such id under `sources`; add it there"
                yield draft.fault((*path, "source"), change.source, mend)
            elif section == "branches" and as_of and _known(draft, change.source) > as_of:
                mend = f"became known after as_of {as_of}; a plan may not use it"
                yield draft.fault((*path, "source"), change.source, mend)


def _known(draft: Draft, source: str | None) -> date:
    found = (draft.one("sources") or {}).get(source)
    return date.min if found is None else found.known


def _repeated_names(draft: Draft) -> Iterator[Fault]:
    for section, key in (("workloads", "name"), ("branches", "name"), ("options", "chip")):
        counts = Counter(draft.raw_names(section, key))
        for index, item in draft.items(section):
            name = getattr(item, key)
            if counts[name] > 1:
                counts[name] = 0
                yield draft.fault((section, index, key), name, "written twice; names are unique")


def _chip_names(draft: Draft) -> Iterator[tuple[Place, str]]:
    for index, holding in draft.items("fleet"):
        yield ("fleet", index, "chip"), holding.chip
    for index, option in draft.items("options"):
        if option.roadmap is None:
            yield ("options", index, "chip"), option.chip
        else:
            yield ("options", index, "roadmap", "like"), option.roadmap.like
    for index, work in draft.items("workloads"):
        for key, names in (("only", work.only or []), ("never", work.never)):
            for place, name in enumerate(names):
                yield ("workloads", index, key, place), name
    for section in ("branches", "happened"):
        for path, change in _all_changes(draft, section):
            for place, name in enumerate(getattr(change, "chips", [])):
                yield (*path, "chips", place), name


def _chip_files(draft: Draft) -> Iterator[Fault]:
    """Pass on what is wrong with the user's own chip files."""
    for _, name in draft.items("chip_files"):
        try:
            read_chip_file(Path(draft.folder) / name)
        except InputError as error:
            yield from error.faults


def catalog_of(draft: Draft) -> Catalog | None:
    """Return the catalog that names are looked up in, `None` if it cannot be known."""
    as_of, files = draft.one("as_of"), tuple(name for _, name in draft.items("chip_files"))
    if as_of is None:
        return None
    try:
        return catalog_with(as_of, draft.folder, files)
    except InputError:
        return None


def _chips(draft: Draft) -> Iterator[Fault]:
    catalog = catalog_of(draft)
    if catalog is None:
        return
    own = roadmap_names(draft)
    for path, name in _chip_names(draft):
        if name in own and path[-1] != "like":
            continue
        try:
            catalog.find(name)
        except InputError as error:
            yield draft.fault(path, name, error.faults[0].mend)


def _same_chip(draft: Draft) -> Iterator[Fault]:
    """Refuse two options on one chip under two names."""
    seen: dict[str, str] = {}
    for index, option in draft.items("options"):
        chip = chip_id(draft, option.chip)
        if chip in seen and seen[chip] != option.chip:
            mend = f"another name of {seen[chip]}, which has its option already"
            yield draft.fault(("options", index, "chip"), option.chip, mend)
        seen.setdefault(chip, option.chip)


def chip_id(draft: Draft, name: str) -> str:
    """Return the catalog's id of a chip, or the name itself if there is none."""
    catalog = catalog_of(draft)
    if catalog is None or name in roadmap_names(draft):
        return name
    try:
        return catalog.find(name).id
    except InputError:
        return name


def _option_ids(draft: Draft) -> set[str]:
    return {chip_id(draft, name) for name in draft.raw_names("options", "chip")}


def roadmap_names(draft: Draft) -> set[str]:
    """Return the names that the scenario itself gives to chips to come."""
    rows = draft.document.data.get("options")
    found = rows if isinstance(rows, list) else []
    return {str(row.get("chip")) for row in found if isinstance(row, dict) and row.get("roadmap")}


def _models(draft: Draft) -> Iterator[Fault]:
    as_of = draft.one("as_of")
    for index, work in draft.items("workloads"):
        try:
            find_model(work.model, as_of)
        except InputError as error:
            yield draft.fault(("workloads", index, "model"), work.model, error.faults[0].mend)


def _span(draft: Draft) -> tuple[date, date] | None:
    horizon = draft.one("horizon")
    if horizon is None:
        return None
    periods = periods_of(horizon.start, horizon.step, horizon.periods)
    return periods[0].start, periods[-1].end


def _workloads(draft: Draft) -> Iterator[Fault]:
    span = _span(draft)
    for index, work in draft.items("workloads"):
        if work.kind != "train":
            continue
        path: Place = ("workloads", index, "deadline")
        if work.deadline <= work.start:
            yield draft.fault(path, str(work.deadline), f"not after its start {work.start}")
        elif span and (work.start >= span[1] or work.deadline <= span[0]):
            yield draft.fault(path, str(work.deadline), f"run outside {span[0]} to {span[1]}")


def _fleet(draft: Draft) -> Iterator[Fault]:
    as_of, ids = draft.one("as_of"), _option_ids(draft)
    for index, holding in draft.items("fleet"):
        if chip_id(draft, holding.chip) not in ids:
            mend = "no such chip of the options; add an option with its stack"
            yield draft.fault(("fleet", index, "chip"), holding.chip, mend)
        if as_of and holding.bought > as_of:
            mend = f"after as_of {as_of}; a fleet in hand was bought before"
            yield draft.fault(("fleet", index, "bought"), str(holding.bought), mend)


def _options(draft: Draft) -> Iterator[Fault]:
    for index, option in draft.items("options"):
        path: Place = ("options", index)
        if option.buy is None and option.rent is None and not _held(draft, option.chip):
            yield draft.fault(path, option.chip, "give `buy`, `rent` or a fleet of it")
        buy = option.buy
        if buy and buy.first and buy.last and buy.last <= buy.first:
            yield draft.fault((*path, "buy", "last"), str(buy.last), f"not after {buy.first}")


def _held(draft: Draft, chip: str) -> bool:
    held = {chip_id(draft, name) for name in draft.raw_names("fleet", "chip")}
    return chip_id(draft, chip) in held


def _software(draft: Draft) -> Iterator[Fault]:
    software = draft.one("software")
    if software is None:
        return
    stacks, works = set(draft.raw_names("options", "stack")), set(draft.raw_names("workloads"))
    for index, stack in enumerate(software.ready):
        if stack not in stacks:
            mend = _none_such("stack of the options", stacks)
            yield draft.fault(("software", "ready", index), stack, mend)
    for index, port in enumerate(software.ports):
        if port.stack not in stacks:
            mend = _none_such("stack of the options", stacks)
            yield draft.fault(("software", "ports", index, "stack"), port.stack, mend)
        for place, name in enumerate(port.workloads):
            if name not in works:
                mend = _none_such("workload", works)
                yield draft.fault(("software", "ports", index, "workloads", place), name, mend)


def _none_such(kind: str, names: Iterable[str]) -> str:
    return f"no such {kind}; there are {', '.join(sorted(names)) or 'none'}"


def _all_changes(draft: Draft, section: str) -> Iterator[tuple[Place, Any]]:
    for index, item in draft.items(section):
        if section == "happened":
            yield (section, index), item
        else:
            for place, change in enumerate(item.changes):
                yield (section, index, "changes", place), change


def _changes(draft: Draft) -> Iterator[Fault]:
    works, span = set(draft.raw_names("workloads")), _span(draft)
    ids = _option_ids(draft)
    for section in ("branches", "happened"):
        for path, change in _all_changes(draft, section):
            if section == "happened" and change.day is None:
                yield draft.fault(path, change.kind, "what happened needs its `day`")
            for place, name in enumerate(getattr(change, "workloads", [])):
                if name not in works:
                    mend = _none_such("workload", works)
                    yield draft.fault((*path, "workloads", place), name, mend)
            for place, name in enumerate(getattr(change, "chips", [])):
                if chip_id(draft, name) not in ids:
                    mend = _none_such("chip of the options", draft.raw_names("options", "chip"))
                    yield draft.fault((*path, "chips", place), name, mend)
            if change.day and change.until and change.until <= change.day:
                yield draft.fault((*path, "until"), str(change.until), f"not after {change.day}")
            if span and change.day and change.day >= span[1]:
                mend = f"after the last period, which ends on {span[1]}"
                yield draft.fault((*path, "day"), str(change.day), mend)


def _reforms(draft: Draft) -> Iterator[Fault]:
    for section in ("branches", "happened"):
        for path, change in _all_changes(draft, section):
            if change.kind != "rules":
                continue
            if change.reform is None:
                mend = "name a reform file: `reform: FILE`"
                yield draft.fault(path, None, mend)
            elif not (Path(draft.folder) / change.reform).is_file():
                mend = "no such file beside the scenario"
                yield draft.fault((*path, "reform"), change.reform, mend)
