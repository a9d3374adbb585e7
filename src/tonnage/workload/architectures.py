"""What the `model_type` of a Hugging Face configuration says of the shape without writing it down.

One entry a type, in the words of a model data file (`shape.py`). A type that is not here is
refused: reading it as another would be a guess.
"""

from __future__ import annotations

from typing import Any

_LLAMA: dict[str, Any] = {"gated": True, "tied": False, "norm": "rms"}
_GPT: dict[str, Any] = {"gated": False, "tied": True, "norm": "layer", "all_biases": True}
_GEMMA: dict[str, Any] = {**_LLAMA, "tied": True, "head_dim": 256}
_QWEN2: dict[str, Any] = {**_LLAMA, "attention_biases": True}
_QWEN3: dict[str, Any] = {**_LLAMA, "head_dim": 128, "qk_norm": "head"}
_LAYER: dict[str, Any] = {**_LLAMA, "norm": "layer"}
_COHERE: dict[str, Any] = {
    **_LAYER, "norm_vectors": 1, "tied": True, "parallel": True, "norms_per_layer": 1
}  # fmt: skip

TRAITS: dict[str, dict[str, Any]] = {
    "llama": _LLAMA,
    "llama4_text": {**_LLAMA, "head_dim": 128},
    "mistral": _LLAMA,
    "ministral": _LLAMA,
    "mixtral": _LLAMA,
    "qwen": _QWEN2,
    "qwen2": _QWEN2,
    "qwen2_moe": _QWEN2,
    "qwen3": _QWEN3,
    "qwen3_moe": _QWEN3,
    "qwen3_next": {**_QWEN3, "head_dim": 256, "output_gate": True},
    "qwen3_5_moe_text": {**_QWEN3, "head_dim": 256, "output_gate": True},
    "qwen3_5_text": {**_QWEN3, "head_dim": 256, "output_gate": True},
    "deepseek": _LLAMA,
    "deepseek_v2": _LLAMA,
    "deepseek_v3": _LLAMA,
    "deepseek_v32": _LLAMA,
    "kimi_k2": _LLAMA,
    "gpt2": {**_GPT, "learned": True},
    "gpt_bigcode": {**_GPT, "learned": True},
    "gpt_neox": {**_GPT, "tied": False, "parallel": True},
    "gptj": {
        **_GPT, "all_biases": False, "biases": True, "tied": False, "head_bias": True,
        "parallel": True, "norms_per_layer": 1,
    },
    "opt": {**_GPT, "learned": True},
    "bloom": {**_GPT, "outer_norms": 2},
    "mpt": {**_GPT, "all_biases": False, "norm_vectors": 1},
    "falcon": {**_GPT, "all_biases": False, "parallel": True},
    "starcoder2": {**_GPT, "tied": True},
    "stablelm": _LAYER,
    "nemotron": {**_LAYER, "gated": False},
    "nemotron_h": {**_LLAMA, "gated": False, "norms_per_layer": 1},
    "gemma": _GEMMA,
    "gemma2": {**_GEMMA, "norms_per_layer": 4, "window_share": 0.5},
    "gemma3_text": {**_GEMMA, "norms_per_layer": 4, "qk_norm": "head"},
    "gemma4_text": {**_GEMMA, "norms_per_layer": 4, "qk_norm": "head"},
    "kimi_linear": _LLAMA,
    "mimo_v2_flash": _LLAMA,
    "step3p5": {**_LLAMA, "head_dim": 128, "qk_norm": "head"},
    "nemotron-nas": _LLAMA,
    "phi": {**_GPT, "tied": False, "head_bias": True, "parallel": True, "norms_per_layer": 1},
    "phi3": _LLAMA,
    "phimoe": {
        **_LAYER, "attention_biases": True, "output_bias": True, "head_bias": True
    },
    "chatglm": _QWEN2,
    "glm": _QWEN2,
    "glm4": {**_LLAMA, "norms_per_layer": 4},
    "glm4_moe": {**_QWEN2, "head_dim": 128},
    "gpt_oss": {**_LLAMA, "all_biases": True, "sinks": True, "head_dim": 64},
    "internlm": {**_LLAMA, "attention_biases": True, "output_bias": True},
    "internlm2": _LLAMA,
    "internlm3": _LLAMA,
    "baichuan": _LLAMA,
    "aquila": _LLAMA,
    "yi": _LLAMA,
    "minicpm": {**_LLAMA, "tied": True},
    "cohere": _COHERE,
    "cohere2": _COHERE,
    "olmo": {**_LLAMA, "norm": "none"},
    "olmo2": {**_LLAMA, "qk_norm": "full"},
    "olmo3": {**_LLAMA, "qk_norm": "full"},
    "olmoe": {**_LLAMA, "qk_norm": "full"},
    "minimax_m2": {**_LLAMA, "head_dim": 128, "qk_norm": "full"},
    "minimax_m3": {**_LLAMA, "head_dim": 128, "qk_norm": "head"},
    "mimo": _QWEN2,
    "dbrx": {**_LAYER, "norm_vectors": 1},
    "arctic": {**_LLAMA, "norms_per_layer": 3},
    "grok-1": {**_LLAMA, "tied": True, "norms_per_layer": 4},
    "ernie4_5": {**_LLAMA, "tied": True},
    "ernie4_5_moe": {**_LLAMA, "tied": True},
    "granite": {**_LLAMA, "tied": True},
    "exaone": _LLAMA,
    "smollm3": {**_LLAMA, "tied": True},
    "seed_oss": {**_QWEN2, "head_dim": 128},
    "pangu": {**_LLAMA},
    "pangupromoe": {**_QWEN2},
    "dots1": _QWEN3,
    "bailing_moe": _LLAMA,
    "bailing_moe_v2": {**_LLAMA, "qk_norm": "head"},
    "granitemoe": {**_LLAMA, "tied": True},
    "exaone4": {**_LLAMA, "qk_norm": "head"},
    "hunyuan_v1_dense": {**_LLAMA, "qk_norm": "head"},
    "apertus": {**_LLAMA, "gated": False, "qk_norm": "head"},
    "arcee": {**_LLAMA, "gated": False},
}  # fmt: skip
"""`model_type` → what its configuration leaves unsaid. `learned`: a learned position table."""

