"""How the answer to `match` looks: JSON, a table, and one page of words."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tonnage.cost import Ownership, quotient
from tonnage.provenance import Spread
from tonnage.report.page import counted
from tonnage.study.match import Match, MatchRow
from tonnage.study.match_load import TRAIN
from tonnage.units import KILO, MEGA

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
            "run_days": answer.run_days.to_dict() if answer.run_days else None,
            "lawful": answer.permission.lawful,
            "law": answer.permission.to_dict(),
            **_cluster(answer.owned),
        },
        "workload": {"kind": answer.load.kind, "model": answer.load.model.id},
        "country": answer.country,
        "headquarters": answer.headquarters,
        "on": answer.on,
        "as_of": answer.as_of,
        "rows": [_row(row, answer) for row in answer.rows],
        "notes": list(answer.notes),
    }


def _row(row: MatchRow, answer: Match) -> dict[str, Any]:
    against, need, days = row.against, row.need, _days(row, answer)
    return {
        "chip": row.chip.id,
        "name": row.chip.name,
        "count": need.to_dict() if need else None,
        "chips_per_chip": need.per_chip.to_dict() if need else None,
        "cost_ratio": against.cost.to_dict() if against else None,
        "capex_ratio": against.capex.to_dict() if against else None,
        "power_ratio": against.power.to_dict() if against else None,
        "throughput_kept_at_same_count": row.kept.to_dict() if row.kept else None,
        "run_days_at_same_count": days.to_dict() if days else None,
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


def _days(row: MatchRow, answer: Match) -> Spread | None:
    """Return the days of the run on as many of these chips as there are of the reference."""
    if answer.run_days is None or row.kept is None:
        return None
    # The reference's own doubt is taken at its middle: what is asked is how much longer.
    return quotient(Spread.exactly(answer.run_days.p50), row.kept)


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
    """Return one row a chip: how many, cost and power against the reference, what the law says."""
    from rich.table import Table

    work = "to train" if answer.load.kind == TRAIN else "to serve"
    title = (
        f"{answer.chips:,} x {answer.chip.name} {work} {answer.load.model.name}: as much is done by"
    )
    found = Table("chip", "chips", "cost", "power", "as many keep", "law", title=title)
    for column in found.columns[1:5]:
        column.justify = "right"
    for row in answer.rows:
        found.add_row(*_cells(row), end_section=True)
    return found


def _cells(row: MatchRow) -> tuple[str, ...]:
    need, against = row.need, row.against
    return (
        row.chip.name,
        f"{need.p50:,}\n{need.p10:,}–{need.p90:,}" if need else "none",
        _times(against.cost) if against else "not known",
        _times(against.power) if against else "not known",
        f"{row.kept.p50:.0%}" if row.kept else "nothing",
        _LAW[row.permission.lawful] if not row.permission.verdict.domestic else "no export",
    )


_LAW = {True: "no licence needed", False: "licence needed", None: "open"}


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
    law = f"Law on {answer.on}: {row.permission.says}."
    if row.need is None:
        return f"{row.chip.name}: cannot do it. {row.why}. {law}"
    words = [f"{row.chip.name}: {row.why}"]
    if row.kept is not None and row.chip.id != answer.chip.id:
        kept = row.kept
        words.append(
            f"{answer.chips:,} of them keep {kept.p50:.0%} ({kept.p10:.0%} to {kept.p90:.0%}) "
            "of the throughput."
        )
        days = _days(row, answer)
        if days is not None and answer.run_days is not None:
            words.append(
                f"The run takes {days.p50:,.0f} days on them, {answer.run_days.p50:,.0f} on the "
                "reference."
            )
    elif row.kept is None:
        words.append(f"{answer.chips:,} of them do not run it at all.")
    if row.speed is not None and row.speed.group > 64 and row.speed.chips != row.need.p50:
        words.append(
            f"The nearest size searched in full is {row.speed.chips:,} chips ({row.speed.layout})."
        )
    if row.owned is not None:
        floor, capex = row.owned.floor, row.owned.capex.p50 / MEGA
        words.append(
            f"They are {counted(floor.nodes, 'server')} in {counted(floor.racks, 'rack')} "
            f"({floor.area_m2.p50:,.0f} m2), {row.owned.power_w.p50 / MEGA:.2f} MW "
            f"and {capex:,.1f} M USD to buy."
        )
    words.append(law)
    words += [f"{note[0].upper()}{note[1:]}." for note in row.notes]
    return " ".join(words)


def _times(ratio: Spread) -> str:
    if ratio.p10 == ratio.p90:
        return f"{ratio.p50:.2f}x"
    return f"{ratio.p50:.2f}x\n{ratio.p10:.2f}–{ratio.p90:.2f}"
