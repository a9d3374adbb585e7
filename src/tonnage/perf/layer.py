"""Time of one layer, forward and backward, for one micro batch on one chip.

Compute and communication are kept apart: `perf.step` decides what hides what.
"""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Any

import numpy as np

from tonnage.perf import collective as net
from tonnage.perf.attention import attention_flops, fused_seconds
from tonnage.perf.elementwise import traffic_seconds
from tonnage.perf.framework import Framework
from tonnage.perf.gemm import gemm_seconds
from tonnage.perf.layout import Layouts, expert_split
from tonnage.perf.machine import Machine, Number, Rate
from tonnage.perf.shape import Shape

FORWARD_KERNELS = 26.0
BACKWARD_KERNELS = 48.0
"""Kernels of a dense layer; count of a Megatron-LM GPT layer without fusion beyond softmax."""
RING_HOPS = 8.0
"""Members after which a ring's latency stops growing: libraries go over to trees."""
EXPERT_KERNELS = 24.0
"""Routing, permutation and grouped products of a layer with experts, each way; our estimate."""
BACKWARD_TRAFFIC = 1.8
"""Element-wise bytes backward over forward: gradients are read and written beside activations."""
FUSED_BACKWARD = 2.5
"""Products of fused attention backward over forward (Dao, arXiv 2307.08691, section 3.1)."""


@dataclass(frozen=True, slots=True, eq=False)
class Arithmetic:
    """Rates of the layer's products: `linear` in the job's precision, `core` in 16 bits."""

    linear: Rate
    core: Rate
    quantized: Number
    """1 where operands are quantized to 8 or 4 bits on the fly."""
    width: Number
    """Bytes of a stored activation over two: 1 in mixed precision, 2 in FP32 and TF32."""


@dataclass(frozen=True, slots=True, eq=False)
class LayerTime:
    """Seconds for one micro batch in an average layer, axis [layout]."""

    gemm_forward: Number
    gemm_backward: Number
    attention_forward: Number
    attention_backward: Number
    traffic_forward: Number
    traffic_backward: Number
    host_forward: Number
    host_backward: Number
    """Time the host needs to launch the kernels."""
    tp: Number
    """Tensor-parallel collectives, one direction."""
    cp: Number
    ep: Number

    def take(self, index: Any) -> LayerTime:
        """Return the entries at `index`."""
        return LayerTime(*(getattr(self, f.name)[index] for f in fields(self)))


def layer_time(
    machine: Machine, math: Arithmetic, shape: Shape, layouts: Layouts, framework: Framework
) -> LayerTime:
    """Return the time of an average layer for every layout (tp, cp, ep, mb and sp matter)."""
    tokens = layouts.mb * shape.seq / layouts.cp
    gemm_f, gemm_b = _products(machine, math, shape, layouts, framework, tokens)
    att_f, att_b = _attention(machine, math, shape, layouts, framework)
    traffic = _traffic(machine, math, shape, layouts, framework, tokens)
    moe = shape.expert_layers / shape.layers
    extra = EXPERT_KERNELS * moe + 2.0 * np.minimum(layouts.tp - 1.0, 1.0)
    full = np.broadcast_to
    size = np.broadcast(tokens, gemm_f, layouts.tp, layouts.ep, layouts.sp).shape
    return LayerTime(
        *(
            full(np.asarray(value, dtype=float), size)
            for value in (
                gemm_f,
                gemm_b,
                att_f,
                att_b,
                traffic,
                traffic * BACKWARD_TRAFFIC,
                (FORWARD_KERNELS + extra) * framework.launch_s,
                (BACKWARD_KERNELS + 2.0 * extra) * framework.launch_s,
                _tensor_parallel(machine, shape, layouts, framework, tokens * math.width),
                _context_parallel(machine, shape, layouts, framework, tokens * math.width),
                _expert_parallel(machine, shape, layouts, framework, tokens * math.width),
            )
        )
    )


def _linear(
    machine: Machine, rate: Rate, m: Number, n: Number, k: Number, batch: Number = 1.0
) -> tuple[Number, Number, Number]:
    """Forward, and both gradients, of [m,k] x [k,n]; weight gradients accumulate in FP32."""
    forward = gemm_seconds(machine, rate, m, n, k, batch=batch)
    data = gemm_seconds(machine, rate, m, k, n, batch=batch)
    weight = gemm_seconds(machine, rate, k, n, m, batch=batch, output_bytes=8.0)
    return forward, data, weight


def _linear_rate(machine: Machine, math: Arithmetic, framework: Framework) -> Rate:
    """Return what large products sustain: the factors' product, at most the peak."""
    ratio = framework.quantized_ratio * machine.sustained_quantized
    quantized = np.where(np.asarray(math.quantized) > 0, ratio, 1.0)
    share = math.linear.efficiency * framework.gemm_ratio * machine.sustained * quantized
    return Rate(math.linear.peak, np.minimum(share, 1.0), math.linear.operand_bytes)


