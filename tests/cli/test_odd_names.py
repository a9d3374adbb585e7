"""Names as people write them: brackets, days as text, a chip of one's own beside the catalog's."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

import tonnage
from tonnage.cli import run

EXAMPLE = Path(__file__).parents[2] / "examples" / "chip-file.yaml"
TRAIN = ["--model", "llama-2-7b", "--seq", "4096", "--global-batch", "64"]


@pytest.fixture
def odd(tmp_path: Path) -> str:
    lines = EXAMPLE.read_text(encoding="utf-8").splitlines()
    named = ['  name: "X [/b] [SXM]"' if line.startswith("  name:") else line for line in lines]
    path = tmp_path / "odd.yaml"
    path.write_text("\n".join(named), encoding="utf-8")
    return str(path)


def test_brackets_in_a_name_are_printed_as_they_stand(
    odd: str, capfd: pytest.CaptureFixture[str]
) -> None:
    for words in (
        ["predict", "train", "--chip-file", odd, "--chips", "64", *TRAIN],
        ["match", "--from", "A800:64", "--to", odd, "--kind", "train", *TRAIN],
        ["cost", "--chip-file", odd, "--chips", "8", "--price", "20000"],
    ):
        assert run(words) == 0
        assert "X [/b] [SXM]" in " ".join(capfd.readouterr().out.split())


def test_a_chip_file_may_be_named_as_well(capfd: pytest.CaptureFixture[str]) -> None:
    own = ["--chip-file", str(EXAMPLE)]
    assert run(["cost", "acme-x1", *own, "--chips", "8", "--price", "20000", "--json"]) == 0
    assert run(["predict", "train", "--chip", "acme-x1", *own, "--chips", "64", *TRAIN]) == 0
    assert run(["predict", "train", "--chip", "acme-x2", *own, "--chips", "64", *TRAIN]) == 2
    assert "acme-x1" in capfd.readouterr().err.casefold()


def test_match_knows_of_a_chip_file_only_what_was_public(
    capfd: pytest.CaptureFixture[str],
) -> None:
    words = ["match", "--from", "A800:64", "--to", str(EXAMPLE), "--kind", "train", *TRAIN]
    assert run([*words, "--as-of", "2024-01-01", "--json"]) == 0
    row = json.loads(capfd.readouterr().out)["rows"][0]
    assert row["count"] is None
    assert "not" in row["why"]
    assert run([*words, "--as-of", "2026-01-01", "--json"]) == 0
    assert json.loads(capfd.readouterr().out)["rows"][0]["count"]["p50"] > 0


def test_verbs_take_a_day_as_text() -> None:
    answer = tonnage.total_cost("A800", 8, as_of="2024-01-07")
    assert answer.owned.on.isoformat() == "2024-01-07"
    found = tonnage.predict_training(
        "llama-2-7b", "A800", 8, seq=2048, global_batch=64, as_of="2024-01-07"
    )
    assert found.estimate.fits


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs the device that is always full")
def test_a_full_disk_is_one_message() -> None:
    with Path("/dev/full").open("w", encoding="utf-8") as full:
        done = subprocess.run(
            [sys.executable, "-m", "tonnage", "models", "list"],
            stdout=full, stderr=subprocess.PIPE, text=True, check=False,
        )  # fmt: skip
    assert done.returncode == 2
    assert "Traceback" not in done.stderr


def test_a_reader_that_leaves_early_is_no_fault() -> None:
    command = f"{sys.executable} -m tonnage chips list --json | head -c 10"
    done = subprocess.run(
        ["bash", "-o", "pipefail", "-c", command], capture_output=True, text=True, check=False
    )
    assert done.stderr == ""


def test_a_true_no_has_a_document_with_its_reason(capfd: pytest.CaptureFixture[str]) -> None:
    words = ["predict", "train", "--chip", "Kunlun P800", "--chips", "64", *TRAIN, "--json"]
    assert run(words) == 1
    out, err = capfd.readouterr()
    said = json.loads(out)
    assert said["answer"] == "no"
    assert said["reason"] in err
    assert said["missing"]
