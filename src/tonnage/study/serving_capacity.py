"""Capacity of serving: the fewest chips for a demand, and the front of throughput against speed."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import Any

from tonnage.catalog import Chip
from tonnage.dates import given_day
from tonnage.errors import InputError
from tonnage.perf import (
    Engine,
    ServingEstimate,
    Sizing,
    fewest_chips,
    pareto_front,
    predict_serving,
)
from tonnage.study.serving import notes_on
from tonnage.study.serving_load import load_of
from tonnage.study.serving_question import question
from tonnage.units import KILO
from tonnage.workload import Model, ServingJob


@dataclass(frozen=True, slots=True)
class ServingSize:
    """The answer to `predict serve --request-rate R` without a number of chips."""

    model: Model
    chip: Chip
    job: ServingJob
    engine: Engine
    sizing: Sizing
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class ServingFront:
    """The answer to `predict serve --pareto`: from the fastest user to the most tokens."""

    model: Model
    chip: Chip
    chips: int
    job: ServingJob
    engine: Engine
    points: tuple[ServingEstimate, ...]
    notes: tuple[str, ...] = ()
    reason: str = ""
    """Why there is no point; empty where there is one."""

    def to_frame(self) -> dict[str, list[Any]]:
        """Return the points as columns, as `pandas.DataFrame` takes them."""
        rows = [point_of(found) for found in self.points]
        names = [name for name in rows[0] if name != "layout"] if rows else []
        columns: dict[str, list[Any]] = {name: [row[name] for row in rows] for name in names}
        columns["layout"] = [str(found.layout) for found in self.points]
        return columns


def point_of(found: ServingEstimate) -> dict[str, Any]:
    """Return one point of a front: middle values, and the ends of their 80 % intervals."""
    tpot = found.tpot_ms
    user = [KILO / at if at > 0 else None for at in (tpot.p50, tpot.p90, tpot.p10)]
    told: dict[str, Any] = dict(zip(_ends("tokens_per_s_per_user"), user, strict=True))
    spreads = {
        "tokens_per_s_output_per_chip": found.tokens_per_s_output_per_chip,
        "requests_per_s": found.requests_per_s,
        "ttft_ms": found.ttft_ms,
        "tpot_ms": tpot,
    }
    for name, spread in spreads.items():
        told |= zip(_ends(name), (spread.p50, spread.p10, spread.p90), strict=True)
    return told | {
        "concurrency": found.concurrency,
        "chips_used": found.chips_used,
        "layout": found.layout.to_dict(),
    }


def _ends(name: str) -> tuple[str, str, str]:
    return name, f"{name}_p10", f"{name}_p90"


def size_serving(
    model: str | Model,
    chip: str | Chip,
    *,
    request_rate: float,
    framework: str | None = None,
    as_of: date | str | None = None,
    **load: Any,
) -> ServingSize:
    """Return the fewest chips that serve `request_rate` requests a second within the limits.

    `load` is what `predict_serving` takes beside: input, output, ttft_ms, tpot_ms, weights, kv …

    Raises
    ------
    InputError
        With every name and number that cannot be used.
    Infeasible
        If no size of a deployment fits or keeps the limits.
    """
    asked = question(
        model, (chip,), {}, load_of(load, request_rate=request_rate),
        framework=framework, as_of=given_day(as_of),
    )  # fmt: skip
    device, engine = asked.devices[0], asked.engines[0]
    found = fewest_chips(device, asked.job, engine)
    notes = (*asked.notes, *notes_on(found.estimate, engine))
    return ServingSize(asked.model, device, asked.job, engine, found, notes)


def serving_front(
    model: str | Model,
    chip: str | Chip,
    chips: int,
    *,
    framework: str | None = None,
    as_of: date | str | None = None,
    **load: Any,
) -> ServingFront:
    """Return what no other layout and load beats in tokens/s/chip and in tokens/s/user.

    `load` is what `predict_serving` takes beside, without concurrency and rate.

    Raises
    ------
    InputError
        With every name and number that cannot be used.
    """
    for name in ("concurrency", "request_rate"):
        if load.get(name) is not None:
            raise InputError.of(name, load[name], "leave it out: the front is over all loads")
    asked = question(
        model, (chip,), {"chips": chips}, load_of(load),
        framework=framework, as_of=given_day(as_of),
    )  # fmt: skip
    device, engine = asked.devices[0], asked.engines[0]
    points = tuple(pareto_front(device, asked.job, chips, engine))
    reason = "" if points else _hindrance(device, asked.job, chips, engine)
    return ServingFront(asked.model, device, chips, asked.job, engine, points, asked.notes, reason)


def _hindrance(device: Chip, job: ServingJob, chips: int, engine: Engine) -> str:
    """Say why no layout and load is left: memory, or how far the nearest is beyond a limit."""
    nearest = predict_serving(device, job, None, engine, chips)
    if not nearest.runs:
        return nearest.reason
    told = f"; nearest: {nearest.reason}" if nearest.reason else ""
    return f"no layout and load keeps the limits{told}"
