"""How the answer to `cost` looks: JSON, tables, and the explanation in words."""

from __future__ import annotations

from math import ceil
from typing import TYPE_CHECKING, Any

from tonnage.cost import BreakEven, Item, Offer, resale_of
from tonnage.provenance import Spread
from tonnage.report.page import counted, strong
from tonnage.study.ownership import TotalCost, WorkCost
from tonnage.units import KILO

if TYPE_CHECKING:
    from rich.table import Table

_GROUPS = {
    "capital": "paid once, USD",
    "monthly": "running, USD a month",
    "charge": "capital charge, USD a month",
}


def to_json(answer: TotalCost) -> dict[str, Any]:
    """Return the document of `cost --json`; amounts are for all chips unless the name says so."""
    owned, rented = answer.owned, answer.rented
    return {
        "chip": owned.chip.id,
        "chips": owned.chips,
        "country": owned.terms.country,
        "on": owned.on,
        "as_of": answer.as_of,
        "years": owned.terms.years,
        "utilisation": owned.terms.utilisation,
        "currency": "USD",
        "capex": owned.capex.to_dict(),
        "opex_per_month": owned.opex_per_month.to_dict(),
        "cost_per_month": owned.cost_per_month.to_dict(),
        "usd_per_chip_hour": owned.usd_per_chip_hour.to_dict(),
        "usd_per_million_tokens": answer.work.usd_per_million_tokens.to_dict()
        if answer.work
        else None,
        "workload": _work(answer.work) if answer.work else None,
        "break_even_months": answer.break_even.to_dict() if answer.break_even else None,
        "break_even": [_way(way) for way in answer.ways],
        "break_even_by_utilisation": [_way(way) for way in answer.by_utilisation],
        "utilisation_to_own": answer.utilisation_to_own,
        "residual": (owned.per_chip["residual"] * owned.chips).to_dict(),
        "resale_by_year": [
            {"years": year, "usd": (resale_of(owned, year) * owned.chips).to_dict()}
            for year in range(1, ceil(owned.terms.years) + 1)
        ],
        "rent": None
        if rented is None
        else {
            "on_demand_per_chip_hour": rented.on_demand.value.to_dict(),
            "reserved_12_per_chip_hour": rented.reserved(12).to_dict(),
            "reserved_36_per_chip_hour": rented.reserved(36).to_dict(),
            "change_per_year": rented.trend.value.to_dict(),
            "estimated": rented.estimated,
            "source": rented.on_demand.source,
            "note": rented.on_demand.note,
        },
        "offers": [_offer(offer) for offer in answer.offers],
        "power_kw": (owned.power_w / KILO).to_dict(),
        "nodes": owned.floor.nodes,
        "racks": owned.floor.racks,
        "area_m2": owned.floor.area_m2.to_dict(),
        "estimated": list(owned.estimated),
        "lawful": answer.permission.lawful,
        "law": answer.permission.to_dict(),
        "items": [_item(item) for item in owned.items()],
    }


def _item(item: Item) -> dict[str, Any]:
    return {
        "name": item.name,
        "group": item.group,
        "value": item.value.to_dict(),
        "unit": item.unit,
        "source": item.source,
        "note": item.note,
    }


def _way(way: BreakEven) -> dict[str, Any]:
    return {"against": way.against, "utilisation": way.utilisation, "months": way.to_dict()}


def _offer(offer: Offer) -> dict[str, Any]:
    return {
        "provider": offer.provider,
        "chip": offer.chip.id,
        "usd_per_chip_hour": offer.per_hour.to_dict() if offer.per_hour else None,
        "hours_for_one": offer.hours_for_one,
        "usd_per_equal_work": offer.per_equal_work.to_dict() if offer.per_equal_work else None,
        "source": offer.source,
        "note": offer.note,
    }


def _work(work: WorkCost) -> dict[str, Any]:
    return {
        "kind": work.load.kind,
        "model": work.load.model.id,
        "tokens_per_s_per_chip": work.per_chip.to_dict(),
        "layout": work.speed.layout,
        "bottleneck": work.speed.bottleneck,
        "run_usd": work.run_usd.to_dict() if work.run_usd else None,
        "run_days": work.run_days.to_dict() if work.run_days else None,
    }


def table(answer: TotalCost) -> Table:
    """Return the bill: item, middle and 80 % interval for all chips, source."""
    from rich.table import Table

    owned = answer.owned
    title = f"{owned.chips:,} x {owned.chip.name}, {owned.terms.country}, prices of {owned.on}"
    bill = Table("item", "USD", "80 % interval", "source", title=title)
    bill.columns[1].justify = bill.columns[2].justify = "right"
    sums = {
        "capital": ("outlay", owned.capex),
        "monthly": ("running cost", owned.opex_per_month),
        "charge": ("full cost a month", owned.cost_per_month),
    }
    items = owned.items()
    for group, heading in _GROUPS.items():
        bill.add_row(strong(heading), "", "", "")
        for item in items:
            if item.group == group and item.value.p90 != 0:
                source = item.source.split(" <")[0]
                bill.add_row(f"  {item.name}", _money(item.value.p50), _between(item.value), source)
        name, value = sums[group]
        bill.add_row(strong(f"  {name}"), _money(value.p50), _between(value), "", end_section=True)
    return bill


