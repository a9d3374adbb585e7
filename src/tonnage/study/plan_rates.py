"""How fast each option does each workload, in tokens per second and chip, with its interval.

The performance rooms search the best layout: of a training run on the number of chips that the
scenario names, of a serving deployment on one server or two, within the limits on latency.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from functools import lru_cache

import numpy as np
import numpy.typing as npt

from tonnage.catalog import Catalog, Chip
from tonnage.errors import Infeasible, NotEnoughKnown
from tonnage.perf import engine_known, search_serving, search_training
from tonnage.provenance import Spread
from tonnage.scenario import Option, Scenario, Serving, Training
from tonnage.units import KILO
from tonnage.workload import ServingJob, TrainingJob, find_model

SERVING_CHIPS = (8, 16)
"""Sizes of a serving deployment that are tried in turn until the model fits; our assumption."""


@dataclass(frozen=True, slots=True)
class Rating:
    """Speed of one option on one workload, utilisation not yet taken off."""

    chip: str
    workload: str
    speed: Spread | None
    """Tokens a second and chip; `None` where it cannot or may not run."""
    why: str
    """Layout that gives the speed, or why there is none."""


@dataclass(frozen=True, slots=True)
class Rates:
    """Ratings of every option on every workload, in the order of the file."""

    scenario: Scenario
    ratings: Mapping[tuple[str, str], Rating]

    def table(self, quantile: str = "p50") -> npt.NDArray[np.float64]:
        """[chip, load] tokens a second and chip, utilisation taken off; 0: cannot run."""
        chips, works = self.scenario.options, self.scenario.workloads
        rate = np.zeros((len(chips), len(works)))
        for c, option in enumerate(chips):
            for w, work in enumerate(works):
                speed = self.ratings[option.chip, work.name].speed
                share = work.utilisation.value if work.utilisation else 1.0
                rate[c, w] = getattr(speed, quantile) * share if speed else 0.0
        return rate


def rates_of(scenario: Scenario, catalog: Catalog) -> Rates:
    """Return how fast every option does every workload."""
    found = {
        (option.chip, work.name): _rating(scenario, catalog, option, work)
        for option in scenario.options
        for work in scenario.workloads
    }
    return Rates(scenario, found)


def _rating(
    scenario: Scenario, catalog: Catalog, option: Option, work: Training | Serving
) -> Rating:
    if not work.allows(option.chip):
        return Rating(option.chip, work.name, None, work.why or "left out by the scenario")
    portable = any(p.stack == option.stack and p.workload == work.name for p in scenario.ports)
    if option.stack not in scenario.ready_stacks and not portable:
        why = f"not ported to {option.stack}, and the scenario has no port to it"
        return Rating(option.chip, work.name, None, why)
    chip = catalog.find(option.roadmap.like if option.roadmap else option.chip)
    try:
        if isinstance(work, Training):
            speed, how = _trained(chip, _training_job(scenario, work), int(work.chips.value))
        else:
            speed, how = _served(chip, _serving_job(scenario, work), scenario.as_of)
    except (NotEnoughKnown, Infeasible) as reason:
        return Rating(option.chip, work.name, None, str(reason))
    if option.roadmap is not None:
        factor = option.roadmap.factor
        return Rating(option.chip, work.name, speed * factor, f"{factor:.2f} x {chip.name}; {how}")
    return Rating(option.chip, work.name, speed, how)


def _training_job(scenario: Scenario, work: Training) -> TrainingJob:
    return TrainingJob(
        find_model(work.model, scenario.as_of),
        int(work.sequence.value),
        int(work.global_batch.value),
        tokens=work.tokens.value,
    )


def _serving_job(scenario: Scenario, work: Serving) -> ServingJob:
    return ServingJob(
        find_model(work.model, scenario.as_of),
        work.input.value,
        work.output.value,
        ttft_ms=work.ttft.value * KILO if work.ttft else None,
        tpot_ms=work.tpot.value * KILO if work.tpot else None,
        weights=work.weights or "bf16",
    )


@lru_cache(maxsize=512)
def _trained(chip: Chip, job: TrainingJob, chips: int) -> tuple[Spread, str]:
    """Tokens of a step / (its time · chips), of the fastest layout that fits."""
    best = search_training(chip, job, chips, top=1).best
    time, tokens = best.iteration_time_s, job.tokens_per_step / chips
    speed = Spread(tokens / time.p90, tokens / time.p50, tokens / time.p10)
    return speed, f"{chips} chips, {best.layout}"


@lru_cache(maxsize=512)
def _served(chip: Chip, job: ServingJob, as_of: date) -> tuple[Spread, str]:
    """Return output tokens a second and chip of the best layout within the limits on latency."""
    engine = engine_known(None, chip.vendor, as_of)
    why = ""
    for chips in SERVING_CHIPS:
        best = search_serving(chip, job, chips, engine)
        late = _late(job, best.ttft_ms.p50, best.tpot_ms.p50)
        if best.fits and not late:
            return best.tokens_per_s_output_per_chip, f"{chips} chips, {best.layout}"
        why = best.reason or late
    raise Infeasible(f"{chip.name}: {why}")


def _late(job: ServingJob, ttft_ms: float, tpot_ms: float) -> str:
    if job.ttft_ms is not None and ttft_ms > job.ttft_ms * (1 + 1e-9):
        return f"first token after {ttft_ms:.0f} ms at best, {job.ttft_ms:.0f} allowed"
    if job.tpot_ms is not None and tpot_ms > job.tpot_ms * (1 + 1e-9):
        return f"{tpot_ms:.0f} ms a token at best, {job.tpot_ms:.0f} allowed"
    return ""
