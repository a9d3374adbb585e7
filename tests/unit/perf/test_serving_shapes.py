"""Weights, caches and states of every kind of model as served, against counts from its shape."""

from dataclasses import replace
from datetime import date

import numpy as np
import pytest

from tonnage.catalog import load_catalog
from tonnage.perf import ServingCase, ServingLayout, find_engine
from tonnage.perf.serving.attention import decode_attention, prefill_attention
from tonnage.perf.serving.case import Cases, cases_of
from tonnage.perf.serving.memory import cache_bytes, weight_bytes
from tonnage.perf.serving.step import collectives, decode_step
from tonnage.workload import (
    Model,
    ServingJob,
    Speculation,
    count_parameters,
    find_model,
    kv_cache_bytes,
    load_models,
    prefill_attention_flops,
    recurrent_state_bytes,
)

H200 = load_catalog(date(2026, 10, 1)).by_id["nv-h200-sxm"]
ALL = [entry.model for entry in load_models()]


def cases(*models: Model, layout: ServingLayout | None = None, **job: object) -> Cases:
    asked = {"input_tokens": 1000, "output_tokens": 100, "concurrency": 1, **job}
    engine, spread = find_engine("vllm"), layout or ServingLayout()
    jobs = [ServingJob(model, **asked) for model in models]  # type: ignore[arg-type]
    return cases_of([ServingCase(H200, served, spread, engine) for served in jobs])


def one(value: float) -> np.ndarray:
    return np.array([float(value)])


def test_weights_of_every_model_are_its_parameters() -> None:
    stored = weight_bytes(cases(*ALL)) / 2
    for model, served in zip(ALL, stored, strict=True):
        counted = count_parameters(model).total - model.outside_params
        # Learned positions, biases and norms are left out: they count in tiny models only.
        allowed = 0.004 if counted > 1e9 else 0.014
        assert served == pytest.approx(counted, rel=allowed), model.id


@pytest.mark.parametrize("context", [1, 1000, 100_000])
def test_caches_of_every_model_are_those_of_its_shape(context: int) -> None:
    kept = cache_bytes(cases(*ALL), np.full(len(ALL), float(context)))
    for model, served in zip(ALL, kept, strict=True):
        counted = kv_cache_bytes(model, context) + recurrent_state_bytes(model)
        assert served == pytest.approx(counted, rel=1e-9), model.id


@pytest.mark.parametrize(
    ("name", "kilobytes"),
    [
        # 2 · key-value heads · width · layers · 2 bytes, or (512 + 64) · layers · 2 bytes.
        ("llama-3.1-8b", 131.072),
        ("llama-3.1-70b", 327.680),
        ("llama-3.1-405b", 516.096),
        ("qwen3-32b", 262.144),
        ("qwen3-235b-a22b", 192.512),
        ("qwen3-30b-a3b", 98.304),
        ("minimax-m2", 253.952),
        ("deepseek-v3", 70.272),
        ("kimi-k2.5", 70.272),
        ("gpt-oss-120b", 73.728),
        ("llama-4-maverick", 196.608),
        ("gemma-3-27b", 507.904),
        ("qwen3-next-80b-a3b", 24.576),
        ("nemotron-3-nano-30b-a3b", 6.144),
    ],
)
def test_cache_of_a_token_in_16_bits(name: str, kilobytes: float) -> None:
    assert kv_cache_bytes(find_model(name), 1) == kilobytes * 1000


def test_windows_stop_the_cache_from_growing() -> None:
    # gpt-oss: every second of 36 layers keeps 128 tokens of 2 · 8 · 64 numbers; Gemma 3: 52 of 62
    # keep 1,024 of 2 · 16 · 128.
    oss, gemma = find_model("gpt-oss-120b"), find_model("gemma-3-27b")
    assert kv_cache_bytes(oss, 10_000) == 2 * 1024 * 18 * (10_000 + 128)
    assert kv_cache_bytes(gemma, 10_000) == 2 * 4096 * (10 * 10_000 + 52 * 1024)


