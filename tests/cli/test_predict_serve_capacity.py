"""`predict serve`: capacity, notes, and what a question gets wrong."""

import json
from datetime import date

import pytest

import tonnage
from tonnage.cli import run

LLAMA = ["--model", "llama-3.1-70b", "--chip", "H20", "--weights", "fp8"]
LENGTHS = ["--input", "1024", "--output", "256"]
SMALL = ["--model", "llama-2-7b", "--chip", "L20", "--chips", "1"]


def ask(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, dict]:  # type: ignore[type-arg]
    code = run(["predict", "serve", *arguments, "--json"])
    return code, json.loads(capsys.readouterr().out)


def test_chips_that_help_nobody_stay_idle_and_are_told(capsys: pytest.CaptureFixture[str]) -> None:
    asked = [*LLAMA, *LENGTHS, "--tpot-ms", "50"]
    _, four = ask(capsys, *asked, "--chips", "4")
    _, five = ask(capsys, *asked, "--chips", "5")
    assert five["tokens_per_s_output"]["p50"] >= four["tokens_per_s_output"]["p50"]
    assert (five["chips"], five["chips_used"]) == (5, 4)
    assert any("4 of the 5 chips" in note for note in five["notes"])
    each = five["tokens_per_s_output"]["p50"] / 5
    assert five["tokens_per_s_output_per_chip"]["p50"] == pytest.approx(each)
    assert five["concurrency"] > 1


def test_what_does_not_fit_names_the_least_memory_and_no_speeds(
    capsys: pytest.CaptureFixture[str],
) -> None:
    asked = ["--model", "deepseek-v3", "--chip", "H100", "--chips", "8", "--weights", "fp8",
             *LENGTHS, "--concurrency", "16"]  # fmt: skip
    code, found = ask(capsys, *asked)
    assert code == 1
    assert found["memory_gb_per_chip"]["total"] < 90
    assert found["reason"].startswith("does not fit")
    assert found["tpot_ms"] is None
    assert found["tokens_per_s_output"] is None
    assert run(["predict", "serve", *asked]) == 1
    shown = capsys.readouterr().out
    assert "needs least memory" in shown
    assert "time per output token" not in shown


def test_the_fewest_chips_for_a_demand(capsys: pytest.CaptureFixture[str]) -> None:
    code, found = ask(capsys, *LLAMA, *LENGTHS, "--request-rate", "8", "--tpot-ms", "60")
    assert code == 0
    each = found["deployment"]
    assert found["chips"] == found["deployments"] * each["chips_used"]
    assert found["chips_p10"] <= found["chips"] <= found["chips_p90"]
    assert found["deployments"] * each["requests_per_s"]["p50"] == pytest.approx(8)
    assert each["tpot_ms"]["p50"] <= 60
    assert run(["predict", "serve", *LLAMA, *LENGTHS, "--request-rate", "8"]) == 0
    assert "requests/s of Llama 3.1 70B" in capsys.readouterr().out


def test_the_front_of_users_against_chips(capsys: pytest.CaptureFixture[str]) -> None:
    code, found = ask(capsys, *LLAMA, *LENGTHS, "--chips", "8", "--pareto", "--ttft-ms", "2000")
    assert code == 0
    users = [point["tokens_per_s_per_user"] for point in found["points"]]
    chips = [point["tokens_per_s_output_per_chip"] for point in found["points"]]
    assert len(users) > 5
    assert users == sorted(users, reverse=True)
    assert chips == sorted(chips)
    for name in ("tokens_per_s_per_user", "tokens_per_s_output_per_chip", "ttft_ms", "tpot_ms"):
        for point in found["points"]:
            assert point[f"{name}_p10"] < point[name] < point[f"{name}_p90"]
    assert all(point["ttft_ms"] <= 2000 for point in found["points"])
    front = tonnage.serving_front("llama-3.1-70b", "H20", 8, input=1024, output=256, weights="fp8",
                                  ttft_ms=2000)  # fmt: skip
    assert front.to_frame()["tokens_per_s_per_user"] == pytest.approx(users)
    assert run(["predict", "serve", *LLAMA, *LENGTHS, "--chips", "8", "--pareto"]) == 0
    assert "tokens/s of a user" in capsys.readouterr().out


