"""From a Hugging Face `config.json` to a `Model`."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from tonnage.errors import Fault, InputError
from tonnage.files import read_text
from tonnage.workload.architectures import OPEN_POSITIONS, SAME_AS, TRAITS, UNWRITTEN
from tonnage.workload.config import LARGEST, LARGEST_OTHER, WIDTH, Config
from tonnage.workload.config_attention import (
    read_latent,
    read_narrow,
    read_sparse,
    read_window,
)
from tonnage.workload.config_experts import read_experts
from tonnage.workload.model import Model
from tonnage.workload.shape import model_from_words

LARGEST_CONFIG_BYTES = 8 * 2**20
_NAMES: dict[str, tuple[str, ...]] = {
    "layers": ("num_hidden_layers", "n_layer", "n_layers", "num_layers"),
    "hidden": ("hidden_size", "n_embd", "d_model", "n_embed"),
    "heads": ("num_attention_heads", "n_head", "n_heads"),
    "vocab": ("vocab_size", "padded_vocab_size"),
    "kv_heads": (
        "num_key_value_heads", "num_kv_heads", "n_head_kv", "multi_query_group_num",
        "attn_config.kv_n_heads", "num_attention_groups",
    ),
    "head_dim": ("head_dim", "attention_head_dim", "kv_channels"),
    "ffn": WIDTH,
    "positions": (
        "max_position_embeddings", "n_positions", "max_seq_len", "seq_length", "max_sequence_length"
    ),
}  # fmt: skip
"""Word of `shape.py` → the keys that configurations write it under, first found wins."""
_NEEDED = ("layers", "hidden", "heads", "vocab")


def read_model(path: str | Path) -> Model:
    """Return the shape that a Hugging Face `config.json` (or a folder with one) describes.

    Raises
    ------
    InputError
        If it cannot be read, is not a configuration, is of an architecture that is not known here,
        or lacks numbers; one message lists everything.
    """
    shown, file = str(path), Path(path)
    if file.is_dir():
        file = file / "config.json"
        shown = f"{shown.rstrip('/')}/config.json"
        if not file.exists():
            raise InputError.of("model", str(path), "this folder holds no config.json")
    text = read_text(file, LARGEST_CONFIG_BYTES)
    return model_from_config(_parsed(text, shown), _name_of(file, shown), shown)


def _parsed(text: str, shown: str) -> Mapping[str, Any]:
    try:
        data = json.loads(text)
    except json.JSONDecodeError as error:
        mend = f"not JSON ({error.msg}, column {error.colno})"
        raise InputError.of("model", None, mend, f"{shown}:{error.lineno}") from None
    except RecursionError:
        raise InputError.of("model", None, "nested too deeply", shown) from None
    if not isinstance(data, dict):
        raise InputError.of("model", None, "a configuration is a JSON object", shown)
    return data


def _name_of(file: Path, shown: str) -> str:
    stem = Path(shown).parent.name if file.name == "config.json" else file.stem
    return "" if stem in {"", ".", ".."} else stem


def model_from_config(config: Mapping[str, Any], name: str = "", where: str = "config") -> Model:
    """Return the shape of a configuration already parsed; `where` stands in the messages."""
    kind, inner = _kind_of(config, where)
    written = {key: value for key, value in inner.items() if value is not None}
    reader = Config({**UNWRITTEN.get(kind, {}), **written}, where)
    words = {word: value for word, value in TRAITS[kind].items() if word != "learned"}
    _sizes(reader, words)
    _positions(reader, words, kind, bool(TRAITS[kind].get("learned")))
    _switches(reader, words, kind)
    read_window(reader, words, kind)
    read_experts(reader, words, kind)
    for special in (read_latent, read_sparse, read_narrow, _quirks, _recurrent):
        special(reader, words, kind)
    _check_heads(reader, words)
    if reader.faults:
        raise InputError(reader.faults)
    called = name or str(config.get("_name_or_path") or "").rsplit("/", 1)[-1] or kind
    return model_from_words(called.lower().replace(" ", "-"), called, words)


def _kind_of(config: Mapping[str, Any], where: str) -> tuple[str, Mapping[str, Any]]:
    inner: Mapping[str, Any] = config
    for key in ("text_config", "llm_config", "language_config"):
        if isinstance(config.get(key), dict):
            inner = {"tie_word_embeddings": config.get("tie_word_embeddings"), **config[key]}
            break
    tried = [str(source.get("model_type") or "").lower() for source in (inner, config)]
    for kind in tried:
        found = SAME_AS.get(kind, kind)
        if found in TRAITS:
            return found, inner
    given = next((kind for kind in tried if kind), None)
    known = ", ".join(sorted(TRAITS))
    mend = f"an architecture that is not known here; known: {known}"
    missing = [] if given else [Fault("model_type", None, f"missing; one of {known}", where)]
    unknown = [Fault("model_type", given, mend, where)] if given else []
    reader = Config(inner, where)
    for word in _NEEDED:
        reader.need(*_NAMES[word])
    raise InputError([*missing, *unknown, *reader.faults])


def _sizes(reader: Config, words: dict[str, Any]) -> None:
    kinds = reader.raw("layers_block_type")
    if isinstance(kinds, list) and reader.raw("num_hidden_layers") is None:
        reader.data = {**reader.data, "num_hidden_layers": len(kinds)}
    for word in _NEEDED:
        largest = LARGEST.get(word, LARGEST_OTHER)
        words[word] = reader.need(*_NAMES[word], largest=largest)
    for word in ("kv_heads", "head_dim", "ffn"):
        value = reader.count(*_NAMES[word])
        if value is not None:
            words[word] = value
    if "qk_head_dim" not in reader.data and reader.raw("multi_query") is True:
        words.setdefault("kv_heads", 1)


def _positions(reader: Config, words: dict[str, Any], kind: str, learned: bool) -> None:
    longest = reader.count(*_NAMES["positions"], largest=10**9) or 0
    words["max_positions"] = longest
    if learned:
        words["positions"] = longest + (OPEN_POSITIONS if kind == "opt" else 0)
        if not longest and reader.sound(*_NAMES["positions"]):
            reader.fault("max_position_embeddings", None, "missing; it has a learned table")


def _switches(reader: Config, words: dict[str, Any], kind: str) -> None:
    words["tied"] = reader.flag("tie_word_embeddings", words["tied"])
    if reader.raw("attention_bias") is not None and kind != "gpt_oss":
        biased = reader.flag("attention_bias")
        words["attention_biases"] = biased
        words["output_bias"] = biased and kind in {"llama", "qwen3", "qwen3_moe"}
    if reader.flag("mlp_bias"):
        words["biases"] = True
    if reader.raw("use_qk_norm") is not None:
        kept = words.get("qk_norm") or "head"
        words["qk_norm"] = kept if reader.flag("use_qk_norm") else ""


def _quirks(reader: Config, words: dict[str, Any], kind: str) -> None:
    quirk = _QUIRKS.get(kind)
    if quirk is not None:
        quirk(reader, words)


def _qwen(reader: Config, words: dict[str, Any]) -> None:
    del reader
    words["ffn"] = words.get("ffn", 2) // 2


def _mpt(reader: Config, words: dict[str, Any]) -> None:
    ratio = reader.count("expansion_ratio") or 4
    words["ffn"] = ratio * words["hidden"]
    if reader.raw("attn_config.alibi") is False and reader.raw("attn_config.rope") is not True:
        words["positions"] = words["max_positions"]
    if not reader.flag("no_bias", True):
        words |= {"all_biases": True, "norm_vectors": 2}


def _falcon(reader: Config, words: dict[str, Any]) -> None:
    new = reader.flag("new_decoder_architecture") or "n_head_kv" in reader.data
    if not new:
        words["norms_per_layer"] = 1
        words["kv_heads"] = 1 if reader.flag("multi_query", True) else words["heads"]
    if reader.flag("bias"):
        words["all_biases"] = True
    words["parallel"] = new or reader.flag("parallel_attn", True)


def _neox(reader: Config, words: dict[str, Any]) -> None:
    words["parallel"] = reader.flag("use_parallel_residual", True)


def _dbrx(reader: Config, words: dict[str, Any]) -> None:
    del reader
    words.setdefault("ffn", 4 * words["hidden"])


def _opt(reader: Config, words: dict[str, Any]) -> None:
    projected = reader.count("word_embed_proj_dim")
    known = reader.sound(*_NAMES["hidden"])
    if projected is not None and known and projected != words["hidden"]:
        mend = f"an embedding narrower than the layers ({words['hidden']}) is not modelled"
        reader.fault("word_embed_proj_dim", projected, mend)


def _gemma4(reader: Config, words: dict[str, Any]) -> None:
    for key in ("hidden_size_per_layer_input", "num_kv_shared_layers"):
        value = reader.count(key, least=0)
        if value:
            reader.fault(key, value, "0; inputs and caches shared by layer are not modelled")
    if not reader.flag("enable_moe_block") and "experts" in words:
        del words["experts"]


def _nemotron_nas(reader: Config, words: dict[str, Any]) -> None:
    """Read layers of which each has its own kind of attention and feed-forward width, or none."""
    blocks = reader.raw("block_configs")
    if not isinstance(blocks, list) or not all(isinstance(block, dict) for block in blocks):
        reader.fault("block_configs", None, "missing; what each layer has")
        return
    attending = [block.get("attention") or {} for block in blocks]
    feeding = [block.get("ffn") or {} for block in blocks]
    if any(part.get("replace_with_linear") for part in attending + feeding):
        reader.fault("block_configs", "replace_with_linear", "not modelled")
    attending = [part for part in attending if not part.get("no_op")]
    feeding = [part for part in feeding if not part.get("no_op")]
    groups = {part.get("n_heads_in_group") for part in attending}
    group = groups.pop() if len(groups) == 1 else None
    if not isinstance(group, int) or group < 1 or not feeding:
        mend = "one number of heads a group, the same in all layers with attention"
        reader.fault("block_configs.attention.n_heads_in_group", sorted(map(str, groups)), mend)
        return
    words["kv_heads"] = max(words["heads"] // group, 1)
    words["attention_layers"], words["feed_forward_layers"] = len(attending), len(feeding)
    # Widths are 2/3 of the factor, filled up to multiples of 256 (the released code).
    hidden = words["hidden"]
    widths = [-(-int(2 * part.get("ffn_mult", 0) * hidden / 3) // 256) * 256 for part in feeding]
    words["ffn"] = round(sum(widths) / len(widths))


_QUIRKS: dict[str, Callable[[Config, dict[str, Any]], None]] = {
    "qwen": _qwen,
    "mpt": _mpt,
    "falcon": _falcon,
    "gpt_neox": _neox,
    "dbrx": _dbrx,
    "opt": _opt,
    "gemma4_text": _gemma4,
    "nemotron-nas": _nemotron_nas,
}


def _recurrent(reader: Config, words: dict[str, Any], kind: str) -> None:
    if kind == "nemotron_h":
        _nemotron_h(reader, words)
    elif kind == "kimi_linear":
        _kimi_linear(reader, words)
    elif kind in {"qwen3_next", "qwen3_5_moe_text", "qwen3_5_text"}:
        step = reader.count("full_attention_interval") or 4
        words["delta"] = {
            "layers": words["layers"] - words["layers"] // step,
            "key_heads": reader.need("linear_num_key_heads"),
            "value_heads": reader.need("linear_num_value_heads"),
            "head_dim": reader.need("linear_value_head_dim"),
        }


def _kimi_linear(reader: Config, words: dict[str, Any]) -> None:
    which = reader.raw("linear_attn_config.kda_layers")
    if not isinstance(which, list) or not all(isinstance(layer, int) for layer in which):
        mend = "the layers with delta attention, counted from 1"
        reader.fault("linear_attn_config.kda_layers", which, mend)
        return
    words["kda"] = {
        "layers": len(which),
        "heads": reader.need("linear_attn_config.num_heads"),
        "head_dim": reader.need("linear_attn_config.head_dim"),
        "full_gate": reader.flag("linear_attn_config.use_full_rank_gate"),
    }
    words["output_gate"] = reader.flag("mla_use_output_gate")


_BLOCKS = {"mamba": "M", "attention": "*", "mlp": "-", "moe": "E"}


def _layer_pattern(reader: Config) -> Any:
    """Return the kind of each layer as one letter: written so, or as a list of words."""
    kinds = reader.raw("layers_block_type")
    if isinstance(kinds, list):
        return "".join(_BLOCKS.get(str(kind), "?") for kind in kinds)
    return reader.raw("hybrid_override_pattern")


def _nemotron_h(reader: Config, words: dict[str, Any]) -> None:
    pattern = _layer_pattern(reader)
    if not isinstance(pattern, str) or not pattern or set(pattern) - set("M*-E"):
        mend = "the kind of each layer: M Mamba, * attention, - feed-forward, E experts"
        reader.fault("hybrid_override_pattern", pattern, mend)
        return
    words["attention_layers"] = pattern.count("*")
    words["feed_forward_layers"] = pattern.count("-") + pattern.count("E")
    words["mamba"] = {
        "layers": pattern.count("M"),
        "heads": reader.need("mamba_num_heads"),
        "head_dim": reader.need("mamba_head_dim"),
        "state": reader.need("ssm_state_size", "mamba_state_dim"),
        "groups": reader.need("n_groups", "mamba_n_groups"),
    }


def _check_heads(reader: Config, words: dict[str, Any]) -> None:
    heads, hidden = words["heads"], words["hidden"]
    keys = words.get("kv_heads", heads)
    if "latent" in words or not reader.sound(*_NAMES["heads"]):
        return
    if heads % keys:
        reader.fault("num_key_value_heads", keys, f"a divisor of the {heads} heads")
    known = reader.sound(*_NAMES["hidden"], *_NAMES["head_dim"])
    if known and "head_dim" not in words and hidden % heads:
        mend = f"a divisor of the hidden size {hidden}, or give head_dim"
        reader.fault("num_attention_heads", heads, mend)
