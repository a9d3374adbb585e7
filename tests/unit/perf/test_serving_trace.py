"""What is told of a trace: the rate at which it was served, and whether that kept up."""

from __future__ import annotations

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
