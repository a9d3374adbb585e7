"""Sparse attention: the indexer, its keys, and the tokens it chooses, on numbers worked by hand."""

from dataclasses import replace
from datetime import date

import numpy as np
import pytest

from tonnage.catalog import load_catalog
from tonnage.perf import ServingCase, ServingLayout, find_engine
from tonnage.perf.serving.attention import (
    _decode_scores,
    decode_attention,
    prefill_attention,
)
from tonnage.perf.serving.case import Cases, cases_of
from tonnage.perf.serving.memory import cache_bytes, weight_bytes
from tonnage.workload import (
    Model,
    ServingJob,
    Speculation,
    count_parameters,
    decode_attention_flops,
    find_model,
    index_key_bytes,
    indexer_params,
    kv_cache_bytes,
    prefill_attention_flops,
)

CATALOG = load_catalog(date(2026, 10, 1))
LAYERS = 61
DEEPSEEK = find_model("deepseek-v3.2")


def cases(model: Model = DEEPSEEK, chip: str = "nv-h200-sxm", tp: int = 1, **job: object) -> Cases:
    asked = {"input_tokens": 1000, "output_tokens": 100, "concurrency": 1, "kv": "fp8", **job}
    served = ServingJob(model, **asked)  # type: ignore[arg-type]
    return cases_of(
        [ServingCase(CATALOG.find(chip), served, ServingLayout(tp), find_engine("vllm"))]
    )


def one(value: float) -> np.ndarray:
    return np.array([float(value)])


def dense(model: Model) -> Model:
    return replace(model, attention=replace(model.attention, indexer=None))


def test_parameters_of_an_indexer() -> None:
    # 64 heads of 128 from queries of rank 1536, one key and 64 weights from 7168, a norm with bias.
    by_hand = 1536 * 64 * 128 + 7168 * (128 + 64) + 2 * 128
    assert indexer_params(DEEPSEEK) == by_hand == 13_959_424
    more = count_parameters(DEEPSEEK).total - count_parameters(find_model("deepseek-v3")).total
    assert more == LAYERS * by_hand


def test_glm_5_with_its_draft_layer_is_the_size_of_its_files() -> None:
    # Hugging Face counts 754 B (GLM-5) and 753 B (GLM-5.2) in the released files.
    for name, billions in (("glm-5", 754), ("glm-5.2", 753)):
        count = count_parameters(find_model(name))
        assert round((count.total + count.mtp) / 1e9) == billions


def test_cache_of_a_token() -> None:
    # vLLM: 656 bytes of latent in FP8, 132 bytes of indexer key.
    assert index_key_bytes(DEEPSEEK) == 132
    assert cache_bytes(cases(), one(1))[0] == LAYERS * (656 + 132)
    assert cache_bytes(cases(kv="bf16"), one(1))[0] == LAYERS * (2 * 576 + 132)
    assert kv_cache_bytes(DEEPSEEK, 1) == LAYERS * (2 * 576 + 132)
    no_fp8 = cases(chip="hw-910b3", kv="bf16")
    assert cache_bytes(no_fp8, one(1))[0] == LAYERS * (2 * 576 + 2 * 128)
    shared = cases(find_model("glm-5.2"), kv="bf16")
    assert cache_bytes(shared, one(1))[0] == 78 * 2 * 576 + 21 * 132


def test_an_indexer_is_kept_whole_on_every_rank() -> None:
    with_it = weight_bytes(cases(tp=8, weights="fp8"))[0]
    without = weight_bytes(cases(dense(DEEPSEEK), tp=8, weights="fp8"))[0]
    assert with_it - without == pytest.approx(LAYERS * (13_959_424 - 256))


def test_flops_of_one_token_and_of_a_prompt() -> None:
    context = 100_000
    attended = 2 * 128 * (2 * 512 + 64) * 2048
    scored = 2 * 64 * 128 * context
    assert decode_attention_flops(DEEPSEEK, context) == LAYERS * (attended + scored)
    pairs = 2048 * context - 2048**2 / 2
    whole = LAYERS * (2 * 128 * 1088 * pairs + 2 * 64 * 128 * context**2 / 2)
    assert prefill_attention_flops(DEEPSEEK, context) == pytest.approx(whole)


