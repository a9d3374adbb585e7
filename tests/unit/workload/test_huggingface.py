import json

import pytest

from tonnage.errors import InputError
from tonnage.workload import count_parameters, find_model, model_from_config, read_model

LLAMA = {
    "model_type": "llama", "hidden_size": 8192, "intermediate_size": 28672,
    "num_hidden_layers": 80, "num_attention_heads": 64, "num_key_value_heads": 8,
    "vocab_size": 128256, "max_position_embeddings": 131072, "tie_word_embeddings": False,
}  # fmt: skip

DEEPSEEK = {
    "model_type": "deepseek_v3", "hidden_size": 7168, "intermediate_size": 18432,
    "moe_intermediate_size": 2048, "num_hidden_layers": 61, "num_attention_heads": 128,
    "num_key_value_heads": 128, "n_routed_experts": 256, "n_shared_experts": 1,
    "num_experts_per_tok": 8, "first_k_dense_replace": 3, "moe_layer_freq": 1,
    "q_lora_rank": 1536, "kv_lora_rank": 512, "qk_nope_head_dim": 128, "qk_rope_head_dim": 64,
    "v_head_dim": 128, "vocab_size": 129280, "num_nextn_predict_layers": 1,
    "attention_bias": False, "max_position_embeddings": 163840,
}  # fmt: skip

