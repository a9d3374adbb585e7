"""Memory of one chip on the fullest stage, part by part.

Activations per layer follow Korthikanti et al. (arXiv 2205.05198, section 4): for a GPT layer
s·b·h·(10 + 24/t + 5·a·s/(h·t)) bytes, here with the terms written by their tensors so that
grouped heads, gated feed-forward parts, experts and latent attention come out right.
"""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Any

import numpy as np

from tonnage.perf.framework import Framework
from tonnage.perf.layout import Layouts
from tonnage.perf.machine import Number
from tonnage.perf.parameters import ChipParameters
from tonnage.perf.shape import Shape

MASTER_BYTES = 12.0
"""Adam under mixed precision: FP32 copy and two moments."""
BUFFER_BYTES = 0.6e9
"""Communication buffers and the runtime's context on the device; our assumption."""


@dataclass(frozen=True, slots=True, eq=False)
class Memory:
    """Bytes on the fullest chip, axis [layout]."""

    weights: Number
    gradients: Number
    optimizer: Number
    activations: Number
    logits: Number
    buffers: Number
    reserve: Number
    total: Number
    offloaded: Number
    """Bytes of activations that live in host memory."""

    def take(self, index: Any) -> Memory:
        """Return the entries at `index`."""
        return Memory(*(getattr(self, f.name)[index] for f in fields(self)))


def layer_activations(
    shape: Shape, layouts: Layouts, framework: Framework, quantized: Number = 0.0
) -> tuple[Number, Number]:
    """Return bytes kept of one layer for one micro batch: all of them, and the layer's input.

    The first is what a layer without full recompute keeps; selective recompute drops the scores
    of unfused attention, or the products of activation functions under fused attention.
    """
    tokens = layouts.mb * shape.seq / layouts.cp
    tp = layouts.tp
    sequence = np.where(np.asarray(layouts.sp) > 0, tp, 1.0)
    attending = shape.attention_layers / shape.layers
    # Inputs of quantized products are kept in 8 bits: a byte less for each of their columns.
    stream = (framework.kept_stream - 2.0 * quantized) * shape.hidden / sequence
    heads = shape.heads * (2.0 * shape.qk_dim + (2.0 - quantized) * shape.v_dim)
    heads = heads + 2.0 * shape.kv_heads * (shape.qk_dim + shape.v_dim)
    heads = heads + 2.0 * (shape.q_rank + shape.kv_rank)
    fused = np.asarray(framework.fused_attention) > 0.5
    selective = np.asarray(layouts.recompute) == 1
    kept = np.where(fused | selective, 0.0, 5.0)
    scores = kept * shape.heads * shape.seq / layouts.cp
    dense, moe = shape.dense_layers / shape.layers, shape.expert_layers / shape.layers
    inner = dense * shape.ffn + moe * (shape.shared_ffn + shape.active * shape.expert_ffn)
    act = 2.0 * (2.0 + shape.gated) - np.maximum(2.0 * (fused & selective), quantized)
    routed = 2.0 * moe * shape.active * shape.hidden
    recurrent = 2.0 * shape.recurrent_layers / shape.layers * shape.recurrent_in
    split = attending * (heads + scores) + act * inner + routed + recurrent
    return tokens * (stream + split / tp), tokens * 2.0 * shape.hidden / sequence


def memory_of(
    shape: Shape,
    layouts: Layouts,
    framework: Framework,
    params: ChipParameters,
    kept: tuple[Number, Number],
    width: Number = 1.0,
) -> Memory:
    """Return the parts; `kept` is `layer_activations`, `width` that of the job's `Arithmetic`.

    1F1B keeps min(m, p) micro batches on the first stage, interleaving
    min(m·v, p·v·(1 + (p-1)/(p·v)))/v; the last stage keeps one, and the logits.
    """
    zero = np.asarray(layouts.zero)
    replicas = layouts.dp * layouts.cp
    total = params.dense + params.expert
    gathered = np.where(zero >= 3, 2.0 * params.layer, 0.0)
    weights = 2.0 * width * (total / np.where(zero >= 3, replicas, 1.0) + gathered)
    trained = np.where(np.asarray(shape.lora) > 0, 0.005, 1.0)
    wide = np.maximum(framework.grad_bytes, 2.0 * width)
    gradients = wide * total * trained / np.where(zero >= 2, replicas, 1.0)
    away = np.asarray(layouts.offload_optimizer) > 0
    # Weights kept in FP32 are their own master copy.
    master = MASTER_BYTES - np.where(np.asarray(width) > 1.0, 4.0, 0.0)
    optimizer = np.where(away, 0.0, master * params.optimizer)
    activations, offloaded = _activations(shape, layouts, (kept[0] * width, kept[1] * width))
    tokens = layouts.mb * shape.seq / layouts.cp
    logits = framework.kept_logit_bytes * tokens * shape.vocab / layouts.tp
    # First and last stage peak apart: many micro batches there, the logits here.
    last = activations / np.maximum(_in_flight(shape, layouts), 1.0) + logits
    peak = np.where(layouts.pp > 1, np.maximum(activations, last), activations + logits)
    logits = np.minimum(logits, np.maximum(peak - activations, 0.0))
    size = np.broadcast(weights, gradients, optimizer, activations).shape
    buffers = BUFFER_BYTES + 2.0 * tokens * shape.hidden * np.where(layouts.tp > 1, 2.0, 1.0)
    whole = weights + gradients + optimizer + activations + logits + buffers
    reserve = whole * framework.reserve
    columns = (weights, gradients, optimizer, activations, logits, buffers, reserve)
    return Memory(*(np.broadcast_to(c, size) for c in (*columns, whole + reserve, offloaded)))


def _in_flight(shape: Shape, layouts: Layouts) -> Number:
    micro = shape.batch / (layouts.dp * layouts.mb)
    warm = layouts.pp * np.where(
        layouts.vpp > 1, 1.0 + (layouts.pp - 1.0) / (layouts.pp * layouts.vpp), 1.0
    )
    return np.minimum(micro, warm)


def _activations(
    shape: Shape, layouts: Layouts, kept: tuple[Number, Number]
) -> tuple[Number, Number]:
    layers = np.ceil(shape.layers / layouts.pp)
    flight = _in_flight(shape, layouts)
    whole, entry = kept
    full = np.asarray(layouts.recompute) == 2
    each = np.where(full, entry, whole)
    # Under full recompute the layer at work still holds all of its own.
    held = flight * layers * each + np.where(full, whole, 0.0)
    away = np.asarray(layouts.offload_activations) > 0
    offloaded = np.where(away, flight * layers * each, 0.0)
    return held - np.where(away, offloaded * (1.0 - 2.0 / np.maximum(layers, 2.0)), 0.0), offloaded
