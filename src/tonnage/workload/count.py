"""Parameters of a model, and what its cache keeps, from the shape alone."""

from __future__ import annotations

from dataclasses import dataclass

from tonnage.workload.model import Attention, Experts, Model


@dataclass(frozen=True, slots=True)
class ParameterCount:
    """Parameters by part; every part is summed over the layers that have it."""

    embedding: int
    """Token embedding and learned positions."""
    head: int
    """Output projection; 0 where it is tied to the embedding."""
    attention: int
    recurrent: int
    dense_ffn: int
    routed_experts: int
    shared_experts: int
    router: int
    norms: int
    outside: int
    """Outside the decoder (a vision tower)."""
    idle_experts: int
    """Of `routed_experts`: those that one token does not go to."""
    mtp: int
    """Multi-token-prediction layers; not in the total."""

    @property
    def total(self) -> int:
        """Return the sum of the parts, without the multi-token-prediction layers."""
        blocks = self.attention + self.recurrent + self.dense_ffn + self.norms
        moe = self.routed_experts + self.shared_experts + self.router
        return self.embedding + self.head + blocks + moe + self.outside

    @property
    def active(self) -> int:
        """Return total - idle experts: parameters that one token passes through."""
        return self.total - self.idle_experts - self.outside

    @property
    def experts(self) -> int:
        """Routed and shared experts with their routers."""
        return self.routed_experts + self.shared_experts + self.router

    def to_dict(self) -> dict[str, int]:
        """Return total, active and every part by name."""
        parts = {name: getattr(self, name) for name in self.__slots__}
        return {"total": self.total, "active": self.active, **parts}


def count_parameters(model: Model) -> ParameterCount:
    """Return the parameters of `model` by part; each formula stands at its function.

    Examples
    --------
    >>> attention = Attention(heads=32, kv_heads=32, head_dim=128)
    >>> llama = Model("l", "L", 32, 4096, 11008, True, attention, 32000, False)
    >>> count_parameters(llama).total
    6738415616
    """
    experts = model.experts
    moe_layers = model.expert_layers
    routed = routed_expert_params(model) if experts else 0
    idle = (experts.routed - experts.active) * expert_params(model) if experts else 0
    norm = model.norm_vectors * model.hidden
    recurrent = model.recurrent_layers * recurrent_params(model)
    return ParameterCount(
        embedding=(model.vocab + model.learned_positions) * model.hidden,
        head=(0 if model.tied_embeddings else model.vocab * model.hidden)
        + (model.vocab if model.head_bias else 0),
        attention=_all_attention(model) + model.scoring_layers * indexer_params(model),
        recurrent=recurrent,
        dense_ffn=model.dense_layers * dense_ffn_params(model),
        routed_experts=moe_layers * routed,
        shared_experts=moe_layers * shared_expert_params(model),
        router=moe_layers * router_params(model),
        norms=(model.layers * model.norms_per_layer + model.outer_norms) * norm,
        outside=model.outside_params,
        idle_experts=moe_layers * idle,
        mtp=model.mtp_layers * mtp_layer_params(model),
    )


def _all_attention(model: Model) -> int:
    narrow = model.attention.narrow
    if narrow is None:
        return model.attention_layers * attention_params(model)
    full = model.attention_layers - model.window_layers
    within = attention_params(model, narrow)
    return full * attention_params(model) + model.window_layers * within


def attention_params(model: Model, attention: Attention | None = None) -> int:
    """h·d·(2a + 2k) with biases, gate and query/key norms; MLA: its low-rank projections.

    h hidden, a heads, k key/value heads, d head width. MLA as in DeepSeek-V2 (arXiv 2405.04434,
    section 2.1): queries h·rq + rq·a·(dn + dr), keys and values h·(rkv + dr) + rkv·a·(dn + dv),
    output a·dv·h, and a norm on each latent. `attention`: of layers with a window, if not the full
    ones'.
    """
    attention, h = attention or model.attention, model.hidden
    if attention.latent is not None:
        return _latent_params(attention, h)
    queries = attention.heads * attention.head_dim
    keys, out = attention.kv_heads * attention.head_dim, attention.heads * attention.value_width
    values = attention.kv_heads * attention.value_width if attention.value_projection else 0
    params = h * (queries + keys + values + out)
    params += queries + keys + values if attention.biases else 0
    params += h if attention.output_bias else 0
    params += attention.heads if attention.sinks else 0
    params += h * out if attention.output_gate else 0
    if attention.qk_norm == "full":
        params += queries + keys
    elif attention.qk_norm == "head":
        params += 2 * attention.head_dim
    return params


def _latent_params(attention: Attention, h: int) -> int:
    latent, heads = attention.latent, attention.heads
    assert latent is not None
    per_head = latent.qk_nope_head_dim + latent.qk_rope_head_dim
    if latent.q_lora_rank is None:
        queries = h * heads * per_head
    else:
        queries = latent.q_lora_rank * (h + heads * per_head + 1)
    down = h * (latent.kv_lora_rank + latent.qk_rope_head_dim) + latent.kv_lora_rank
    up = latent.kv_lora_rank * heads * (latent.qk_nope_head_dim + latent.v_head_dim)
    out = heads * latent.v_head_dim * h
    return queries + down + up + out * (2 if attention.output_gate else 1)