def test_chunks_are_half_full_in_the_mean() -> None:
    # Llama 4 Scout: 36 of 48 layers see chunks of 8,192; 40 heads of 128.
    model = find_model("llama-4-scout")
    tokens, chunk = 64 * 8192, 8192
    within = sum(i % chunk + 1 for i in range(0, tokens, 64)) * 64
    pairs = 12 * tokens**2 / 2 + 36 * within
    assert prefill_attention_flops(model, tokens) == pytest.approx(4 * 40 * 128 * pairs, rel=0.01)
    slid = replace(model, attention=replace(model.attention, chunked=False))
    narrow, wide = (prefill_attention(cases(m), one(tokens))[0] for m in (model, slid))
    saved = 36 * tokens * chunk / 2 / (12 * tokens**2 / 2 + 36 * tokens * chunk)
    assert 1 - narrow / wide == pytest.approx(saved, rel=0.05)


def test_state_of_a_hybrid() -> None:
    # 36 layers: 32 states of 128 x 128 in 32 bits, three inputs of 8,192 convolved columns.
    by_hand = 36 * (4 * 32 * 128 * 128 + 2 * 3 * (2 * 16 * 128 + 32 * 128))
    assert recurrent_state_bytes(find_model("qwen3-next-80b-a3b")) == by_hand == 77_266_944


def test_latent_projections_into_ranks_are_whole_on_every_rank() -> None:
    model = find_model("deepseek-v3")
    split = weight_bytes(cases(model, layout=ServingLayout(8), weights="fp8"))[0]
    whole = weight_bytes(cases(model, weights="fp8"))[0]
    down = 61 * 7168 * (1536 + 512 + 64)
    assert split == pytest.approx((whole - down) / 8 + down, rel=1e-9)


def test_an_output_gate_is_read_and_multiplied() -> None:
    model = find_model("qwen3.5-27b")
    bare = replace(model, attention=replace(model.attention, output_gate=False))
    with_gate, without = weight_bytes(cases(model, bare))
    assert with_gate - without == 2 * 16 * 5120 * 24 * 256
    steps = decode_step(cases(model, bare), np.ones(2), np.full(2, 100.0))
    assert steps.products[0] > steps.products[1]


def test_tokens_travel_to_experts_in_their_latent_width() -> None:
    model = find_model("nemotron-3-super-120b-a12b")
    assert model.experts is not None
    assert model.experts.latent == model.hidden // 4
    wide = replace(model, experts=replace(model.experts, latent=0))
    spread = ServingLayout(1, 1, 8, 8)
    rows = np.full(2, 8192.0)
    narrow, full = collectives(cases(model, wide, layout=spread), rows)
    assert narrow == pytest.approx(full / 4, rel=0.15)


def test_a_prompt_of_a_hybrid_takes_its_scan() -> None:
    hybrid = find_model("qwen3-next-80b-a3b")
    asked = cases(hybrid)
    long, short = (prefill_attention(asked, one(n))[0] for n in (64_000, 32_000))
    quadratic = 12 * (64_000**2 - 32_000**2) / 2 * 4 * 16 * 256
    rate = asked.wide.peak[0] * asked.machine.attention_efficiency[0]
    attention = quadratic / (rate * asked.engine.attention_ratio[0])
    # 4 passes over 12,352 + 4,096 columns in 16 bits and a chunk's state: what 36 scans move.
    moved = 36 * 32_000 * (4 * 2 * (12_352 + 4096) + 2 * 2_146_304 / 64)
    scan = moved / (asked.machine.memory_bandwidth[0] * asked.machine.memory_efficiency[0])
    assert long - short == pytest.approx(attention + scan, rel=0.02)


def test_drafting_takes_memory_for_its_layer_and_time_for_its_head() -> None:
    model = find_model("deepseek-v3")
    plain = cases(model, weights="fp8")
    drafted = cases(model, weights="fp8", speculation=Speculation(1, 0.8))
    more = weight_bytes(drafted)[0] - weight_bytes(plain)[0]
    assert more == pytest.approx(count_parameters(model).mtp, rel=0.06)
    assert cache_bytes(drafted, one(1))[0] == cache_bytes(plain, one(1))[0] * 62 / 61
    rows = decode_step(drafted, one(8), one(1000)).total[0]
    twice = decode_step(plain, one(16), one(1000)).total[0]
    # Sixteen rows over eight caches, one more layer and head.
    assert 0.97 * twice < rows < 1.1 * twice


def test_a_verified_draft_reads_the_cache_once() -> None:
    model = find_model("llama-3.1-70b")
    plain = decode_attention(cases(model), one(8), one(8000))[0]
    drafted = decode_attention(cases(model, speculation=Speculation(3, 0.7)), one(8), one(8000))[0]
    assert drafted == pytest.approx(plain, rel=1e-9)
