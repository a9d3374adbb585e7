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
        (["--concurrency", "1", "--request-rate", "1"], "request-rate"),
        (["--draft-tokens", "3"], "acceptance"),
        (["--prefix-hit", "1.5"], "prefix-hit = 1.5"),
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


DEEPSEEK = ["--model", "deepseek-v3", "--chips", "64", "--input", "4096", "--output", "1024",
            "--weights", "fp8"]  # fmt: skip
QWEN = ["--model", "qwen3-32b", "--chip", "H20", "--chips", "8", "--weights", "fp8", *LOAD]


def test_prefill_and_decoding_apart(capsys: pytest.CaptureFixture[str]) -> None:
    code, found = ask(capsys, *QWEN, "--disaggregate")
    assert code == 0
    assert set(found) >= FIELDS | {"prefill", "decode", "transfer_ms", "disaggregated"}
    halves = found["prefill"], found["decode"]
    assert sum(half["chips"] for half in halves) == found["chips"] <= 8
    rate = found["requests_per_s"]["p50"]
    assert rate <= min(half["requests_per_s"] for half in halves) * (1 + 1e-9)
    assert found["tokens_per_s_output"]["p50"] == pytest.approx(rate * 512)
    assert sum(found["breakdown_ms"].values()) == pytest.approx(found["tpot_ms"]["p50"])
    assert found["layout"]["decode"]["instances"] == found["decode"]["instances"]


def test_two_kinds_of_chip_in_one_fleet(capsys: pytest.CaptureFixture[str]) -> None:
    code, found = ask(capsys, *DEEPSEEK, "--prefill-chip", "H800", "--decode-chip", "H20",
                      "--tpot-ms", "50", "--ttft-ms", "3000")  # fmt: skip
    assert code == 0
    assert (found["prefill"]["chip"], found["decode"]["chip"]) == ("nv-h800-sxm", "nv-h20-96")
    assert found["tpot_ms"]["p50"] <= 50
    assert found["ttft_ms"]["p50"] <= 3000
    code, swapped = ask(capsys, *DEEPSEEK, "--prefill-chip", "H20", "--decode-chip", "H800",
                        "--tpot-ms", "50", "--ttft-ms", "3000")  # fmt: skip
    # H800 computes six times as fast as H20, which reads its memory faster.
    assert code == 0
    assert swapped["prefill"]["requests_per_s"] < found["prefill"]["requests_per_s"]


def test_pools_of_given_sizes_under_a_load(capsys: pytest.CaptureFixture[str]) -> None:
    sizes = ["--model", "qwen3-32b", "--chip", "H20", "--weights", "fp8", *LOAD,
             "--prefill-chips", "6", "--decode-chips", "2"]  # fmt: skip
    code, few = ask(capsys, *sizes, "--request-rate", "1")
    assert code == 0
    assert few["requests_per_s"]["p50"] == 1
    code, closed = ask(capsys, *sizes, "--concurrency", "16")
    stay = closed["ttft_ms"]["p50"] + 512 * closed["tpot_ms"]["p50"]
    assert closed["requests_per_s"]["p50"] * stay / 1e3 == pytest.approx(16, rel=1e-3)
    code, many = ask(capsys, *sizes, "--request-rate", "1000")
    assert code == 1
    assert many["fits"] is False
    assert "exceed" in many["reason"]


def test_the_human_answer_shows_both_pools(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["predict", "serve", *QWEN, "--disaggregate"]) == 0
    text = capsys.readouterr().out
    assert "prefill" in text
    assert "decoding" in text
    assert "What limits it" in text


def test_busy_arrivals_are_played(capsys: pytest.CaptureFixture[str]) -> None:
    _, quiet = ask(capsys, *QWEN, "--request-rate", "0.2")
    _, busy = ask(capsys, *QWEN, "--request-rate", "3")
    _, bursts = ask(capsys, *QWEN, "--request-rate", "3", "--burstiness", "5")
    assert quiet["method"] == "closed form"
    assert busy["method"] == bursts["method"] == "event simulation"
    assert bursts["ttft_ms"]["p50"] > busy["ttft_ms"]["p50"] > quiet["ttft_ms"]["p50"]
    assert sum(busy["breakdown_ms"].values()) == pytest.approx(busy["tpot_ms"]["p50"])


def test_closed_clients_can_be_played_too(capsys: pytest.CaptureFixture[str]) -> None:
    load = [*QWEN, "--concurrency", "64", "--shortest", "0.8", "--layout", "tp=8"]
    _, formula = ask(capsys, *load)
    _, events = ask(capsys, *load, "--simulate", "--requests", "3000")
    assert events["method"] == "event simulation"
    assert events["tpot_ms"]["p50"] == pytest.approx(formula["tpot_ms"]["p50"], rel=0.05)
    assert events["e2e_ms"]["p50"] == pytest.approx(formula["e2e_ms"]["p50"], rel=0.05)


def test_a_trace_file_says_times_and_lengths(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "trace.csv"
    lines = [f"{k / 2},{1024 + k},{128}" for k in range(200)]
    path.write_text("\n".join(["arrival_s,input_tokens,output_tokens", *lines]))
    code, found = ask(capsys, "--model", "llama-3.1-8b", "--chip", "L20", "--chips", "1",
                      "--trace", str(path))  # fmt: skip
    assert code == 0
    assert found["method"] == "event simulation"
    assert found["requests_per_s"]["p50"] == pytest.approx(2.0)
    assert found["input"] == pytest.approx(1024 + 99.5)
    assert found["tokens_per_s_output"]["p50"] == pytest.approx(2.0 * 128)


@pytest.mark.parametrize(
    ("extra", "says"),
    [
        (["--disaggregate", "--layout", "tp=8"], "layout"),
        (["--disaggregate", "--simulate"], "simulate"),
        (["--prefill-chips", "4"], "--decode-chips"),
        (["--prefill-chips", "4", "--decode-chips", "8"], "sum"),
        (["--burstiness", "3"], "request-rate"),
        (["--request-rate", "1", "--burstiness", "-1"], "burstiness"),
        (["--shortest", "0"], "shortest = 0"),
        (["--simulate", "--requests", "1"], "requests"),
    ],
)
def test_what_does_not_go_together(
    extra: list[str], says: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["predict", "serve", *QWEN, *extra]) == 2
    captured = capsys.readouterr()
    assert says in captured.err
    assert captured.out == ""


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("when,what\n1,2\n", "arrival_s"),
        ("arrival_s\n0\nsoon\n", "line 3, arrival_s"),
        ("arrival_s,input_tokens\n0,10\n1,0\n", "line 3, input_tokens"),
        ("arrival_s\n", "one request or more"),
    ],
)
def test_a_trace_with_faults(
    text: str, says: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "trace.csv"
    path.write_text(text)
    assert run(["predict", "serve", *QWEN, "--trace", str(path)]) == 2
    assert says in capsys.readouterr().err