SAME = {
    "llama-3.1-70b": LLAMA,
    "deepseek-v3": DEEPSEEK,
    "kimi-k2": {
        **DEEPSEEK, "model_type": "kimi_k2", "num_attention_heads": 64, "n_routed_experts": 384,
        "first_k_dense_replace": 1, "vocab_size": 163840, "num_nextn_predict_layers": 0,
        "num_key_value_heads": 64,
    },
    "mixtral-8x7b": {
        "model_type": "mixtral", "hidden_size": 4096, "intermediate_size": 14336,
        "num_hidden_layers": 32, "num_attention_heads": 32, "num_key_value_heads": 8,
        "vocab_size": 32000, "num_local_experts": 8, "num_experts_per_tok": 2,
        "sliding_window": None,
    },
    "qwen2-7b": {
        "model_type": "qwen2", "hidden_size": 3584, "intermediate_size": 18944,
        "num_hidden_layers": 28, "num_attention_heads": 28, "num_key_value_heads": 4,
        "vocab_size": 152064, "sliding_window": 131072, "use_sliding_window": False,
    },
    "qwen-7b": {
        "model_type": "qwen", "hidden_size": 4096, "intermediate_size": 22016,
        "num_hidden_layers": 32, "num_attention_heads": 32, "vocab_size": 151936,
        "kv_channels": 128, "tie_word_embeddings": False,
    },
    "qwen3-30b-a3b": {
        "model_type": "qwen3_moe", "hidden_size": 2048, "intermediate_size": 6144,
        "moe_intermediate_size": 768, "num_hidden_layers": 48, "num_attention_heads": 32,
        "num_key_value_heads": 4, "head_dim": 128, "vocab_size": 151936, "num_experts": 128,
        "num_experts_per_tok": 8, "decoder_sparse_step": 1, "attention_bias": False,
    },
    "qwen3-next-80b-a3b": {
        "model_type": "qwen3_next", "hidden_size": 2048, "intermediate_size": 5120,
        "moe_intermediate_size": 512, "shared_expert_intermediate_size": 512,
        "num_hidden_layers": 48, "num_attention_heads": 16, "num_key_value_heads": 2,
        "head_dim": 256, "vocab_size": 151936, "num_experts": 512, "num_experts_per_tok": 10,
        "full_attention_interval": 4, "linear_num_key_heads": 16, "linear_num_value_heads": 32,
        "linear_key_head_dim": 128, "linear_value_head_dim": 128, "decoder_sparse_step": 1,
    },
    "llama-4-maverick": {
        "model_type": "llama4",
        "text_config": {
            "model_type": "llama4_text", "hidden_size": 5120, "intermediate_size": 8192,
            "intermediate_size_mlp": 16384, "num_hidden_layers": 48, "num_attention_heads": 40,
            "num_key_value_heads": 8, "head_dim": 128, "vocab_size": 202048,
            "num_local_experts": 128, "num_experts_per_tok": 1, "interleave_moe_layer_step": 2,
            "attention_chunk_size": 8192,
        },
    },
    "gpt2": {
        "model_type": "gpt2", "n_embd": 768, "n_layer": 12, "n_head": 12, "vocab_size": 50257,
        "n_positions": 1024,
    },
    "gpt-neox-20b": {
        "model_type": "gpt_neox", "hidden_size": 6144, "intermediate_size": 24576,
        "num_hidden_layers": 44, "num_attention_heads": 64, "vocab_size": 50432,
    },
    "gpt-j-6b": {
        "model_type": "gptj", "n_embd": 4096, "n_layer": 28, "n_head": 16, "vocab_size": 50400,
        "n_inner": None, "n_positions": 2048,
    },
    "opt-13b": {
        "model_type": "opt", "hidden_size": 5120, "ffn_dim": 20480, "num_hidden_layers": 40,
        "num_attention_heads": 40, "vocab_size": 50272, "max_position_embeddings": 2048,
        "word_embed_proj_dim": 5120,
    },
    "bloom-176b": {
        "model_type": "bloom", "hidden_size": 14336, "n_layer": 70, "num_attention_heads": 112,
        "vocab_size": 250880,
    },
    "mpt-7b": {
        "model_type": "mpt", "d_model": 4096, "n_layers": 32, "n_heads": 32, "vocab_size": 50432,
        "expansion_ratio": 4, "no_bias": True, "max_seq_len": 2048,
        "attn_config": {"alibi": True},
    },
    "falcon-40b": {
        "model_type": "falcon", "hidden_size": 8192, "num_hidden_layers": 60,
        "num_attention_heads": 128, "num_kv_heads": 8, "vocab_size": 65024, "bias": False,
        "new_decoder_architecture": True, "multi_query": True, "parallel_attn": True,
    },
    "falcon-7b": {
        "model_type": "falcon", "hidden_size": 4544, "num_hidden_layers": 32,
        "num_attention_heads": 71, "num_kv_heads": 71, "vocab_size": 65024, "bias": False,
        "new_decoder_architecture": False, "multi_query": True, "parallel_attn": True,
    },
    "gemma-7b": {
        "model_type": "gemma", "hidden_size": 3072, "intermediate_size": 24576,
        "num_hidden_layers": 28, "num_attention_heads": 16, "num_key_value_heads": 16,
        "head_dim": 256, "vocab_size": 256000,
    },
    "gemma-2-27b": {
        "model_type": "gemma2", "hidden_size": 4608, "intermediate_size": 36864,
        "num_hidden_layers": 46, "num_attention_heads": 32, "num_key_value_heads": 16,
        "head_dim": 128, "vocab_size": 256000, "sliding_window": 4096,
    },
    "gemma-3-4b": {
        "model_type": "gemma3", "tie_word_embeddings": None,
        "text_config": {
            "model_type": "gemma3_text", "hidden_size": 2560, "intermediate_size": 10240,
            "num_hidden_layers": 34, "sliding_window": 1024,
        },
    },
    "phi-3-medium": {
        "model_type": "phi3", "hidden_size": 5120, "intermediate_size": 17920,
        "num_hidden_layers": 40, "num_attention_heads": 40, "num_key_value_heads": 10,
        "vocab_size": 32064,
    },
    "chatglm3-6b": {
        "model_type": "chatglm", "hidden_size": 4096, "ffn_hidden_size": 13696, "num_layers": 28,
        "num_attention_heads": 32, "multi_query_group_num": 2, "multi_query_attention": True,
        "kv_channels": 128, "padded_vocab_size": 65024, "add_qkv_bias": True, "seq_length": 8192,
    },
    "glm-4.5-air": {
        "model_type": "glm4_moe", "hidden_size": 4096, "intermediate_size": 10944,
        "moe_intermediate_size": 1408, "num_hidden_layers": 46, "num_attention_heads": 96,
        "num_key_value_heads": 8, "head_dim": 128, "vocab_size": 151552, "n_routed_experts": 128,
        "n_shared_experts": 1, "num_experts_per_tok": 8, "first_k_dense_replace": 1,
        "attention_bias": True, "use_qk_norm": False, "num_nextn_predict_layers": 1,
    },
    "gpt-oss-120b": {
        "model_type": "gpt_oss", "hidden_size": 2880, "intermediate_size": 2880,
        "num_hidden_layers": 36, "num_attention_heads": 64, "num_key_value_heads": 8,
        "head_dim": 64, "vocab_size": 201088, "num_local_experts": 128, "experts_per_token": 4,
        "attention_bias": True, "sliding_window": 128,
        "layer_types": ["sliding_attention", "full_attention"] * 18,
    },
    "internlm2-20b": {
        "model_type": "internlm2", "hidden_size": 6144, "intermediate_size": 16384,
        "num_hidden_layers": 48, "num_attention_heads": 48, "num_key_value_heads": 8,
        "vocab_size": 92544, "bias": False,
    },
    "baichuan2-13b": {
        "model_type": "baichuan", "hidden_size": 5120, "intermediate_size": 13696,
        "num_hidden_layers": 40, "num_attention_heads": 40, "vocab_size": 125696,
    },
    "command-r-35b": {
        "model_type": "cohere", "hidden_size": 8192, "intermediate_size": 22528,
        "num_hidden_layers": 40, "num_attention_heads": 64, "num_key_value_heads": 64,
        "vocab_size": 256000,
    },
    "olmo-2-7b": {
        "model_type": "olmo2", "hidden_size": 4096, "intermediate_size": 11008,
        "num_hidden_layers": 32, "num_attention_heads": 32, "vocab_size": 100352,
    },
    "nemotron-h-56b": {
        "model_type": "nemotron_h", "hidden_size": 8192, "intermediate_size": 32768,
        "num_hidden_layers": 118, "num_attention_heads": 64, "num_key_value_heads": 8,
        "attention_head_dim": 128, "vocab_size": 131072, "mamba_num_heads": 256,
        "mamba_head_dim": 64, "ssm_state_size": 256, "n_groups": 8,
        "hybrid_override_pattern": "M-" * 54 + "*" * 10,
    },
    "glm-5": {
        **DEEPSEEK, "model_type": "glm_moe_dsa", "hidden_size": 6144, "intermediate_size": 12288,
        "num_hidden_layers": 78, "num_attention_heads": 64, "num_key_value_heads": 64,
        "q_lora_rank": 2048, "qk_nope_head_dim": 192, "v_head_dim": 256, "vocab_size": 154880,
        "index_head_dim": 128, "index_n_heads": 32, "index_topk": 2048,
    },
    "glm-5.2": {
        **DEEPSEEK, "model_type": "glm_moe_dsa", "hidden_size": 6144, "intermediate_size": 12288,
        "num_hidden_layers": 78, "num_attention_heads": 64, "num_key_value_heads": 64,
        "q_lora_rank": 2048, "qk_nope_head_dim": 192, "v_head_dim": 256, "vocab_size": 154880,
        "index_head_dim": 128, "index_n_heads": 32, "index_topk": 2048, "index_topk_freq": 4,
        "index_skip_topk_offset": 3, "index_topk_pattern": None,
    },
    "deepseek-v3.2": {
        **DEEPSEEK, "model_type": "deepseek_v32", "index_head_dim": 128, "index_n_heads": 64,
        "index_topk": 2048,
    },
    "minimax-m3": {
        "model_type": "minimax_m3", "hidden_size": 6144, "intermediate_size": 3072,
        "dense_intermediate_size": 12288, "num_hidden_layers": 60, "num_attention_heads": 64,
        "num_key_value_heads": 4, "head_dim": 128, "vocab_size": 200064, "num_local_experts": 128,
        "num_experts_per_tok": 4, "n_shared_experts": 1, "first_k_dense_replace": 3,
        "num_nextn_predict_layers": 1, "use_qk_norm": True, "sparse_attention_config": {
            "use_sparse_attention": True, "sparse_topk_blocks": 16, "sparse_block_size": 128,
            "sparse_num_index_heads": 4, "sparse_index_dim": 128,
            "sparse_attention_freq": [0] * 3 + [1] * 57,
        },
    },
    "nemotron-3-super-120b-a12b": {
        "model_type": "nemotron_h", "hidden_size": 4096, "intermediate_size": 2688,
        "num_attention_heads": 32, "num_key_value_heads": 2, "head_dim": 128,
        "vocab_size": 131072, "mamba_num_heads": 128, "mamba_head_dim": 64,
        "ssm_state_size": 128, "n_groups": 8, "n_routed_experts": 512, "n_shared_experts": 1,
        "num_experts_per_tok": 22, "moe_intermediate_size": 2688, "moe_latent_size": 1024,
        "moe_shared_expert_intermediate_size": 5376, "num_nextn_predict_layers": 1,
        "layers_block_type": ["mamba", "moe"] * 40 + ["attention"] * 8,
    },
    "minimax-m2": {
        "model_type": "minimax_m2", "hidden_size": 3072, "intermediate_size": 1536,
        "num_hidden_layers": 62, "num_attention_heads": 48, "num_key_value_heads": 8,
        "head_dim": 128, "vocab_size": 200064, "num_local_experts": 256,
        "num_experts_per_tok": 8, "use_qk_norm": True, "num_mtp_modules": 3,
    },
    "gemma-4-26b-a4b": {"model_type": "gemma4", "tie_word_embeddings": True, "text_config": {
        "model_type": "gemma4_text", "hidden_size": 2816, "intermediate_size": 2112,
        "num_hidden_layers": 30, "num_attention_heads": 16, "num_key_value_heads": 8,
        "head_dim": 256, "global_head_dim": 512, "num_global_key_value_heads": 2,
        "attention_k_eq_v": True, "vocab_size": 262144, "sliding_window": 1024,
        "layer_types": (["sliding_attention"] * 5 + ["full_attention"]) * 5,
        "enable_moe_block": True, "num_experts": 128, "top_k_experts": 8,
        "moe_intermediate_size": 704, "hidden_size_per_layer_input": 0,
    }},
    "gemma-4-31b": {"model_type": "gemma4", "tie_word_embeddings": True, "text_config": {
        "model_type": "gemma4_text", "hidden_size": 5376, "intermediate_size": 21504,
        "num_hidden_layers": 60, "num_attention_heads": 32, "num_key_value_heads": 16,
        "head_dim": 256, "global_head_dim": 512, "num_global_key_value_heads": 4,
        "attention_k_eq_v": True, "vocab_size": 262144, "sliding_window": 1024,
        "layer_types": (["sliding_attention"] * 5 + ["full_attention"]) * 10,
        "enable_moe_block": False, "num_experts": None, "moe_intermediate_size": None,
    }},
    "mimo-v2-flash": {
        "model_type": "mimo_v2_flash", "hidden_size": 4096, "intermediate_size": 16384,
        "num_hidden_layers": 48, "num_attention_heads": 64, "num_key_value_heads": 4,
        "head_dim": 192, "v_head_dim": 128, "vocab_size": 152576, "sliding_window": 128,
        "swa_num_attention_heads": 64, "swa_num_key_value_heads": 8, "swa_head_dim": 192,
        "swa_v_head_dim": 128, "hybrid_layer_pattern": [0] + [1] * 39 + [0] * 8,
        "moe_layer_freq": [0] + [1] * 47, "moe_intermediate_size": 2048, "n_routed_experts": 256,
        "num_experts_per_tok": 8, "n_shared_experts": None,
    },
    "step-3.5-flash": {
        "model_type": "step3p5", "hidden_size": 4096, "intermediate_size": 11264,
        "num_hidden_layers": 45, "num_attention_heads": 64, "num_attention_groups": 8,
        "head_dim": 128, "vocab_size": 128896, "sliding_window": 512, "moe_num_experts": 288,
        "moe_top_k": 8, "moe_intermediate_size": 1280, "share_expert_dim": 1280,
        "moe_layers_enum": ",".join(str(layer) for layer in range(3, 45)),
        "layer_types": ["full_attention"] * 12 + ["sliding_attention"] * 33,
        "attention_other_setting": {"num_attention_heads": 96, "num_attention_groups": 8},
        "num_nextn_predict_layers": 3,
    },
    "kimi-linear-48b-a3b": {
        "model_type": "kimi_linear", "hidden_size": 2304, "intermediate_size": 9216,
        "num_hidden_layers": 27, "num_attention_heads": 32, "num_key_value_heads": 32,
        "head_dim": 72, "kv_lora_rank": 512, "q_lora_rank": None, "qk_nope_head_dim": 128,
        "qk_rope_head_dim": 64, "v_head_dim": 128, "vocab_size": 163840, "num_experts": 256,
        "num_experts_per_token": 8, "num_shared_experts": 1, "moe_intermediate_size": 1024,
        "first_k_dense_replace": 1, "linear_attn_config": {
            "full_attn_layers": [4, 8, 12, 16, 20, 24, 27], "head_dim": 128, "num_heads": 32,
            "kda_layers": [k for k in range(1, 27) if k % 4],
        },
    },
    "dbrx-132b": {
        "model_type": "dbrx", "d_model": 6144, "n_layers": 40, "n_heads": 48,
        "vocab_size": 100352, "attn_config": {"kv_n_heads": 8},
        "ffn_config": {"ffn_hidden_size": 10752, "moe_num_experts": 16, "moe_top_k": 4},
    },
}  # fmt: skip


