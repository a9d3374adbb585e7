"""Time of one step of a serving engine: decoding a batch, prefilling prompt tokens.

Times are seconds for all layers on one replica; parts add up. Axis [case] throughout.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from tonnage.perf.collective import all_reduce_seconds, all_to_all_seconds, path
from tonnage.perf.gemm import gemm_seconds
from tonnage.perf.machine import Machine, Rate
from tonnage.perf.serving.arrays import Number
from tonnage.perf.serving.attention import decode_attention
from tonnage.perf.serving.case import Cases, packed
from tonnage.perf.serving.formats import FOUR_BITS
from tonnage.perf.serving.memory import experts_group
from tonnage.perf.shape import (
    attention_weights,
    dense_ffn_weights,
    index_weights,
    shared_weights,
    whole_weights,
)
from tonnage.units import GIGA

SKEW = 0.6
"""Load of the busiest expert rank over the mean, less one, per root of the ranks; power law
exponent near 1.1 as NVIDIA's aiconfigurator documents, softened by many tokens; our fit."""
PADDED, UNEVEN = 4.0, 8.0
"""Rows that a product loses in the mean: engines pad the running batch to a multiple of 8, experts'
shares of it end anywhere in steps of 16. A batch comes and goes, so its products have no cliffs."""
HALF_LOSS = 32.0
"""Tokens per expert at which grouped products show half of their loss against plain ones: below,
reading weights and half-empty tiles rule; our fit."""
DISPATCH_BYTES = 3.0
"""Bytes per number sent to an expert and back: 8 bits out, 16 bits home (DeepEP)."""
HIDDEN = 0.8
"""Share of the computation behind which two half-batches can hide communication; our assumption."""
KERNELS = (0.5, 1.0, 0.5, 0.25)
"""Small kernels of a captured decoding step: those of an expert layer (routing, sorting, weighing),
of latent attention (two more projections, norms, copies), of linear attention (convolution, gates,
chunks), and of a dense layer whose inputs are brought to 8 or 4 bits (routing does that for
experts), each over those of a dense layer with plain attention; our fit."""
LAUNCHES = (2.0, 3.0, 6.0, 0.0)
"""The same for prompts, whose kernels the host launches one by one; our fit."""
RAMP = (0.75, 1.25)
"""Tokens of a step over the most captured ones, between which launches come back, as lengths
spread."""
SCATTERED = 4.0
"""Passes over the inputs of all experts that tokens of a prompt go to: written side by side, read,
their outputs written and read for the sum; our count, borne out by the fit."""
COPIED_ROWS = 32.0
"""Rows up to which 4-bit weights are unpacked within the product (ggml-cuda of spring 2024)."""
STREAMED = 1
"""Kinds of load up to this index in `KINDS` (closed, open) stream their answers."""


@dataclass(frozen=True, slots=True, eq=False)
class Step:
    """Parts of a step's time, seconds, axis [case]."""

    products: Number
    """Dense products: attention projections, feed-forward, head."""
    experts: Number
    attention: Number
    """Scores and weighted sum over the cache or the prompt."""
    collectives: Number
    overhead: Number
    """Small kernels, scheduler, sampling."""

    @property
    def total(self) -> Number:
        """Sum of the parts."""
        return self.products + self.experts + self.attention + self.collectives + self.overhead


def _product(*shape: Any, **kind: Any) -> Number:
    """Seconds of a product of a batch that comes and goes: see `perf.gemm.gemm_seconds`."""
    return gemm_seconds(*shape, lost=PADDED, **kind)


