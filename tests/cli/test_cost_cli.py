"""`tonnage cost` as users and scripts meet it."""

import json
from pathlib import Path

import pytest

from tonnage.cli import run

BASE = ["cost", "H20", "--chips", "1024", "--as-of", "2024-07-05"]


def answer(capsys: pytest.CaptureFixture[str], *more: str) -> dict[str, object]:
    assert run([*BASE, *more, "--json"]) == 0
    out = capsys.readouterr()
    assert out.err == ""
    found = json.loads(out.out)
    assert isinstance(found, dict)
    return found


def test_json_has_the_fields_that_stay(capsys: pytest.CaptureFixture[str]) -> None:
    found = answer(capsys)
    for name in ("capex", "opex_per_month", "usd_per_chip_hour"):
        assert set(found[name]) == {"p10", "p50", "p90"}  # type: ignore[call-overload]
    assert found["usd_per_million_tokens"] is None
    assert "break_even_months" in found
    items = found["items"]
    assert isinstance(items, list)
    assert all({"name", "value", "source"} <= set(item) for item in items)
    assert all(item["source"] for item in items)
    assert len(found["break_even_by_utilisation"]) == 10  # type: ignore[arg-type]
    providers = {o["provider"] for o in found["offers"]}  # type: ignore[attr-defined]
    assert providers == {"Huawei", "Baidu"}


def test_a_workload_gives_the_price_of_tokens_and_of_the_run(
    capsys: pytest.CaptureFixture[str],
) -> None:
    options = [
        "--model",
        "gpt3-175b",
        "--seq",
        "2048",
        "--global-batch",
        "1536",
        "--tokens",
        "3e11",
    ]
    found = answer(capsys, *options)
    per = found["usd_per_million_tokens"]
    work = found["workload"]
    assert isinstance(per, dict)
    assert isinstance(work, dict)
    assert per["p10"] < per["p50"] < per["p90"]
    assert work["run_usd"]["p50"] == pytest.approx(per["p50"] * 3e5)
    hours = work["run_days"]["p50"] * 24 * 1024
    hourly = found["usd_per_chip_hour"]["p50"]  # type: ignore[index]
    assert work["run_usd"]["p50"] == pytest.approx(hours * hourly)


def test_serving_is_priced_by_output_tokens(capsys: pytest.CaptureFixture[str]) -> None:
    found = answer(capsys, "--model", "llama-2-70b", "--input", "512", "--output", "256")
    assert found["workload"]["kind"] == "serve"  # type: ignore[index]
    assert found["usd_per_million_tokens"]["p50"] > 0  # type: ignore[index]


def test_a_user_who_pays_little_rent_is_told_to_rent(capsys: pytest.CaptureFixture[str]) -> None:
    found = answer(capsys, "--rent", "0.05")
    assert found["break_even_months"] == {"p10": None, "p50": None, "p90": None}
    assert found["utilisation_to_own"] is None
    dear = answer(capsys, "--rent", "6")
    assert dear["break_even_months"]["p50"] < 24  # type: ignore[index]
    assert 0 < dear["utilisation_to_own"] < 0.5  # type: ignore[operator]


def test_the_page_for_people(capsys: pytest.CaptureFixture[str]) -> None:
    assert run([*BASE, "--sources"]) == 0
    text = " ".join(capsys.readouterr().out.split())
    for word in ("outlay", "electricity", "One chip-hour in use", "assumption", "Huawei"):
        assert word in text


BAD = {
    "no chip": (["cost", "--chips", "8"], "chip"),
    "unknown chip": (["cost", "NOPE", "--chips", "8"], "NOPE"),
    "ambiguous chip": (["cost", "910B", "--chips", "8"], "910B3"),
    "no count": (["cost", "H20"], "--chips"),
    "zero chips": (["cost", "H20", "--chips", "0"], "chips = 0"),
    "negative chips": (["cost", "H20", "--chips", "-5"], "chips = -5"),
    "chips in words": (["cost", "H20", "--chips", "many"], "many"),
    "no use": ([*BASE, "--utilisation", "0"], "utilisation"),
    "too much use": ([*BASE, "--utilisation", "1.01"], "utilisation"),
    "negative years": ([*BASE, "--years", "-1"], "years"),
    "not a number": ([*BASE, "--pue", "nan"], "pue"),
    "endless": ([*BASE, "--tariff", "inf"], "tariff"),
    "pue below one": ([*BASE, "--pue", "0.9"], "pue"),
    "negative tariff": ([*BASE, "--tariff", "-0.1"], "tariff"),
    "negative price": ([*BASE, "--price", "-1"], "price"),
    "no such country": ([*BASE, "--country", "ZZ"], "ZZ"),
    "country without tariff": ([*BASE, "--country", "BR"], "tariff"),
    "bad day": ([*BASE[:-1], "2024-13-01"], "2024-13-01"),
    "half a workload": ([*BASE, "--model", "gpt3-175b"], "global_batch"),
    "unknown model": ([*BASE, "--model", "gpt9", "--seq", "1", "--global-batch", "1"], "gpt9"),
    "tokens in words": ([*BASE, "--model", "gpt3-175b", "--tokens", "lots"], "lots"),
    "missing file": ([*BASE, "--workload", "nowhere.yaml"], "nowhere.yaml"),
    "file and options": ([*BASE, "--workload", "a.yaml", "--seq", "8"], "not both"),
    "vary without range": ([*BASE, "--vary", "utilisation"], "TERM=LOW:HIGH"),
    "vary in words": ([*BASE, "--vary", "tariff=low:high"], "TERM=LOW:HIGH"),
    "vary one step": ([*BASE, "--vary", "tariff=0:1:1"], "TERM=LOW:HIGH"),
    "vary what": ([*BASE, "--vary", "colour=1:2"], "colour"),
    "vary out of range": ([*BASE, "--vary", "pue=0.5:2"], "pue"),
    "vary nan": ([*BASE, "--vary", "pue=nan,1.2"], "pue"),
    "mixed kinds": ([*BASE, "--model", "gpt3-175b", "--seq", "8", "--input", "9"], "seq"),
}


