"""From the file's pydantic parts to the frozen `Scenario`, once, after everything was checked."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date
from typing import TYPE_CHECKING, Any

from tonnage.files import dotted
from tonnage.scenario import scenario as world
from tonnage.scenario.amount import Amount, Reference
from tonnage.scenario.chips import catalog_with
from tonnage.workload import find_model

if TYPE_CHECKING:
    from tonnage.scenario.number import AmountIn
    from tonnage.scenario.schema import ScenarioIn

Path = tuple[str | int, ...]


@dataclass(slots=True)
class _Reader:
    """Turns numbers into amounts and keeps the ledger of them."""

    references: Mapping[str, Reference]
    per_usd: Mapping[str, float]
    names: Mapping[str, str]
    """Chip as written → catalog id, or the scenario's own name."""
    as_of: date
    ledger: list[Amount] = field(default_factory=list)

    def amount(self, given: AmountIn, *path: str | int) -> Amount:
        """Return a number in its kept unit with its trail."""
        kind = given.dimension
        unit = given.unit if given.unit is not None else kind.default_unit or ""

        def keep(number: float) -> float:
            return kind.convert(number, unit, self.per_usd)

        steps = tuple(sorted((date.fromisoformat(d), keep(n)) for d, n in (given.at or {}).items()))
        value = keep(given.value) if given.value is not None else steps[0][1]
        source = self.references.get(given.source or "")
        made = Amount(
            field=dotted(path),
            value=value,
            unit=kind.kept_in,
            shown=_shown(given, unit),
            given_unit=unit,
            reason=source.title if source else given.assumption or "",
            assumed=source is None,
            known=given.known or (source.known if source else None),
            steps=steps,
            low=None if given.low is None else keep(given.low),
            high=None if given.high is None else keep(given.high),
        )
        self.ledger.append(made)
        return made

    def maybe(self, given: AmountIn | None, *path: str | int) -> Amount | None:
        """Return a number as `amount` does, `None` for none."""
        return None if given is None else self.amount(given, *path)

    def chips(self, names: Iterable[str]) -> tuple[str, ...]:
        """Return chips by their ids."""
        return tuple(self.names[name] for name in names)


def _shown(given: AmountIn, unit: str) -> str:
    if given.value is not None:
        return f"{given.value:g} {unit}".rstrip()
    steps = given.at or {}
    first, last = next(iter(steps.values())), list(steps.values())[-1]
    return f"{first:g} to {last:g} {unit}".rstrip()


def converted(whole: ScenarioIn, folder: str) -> world.Scenario:
    """Return the scenario; every name in it has been checked before."""
    references = {
        id_: Reference(id_, s.title, s.known, s.url, s.note) for id_, s in whole.sources.items()
    }
    money = _Reader(references, {}, {}, whole.as_of)
    per_usd: dict[str, float] = {
        name: money.amount(rate, "currency", name).value for name, rate in whole.currency.items()
    }
    read = _Reader(references, per_usd, _ids(whole, folder), whole.as_of, money.ledger)
    horizon = whole.horizon
    return world.Scenario(
        name=whole.name,
        title=whole.title,
        about=whole.about.strip(),
        as_of=whole.as_of,
        references=references,
        periods=world.periods_of(horizon.start, horizon.step, horizon.periods),
        step=horizon.step,
        buyer=_buyer(whole.buyer, read),
        workloads=tuple(_workload(w, read, "workloads", i) for i, w in enumerate(whole.workloads)),
        fleet=tuple(_holding(h, read, "fleet", i) for i, h in enumerate(whole.fleet)),
        options=tuple(_option(o, read, "options", i) for i, o in enumerate(whole.options)),
        ready_stacks=tuple(whole.software.ready),
        ports=tuple(_ports(whole.software.ports, read)),
        branches=tuple(_branch(b, read, "branches", i) for i, b in enumerate(whole.branches)),
        happened=tuple(
            _change(c, read, c.day or whole.as_of, "happened", i)
            for i, c in enumerate(whole.happened)
        ),
        ledger=tuple(read.ledger),
        folder=folder,
        chip_files=tuple(whole.chip_files),
    )


def _ids(whole: ScenarioIn, folder: str) -> dict[str, str]:
    catalog = catalog_with(whole.as_of, folder, tuple(whole.chip_files))
    own = {option.chip for option in whole.options if option.roadmap is not None}
    names = {option.chip for option in whole.options} | {held.chip for held in whole.fleet}
    for work in whole.workloads:
        names |= set(work.only or ()) | set(work.never)
    for change in [c for b in whole.branches for c in b.changes] + list(whole.happened):
        names |= set(getattr(change, "chips", ()))
    names |= {option.roadmap.like for option in whole.options if option.roadmap is not None}
    return {name: name if name in own else catalog.find(name).id for name in names}


def _buyer(given: Any, read: _Reader) -> world.Buyer:
    kept = (
        "budget", "power", "floor_space", "area_per_chip", "domestic_share", "discount_rate",
        "electricity", "pue", "upkeep",
    )  # fmt: skip
    amounts = {name: read.maybe(getattr(given, name), "buyer", name) for name in kept}
    cost = read.maybe(given.engineer_cost, "buyer", "engineer_cost")
    return world.Buyer(
        country=given.country,
        headquarters=given.headquarters,
        kind=given.kind,
        engineer_cost=cost,
        **amounts,
    )


