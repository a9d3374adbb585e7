"""Closed forms against the event simulation, which knows the order of events."""

from datetime import date

import pytest

from tonnage.catalog import load_catalog
from tonnage.perf import (
    ServingCase,
    ServingLayout,
    find_engine,
    predict_serving_cases,
    simulate_serving,
)
from tonnage.workload import Arrivals, ServingJob, find_model

CATALOG = load_catalog(date(2026, 1, 1))
ENGINE = find_engine("vllm")


def closed(model: str, chip: str, clients: int, prompt: int, output: int) -> ServingCase:
    job = ServingJob(find_model(model), prompt, output, concurrency=clients, shortest_share=0.8,
                     weights="fp8")  # fmt: skip
    return ServingCase(CATALOG.find(chip), job, ServingLayout(), ENGINE)


@pytest.mark.parametrize("clients", [1, 4, 16, 64])
@pytest.mark.parametrize(("prompt", "output"), [(1024, 512), (4096, 256), (256, 1024)])
@pytest.mark.parametrize("chip", ["nv-h20-96", "nv-h100-sxm"])
def test_closed_loop(chip: str, clients: int, prompt: int, output: int) -> None:
    case = closed("llama-3.1-8b", chip, clients, prompt, output)
    formula = predict_serving_cases([case])[0]
    events = simulate_serving(case, 3000)
    assert formula.tpot_ms.p50 == pytest.approx(1e3 * events.tpot_s.mean(), rel=0.05)
    assert formula.requests_per_s.p50 == pytest.approx(events.requests_per_s, rel=0.05)
    assert formula.e2e_ms.p50 == pytest.approx(1e3 * events.e2e_s.mean(), rel=0.05)


@pytest.mark.parametrize("rate", [0.5, 2.0, 4.0])
def test_open_arrivals_below_half_load(rate: float) -> None:
    job = ServingJob(find_model("llama-3.1-8b"), 1024, 256, request_rate=rate,
                     arrivals=Arrivals.OPEN, weights="fp8")  # fmt: skip
    case = ServingCase(CATALOG.find("nv-h100-sxm"), job, ServingLayout(), ENGINE)
    formula = predict_serving_cases([case])[0]
    events = simulate_serving(case, 20000)
    assert formula.tpot_ms.p50 == pytest.approx(1e3 * events.tpot_s.mean(), rel=0.05)
    assert formula.e2e_ms.p50 == pytest.approx(1e3 * events.e2e_s.mean(), rel=0.05)
    tail = formula.percentiles["e2e_ms"].p90.p50
    assert tail == pytest.approx(1e3 * events.percentile("e2e_s", 0.9), rel=0.1)


def test_bursts_wait_longer_and_a_seed_repeats() -> None:
    job = ServingJob(find_model("llama-3.1-8b"), 4096, 128, request_rate=4.0,
                     arrivals=Arrivals.OPEN)  # fmt: skip
    case = ServingCase(CATALOG.find("nv-h20-96"), job, ServingLayout(), ENGINE)
    even = simulate_serving(case, 4000, burstiness=0.1)
    bursts = simulate_serving(case, 4000, burstiness=5.0)
    again = simulate_serving(case, 4000, burstiness=5.0)
    assert bursts.ttft_s.mean() > even.ttft_s.mean()
    assert (again.ttft_s == bursts.ttft_s).all()


def test_a_trace_is_followed() -> None:
    case = closed("llama-3.1-8b", "nv-h20-96", 1, 512, 64)
    apart = simulate_serving(case, arrival_s=[0.0, 100.0, 200.0])
    assert len(apart.e2e_s) == 3
    assert apart.duration_s == pytest.approx(200.0, abs=5.0)
    assert apart.ttft_s.max() == pytest.approx(apart.ttft_s.min(), rel=0.25)


def test_work_is_conserved() -> None:
    case = closed("llama-3.1-8b", "nv-h20-96", 16, 1024, 128)
    events = simulate_serving(case, 2000)
    busy = events.e2e_s.sum()
    assert busy <= 16 * (events.duration_s + 2000) + 1e-6
    assert (events.e2e_s >= events.ttft_s - 1e-12).all()
    assert events.changes < events.output_tokens
