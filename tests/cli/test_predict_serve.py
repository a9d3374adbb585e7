"""`tonnage predict serve`: the contract's fields, a config.json, a chip file, and bad input."""

import json
from pathlib import Path

import pytest

from tonnage.cli import run

FIELDS = {
    "ttft_ms", "tpot_ms", "tokens_per_s_output", "tokens_per_s_total",
    "tokens_per_s_output_per_chip", "max_concurrency", "memory_gb_per_chip", "fits", "layout",
    "breakdown_ms", "bottleneck",
}  # fmt: skip
LOAD = ["--input", "2048", "--output", "512"]
CONFIG = {
    "architectures": ["LlamaForCausalLM"], "model_type": "llama", "hidden_size": 3072,
    "intermediate_size": 9216, "num_hidden_layers": 30, "num_attention_heads": 24,
    "num_key_value_heads": 8, "vocab_size": 100352, "tie_word_embeddings": False,
    "max_position_embeddings": 8192, "hidden_act": "silu",
}  # fmt: skip


def ask(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, dict]:  # type: ignore[type-arg]
    code = run(["predict", "serve", *arguments, "--json"])
    return code, json.loads(capsys.readouterr().out)


@pytest.mark.parametrize("chip", ["H20", "L20", "RTX 4090 D", "910B1", "910B2", "910B3", "910B4"])
def test_a_model_no_catalog_names_on_chips_in_china(
    chip: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "config.json"
    path.write_text(json.dumps(CONFIG))
    code, found = ask(capsys, "--model", str(path), "--chip", chip, "--chips", "2",
                      "--concurrency", "8", *LOAD)  # fmt: skip
    assert code == 0
    assert set(found) >= FIELDS
    assert found["fits"] is True
    assert found["tpot_ms"]["p10"] < found["tpot_ms"]["p50"] < found["tpot_ms"]["p90"]
    assert sum(found["breakdown_ms"].values()) == pytest.approx(found["tpot_ms"]["p50"])
    memory = found["memory_gb_per_chip"]
    assert memory["total"] < memory["usable"]
    assert found["layout"]["tp"] * found["layout"]["pp"] * found["layout"]["dp"] == 2


def test_limits_are_kept_when_the_load_is_free(capsys: pytest.CaptureFixture[str]) -> None:
    code, found = ask(capsys, "--model", "llama-3.1-70b", "--chip", "H20", "--chips", "8",
                      "--weights", "fp8", "--tpot-ms", "40", "--ttft-ms", "3000",
                      *LOAD)  # fmt: skip
    assert code == 0
    assert found["tpot_ms"]["p50"] <= 40
    assert found["ttft_ms"]["p50"] <= 3000


def test_open_arrivals_and_their_percentiles(capsys: pytest.CaptureFixture[str]) -> None:
    code, found = ask(capsys, "--model", "qwen3-32b", "--chip", "H20", "--chips", "8",
                      "--request-rate", "2", "--weights", "fp8", *LOAD)  # fmt: skip
    assert code == 0
    tail = found["percentiles"]["ttft_ms"]
    assert tail["p50"]["p50"] <= tail["p90"]["p50"] <= tail["p99"]["p50"]
    assert found["tokens_per_s_output"]["p50"] == pytest.approx(2 * 512, rel=1e-6)


def test_what_does_not_fit_is_a_true_no(capsys: pytest.CaptureFixture[str]) -> None:
    code = run(["predict", "serve", "--model", "llama-3.1-70b", "--chip", "H100", "--chips", "1",
                "--concurrency", "1", *LOAD, "--json"])  # fmt: skip
    captured = capsys.readouterr()
    found = json.loads(captured.out)
    assert code == 1
    assert found["fits"] is False
    assert "does not fit" in found["reason"]
    assert "does not fit" in captured.err


def test_the_human_answer_explains_itself(capsys: pytest.CaptureFixture[str]) -> None:
    code = run(["predict", "serve", "--model", "llama-3.1-8b", "--chip", "L20", "--chips", "1",
                "--concurrency", "8", *LOAD])  # fmt: skip
    text = capsys.readouterr().out
    assert code == 0
    assert "time per output token" in text.replace("\n", " ") or "time" in text
    assert "Most of a token's time goes into" in text


@pytest.mark.parametrize(
    ("extra", "says"),
    [
        (["--weights", "int3"], "weights"),
        (["--layout", "tp=3"], "layout"),
        (["--framework", "orca"], "framework"),
        (["--concurrency", "-1"], "concurrency"),
        (["--concurrency", "1", "--request-rate", "1"], "request_rate"),
        (["--draft-tokens", "3"], "acceptance"),
        (["--prefix-hit", "1.5"], "prefix_hit_rate"),
    ],
)
def test_bad_input_is_one_message_naming_the_field(
    extra: list[str], says: str, capsys: pytest.CaptureFixture[str]
) -> None:
    code = run(["predict", "serve", "--model", "llama-3.1-8b", "--chip", "H20", "--chips", "8",
                *LOAD, *extra])  # fmt: skip
    captured = capsys.readouterr()
    assert code == 2
    assert says in captured.err
    assert captured.out == ""