def test_a_decoding_step_reads_the_chosen_tokens_and_every_key() -> None:
    asked, batch, context = cases(), 4, 100_000
    machine, engine = asked.machine, asked.engine
    kernel = machine.kernel_s[0]
    bandwidth = machine.memory_bandwidth[0] * machine.memory_efficiency[0] / engine.memory_ratio[0]
    bandwidth *= engine.decode_ratio[0]
    eta = machine.attention_efficiency[0]
    reading = batch * 2048 * 656 / bandwidth
    attending = 2 * batch * 128 * 1088 * 2048 / (asked.wide.peak[0] * eta * 410 / 660)
    keys = batch * context * 132 / bandwidth
    scoring = 2 * batch * 64 * 128 * context / (asked.index_rate.peak[0] * eta)
    effective = machine.memory_bandwidth[0] * machine.memory_efficiency[0]
    choosing = 12 * batch * context / effective + 4 * kernel
    by_hand = LAYERS * (max(reading, attending) + max(keys, scoring) + choosing + kernel)
    found = decode_attention(asked, one(batch), one(context))[0]
    assert found == pytest.approx(by_hand, rel=1e-9)
    assert found < 0.4 * decode_attention(cases(dense(DEEPSEEK)), one(batch), one(context))[0]


def test_sparse_kernels_run_as_their_authors_measured_on_an_h800() -> None:
    # FlashMLA's README: 410 TFLOP/s decoding from an FP8 cache, 640 in prompts, 128 heads each.
    asked = cases(chip="nv-h800-sxm", speculation=Speculation(1, 0.8))
    kernels = LAYERS * asked.machine.kernel_s[0]
    whole = decode_attention(asked, one(128), one(8192))[0]
    spent = whole - _decode_scores(asked, one(128), one(8192))[0] - kernels
    done = LAYERS * 2 * 128 * 2 * 128 * 1088 * 2048
    clock = asked.machine.sustained[0]  # of long serving over that of a short benchmark
    assert done / spent == pytest.approx(410e12 * clock, rel=0.05)
    best = asked.wide.peak[0] * asked.machine.attention_efficiency[0]
    assert best == pytest.approx(640e12 * clock, rel=0.05)


def test_a_long_prompt_takes_a_fraction_of_dense_attention() -> None:
    tokens = 120_000
    sparse = prefill_attention(cases(input_tokens=tokens), one(tokens))[0]
    plain = prefill_attention(cases(dense(DEEPSEEK), input_tokens=tokens), one(tokens))[0]
    # Pairs: 2048·n in absorbed form (1088) against n²/2 at 320, and scores of 8 bits at 64·128.
    ratio = (2048 * 1088 * 128 + tokens / 2 * 64 * 128 / 2) / (tokens / 2 * 320 * 128)
    assert sparse / plain == pytest.approx(ratio, rel=0.1)


def test_a_short_context_costs_what_dense_attention_does_and_its_scores() -> None:
    sparse = decode_attention(cases(), one(8), one(1024))[0]
    plain = decode_attention(cases(dense(DEEPSEEK)), one(8), one(1024))[0]
    assert plain < sparse < plain + LAYERS * 30e-6


def test_layers_that_share_a_choice_are_cheaper() -> None:
    shared = find_model("glm-5.2")
    each = replace(
        shared, attention=replace(shared.attention, indexer=find_model("glm-5").attention.indexer)
    )
    few, all_of_them = (decode_attention(cases(m), one(8), one(200_000))[0] for m in (shared, each))
    assert few < 0.5 * all_of_them


def test_drafted_tokens_choose_for_themselves() -> None:
    lone = decode_attention(cases(), one(8), one(50_000))[0]
    drafted = cases(speculation=Speculation(1, 0.8))
    assert lone < decode_attention(drafted, one(8), one(50_000))[0] < 2 * lone