@pytest.mark.parametrize("name", SAME)
def test_a_configuration_gives_the_shape_of_the_named_model(name: str) -> None:
    named = find_model(name)
    read = model_from_config(SAME[name])
    total = count_parameters(named).total - named.outside_params
    assert count_parameters(read).total == pytest.approx(total, rel=2e-5)
    assert read.expert_layers == named.expert_layers
    assert read.attention_layers == named.attention_layers
    assert read.window_layers == named.window_layers
    if name != "qwen3-next-80b-a3b":  # its configuration does not say so
        assert read.mtp_layers == named.mtp_layers
    assert read.attention.kv_heads == named.attention.kv_heads
    assert (read.sparse_layers, read.scoring_layers) == (named.sparse_layers, named.scoring_layers)


def test_a_folder_stands_for_the_file_in_it(tmp_path) -> None:
    folder = tmp_path / "My-Model"
    folder.mkdir()
    (folder / "config.json").write_text(json.dumps(LLAMA))
    assert read_model(folder) == read_model(folder / "config.json")
    assert read_model(folder).id == "my-model"


def test_all_that_is_missing_comes_in_one_message() -> None:
    with pytest.raises(InputError) as caught:
        model_from_config({"model_type": "llama", "hidden_size": 4096})
    fields = {fault.field for fault in caught.value.faults}
    assert {"num_hidden_layers", "num_attention_heads", "vocab_size"} <= fields


