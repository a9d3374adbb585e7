"""What must hold of attention in serving, whatever chip, model and layout."""

from dataclasses import replace
from datetime import date
from functools import lru_cache

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from tonnage.catalog import load_catalog
from tonnage.perf import ServingCase, ServingLayout, find_engine
from tonnage.perf.serving.attention import _decode_scores, decode_attention, prefill_attention
from tonnage.perf.serving.case import Cases, cases_of
from tonnage.workload import Model, ServingJob, find_model

CHIPS = (
    "nv-h20-96",
    "nv-h100-sxm",
    "nv-b200",
    "nv-a800-sxm-80",
    "nv-l20",
    "hw-910b3",
    "amd-mi300x",
)
SPARSE = ("deepseek-v3.2", "glm-5", "glm-5.2", "minimax-m3")
LAWS = settings(max_examples=60, deadline=None, derandomize=True)


@lru_cache
def asked(chip: str, model: Model, tp: int, kv: str, hit: float = 0.0) -> Cases:
    device = load_catalog(date(2026, 10, 1)).by_id[chip]
    job = ServingJob(model, 1000, 100, concurrency=1, kv=kv, prefix_hit_rate=hit)
    engine = find_engine(None, vendor=device.vendor)
    return cases_of([ServingCase(device, job, ServingLayout(tp), engine)])


def dense(name: str) -> Model:
    model = find_model(name)
    return replace(model, attention=replace(model.attention, indexer=None))


def one(value: float) -> np.ndarray:
    return np.array([float(value)])


chips, sparse = st.sampled_from(CHIPS), st.sampled_from(SPARSE)
ways, caches = st.sampled_from([1, 2, 4, 8]), st.sampled_from(["bf16", "fp8"])
lengths = st.floats(0.0, 6.0).map(lambda power: round(10.0**power))


@LAWS
@given(chips, sparse, ways, st.integers(1, 512), lengths)
def test_sparse_decoding_costs_at_most_dense_attention_and_its_indexer(
    chip: str, model: str, tp: int, batch: int, context: int
) -> None:
    few = asked(chip, find_model(model), tp, "bf16")
    scores = _decode_scores(few, one(batch), one(context))[0]
    found = decode_attention(few, one(batch), one(context))[0]
    plain = decode_attention(asked(chip, dense(model), tp, "bf16"), one(batch), one(context))[0]
    assert found <= (plain + scores) * (1 + 1e-12)


@LAWS
@given(chips, sparse, ways, st.sampled_from([0.0, 0.3, 0.9]), lengths)
def test_sparse_prefill_costs_at_most_dense_attention_and_its_indexer(
    chip: str, model: str, tp: int, hit: float, tokens: int
) -> None:
    few, plain = (asked(chip, m, tp, "bf16", hit) for m in (find_model(model), dense(model)))
    scored = 0.5 * (tokens**2 - (hit * tokens) ** 2)
    indexer = find_model(model).attention.indexer
    assert indexer is not None
    machine = few.machine
    each = 2 * indexer.heads * indexer.head_dim * scored
    each /= few.index_rate.peak[0] * machine.attention_efficiency[0]
    each /= few.engine.attention_ratio[0]
    each += 12 * scored / (machine.memory_bandwidth[0] * machine.memory_efficiency[0])
    scores = few.shape.scoring_layers[0] * (each + 4 * machine.kernel_s[0])
    found = prefill_attention(few, one(tokens))[0]
    assert found <= (prefill_attention(plain, one(tokens))[0] + scores) * (1 + 1e-9)


@LAWS
@given(chips, st.sampled_from([*SPARSE, "deepseek-v3", "gpt-oss-120b", "qwen3-next-80b-a3b"]), ways,
       caches, st.integers(1, 256), st.integers(1, 256), lengths, lengths)  # fmt: skip
def test_attention_grows_with_batch_and_context(
    chip: str, model: str, tp: int, kv: str, batch: int, more: int, context: int, longer: int
) -> None:
    few = asked(chip, find_model(model), tp, kv)
    low = decode_attention(few, one(batch), one(context))[0]
    assert decode_attention(few, one(batch + more), one(context))[0] >= low * (1 - 1e-12)
    assert decode_attention(few, one(batch), one(context + longer))[0] >= low * (1 - 1e-12)
    prompt = prefill_attention(few, one(context))[0]
    assert prefill_attention(few, one(context + longer))[0] >= prompt * (1 - 1e-9)
