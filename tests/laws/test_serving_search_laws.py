"""Laws of the search over layouts, chips and loads."""

from dataclasses import replace
from datetime import date
from functools import lru_cache

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tonnage.catalog import Chip, load_catalog
from tonnage.perf import (
    ServingCase,
    ServingLayout,
    Traffic,
    evaluate_grid,
    fewest_chips,
    find_engine,
    predict_serving,
    predict_serving_cases,
    search_serving,
    simulate_serving,
)
from tonnage.perf.serving.space import instances, layouts
from tonnage.workload import Arrivals, Model, ServingJob, find_model

CHIPS = ("nv-h20-96", "nv-h100-sxm", "nv-l20", "hw-910b3")
MODELS = ("llama-3.1-8b", "llama-3.1-70b", "qwen3-30b-a3b", "deepseek-v3")
LAWS = settings(max_examples=30, deadline=None, derandomize=True)


@lru_cache
def chip_of(name: str) -> Chip:
    return load_catalog(date(2026, 1, 1)).by_id[name]


@lru_cache
def job_of(model: str, **job: float) -> ServingJob:
    return ServingJob(find_model(model), 1024, 256, weights="fp8", **job)  # type: ignore[arg-type]


limits = st.one_of(st.none(), st.floats(8, 300))


@LAWS
@given(
    st.sampled_from(CHIPS), st.sampled_from(MODELS), st.integers(1, 40), st.integers(1, 9), limits
)
def test_one_chip_more_never_lowers_the_best(
    chip: str, model: str, chips: int, more: int, limit: float | None
) -> None:
    job = job_of(model, tpot_ms=limit)
    few = search_serving(chip_of(chip), job, chips)
    many = search_serving(chip_of(chip), job, chips + more)
    assert few.chips == chips
    assert few.chips_used <= chips
    if few.runs:
        assert few.running <= few.concurrency <= few.max_concurrency  # type: ignore[operator]
    if few.fits:
        assert many.fits
        assert many.requests_per_s.p50 >= few.requests_per_s.p50 * (1 - 1e-9)
    if few.runs:
        assert many.runs


@LAWS
@given(st.sampled_from(CHIPS), st.sampled_from([*MODELS, "qwen3-235b-a22b"]), st.integers(1, 40),
       limits)  # fmt: skip
def test_twice_the_chips_serve_at_least_twice_as_much(
    chip: str, model: str, chips: int, limit: float | None
) -> None:
    job = job_of(model, tpot_ms=limit)
    one, two = (search_serving(chip_of(chip), job, n) for n in (chips, 2 * chips))
    if one.fits:
        assert two.requests_per_s.p50 >= 2.0 * one.requests_per_s.p50 * (1 - 0.015)


@given(st.sampled_from(MODELS), st.integers(1, 200), st.integers(1, 72))
@LAWS
def test_what_can_be_set_up_on_few_chips_can_be_on_more(
    model: str, chips: int, domain: int
) -> None:
    shape: Model = find_model(model)
    few, many = instances(shape, chips, domain), instances(shape, chips + 1, domain)
    assert set(few) <= set(many)
    assert all(option.chips <= chips for option in layouts(shape, chips, domain))


@LAWS
@given(st.sampled_from(CHIPS), st.sampled_from(MODELS), st.floats(5, 200), st.floats(1, 4),
       st.floats(100, 5000), st.floats(1, 4))  # fmt: skip
def test_a_tighter_limit_never_raises_throughput(
    chip: str, model: str, tpot: float, looser: float, ttft: float, later: float
) -> None:
    tight = search_serving(chip_of(chip), job_of(model, tpot_ms=tpot, ttft_ms=ttft), 16)
    loose = search_serving(
        chip_of(chip), job_of(model, tpot_ms=tpot * looser, ttft_ms=ttft * later), 16
    )
    if tight.fits:
        assert tight.tpot_ms.p50 <= tpot * (1 + 1e-9)
        assert tight.ttft_ms.p50 <= ttft * (1 + 1e-9)
        assert loose.requests_per_s.p50 >= tight.requests_per_s.p50 * (1 - 1e-9)


