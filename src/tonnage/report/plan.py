"""A plan as JSON and as files; `tonnage.report.plan_text` is for people."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterable, Sequence
from typing import Any

from tonnage.report.plan_text import show, summary
from tonnage.report.plan_words import numbers_used
from tonnage.study.plan_answer import Action, Future, PlanAnswer, Replay, Served
from tonnage.study.plan_law import Ruling

__all__ = ["files", "show", "summary", "to_json"]


def to_json(answer: PlanAnswer) -> dict[str, Any]:
    """Return the plan as the JSON document of `tonnage plan --json`; money in USD."""
    scenario = answer.world.scenario
    return {
        "scenario": scenario.name,
        "title": scenario.title,
        "as_of": scenario.as_of.isoformat(),
        "status": answer.status,
        "objective": answer.objective,
        "objective_is": _objective(answer),
        "gap": answer.gap,
        "seconds": answer.seconds,
        "periods": list(answer.periods),
        "futures": [_future(future) for future in answer.futures],
        "first_moves": [_action(action) for action in answer.first_moves],
        "binding": [
            {
                "constraint": b.constraint,
                "period": b.period,
                "shadow_price": b.shadow_price,
                "unit": b.unit,
                "by_period": dict(b.by_period),
                "stake": b.stake,
                "says": b.says,
            }
            for b in answer.binding
        ],
        "alternatives": [
            {
                "cost": a.cost,
                "over": a.over,
                "says": a.says,
                "first_moves": [_action(action) for action in a.first_moves],
            }
            for a in answer.alternatives
        ],
        "law": [_ruling(answer, ruling) for ruling in answer.law],
        "worth": dict(answer.worth),
        "sensitivity": [
            {"assumption": s.assumption, "cost": s.cost, "moved": s.moved, "says": s.says}
            for s in answer.sensitivity
        ],
        "rates": rates_rows(answer),
        "numbers": number_rows(answer),
        "replay": None if answer.replay is None else _replay(answer.replay),
        "notes": list(answer.notes),
    }


def _objective(answer: PlanAnswer) -> str:
    risk = answer.plan.problem.risk
    if risk.objective == "regret":
        return "worst regret over the futures, USD"
    if risk.weight:
        share = f"{risk.weight:g} of the mean of the costliest {1 - risk.level:g}"
        return f"discounted cost, USD: {share}, the rest expected"
    return "expected discounted cost, USD"


def _future(future: Future) -> dict[str, Any]:
    return {
        "name": future.name,
        "probability": future.probability,
        "about": future.about,
        "actions": [_action(action) for action in future.actions],
        "served": _served(future.served),
        "standings": [
            {
                "period": s.period,
                "fleet": dict(s.fleet),
                "stock": dict(s.stock),
                "rented": dict(s.rented),
                "spent_usd": s.spent_usd,
                "power_mw": s.power_mw,
            }
            for s in future.standings
        ],
        "cost": future.cost,
        "regret": future.regret,
    }


def _served(served: Any) -> dict[str, list[dict[str, Any]]]:
    return {name: [_service(row) for row in rows] for name, rows in served.items()}


def _service(row: Served) -> dict[str, Any]:
    return {
        "period": row.period,
        "wanted": row.wanted,
        "done": row.done,
        "share": row.share,
        "by": dict(row.by),
    }


def _action(action: Action) -> dict[str, Any]:
    return {
        "period": action.period,
        "do": action.kind,
        "item": action.item,
        "count": action.count,
        "usd": action.usd,
        "detail": action.detail,
    }


def _ruling(answer: PlanAnswer, ruling: Ruling) -> dict[str, Any]:
    node = answer.world.tree.nodes[ruling.node]
    verdict = ruling.verdict
    return {
        "chip": ruling.chip,
        "period": answer.periods[node.period],
        "branch": node.branch,
        "class": verdict.class_id,
        "licence_required": verdict.licence_required,
        "licence_by_notice": verdict.licence_by_notice,
        "domestic": verdict.domestic,
        "may_order": ruling.licensed,
    }


def _replay(replay: Replay) -> dict[str, Any]:
    return {
        "to": replay.to.isoformat(),
        "cost": replay.cost,
        "hindsight": replay.hindsight,
        "foreseen": replay.foreseen,
        "actions": [_action(action) for action in replay.actions],
        "served": _served(replay.served),
        "says": list(replay.says),
    }


def rates_rows(answer: PlanAnswer) -> list[dict[str, Any]]:
    """Return the speed of every option on every workload, tokens a second and chip."""
    return [
        {
            "chip": rating.chip,
            "workload": rating.workload,
            "tokens_per_s_per_chip": None if rating.speed is None else rating.speed.to_dict(),
            "how": rating.why,
        }
        for rating in answer.world.rates.ratings.values()
    ]


def number_rows(answer: PlanAnswer) -> list[dict[str, Any]]:
    """Return every number that the plan rests on with its reason."""
    rows = [
        {
            "field": amount.field,
            "value": amount.shown,
            "assumed": amount.assumed,
            "reason": amount.reason,
            "known": None if amount.known is None else amount.known.isoformat(),
        }
        for amount in numbers_used(answer)
    ]
    rows += [
        {
            "field": f"{item.chip}: {item.what}",
            "value": f"{item.value:.0f} {item.unit}",
            "assumed": item.source == "assumption",
            "reason": item.source,
            "known": None,
        }
        for item in answer.world.prices.items
    ]
    return rows


def files(answer: PlanAnswer) -> dict[str, str]:
    """Return the files of `--out` by name: the JSON, the text and the tables."""
    document = json.dumps(to_json(answer), ensure_ascii=False, indent=2, allow_nan=False)
    moves = [
        [f.name, f.probability, a.period, a.kind, a.item, a.count, a.usd, a.detail]
        for f in answer.futures
        for a in f.actions
    ]
    served = [
        [f.name, name, row.period, row.wanted, row.done, row.share]
        for f in answer.futures
        for name, rows in f.served.items()
        for row in rows
    ]
    law = [_ruling(answer, ruling) for ruling in answer.law]
    numbers, rates = number_rows(answer), rates_rows(answer)
    return {
        "plan.json": document + "\n",
        "plan.txt": summary(answer),
        "actions.csv": _csv(
            ["future", "probability", "period", "do", "item", "count", "usd", "detail"], moves
        ),
        "served.csv": _csv(["future", "workload", "period", "wanted", "done", "share"], served),
        "law.csv": _csv(list(law[0]) if law else [], [list(row.values()) for row in law]),
        "rates.csv": _csv(
            ["chip", "workload", "p10", "p50", "p90", "how"],
            [
                [r["chip"], r["workload"], *_three(r["tokens_per_s_per_chip"]), r["how"]]
                for r in rates
            ],
        ),
        "numbers.csv": _csv(
            ["field", "value", "assumed", "reason", "known"],
            [list(row.values()) for row in numbers],
        ),
    }


def _three(spread: dict[str, float] | None) -> Sequence[object]:
    return ["", "", ""] if spread is None else [spread["p10"], spread["p50"], spread["p90"]]


def _csv(header: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(header)
    writer.writerows(rows)
    return text.getvalue()