def _workload(given: Any, read: _Reader, *path: str | int) -> world.Training | world.Serving:
    common: dict[str, Any] = {
        "name": given.name,
        "model": find_model(given.model, read.as_of).id,
        "unmet": world.Unmet(
            read.amount(given.unmet.price, *path, "unmet", "price"),
            read.maybe(given.unmet.limit, *path, "unmet", "limit"),
        ),
        "only": None if given.only is None else read.chips(given.only),
        "never": read.chips(given.never),
        "why": given.why,
        "utilisation": read.maybe(given.utilisation, *path, "utilisation"),
    }
    if given.kind == "train":
        numbers = ("tokens", "sequence", "global_batch", "chips")
        common |= {n: read.amount(getattr(given, n), *path, n) for n in numbers}
        return world.Training(start=given.start, deadline=given.deadline, **common)
    for name in ("demand", "input", "output"):
        common[name] = read.amount(getattr(given, name), *path, name)
    for name in ("growth", "ttft", "tpot"):
        common[name] = read.maybe(getattr(given, name), *path, name)
    return world.Serving(weights=given.weights, **common)


def _holding(given: Any, read: _Reader, *path: str | int) -> world.Holding:
    count = read.amount(given.count, *path, "count")
    life = read.maybe(given.life, *path, "life")
    return world.Holding(read.names[given.chip], count, given.bought, life)


def _option(given: Any, read: _Reader, *path: str | int) -> world.Option:
    return world.Option(
        chip=read.names[given.chip],
        stack=given.stack,
        buy=None if given.buy is None else _purchase(given.buy, read, *path, "buy"),
        rent=None if given.rent is None else _rental(given.rent, read, *path, "rent"),
        roadmap=None if given.roadmap is None else _roadmap(given.roadmap, read, *path, "roadmap"),
        worth=read.maybe(given.worth, *path, "worth"),
        licence=read.maybe(given.licence, *path, "licence"),
        power=read.maybe(given.power, *path, "power"),
        adder=read.maybe(given.adder, *path, "adder"),
    )


def _purchase(given: Any, read: _Reader, *path: str | int) -> world.Purchase:
    return world.Purchase(
        price=read.maybe(given.price, *path, "price"),
        lead_time=read.amount(given.lead_time, *path, "lead_time"),
        cap=read.maybe(given.cap, *path, "cap"),
        delivered=read.maybe(given.delivered, *path, "delivered"),
        first=given.first,
        last=given.last,
        deposit=read.maybe(given.deposit, *path, "deposit"),
        stockpile=read.maybe(given.stockpile, *path, "stockpile"),
        resale=read.maybe(given.resale, *path, "resale"),
        residual=read.maybe(given.residual, *path, "residual"),
        block=read.maybe(given.block, *path, "block"),
    )


def _rental(given: Any, read: _Reader, *path: str | int) -> world.Rental:
    return world.Rental(
        price=read.maybe(given.price, *path, "price"),
        cap=read.maybe(given.cap, *path, "cap"),
        first=given.first,
        reserve_discount=read.maybe(given.reserve_discount, *path, "reserve_discount"),
    )


def _roadmap(given: Any, read: _Reader, *path: str | int) -> world.Roadmap:
    return world.Roadmap(
        like=read.names[given.like],
        speed=read.amount(given.speed, *path, "speed"),
        discount=read.amount(given.discount, *path, "discount"),
    )


def _ports(given: list[Any], read: _Reader) -> Iterator[world.Port]:
    for index, port in enumerate(given):
        path: Path = ("software", "ports", index)
        effort = read.amount(port.effort, *path, "effort")
        time = read.amount(port.time, *path, "time")
        slow = read.maybe(port.slow_start, *path, "slow_start")
        for name in port.workloads:
            yield world.Port(port.stack, name, effort, time, slow)


def _branch(given: Any, read: _Reader, *path: str | int) -> world.Branch:
    return world.Branch(
        name=given.name,
        after=given.after,
        on=given.day,
        probability=read.amount(given.probability, *path, "probability"),
        changes=tuple(
            _change(c, read, given.day, *path, "changes", i) for i, c in enumerate(given.changes)
        ),
        about=given.about.strip(),
    )


_AMOUNTS = {"delivery": "delivered", "mandate": "domestic_share", "licence": "licensed"}
_DETAILS = {"rules": "reform", "price": "of", "ban": "by"}


def _change(given: Any, read: _Reader, on: date, *path: str | int) -> world.Change:
    name = _AMOUNTS.get(given.kind, "factor")
    number = getattr(given, name, None)
    chips = read.chips(getattr(given, "chips", ()))
    detail = getattr(given, _DETAILS[given.kind]) if given.kind in _DETAILS else ""
    return world.Change(
        kind=given.kind,
        on=given.day or on,
        until=given.until,
        names=chips or tuple(getattr(given, "workloads", ())),
        amount=read.maybe(number, *path, name),
        detail=detail or "",
        source=given.source or "",
    )
