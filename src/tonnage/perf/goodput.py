"""Share of time that a long run makes progress, and the days it takes.

Failures stop the run; work since the last checkpoint is lost; restarting takes time; writing
checkpoints takes time too. The interval that loses least is Young's: sqrt(2·delta·MTBF)
(CACM 17(9), 1974), refined by Daly (FGCS 22(3), 2006).
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from importlib.resources import files as package_files
from math import sqrt
from typing import Any

from tonnage.files import parse_yaml
from tonnage.provenance import Spread
from tonnage.units import SECONDS_PER_DAY, SECONDS_PER_HOUR
from tonnage.workload import TrainingJob, count_parameters


@dataclass(frozen=True, slots=True)
class Goodput:
    """What failures cost a run of many chips."""

    share: Spread
    """Time that makes progress over time spent, in (0, 1]."""
    mean_time_between_failures_s: float
    checkpoint_interval_s: float
    checkpoint_s: float
    restart_s: float
    sources: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class RunTotal:
    """A whole run: days and chip-hours for the job's tokens, failures included."""

    tokens: float
    days: Spread
    chip_hours: Spread
    goodput: Goodput


def checkpoint_interval(checkpoint_s: float, mtbf_s: float) -> float:
    """sqrt(2·d·M)·(1 + sqrt(d/(2M))/3 + d/(18M)) - d: Daly's higher-order optimum, d < 2M; else M.

    Examples
    --------
    >>> round(checkpoint_interval(60.0, 10_800.0))
    1099
    """
    ratio = checkpoint_s / (2.0 * mtbf_s)
    if ratio >= 1.0:
        return mtbf_s
    return (
        sqrt(2.0 * checkpoint_s * mtbf_s) * (1.0 + sqrt(ratio) / 3.0 + ratio / 9.0) - checkpoint_s
    )


def goodput_of(job: TrainingJob, chips: int) -> Goodput:
    """1 / (1 + d/t + (t/2 + d + R)/M): share of useful time at the best checkpoint interval t.

    The spread comes from the published failure rates: their extremes are its ends. MTBF of the
    run is device-hours per failure over `chips`.
    """
    data = _reliability()
    hours = sorted(float(o["hours_per_failure"]) for o in data["observations"])
    middle = hours[len(hours) // 2]
    size = count_parameters(job.model).total * float(
        data["checkpoint_bytes_per_parameter"]["value"]
    )
    speed = float(data["checkpoint_bytes_per_s_per_chip"]["value"]) * chips
    write = size / speed + float(data["checkpoint_fixed_s"]["value"])
    restart = float(data["restart_s"]["value"])
    low, mid, high = (_share(write, restart, h, chips) for h in (hours[0], middle, hours[-1]))
    mtbf = middle * SECONDS_PER_HOUR / chips
    return Goodput(
        share=Spread(low, mid, high),
        mean_time_between_failures_s=mtbf,
        checkpoint_interval_s=checkpoint_interval(write, mtbf),
        checkpoint_s=write,
        restart_s=restart,
        sources=tuple(str(o["source"]) for o in data["observations"]),
    )


def run_total(job: TrainingJob, chips: int, iteration_time_s: Spread, tokens: float) -> RunTotal:
    """Tokens / (tokens per step) · step time / goodput: days and chip-hours of a whole run."""
    goodput = goodput_of(job, chips)
    steps = tokens / job.tokens_per_step
    seconds = Spread(
        steps * iteration_time_s.p10 / goodput.share.p90,
        steps * iteration_time_s.p50 / goodput.share.p50,
        steps * iteration_time_s.p90 / goodput.share.p10,
    )
    days = seconds / SECONDS_PER_DAY
    return RunTotal(tokens, days, seconds * (chips / SECONDS_PER_HOUR), goodput)


def _share(write: float, restart: float, hours_per_failure: float, chips: int) -> float:
    mtbf = hours_per_failure * SECONDS_PER_HOUR / chips
    interval = checkpoint_interval(write, mtbf)
    lost = write / interval + (interval / 2.0 + write + restart) / mtbf
    return 1.0 / (1.0 + lost)


@lru_cache(maxsize=1)
def _reliability() -> dict[str, Any]:
    path = package_files("tonnage.data") / "reliability" / "failures.yaml"
    data: dict[str, Any] = parse_yaml(path.read_text(encoding="utf-8"), "failures.yaml").data
    return data