def test_experts_without_a_number_are_a_fault_and_not_a_dense_model() -> None:
    config = {key: value for key, value in DEEPSEEK.items() if key != "n_routed_experts"}
    with pytest.raises(InputError, match="n_routed_experts"):
        model_from_config(config)


def test_layers_of_which_each_has_its_own_width() -> None:
    # Llama 3.3 Nemotron Super 49B v1: 49 of 80 layers attend; NVIDIA counts 49.9 B parameters.
    attending = {"attention": {"n_heads_in_group": 8, "no_op": False}}
    idle = {"attention": {"n_heads_in_group": None, "no_op": True}}
    widths = [5.25] * 49 + [1.3125] * 10 + [1.0] * 8 + [2.625] * 6 + [0.5] * 6 + [3.28125]
    blocks = [{**(attending if k < 49 else idle), "ffn": {"ffn_mult": width, "no_op": False}}
              for k, width in enumerate(widths)]  # fmt: skip
    config = {"model_type": "nemotron-nas", "hidden_size": 8192, "num_hidden_layers": 80,
              "num_attention_heads": 64, "num_key_value_heads": None, "intermediate_size": None,
              "vocab_size": 128256, "block_configs": blocks}  # fmt: skip
    read = model_from_config(config)
    assert read.attention_layers == 49
    assert read.attention.kv_heads == 8
    assert count_parameters(read).total == pytest.approx(49.87e9, rel=1e-3)
    blocks[3] = {**blocks[3], "attention": {"n_heads_in_group": 4, "no_op": False}}
    with pytest.raises(InputError, match="n_heads_in_group"):
        model_from_config(config)
    with pytest.raises(InputError, match="block_configs"):
        model_from_config({**config, "block_configs": None})