def indexer_params(model: Model) -> int:
    """a_i·d_i·r + h·(d_i + a_i) + 2·d_i: the indexer of one sparse layer, 0 where there is none.

    a_i heads of width d_i from the low-rank queries (r; the hidden state where there are none), one
    key, a weight a head, and a norm with bias on the key (DeepSeek-V3.2's released code). Without
    latent attention (MiniMax-M3) heads are not weighted, and queries and key have plain norms.
    """
    indexer, latent = model.attention.indexer, model.attention.latent
    if indexer is None:
        return 0
    rank = (latent.q_lora_rank if latent else None) or model.hidden
    weights = indexer.heads if latent else 0
    queries = indexer.heads * indexer.head_dim * rank
    return queries + model.hidden * (indexer.head_dim + weights) + 2 * indexer.head_dim


def recurrent_params(model: Model) -> int:
    """h·(in + out) and the rest, of one layer with a recurrent mixer."""
    mixer = model.recurrent
    if mixer is None:
        return 0
    return model.hidden * (mixer.in_width + mixer.out_width) + mixer.other_params


def _ffn_params(model: Model, width: int, hidden: int | None = None) -> int:
    matrices, outer = (3 if model.gated else 2), hidden or model.hidden
    biases = (matrices - 1) * width + outer if model.biases else 0
    return matrices * outer * width + biases


def dense_ffn_params(model: Model) -> int:
    """m·h·f with biases: m = 3 matrices if gated, else 2; of one dense feed-forward part."""
    return _ffn_params(model, model.ffn_hidden)


def _experts(model: Model) -> Experts:
    if model.experts is None:
        message = f"{model.id} has no experts"
        raise ValueError(message)
    return model.experts


def expert_params(model: Model) -> int:
    """m·h·e: one routed expert of inner width e; h is the latent width where there is one."""
    experts = _experts(model)
    return _ffn_params(model, experts.hidden, experts.latent or None)


def routed_expert_params(model: Model) -> int:
    """E·m·h·e: all routed experts of one layer."""
    return _experts(model).routed * expert_params(model)


def shared_expert_params(model: Model) -> int:
    """S·m·h·e_s: all shared experts of one layer."""
    if model.experts is None or not model.experts.shared:
        return 0
    return model.experts.shared * _ffn_params(model, model.experts.shared_hidden)


def router_params(model: Model) -> int:
    """h·E: the router of one layer, and 2·h·latent where experts work in a latent width."""
    experts = model.experts
    if experts is None:
        return 0
    projections = 2 * model.hidden * experts.latent
    return experts.routed * (model.hidden + (1 if model.biases else 0)) + projections


def mtp_layer_params(model: Model) -> int:
    """Return a layer like the last one, plus 2h·h to join hidden state and next token, and norms.

    DeepSeek-V3 (arXiv 2412.19437, section 2.2); embedding and head are shared with the model.
    """
    h = model.hidden
    if model.experts is None:
        feed_forward = dense_ffn_params(model)
    else:
        feed_forward = routed_expert_params(model) + shared_expert_params(model)
        feed_forward += router_params(model)
    norms = (model.norms_per_layer + 3) * model.norm_vectors * h
    mixing = attention_params(model) + indexer_params(model)
    return mixing + feed_forward + 2 * h * h + norms


def kv_elements_per_token(model: Model, attention: Attention | None = None) -> int:
    """k·(d + dv) numbers a token and attention layer; MLA: rkv + dr (the compressed latent).

    `attention`: of layers with a window, if not the full ones'.
    """
    attention = attention or model.attention
    latent = attention.latent
    if latent is not None:
        return latent.kv_lora_rank + latent.qk_rope_head_dim
    return attention.kv_heads * (attention.head_dim + attention.value_width)


def kv_cache_elements(model: Model, context: float) -> float:
    """e·(L_full·c + L_window·min(c, w)): numbers the cache keeps for one sequence of c tokens.

    e = `kv_elements_per_token`. Multiply by bytes per number; recurrent state is apart.
    """
    window = model.attention.window
    windowed = model.window_layers if window else 0
    full = model.attention_layers - windowed
    seen = min(context, window) if window else context
    within = kv_elements_per_token(model, model.attention.narrow)
    return kv_elements_per_token(model) * full * context + within * windowed * seen


def index_key_bytes(model: Model, bytes_per_element: float = 1.0) -> float:
    """b·d_i, and a scale of 4 bytes where b = 1: the indexer's key of one token in one layer.

    vLLM's and SGLang's caches of DeepSeek-V3.2: 128 numbers in FP8 and one FP32 scale, 132 bytes.
    """
    indexer = model.attention.indexer
    if indexer is None:
        return 0.0
    return bytes_per_element * indexer.head_dim + (4.0 if bytes_per_element <= 1.0 else 0.0)


def kv_cache_bytes(model: Model, context: float, bytes_per_element: float = 2.0) -> float:
    """b·`kv_cache_elements` and the indexers' keys: bytes kept for a sequence of `context` tokens.

    Keys of an indexer are kept in 8 bits (`index_key_bytes`).
    """
    keys = model.scoring_layers * context * index_key_bytes(model)
    return bytes_per_element * kv_cache_elements(model, context) + keys


def recurrent_state_elements(model: Model) -> int:
    """L_r·state: numbers that recurrent layers keep for one sequence, whatever its length."""
    return model.recurrent_layers * (model.recurrent.state if model.recurrent else 0)


def recurrent_state_bytes(model: Model) -> float:
    """L_r·(4·state + 2·convolution): bytes that recurrent layers keep for one sequence.

    States in 32 bits, as the configurations of Qwen3.5 and Nemotron 3 ask (`mamba_ssm_dtype`,
    `mamba_ssm_cache_dtype`) and as SGLang does by default; the convolution's inputs in 16.
    """
    mixer = model.recurrent
    return model.recurrent_layers * (4.0 * mixer.state + 2.0 * mixer.convolution) if mixer else 0.0
