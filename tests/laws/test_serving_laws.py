"""What must hold of every serving prediction, whatever the constants."""

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
    ServingEstimate,
    ServingLayout,
    evaluate_grid,
    find_engine,
    pareto_front,
    predict_serving_cases,
    search_pools,
    search_serving,
)
from tonnage.provenance import Sourced
from tonnage.workload import Arrivals, Model, ServingJob, Speculation, find_model

CHIPS = ("nv-h20-96", "nv-h100-sxm", "nv-a800-sxm-80", "nv-l20", "nv-rtx4090d", "hw-910b3")
MODELS = ("llama-3.1-8b", "qwen3-32b", "qwen3-30b-a3b", "deepseek-v3", "gpt-oss-120b")
LAWS = settings(max_examples=40, deadline=None, derandomize=True)


@lru_cache
def chip_of(name: str) -> Chip:
    return load_catalog(date(2026, 1, 1)).by_id[name]


@lru_cache
def model_of(name: str) -> Model:
    return find_model(name)


def case_of(chip: Chip | str, model: str, layout: ServingLayout, **job: object) -> ServingCase:
    device = chip_of(chip) if isinstance(chip, str) else chip
    given_job = ServingJob(model_of(model), **{"input_tokens": 1024, "output_tokens": 256, **job})  # type: ignore[arg-type]
    return ServingCase(device, given_job, layout, find_engine("vllm"))


def answer(*args: object, **job: object) -> ServingEstimate:
    return predict_serving_cases([case_of(*args, **job)])[0]  # type: ignore[arg-type]


def altered(chip: Chip, quantity: str, factor: float) -> Chip:
    old = chip.values[quantity]
    new = replace(old, value=float(old.value) * factor)  # type: ignore[arg-type]
    assert isinstance(new, Sourced)
    return replace(chip, values={**chip.values, quantity: new})


@LAWS
@given(st.sampled_from(CHIPS), st.sampled_from(MODELS), st.sampled_from([1, 2, 4, 8]),
       st.integers(1, 256))  # fmt: skip
def test_parts_add_up_and_numbers_are_sane(chip: str, model: str, tp: int, load: int) -> None:
    found = answer(chip, model, ServingLayout(tp), concurrency=load, weights="fp8")
    assert sum(found.breakdown_ms.values()) == pytest.approx(found.tpot_ms.p50, rel=1e-9)
    memory = found.memory_gb_per_chip
    whole = memory.weights + memory.kv_cache + memory.activations + memory.reserve
    assert memory.total == pytest.approx(whole, rel=1e-12)
    assert found.e2e_ms.p50 >= found.ttft_ms.p50 > 0
    assert found.tokens_per_s_output.p50 == pytest.approx(found.requests_per_s.p50 * 256, rel=1e-9)
    for name in ("ttft_ms", "tpot_ms", "e2e_ms"):
        tail = found.percentiles[name]
        assert tail.p50.p50 <= tail.p90.p50 * (1 + 1e-9) <= tail.p99.p50 * (1 + 2e-9)


@LAWS
@given(st.sampled_from(CHIPS), st.sampled_from(MODELS), st.floats(1.05, 3.0), st.integers(1, 128),
       st.sampled_from(["memory_bandwidth_gbs", "bf16_tflops", "memory_gb"]))  # fmt: skip
def test_a_better_chip_is_never_slower(
    chip: str, model: str, factor: float, load: int, quantity: str
) -> None:
    device = chip_of(chip)
    if quantity not in device.values:
        quantity = "fp16_tflops"
    better = altered(device, quantity, factor)
    layout = ServingLayout(8)
    before = answer(device, model, layout, concurrency=load)
    after = answer(better, model, layout, concurrency=load)
    assert after.requests_per_s.p50 >= before.requests_per_s.p50 * (1 - 1e-9)
    if quantity != "memory_gb":
        assert after.tpot_ms.p50 <= before.tpot_ms.p50 * (1 + 1e-9)
    else:
        assert after.max_concurrency >= before.max_concurrency


@LAWS
@given(st.sampled_from(CHIPS), st.sampled_from(MODELS), st.integers(1, 100), st.integers(1, 100))
def test_more_load_never_makes_a_user_faster(chip: str, model: str, low: int, more: int) -> None:
    layout = ServingLayout(8)
    few = answer(chip, model, layout, concurrency=low)
    many = answer(chip, model, layout, concurrency=low + more)
    assert many.e2e_ms.p50 >= few.e2e_ms.p50 * (1 - 1e-9)


