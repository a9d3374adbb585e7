"""What a card's power, an engine's kernels and its copies of weights do to a step's time."""

from dataclasses import replace
from datetime import date

import pytest

from tonnage.catalog import load_catalog
from tonnage.perf import ServingCase, ServingLayout, find_engine, predict_serving_cases
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