@LAWS
@given(st.sampled_from(CHIPS), st.sampled_from(MODELS), st.floats(1.0, 3.0), limits)
def test_more_memory_never_lowers_capacity(
    chip: str, model: str, factor: float, limit: float | None
) -> None:
    device = chip_of(chip)
    size = device.values["memory_gb"]
    wider = replace(size, value=float(size.value) * factor)  # type: ignore[arg-type]
    large = replace(device, values={**device.values, "memory_gb": wider})
    job = job_of(model, tpot_ms=limit)
    # A server takes other settings by itself on a larger card; the law is about memory alone.
    engine = find_engine("vllm").with_settings({"prefill_tokens": 8192, "max_sequences": 1024})
    before, after = (search_serving(kind, job, 8, engine) for kind in (device, large))
    if before.fits:
        assert after.requests_per_s.p50 >= before.requests_per_s.p50 * (1 - 1e-5)
    assert after.runs >= before.runs


@LAWS
@given(st.sampled_from(CHIPS), st.sampled_from(MODELS), st.floats(1.0, 5.0))
def test_clients_that_wait_for_memory_cost_no_throughput(
    chip: str, model: str, factor: float
) -> None:
    case = ServingCase(
        chip_of(chip), job_of(model, concurrency=1), ServingLayout(8), find_engine("vllm")
    )
    room = predict_serving_cases([case])[0].max_concurrency
    if not room:
        return
    flow = evaluate_grid(case, concurrency=np.array([room, room * factor]))
    assert flow.requests_per_s[1] >= flow.requests_per_s[0] * (1 - 1e-9)
    assert flow.tpot_s[1] == pytest.approx(flow.tpot_s[0])


@pytest.mark.parametrize(
    ("model", "chip", "chips", "limit"),
    [
        ("llama-3.1-70b", "nv-h20-96", 8, 60.0),
        ("llama-3.1-8b", "nv-l20", 3, 40.0),
        ("qwen3-30b-a3b", "nv-h20-96", 5, 30.0),
    ],
)
def test_the_answer_is_within_one_percent_of_trying_every_load(
    model: str, chip: str, chips: int, limit: float
) -> None:
    job = job_of(model, tpot_ms=limit)
    found = search_serving(chip_of(chip), job, chips)
    engine, most = find_engine(None, vendor=chip_of(chip).vendor), 0.0
    loads = np.arange(1.0, 1500.0)
    for option in layouts(job.model, chips, 8):
        case = ServingCase(chip_of(chip), replace(job, concurrency=1.0), option, engine)
        flow = evaluate_grid(case, concurrency=loads)
        good = (flow.tpot_s * 1e3 <= limit) & (flow.capacity.sequences >= 1)
        most = max(most, float(np.max(np.where(good, flow.requests_per_s, 0.0))))
    assert found.requests_per_s.p50 >= 0.99 * most


@LAWS
@given(st.sampled_from(CHIPS), st.sampled_from(MODELS), st.integers(1, 32), st.floats(1, 200))
def test_what_fits_ranks_above_what_does_not(
    chip: str, model: str, chips: int, load: float
) -> None:
    device, job = chip_of(chip), job_of(model, concurrency=load)
    found = search_serving(device, job, chips)
    engine = find_engine(None, vendor=device.vendor)
    every = [
        ServingCase(device, job, option, engine) for option in layouts(job.model, chips, 8, load)
    ]
    others = predict_serving_cases(every)
    assert found.runs == any(one.runs for one in others)
    assert found.running <= load * (1 + 1e-9)
    if not found.runs:
        least = min(one.memory_gb_per_chip.total for one in others)
        assert found.memory_gb_per_chip.total == pytest.approx(least, rel=0.02)
        assert "does not fit" in found.reason


def test_too_many_arrivals_are_told_as_such_and_not_as_a_lack_of_memory() -> None:
    job = job_of("llama-3.1-70b", request_rate=1000.0)
    job = replace(job, arrivals=Arrivals.OPEN, weights="bf16")
    found = predict_serving(chip_of("nv-h20-96"), job, chips=8)
    assert not found.fits
    assert found.runs
    assert found.reason.startswith("arrivals of 1000 requests/s exceed the")