def products(cases: Cases, rows: Number, head_rows: Number) -> tuple[Number, Number]:
    """Seconds of the dense and of the expert products of all layers for `rows` tokens a rank."""
    s, tp = cases.shape, cases.layout.tp
    machine = _reading(cases, cases.machine, cases.attention_bytes)
    out = s.heads * s.v_dim
    # Latent attention's projections into ranks are whole on every rank.
    whole = whole_weights(s) / s.hidden
    width = (attention_weights(s) / s.hidden - whole - out) / tp + whole
    ab, wb = cases.attention_bytes, cases.weight_bytes
    rate, other = cases.rate, cases.attention_rate
    into = _product(machine, other, rows, _aligned(width), s.hidden, weight_bytes=ab)
    home = _product(machine, other, rows, s.hidden, _aligned(out / tp), weight_bytes=ab)
    total = s.attention_layers * (into + home)
    if np.any(s.scoring_layers > 0):
        width = _aligned(index_weights(s) / s.hidden)
        score = _product(machine, other, rows, width, s.hidden, weight_bytes=ab)
        total = total + np.where(s.scoring_layers > 0, s.scoring_layers * score, 0.0)
    machine = _reading(cases, cases.machine, cases.weight_bytes)
    inner = _aligned(s.ffn / tp)
    wide = (1.0 + s.gated) * inner
    up = _product(machine, rate, rows, wide, s.hidden, weight_bytes=wb)
    down = _product(machine, rate, rows, s.hidden, inner, weight_bytes=wb)
    total = total + s.dense_layers * (up + down)
    total = total + _head(cases, head_rows)
    if np.any(s.recurrent_layers > 0):
        total = total + s.recurrent_layers * _recurrent(cases, rows)
    experts = np.zeros_like(total)
    if np.any(s.expert_layers > 0):
        total = total + s.expert_layers * _shared(cases, rows)
        experts = s.expert_layers * _routed(cases, rows)
    return total, experts


def _head(cases: Cases, rows: Number) -> Number:
    columns = _aligned(cases.shape.vocab / cases.layout.tp)
    return _product(
        cases.machine, cases.wide, rows, columns, cases.shape.hidden,
        weight_bytes=cases.head_bytes,
    )  # fmt: skip


def _reading(cases: Cases, machine: Machine, stored: Number) -> Machine:
    """Return the machine as products see it: B·eta <= cores · what a core's kernel reads."""
    engine = cases.engine
    most = machine.cores * engine.core_read_gbs * GIGA / machine.memory_bandwidth
    most = np.where(machine.cores > 1.0, most, np.inf)
    unpacks = machine.cores * engine.unpack_core_gbs * GIGA / machine.memory_bandwidth
    most = np.where(packed(cases, stored), np.minimum(most, unpacks), most)
    large = (cases.unpacked > 0) & (stored < FOUR_BITS) & ~packed(cases, stored)
    efficiency = machine.memory_efficiency * np.where(large, engine.int4_ratio, 1.0)
    return replace(machine, memory_efficiency=np.minimum(efficiency, most))


def _aligned(width: Number) -> Number:
    """Engines pad a split matrix to full-width loads: a multiple of 8, at least 8."""
    return 8.0 * np.maximum(np.ceil(width / 8.0), 1.0)


def touched(experts: Number, active: Number, tokens: Number) -> Number:
    """E·(1 - (1 - k/E)^T): distinct experts that T tokens go to, k of E each."""
    e = np.maximum(experts, 1.0)
    share = np.minimum(active / e, 1.0 - 1e-9)
    return e * -np.expm1(tokens * np.log1p(-share))


def _routed(cases: Cases, rows: Number) -> Number:
    s, layout = cases.shape, cases.layout
    group = experts_group(cases)
    tokens = rows * group / layout.tp
    local = np.maximum(s.routed, 1.0) / layout.ep
    hit = np.maximum(touched(s.routed, s.active, tokens) / layout.ep, 1e-3)
    skew = np.where(layout.ep > 1, 1.0 + SKEW / np.sqrt(np.maximum(local, 1.0)), 1.0)
    each = np.maximum(tokens * s.active / layout.ep / hit, 1e-3)
    width = _aligned(s.expert_ffn * layout.ep / group)
    batch = np.maximum(hit, 1.0) * skew
    wb = cases.weight_bytes
    machine = _reading(cases, cases.expert_machine, wb)
    loss = (1.0 - cases.engine.moe_ratio) * each / (each + HALF_LOSS)
    rate = Rate(cases.rate.peak, cases.rate.efficiency * (1.0 - loss), cases.rate.operand_bytes)
    columns = (1.0 + s.gated) * width
    grouped: dict[str, Any] = {"batch": batch, "weight_bytes": wb, "lost": UNEVEN}
    up = gemm_seconds(machine, rate, each, columns, s.hidden, **grouped)
    down = gemm_seconds(machine, rate, each, s.hidden, width, **grouped)
    return up + down