@LAWS
@given(st.sampled_from(MODELS), st.integers(1, 64), st.integers(64, 8000), st.integers(1, 4000))
def test_longer_prompts_and_contexts_take_longer(
    model: str, load: int, prompt: int, more: int
) -> None:
    layout = ServingLayout(8)
    short = answer("nv-h20-96", model, layout, concurrency=load, input_tokens=prompt)
    long = answer("nv-h20-96", model, layout, concurrency=load, input_tokens=prompt + more)
    assert long.e2e_ms.p50 >= short.e2e_ms.p50 * (1 - 1e-9)
    assert long.max_concurrency <= short.max_concurrency


@LAWS
@given(st.sampled_from(["llama-3.1-8b", "qwen3-32b"]), st.floats(10, 200), st.floats(1.0, 4.0))
def test_a_tighter_limit_never_raises_throughput(model: str, limit: float, looser: float) -> None:
    job = ServingJob(model_of(model), 1024, 256, tpot_ms=limit)
    tight = search_serving(chip_of("nv-h20-96"), job, 8)
    loose = search_serving(chip_of("nv-h20-96"), replace(job, tpot_ms=limit * looser), 8)
    if tight.fits:
        assert loose.fits
        assert loose.requests_per_s.p50 >= tight.requests_per_s.p50 * (1 - 1e-9)


@LAWS
@given(st.sampled_from([4, 8, 16, 32]), st.floats(30, 200), st.sampled_from(["fp8", "bf16"]))
def test_apart_is_never_better_than_either_half(chips: int, limit: float, weights: str) -> None:
    job = ServingJob(model_of("qwen3-32b"), 2048, 256, weights=weights, tpot_ms=limit)
    h20 = chip_of("nv-h20-96")
    found = search_pools(h20, h20, job, chips)
    rate = found.requests_per_s.p50
    assert rate <= min(found.prefill.requests_per_s, found.decode.requests_per_s) * (1 + 1e-9)
    assert found.prefill.chips + found.decode.chips == found.chips <= chips
    assert found.tpot_ms.p50 <= limit * (1 + 1e-9)


@LAWS
@given(st.floats(0.0, 0.9), st.integers(1, 5))
def test_drafts_that_are_accepted_help_a_lone_user(acceptance: float, drafts: int) -> None:
    less = Speculation(drafts, acceptance)
    more = Speculation(drafts, min(acceptance + 0.09, 0.99))
    job = {"concurrency": 1, "output_tokens": 512}
    slow = answer("nv-h20-96", "qwen3-32b", ServingLayout(4), speculation=less, **job)
    fast = answer("nv-h20-96", "qwen3-32b", ServingLayout(4), speculation=more, **job)
    assert fast.tpot_ms.p50 <= slow.tpot_ms.p50 * (1 + 1e-9)


@LAWS
@given(st.floats(0.0, 0.8), st.floats(0.0, 0.19), st.integers(2, 64))
def test_a_warmer_prefix_cache_never_hurts(hit: float, more: float, load: int) -> None:
    cold = answer("nv-h20-96", "qwen3-32b", ServingLayout(4), concurrency=load, input_tokens=8192,
                  prefix_hit_rate=hit)  # fmt: skip
    warm = answer("nv-h20-96", "qwen3-32b", ServingLayout(4), concurrency=load, input_tokens=8192,
                  prefix_hit_rate=hit + more)  # fmt: skip
    assert warm.ttft_ms.p50 <= cold.ttft_ms.p50 * (1 + 1e-6)
    assert warm.requests_per_s.p50 >= cold.requests_per_s.p50 * (1 - 1e-6)


def test_links_matter_between_chips_only() -> None:
    """Both with the same settings: vLLM's own rule gives an A100 fewer prompt tokens a step."""
    alike = find_engine("vllm").with_settings({"prefill_tokens": 8192, "max_sequences": 1024})

    def tpot_ms(chip: str, model: str, layout: ServingLayout, **job: object) -> float:
        case = replace(case_of(chip, model, layout, **job), engine=alike)
        return predict_serving_cases([case])[0].tpot_ms.p50

    kinds = ("nv-a100-sxm-80", "nv-a800-sxm-80")
    alone = [tpot_ms(c, "llama-3.1-8b", ServingLayout(), concurrency=16) for c in kinds]
    spread = [tpot_ms(c, "qwen3-32b", ServingLayout(8), concurrency=64, input_tokens=8192)
              for c in kinds]  # fmt: skip
    assert alone[0] == pytest.approx(alone[1], rel=0.01)
    assert spread[1] > spread[0] * 1.02


