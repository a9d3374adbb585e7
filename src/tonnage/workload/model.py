"""The shape of a decoder language model, and what follows from it.

Only shape: no training settings, no hardware. Lengths are counts; nothing here has a unit of time.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class LatentAttention:
    """Multi-head latent attention (DeepSeek-V2, arXiv 2405.04434, section 2.1)."""

    q_lora_rank: int | None
    """`None`: queries are projected directly."""
    kv_lora_rank: int
    qk_nope_head_dim: int
    qk_rope_head_dim: int
    v_head_dim: int


@dataclass(frozen=True, slots=True)
class Attention:
    """Self-attention of one layer: MHA, GQA and MQA by head counts, MLA by `latent`."""

    heads: int
    kv_heads: int
    head_dim: int
    latent: LatentAttention | None = None
    window: int | None = None
    """Sliding window in tokens of the layers that have one."""
    window_share: float = 0.0
    """Share of the layers that attend within the window only."""
    biases: bool = False
    """Biases on the query, key and value projections."""
    output_bias: bool = False


@dataclass(frozen=True, slots=True)
class Experts:
    """Mixture of experts in the feed-forward part."""

    routed: int
    active: int
    """Routed experts that each token goes to."""
    hidden: int
    """Inner width of one routed expert."""
    shared: int = 0
    shared_hidden: int = 0
    """Inner width of one shared expert."""
    dense_layers: int = 0
    """Leading layers with a plain feed-forward part of width `ffn_hidden`."""
    every: int = 1
    """One layer in `every` has experts; the others are dense."""


@dataclass(frozen=True, slots=True)
class Model:
    """A decoder-only transformer."""

    id: str
    name: str
    layers: int
    hidden: int
    ffn_hidden: int
    """Inner width of the dense feed-forward part."""
    gated: bool
    """Three feed-forward matrices (SwiGLU and kin) instead of two."""
    attention: Attention
    vocab: int
    tied_embeddings: bool
    learned_positions: int = 0
    """Rows of a learned position table; 0 for rotary, ALiBi and none."""
    biases: bool = False
    """Biases on the feed-forward projections (GPT style)."""
    norm_vectors: int = 1
    """Vectors a norm carries: 1 for RMSNorm, 2 for LayerNorm with bias."""
    norms_per_layer: int = 2
    parallel_blocks: bool = False
    """Attention and feed-forward read the same norm (one all-reduce a layer instead of two)."""
    experts: Experts | None = None
    mtp_layers: int = 0
    """Extra multi-token-prediction layers, as in DeepSeek-V3."""
    max_positions: int = 0

    @property
    def expert_layers(self) -> int:
        """Number of layers with experts."""
        if self.experts is None:
            return 0
        return (self.layers - self.experts.dense_layers) // self.experts.every
