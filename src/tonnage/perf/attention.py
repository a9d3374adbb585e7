"""Time of the attention core (scores, softmax, weighted sum), fused and unfused."""

from __future__ import annotations

import numpy as np

from tonnage.perf.machine import Machine, Number, Rate

ATTENTION_RAMP = 512.0
"""Query length at which a fused kernel reaches half its efficiency; our fit to kernel tables."""


def attention_flops(
    batch: Number, heads: Number, queries: Number, keys: Number, qk_dim: Number, v_dim: Number
) -> Number:
    """2·b·a·q·k·(d_qk + d_v): both products over all pairs, no causal saving."""
    return 2.0 * batch * heads * queries * keys * (qk_dim + v_dim)


def fused_seconds(
    machine: Machine,
    rate: Rate,
    flops: Number,
    queries: Number,
    moved_bytes: Number,
    *,
    efficiency: Number = 1.0,
) -> Number:
    """max(F·(1 + q0/q) / (P·eta_a), bytes / (B·eta_b)) + t_kernel: one fused attention kernel.

    `flops` counts only pairs that are computed (half of all under a causal mask). `efficiency`
    scales the family's `attention_efficiency` for an older or newer kernel. `moved_bytes` is
    queries, keys, values and output once.
    """
    eta = machine.attention_efficiency * efficiency
    compute = flops * (1.0 + ATTENTION_RAMP / np.maximum(queries, 1.0)) / (rate.peak * eta)
    memory = moved_bytes / (machine.memory_bandwidth * machine.memory_efficiency)
    return np.maximum(compute, memory) + machine.kernel_s


def decode_seconds(machine: Machine, cache_bytes: Number, *, efficiency: Number = 1.0) -> Number:
    """Bytes / (B·eta_b) + t_kernel: one token a sequence reads the whole cache once."""
    rate = machine.memory_bandwidth * machine.memory_efficiency * efficiency
    return cache_bytes / rate + machine.kernel_s