def inputs_table(answer: TotalCost) -> Table:
    """Return the inputs behind the bill, each with its source and note."""
    from rich.table import Table

    found = Table("input", "value", "unit", "source and note", title="What it rests on")
    found.columns[1].justify = "right"
    for item in answer.owned.items():
        if item.group == "input":
            note = f"{item.source}; {item.note}" if item.note else item.source
            found.add_row(item.name, _spread(item.value), item.unit, note)
    return found


def text(answer: TotalCost) -> str:
    """Return the answer in words."""
    owned = answer.owned
    hour = owned.usd_per_chip_hour
    use = owned.terms.utilisation
    lead = (
        f"One chip-hour in use costs {_usd(hour.p50)} ({_usd(hour.p10)} to {_usd(hour.p90)}), "
        f"kept {owned.terms.years:g} years and in use {use:.0%} of the time; "
        f"{owned.power_w.p50 / 1e6:.2f} MW rated, {counted(owned.floor.nodes, 'server')} in "
        f"{counted(owned.floor.racks, 'rack')}."
    )
    if owned.exchange is not None:
        rate, money = owned.exchange.value.p50, owned.exchange.unit.partition("/")[0]
        lead += f" The outlay is {owned.capex.p50 * rate / 1e6:,.1f} M {money}."
    lines = [lead, *_rent_lines(answer), *_offer_lines(answer), *_work_lines(answer)]
    if owned.estimated:
        names = ", ".join(owned.estimated)
        lines.append(
            f"Not published, so estimated from sibling chips with wide intervals: {names}."
        )
    lines.append(
        f"Law on {owned.on}, to {owned.terms.country}: {answer.permission.says}; "
        "`tonnage classify` has the whole of it."
    )
    lines.append(
        "Value-added tax, software licences and building land are left out. "
        "Items marked assumption are ours; --json carries every source."
    )
    return "\n".join(lines)


def _rent_lines(answer: TotalCost) -> list[str]:
    rented, way = answer.rented, answer.break_even
    if rented is None or way is None:
        return ["No rent of this chip is published and none of a sibling; --rent gives one."]
    hourly = rented.on_demand.value
    lead = "Its rent is estimated at" if rented.estimated else "It rents for"
    lead += (
        f" {_usd(hourly.p50)} an hour on demand "
        f"({_usd(hourly.p10)} to {_usd(hourly.p90)}; {rented.on_demand.note}), "
        f"{_usd(rented.reserved(12).p50)} in a one-year contract."
    )
    lines = [lead]
    use = f"At {way.utilisation:.0%} of the hours"
    if way.pays:
        late = "never" if way.to_dict()["p90"] is None else f"{way.p90:.0f}"
        lines.append(
            f"{use}, buying has cost less than renting on demand after {way.p50:.0f} months "
            f"({way.p10:.0f} to {late}), not counting what the chips then still fetch."
        )
    else:
        lines.append(f"{use}, buying does not pay against renting on demand within ten years.")
    if answer.utilisation_to_own is not None:
        lines.append(
            f"Over {answer.owned.terms.years:g} years and sold after, owning is the cheaper above "
            f"{answer.utilisation_to_own:.0%} of the hours, renting below; rents are taken to move "
            f"by {rented.trend.value.p50:.0%} a year."
        )
    else:
        lines.append("Over the whole term, renting is the cheaper at any use.")
    return lines


def _offer_lines(answer: TotalCost) -> list[str]:
    lines = []
    for offer in answer.offers:
        who = f"{offer.provider} ({offer.chip.name})"
        if offer.per_hour is None:
            lines.append(f"Renting from {who}: {offer.note}.")
        elif offer.per_equal_work is None:
            hour = _usd(offer.per_hour.p50)
            lines.append(f"Renting from {who}: {hour} an hour; what it does is not known.")
        else:
            equal = offer.per_equal_work
            lines.append(
                f"Renting from {who}: {_usd(offer.per_hour.p50)} an hour, "
                f"{_usd(equal.p50)} ({_usd(equal.p10)} to {_usd(equal.p90)}) for the work of one "
                f"hour of this chip by its rates ({offer.note})."
            )
    return lines


def _work_lines(answer: TotalCost) -> list[str]:
    work = answer.work
    if work is None:
        return []
    cost = work.usd_per_million_tokens
    what = "trained on" if work.load.kind == "train" else "of output"
    lead = (
        f"{work.load.model.name}: {_usd(cost.p50)} ({_usd(cost.p10)} to {_usd(cost.p90)}) for a "
        f"million tokens {what}, at {work.per_chip.p50:,.0f} tokens a second and chip "
        f"({work.speed.layout})."
    )
    lines = [lead]
    if work.run_usd is not None and work.run_days is not None:
        lines.append(
            f"The whole run: {work.run_usd.p50 / 1e6:,.2f} M USD "
            f"({work.run_usd.p10 / 1e6:,.2f} to {work.run_usd.p90 / 1e6:,.2f}), "
            f"{work.run_days.p50:,.0f} days without interruptions."
        )
    return lines


def _usd(value: float) -> str:
    return f"{value:,.0f} USD" if value >= 100 else f"{value:.2f} USD"


def _money(value: float) -> str:
    return f"{value:,.0f}"


def _between(value: Spread) -> str:
    return f"{value.p10:,.0f} to {value.p90:,.0f}" if value.p10 != value.p90 else "given"


def _spread(value: Spread) -> str:
    if value.p10 == value.p90:
        return f"{value.p50:,.4g}"
    return f"{value.p50:,.4g} ({value.p10:,.4g} to {value.p90:,.4g})"