def _products(
    machine: Machine,
    math: Arithmetic,
    shape: Shape,
    layouts: Layouts,
    framework: Framework,
    tokens: Number,
) -> tuple[Number, Number]:
    tp, hidden = layouts.tp, shape.hidden
    rate = _linear_rate(machine, math, framework)
    forward: Number = 0.0
    backward: Number = 0.0

    def add(share: Number, m: Number, n: Number, k: Number, batch: Number = 1.0) -> None:
        nonlocal forward, backward
        f, d, w = _linear(machine, rate, m, n, k, batch)
        forward = forward + share * f
        backward = backward + share * (d + w * (1.0 - shape.lora))

    attending = shape.attention_layers / shape.layers
    qk, v = shape.heads * shape.qk_dim, shape.heads * shape.v_dim
    plain = qk + shape.kv_heads * (shape.qk_dim + shape.v_dim)
    latent = np.asarray(shape.kv_rank) > 0
    if np.any(latent):
        rank_q = np.asarray(shape.q_rank)
        down = shape.kv_rank + shape.rope_dim + rank_q
        up = shape.heads * (shape.qk_dim - shape.rope_dim + shape.v_dim)
        add(attending * latent, tokens, np.maximum(down, 1.0), hidden)
        add(attending * latent, tokens, up / tp, np.maximum(shape.kv_rank, 1.0))
        add(attending * latent, tokens, qk / tp, np.where(rank_q > 0, rank_q, hidden))
    if not np.all(latent):
        add(attending * ~latent, tokens, plain / tp, hidden)
    add(attending, tokens, hidden, v / tp)
    if np.any(np.asarray(shape.recurrent_layers) > 0):
        share = shape.recurrent_layers / shape.layers
        add(share, tokens, shape.recurrent_in / tp, hidden)
        add(share, tokens, hidden, np.maximum(shape.recurrent_out, 1.0) / tp)
    dense = shape.dense_layers / shape.layers
    if np.any(np.asarray(dense) > 0):
        add(dense, tokens, (1.0 + shape.gated) * shape.ffn / tp, hidden)
        add(dense, tokens, hidden, shape.ffn / tp)
    if np.any(np.asarray(shape.routed) > 0):
        moe = shape.expert_layers / shape.layers
        each, local, split = _expert_load(shape, layouts, tokens)
        inner = np.maximum(shape.expert_ffn, 1.0) / split
        moe_time = moe * framework.expert_ratio
        add(moe_time, each, (1.0 + shape.gated) * inner, hidden, local)
        add(moe_time, each, hidden, inner, local)
        has_shared = np.asarray(shape.shared_ffn) > 0
        if np.any(has_shared):
            shared = np.maximum(shape.shared_ffn, 1.0) / tp
            add(moe * has_shared, tokens, (1.0 + shape.gated) * shared, hidden)
            add(moe * has_shared, tokens, hidden, shared)
    return forward, backward


def _expert_load(shape: Shape, layouts: Layouts, tokens: Number) -> tuple[Number, Number, Number]:
    """Tokens of one expert, experts on one chip, and ways TP splits each, under balanced routing.

    The EP group pools its members' tokens; TP either splits an expert or its tokens.
    """
    routed = np.maximum(shape.routed, 1.0)
    split = expert_split(layouts, shape.routed)
    local = np.maximum(routed / layouts.ep, 1.0)
    each = tokens * split / layouts.tp * layouts.ep * shape.active / routed
    return np.maximum(each, 1.0), local, split


def _attention(
    machine: Machine, math: Arithmetic, shape: Shape, layouts: Layouts, framework: Framework
) -> tuple[Number, Number]:
    """Attention core forward and backward, fused or unfused by framework, windows included."""
    seq = shape.seq
    queries = seq / layouts.cp
    heads = shape.heads / layouts.tp
    share = shape.attention_layers / shape.layers
    window = np.where(np.asarray(shape.window) > 0, np.minimum(shape.window, seq), seq)
    windowed = window / seq * (2.0 - window / seq)
    kept = 1.0 - shape.window_share * (1.0 - windowed)
    flops = attention_flops(layouts.mb, heads, queries, seq, shape.qk_dim, shape.v_dim)
    core = Rate(math.core.peak, 1.0, math.core.operand_bytes)
    kv = 2.0 * shape.kv_heads / shape.heads * heads
    moved = 2.0 * layouts.mb * queries * (2.0 * heads + kv) * shape.qk_dim
    ratio = framework.attention_ratio
    native = np.asarray(framework.native_attention) > 0.5
    ratio = ratio * np.where(native, 1.0, machine.attention_legacy)
    fused = fused_seconds(machine, core, 0.5 * kept * flops, queries, moved, efficiency=ratio)
    fused_back = FUSED_BACKWARD * fused
    rate = Rate(
        math.core.peak,
        math.core.efficiency * framework.gemm_ratio * machine.sustained,
        math.core.operand_bytes,
    )
    batch = layouts.mb * heads
    scores = gemm_seconds(machine, rate, queries, seq, shape.qk_dim, batch=batch)
    values = gemm_seconds(machine, rate, queries, shape.v_dim, seq, batch=batch)
    soft = traffic_seconds(machine, framework.score_bytes * batch * queries * seq, 3.0)
    plain = scores + values + soft
    plain_back = 2.0 * (scores + values) + 1.5 * soft
    is_fused = np.asarray(framework.fused_attention) > 0.5
    forward = np.where(is_fused, fused, plain) * share
    return forward, np.where(is_fused, fused_back, plain_back) * share


