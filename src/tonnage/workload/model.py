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
class Indexer:
    """Sparse attention: an indexer scores every kept token, and only the best are attended to.

    DeepSeek sparse attention (DeepSeek-V3.2, arXiv 2512.02556, section 2.1), and MiniMax-M3's with
    blocks of tokens. The indexer keeps one key of `head_dim` numbers a token, for all its heads.
    """

    heads: int
    head_dim: int
    topk: int
    """Tokens that a query attends to at most."""
    layers: int | None = None
    """Attention layers that attend so; `None`: all."""
    scoring: int | None = None
    """Of those that run an indexer, the others taking over its choice; `None`: all."""


@dataclass(frozen=True, slots=True)
class Attention:
    """Softmax attention of one layer: MHA, GQA and MQA by head counts, MLA by `latent`."""

    heads: int
    kv_heads: int
    head_dim: int
    latent: LatentAttention | None = None
    window: int | None = None
    """Tokens that a layer with a sliding window (or attention chunks) sees."""
    window_share: float = 0.0
    """Share of the attention layers that see the window only."""
    chunked: bool = False
    """The window does not slide: a token sees its own chunk, half of it in the mean (Llama 4)."""
    biases: bool = False
    """Biases on the query, key and value projections."""
    output_bias: bool = False
    qk_norm: str = ""
    """Norm on queries and keys: `head` (one vector of `head_dim` each), `full` (over all heads)."""
    sinks: bool = False
    """One learned sink logit a head (GPT-OSS)."""
    output_gate: bool = False
    """A projection as wide as the queries gates the output (Qwen3-Next)."""
    indexer: Indexer | None = None
    """`None`: every kept token (or the window) is attended to."""
    value_dim: int | None = None
    """Width of a value, where it is not that of a key (MiMo-V2)."""
    value_projection: bool = True
    """Without one, values are the projected keys (Gemma 4's full layers); both are kept."""
    narrow: Attention | None = None
    """Attention of the layers with a window, where heads or widths differ (Gemma 4, MiMo-V2)."""

    @property
    def value_width(self) -> int:
        """Width of one head's value."""
        return self.head_dim if self.value_dim is None else self.value_dim


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
    """Of the layers after those, one in `every` has experts; the others are dense."""
    latent: int = 0
    """Width that tokens are projected to before routed experts, and back after; 0: no projection
    (LatentMoE of Nemotron 3 Super)."""
    beside_dense: bool = False
    """The layers with experts keep their dense feed-forward part too (Snowflake Arctic)."""


@dataclass(frozen=True, slots=True)
class Recurrent:
    """Layers that mix tokens through a state of fixed size instead of softmax attention.

    Mamba-2, gated delta rule and lightning attention alike: a projection in, an update of the
    state, a projection out.
    """

    layers: int
    in_width: int
    """Columns of all projections in (queries, keys, values, gates, decay)."""
    out_width: int
    """Rows of the projection out."""
    state: int
    """Numbers in the state of one layer, for one sequence."""
    other_params: int = 0
    """Convolution, decay and norm parameters of one layer."""
    convolution: int = 0
    """Numbers that the causal convolution of one layer keeps for one sequence."""


@dataclass(frozen=True, slots=True)
class Model:
    """A decoder-only transformer (or a hybrid of one with recurrent layers)."""

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
    """Biases on the feed-forward projections (GPT style), of experts and router too."""
    head_bias: bool = False
    norm_vectors: int = 1
    """Vectors a norm carries: 1 for RMSNorm, 2 for LayerNorm with bias, 0 for one without any."""
    norms_per_layer: int = 2
    outer_norms: int = 1
    """Norms outside the layers: the final one, and one on the embedding where there is one."""
    parallel_blocks: bool = False
    """Attention and feed-forward run side by side (one all-reduce a layer instead of two)."""
    experts: Experts | None = None
    recurrent: Recurrent | None = None
    feed_forward_layers: int | None = None
    """Layers with a feed-forward part, where not all have one (Nemotron-H); `None`: all."""
    attention_layers_given: int | None = None
    """Layers with softmax attention, where the others are neither that nor recurrent."""
    mtp_layers: int = 0
    """Extra multi-token-prediction layers, as in DeepSeek-V3; not in the total count."""
    max_positions: int = 0
    """Longest context the maker states; 0 where it is not known."""
    outside_params: int = 0
    """Parameters outside the decoder (a vision tower) that the published count includes."""

    @property
    def attention_layers(self) -> int:
        """Number of layers with softmax attention."""
        if self.attention_layers_given is not None:
            return self.attention_layers_given
        return self.layers - (self.recurrent.layers if self.recurrent else 0)

    @property
    def window_layers(self) -> int:
        """Number of attention layers that see a sliding window only."""
        return round(self.attention.window_share * self.attention_layers)

    @property
    def sparse_layers(self) -> int:
        """Number of attention layers that attend to chosen tokens only."""
        indexer = self.attention.indexer
        if indexer is None:
            return 0
        return self.attention_layers if indexer.layers is None else indexer.layers

    @property
    def scoring_layers(self) -> int:
        """Number of sparse layers with an indexer of their own."""
        indexer = self.attention.indexer
        if indexer is None:
            return 0
        return self.sparse_layers if indexer.scoring is None else indexer.scoring

    @property
    def recurrent_layers(self) -> int:
        """Number of layers with a recurrent mixer."""
        return self.recurrent.layers if self.recurrent else 0

    @property
    def expert_layers(self) -> int:
        """Number of layers with experts."""
        if self.experts is None:
            return 0
        return (self._feed_forward_layers - self.experts.dense_layers) // self.experts.every

    @property
    def dense_layers(self) -> int:
        """Number of layers with a plain feed-forward part."""
        beside = self.experts is not None and self.experts.beside_dense
        return self._feed_forward_layers - (0 if beside else self.expert_layers)

    @property
    def _feed_forward_layers(self) -> int:
        return self.layers if self.feed_forward_layers is None else self.feed_forward_layers

    def padded_vocab(self, multiple: int) -> int:
        """⌈vocab / multiple⌉ · multiple: rows of the embedding after a framework pads it."""
        return -(-self.vocab // multiple) * multiple
