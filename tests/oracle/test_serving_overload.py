"""Whether arrivals outrun a deployment, against the rate at which a flood of them is served."""

from __future__ import annotations

from datetime import date
from functools import cache
from typing import Any

import numpy as np
import pytest

from tonnage.catalog import load_catalog
from tonnage.perf import ServingCase, ServingLayout, find_engine, simulate_serving
from tonnage.perf.serving.pace import load_told, times_of
from tonnage.workload import Arrivals, ServingJob, find_model

CHIP = load_catalog(date(2026, 1, 1)).find("nv-h20-96")
SEEDS = range(4)
EVEN, HEAVY = 0.0, 1.5
"""Deviation of the log of lengths; `EVEN` ones lie within 40 % of their mean."""
SHAPES = [("vllm", 32, 1024, 128), ("vllm", 256, 512, 256), ("sglang", 32, 512, 512)]


def lengths(random: Any, count: int, mean: int, sigma: float) -> Any:
    if sigma == EVEN:
        return np.rint(random.uniform(0.6 * mean, 1.4 * mean, count))
    drawn = random.lognormal(np.log(mean) - sigma**2 / 2.0, sigma, count)
    return np.clip(np.rint(drawn), 1, 40_000)


def case_of(shape: tuple[str, int, int, int], rate: float) -> ServingCase:
    framework, slots, prompt, answer = shape
    engine = find_engine(framework).with_settings({"max_sequences": slots})
    job = ServingJob(find_model("llama-3.1-8b"), prompt, answer, request_rate=rate,
                     arrivals=Arrivals.OPEN)  # fmt: skip
    return ServingCase(CHIP, job, ServingLayout(), engine)


@cache
def capacity(shape: tuple[str, int, int, int], sigma: float) -> float:
    """Answers a second while a flood comes, in the second half of its arrivals."""
    rate, count = 6.0, 12_000
    for _ in range(3):
        random, flood = np.random.default_rng(99), 1.6 * rate
        prompts, answers = (lengths(random, count, mean, sigma) for mean in shape[2:])
        at = np.cumsum(random.exponential(1.0 / flood, count))
        run = simulate_serving(case_of(shape, flood), count, arrival_s=at, input_tokens=prompts,
                               output_tokens=answers)  # fmt: skip
        ends, half = run.sent_s + run.e2e_s, at[-1] / 2.0
        rate = float(np.sum((ends > half) & (ends <= at[-1]))) / half
    return rate


def verdicts(
    shape: tuple[str, int, int, int], share: float, count: int, burst: float, sigma: float
) -> list[float]:
    found = []
    for seed in SEEDS:
        random, rate = np.random.default_rng(seed), share * capacity(shape, sigma)
        at = np.cumsum(random.gamma(1.0 / burst, burst / rate, count))
        prompts, answers = (lengths(random, count, mean, sigma) for mean in shape[2:])
        case = case_of(shape, rate)
        run = simulate_serving(case, arrival_s=at, input_tokens=prompts, output_tokens=answers)
        found.append(load_told(times_of(case), [run]))
    return found


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize(
    ("share", "burst", "sigma"),
    [(0.5, 1.0, EVEN), (0.9, 1.0, EVEN), (0.7, 8.0, EVEN), (0.6, 1.0, HEAVY)],
)
def test_what_is_kept_up_with_is_no_overload(
    shape: tuple[str, int, int, int], share: float, burst: float, sigma: float
) -> None:
    assert max(verdicts(shape, share, 3000, burst, sigma)) <= 1.0


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize(("share", "sigma"), [(1.1, EVEN), (1.3, EVEN), (1.2, HEAVY)])
def test_what_outruns_a_deployment_is_overload_by_as_much(
    shape: tuple[str, int, int, int], share: float, sigma: float
) -> None:
    # The mean of heavy-tailed lengths takes more of them to be what it is said to be.
    found = verdicts(shape, share, 3000 if sigma == EVEN else 12_000, 1.0, sigma)
    assert min(found) > 1.0
    assert np.mean(found) == pytest.approx(share, rel=0.1 if sigma == EVEN else 0.2)


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("sigma", [EVEN, HEAVY])
@pytest.mark.parametrize("count", [20, 200])
def test_short_traces_are_judged_right_or_not_at_all(
    shape: tuple[str, int, int, int], sigma: float, count: int
) -> None:
    assert max(verdicts(shape, 0.5, count, 1.0, sigma)) <= 1.0
    beyond = verdicts(shape, 3.0, count, 1.0, sigma)
    assert all(load > 1.0 or load == 0.0 for load in beyond)
    if count > 3 * shape[1]:  # several times as many requests as slots
        assert min(beyond) > 1.0
    if count < shape[1]:  # they all run at once: nothing waits for long
        assert max(beyond) == 0.0 or sigma == HEAVY
