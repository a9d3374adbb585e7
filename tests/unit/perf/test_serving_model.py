"""Memory, experts and formats of the serving model, on numbers worked out by hand."""

import re
from dataclasses import replace
from datetime import date

import numpy as np
import pytest
from scipy.optimize import brentq

from tonnage.catalog import load_catalog
from tonnage.errors import Infeasible, NotEnoughKnown
from tonnage.perf import (
    ServingCase,
    ServingLayout,
    fewest_chips,
    find_engine,
    machine_of,
    predict_serving,
    predict_serving_cases,
    search_catalog,
    search_pools,
)
from tonnage.perf.serving.case import cases_of
from tonnage.perf.serving.formats import compute_precision
from tonnage.perf.serving.memory import UNDISTURBED, VISIBLE, cache_bytes, capacity, weight_bytes
from tonnage.perf.serving.step import touched
from tonnage.workload import Arrivals, ServingJob, find_model

CATALOG = load_catalog(date(2026, 1, 1))


def cases(model: str, chip: str, layout: ServingLayout, **job: object):  # type: ignore[no-untyped-def]
    asked = ServingJob(find_model(model), **{"input_tokens": 1000, "output_tokens": 100,
                                             "concurrency": 1, **job})  # type: ignore[arg-type]  # fmt: skip
    return cases_of([ServingCase(CATALOG.find(chip), asked, layout, find_engine("vllm"))])


def test_weights_of_llama_70b_split_over_eight_chips() -> None:
    whole = weight_bytes(cases("llama-3.1-70b", "nv-h100-sxm", ServingLayout(1)))[0]
    eighth = weight_bytes(cases("llama-3.1-70b", "nv-h100-sxm", ServingLayout(8)))[0]
    assert whole == pytest.approx(2 * 70.55e9, rel=0.002)
    assert eighth == pytest.approx(whole / 8, rel=1e-6)


def test_cache_of_llama_70b_and_of_latent_attention() -> None:
    token = cache_bytes(cases("llama-3.1-70b", "nv-h100-sxm", ServingLayout(1)), 1.0)[0]
    assert token == 2 * 80 * 8 * 128 * 2
    wide = cache_bytes(cases("llama-3.1-70b", "nv-h100-sxm", ServingLayout(16)), 1.0)[0]
    assert wide == token / 8, "eight key-value heads cannot be split over sixteen chips"
    latent = cache_bytes(cases("deepseek-v3", "nv-h100-sxm", ServingLayout(8)), 1.0)[0]
    assert latent == 61 * (512 + 64) * 2, "a latent is kept whole on every chip"


def test_memory_is_counted_in_gibibytes() -> None:
    room = capacity(cases("llama-3.1-8b", "nv-h100-sxm", ServingLayout()))
    share = find_engine("vllm").memory_fraction
    assert room.usable[0] == pytest.approx(80 * 2**30 * VISIBLE * share)
    assert 0.98 < VISIBLE <= 1.0


def test_experts_that_a_batch_touches() -> None:
    assert touched(np.array([256.0]), np.array([8.0]), np.array([1.0]))[0] == pytest.approx(8.0)
    assert touched(np.array([256.0]), np.array([8.0]), np.array([1e5]))[0] == pytest.approx(256.0)
    expected = 8 * (1 - (1 - 2 / 8) ** 4)
    assert touched(np.array([8.0]), np.array([2.0]), np.array([4.0]))[0] == pytest.approx(expected)


@pytest.mark.parametrize(
    ("chip", "weights", "activations", "expected"),
    [
        ("nv-a100-sxm-80", "fp8", None, "fp8"),
        ("nv-h100-sxm", "mxfp4", None, "bf16"),
        ("nv-b200", "mxfp4", None, "fp8"),
        ("nv-b200", "nvfp4", None, "fp4"),
        ("nv-h100-sxm", "nvfp4", None, "bf16"),
        ("nv-a100-sxm-80", "int8", "int8", "int8"),
        ("nv-h20-96", "int4", None, "bf16"),
    ],
)
def test_products_run_in_what_the_chip_can(
    chip: str, weights: str, activations: str | None, expected: str
) -> None:
    rates = machine_of(CATALOG.find(chip)).rates
    assert compute_precision(weights, activations, rates) == expected