@pytest.mark.parametrize("clients", [1, 16, 128])
def test_answers_of_one_token_are_prompts_alone(clients: int) -> None:
    job = ServingJob(find_model("llama-3.1-8b"), 2048, 1, concurrency=clients, tpot_ms=1e-6)
    case = ServingCase(chip_of("nv-h20-96"), job, ServingLayout(), find_engine("sglang"))
    found = predict_serving_cases([case])[0]
    events = simulate_serving(case, 2000)
    assert found.fits, "a limit on the time per output token does not bind a single token"
    assert found.tpot_ms.p50 == 0.0
    assert sum(found.breakdown_ms.values()) == 0.0
    assert found.requests_per_s.p50 == pytest.approx(events.requests_per_s, rel=0.1)


def test_a_demand_is_served_by_the_deployments_that_are_counted_for_it() -> None:
    """What is sized keeps up when it is asked again, and one deployment less does not."""
    job = replace(job_of("llama-3.1-70b", request_rate=12.0, tpot_ms=60.0), arrivals=Arrivals.OPEN)
    sized = fewest_chips(chip_of("nv-h20-96"), job)
    share = replace(job, request_rate=12.0 / sized.deployments)
    size = sized.chips // sized.deployments
    assert predict_serving(chip_of("nv-h20-96"), share, chips=size).fits
    heavier = replace(job, request_rate=12.0 / (sized.deployments - 1))
    assert not predict_serving(chip_of("nv-h20-96"), heavier, chips=size).fits


def test_a_search_over_busy_arrivals_says_that_it_left_its_range() -> None:
    chip, calm = chip_of("nv-h20-96"), job_of("llama-3.1-8b", request_rate=0.5)
    busy = job_of("llama-3.1-8b", request_rate=20.0)
    methods = [search_serving(chip, replace(job, arrivals=Arrivals.OPEN), 1).method
               for job in (calm, busy)]  # fmt: skip
    assert methods == ["closed form", "closed form, beyond where it holds"]


@pytest.mark.parametrize("clients", [1, 3, 6])
def test_fewer_clients_than_slots_of_replicas_are_not_played_twice(clients: int) -> None:
    layout = ServingLayout(2, dp=4)
    job = job_of("llama-3.1-8b", concurrency=float(clients))
    formula = predict_serving(chip_of("nv-h20-96"), job, layout)
    events = predict_serving(
        chip_of("nv-h20-96"), job, layout, traffic=Traffic(simulate=True, requests=400)
    )
    assert events.running <= clients
    assert events.requests_per_s.p50 == pytest.approx(formula.requests_per_s.p50, rel=0.1)


@pytest.mark.parametrize("model", ["llama-3.1-8b", "llama-3.1-70b", "qwen3-30b-a3b"])
@pytest.mark.parametrize("chip", CHIPS)
def test_more_clients_of_a_layout_never_serve_less_nor_faster(chip: str, model: str) -> None:
    engine = find_engine(None, vendor=chip_of(chip).vendor)
    case = ServingCase(chip_of(chip), job_of(model, concurrency=1.0), ServingLayout(8), engine)
    flow = evaluate_grid(case, concurrency=np.arange(1.0, 600.0))
    best = np.maximum.accumulate(flow.requests_per_s)
    assert np.all(flow.requests_per_s >= 0.97 * best), "no cliffs at tiles and waves"
    assert np.all(np.diff(flow.tpot_s) >= -1e-3 * flow.tpot_s[1:])


@pytest.mark.parametrize(
    ("model", "chip", "prompt", "output", "rate", "tpot"),
    [
        ("llama-3.1-8b", "nv-l20", 1024, 256, 20.0, 60.0),
        ("llama-3.1-8b", "nv-l20", 64, 8, 400.0, None),
        ("llama-3.1-70b", "nv-h20-96", 2048, 512, 6.0, 50.0),
        ("qwen3-30b-a3b", "nv-h20-96", 256, 64, 300.0, None),
        ("deepseek-v3", "nv-h100-sxm", 2048, 512, 20.0, 50.0),
    ],
)
def test_fewer_than_the_fewest_chips_do_not_serve(
    model: str, chip: str, prompt: int, output: int, rate: float, tpot: float | None
) -> None:
    job = ServingJob(find_model(model), prompt, output, weights="fp8", request_rate=rate,
                     arrivals=Arrivals.OPEN, tpot_ms=tpot)  # fmt: skip
    sized = fewest_chips(chip_of(chip), job)
    assert predict_serving(chip_of(chip), job, chips=sized.chips).fits
    if sized.chips > 1:
        assert not predict_serving(chip_of(chip), job, chips=sized.chips - 1).fits
