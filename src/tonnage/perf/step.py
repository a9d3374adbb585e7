"""Time of one training step from the time of its layers: pipeline, communication, optimizer."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from tonnage.perf import collective as net
from tonnage.perf.elementwise import traffic_seconds
from tonnage.perf.framework import Framework
from tonnage.perf.gemm import gemm_seconds
from tonnage.perf.layer import Arithmetic, LayerTime
from tonnage.perf.layout import Layouts, expert_split
from tonnage.perf.machine import Machine, Number, Rate
from tonnage.perf.parameters import ChipParameters
from tonnage.perf.shape import Shape

LOGIT_BYTES = 24.0
"""Bytes moved per logit, forward and backward: FP32 softmax, loss and its gradient; our count."""
SELECTIVE_TRAFFIC = 0.4
"""Share of the element-wise work repeated by selective recompute under fused attention."""
JITTER = 3.0
"""Sharpness of the change from launch-bound to device-bound; fitted on small layers."""
ZERO_BUBBLE_LEFT = 1.0 / 3.0
"""Bubble of a zero-bubble schedule (ZB-H1) over 1F1B's (arXiv 2401.10241, table 2)."""
LORA_PARAMETERS = 0.005
"""Adapter parameters over frozen ones at rank 16; only the size of a reduction depends on it."""

PARTS = (
    "gemm", "attention", "elementwise", "recompute", "launch", "tensor_parallel",
    "context_parallel", "expert_parallel", "pipeline_transfer", "pipeline_bubble", "head",
    "data_parallel", "overlap_slowdown", "optimizer", "offload", "fixed", "straggler",
)  # fmt: skip
"""Parts of a step, in the order of the breakdown; they add up to its time."""


@dataclass(frozen=True, slots=True, eq=False)
class _Layer:
    """One layer and micro batch with recompute: what each part takes, and the whole."""

    parts: Mapping[str, Number]
    whole: Number


def step_parts(
    machine: Machine,
    math: Arithmetic,
    shape: Shape,
    layouts: Layouts,
    framework: Framework,
    layer: LayerTime,
    params: ChipParameters,
    offloaded_bytes: Number,
) -> dict[str, Number]:
    """Return the seconds of every part of one step, axis [layout]; their sum is the step.

    Pipeline (arXiv 2104.04473, section 2.2): m micro batches through the heaviest stage, plus a
    bubble of (sum of stages - heaviest) / interleaving.
    """
    micro = shape.batch / (layouts.dp * layouts.mb)
    one = _layer_parts(layer, layouts, framework)
    head = _head(machine, math, shape, layouts, framework)
    stage_layers, even = _stage_layers(shape, layouts)
    chips_layers = stage_layers * one.whole
    mean = (shape.layers * one.whole + head) / layouts.pp
    heaviest = np.where(even, chips_layers + head, np.maximum(chips_layers, mean))
    parts = {name: micro * stage_layers * value for name, value in one.parts.items()}
    parts["head"] = micro * head
    slack = micro * (heaviest - chips_layers - head)
    bubble = _bubble(shape, layouts, micro, one.whole, head, heaviest) + np.maximum(slack, 0.0)
    parts["pipeline_bubble"] = bubble
    # Where the heaviest stage is not the one with the head, the head hides behind it.
    parts["head"] = parts["head"] + np.minimum(slack, 0.0)
    parts["pipeline_transfer"] = _transfer(machine, math, shape, layouts, framework, micro)
    busy = micro * heaviest
    exposed, hidden = _data_parallel(machine, shape, layouts, framework, params, micro, busy)
    parts["data_parallel"] = exposed
    covered = micro * stage_layers * _hidden_comm(layer, framework)
    parts["overlap_slowdown"] = framework.overlap_slowdown * (hidden + covered)
    parts |= _update(machine, layouts, framework, params, micro * offloaded_bytes)
    whole = sum(parts.values())
    chips = layouts.tp * layouts.pp * layouts.dp * layouts.cp
    nodes = np.maximum(chips / machine.node_chips, 1.0)
    parts["straggler"] = whole * framework.straggler * np.log2(nodes)
    return {name: parts[name] for name in PARTS}


