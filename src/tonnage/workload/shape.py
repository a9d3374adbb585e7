"""From the words of a model data file to a `Model`."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from tonnage.errors import DataError
from tonnage.workload.model import (
    Attention,
    Experts,
    Indexer,
    LatentAttention,
    Model,
    Recurrent,
)

CONVOLUTION_TAPS = 4
"""Taps of the causal convolution in Mamba-2 and in gated delta layers."""

_WORDS = {
    "layers", "hidden", "ffn", "heads", "kv_heads", "head_dim", "vocab", "positions", "gated",
    "tied", "norm", "norm_vectors", "norms_per_layer", "outer_norms", "biases",
    "attention_biases", "output_bias", "all_biases", "head_bias", "parallel", "window",
    "window_share", "chunked", "narrow", "value_dim", "value_projection", "qk_norm", "sinks",
    "output_gate", "latent", "indexer", "experts", "mamba", "delta", "kda", "lightning",
    "attention_layers", "feed_forward_layers", "mtp", "max_positions", "outside",
}  # fmt: skip
_NORM_VECTORS = {"rms": 1, "layer": 2, "none": 0}


def mamba2(layers: int, heads: int, head_dim: int, state: int, groups: int = 1) -> Recurrent:
    """Return Mamba-2 layers (Dao and Gu 2024, arXiv 2405.21060).

    In: gate and input (2·inner), B and C (2·groups·state), one decay a head; out: inner; the state
    is inner · state numbers. Convolution over input, B and C; decay, skip and bias a head; a norm.
    """
    inner = heads * head_dim
    mixed = inner + 2 * groups * state
    other = mixed * (CONVOLUTION_TAPS + 1) + 3 * heads + inner
    kept = mixed * (CONVOLUTION_TAPS - 1)
    return Recurrent(layers, inner + mixed + heads, inner, inner * state, other, kept)


def gated_delta(layers: int, key_heads: int, value_heads: int, head_dim: int) -> Recurrent:
    """Return gated delta-rule layers (Yang et al. 2024, arXiv 2412.06464), as in Qwen3-Next.

    In: queries and keys (2·key heads), values and gate (2·value heads), decay and step a value
    head; the state is one head_dim² matrix a value head.
    """
    keys, values = key_heads * head_dim, value_heads * head_dim
    mixed = 2 * keys + values
    other = mixed * CONVOLUTION_TAPS + 2 * value_heads + head_dim
    state, kept = value_heads * head_dim * head_dim, mixed * (CONVOLUTION_TAPS - 1)
    return Recurrent(layers, mixed + values + 2 * value_heads, values, state, other, kept)


def kimi_delta(layers: int, heads: int, head_dim: int, full_gate: bool = False) -> Recurrent:
    """Return Kimi delta attention (Kimi Linear, arXiv 2510.26692), with decay by channel.

    In: queries, keys, values, decay and gate (both through a rank of one head's width, the gate
    whole in Kimi K3), a step a head. The second factors of those ranks count among the rest.
    """
    width = heads * head_dim
    ranks = 1 if full_gate else 2
    columns = 3 * width + heads + ranks * head_dim + (width if full_gate else 0)
    other = 3 * width * CONVOLUTION_TAPS + ranks * head_dim * width + width + heads + head_dim
    kept = 3 * width * (CONVOLUTION_TAPS - 1)
    return Recurrent(layers, columns, width, heads * head_dim * head_dim, other, kept)


def lightning(layers: int, heads: int, head_dim: int) -> Recurrent:
    """Return lightning-attention layers (MiniMax-01, arXiv 2501.08313): q, k, v, gate; output."""
    width = heads * head_dim
    return Recurrent(layers, 4 * width, width, heads * head_dim * head_dim, width)


_MIXERS: dict[str, Callable[..., Recurrent]] = {
    "mamba": mamba2,
    "delta": gated_delta,
    "kda": kimi_delta,
    "lightning": lightning,
}


def model_from_words(ident: str, name: str, words: Mapping[str, Any]) -> Model:
    """Return the model that a data file describes; what it leaves out follows from convention.

    Feed-forward width 4·hidden, as many key/value heads as heads, head width hidden / heads.

    Raises
    ------
    DataError
        If a word is unknown or one that is needed is missing.
    """
    unknown = set(words) - _WORDS
    missing = {"layers", "hidden", "heads", "vocab", "gated", "tied", "norm"} - set(words)
    if unknown or missing:
        message = f"model {ident}: unknown {sorted(unknown)}, missing {sorted(missing)}"
        raise DataError(message)
    biased = bool(words.get("all_biases"))
    return Model(
        id=ident,
        name=name,
        layers=words["layers"],
        hidden=words["hidden"],
        ffn_hidden=words.get("ffn", 4 * words["hidden"]),
        gated=words["gated"],
        attention=_attention(words, biased),
        vocab=words["vocab"],
        tied_embeddings=words["tied"],
        learned_positions=words.get("positions", 0),
        biases=biased or bool(words.get("biases")),
        head_bias=bool(words.get("head_bias")),
        norm_vectors=words.get("norm_vectors", _NORM_VECTORS[words["norm"]]),
        norms_per_layer=words.get("norms_per_layer", 2),
        outer_norms=words.get("outer_norms", 1),
        parallel_blocks=bool(words.get("parallel")),
        experts=_experts(words.get("experts")),
        recurrent=_recurrent(words),
        feed_forward_layers=words.get("feed_forward_layers"),
        attention_layers_given=words.get("attention_layers"),
        mtp_layers=words.get("mtp", 0),
        max_positions=words.get("max_positions", words.get("positions", 0)),
        outside_params=words.get("outside", 0),
    )


def _attention(words: Mapping[str, Any], biased: bool) -> Attention:
    heads, latent = words["heads"], words.get("latent")
    return Attention(
        heads=heads,
        kv_heads=words.get("kv_heads", heads),
        head_dim=words.get("head_dim", words["hidden"] // heads),
        latent=None
        if latent is None
        else LatentAttention(
            latent.get("q"), latent["kv"], latent["nope"], latent["rope"], latent["v"]
        ),
        window=words.get("window"),
        window_share=words.get("window_share", 0.0),
        chunked=bool(words.get("chunked")),
        biases=biased or bool(words.get("attention_biases")),
        output_bias=biased or bool(words.get("output_bias")),
        qk_norm=words.get("qk_norm", ""),
        sinks=bool(words.get("sinks")),
        output_gate=bool(words.get("output_gate")),
        indexer=Indexer(**words["indexer"]) if words.get("indexer") else None,
        value_dim=words.get("value_dim"),
        value_projection=bool(words.get("value_projection", True)),
        narrow=_narrow(words, biased),
    )


def _narrow(words: Mapping[str, Any], biased: bool) -> Attention | None:
    """Return the attention of layers with a window: the full ones' but for what `narrow` says."""
    own = words.get("narrow")
    if own is None:
        return None
    rest = {"value_dim": None, "value_projection": True, "narrow": None}
    return _attention({**words, **rest, **own}, biased)


def _experts(words: Mapping[str, Any] | None) -> Experts | None:
    if words is None:
        return None
    filled = {"shared_hidden": words["hidden"], **words} if words.get("shared") else words
    return Experts(**filled)


def _recurrent(words: Mapping[str, Any]) -> Recurrent | None:
    for kind, build in _MIXERS.items():
        if kind in words:
            return build(**words[kind])
    return None