def test_a_front_that_no_load_reaches_is_a_no(capsys: pytest.CaptureFixture[str]) -> None:
    code, found = ask(capsys, *LLAMA, *LENGTHS, "--chips", "8", "--pareto", "--tpot-ms", "0.001")
    assert code == 1
    assert found["points"] == []
    assert found["reason"].startswith("no layout and load keeps the limits; nearest: time per")
    assert run(["predict", "serve", *LLAMA, *LENGTHS, "--chips", "8", "--pareto", "--tpot-ms",
                "0.001"]) == 1  # fmt: skip
    shown = capsys.readouterr()
    assert "no layout and load keeps the limits" in shown.out
    assert "No other layout" not in shown.out
    assert "tokens/s of a user" not in shown.out
    assert shown.err.count("\n") == 1


def test_a_front_without_room_for_the_model_names_the_memory(
    capsys: pytest.CaptureFixture[str],
) -> None:
    asked = ["--model", "llama-3.1-405b", "--chip", "L4", "--chips", "1", *LENGTHS, "--pareto"]
    code, found = ask(capsys, *asked)
    assert code == 1
    assert found["points"] == []
    assert found["reason"].startswith("does not fit: one request needs 8")
    assert run(["predict", "serve", *asked]) == 1
    shown = capsys.readouterr()
    assert "GB are usable" in shown.out
    assert "limits" not in shown.out + shown.err


def test_one_token_has_no_time_per_token(capsys: pytest.CaptureFixture[str]) -> None:
    asked = [*LLAMA, "--chips", "8", "--input", "1024", "--output", "1", "--tpot-ms", "50"]
    code, found = ask(capsys, *asked)
    assert code == 0
    assert found["tpot_ms"] == {"p10": 0.0, "p50": 0.0, "p90": 0.0}
    assert run(["predict", "serve", *asked]) == 0
    assert "time of a prompt" in capsys.readouterr().out


def test_lengths_beyond_the_context_are_noted(capsys: pytest.CaptureFixture[str]) -> None:
    _, found = ask(capsys, *SMALL, "--input", "5000", "--output", "10", "--concurrency", "1")
    assert any("context of 4,096" in note for note in found["notes"])
    assert run(["predict", "serve", *SMALL, *LENGTHS, "--input", "5000", "--concurrency", "1"]) == 0
    assert "Note: 5,256 tokens" in capsys.readouterr().out
    _, short = ask(capsys, *SMALL, *LENGTHS, "--concurrency", "1")
    assert not any("context" in note for note in short["notes"])


@pytest.mark.parametrize(
    ("chip", "weights", "says"),
    [
        ("A100 SXM4 80GB", "fp8", "read in 8 bits and multiplied in 16: A100"),
        ("H20", "int4", "read in 4.25 bits and multiplied in 16"),
        ("910B3", "nvfp4", "multiplied in 16"),
        ("H20", "fp8", ""),
        ("H20", "bf16", ""),
    ],
)
def test_formats_that_the_chip_cannot_multiply_are_noted(
    chip: str, weights: str, says: str, capsys: pytest.CaptureFixture[str]
) -> None:
    asked = ["--model", "llama-3.1-8b", "--chip", chip, "--chips", "1", "--weights", weights]
    _, found = ask(capsys, *asked, *LENGTHS, "--concurrency", "4")
    notes = [note for note in found["notes"] if "multiplied" in note]
    assert bool(notes) is bool(says)
    assert says in "".join(notes)