def _layer_parts(layer: LayerTime, layouts: Layouts, framework: Framework) -> _Layer:
    """Forward, backward and repeated work of a layer; waiting for the host where it is slower."""
    recompute = np.asarray(layouts.recompute)
    full, selective = recompute == 2, recompute == 1
    comm = {
        "tensor_parallel": framework.tp_exposed * layer.tp,
        "context_parallel": framework.cp_exposed * layer.cp,
        "expert_parallel": framework.ep_exposed * layer.ep,
    }
    talk = sum(comm.values())
    forward = layer.gemm_forward + layer.attention_forward + layer.traffic_forward
    backward = layer.gemm_backward + layer.attention_backward + layer.traffic_backward
    fused = np.asarray(framework.fused_attention) > 0.5
    some = np.where(fused, SELECTIVE_TRAFFIC * layer.traffic_forward, layer.attention_forward)
    some = some + framework.selective_products * layer.gemm_forward
    wait_forward = _waiting(forward + talk, layer.host_forward)
    wait_backward = _waiting(backward + talk, layer.host_backward)
    # The backward pass of a context-parallel ring carries gradients too: twice the bytes.
    passes = {
        "tensor_parallel": 2.0 + full,
        "context_parallel": 3.0 + full,
        "expert_parallel": 2.0 + full,
    }
    parts: dict[str, Number] = {
        "gemm": layer.gemm_forward + layer.gemm_backward,
        "attention": layer.attention_forward + layer.attention_backward,
        "elementwise": layer.traffic_forward + layer.traffic_backward,
        "recompute": full * forward + selective * some,
        "launch": wait_forward * (1.0 + full) + wait_backward,
    }
    parts |= {name: comm[name] * passes[name] for name in comm}
    return _Layer(parts, sum(parts.values()))


def _waiting(device: Number, host: Number) -> Number:
    """(d^p + h^p)^(1/p) - d: what waiting for the host adds to device time d, host time h.

    A smooth maximum: kernels vary, so that some wait even where the device is slower on the whole.
    """
    ratio = host / np.maximum(device, 1e-12)
    return device * ((1.0 + ratio**JITTER) ** (1.0 / JITTER) - 1.0)


def _hidden_comm(layer: LayerTime, framework: Framework) -> Number:
    hidden = (1.0 - framework.tp_exposed) * 2.0 * layer.tp
    hidden = hidden + (1.0 - framework.cp_exposed) * 3.0 * layer.cp
    return hidden + (1.0 - framework.ep_exposed) * 2.0 * layer.ep


def _stage_layers(shape: Shape, layouts: Layouts) -> tuple[Number, Number]:
    """Layers of the fullest stage, and whether layers divide evenly over all chunks."""
    chunks = layouts.pp * layouts.vpp
    even = np.mod(shape.layers, chunks) == 0
    return np.where(even, shape.layers / layouts.pp, np.ceil(shape.layers / layouts.pp)), even


def _bubble(
    shape: Shape, layouts: Layouts, micro: Number, layer: Number, head: Number, heaviest: Number
) -> Number:
    rest = np.maximum(shape.layers * layer + head - heaviest, 0.0)
    short = np.maximum(layouts.pp - micro, 0.0)
    starved = heaviest * short * (1.0 - 1.0 / layouts.vpp)
    filled = np.where(np.asarray(layouts.schedule) == 1, ZERO_BUBBLE_LEFT, 1.0)
    return np.where(layouts.pp > 1, filled * rest / layouts.vpp + starved / layouts.vpp, 0.0)


def _head(
    machine: Machine, math: Arithmetic, shape: Shape, layouts: Layouts, framework: Framework
) -> Number:
    """3·2·tokens·h·V/TP FLOPs, and the logits through memory: output projection and loss."""
    tokens = layouts.mb * shape.seq / layouts.cp
    eta = math.core.efficiency * framework.gemm_ratio * machine.sustained
    rate = Rate(math.core.peak, eta, math.core.operand_bytes)
    columns = shape.vocab / layouts.tp
    product = 3.0 * gemm_seconds(machine, rate, tokens, columns, shape.hidden)
    moved = LOGIT_BYTES * tokens * columns + 24.0 * tokens * shape.hidden
    once = product + traffic_seconds(machine, moved, 8.0)
    return once * (1.0 + shape.mtp_layers)