def test_replicas_add_up() -> None:
    one = answer("nv-h20-96", "qwen3-32b", ServingLayout(2), concurrency=32)
    four = answer("nv-h20-96", "qwen3-32b", ServingLayout(2, dp=4), concurrency=128)
    assert four.tpot_ms.p50 == pytest.approx(one.tpot_ms.p50, rel=1e-9)
    assert four.tokens_per_s_output.p50 == pytest.approx(4 * one.tokens_per_s_output.p50, rel=1e-9)


def test_one_pass_over_many_equals_one_by_one() -> None:
    cases = [case_of(c, m, ServingLayout(tp), concurrency=b)
             for c in CHIPS for m in MODELS for tp in (1, 8) for b in (1, 32)]  # fmt: skip
    together = predict_serving_cases(cases)
    for case, found in zip(cases[::7], together[::7], strict=True):
        alone = predict_serving_cases([case])[0]
        assert alone.tpot_ms.p50 == pytest.approx(found.tpot_ms.p50, rel=1e-12)
        assert alone.ttft_ms.p50 == pytest.approx(found.ttft_ms.p50, rel=1e-12)


def test_a_grid_equals_single_cases() -> None:
    case = case_of("nv-h20-96", "qwen3-30b-a3b", ServingLayout(2), concurrency=4)
    batch = np.array([1.0, 4.0, 16.0, 64.0])
    flow = evaluate_grid(case, concurrency=batch)
    for k, load in enumerate(batch):
        single = answer("nv-h20-96", "qwen3-30b-a3b", ServingLayout(2), concurrency=float(load))
        assert single.tpot_ms.p50 == pytest.approx(flow.tpot_s[k] * 1e3, rel=1e-9)


def test_the_pareto_front_has_no_beaten_point() -> None:
    job = ServingJob(model_of("qwen3-32b"), 2048, 256, weights="fp8")
    front = pareto_front(chip_of("nv-h20-96"), job, 8)
    assert len(front) > 5
    users = [1 / e.tpot_ms.p50 for e in front]
    rates = [e.tokens_per_s_output_per_chip.p50 for e in front]
    assert users == sorted(users, reverse=True)
    assert rates == sorted(rates)


def test_an_open_queue_grows_with_its_load_and_then_overflows() -> None:
    rates = (1.0, 4.0, 8.0, 1000.0)
    found = [answer("nv-h20-96", "qwen3-32b", ServingLayout(8), arrivals=Arrivals.OPEN,
                    request_rate=r) for r in rates]  # fmt: skip
    waits = [e.ttft_ms.p50 for e in found[:3]]
    assert waits == sorted(waits)
    assert found[0].fits
    assert not found[3].fits
    assert "exceed" in found[3].reason


def test_an_engine_without_anchors_has_a_wider_interval() -> None:
    known = answer("nv-h100-sxm", "qwen3-32b", ServingLayout(8), concurrency=8)
    unknown = answer("br-br100", "qwen3-32b", ServingLayout(8), concurrency=8)
    assert unknown.sigma > known.sigma * 1.15


def test_fewer_clients_than_replicas_leave_some_idle() -> None:
    one = answer("nv-h20-96", "qwen3-32b", ServingLayout(2), concurrency=1)
    idle = answer("nv-h20-96", "qwen3-32b", ServingLayout(2, dp=4), concurrency=1)
    assert idle.tokens_per_s_output.p50 == pytest.approx(one.tokens_per_s_output.p50, rel=1e-9)


def test_no_more_is_served_than_can_be() -> None:
    flood = answer("nv-h20-96", "qwen3-32b", ServingLayout(8), arrivals=Arrivals.OPEN,
                   request_rate=1e5)  # fmt: skip
    best = search_serving(chip_of("nv-h20-96"), ServingJob(model_of("qwen3-32b"), 1024, 256), 8)
    assert not flood.fits
    assert flood.requests_per_s.p50 <= best.requests_per_s.p50 * 1.1
