"""What fits: weights, cache per token, and how many sequences run at once.

Chip memory sold as "80 GB" is 80 GiB; engines count in GiB.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from tonnage.perf.serving.arrays import Number
from tonnage.perf.serving.case import Cases
from tonnage.perf.shape import (
    attention_weights,
    dense_ffn_weights,
    index_weights,
    recurrent_weights,
    routed_weights,
    shared_weights,
    whole_weights,
)
from tonnage.units import GIB, GIGA

VISIBLE = 0.995
"""Share of a chip's memory that its driver shows: 79.6 of 80 GiB on an H100, 140.4 of 141 on an
H200, 95.6 of 96 on an H20 (published outputs of nvidia-smi)."""
ACTIVATION_WIDTH = 6.0
"""Activations alive at once, in units of hidden + ffn / tp, 2 bytes each; our assumption."""


UNDISTURBED = 0.92
"""Share of the sequences that caches hold in the mean, up to which none is given up, as the event
simulation shows of engines that set less than whole answers aside."""


@dataclass(frozen=True, slots=True, eq=False)
class Capacity:
    """Bytes per chip and sequences per replica, axis [case]."""

    usable: Number
    weights: Number
    activations: Number
    reserve: Number
    cache_per_token: Number
    """Bytes of cache that one more token of context takes on each chip of a replica."""
    cache_per_sequence: Number
    """Bytes that one running sequence of the job's lengths takes, as the engine sets aside."""
    cache_per_request: Number
    """Bytes that the longest request takes at its last token."""
    sequences: Number
    """Sequences that run at once in one replica; below 1 the job does not fit."""

    @property
    def needed(self) -> Number:
        """Bytes per chip without which not one request is answered to its end."""
        return self.weights + self.activations + self.reserve + self.cache_per_request


def experts_group(cases: Cases) -> Number:
    """Chips over which one set of experts is spread: tp, or ep with attention DP."""
    return np.maximum(cases.layout.tp, cases.layout.ep)


def weight_bytes(cases: Cases) -> Number:
    """Bytes of weights per chip: layers / pp, matrices / tp, experts / their group.

    Layers that draft stand with the last stage.
    """
    s, layout = cases.shape, cases.layout
    b = cases.weight_bytes
    # Latent attention's projections into ranks and indexers are whole on every rank.
    whole = s.attention_layers * whole_weights(s) + s.scoring_layers * index_weights(s)
    whole = whole * cases.attention_bytes
    split = attention_weights(s) - whole_weights(s)
    attention = s.attention_layers * split * cases.attention_bytes
    dense = s.dense_layers * dense_ffn_weights(s) * b
    shared = s.expert_layers * shared_weights(s) * cases.attention_bytes
    recurrent = s.recurrent_layers * recurrent_weights(s) * cases.attention_bytes
    routed = s.expert_layers * routed_weights(s) * b / experts_group(cases)
    layers = ((attention + dense + shared + recurrent) / layout.tp + routed + whole) / layout.pp
    layers = layers + draft_layers(cases) * layers * layout.pp / s.layers
    ends = s.vocab * s.hidden * (2.0 - s.tied) * cases.head_bytes
    return layers + ends / layout.tp / np.minimum(layout.pp, 2.0 - s.tied)


def draft_layers(cases: Cases) -> Number:
    """Layers kept to draft tokens: the model's own, else one as drafting heads have (EAGLE)."""
    return np.where(cases.load.drafts > 0, np.maximum(cases.shape.mtp_layers, 1.0), 0.0)


def local_kv_width(cases: Cases) -> Number:
    """Numbers a token keeps per layer on one chip: heads / tp, at least one; MLA whole."""
    s = cases.shape
    heads = np.maximum(s.kv_heads / cases.layout.tp, 1.0)
    return np.where(s.kv_rank > 0, s.kv_rank + s.rope_dim, heads * (s.qk_dim + s.v_dim))


def token_bytes(cases: Cases) -> Number:
    """Bytes a token keeps per layer on one chip.

    A latent that chosen tokens are read from, kept in 8 bits: 512 numbers, a 4-byte scale for each
    128 of them, and the rotary part in 16 bits (vLLM's backend `flashmla_sparse`: 656 bytes).
    """
    s = cases.shape
    plain = local_kv_width(cases) * cases.kv_bytes
    scaled = s.kv_rank * (1.0 + 4.0 / 128.0) + 2.0 * s.rope_dim
    small = (s.kv_rank > 0) & (s.sparse_layers > 0) & (cases.kv_bytes == 1.0)
    return np.where(small, scaled, plain)