def test_kimi_k3_is_read_with_its_experts_in_a_latent_width() -> None:
    text = {
        **SAME["kimi-linear-48b-a3b"], "hidden_size": 7168, "intermediate_size": 33792,
        "num_hidden_layers": 93, "num_attention_heads": 96, "num_key_value_heads": 96,
        "q_lora_rank": 1536, "num_experts": 896, "num_experts_per_token": 16,
        "num_shared_experts": 2, "moe_intermediate_size": 3072, "routed_expert_hidden_size": 3584,
        "mla_use_output_gate": True, "linear_attn_config": {
            "full_attn_layers": [*range(4, 93, 4), 93], "head_dim": 128, "num_heads": 96,
            "kda_layers": [k for k in range(1, 93) if k % 4], "use_full_rank_gate": True,
        },
    }  # fmt: skip
    read = model_from_config({"model_type": "kimi_k3", "text_config": text})
    assert read.recurrent_layers == 69
    assert read.attention_layers == 24
    assert read.experts is not None
    assert read.experts.latent == 3584
    assert count_parameters(read).total == pytest.approx(2.78e12, rel=0.002)


def test_inputs_by_layer_are_refused() -> None:
    small = {**SAME["gemma-4-31b"]["text_config"], "hidden_size_per_layer_input": 256}
    with pytest.raises(InputError, match="hidden_size_per_layer_input"):
        model_from_config(small)