def _transfer(
    machine: Machine,
    math: Arithmetic,
    shape: Shape,
    layouts: Layouts,
    framework: Framework,
    micro: Number,
) -> Number:
    """2·(v·m·exposed + p - 1) transfers of 2·tokens·h bytes between stages."""
    tokens = layouts.mb * shape.seq / layouts.cp
    split = np.maximum(framework.p2p_split, layouts.sp)
    size = 2.0 * math.width * tokens * shape.hidden / np.where(split > 0, layouts.tp, 1.0)
    stride = layouts.tp * layouts.cp * layouts.dp
    one = net.point_to_point_seconds(machine, size, layouts.pp, stride)
    one = one + np.where(layouts.pp > 1, framework.transfer_s, 0.0)
    count = layouts.vpp * micro * framework.pp_exposed + layouts.pp - 1.0
    return np.where(layouts.pp > 1, 2.0 * count * one, 0.0)


def _data_parallel(
    machine: Machine,
    shape: Shape,
    layouts: Layouts,
    framework: Framework,
    params: ChipParameters,
    micro: Number,
    busy: Number,
) -> tuple[Number, Number]:
    """Gradient reduction and parameter gathers: seconds exposed, seconds hidden.

    ZeRO-0 all-reduces once; 1 and 2 scatter gradients and gather parameters once; 3 gathers
    twice and scatters once for every micro batch. What cannot fit beside computation is exposed.
    """
    replicas = layouts.dp * layouts.cp
    scale = np.where(np.asarray(shape.lora) > 0, LORA_PARAMETERS, 1.0)
    dense = _reduction(machine, layouts, framework, params.dense, replicas, layouts.tp, scale)
    if np.any(np.asarray(params.expert) > 0):
        shards = layouts.ep * expert_split(layouts, shape.routed)
        group = np.maximum(replicas * layouts.tp / shards, 1.0)
        more = _reduction(machine, layouts, framework, params.expert, group, shards, scale)
        dense = (dense[0] + more[0], dense[1] + more[1])
    once, sharded = dense
    every = np.asarray(layouts.zero) >= 3
    total = np.where(every, sharded * micro, once)
    room = np.where(every, busy, busy / micro)
    exposed = np.maximum(framework.dp_exposed * total, total - 0.9 * room)
    return exposed, total - exposed


def _reduction(
    machine: Machine,
    layouts: Layouts,
    framework: Framework,
    params: Number,
    group: Number,
    stride: Number,
    scale: Number,
) -> tuple[Number, Number]:
    way = net.path(machine, group, stride)
    gradients = framework.grad_bytes * params * scale
    whole = net.all_reduce_seconds(way, gradients)
    halves = net.all_gather_seconds(way, gradients) + net.all_gather_seconds(
        way, 2.0 * params * scale
    )
    once = np.where(np.asarray(layouts.zero) >= 1, halves, whole)
    sharded = 2.0 * net.all_gather_seconds(way, 2.0 * params)
    sharded = sharded + net.all_gather_seconds(way, gradients)
    return once, sharded


def _update(
    machine: Machine,
    layouts: Layouts,
    framework: Framework,
    params: ChipParameters,
    moved_activations: Number,
) -> dict[str, Number]:
    """Bytes of the optimizer step through memory, or over PCIe and host memory if offloaded."""
    moved = framework.optimizer_bytes * params.optimizer
    away = np.asarray(layouts.offload_optimizer) > 0
    lane = machine.host_bandwidth * machine.host_efficiency
    # Gradients go out and parameters come back (6 bytes); the host updates at DRAM speed.
    outside = params.optimizer * (6.0 / lane + framework.optimizer_bytes / HOST_MEMORY_SHARE)
    return {
        "optimizer": np.where(away, 0.0, traffic_seconds(machine, moved)),
        "offload": np.where(away, outside, 0.0) + 2.0 * moved_activations / lane,
        "fixed": np.broadcast_to(np.asarray(framework.step_s), np.shape(moved)),
    }


HOST_MEMORY_SHARE = 50e9
"""Host memory bytes/s available per chip: two sockets of about 200 GB/s over 8 chips."""