def cache_bytes(cases: Cases, context: Number) -> Number:
    """Bytes per chip that one sequence of `context` tokens keeps: windows and states respected.

    Sparse layers keep every token, and those with an indexer its key too, whole on every rank.
    """
    s = cases.shape
    windowed = s.window_share * s.attention_layers
    seen = np.where(s.window > 0, np.minimum(context, s.window), context)
    full = s.attention_layers - windowed + draft_layers(cases)
    tokens = full * context + windowed * seen * s.window_kv
    # Each drafted token needs a state of its own until it is verified.
    states = s.recurrent_layers * (1.0 + cases.load.drafts)
    state = states * s.recurrent_bytes / cases.layout.tp
    keys = s.scoring_layers * context * cases.index_bytes
    return (token_bytes(cases) * tokens + keys + state) / cases.layout.pp


def capacity(cases: Cases) -> Capacity:
    """Room for caches / cache of one sequence, and its parts.

    Room is u·C - weights - activations - reserve, u·(C - weights - activations - reserve) or
    u·C - weights, by what the engine's share u is a share of (`Engine.memory_of`). What is set
    aside may be less than a whole answer; one request alone must have room for all of it.
    """
    s, engine, load = cases.shape, cases.engine, cases.load
    memory = cases.machine.memory_bytes / GIGA * GIB * VISIBLE
    weights = weight_bytes(cases)
    tokens = np.minimum(engine.prefill_tokens, 16384.0)
    widest = s.hidden + np.maximum(s.ffn, s.active * s.expert_ffn) / cases.layout.tp
    activations = ACTIVATION_WIDTH * tokens * widest
    reserve = engine.reserve_gib * GIB
    share, kind = engine.memory_fraction, engine.memory_of
    # SGLang keeps back what activations and graphs may take: by its own rule, or what a stated
    # share leaves.
    kept = np.where(share >= 1.0, reserve, (1.0 - share) * memory)
    activations = np.where(kind == 2.0, 0.0, activations)
    reserve = np.where(kind == 2.0, kept, reserve)
    taken = weights + activations + reserve
    room = np.where(kind == 0.0, share * memory, memory) - taken
    room = np.where(kind == 1.0, share * room, room)
    usable = room + taken
    held = load.input + engine.reserved_output * load.output + engine.block_tokens / 2.0
    one = cache_bytes(cases, held)
    # One more token of context, as a mean over the sequence where layers have windows.
    per_token = one / held
    sequences = np.minimum(room / np.maximum(one, 1.0), engine.max_sequences)
    whole = cache_bytes(cases, longest(cases) + engine.block_tokens)
    lone = room / np.maximum(whole, 1.0)
    sequences = np.where(lone < 1.0, np.minimum(sequences, lone), sequences)
    return Capacity(
        usable, weights, activations, reserve + 0.0 * one, per_token, one, whole, sequences
    )


def longest(cases: Cases) -> Number:
    """Tokens of the longest request: prompt and answer, drawn evenly up to (1 + √3·spread)·mean."""
    return (cases.load.input + cases.load.output) * (1.0 + 3.0**0.5 * cases.load.spread)


def shortage(room: Capacity, index: int) -> str:
    """Say what one request of a case that does not fit needs, with digits that tell both apart."""
    need, usable = (float(x[index]) / GIGA for x in (room.needed, room.usable))
    digits = next((d for d in range(4) if f"{need:.{d}f}" != f"{usable:.{d}f}"), 4)
    held = f"{need:.{digits}f} GB per chip, {usable:.{digits}f} GB"
    return f"does not fit: one request needs {held} are usable"


def undisturbed(cases: Cases, room: Capacity) -> Number:
    """Return the sequences of a replica that run without giving up caches, at least 1."""
    engine = cases.engine
    tight = (engine.admitted_output < 1.0) & (room.sequences < engine.max_sequences)
    share = np.where(tight, UNDISTURBED, 1.0)
    # What does not fit at all stays below 1.
    return np.where(room.sequences < 1.0, room.sequences, np.maximum(share * room.sequences, 1.0))