def test_layers_that_take_over_the_choice_of_another() -> None:
    base = SAME["glm-5"]
    listed = {"indexer_types": ["full"] * 3 + ["shared"] * 75}
    assert model_from_config({**base, **listed}).scoring_layers == 3
    written = {"index_topk_pattern": "FSSF" + "S" * 74}
    assert model_from_config({**base, **written}).scoring_layers == 2


@pytest.mark.parametrize("key", ["index_topk", "index_n_heads", "index_head_dim"])
def test_sparse_attention_with_a_number_missing_is_refused(key: str) -> None:
    config = {k: v for k, v in SAME["deepseek-v3.2"].items() if k != key}
    with pytest.raises(InputError, match=key):
        model_from_config(config)


@pytest.mark.parametrize(
    ("config", "changed"),
    [
        (LLAMA, {"hidden_size": "x"}),
        (LLAMA, {"hidden_size": None}),
        (LLAMA, {"num_attention_heads": 0}),
        (LLAMA, {"num_attention_heads": None}),
        (LLAMA, {"num_key_value_heads": "8"}),
        ({**LLAMA, "num_attention_heads": 60, "num_key_value_heads": 60}, {"head_dim": -1}),
        (DEEPSEEK, {"n_routed_experts": "256"}),
        (SAME["mixtral-8x7b"], {"intermediate_size": 0}),
        (SAME["gpt2"], {"n_positions": "1024"}),
        (SAME["opt-13b"], {"hidden_size": 5120.5}),
    ],
)
def test_nothing_is_derived_from_a_value_at_fault(
    config: dict[str, object], changed: dict[str, object]
) -> None:
    with pytest.raises(InputError) as error:
        model_from_config({**config, **changed})
    assert [fault.field for fault in error.value.faults] == list(changed)


def test_faults_that_do_not_hang_together_come_at_once() -> None:
    both = {**LLAMA, "hidden_size": "x", "num_key_value_heads": 7, "vocab_size": 0}
    with pytest.raises(InputError) as error:
        model_from_config(both)
    found = [fault.field for fault in error.value.faults]
    assert found == ["hidden_size", "vocab_size", "num_key_value_heads"]


def test_unknown_architecture_and_what_else_is_missing() -> None:
    with pytest.raises(InputError) as caught:
        model_from_config({"model_type": "t5", "hidden_size": 4096})
    fields = {fault.field for fault in caught.value.faults}
    assert {"model_type", "num_hidden_layers"} <= fields
    assert "llama" in str(caught.value)


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("hidden_size", -1), ("hidden_size", 0), ("hidden_size", 4096.5), ("hidden_size", "4096"),
        ("hidden_size", True), ("hidden_size", float("nan")), ("hidden_size", float("inf")),
        ("num_hidden_layers", 10**9), ("vocab_size", []), ("num_key_value_heads", 7),
        ("tie_word_embeddings", "yes"),
    ],
)  # fmt: skip
def test_values_that_cannot_be(key: str, value: object) -> None:
    with pytest.raises(InputError) as caught:
        model_from_config({**LLAMA, key: value})
    assert key in {fault.field for fault in caught.value.faults}


@pytest.mark.parametrize(
    "text", ["", "{", "[]", "12", '{"a": ' * 100_000, '{"model_type": "llama"}', "null"]
)
def test_files_that_are_no_configuration(tmp_path, text: str) -> None:
    file = tmp_path / "config.json"
    file.write_text(text)
    with pytest.raises(InputError):
        read_model(file)


def test_a_huge_file_and_an_empty_folder(tmp_path) -> None:
    (tmp_path / "big.json").write_text(" " * (9 * 2**20))
    for path in (tmp_path / "big.json", tmp_path, tmp_path / "none.json"):
        with pytest.raises(InputError):
            read_model(path)
