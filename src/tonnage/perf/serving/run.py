"""One finite run of a benchmark client, played several times over.

A published run has so many requests, sent at a rate or by so many clients, with lengths that
spread in some way. Its 99th percentile over 200 requests, its burst at the start and its emptying
end are not those of a steady state: so the very run is played, and several draws are averaged.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from math import sqrt
from typing import Any

import numpy as np

from tonnage.errors import Fault, InputError
from tonnage.perf.interval import interval
from tonnage.perf.serving.case import ServingCase
from tonnage.perf.serving.estimate import Percentiles, ServingEstimate, ttft_sigma
from tonnage.perf.serving.percentiles import LEVELS
from tonnage.perf.serving.simulate import Simulation, simulate_serving
from tonnage.perf.serving.traffic import SIMULATED
from tonnage.units import MILLI

DRAWS = 8
"""Draws of arrivals and lengths that are averaged; a p99 over 200 requests then varies by 3 %."""
MOST_PLAYED = 20_000
"""Requests of one replica that are played; a longer run is steady long before."""
EVEN_SPREAD = 1.0 / sqrt(3.0)
"""Deviation over mean of lengths drawn evenly between nothing and twice the mean."""
WIDE_SPREAD = 1.1
"""The same of ShareGPT's conversations: 1.13 for prompts, 1.0 for answers, as the lengths that
dstack printed request by request show (2024)."""
SHORTEST = 4.0
"""Tokens of the shortest prompt and answer that clients keep of such conversations: vLLM's and
SGLang's skip shorter ones."""
_KINDS = ("ttft_s", "tpot_s", "e2e_s")


@dataclass(frozen=True, slots=True)
class Run:
    """How many requests a benchmark client sends, and how their lengths spread about the job's."""

    requests: int
    spread: float = 0.0
    """Deviation of a length over its mean: 0 all equal, `EVEN_SPREAD`, `WIDE_SPREAD`."""

    def __post_init__(self) -> None:
        faults = []
        if self.requests < 1:
            faults.append(Fault("requests", self.requests, "a whole number, 1 or more"))
        if not 0.0 <= self.spread <= 10.0:
            faults.append(Fault("spread", self.spread, "a number from 0 to 10"))
        if faults:
            raise InputError(faults)


def play_run(found: ServingEstimate, case: ServingCase, run: Run) -> ServingEstimate:
    """Return `found` with latencies, percentiles and rates of the played run.

    The job's lengths are means; its concurrency is held until the last request is sent, its rate
    is a Poisson stream. Rates count to the last token, as benchmark clients do.
    Replicas are alike and share the requests evenly; fewer clients than replicas leave some idle.
    """
    replicas = case.layout.dp
    clients = case.job.concurrency
    busy = min(replicas, run.requests, replicas if clients is None else max(1, round(clients)))
    each = min(max(1, round(run.requests / busy)), MOST_PLAYED)
    plays = [_play(case, each, run.spread, seed) for seed in range(DRAWS)]
    late = ttft_sigma(found.sigma, case.job)
    doubts = dict(zip(_KINDS, (late, found.sigma, found.sigma), strict=True))
    means = {kind: _mean(plays, kind) for kind in _KINDS}
    tails = {
        f"{kind[:-2]}_ms": Percentiles(
            *(interval(_level(plays, kind, level) / MILLI, doubts[kind]) for level in LEVELS)
        )
        for kind in _KINDS
    }
    span = float(np.mean([play.duration_s for play in plays]))
    rate = busy * each / span
    spread_of = {kind: interval(means[kind] / MILLI, doubts[kind]) for kind in _KINDS}
    new = replace(
        found, percentiles=tails, method=SIMULATED, ttft_ms=spread_of["ttft_s"],
        tpot_ms=spread_of["tpot_s"], e2e_ms=spread_of["e2e_s"],
    )  # fmt: skip
    decoding = float(np.mean([np.sum(play.e2e_s - play.ttft_s) for play in plays]))
    again = sum(play.preempted for play in plays) / (DRAWS * each)
    return replace(_rated(new, case, rate, busy * decoding / span), preempted=again)


def lengths(mean: float, spread: float, count: int, seed: int) -> list[float]:
    """Return `count` lengths of that very mean: equal, even about it, or of a gamma distribution.

    Even up to a deviation of `EVEN_SPREAD`; beyond it gamma of shape 1/spread², whose tail is
    longer, and none below `SHORTEST` where the mean is above. Draws are scaled to the mean, since
    a source prints the total of what was drawn.
    """
    if spread == 0.0 or count == 1:
        return [mean] * count
    random = np.random.default_rng(seed)
    if spread <= EVEN_SPREAD * (1.0 + 1e-9):
        half = spread / EVEN_SPREAD
        drawn = random.uniform(1.0 - half, 1.0 + half, count)
    else:
        drawn = random.gamma(1.0 / spread**2, spread**2, count)
        drawn = np.maximum(drawn, min(SHORTEST / max(mean, SHORTEST), 1.0))
    scaled: list[float] = (drawn * (mean / max(drawn.mean(), 1e-9))).tolist()
    return scaled


def _play(case: ServingCase, requests: int, spread: float, seed: int) -> Simulation:
    job = case.job
    return simulate_serving(
        case,
        requests,
        seed=seed,
        input_tokens=lengths(job.input_tokens, spread, requests, 2 * seed + 1),
        output_tokens=lengths(job.output_tokens, spread, requests, 2 * seed + 2),
    )


def _mean(plays: Sequence[Simulation], kind: str) -> float:
    return _average([_finite(getattr(play, kind)) for play in plays], np.mean)


def _level(plays: Sequence[Simulation], kind: str, level: float) -> float:
    values = [_finite(getattr(play, kind)) for play in plays]
    return _average(values, lambda one: np.quantile(one, level))


def _average(values: Sequence[Any], of: Any) -> float:
    kept = [float(of(one)) for one in values if len(one)]
    return sum(kept) / len(kept) if kept else 0.0


def _finite(values: Any) -> Any:
    """Answers of one token have no time per output token."""
    return values[np.isfinite(values)]


def _rated(
    found: ServingEstimate, case: ServingCase, rate: float, running: float
) -> ServingEstimate:
    job = case.job
    output = rate * job.output_tokens
    whole = output + rate * job.input_tokens
    return replace(
        found,
        requests_per_s=interval(rate, found.sigma),
        tokens_per_s_output=interval(output, found.sigma),
        tokens_per_s_total=interval(whole, found.sigma),
        tokens_per_s_output_per_chip=interval(output / found.chips, found.sigma),
        running=running,
        breakdown_ms=_parts(found),
    )


def _parts(found: ServingEstimate) -> dict[str, float]:
    """Parts of a decode step as the closed form has them; the rest of the played TPOT: prompts."""
    parts = dict(found.breakdown_ms) | {"prompts": 0.0}
    step, whole = sum(parts.values()), found.tpot_ms.p50
    scale = min(1.0, whole / step) if step else 1.0
    return {name: value * scale for name, value in parts.items()} | {
        "prompts": max(whole - step, 0.0)
    }
