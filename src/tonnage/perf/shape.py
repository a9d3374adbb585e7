"""A model's shape and a training job as plain numbers, ready for arrays.

Every field may be a scalar (one model, many layouts) or an array (many measured runs at once).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, fields
from math import ceil

from tonnage.perf.machine import Number
from tonnage.workload import (
    Attention,
    Model,
    TrainingJob,
    attention_flops_per_pair,
    attention_params,
    kv_elements_per_token,
    recurrent_state_bytes,
)

VOCAB_MULTIPLE = 128
"""Rows to which Megatron-style frameworks pad the vocabulary (times TP; the rest is ignored)."""


@dataclass(frozen=True, slots=True, eq=False)
class Shape:
    """What the time and memory formulas need of a model and its job."""

    layers: Number
    attention_layers: Number
    expert_layers: Number
    dense_layers: Number
    recurrent_layers: Number
    hidden: Number
    ffn: Number
    gated: Number
    heads: Number
    kv_heads: Number
    qk_dim: Number
    v_dim: Number
    q_rank: Number
    """Low rank of the queries; 0 where they are projected directly."""
    kv_rank: Number
    """Low rank of keys and values (latent attention); 0 for plain attention."""
    rope_dim: Number
    vocab: Number
    tied: Number
    positions: Number
    routed: Number
    active: Number
    expert_ffn: Number
    shared_ffn: Number
    window_share: Number
    window: Number
    sparse_layers: Number
    """Layers that attend to `topk` chosen tokens."""
    scoring_layers: Number
    """Those of them with an indexer of their own."""
    topk: Number
    index_heads: Number
    index_dim: Number
    recurrent_in: Number
    recurrent_out: Number
    recurrent_state: Number
    recurrent_bytes: Number
    """Bytes that one recurrent layer keeps for one sequence."""
    uneven_weights: Number
    """Parameters of a mean attention layer beyond those of a full one, where they differ."""
    window_kv: Number
    """Numbers that a layer with a window keeps of a token over those of a full layer."""
    window_fill: Number
    """Share of a window that a token of a long prompt sees in the mean: half of a fixed chunk."""
    window_pairs: Number
    """Operations a pair in a layer with a window over those in a full one."""
    output_gate: Number
    """1 where a projection as wide as the queries gates the output of attention."""
    expert_io: Number
    """Width in which tokens travel to routed experts: latent, or hidden."""
    parallel_blocks: Number
    mtp_layers: Number
    seq: Number
    batch: Number
    """Sequences in one step."""
    lora: Number
    """1 where the weights are frozen and low-rank adapters are trained."""


def shape_of(job: TrainingJob) -> Shape:
    """Return the numbers of a job's model, lengths and batch."""
    model = job.model
    attention, latent, experts = model.attention, model.attention.latent, model.experts
    recurrent, indexer = model.recurrent, attention.indexer
    return Shape(
        layers=float(model.layers),
        attention_layers=float(model.attention_layers),
        expert_layers=float(model.expert_layers),
        dense_layers=float(model.dense_layers),
        recurrent_layers=float(model.recurrent_layers),
        hidden=float(model.hidden),
        ffn=float(model.ffn_hidden),
        gated=float(model.gated),
        heads=float(attention.heads),
        kv_heads=float(attention.heads if latent else attention.kv_heads),
        qk_dim=float(
            latent.qk_nope_head_dim + latent.qk_rope_head_dim if latent else attention.head_dim
        ),
        v_dim=float(latent.v_head_dim if latent else attention.value_width),
        q_rank=float((latent.q_lora_rank or 0) if latent else 0),
        kv_rank=float(latent.kv_lora_rank if latent else 0),
        rope_dim=float(latent.qk_rope_head_dim if latent else 0),
        vocab=float(ceil(model.vocab / VOCAB_MULTIPLE) * VOCAB_MULTIPLE),
        tied=float(model.tied_embeddings),
        positions=float(model.learned_positions),
        routed=float(experts.routed if experts else 0),
        active=float(experts.active if experts else 0),
        expert_ffn=_expert_width(model),
        shared_ffn=_shared_width(model),
        window_share=model.window_layers / max(1, model.attention_layers),
        window=float(attention.window or 0),
        sparse_layers=float(model.sparse_layers),
        scoring_layers=float(model.scoring_layers),
        topk=float(indexer.topk if indexer else 0),
        index_heads=float(indexer.heads if indexer else 0),
        index_dim=float(indexer.head_dim if indexer else 0),
        recurrent_in=float(recurrent.in_width if recurrent else 0),
        recurrent_out=float(recurrent.out_width if recurrent else 0),
        recurrent_state=float(recurrent.state if recurrent else 0),
        recurrent_bytes=recurrent_state_bytes(model) / max(1, model.recurrent_layers),
        uneven_weights=_uneven(model),
        window_kv=_window_ratio(model, kv_elements_per_token),
        window_fill=0.5 if attention.chunked else 1.0,
        window_pairs=_window_ratio(model, _pair_flops),
        output_gate=float(attention.output_gate),
        expert_io=float((experts.latent if experts else 0) or model.hidden),
        parallel_blocks=float(model.parallel_blocks),
        mtp_layers=float(model.mtp_layers),
        seq=float(job.seq_len),
        batch=float(job.global_batch),
        lora=float(job.lora_rank is not None),
    )


