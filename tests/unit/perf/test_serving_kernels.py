"""What a card's power, an engine's kernels and its copies of weights do to a step's time."""

from dataclasses import replace
from datetime import date

import pytest

from tonnage.catalog import load_catalog
from tonnage.perf import (
    ServingCase,
    ServingLayout,
    Traffic,
    find_engine,
    predict_serving,
    predict_serving_cases,
)
from tonnage.workload import Arrivals, ServingJob, find_model

CATALOG = load_catalog(date(2026, 1, 1))


def _static(chip, engine, *, prompt=1, answer=64, weights="fp16", **changes):
    job = ServingJob(
        find_model("llama-3-8b"), prompt, answer, concurrency=1.0,
        arrivals=Arrivals.STATIC, weights=weights,
    )  # fmt: skip
    case = ServingCase(
        CATALOG.by_id[chip], job, ServingLayout(), replace(find_engine(engine), **changes)
    )
    return predict_serving_cases([case])[0]


def test_less_power_slows_prompts_but_not_the_reading_of_weights():
    pcie, sxm = CATALOG.by_id["nv-a100-pcie-80"], CATALOG.by_id["nv-a100-sxm-80"]
    slow = _static("nv-a100-pcie-80", "vllm", prompt=8192, answer=1).ttft_ms.p50
    fast = _static("nv-a100-sxm-80", "vllm", prompt=8192, answer=1).ttft_ms.p50
    assert slow / fast == pytest.approx((400.0 / 300.0) ** (1.0 / 3.0), rel=0.03)
    bandwidth = sxm.number("memory_bandwidth_gbs") / pcie.number("memory_bandwidth_gbs")
    slow = _static("nv-a100-pcie-80", "vllm", prompt=64).tpot_ms.p50
    fast = _static("nv-a100-sxm-80", "vllm", prompt=64).tpot_ms.p50
    assert slow / fast == pytest.approx(bandwidth, rel=0.02)


def test_llama_cpp_reads_no_faster_than_its_cores_can():
    engine = find_engine("llama.cpp")
    cores = CATALOG.by_id["nv-h100-pcie"].number("cores")
    weights_gb = 2 * 7.5
    found = _static("nv-h100-pcie", "llama.cpp").tpot_ms.p50
    assert found >= 1e3 * weights_gb / (cores * engine.core_read_gbs)
    free = _static("nv-h100-pcie", "llama.cpp", core_read_gbs=1000.0).tpot_ms.p50
    assert free < 0.8 * found
    # A card with slow memory has cores enough.
    found = _static("nv-l40s", "llama.cpp").tpot_ms.p50
    free = _static("nv-l40s", "llama.cpp", core_read_gbs=1000.0).tpot_ms.p50
    assert free == pytest.approx(found, rel=1e-6)


def test_copies_of_weights_cost_a_prompt_and_not_an_answer():
    with_copies = _static("nv-a100-sxm-80", "llama.cpp", prompt=1024, weights="q4_k_m")
    without = _static(
        "nv-a100-sxm-80", "llama.cpp", prompt=1024, weights="q4_k_m", weight_copies=0.0
    )
    assert with_copies.ttft_ms.p50 > 1.1 * without.ttft_ms.p50
    assert with_copies.tpot_ms.p50 == pytest.approx(without.tpot_ms.p50, rel=1e-6)
    wide = _static("nv-a100-sxm-80", "llama.cpp", prompt=1024)
    assert wide.ttft_ms.p50 < with_copies.ttft_ms.p50


def _streamed(chip, engine, *, prompt=256, clients=1, weights="bf16", **changes):
    job = ServingJob(find_model("llama-3-8b"), prompt, 64, concurrency=clients, weights=weights)
    used = replace(find_engine(engine), **changes)
    return predict_serving_cases([ServingCase(CATALOG.by_id[chip], job, ServingLayout(), used)])[0]