def _traffic(
    machine: Machine,
    math: Arithmetic,
    shape: Shape,
    layouts: Layouts,
    framework: Framework,
    tokens: Number,
) -> Number:
    """Norms, residuals, dropout, rotary, activation function, quantization: forward.

    Bytes per token in 16 bits: 24 h outside the TP regions (two norms, two residual additions with
    dropout), 6 per column of queries, keys and values, 2(2 + gated) per column of the feed-forward
    part, routed copies of h for experts. Our count of reads and writes; `passes` scales it.
    """
    tp = layouts.tp
    stream = 24.0 * shape.hidden * np.where(np.asarray(layouts.sp) > 0, 1.0 / tp, 1.0)
    attending = shape.attention_layers / shape.layers
    heads = 6.0 * (shape.heads + 2.0 * shape.kv_heads) * shape.qk_dim / tp * attending
    dense, moe = shape.dense_layers / shape.layers, shape.expert_layers / shape.layers
    inner = dense * shape.ffn + moe * (shape.shared_ffn + shape.active * shape.expert_ffn)
    act = 2.0 * (2.0 + shape.gated) * inner / tp
    routed = moe * shape.active * 12.0 * shape.hidden / tp
    recurrent = shape.recurrent_layers / shape.layers * 12.0 * shape.recurrent_in / tp
    cast = math.quantized * 4.0 * (3.0 * shape.hidden + 2.0 * inner) / tp
    moved = tokens * (stream + heads + act + routed + recurrent + cast)
    moved = moved * framework.passes * math.width
    return traffic_seconds(machine, moved)


def _with_host(way: net.Path, framework: Framework) -> net.Path:
    hops = np.minimum(way.inside, RING_HOPS) - 1.0 + np.log2(way.members / way.inside)
    latency = way.latency + framework.collective_s * np.maximum(hops, 0.0)
    return net.Path(
        way.members, way.bandwidth, latency, way.inside, way.inner_bandwidth, way.outer_bandwidth
    )


def _tensor_parallel(
    machine: Machine, shape: Shape, layouts: Layouts, framework: Framework, tokens: Number
) -> Number:
    """Two all-reduces of 2·tokens·h bytes a layer and direction, or gather + scatter under SP."""
    way = _with_host(net.path(machine, layouts.tp), framework)
    size = 2.0 * tokens * shape.hidden
    per_layer = 2.0 - np.asarray(shape.parallel_blocks)
    whole = net.all_reduce_seconds(way, size)
    split = 2.0 * net.all_gather_seconds(way, size)
    return per_layer * np.where(np.asarray(layouts.sp) > 0, split, whole)


def _context_parallel(
    machine: Machine, shape: Shape, layouts: Layouts, framework: Framework, tokens: Number
) -> Number:
    """Ring: keys and values of all ranks pass by; all-to-all: queries, keys, values, output."""
    way = _with_host(net.path(machine, layouts.cp, layouts.tp), framework)
    width = 2.0 * tokens / layouts.tp
    kv = width * shape.kv_heads * (shape.qk_dim + shape.v_dim)
    ring = net.all_gather_seconds(way, kv * layouts.cp)
    each = width * (2.0 * shape.heads + 2.0 * shape.kv_heads) * shape.v_dim
    swap = 2.0 * net.all_to_all_seconds(way, each / 2.0)
    share = shape.attention_layers / shape.layers
    return share * np.where(np.asarray(layouts.cp_all_to_all) > 0, swap, ring)


def _expert_parallel(
    machine: Machine,
    shape: Shape,
    layouts: Layouts,
    framework: Framework,
    tokens: Number,
) -> Number:
    """Dispatch and combine: every routed copy of a token crosses the EP group twice."""
    if not np.any(np.asarray(shape.routed) > 0):
        return np.zeros(np.shape(layouts.ep))
    way = net.path(machine, layouts.ep, expert_split(layouts, shape.routed))
    way = _with_host(way, framework)
    size = 2.0 * tokens / layouts.tp * shape.active * shape.hidden
    one_way = net.all_to_all_seconds(way, size)
    fixed = np.where(np.asarray(shape.routed) > 0, framework.dispatch_s, 0.0)
    return shape.expert_layers / shape.layers * (2.0 * one_way + fixed)