def _uneven(model: Model) -> float:
    """w·(P_narrow - P_full), less the values' projection where keys stand in for it."""
    attention = model.attention
    values = model.hidden * attention.kv_heads * attention.value_width
    lacking = 0.0 if attention.value_projection else float(values)
    if attention.narrow is None:
        return -lacking
    beyond = attention_params(model, attention.narrow) - attention_params(model)
    return model.window_layers / max(1, model.attention_layers) * beyond - lacking


def _pair_flops(model: Model, attention: Attention | None = None) -> float:
    return attention_flops_per_pair(model, attention=attention)


def _window_ratio(model: Model, measure: Callable[[Model, Attention | None], float]) -> float:
    narrow = model.attention.narrow
    return measure(model, narrow) / measure(model, None) if narrow else 1.0


def _expert_width(model: Model) -> float:
    """e·latent / h: the inner width of an expert on the full hidden width with the same work."""
    experts = model.experts
    return experts.hidden * (experts.latent or model.hidden) / model.hidden if experts else 0.0


def _shared_width(model: Model) -> float:
    """S·e_s, and 2·latent / (2 + gated) for the projections to and from a latent width."""
    experts = model.experts
    if experts is None:
        return 0.0
    return experts.shared * experts.shared_hidden + 2.0 * experts.latent / (2 + model.gated)


def stack_shapes(shapes: Sequence[Shape]) -> Shape:
    """Return one shape of arrays, one entry for each."""
    import numpy as np

    return Shape(*(np.array([getattr(s, f.name) for s in shapes], float) for f in fields(Shape)))


def attention_weights(shape: Shape) -> Number:
    """Matrix parameters of one attention layer, plain or latent, with its output gate."""
    import numpy as np

    out = shape.heads * shape.v_dim * shape.hidden
    gate = shape.output_gate * out
    plain = shape.hidden * (
        shape.heads * shape.qk_dim + shape.kv_heads * (shape.qk_dim + shape.v_dim)
    )
    q = np.where(
        np.asarray(shape.q_rank) > 0,
        shape.q_rank * (shape.hidden + shape.heads * shape.qk_dim),
        shape.hidden * shape.heads * shape.qk_dim,
    )
    kv = shape.hidden * (shape.kv_rank + shape.rope_dim)
    kv = kv + shape.kv_rank * shape.heads * (shape.qk_dim - shape.rope_dim + shape.v_dim)
    return (
        np.where(np.asarray(shape.kv_rank) > 0, q + kv, plain) + out + gate + shape.uneven_weights
    )


def whole_weights(shape: Shape) -> Number:
    """h·(r_q + r_kv + d_r): latent attention's projections into ranks, whole on every TP rank."""
    import numpy as np

    down = shape.hidden * (shape.q_rank + shape.kv_rank + shape.rope_dim)
    return np.where(np.asarray(shape.kv_rank) > 0, down, 0.0)


def index_weights(shape: Shape) -> Number:
    """a_i·d_i·r + h·(d_i + a_i): matrix parameters of one indexer, queries from rank r or h."""
    import numpy as np

    rank = np.where(np.asarray(shape.q_rank) > 0, shape.q_rank, shape.hidden)
    weighted = np.where(np.asarray(shape.kv_rank) > 0, shape.index_heads, 0.0)
    queries = shape.index_heads * shape.index_dim * rank
    return queries + shape.hidden * (shape.index_dim + weighted)


def dense_ffn_weights(shape: Shape) -> Number:
    """(2 + gated)·h·f: parameters of a plain feed-forward part."""
    return (2.0 + shape.gated) * shape.hidden * shape.ffn


def routed_weights(shape: Shape) -> Number:
    """E·(2 + gated)·h·f_e: parameters of all routed experts of one layer."""
    return shape.routed * (2.0 + shape.gated) * shape.hidden * shape.expert_ffn


def shared_weights(shape: Shape) -> Number:
    """Parameters of shared experts and router of one layer; on every rank."""
    return ((2.0 + shape.gated) * shape.shared_ffn + shape.routed) * shape.hidden


def recurrent_weights(shape: Shape) -> Number:
    """Parameters of one recurrent mixer: projection in and out."""
    return shape.hidden * (shape.recurrent_in + shape.recurrent_out)
