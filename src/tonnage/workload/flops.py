"""Floating-point operations of a model, from the shape alone. A multiply-add counts as two."""

from __future__ import annotations

from enum import StrEnum

from tonnage.workload.count import count_parameters
from tonnage.workload.model import Attention, Model

BACKWARD_RATIO = 2.0
"""The backward pass does each forward matrix product twice: for inputs and for weights."""
STATE_OPERATIONS = 6.0
"""Decay, update and read of one number of a recurrent state, two operations each (our count)."""


class Convention(StrEnum):
    """How a source counts the model FLOPs of one trained token."""

    FULL = "full"
    """Matrix products, and attention over the whole square (Megatron-LM; Narayanan 2021)."""
    CAUSAL = "causal"
    """Matrix products, and only the half of attention that a causal mask leaves."""
    SIX_N = "6N"
    """6 · active parameters, embeddings included, and attention over the whole square (PaLM)."""


def forward_matmul_flops(model: Model) -> float:
    """2·(active - embedding - norms): matrix products of one token, without attention scores.

    A tied head still is a product, so it is counted once however it is stored. Recurrent layers add
    6 operations for each number of their state.
    """
    count = count_parameters(model)
    products = count.active - count.embedding - count.head - count.norms
    head = model.vocab * model.hidden
    state = STATE_OPERATIONS * model.recurrent_layers
    state *= model.recurrent.state if model.recurrent else 0
    return 2.0 * (products + head) + state


def index_flops_per_pair(model: Model) -> float:
    """2·a_i·d_i: the indexer's score of one query and one key in one layer that has one."""
    indexer = model.attention.indexer
    return 2.0 * indexer.heads * indexer.head_dim if indexer else 0.0


def attention_flops_per_pair(
    model: Model, absorbed: bool = False, attention: Attention | None = None
) -> float:
    """2·a·(d + dv) for one query and one key in one layer: scores and weighted sum over all heads.

    MLA: 2·a·(dn + dr + dv); in absorbed form (decode) 2·a·(2·rkv + dr), as the latent is read in
    place of keys and values. `attention`: of layers with a window, if not the full ones'.
    """
    attention = attention or model.attention
    latent = attention.latent
    if latent is None:
        return 2.0 * attention.heads * (attention.head_dim + attention.value_width)
    if absorbed:
        return 2.0 * attention.heads * (2 * latent.kv_lora_rank + latent.qk_rope_head_dim)
    keys = latent.qk_nope_head_dim + latent.qk_rope_head_dim
    return 2.0 * attention.heads * (keys + latent.v_head_dim)


def decode_attention_flops(model: Model, context: float) -> float:
    """Attention of one new token over `context` kept tokens, all layers.

    Windows see w of them, sparse layers topk, whose choice takes a score of each.
    """
    window, indexer = model.attention.window, model.attention.indexer
    windowed, sparse = model.window_layers if window else 0, model.sparse_layers
    seen = min(context, window) if window else context
    chosen = min(context, indexer.topk) if indexer else context
    full = model.attention_layers - windowed - sparse
    pairs = full * context + sparse * chosen
    scores = index_flops_per_pair(model) * model.scoring_layers * context
    within = attention_flops_per_pair(model, True, model.attention.narrow) * windowed * seen
    return attention_flops_per_pair(model, absorbed=True) * pairs + within + scores


def prefill_attention_flops(model: Model, tokens: float, causal: bool = True) -> float:
    """Attention of a whole prompt of n tokens, all layers.

    A full layer has n²/2 pairs (n² if not `causal`), a layer with a window w has
    n·w - w²/2 of them if n > w (n·w/2 in chunks), and so has a sparse one that attends to w
    tokens; latent attention to chosen tokens runs in absorbed form where that is less. An indexer
    scores n²/2 pairs.
    """
    window, indexer = model.attention.window, model.attention.indexer
    windowed, sparse = model.window_layers if window else 0, model.sparse_layers
    square = tokens * tokens / (2.0 if causal else 1.0)
    band = _band(tokens, window, causal)
    if model.attention.chunked and window:
        band = min(band, tokens * window / (2.0 if causal else 1.0))
    pair = attention_flops_per_pair(model)
    within = attention_flops_per_pair(model, False, model.attention.narrow)
    flops = pair * (model.attention_layers - windowed - sparse) * square + within * windowed * band
    if indexer is None:
        return flops
    chosen = attention_flops_per_pair(model, absorbed=True) * _band(tokens, indexer.topk, causal)
    flops += sparse * min(pair * square, chosen)
    return flops + index_flops_per_pair(model) * model.scoring_layers * square


def _band(tokens: float, width: int | None, causal: bool) -> float:
    """Pairs of n queries with the last (or best) `width` tokens before each."""
    square = tokens * tokens / (2.0 if causal else 1.0)
    if not width or tokens <= width:
        return square
    return min(square, tokens * width - (width * width / 2.0 if causal else 0.0))


def forward_flops_per_token(model: Model, seq_len: float, causal: bool = True) -> float:
    """Matrix products and the mean share of attention of a token in a sequence of `seq_len`."""
    attention = prefill_attention_flops(model, seq_len, causal) / seq_len
    return forward_matmul_flops(model) + attention


def training_flops_per_token(
    model: Model, seq_len: float, convention: Convention = Convention.FULL
) -> float:
    """3 · forward FLOPs, by one of the `Convention`s; recomputation is never counted here.

    FULL equals 72·L·h²·(1 + s/6h + V/12hL) for a GPT with ffn = 4h (Narayanan et al. 2021,
    arXiv 2104.04473, equation 3, without its recomputation term).
    """
    causal = convention is Convention.CAUSAL
    if convention is Convention.SIX_N:
        attention = prefill_attention_flops(model, seq_len, causal=False) / seq_len
        return 3.0 * (2.0 * count_parameters(model).active + attention)
    return (1.0 + BACKWARD_RATIO) * forward_flops_per_token(model, seq_len, causal)
