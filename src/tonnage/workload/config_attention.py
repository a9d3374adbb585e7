"""What a configuration says of attention: windows, latent projections, sparse choice."""

from __future__ import annotations

from typing import Any

from tonnage.workload.config import Config

_WINDOW_PATTERN = {"gemma3_text": 6, "llama4_text": 4, "cohere2": 4, "gpt_oss": 2}
"""One layer in so many sees everything, where the configuration leaves it to the code."""


def read_window(reader: Config, words: dict[str, Any], kind: str) -> None:
    """Add the window and the share of layers that see it alone."""
    size = reader.count("sliding_window", "attention_chunk_size", least=0)
    share = words.pop("window_share", None)
    kinds = reader.raw("layer_types")
    if not size or reader.raw("use_sliding_window") is False:
        return
    hybrid = reader.raw("hybrid_layer_pattern")
    if isinstance(hybrid, list) and hybrid:
        kinds = ["sliding_attention" if item else "full_attention" for item in hybrid]
    letters = reader.raw("sliding_window_pattern")
    if isinstance(letters, str) and letters and set(letters) <= {"L", "G"}:
        repeated = (letters * words["layers"])[: words["layers"]]
        kinds = ["sliding_attention" if item == "L" else "full_attention" for item in repeated]
        reader.data = {**reader.data, "sliding_window_pattern": None}
    pattern = reader.count("sliding_window_pattern", "_sliding_window_pattern")
    if isinstance(kinds, list) and kinds:
        share = sum(str(item) in {"sliding_attention", "chunked_attention"} for item in kinds)
        share /= len(kinds)
    elif share is None or pattern is not None:
        pattern = pattern or _WINDOW_PATTERN.get(kind)
        share = 1.0 - (words["layers"] // pattern / words["layers"] if pattern else 0.0)
    words["window"], words["window_share"] = size, share
    words["chunked"] = kind == "llama4_text"


def read_latent(reader: Config, words: dict[str, Any], kind: str) -> None:
    """Add the ranks and widths of latent attention."""
    del kind
    if reader.raw("kv_lora_rank") is None:
        return
    words["latent"] = {
        "kv": reader.need("kv_lora_rank"),
        "nope": reader.need("qk_nope_head_dim"),
        "rope": reader.need("qk_rope_head_dim"),
        "v": reader.need("v_head_dim"),
    }
    rank = reader.count("q_lora_rank")
    if rank is not None:
        words["latent"]["q"] = rank


def read_narrow(reader: Config, words: dict[str, Any], kind: str) -> None:
    """Add heads and widths of the layers with a window, where they are not the full ones'."""
    if reader.raw("v_head_dim") is not None and "latent" not in words:
        words["value_dim"] = reader.need("v_head_dim")
    if not words.get("window"):
        return
    if kind == "gemma4_text":
        own = {"heads": words["heads"], "head_dim": words.get("head_dim", 256)}
        own["kv_heads"] = words.get("kv_heads", words["heads"])
        words["head_dim"] = reader.count("global_head_dim") or own["head_dim"]
        words["kv_heads"] = reader.count("num_global_key_value_heads") or own["kv_heads"]
        words["value_projection"] = not reader.flag("attention_k_eq_v")
        words["narrow"] = own
        return
    spellings = {
        "heads": ("swa_num_attention_heads", "attention_other_setting.num_attention_heads"),
        "kv_heads": ("swa_num_key_value_heads", "attention_other_setting.num_attention_groups"),
        "head_dim": ("swa_head_dim", "attention_other_setting.head_dim"),
        "value_dim": ("swa_v_head_dim",),
    }
    found = {word: reader.count(*keys) for word, keys in spellings.items()}
    own = {word: value for word, value in found.items() if value is not None}
    if own:
        words["narrow"] = own


SPARSE_KINDS = {"deepseek_v32"}
"""Types that attend sparsely whatever their configuration leaves out."""


def read_sparse(reader: Config, words: dict[str, Any], kind: str) -> None:
    """Add the indexer of sparse attention (DeepSeek's and GLM's keys, or MiniMax-M3's)."""
    blocks = reader.raw("sparse_attention_config")
    if isinstance(blocks, dict) and blocks.get("use_sparse_attention", True):
        _blocks(reader, words)
    elif reader.raw("index_topk") is not None or kind in SPARSE_KINDS:
        words["indexer"] = {
            "heads": reader.need("index_n_heads"),
            "head_dim": reader.need("index_head_dim"),
            "topk": reader.need("index_topk"),
            "scoring": _scoring(reader, words["layers"]),
        }


def _scoring(reader: Config, layers: int) -> int | None:
    """Layers with an indexer of their own: listed, written as a pattern, or one in so many."""
    kinds = reader.raw("indexer_types")
    if isinstance(kinds, list) and kinds:
        return sum(str(kind) == "full" for kind in kinds[:layers])
    pattern = reader.raw("index_topk_pattern")
    if isinstance(pattern, str) and pattern:
        return pattern[:layers].upper().count("F")
    every = reader.count("index_topk_freq") or 1
    first = reader.count("index_skip_topk_offset", least=0) or 1
    return sum(max(layer - first + 1, 0) % every == 0 for layer in range(layers))


def _blocks(reader: Config, words: dict[str, Any]) -> None:
    prefix = "sparse_attention_config."
    chosen = reader.need(prefix + "sparse_topk_blocks") * reader.need(prefix + "sparse_block_size")
    which = reader.raw(prefix + "sparse_attention_freq")
    listed = isinstance(which, list) and all(item in (0, 1) for item in which)
    words["indexer"] = {
        "heads": reader.need(prefix + "sparse_num_index_heads"),
        "head_dim": reader.need(prefix + "sparse_index_dim"),
        "topk": chosen,
        "layers": sum(which[: words["layers"]]) if listed else None,
    }
