"""Attention of a serving step: over the caches when decoding, over the prompt before.

Seconds for all layers on one replica, axis [case].
"""

from __future__ import annotations

import numpy as np

from tonnage.perf.attention import attention_flops, fused_seconds
from tonnage.perf.serving.arrays import Number
from tonnage.perf.serving.case import Cases
from tonnage.perf.serving.memory import local_kv_width, token_bytes

WIDE_GROUP = 16.0
"""Query heads of one key-value head that decode kernels are made for; wider groups (Falcon) share
half as well. Our fit to TensorRT-LLM 0.5 to 0.9."""
SPARSE_HEADS = 64.0
"""Query heads that kernels for chosen tokens of a latent cache are made for: vLLM pads fewer to as
many on Hopper (its backend `flashmla_sparse`)."""
UNPACKED = 410.0 / 660.0
"""Rate of attention to chosen tokens of an 8-bit latent cache, unpacked on the way, over that to a
dense 16-bit one: what FlashMLA's authors measured on an H800 (its README)."""
SCORE_BYTES = 12.0
"""Bytes moved per scored pair: an FP32 score is written once and read twice to find the best; our
assumption."""
SCAN_CHUNK = 64.0
"""Tokens that chunked kernels of linear attention take at a time (flash-linear-attention)."""
SCAN_FLOPS = 11.0
"""Operations a token and number of the state: 6 between chunks (read, update, correct) and 5 within
one of 64 tokens for states of 128 x 128; our count of the gated delta rule's products."""
SCAN_PASSES = 4.0
"""Times that inputs and outputs of such a layer go through memory, a kernel each; our count."""
INDEX_KERNELS = 4.0
"""Kernels of an indexer beside its products: rotary and quantization, scores, choice; our
assumption."""


def decode_attention(cases: Cases, batch: Number, context: Number) -> Number:
    """max(cache bytes / (B·eta), FLOPs / (P·eta)) a layer: every sequence reads its own cache.

    A sparse layer reads the chosen tokens only, and its indexer the keys of all.
    """
    s, machine = cases.shape, cases.machine
    windowed = s.window_share * s.attention_layers
    seen = np.where(s.window > 0, np.minimum(context, s.window), context)
    full = s.attention_layers - windowed - s.sparse_layers
    heads = np.maximum(s.heads / cases.layout.tp, 1.0)
    whole = (full + s.sparse_layers) * context
    kept, met = windowed * seen * s.window_kv, windowed * seen * s.window_pairs
    time = _decode(cases, batch, whole + kept, whole + met, heads)
    if np.any(s.sparse_layers > 0):
        padded = np.where(s.kv_rank > 0, np.maximum(heads, SPARSE_HEADS), heads)
        rest = full * context
        chosen = rest + met + s.sparse_layers * np.minimum(context, s.topk)
        # Every drafted token chooses for itself.
        union = np.minimum((1.0 + cases.load.drafts) * s.topk, context)
        small = (s.kv_rank > 0) & (cases.kv_bytes <= 1.0)
        padded = padded / np.where(small, UNPACKED, 1.0)
        few = _decode(cases, batch, rest + kept + s.sparse_layers * union, chosen, padded)
        sparse = np.minimum(time, few) + _decode_scores(cases, batch, context)
        time = np.where(s.sparse_layers > 0, sparse, time)
    return time + s.attention_layers * machine.kernel_s


def _decode(cases: Cases, batch: Number, kept: Number, tokens: Number, heads: Number) -> Number:
    """Seconds to read `kept` tokens (over all layers) a sequence and attend to `tokens` a query.

    Recurrent states are read and written on the way.
    """
    s, machine = cases.shape, cases.machine
    state = 2.0 * s.recurrent_layers * s.recurrent_bytes * batch / cases.layout.tp
    read = batch * kept * token_bytes(cases)
    latent = s.kv_rank > 0
    width = np.where(latent, 2.0 * s.kv_rank + s.rope_dim, s.qk_dim + s.v_dim)
    shared = np.where(latent, 1.0, np.maximum(s.heads / np.maximum(s.kv_heads, 1.0), 1.0))
    exponent = cases.engine.sharing * np.where(shared > WIDE_GROUP, 2.0, 1.0)
    read = read * shared ** np.minimum(exponent, 1.0)
    rows = 1.0 + cases.load.drafts
    flops = 2.0 * batch * rows * heads * width * tokens
    memory = (read + state) / _read_rate(cases)
    compute = flops / (cases.wide.peak * machine.attention_efficiency)
    return np.maximum(memory, compute)


def _read_rate(cases: Cases) -> Number:
    """Bytes/s at which decode kernels read caches."""
    machine, engine = cases.machine, cases.engine
    efficiency = machine.memory_efficiency / engine.memory_ratio
    return machine.memory_bandwidth * efficiency * engine.decode_ratio


