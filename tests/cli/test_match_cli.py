"""`tonnage match` as users and scripts meet it."""

import json
import time
from pathlib import Path

import pytest

from tonnage.cli import run

TRAIN = ["--kind", "train", "--model", "gpt3-175b", "--seq", "2048", "--global-batch", "1536"]
SERVE = ["--kind", "serve", "--model", "llama-2-70b", "--input", "1024", "--output", "256",
         "--ttft-ms", "2000", "--tpot-ms", "60"]  # fmt: skip
FROM = ["match", "--from", "A100-80GB:1024"]
TO = ["--to", "H20,Ascend-910B-B3,A800,RTX 4090 D"]
DAY = ["--as-of", "2024-07-05"]


def answer(capsys: pytest.CaptureFixture[str], *arguments: str) -> dict[str, list[dict]]:  # type: ignore[type-arg]
    assert run([*arguments, "--json"]) == 0
    out = capsys.readouterr()
    assert out.err == ""
    found = json.loads(out.out)
    assert isinstance(found, dict)
    return found


@pytest.mark.parametrize("load", [TRAIN, SERVE], ids=["train", "serve"])
def test_four_chips_against_1024_a100(load: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    start = time.perf_counter()
    found = answer(capsys, *FROM, *TO, *load, *DAY)
    assert time.perf_counter() - start < 15, "5 s on a free machine"
    rows = {row["chip"]: row for row in found["rows"]}
    assert list(rows) == ["nv-h20-96", "hw-910b3", "nv-a800-sxm-80", "nv-rtx4090d"]
    for row in rows.values():
        count = row["count"]
        assert 0 < count["p10"] <= count["p50"] <= count["p90"]
        assert all(count[end] % 8 == 0 for end in count)
        assert row["why"]
        assert {"cost_ratio", "power_ratio", "lawful"} <= set(row)
        assert row["cost_ratio"]["p10"] < row["cost_ratio"]["p50"] < row["cost_ratio"]["p90"]
    # An A800 is an A100 with slower links; an H20 has under half its arithmetic, which binds
    # training; an RTX 4090 D a third of its memory and no links.
    assert 1000 <= rows["nv-a800-sxm-80"]["count"]["p50"] < 1500
    assert rows["nv-h20-96"]["count"]["p50"] > (1300 if load is TRAIN else 500)
    assert rows["nv-rtx4090d"]["count"]["p50"] > 2000
    assert rows["nv-h20-96"]["lawful"] is True
    assert rows["nv-a800-sxm-80"]["lawful"] is False
    assert rows["hw-910b3"]["lawful"] is None
    assert rows["hw-910b3"]["law"]["domestic"] is True


def test_training_and_serving_go_different_ways(capsys: pytest.CaptureFixture[str]) -> None:
    """H20 has twice the memory bandwidth and half the arithmetic of A100: it reads weights well."""
    decode = ["--kind", "serve", "--model", "llama-2-70b", "--input", "128", "--output", "2048"]
    to = ["--to", "H20"]
    train = answer(capsys, *FROM, *to, *TRAIN, *DAY)["rows"][0]["count"]["p50"]
    slow = answer(capsys, *FROM, *to, *decode, "--tpot-ms", "50", *DAY)["rows"][0]["count"]["p50"]
    fast = answer(capsys, *FROM, *to, *decode, "--tpot-ms", "24", *DAY)["rows"][0]["count"]["p50"]
    assert fast < 0.85 * slow
    assert slow < train


def test_a_number_that_does_not_divide_is_used_as_well_as_it_can_be(
    capsys: pytest.CaptureFixture[str],
) -> None:
    found = answer(capsys, "match", "--from", "A800:1000", "--to", "A800,H20", *TRAIN, *DAY)
    assert any("global batch 1,500" in note for note in found["notes"])
    same, more = found["rows"]
    assert same["count"] == {"p10": 1000, "p50": 1000, "p90": 1000}
    assert more["count"]["p50"] > 1200


def test_the_law_follows_the_day(capsys: pytest.CaptureFixture[str]) -> None:
    args = [*FROM, "--to", "A800,H20", *TRAIN, "--as-of", "2025-06-01"]
    before = answer(capsys, *args, "--on", "2023-03-01")["rows"]
    after = answer(capsys, *args, "--on", "2025-05-01")["rows"]
    assert [row["lawful"] for row in before] == [True, True]
    assert [row["lawful"] for row in after] == [False, False]


def test_the_seat_of_the_buyer_counts(capsys: pytest.CaptureFixture[str]) -> None:
    args = [*FROM, "--to", "H100", *TRAIN, *DAY, "--country", "SG"]
    assert answer(capsys, *args)["rows"][0]["lawful"] is True
    assert answer(capsys, *args, "--headquarters", "CN")["rows"][0]["lawful"] is False


def test_a_sale_at_home_is_no_export(capsys: pytest.CaptureFixture[str]) -> None:
    args = [*FROM, "--to", "H100,910B3", *TRAIN, *DAY]
    here, there = answer(capsys, *args, "--country", "US")["rows"]
    assert here["lawful"] is True
    assert here["law"]["domestic"] is True
    assert there["law"]["domestic"] is False
    abroad, home = answer(capsys, *args, "--country", "CN")["rows"]
    assert abroad["lawful"] is False
    assert home["lawful"] is None
    assert home["law"]["domestic"] is True


def test_terms_of_ownership_move_the_cost_ratio(capsys: pytest.CaptureFixture[str]) -> None:
    args = [*FROM, "--to", "RTX 4090 D", *TRAIN, *DAY]
    cheap = answer(capsys, *args, "--tariff", "0.02")["rows"][0]["cost_ratio"]["p50"]
    dear = answer(capsys, *args, "--tariff", "0.4")["rows"][0]["cost_ratio"]["p50"]
    assert dear > cheap
    assert run([*args, "--years", "-1", "--pue", "0.5"]) == 2
    message = capsys.readouterr().err
    assert "years" in message
    assert "pue" in message


def test_a_chip_that_cannot_is_a_row_with_its_reason(capsys: pytest.CaptureFixture[str]) -> None:
    found = answer(capsys, *FROM, "--to", "P800,H20", *TRAIN, "--as-of", "2026-01-01")
    none, some = found["rows"]
    assert none["count"] is None
    assert "not public" in none["why"]
    assert some["count"]["p50"] > 0


def test_a_workload_file(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "load.yaml"
    path.write_text("kind: train\nmodel: gpt3-175b\nseq: 2048\nglobal_batch: 1536\n")
    by_file = answer(capsys, *FROM, "--to", "H20", str(path), *DAY)
    assert by_file == answer(capsys, *FROM, "--to", "H20", *TRAIN, *DAY)


def test_the_page_for_people(capsys: pytest.CaptureFixture[str]) -> None:
    assert run([*FROM, "--to", "H20,A800", *TRAIN, *DAY]) == 0
    text = " ".join(capsys.readouterr().out.split())
    for word in ("The reference does", "of the throughput", "16-bit rate 148 against 312", "MW"):
        assert word in text


def test_every_fault_of_a_workload_file_with_its_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "load.yaml"
    path.write_text("kind: serve\nmodel: gpt99\ninput: -4\nchips: 8\nttft_ms: soon\n")
    assert run([*FROM, "--to", "H20", str(path), *DAY]) == 2
    message = capsys.readouterr().err
    for line, name in ((2, "gpt99"), (3, "input"), (4, "chips"), (5, "ttft_ms"), (1, "output")):
        assert name in message
        assert f"load.yaml:{line}:" in message


BAD = {
    "no number": ["match", "--from", "A100-80GB", "--to", "H20", *TRAIN],
    "number in words": ["match", "--from", "A100-80GB:many", "--to", "H20", *TRAIN],
    "no chips": ["match", "--from", "A100-80GB:0", "--to", "H20", *TRAIN],
    "negative": ["match", "--from", "A100-80GB:-8", "--to", "H20", *TRAIN],
    "half a chip": ["match", "--from", "A100-80GB:1.5", "--to", "H20", *TRAIN],
    "too many": ["match", "--from", "A100-80GB:99999999", "--to", "H20", *TRAIN],
    "no name": ["match", "--from", ":8", "--to", "H20", *TRAIN],
    "nothing": ["match", "--from", "", "--to", "H20", *TRAIN],
    "unknown from": ["match", "--from", "B9000:8", "--to", "H20", *TRAIN],
    "unknown to": [*FROM, "--to", "H20,B9000", *TRAIN],
    "ambiguous to": [*FROM, "--to", "910B", *TRAIN],
    "empty name": [*FROM, "--to", "H20,,A800", *TRAIN],
    "no to": [*FROM, *TRAIN],
    "no workload": [*FROM, "--to", "H20"],
    "wrong kind": [*FROM, "--to", "H20", "--kind", "bake", "--model", "gpt3-175b"],
    "no such file": [*FROM, "--to", "H20", "nowhere.yaml"],
    "folder": [*FROM, "--to", "H20", "."],
    "no such country": [*FROM, "--to", "H20", "--country", "Atlantis", *TRAIN],
    "bad day": [*FROM, "--to", "H20", "--on", "yesterday", *TRAIN],
    "zero batch": [*FROM, "--to", "H20", *TRAIN[:-1], "0"],
    "strange precision": [*FROM, "--to", "H20", *TRAIN, "--precision", "fp3"],
    "strange framework": [*FROM, "--to", "H20", *TRAIN, "--framework", "abacus"],
    "nan limit": [*FROM, "--to", "H20", *SERVE[:-1], "nan"],
}


@pytest.mark.parametrize("arguments", BAD.values(), ids=BAD.keys())
def test_bad_input_is_one_message(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert run([*arguments, "--json"]) == 2
    out = capsys.readouterr()
    assert out.out == ""
    assert out.err.startswith("tonnage: ")
    assert "Traceback" not in out.err


def test_both_unknown_names_come_in_one_message(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["match", "--from", "B9000:8", "--to", "H20,C9000", *TRAIN]) == 2
    message = capsys.readouterr().err
    assert "B9000" in message
    assert "C9000" in message


@pytest.mark.parametrize("text", ["- a\n- b\n", "just words\n", "kind: train\nkind: serve\n", ""])
def test_a_strange_file(text: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "load.yaml"
    path.write_text(text)
    assert run([*FROM, "--to", "H20", str(path)]) == 2
    assert "Traceback" not in capsys.readouterr().err


@pytest.mark.parametrize("load", [TRAIN, SERVE], ids=["train", "serve"])
def test_a_reference_that_is_not_known_is_a_true_no(
    load: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    for to in ("P800", "H20"):
        assert run(["match", "--from", "P800:64", "--to", to, *load, "--as-of", "2026-01-01"]) == 1
        assert "not public" in capsys.readouterr().err


def test_a_reference_that_cannot_is_a_true_no(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["match", "--from", "A100-80GB:8", "--to", "H20", *TRAIN, *DAY]) == 1
    assert "cannot do this work" in capsys.readouterr().err