def test_eight_bit_weights_halve_reading_but_not_arithmetic_on_a_chip_without_fp8() -> None:
    chip = CATALOG.find("nv-a100-sxm-80")
    wide, small = (ServingJob(find_model("llama-3.1-8b"), 4096, 64, concurrency=1, weights=w,
                              arrivals=Arrivals.STATIC) for w in ("bf16", "fp8"))  # fmt: skip
    engine = find_engine("vllm")
    both = predict_serving_cases(
        [ServingCase(chip, j, ServingLayout(), engine) for j in (wide, small)]
    )
    assert both[1].tpot_ms.p50 < 0.75 * both[0].tpot_ms.p50
    assert both[1].ttft_ms.p50 > 0.9 * both[0].ttft_ms.p50


def test_what_does_not_fit_says_so() -> None:
    job = ServingJob(find_model("llama-3.1-70b"), 1024, 256, concurrency=1)
    found = predict_serving(CATALOG.find("nv-h100-sxm"), job, ServingLayout())
    assert not found.fits
    assert found.max_concurrency == 0
    assert "145 GB" in found.reason or "GB per chip" in found.reason


@pytest.mark.parametrize("engine", ["vllm", "sglang", "trtllm", "mindie"])
@pytest.mark.parametrize("model", ["llama-3.1-8b", "gemma-3-27b", "deepseek-v3", "qwen3.5-27b"])
def test_a_request_whose_whole_answer_outgrows_the_caches_does_not_fit(
    model: str, engine: str
) -> None:
    """Engines set part of an answer aside; at its end one request must hold all of it."""
    layout, used = ServingLayout(8), find_engine(engine)
    chip = CATALOG.find("nv-h20-96")

    def ask(output: float) -> ServingCase:
        job = ServingJob(find_model(model), 1000, output, concurrency=1, weights="fp8")
        return ServingCase(chip, job, layout, used)

    room = capacity(cases_of([ask(1000)]))
    free = (room.usable - room.weights - room.activations - room.reserve)[0]
    tokens = brentq(lambda t: cache_bytes(cases_of([ask(t)]), 1000 + t)[0] - free, 1, 1e9)
    just, over = predict_serving_cases([ask(tokens - 100), ask(tokens + 100)])
    assert just.max_concurrency >= 1
    assert just.fits
    assert over.max_concurrency == 0
    assert over.reason.startswith("does not fit: one request needs")
    needed, usable = map(float, re.findall(r"([\d.]+) GB", over.reason))
    assert needed > usable == pytest.approx(over.memory_gb_per_chip.usable, rel=0.01)
    assert predict_serving(chip, ask(tokens + 100).job, layout, used).reason == over.reason


def test_the_longest_request_of_a_load_must_fit() -> None:
    equal, spread = (
        cases("llama-3.1-8b", "nv-l20", ServingLayout(), input_tokens=1000,
              output_tokens=output, shortest_share=share)
        for output, share in ((170_000, 1.0), (250_000, 0.36))
    )  # fmt: skip
    assert spread.load.output[0] == pytest.approx(170_000)
    assert capacity(equal).sequences[0] > 1.0 > capacity(spread).sequences[0]


def test_what_runs_at_once_is_what_engines_set_aside() -> None:
    room = capacity(cases("llama-3.1-8b", "nv-l20", ServingLayout(), output_tokens=2000))
    free = room.usable - room.weights - room.activations - room.reserve
    assert room.sequences[0] == pytest.approx(free[0] / (131_072 * (1000 + 0.5 * 2000 + 8)))


def test_pools_refuse_answers_that_outgrow_a_decoding_instance() -> None:
    chip = CATALOG.find("nv-l20")
    fits, over = (
        ServingJob(find_model("llama-3.1-8b"), 1000, output) for output in (150_000, 300_000)
    )
    assert search_pools(chip, chip, fits, (1, 1)).max_concurrency >= 1
    with pytest.raises(Infeasible, match=r"decoding on .*: does not fit: one request needs 57 GB"):
        search_pools(chip, chip, over, (1, 1))


@pytest.mark.parametrize("clients", [None, 5000.0])
@pytest.mark.parametrize(("engine", "share"), [("vllm", UNDISTURBED), ("trtllm", 1.0)])
def test_pools_count_on_no_cache_that_would_be_given_up(
    engine: str, share: float, clients: float | None
) -> None:
    """A decoding batch stays within what runs undisturbed, as it does where prompts ride along."""
    chip = CATALOG.find("nv-l20")
    job = ServingJob(find_model("llama-3.1-8b"), 1024, 512, weights="fp8", concurrency=clients)
    found = search_pools(chip, chip, job, 4, find_engine(engine))
    most = found.max_concurrency / found.decode.instances
    assert 0.95 * share * most < found.decode.batch <= share * (most + 1)
    assert found.running <= share * found.max_concurrency * (1 + 1e-9) + found.decode.instances