@pytest.mark.parametrize("arguments", BAD.values(), ids=BAD.keys())
def test_bad_input_is_one_message(
    arguments: tuple[list[str], str], capsys: pytest.CaptureFixture[str]
) -> None:
    given, named = arguments
    assert run([*given, "--json"]) == 2
    out = capsys.readouterr()
    assert out.out == ""
    assert named in out.err
    assert "Traceback" not in out.err


def test_all_faults_of_the_terms_come_in_one_message(capsys: pytest.CaptureFixture[str]) -> None:
    assert run([*BASE, "--years", "-1", "--pue", "nan", "--tariff", "-1"]) == 2
    message = capsys.readouterr().err
    assert all(name in message for name in ("years", "pue", "tariff"))


def test_what_is_not_known_is_a_true_no(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["cost", "P800", "--chips", "8", "--as-of", "2026-01-01"]) == 1
    assert "no price is known" in capsys.readouterr().err
    assert (
        run([*BASE[:3], "8", "--model", "gpt3-175b", "--seq", "2048", "--global-batch", "8"]) == 1
    )
    assert "no layout fits" in capsys.readouterr().err


def test_a_range_of_terms(capsys: pytest.CaptureFixture[str]) -> None:
    found = answer(capsys, "--vary", "utilisation=0.25:1:4", "--vary", "cost-of-money=0.05,0.1")
    points = found["points"]
    assert isinstance(points, list)
    assert [p["utilisation"] for p in points] == [0.25, 0.25, 0.5, 0.5, 0.75, 0.75, 1.0, 1.0]
    hours = [p["usd_per_chip_hour"]["p50"] for p in points]
    assert hours[::2] == sorted(hours[::2], reverse=True)
    assert run([*BASE, "--vary", "utilisation=0.25:1:4"]) == 0
    assert "USD per used chip-hour" in " ".join(capsys.readouterr().out.split())


def test_a_chip_file(capsys: pytest.CaptureFixture[str]) -> None:
    path = str(Path(__file__).parents[2] / "examples" / "chip-file.yaml")
    args = ["cost", "--chip-file", path, "--chips", "64", "--price", "20000", "--power-w", "600"]
    assert run([*args, "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["capex"]["p50"] > 64 * 20000


LLAMA = ["--model", "llama-2-70b", "--input", "1024", "--output", "256"]


@pytest.mark.parametrize(
    "load",
    [
        ["--concurrency", "64"],
        ["--request-rate", "2"],
        ["--concurrency", "16", "--weights", "fp8", "--framework", "tensorrt-llm"],
    ],
)
def test_tokens_cost_a_used_hour_over_what_predict_serve_delivers(
    capsys: pytest.CaptureFixture[str], load: list[str]
) -> None:
    chips = ["--chips", "8", "--as-of", "2024-07-05", "--json"]
    assert run(["cost", "H20", *chips, *LLAMA, *load]) == 0
    cost = json.loads(capsys.readouterr().out)
    assert run(["predict", "serve", "--chip", "H20", *chips, *LLAMA, *load]) == 0
    rate = json.loads(capsys.readouterr().out)["tokens_per_s_output_per_chip"]["p50"]
    by_hand = cost["usd_per_chip_hour"]["p50"] / (rate * 3600) * 1e6
    assert cost["usd_per_million_tokens"]["p50"] == pytest.approx(by_hand)


def test_a_load_that_is_too_much_is_a_no(capsys: pytest.CaptureFixture[str]) -> None:
    asked = ["cost", "H20", "--chips", "8", "--as-of", "2024-07-05", *LLAMA]
    assert run([*asked, "--weights", "fp8", "--request-rate", "1000"]) == 1
    assert "exceed" in capsys.readouterr().err


def test_a_chip_left_over_is_paid_for(capsys: pytest.CaptureFixture[str]) -> None:
    prices = {}
    for chips in (6, 7):
        asked = ["cost", "H20", "--chips", str(chips), "--as-of", "2024-07-05", "--json"]
        assert run([*asked, *LLAMA]) == 0
        found = json.loads(capsys.readouterr().out)
        assert found["workload"]["layout"] == "tp=2"
        hour, tokens = found["usd_per_chip_hour"]["p50"], found["usd_per_million_tokens"]["p50"]
        prices[chips] = tokens / hour
    assert prices[7] == pytest.approx(prices[6] * 7 / 6)


def test_a_range_does_not_pass_over_a_workload(capsys: pytest.CaptureFixture[str]) -> None:
    assert run([*BASE, "--vary", "utilisation=0.2:1:3", *LLAMA]) == 2
    assert "vary" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("chip", "day", "lawful"),
    [
        ("H100", "2024-01-07", False),
        ("A800", "2023-06-01", True),
        ("A800", "2024-01-07", False),
        ("H20", "2024-01-07", True),
        ("H20", "2025-05-01", False),
        ("910B3", "2024-01-07", None),
    ],
)
def test_a_price_is_no_permission(
    capsys: pytest.CaptureFixture[str], chip: str, day: str, lawful: bool | None
) -> None:
    assert run(["cost", chip, "--chips", "8", "--as-of", day, "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["lawful"] is lawful
    assert run(["cost", chip, "--chips", "8", "--as-of", day]) == 0
    assert found["law"]["says"] in " ".join(capsys.readouterr().out.split())