def test_a_cache_format_that_the_engine_does_not_name(capsys: pytest.CaptureFixture[str]) -> None:
    asked = ["--model", "llama-3.1-8b", "--chip", "H20", "--chips", "1", *LENGTHS]
    _, odd = ask(capsys, *asked, "--concurrency", "4", "--kv", "int4")
    _, usual = ask(capsys, *asked, "--concurrency", "4", "--kv", "fp8")
    assert any("cache in int4" in note for note in odd["notes"])
    assert not any("cache" in note for note in usual["notes"])


def test_the_engine_and_the_model_are_those_of_the_day(capsys: pytest.CaptureFixture[str]) -> None:
    asked = ["--model", "llama-2-70b", "--chip", "H20", "--chips", "8", *LENGTHS]
    _, early = ask(capsys, *asked, "--concurrency", "8", "--as-of", "2024-01-07")
    _, late = ask(capsys, *asked, "--concurrency", "8", "--as-of", "2026-11-01")
    assert early["framework"] == "vLLM up to 0.7"
    assert late["framework"] == "vLLM 0.14 and later"
    later = ["--model", "deepseek-v3", "--chip", "H20", "--chips", "16", *LENGTHS]
    assert run(["predict", "serve", *later, "--as-of", "2024-01-07"]) == 2
    assert "not known on 2024-01-07: deepseek-v3 was published on" in capsys.readouterr().err
    with pytest.raises(tonnage.errors.UnknownName, match="not known on"):
        tonnage.predict_serving("deepseek-v3", "H20", 16, input=10, output=10,
                                as_of=date(2024, 1, 7))  # fmt: skip


@pytest.mark.parametrize("command", ["match", "cost"])
def test_other_commands_take_no_model_from_later(
    command: str, capsys: pytest.CaptureFixture[str]
) -> None:
    chips = ["--from", "A800:8", "--to", "H20"] if command == "match" else ["H20", "--chips", "16"]
    asked = [command, *chips, "--kind", "serve", "--model", "deepseek-v3", *LENGTHS]
    asked = [word for word in asked if command == "match" or word not in ("--kind", "serve")]
    assert run([*asked, "--as-of", "2024-01-07"]) == 2
    assert "not known on 2024-01-07" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("extra", "says"),
    [
        (["--framework", "mindie"], "framework = 'mindie'"),
        (["--framework", "vllm-ascend"], "Huawei alone"),
        (["--layout", "tp=4,dp=2,ep=8"], "layout.ep = 8"),
        (["--layout", "tp=8,ep=4,dp=1"], "layout.ep"),
        (["--chips", "1000000000"], "10,000,000"),
        (["--input", "1e18"], "100,000,000"),
        (["--output", "0"], "output = 0"),
        (["--output", "0.5"], "output = 0.5"),
        (["--concurrency", "0.3"], "concurrency = 0.3"),
        (["--weights", "tf32"], "stored in fp32"),
        (["--pareto", "--concurrency", "4"], "beside --pareto"),
    ],
)
def test_bad_input_names_what_was_typed(
    extra: list[str], says: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["predict", "serve", *LLAMA, "--chips", "8", *LENGTHS, *extra]) == 2
    captured = capsys.readouterr()
    assert says in captured.err
    assert captured.err.count("tonnage:") == 1
    assert captured.out == ""


def test_every_fault_is_told_at_once_and_each_once(capsys: pytest.CaptureFixture[str]) -> None:
    bad = ["--chips", "0", "--input", "1e18", "--output", "0.5", "--concurrency", "0.3"]
    assert run(["predict", "serve", "--model", "nobody", "--chip", "H20", *bad]) == 2
    lines = capsys.readouterr().err.strip().splitlines()
    assert [line.removeprefix("tonnage: ").split(" =")[0] for line in lines] == [
        "chips", "input", "output", "concurrency", "model",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("extra", "says"),
    [
        (["--prefill-chips", "0", "--decode-chips", "64"], "prefill-chips = 0"),
        (["--prefill-chips", "-1", "--decode-chips", "64"], "prefill-chips = -1"),
        (["--prefill-chips", "4"], "decode-chips: give --decode-chips too"),
        (["--chips", "8", "--output", "1"], "output = 1"),
    ],
)
def test_pools_name_the_pool(
    extra: list[str], says: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["predict", "serve", *LLAMA, "--disaggregate", *LENGTHS, *extra]) == 2
    captured = capsys.readouterr()
    assert says in captured.err
    assert captured.err.count("\n") == 1