SAME_AS = {
    "llama4": "llama4_text",
    "gemma3": "gemma3_text",
    "refinedweb": "falcon",
    "refinedwebmodel": "falcon",
    "mistral3": "mistral",
    "qwen3_5_moe": "qwen3_5_moe_text",
    "qwen3_5": "qwen3_5_text",
    "qwen3_vl": "qwen3",
    "qwen3_vl_text": "qwen3",
    "qwen3_vl_moe": "qwen3_moe",
    "qwen3_vl_moe_text": "qwen3_moe",
    "qwen2_vl": "qwen2",
    "qwen2_5_vl": "qwen2",
    "qwen2_5_vl_text": "qwen2",
    "glm_moe_dsa": "deepseek_v3",
    "baichuan2": "baichuan",
    "glm4_moe_lite": "deepseek_v3",
    "pangu_ultra_moe": "deepseek_v3",
    "kimi_k25": "kimi_k2",
    "kimi_k3": "kimi_linear",
    "gemma4": "gemma4_text",
    "minimax_m3_vl": "minimax_m3",
    "step3p7": "step3p5",
    "step3p5_text": "step3p5",
    "ministral3": "mistral",
    "glm4v": "glm4",
    "glm4v_text": "glm4",
    "glm4v_moe": "glm4_moe",
    "glm4v_moe_text": "glm4_moe",
}
"""Other spellings of a type."""

UNWRITTEN: dict[str, dict[str, Any]] = {
    "gemma3_text": {
        "num_attention_heads": 8, "num_key_value_heads": 4, "vocab_size": 262208,
        "sliding_window": 4096,
    },
    "gemma2": {
        "num_attention_heads": 8, "num_key_value_heads": 4, "vocab_size": 256000,
        "sliding_window": 4096,
    },
}  # fmt: skip
"""Values that a type's released configurations leave to the defaults of its code (Hugging Face
`configuration_gemma2`, `configuration_gemma3`)."""

OPEN_POSITIONS = 2
"""Rows that OPT's position table has beyond its longest context (Hugging Face modeling_opt)."""
