import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tonnage.errors import DataError, InputError
from tonnage.workload import (
    Attention,
    Convention,
    Experts,
    Model,
    ServingJob,
    TrainingJob,
    count_parameters,
    decode_attention_flops,
    find_model,
    forward_flops_per_token,
    forward_matmul_flops,
    kv_cache_elements,
    load_models,
    prefill_attention_flops,
    recurrent_state_elements,
    training_flops_per_token,
)
from tonnage.workload.shape import model_from_words

ALL = [entry.model for entry in load_models()]
some_model = st.sampled_from(ALL)


@given(some_model)
def test_parts_add_up_and_active_is_at_most_total(model: Model) -> None:
    count = count_parameters(model)
    assert count.active <= count.total
    parts = count.to_dict()
    for part in ("total", "active", "idle_experts", "mtp"):
        parts.pop(part)
    assert sum(parts.values()) == count.total


@given(some_model, st.integers(1, 200_000), st.integers(1, 200_000))
def test_cache_and_attention_never_shrink_with_context(model: Model, one: int, two: int) -> None:
    short, long = sorted((one, two))
    assert kv_cache_elements(model, short) <= kv_cache_elements(model, long)
    assert decode_attention_flops(model, short) <= decode_attention_flops(model, long)
    assert prefill_attention_flops(model, short) <= prefill_attention_flops(model, long)


@given(some_model, st.integers(1, 100_000))
def test_half_of_the_square_is_causal(model: Model, tokens: int) -> None:
    causal = prefill_attention_flops(model, tokens)
    full = prefill_attention_flops(model, tokens, causal=False)
    assert causal <= full * (1 + 1e-12)
    if not model.window_layers and not model.sparse_layers:
        assert causal == pytest.approx(full / 2)


@given(some_model)
def test_matmul_flops_are_twice_the_active_weights(model: Model) -> None:
    count = count_parameters(model)
    weights = count.active - count.embedding - count.head
    weights += model.vocab * model.hidden
    flops = forward_matmul_flops(model)
    if model.recurrent is None:
        assert flops == pytest.approx(2 * weights, rel=0.01)
    else:
        assert flops >= 2 * (weights - count.norms) * 0.999


@given(some_model, st.integers(128, 65536))
def test_conventions_are_ordered(model: Model, seq: int) -> None:
    causal = training_flops_per_token(model, seq, Convention.CAUSAL)
    full = training_flops_per_token(model, seq, Convention.FULL)
    assert causal <= full * (1 + 1e-12)
    assert full == pytest.approx(3 * forward_flops_per_token(model, seq, causal=False))
    assert training_flops_per_token(model, seq, Convention.SIX_N) > 0


def test_sliding_windows_bound_the_cache() -> None:
    gemma = find_model("gemma-3-27b")
    grown = kv_cache_elements(gemma, 100_000) / kv_cache_elements(gemma, 1000)
    assert gemma.window_layers == 52
    assert grown < 20


def test_a_window_of_attention_counts_the_band_only() -> None:
    model = find_model("mistral-7b")
    tokens, window = 32_768, 4096
    pairs = sum(min(i + 1, window) for i in range(tokens)) * 32
    assert prefill_attention_flops(model, tokens) == pytest.approx(4 * 32 * 128 * pairs, rel=1e-3)


def test_hybrids_keep_a_state() -> None:
    hybrid = find_model("qwen3-next-80b-a3b")
    assert hybrid.attention_layers == 12
    assert recurrent_state_elements(hybrid) == 36 * 32 * 128 * 128
    assert recurrent_state_elements(find_model("llama-2-7b")) == 0


def test_layers_with_experts() -> None:
    assert find_model("llama-4-maverick").expert_layers == 24
    assert find_model("llama-4-maverick").dense_layers == 24
    assert find_model("deepseek-v3").expert_layers == 58
    assert find_model("deepseek-v3").dense_layers == 3
    assert find_model("mixtral-8x7b").dense_layers == 0
    assert find_model("arctic-480b").dense_layers == 35


def test_padding() -> None:
    assert find_model("gpt3-175b").padded_vocab(1024) == 51200
    assert find_model("gpt3-175b").padded_vocab(1) == 50257


def test_dense_model_has_no_expert_parameters() -> None:
    from tonnage.workload import expert_params

    with pytest.raises(ValueError, match="no experts"):
        expert_params(find_model("llama-2-7b"))


def test_data_files_refuse_unknown_and_missing_words() -> None:
    with pytest.raises(DataError, match="missing"):
        model_from_words("x", "X", {"layers": 1, "typo": 2})


@pytest.mark.parametrize(
    ("field", "value"),
    [("seq_len", 0), ("seq_len", -5), ("global_batch", math.nan), ("precision", "fp7"),
     ("tokens", -1.0), ("lora_rank", 0)],
)  # fmt: skip
def test_training_jobs_refuse_nonsense(field: str, value: object) -> None:
    good = {"model": ALL[0], "seq_len": 2048, "global_batch": 8}
    with pytest.raises(InputError) as caught:
        TrainingJob(**{**good, field: value})
    assert [fault.field for fault in caught.value.faults] == [field]


@pytest.mark.parametrize(
    ("field", "value"),
    [("input_tokens", -1), ("output_tokens", 0), ("concurrency", math.inf), ("kv", "fp3"),
     ("prefix_hit_rate", 1.0), ("shortest_share", 0.0), ("ttft_ms", -2.0)],
)  # fmt: skip
def test_serving_jobs_refuse_nonsense(field: str, value: object) -> None:
    good = {"model": ALL[0], "input_tokens": 128, "output_tokens": 128}
    with pytest.raises(InputError) as caught:
        ServingJob(**{**good, field: value})
    assert [fault.field for fault in caught.value.faults] == [field]


def test_a_load_is_closed_or_open_but_not_both() -> None:
    with pytest.raises(InputError, match="not both"):
        ServingJob(ALL[0], 1, 1, concurrency=4, request_rate=2)


def test_mixture_beside_a_dense_part_counts_both() -> None:
    attention = Attention(8, 8, 16)
    experts = Experts(4, 2, 64, beside_dense=True)
    model = Model("m", "M", 2, 128, 256, True, attention, 1000, False, experts=experts)
    assert model.dense_layers == 2
    assert count_parameters(model).dense_ffn == 2 * 3 * 128 * 256