def test_a_chip_beside_those_of_both_pools_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    pools = ["--model", "llama-3.1-8b", "--chips", "4", *LENGTHS, "--prefill-chip", "H20"]
    asked = ["predict", "serve", *pools, "--decode-chip", "H800"]
    for option, name in (("--chip", "L20"), ("--chip-file", "examples/chip-file.yaml")):
        assert run([*asked, option, name]) == 2
        captured = capsys.readouterr()
        says = f"{option[2:]} = {name!r}: leave it out beside --prefill-chip and --decode-chip"
        assert says in captured.err
        assert captured.err.count("\n") == 1
        assert captured.out == ""
    assert run(asked) == 0
    assert run(["predict", "serve", *pools, "--chip", "H800"]) == 0


def test_settings_of_the_server_replace_the_defaults(capsys: pytest.CaptureFixture[str]) -> None:
    asked = [*LLAMA, "--chips", "8", *LENGTHS, "--layout", "tp=8", "--concurrency", "64"]
    _, usual = ask(capsys, *asked)
    _, few = ask(capsys, *asked, "--max-sequences", "16")
    _, tight = ask(capsys, *asked, "--memory-fraction", "0.5")
    _, pieces = ask(capsys, *asked, "--prefill-tokens", "512")
    assert few["max_concurrency"] == 16
    assert few["running"] <= 16
    assert few["tpot_ms"]["p50"] < usual["tpot_ms"]["p50"]
    assert tight["memory_gb_per_chip"]["usable"] < 0.6 * usual["memory_gb_per_chip"]["usable"]
    assert pieces["ttft_ms"]["p50"] != usual["ttft_ms"]["p50"]
    for option, value in (("max-sequences", "0"), ("memory-fraction", "1.5")):
        assert run(["predict", "serve", *asked, f"--{option}", value]) == 2
        assert f"{option} = {value}" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("asked", "says"),
    [
        (["--model", "deepseek-v3", "--chip", "H100", "--chips", "4"], "does not fit: one request"),
        (
            [*LLAMA, "--chips", "8", "--tpot-ms", "0.1"],
            "decoding on H20 96GB SXM: no instance keeps",
        ),
        ([*LLAMA, "--prefill-chips", "1", "--decode-chips", "8", "--ttft-ms", "10"], "prefill on"),
        ([*LLAMA, "--chips", "1"], "too few"),
    ],
)
def test_pools_that_cannot_be_say_why(
    asked: list[str], says: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["predict", "serve", *asked, "--disaggregate", *LENGTHS]) == 1
    assert says in capsys.readouterr().err


def test_no_fewer_chips_serve_a_demand_of_two_tokens_an_answer(
    capsys: pytest.CaptureFixture[str],
) -> None:
    asked = ["--model", "llama-3.1-70b", "--chip", "H20", "--weights", "fp8", "--input", "2000",
             "--output", "2", "--request-rate", "25", "--tpot-ms", "80",
             "--ttft-ms", "3000"]  # fmt: skip
    _, sized = ask(capsys, *asked)
    fewer = int(0.92 * sized["chips"])
    assert ask(capsys, *asked, "--chips", str(sized["chips"]))[0] == 0
    code, found = ask(capsys, *asked, "--chips", str(fewer))
    assert (code, found["fits"]) == (1, False)
