"""Long prompts and short answers under open arrivals: a prompt of another may stall all of one."""

from dataclasses import replace
from datetime import date

import numpy as np
import pytest

from tonnage.catalog import load_catalog
from tonnage.perf import (
    ServingCase,
    ServingLayout,
    Traffic,
    find_engine,
    predict_serving,
    simulate_serving,
)
from tonnage.perf.serving.case import cases_of
from tonnage.perf.serving.estimate import predict_serving_cases
from tonnage.perf.serving.flow import solve
from tonnage.perf.serving.traffic import closed_form_holds
from tonnage.workload import Arrivals, ServingJob, find_model

CATALOG = load_catalog(date(2026, 1, 1))


def case_of(
    model: str, chip: str, engine: str, tokens: tuple[int, int], layout: ServingLayout, share: float
) -> ServingCase:
    """Prompts take `share` of a replica's time."""
    job = ServingJob(find_model(model), *tokens, concurrency=1, weights="fp8")
    used = find_engine(engine)
    case = ServingCase(CATALOG.find(chip), job, layout, used)
    rate = share / float(solve(cases_of([case])).prompt_s[0]) * layout.pp * layout.dp
    open_job = ServingJob(find_model(model), *tokens, request_rate=rate, weights="fp8",
                          arrivals=Arrivals.OPEN)  # fmt: skip
    return ServingCase(CATALOG.find(chip), open_job, layout, used)


@pytest.mark.parametrize("share", [0.02, 0.1, 0.18])
@pytest.mark.parametrize(
    ("model", "chip", "engine", "tokens", "layout"),
    [
        ("qwen3-32b", "L20", "vllm", (8000, 40), ServingLayout(4)),
        ("llama-3.1-8b", "H20", "sglang", (8000, 60), ServingLayout()),
        ("llama-3.1-8b", "H20", "vllm", (16000, 400), ServingLayout()),
        ("llama-3.1-70b", "H200", "vllm", (4000, 30), ServingLayout(2, 2)),
        ("deepseek-v3", "H200", "sglang", (2000, 300), ServingLayout(1, 1, 16, 16)),
    ],
)
def test_means_agree_where_the_closed_form_answers(
    model: str, chip: str, engine: str, tokens: tuple[int, int], layout: ServingLayout, share: float
) -> None:
    case = case_of(model, chip, engine, tokens, layout, share)
    found = predict_serving_cases([case])[0]
    run = simulate_serving(case, 20_000)
    rough = 1.0 if closed_form_holds(case) else 2.0
    assert found.tpot_ms.p50 == pytest.approx(np.nanmean(run.tpot_s) * 1e3, rel=0.07 * rough)
    assert found.ttft_ms.p50 == pytest.approx(run.ttft_s.mean() * 1e3, rel=0.06 * rough)
    assert found.e2e_ms.p50 == pytest.approx(run.e2e_s.mean() * 1e3, rel=0.06 * rough)


@pytest.mark.parametrize("output", [2, 16, 200])
def test_no_token_comes_faster_than_a_step(output: int) -> None:
    case = case_of("qwen3-32b", "L20", "vllm", (8000, output), ServingLayout(4), 0.12)
    found = predict_serving_cases([case])[0]
    step = found.tpot_ms.p50 - found.breakdown_ms["prompts"]
    tail = found.percentiles["tpot_ms"]
    assert 0.95 * step <= tail.p50.p50 <= tail.p90.p50 <= tail.p99.p50


@pytest.mark.parametrize("engine", ["vllm", "sglang"])
def test_an_answer_of_two_tokens_meets_what_came_during_its_prompt(engine: str) -> None:
    case = case_of("llama-3.1-8b", "H20", engine, (8000, 2), ServingLayout(), 0.15)
    found = predict_serving_cases([case])[0]
    run = simulate_serving(case, 40_000)
    assert found.tpot_ms.p50 == pytest.approx(np.nanmean(run.tpot_s) * 1e3, rel=0.25)
    assert not closed_form_holds(case)


def test_ranks_in_step_at_a_light_load_are_hardly_held_up() -> None:
    case = case_of("deepseek-v3", "H100", "sglang", (3500, 600), ServingLayout(1, 1, 16, 16), 0.001)
    run = simulate_serving(case, 3000)
    alone = float(solve(cases_of([case])).decode.total[0])
    assert np.nanmean(run.tpot_s) == pytest.approx(alone, rel=0.05)


def test_a_flood_of_ranks_in_step_is_served_at_one_rate() -> None:
    job = ServingJob(find_model("deepseek-v3"), 16000, 16, request_rate=1.0, weights="fp8",
                     arrivals=Arrivals.OPEN)  # fmt: skip
    chip, layout, engine = CATALOG.find("H20"), ServingLayout(1, 1, 16, 16), find_engine("sglang")
    rates = []
    for rate in (0.6, 1.5, 5.0, 50.0):
        asked = replace(job, request_rate=rate)
        found = predict_serving(chip, asked, layout, engine, traffic=Traffic(requests=2000))
        assert found.overloaded
        assert not found.fits
        rates.append(found.requests_per_s.p50)
    assert max(rates) == pytest.approx(min(rates), rel=0.05)
