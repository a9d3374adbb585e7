"""How the answer to `match` looks: JSON, a table, and one page of words."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tonnage.cost import Ownership
from tonnage.provenance import Spread
from tonnage.study.match import Match, MatchRow
from tonnage.study.match_load import TRAIN
from tonnage.units import KILO

if TYPE_CHECKING:
    from rich.table import Table


def to_json(answer: Match) -> dict[str, Any]:
    """Return the document of `match --json`."""
    return {
        "from": {
            "chip": answer.chip.id,
            "name": answer.chip.name,
            "count": answer.chips,
            "tokens_per_s_per_chip": answer.speed.per_chip.to_dict(),
            "layout": answer.speed.layout,
            "bottleneck": answer.speed.bottleneck,
            "lawful": answer.permission.lawful,
            "law": answer.permission.to_dict(),
            **_cluster(answer.owned),
        },
        "workload": {"kind": answer.load.kind, "model": answer.load.model.id},
        "country": answer.country,
        "headquarters": answer.headquarters,
        "on": answer.on,
        "as_of": answer.as_of,
        "rows": [_row(row) for row in answer.rows],
        "notes": list(answer.notes),
    }


def _row(row: MatchRow) -> dict[str, Any]:
    against, need = row.against, row.need
    return {
        "chip": row.chip.id,
        "name": row.chip.name,
        "count": need.to_dict() if need else None,
        "chips_per_chip": need.per_chip.to_dict() if need else None,
        "cost_ratio": against.cost.to_dict() if against else None,
        "capex_ratio": against.capex.to_dict() if against else None,
        "power_ratio": against.power.to_dict() if against else None,
        "throughput_kept_at_same_count": row.kept.to_dict() if row.kept else None,
        "why": row.why,
        "lawful": row.permission.lawful,
        "law": row.permission.to_dict(),
        "layout": row.speed.layout if row.speed else None,
        "layout_chips": row.speed.chips if row.speed else None,
        "tokens_per_s_per_chip": row.speed.per_chip.to_dict() if row.speed else None,
        "bottleneck": row.speed.bottleneck if row.speed else None,
        "notes": list(row.notes),
        **_cluster(row.owned),
    }


def _cluster(owned: Ownership | None) -> dict[str, Any]:
    if owned is None:
        names = ("nodes", "racks", "area_m2", "power_kw", "capex", "cost_per_month", "network")
        return dict.fromkeys(names)
    return {
        "nodes": owned.floor.nodes,
        "racks": owned.floor.racks,
        "area_m2": owned.floor.area_m2.to_dict(),
        "power_kw": (owned.power_w / KILO).to_dict(),
        "capex": owned.capex.to_dict(),
        "cost_per_month": owned.cost_per_month.to_dict(),
        "network": (owned.per_chip["network"] * owned.chips).to_dict(),
    }


def table(answer: Match) -> Table:
    """Return one row a chip: how many, what it takes up, what it costs, what the law says."""
    from rich.table import Table

    work = "to train" if answer.load.kind == TRAIN else "to serve"
    title = (
        f"{answer.chips:,} x {answer.chip.name} {work} {answer.load.model.name}: as much is done by"
    )
    found = Table(
        "chip", "chips", "80 % interval", "servers", "racks", "cost", "power", "same count keeps",
        "law", title=title,
    )  # fmt: skip
    for column in found.columns[1:8]:
        column.justify = "right"
    for row in answer.rows:
        found.add_row(*_cells(row))
    return found


def _cells(row: MatchRow) -> tuple[str, ...]:
    need, against, owned = row.need, row.against, row.owned
    return (
        row.chip.name,
        f"{need.p50:,}" if need else "none",
        f"{need.p10:,} to {need.p90:,}" if need else "",
        f"{owned.floor.nodes:,}" if owned else "?",
        f"{owned.floor.racks:,}" if owned else "?",
        _times(against.cost) if against else "?",
        _times(against.power) if against else "?",
        f"{row.kept.p50:.0%}" if row.kept else "nothing",
        row.permission.says,
    )


def text(answer: Match) -> str:
    """Return the answer in words, one paragraph a chip."""
    per = "tokens" if answer.load.kind == TRAIN else "output tokens"
    rate = answer.speed.per_chip
    lead = (
        f"The reference does {rate.p50 * answer.chips:,.0f} {per} a second "
        f"({rate.p50:,.0f} a chip, {rate.p10:,.0f} to {rate.p90:,.0f}) as {answer.speed.layout}."
    )
    lines = [lead, *(_paragraph(row, answer) for row in answer.rows), *answer.notes]
    lines.append(
        "Cost is the full cost a month (running, depreciation, cost of money) in "
        f"{answer.country} at prices of {answer.on}; power is rated, at the servers' inlets. "
        "Errors that both sides of a comparison share cancel; docs/match.md says how."
    )
    return "\n".join(lines)


def _paragraph(row: MatchRow, answer: Match) -> str:
    if row.need is None:
        return f"{row.chip.name}: cannot do it. {row.why}"
    words = [f"{row.chip.name}: {row.why}"]
    if row.kept is not None and row.chip.id != answer.chip.id:
        kept = row.kept
        words.append(
            f"{answer.chips:,} of them keep {kept.p50:.0%} ({kept.p10:.0%} to {kept.p90:.0%}) "
            "of the throughput."
        )
    elif row.kept is None:
        words.append(f"{answer.chips:,} of them do not run it at all.")
    if row.speed is not None and row.speed.group > 64 and row.speed.chips != row.need.p50:
        words.append(
            f"The nearest size searched in full is {row.speed.chips:,} chips ({row.speed.layout})."
        )
    if row.owned is not None:
        area, power = row.owned.floor.area_m2.p50, row.owned.power_w.p50 / 1e6
        capex = row.owned.capex.p50 / 1e6
        words.append(f"{power:.2f} MW, {area:,.0f} m2, {capex:,.1f} M USD to buy.")
    words += [f"{note[0].upper()}{note[1:]}." for note in row.notes]
    return " ".join(words)


def _times(ratio: Spread) -> str:
    if ratio.p10 == ratio.p90:
        return f"{ratio.p50:.2f}x"
    return f"{ratio.p50:.2f}x ({ratio.p10:.2f} to {ratio.p90:.2f})"
