"""What a configuration says of experts, and of layers that draft."""

from __future__ import annotations

from typing import Any

from tonnage.workload.config import WIDTH, Config

_EXPERT_COUNT = (
    "n_routed_experts", "num_local_experts", "num_experts", "moe_num_experts", "num_moe_experts",
    "num_routed_experts", "ffn_config.moe_num_experts",
)  # fmt: skip
_EXPERT_TOPK = (
    "num_experts_per_tok", "num_experts_per_token", "moe_k", "moe_topk", "num_selected_experts",
    "ffn_config.moe_top_k", "experts_per_token", "top_k_experts", "moe_top_k",
)  # fmt: skip
_EXPERT_WIDTH = ("moe_intermediate_size", "expert_intermediate_size")
_SHARED_COUNT = ("n_shared_experts", "num_shared_experts", "moe_num_shared_experts")
_SHARED_WIDTH = (
    "shared_expert_intermediate_size", "moe_shared_expert_intermediate_size", "share_expert_dim",
)  # fmt: skip


_DRAFTING = ("num_nextn_predict_layers", "num_mtp_modules", "mtp_num_hidden_layers")
BESIDE_DENSE = {"arctic", "gemma4_text"}
"""Types whose layers with experts keep a dense feed-forward part too."""


def read_experts(reader: Config, words: dict[str, Any], kind: str) -> None:
    """Add the mixture of experts, where there is one, and the layers that draft."""
    words["mtp"] = reader.count(*_DRAFTING, least=0) or 0
    routed = reader.count(*_EXPERT_COUNT, least=0)
    if routed is None or routed < 2:
        given = reader.raw("moe_intermediate_size") is not None
        if routed is None and given and reader.sound(*_EXPERT_COUNT):
            reader.fault(_EXPERT_COUNT[0], None, "missing; it has a width of experts")
        return
    hidden = reader.count(*_EXPERT_WIDTH) or words.get("ffn")
    if hidden is None:
        if reader.sound(*_EXPERT_WIDTH, *WIDTH):
            reader.fault(_EXPERT_WIDTH[0], None, "missing; inner width of an expert")
        return
    active = reader.need(*_EXPERT_TOPK)
    if active > routed:
        reader.fault("num_experts_per_tok", active, f"at most the {routed} routed experts")
    experts = {"routed": routed, "active": active, "hidden": hidden}
    shared = reader.count(*_SHARED_COUNT, least=0)
    width = reader.count(*_SHARED_WIDTH, least=0)
    if width:
        experts |= {"shared": 1, "shared_hidden": width}
    elif shared:
        experts |= {"shared": shared, "shared_hidden": hidden}
    experts["dense_layers"] = _leading(reader, words["layers"])
    experts["every"] = reader.count("interleave_moe_layer_step", "decoder_sparse_step") or 1
    if kind == "llama4_text":
        experts |= {"shared": 1, "shared_hidden": hidden}
        words["ffn"] = reader.count("intermediate_size_mlp") or hidden
    if kind == "minimax_m3":
        words["ffn"] = reader.need("dense_intermediate_size")
    experts["beside_dense"] = kind in BESIDE_DENSE
    experts["latent"] = reader.count("moe_latent_size", "routed_expert_hidden_size", least=0) or 0
    words["experts"] = experts
    words.setdefault("ffn", hidden)


def _leading(reader: Config, layers: int) -> int:
    """Layers without experts before the first that has them."""
    which = reader.raw("moe_layer_freq")
    if isinstance(which, list):
        return sum(not item for item in which[:layers])
    listed = reader.raw("moe_layers_enum")
    if isinstance(listed, str) and listed:
        return layers - len(listed.split(","))
    return reader.count("first_k_dense_replace", "moe_layer_start_index", least=0) or 0
