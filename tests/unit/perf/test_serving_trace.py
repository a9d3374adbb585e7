"""What is told of a trace: the rate at which it was served, and whether that kept up."""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import date
from itertools import pairwise

import numpy as np
import pytest

from tonnage.catalog import load_catalog
from tonnage.perf import (
    ServingEstimate,
    ServingLayout,
    Traffic,
    find_engine,
    predict_serving,
    simulate_serving,
)
from tonnage.perf.serving.case import ServingCase
from tonnage.workload import Arrivals, ServingJob, find_model

CHIP = load_catalog(date(2026, 1, 1)).find("nv-h20-96")
ENGINE = find_engine("vllm")
PROMPT, ANSWER = 512, 128


def case_of(rate: float, slots: int, replicas: int = 1) -> ServingCase:
    job = ServingJob(find_model("llama-3.1-8b"), PROMPT, ANSWER, request_rate=rate,
                     arrivals=Arrivals.OPEN)  # fmt: skip
    engine = ENGINE.with_settings({"max_sequences": slots})
    return ServingCase(CHIP, job, ServingLayout(dp=replicas), engine)


def told(
    at: Sequence[float],
    prompts: Sequence[float] | None = None,
    answers: Sequence[float] | None = None,
    slots: int = 256,
    replicas: int = 1,
) -> ServingEstimate:
    rate = (len(at) - 1) / (at[-1] - at[0]) if at[-1] > at[0] else 10.0
    case = case_of(rate, slots, replicas)
    traffic = Traffic(arrival_s=list(at), input_tokens=prompts, output_tokens=answers)
    return predict_serving(CHIP, case.job, case.layout, case.engine, traffic=traffic)


def test_a_long_last_answer_counts_until_its_last_token() -> None:
    at, answers = [0.5 * k for k in range(10)], [64.0] * 9 + [4000.0]
    found = told(at, [512.0] * 10, answers)
    run = simulate_serving(case_of(2.0, 256), arrival_s=at, input_tokens=[512.0] * 10,
                           output_tokens=answers)  # fmt: skip
    over = run.duration_s
    assert over > 3.0 * at[-1]
    assert found.fits
    assert found.requests_per_s.p50 == pytest.approx(10 / over)
    assert found.tokens_per_s_output.p50 == pytest.approx(sum(answers) / over)
    # A slower chip would take longer over the last answer, not over what comes before it.
    assert 10 / (over * 2.0) < found.requests_per_s.p10 < 10 / over < found.requests_per_s.p90


def test_a_trace_served_in_step_keeps_its_rate() -> None:
    gaps = np.random.default_rng(1).exponential(0.5, 2000)
    at = np.cumsum(gaps).tolist()
    found = told(at)
    assert found.requests_per_s.p50 == pytest.approx(1999 / (at[-1] - at[0]))
    assert found.tokens_per_s_output.p50 == pytest.approx(2.0 * ANSWER, rel=0.05)


def test_the_rate_falls_without_a_jump_as_the_last_answer_grows() -> None:
    at = [0.5 * k for k in range(60)]
    rates = [told(at, [512.0] * 60, [64.0] * 59 + [float(last)]).requests_per_s.p50
             for last in range(64, 1500, 100)]  # fmt: skip
    assert rates[0] == pytest.approx(2.0)
    assert all(a >= b * (1.0 - 1e-9) > 0.9 * a for a, b in pairwise(rates))
    assert rates[-1] < 1.6


@pytest.mark.parametrize("late", [6, 7])
def test_a_long_answer_counts_on_whichever_replica_it_is(late: int) -> None:
    at = [0.5 * k for k in range(8)]
    answers = [64.0] * 8
    answers[late] = 4000.0
    found = told(at, [512.0] * 8, answers, replicas=2)
    assert found.requests_per_s.p50 < 8 / (3.0 * at[-1])


@pytest.mark.parametrize("replicas", [1, 3])
@pytest.mark.parametrize("count", [1, 2, 50, 1000])
def test_a_burst_is_served_from_its_start_to_its_last_token(count: int, replicas: int) -> None:
    found = told([7.0] * count, replicas=replicas, slots=32)
    shares = [len(range(k, count, replicas)) for k in range(min(replicas, count))]
    case = case_of(10.0, 32, replicas)
    runs = [simulate_serving(case, seed=k, arrival_s=[0.0] * n) for k, n in enumerate(shares)]
    assert found.fits
    assert not found.overloaded
    assert found.requests_per_s.p50 == pytest.approx(count / max(r.duration_s for r in runs))


@pytest.mark.parametrize("span", [1e-6, 1e-3, 0.3])
def test_a_burst_need_not_come_at_once(span: float) -> None:
    at_once = told([0.0] * 600, slots=32)
    found = told([span * k / 600 for k in range(600)], slots=32)
    assert found.fits
    assert found.requests_per_s.p50 == pytest.approx(at_once.requests_per_s.p50, rel=0.02)
    assert not told([30.0 * k / 600 for k in range(600)], slots=32).fits


def drawn(random: np.random.Generator, mean: float, count: int) -> list[float]:
    found = random.lognormal(np.log(mean) - 1.125, 1.5, count)
    return np.clip(np.rint(found), 1, 40_000).tolist()  # type: ignore[no-any-return]


@pytest.mark.parametrize(("share", "count"), [(0.5, 20), (0.5, 200), (2.0, 1000)])
def test_the_verdict_on_a_heavy_tailed_trace(share: float, count: int) -> None:
    for seed in range(5):
        random = np.random.default_rng(seed)
        at = np.cumsum(random.exponential(1.0 / (share * 6.0), count)).tolist()
        found = told(at, drawn(random, 1024.0, count), drawn(random, 128.0, count), slots=32)
        assert found.fits is (share < 1.0)
        assert found.overloaded is (share > 1.0)
        assert found.reason.startswith("the trace needs") is (share > 1.0)
        assert found.requests_per_s.p50 <= (count - 1) / (at[-1] - at[0])


def test_what_is_said_to_be_the_most_is_what_a_flood_gets() -> None:
    found = told([k / 40.0 for k in range(2000)], slots=32)
    (over,) = map(float, re.findall(r"needs ([\d.]+) times", found.reason))
    assert 40.0 / over == pytest.approx(found.requests_per_s.p50, rel=0.03)