def test_an_unknown_number_is_named() -> None:
    job = ServingJob(find_model("llama-3.1-8b"), 1024, 256)
    found = search_catalog(CATALOG.chips, job, 1)
    reasons = {k: v for k, v in found.items() if isinstance(v, str)}
    assert len(found) == len(CATALOG.chips)
    assert reasons
    assert all("known" in text or "public" in text for text in reasons.values())
    unknown = CATALOG.by_id[next(iter(reasons))]
    with pytest.raises(NotEnoughKnown):
        predict_serving(unknown, job, ServingLayout())


def test_fewest_chips_serve_the_demand() -> None:
    job = ServingJob(find_model("llama-3.1-70b"), 2048, 512, weights="fp8", request_rate=20.0,
                     tpot_ms=60.0)  # fmt: skip
    sized = fewest_chips(CATALOG.find("nv-h20-96"), job)
    assert sized.deployments * sized.estimate.requests_per_s.p50 >= 20.0
    assert (sized.deployments - 1) * sized.estimate.requests_per_s.p50 < 20.0
    assert sized.chips == sized.deployments * sized.estimate.chips


def test_a_demand_of_thousands_of_deployments_is_the_sum_of_them() -> None:
    """Each carries its share when it is asked alone, and copies of a small sizing are as many."""
    chip = CATALOG.find("nv-h20-96")
    job = ServingJob(find_model("llama-3.1-8b"), 1000, 500, weights="fp8", request_rate=1e5)
    sized = fewest_chips(chip, job, largest=2)
    share = replace(job, request_rate=1e5 / sized.deployments, arrivals=Arrivals.OPEN)
    each = predict_serving(chip, share, sized.estimate.layout)
    assert each.fits
    assert sized.deployments * each.requests_per_s.p50 == pytest.approx(1e5)
    assert sized.deployments * sized.estimate.requests_per_s.p50 >= 1e5 * (1.0 - 1e-9)
    # What one carries is told to a thousandth.
    heavier = replace(share, request_rate=share.request_rate * 1.003)
    assert not predict_serving(chip, heavier, sized.estimate.layout).fits
    small = fewest_chips(chip, replace(job, request_rate=1e3), largest=2)
    assert 100 * (small.deployments - 1) < sized.deployments <= 100.1 * small.deployments
    assert sized.needed == pytest.approx(sized.deployments, rel=0.002)
    low, high = sized.interval
    assert low < sized.chips < high


def test_a_strong_chip_prefills_for_one_with_much_bandwidth() -> None:
    job = ServingJob(find_model("deepseek-v3"), 4000, 1000, weights="fp8", tpot_ms=60.0)
    h800, h20 = CATALOG.find("nv-h800-sxm"), CATALOG.find("nv-h20-96")
    mixed = search_pools(h800, h20, job, (16, 32))
    reverse = search_pools(h20, h800, job, (16, 32))
    assert mixed.prefill.chip == "nv-h800-sxm"
    assert mixed.prefill.requests_per_s > 2 * reverse.prefill.requests_per_s


@pytest.mark.parametrize(("model", "least"), [("llama-3.1-8b", 1.02), ("qwen3-30b-a3b", 1.3)])
def test_an_engine_is_less_sure_of_a_chip_it_was_not_fitted_on(model: str, least: float) -> None:
    job = ServingJob(find_model(model), 1024, 256, concurrency=16)
    engine = find_engine("tensorrt-llm", "1.0")
    known = CATALOG.find("nv-h100-sxm")
    stranger = replace(known, id="a-chip-of-mine")
    measured = predict_serving(known, job, ServingLayout(2), engine)
    guessed = predict_serving(stranger, job, ServingLayout(2), engine)
    assert guessed.tpot_ms.p50 == pytest.approx(measured.tpot_ms.p50, rel=0.01)
    assert guessed.sigma > least * measured.sigma
    assert guessed.ttft_ms.p90 > measured.ttft_ms.p90


def test_an_engine_made_on_one_makers_chips_is_unsure_of_anothers() -> None:
    job = ServingJob(find_model("llama-3.1-8b"), 1024, 256, concurrency=16)
    engine = find_engine("vllm")
    sigma = {
        name: predict_serving(CATALOG.find(name), job, ServingLayout(), engine).sigma
        for name in ("nv-h20-96", "amd-mi300x")
    }
    early = find_engine("vllm", "0.6.1", 2024, "AMD")
    fitted = predict_serving(CATALOG.find("amd-mi300x"), job, ServingLayout(), early).sigma
    assert sigma["amd-mi300x"] > 0.4
    assert sigma["nv-h20-96"] < 0.25
    assert fitted < 0.2