def test_cores_limit_how_fast_four_bits_are_unpacked():
    """Fast memory feeds an H200's cores faster than they unpack; an L20's has cores to spare."""
    free, held = {"unpack_core_gbs": 400.0}, {"unpack_core_gbs": 15.0}
    fast, unbound = (_streamed("nv-h200-sxm", "vllm", weights="int4", **c) for c in (held, free))
    cores = CATALOG.by_id["nv-h200-sxm"].number("cores")
    codes_gb = 7.0 * 4.25 / 8.0
    assert fast.tpot_ms.p50 >= 1e3 * codes_gb / (cores * 15.0)
    assert unbound.tpot_ms.p50 < 0.8 * fast.tpot_ms.p50
    slow, unbound = (_streamed("nv-l20", "vllm", weights="int4", **c) for c in (held, free))
    assert unbound.tpot_ms.p50 == pytest.approx(slow.tpot_ms.p50, rel=1e-6)
    wide, same = (_streamed("nv-h200-sxm", "vllm", **c) for c in (held, free))
    assert wide.tpot_ms.p50 == same.tpot_ms.p50


def test_unpacking_limits_long_prompts_too():
    slow = _streamed("nv-h200-sxm", "vllm", prompt=8192, weights="int4", unpack_core_gbs=4.0)
    fast = _streamed("nv-h200-sxm", "vllm", prompt=8192, weights="int4", unpack_core_gbs=400.0)
    assert slow.ttft_ms.p50 > 1.5 * fast.ttft_ms.p50


def test_larger_cores_take_a_share_of_the_bandwidth():
    """An Ascend core is no multiprocessor: a ratio holds there, whatever a core unpacks."""
    named = "hw-910b3"
    found = _streamed(named, "vllm", weights="int4")
    assert _streamed(named, "vllm", weights="int4", unpack_core_gbs=1.0) == found
    faster = _streamed(named, "vllm", weights="int4", int4_ratio=1.0)
    assert faster.tpot_ms.p50 < found.tpot_ms.p50


@pytest.mark.parametrize("simulate", [False, True])
def test_short_prompts_run_from_captured_graphs(simulate):
    """vLLM captures steps of up to 512 tokens: launches come back beyond."""
    chip, model = CATALOG.by_id["nv-h100-sxm"], find_model("llama-3-8b")

    def first(prompt, captured):
        engine = replace(find_engine("vllm", "0.11"), captured_tokens=captured)
        job = ServingJob(model, prompt, 64, concurrency=2)
        traffic = Traffic(simulate=simulate, requests=200)
        return predict_serving(chip, job, ServingLayout(), engine, 1, traffic).ttft_ms.p50

    launches = 1e3 * 32 * find_engine("vllm", "0.11").prompt_layer_s
    gain = first(256, 0.0) - first(256, 512.0)
    assert 0.3 * launches < gain < 1.2 * launches
    assert first(1024, 512.0) == pytest.approx(first(1024, 0.0), rel=1e-9)
    assert first(1024, 2048.0) < first(1024, 512.0)


def test_products_in_eight_bits_bring_their_inputs_there():
    """One more small kernel for each product: step overhead grows, nothing else does."""
    wide, small = (
        _streamed("nv-h100-sxm", "vllm", weights=w).breakdown_ms for w in ("bf16", "fp8")
    )
    layers = 32 * 1e3 * float(find_engine("vllm").layer_s)
    assert small["overhead"] - wide["overhead"] == pytest.approx(0.25 * layers, rel=0.02)


def test_experts_of_long_prompts_move_what_they_compute():
    """Inputs and outputs of the experts are written side by side, read and summed."""
    job = ServingJob(find_model("qwen3-30b-a3b"), 8192, 16, concurrency=1)
    chip = CATALOG.by_id["nv-h100-sxm"]
    case = ServingCase(chip, job, ServingLayout(), find_engine("vllm"))
    found = predict_serving_cases([case])[0].prefill_ms["overhead"]
    moved_gb = 48 * 8192 * 4 * 8 * 2048 * 2 / 1e9
    assert found > moved_gb / chip.number("memory_bandwidth_gbs") * 1e3