def _shared(cases: Cases, rows: Number) -> Number:
    s, tp = cases.shape, cases.layout.tp
    machine = _reading(cases, cases.machine, cases.attention_bytes)
    rate, wb = cases.attention_rate, cases.attention_bytes
    columns = ((1.0 + s.gated) * s.shared_ffn + s.routed) / tp
    up = _product(machine, rate, rows, _aligned(columns), s.hidden, weight_bytes=wb)
    inner = _aligned(s.shared_ffn / tp)
    down = _product(machine, rate, rows, s.hidden, inner, weight_bytes=wb)
    return up + np.where(s.shared_ffn > 0, down, 0.0)


def _recurrent(cases: Cases, rows: Number) -> Number:
    s, tp = cases.shape, cases.layout.tp
    machine = _reading(cases, cases.machine, cases.attention_bytes)
    rate, wb = cases.attention_rate, cases.attention_bytes
    inner, outer = _aligned(s.recurrent_in / tp), _aligned(s.recurrent_out / tp)
    up = _product(machine, rate, rows, inner, s.hidden, weight_bytes=wb)
    down = _product(machine, rate, rows, s.hidden, outer, weight_bytes=wb)
    return up + down


def collectives(cases: Cases, rows: Number) -> Number:
    """Seconds of all collectives of a step with `rows` tokens a rank."""
    s, layout, machine = cases.shape, cases.layout, cases.machine
    size = rows * s.hidden * 2.0
    way = path(machine, layout.tp)
    one = all_reduce_seconds(way, size) + np.where(layout.tp > 1, cases.engine.collective_s, 0.0)
    shared = layout.ep > layout.tp
    per_layer = np.where(s.parallel_blocks > 0, 1.0, 2.0)
    total = (s.layers * per_layer - np.where(shared, s.expert_layers, 0.0)) * one
    if np.any(shared):
        total = total + np.where(shared, s.expert_layers * _dispatch(cases, rows), 0.0)
    hop = np.where(layout.pp > 1, machine.link_latency_s + size / machine.host_bandwidth, 0.0)
    return total + (layout.pp - 1.0) * (hop + np.where(layout.pp > 1, cases.engine.collective_s, 0))


def _dispatch(cases: Cases, rows: Number) -> Number:
    s, layout, machine = cases.shape, cases.layout, cases.machine
    way = path(machine, layout.ep)
    nodes = np.maximum(layout.ep / way.inside, 1.0)
    # A token crosses the network once per server that holds one of its experts.
    copies = nodes * -np.expm1(s.active * np.log1p(-1.0 / np.maximum(nodes, 1.0 + 1e-9)))
    copies = np.where(nodes > 1, np.minimum(copies, s.active), s.active)
    size = rows / layout.tp * s.expert_io * DISPATCH_BYTES * copies
    return all_to_all_seconds(way, size) + 2.0 * cases.engine.collective_s


def decode_step(cases: Cases, batch: Number, context: Number) -> Step:
    """Return the parts of a step in which `batch` sequences of mean `context` gain tokens.

    Drafted tokens of a sequence are verified at once; each took a pass through one layer and the
    head.
    """
    s, engine, load = cases.shape, cases.engine, cases.load
    rows = batch * (1.0 + load.drafts)
    dense, experts = products(cases, rows, rows)
    dense = dense + load.drafts * _head(cases, batch)
    drafting = np.where(load.drafts > 0, 1.0 + load.drafts / np.maximum(s.layers, 1.0), 1.0)
    streamed = np.where(load.kind <= STREAMED, engine.stream_s, 0.0)
    overhead = layers_by(cases, KERNELS) * engine.layer_s + engine.step_s
    overhead = overhead + batch * (engine.sequence_s + streamed)
    attention = decode_attention(cases, batch, context)
    moved = _exposed(cases, collectives(cases, rows), dense + experts + attention)
    slow = drafting * (1.0 + engine.pipeline_loss * (cases.layout.pp - 1.0))
    return Step(dense * slow, experts * slow, attention * slow, moved * slow, overhead * slow)


