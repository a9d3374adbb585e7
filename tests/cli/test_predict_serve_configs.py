"""`tonnage predict serve` for configurations of models that no catalog names, of many kinds."""

import json
from pathlib import Path

import pytest

from tonnage.cli import run

MIXTURE = {"num_experts_per_tok": 4, "moe_intermediate_size": 1024, "first_k_dense_replace": 1}
LATENT = {"kv_lora_rank": 512, "q_lora_rank": 768, "qk_nope_head_dim": 128, "qk_rope_head_dim": 64,
          "v_head_dim": 128}  # fmt: skip
BASE = {"hidden_size": 2048, "intermediate_size": 6144, "num_hidden_layers": 24,
        "vocab_size": 64000, "num_attention_heads": 16, "num_key_value_heads": 8,
        "head_dim": 128}  # fmt: skip
BLOCKS = {"sparse_topk_blocks": 16, "sparse_block_size": 128, "sparse_num_index_heads": 4,
          "sparse_index_dim": 128}  # fmt: skip
KINDS = {
    "dense": {"model_type": "qwen3"},
    "two matrices": {"model_type": "apertus"},
    "windows": {"model_type": "gemma3_text", "sliding_window": 512},
    "windows by letters": {"model_type": "exaone4", "sliding_window": 512,
                           "sliding_window_pattern": "LLLG"},
    "sinks": {"model_type": "gpt_oss", "num_local_experts": 32, "num_experts_per_tok": 4,
              "sliding_window": 128, "intermediate_size": 1024},
    "mixture": {"model_type": "dots1", "n_routed_experts": 32, "n_shared_experts": 2, **MIXTURE},
    "latent": {"model_type": "deepseek_v3", "n_routed_experts": 32, **LATENT, **MIXTURE},
    "sparse latent": {"model_type": "deepseek_v32", "n_routed_experts": 32, **LATENT, **MIXTURE,
                      "index_topk": 1024, "index_n_heads": 16, "index_head_dim": 128},
    "sparse blocks": {"model_type": "minimax_m3", "num_local_experts": 32, **MIXTURE,
                      "dense_intermediate_size": 6144, "sparse_attention_config": BLOCKS},
    "delta rule": {"model_type": "qwen3_next", "num_experts": 32, **MIXTURE,
                   "linear_num_key_heads": 8, "linear_num_value_heads": 16,
                   "linear_value_head_dim": 128, "full_attention_interval": 4},
    "channel decay": {"model_type": "kimi_linear", **LATENT, "linear_attn_config": {
        "kda_layers": [k for k in range(1, 25) if k % 4], "num_heads": 16, "head_dim": 128}},
    "mamba": {"model_type": "nemotron_h", "hybrid_override_pattern": "M-M*" * 6,
              "mamba_num_heads": 32, "mamba_head_dim": 64, "ssm_state_size": 128, "n_groups": 8},
    "uneven windows": {"model_type": "mimo_v2_flash", "sliding_window": 128, "v_head_dim": 96,
                       "hybrid_layer_pattern": [0, 1, 1, 1] * 6, "swa_num_key_value_heads": 4},
    "uneven layers": {"model_type": "nemotron-nas", "block_configs": [
        {"attention": {"n_heads_in_group": 2}, "ffn": {"ffn_mult": 2.0}}] * 24},
    "within a picture model": {"model_type": "qwen3_vl", "text_config": {
        **BASE, "model_type": "qwen3_vl_text"}},
}  # fmt: skip
CHIPS = ("H20", "L20", "RTX 4090 D", "910B3", "file")
CHIP_FILE = Path(__file__).parents[2] / "examples" / "chip-file.yaml"


def asked(path: Path, config: dict[str, object]) -> str:
    path.write_text(json.dumps(config))
    return str(path)


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_of_model_is_answered_on_every_chip(
    kind: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    model = asked(tmp_path / "config.json", {**BASE, **KINDS[kind]})
    for chip in CHIPS:
        device = ["--chip-file", str(CHIP_FILE)] if chip == "file" else ["--chip", chip]
        code = run(["predict", "serve", "--model", model, *device, "--chips", "2", "--input",
                    "4096", "--output", "256", "--concurrency", "4", "--json"])  # fmt: skip
        found = json.loads(capsys.readouterr().out)
        assert code == 0, (kind, chip)
        assert found["fits"] is True
        assert 0 < found["tpot_ms"]["p10"] < found["tpot_ms"]["p50"] < found["tpot_ms"]["p90"]
        assert found["ttft_ms"]["p50"] > found["tpot_ms"]["p50"]


@pytest.mark.parametrize(
    ("kind", "key"),
    [
        ("dense", "hidden_size"), ("dense", "vocab_size"), ("dense", "num_hidden_layers"),
        ("mixture", "n_routed_experts"), ("mixture", "num_experts_per_tok"),
        ("latent", "v_head_dim"), ("latent", "qk_rope_head_dim"), ("sparse latent", "index_topk"),
        ("sparse latent", "index_head_dim"), ("delta rule", "linear_num_value_heads"),
        ("channel decay", "linear_attn_config"), ("mamba", "ssm_state_size"),
        ("mamba", "hybrid_override_pattern"), ("sparse blocks", "dense_intermediate_size"),
        ("uneven layers", "block_configs"), ("dense", "model_type"),
    ],
)  # fmt: skip
def test_what_is_missing_is_named(
    kind: str, key: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    config = {name: value for name, value in {**BASE, **KINDS[kind]}.items() if name != key}
    model = asked(tmp_path / "config.json", config)
    code = run(["predict", "serve", "--model", model, "--chip", "H20", "--chips", "2",
                "--input", "64", "--output", "64"])  # fmt: skip
    shown = capsys.readouterr()
    assert code == 2
    assert key in shown.err
    assert "Traceback" not in shown.err