def _decode_scores(cases: Cases, batch: Number, context: Number) -> Number:
    """Seconds of all indexers of a step; each rank scores every token with every head."""
    s, machine = cases.shape, cases.machine
    rows = 1.0 + cases.load.drafts
    pairs = batch * rows * context
    keys = batch * context * cases.index_bytes / _read_rate(cases)
    compute = _score_seconds(cases, pairs)
    choice = SCORE_BYTES * pairs / (machine.memory_bandwidth * machine.memory_efficiency)
    each = np.maximum(keys, compute) + choice + INDEX_KERNELS * machine.kernel_s
    return s.scoring_layers * each


def _score_seconds(cases: Cases, pairs: Number) -> Number:
    """2·a_i·d_i FLOPs a pair at the 8-bit rate and attention's efficiency."""
    s = cases.shape
    flops = 2.0 * s.index_heads * s.index_dim * pairs
    return flops / (cases.index_rate.peak * cases.machine.attention_efficiency)


def prefill_attention(cases: Cases, tokens: Number) -> Number:
    """Seconds of causal attention of one prompt of `tokens`, all layers, cached prefix included.

    Kernels split the keys where few queries are fresh, so they are as efficient as with the whole.
    """
    s, machine = cases.shape, cases.machine
    heads = np.maximum(s.heads / cases.layout.tp, 1.0)
    fresh = 1.0 - cases.load.hit
    pairs = 0.5 * tokens * (1.0 - cases.load.hit**2)
    band = np.where(s.window > 0, np.minimum(pairs, s.window_fill * s.window * fresh), pairs)
    seen = (1.0 - s.window_share) * pairs + s.window_share * band * s.window_pairs
    flops = attention_flops(1.0, heads, tokens, seen, s.qk_dim, s.v_dim)
    moved = tokens * (heads * (s.qk_dim + s.v_dim) + local_kv_width(cases)) * 2.0
    one = fused_seconds(
        machine, cases.wide, flops, tokens, moved, efficiency=cases.engine.attention_ratio
    )
    time = s.attention_layers * one
    if np.any(s.sparse_layers > 0):
        time = np.where(s.sparse_layers > 0, _prefill_sparse(cases, tokens, one, moved), time)
    if np.any(s.recurrent_layers > 0):
        time = time + s.recurrent_layers * _scan(cases, tokens * fresh)
    return time


def _scan(cases: Cases, tokens: Number) -> Number:
    """Seconds of one recurrent layer over a prompt's tokens, beside its projections.

    `SCAN_FLOPS` operations a token and number of the state at attention's efficiency, or what goes
    through memory: inputs and outputs in several passes, and the state once a chunk there and back.
    """
    s, machine, tp = cases.shape, cases.machine, cases.layout.tp
    eta = machine.attention_efficiency * cases.engine.attention_ratio
    compute = SCAN_FLOPS * s.recurrent_state / tp * tokens / (cases.wide.peak * eta)
    streams = SCAN_PASSES * 2.0 * (s.recurrent_in + s.recurrent_out) / tp
    states = 2.0 * s.recurrent_bytes / tp / SCAN_CHUNK
    rate = machine.memory_bandwidth * machine.memory_efficiency
    return np.maximum(compute, tokens * (streams + states) / rate) + SCAN_PASSES * machine.kernel_s


def _prefill_sparse(cases: Cases, tokens: Number, dense: Number, moved: Number) -> Number:
    """Seconds where some layers attend to chosen tokens: those in absorbed form, or all as dense.

    Pairs of n queries, the first hn of them cached, with k tokens each: M(n) - M(hn), M(x) = x²/2
    up to k and kx - k²/2 beyond.
    """
    s, machine = cases.shape, cases.machine
    heads = np.maximum(s.heads / cases.layout.tp, 1.0)
    latent = s.kv_rank > 0
    padded = np.where(latent, np.maximum(heads, SPARSE_HEADS), heads)
    width = np.where(latent, 2.0 * s.kv_rank + s.rope_dim, s.qk_dim + s.v_dim)
    known = cases.load.hit * tokens
    pairs = _reached(tokens, s.topk) - _reached(known, s.topk)
    few = fused_seconds(
        machine, cases.wide, 2.0 * padded * pairs * width, tokens, moved,
        efficiency=cases.engine.attention_ratio,
    )  # fmt: skip
    scored = 0.5 * (tokens**2 - known**2)
    choice = SCORE_BYTES * scored / (machine.memory_bandwidth * machine.memory_efficiency)
    score = _score_seconds(cases, scored) / cases.engine.attention_ratio + choice
    score = score + INDEX_KERNELS * machine.kernel_s
    full = s.attention_layers - s.sparse_layers
    chosen = np.minimum(dense, few)
    return full * dense + s.sparse_layers * chosen + s.scoring_layers * score


def _reached(tokens: Number, most: Number) -> Number:
    short = np.minimum(tokens, most)
    return 0.5 * short**2 + most * np.maximum(tokens - most, 0.0)