def _exposed(cases: Cases, moved: Number, work: Number) -> Number:
    """Communication that two half-batches leave uncovered: max(0, comm - HIDDEN · work)."""
    hides = (cases.engine.overlap > 0) & (cases.layout.ep > cases.layout.tp)
    return np.where(hides, np.maximum(moved - HIDDEN * work, (1.0 - HIDDEN) * moved), moved)


def prefill_step(cases: Cases, tokens: Number, prompts: Number, beside: Number) -> Step:
    """Return what prefilling `tokens` (of `prompts` prompts) adds to a step that decodes `beside`.

    Where the engine mixes, weights are read once for both, so only the growth of the products
    counts; else the prompts take a step of their own.
    """
    engine = cases.engine
    joint = beside * engine.mixed
    with_prompt = products(cases, tokens + joint, prompts + joint)
    without = products(cases, np.maximum(joint, 1e-3), np.maximum(joint, 1e-3))
    alone = joint < 1e-2
    dense = with_prompt[0] - np.where(alone, 0.0, without[0])
    experts = with_prompt[1] - np.where(alone, 0.0, without[1])
    moved = collectives(cases, tokens + joint) - np.where(alone, 0.0, collectives(cases, joint))
    moved = _exposed(cases, moved, dense + experts)
    fixed = np.where(alone, layers_by(cases, KERNELS) * engine.layer_s + engine.step_s, 0.0)
    small = _small_kernels(cases, tokens)
    fixed = fixed + small
    fixed = fixed + prompts * engine.sequence_s
    slow = 1.0 + engine.pipeline_loss * (cases.layout.pp - 1.0)
    return Step(dense * slow, experts * slow, np.zeros_like(dense), moved * slow, fixed * slow)


def launch_seconds(cases: Cases, tokens: Number) -> Number:
    """Seconds that the host's launches add to a step of `tokens`, where requests stream.

    A step that graphs were captured for, of all but attention, takes a share of them (`RAMP`).
    They hide behind the device's work so little that a sum fits published runs best (against
    (device^p + host^p)^(1/p), p from 1 to 4).
    """
    engine = cases.engine
    streamed = cases.load.kind <= STREAMED
    layers = layers_by(cases, LAUNCHES)
    beyond = tokens / np.maximum(engine.captured_tokens, 1e-9) - RAMP[0]
    over = np.clip(beyond / (RAMP[1] - RAMP[0]), 0.0, 1.0)
    left = engine.captured_ratio + (1.0 - engine.captured_ratio) * over
    return np.where(streamed, engine.prompt_layer_s * layers * left, 0.0)


def layers_by(cases: Cases, more: tuple[float, float, float, float]) -> Number:
    """Layers, each counted by its kernels over those of a dense layer with plain attention."""
    s = cases.shape
    latent = np.where(s.kv_rank > 0, s.attention_layers, 0.0)
    small = np.where(cases.rate.operand_bytes < 2.0, s.dense_layers, 0.0)
    extra = more[0] * s.expert_layers + more[1] * latent + more[2] * s.recurrent_layers
    return s.layers + extra + more[3] * small


def _small_kernels(cases: Cases, tokens: Number) -> Number:
    """Norms, rotary, activation functions, quantization: about 12 passes over the hidden state.

    And 16-bit copies of 4-bit weights, written and read once a step, where the engine makes them.
    """
    s, machine, engine = cases.shape, cases.machine, cases.engine
    width = 10.0 * s.hidden + (3.0 * np.maximum(s.ffn, s.active * s.expert_ffn)) / cases.layout.tp
    rate = machine.memory_bandwidth * machine.memory_efficiency
    moved = s.layers * tokens * width * 2.0 * engine.small_traffic
    moved = moved + s.expert_layers * tokens * SCATTERED * s.active * s.hidden * 2.0
    copied = engine.weight_copies * np.where(tokens > COPIED_ROWS, cases.integer4, 0.0)
    if np.any(copied > 0):
        weights = s.attention_layers * attention_weights(s) + s.dense_layers * dense_ffn_weights(s)
        weights = weights + s.expert_layers * shared_weights(s)
        moved = moved + copied * 4.0 * weights / (cases.layout.tp * cases.layout.pp)
    return moved / rate
