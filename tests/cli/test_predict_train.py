"""`tonnage predict train` from the outside."""

import json
from pathlib import Path
from typing import Any

import pytest

from tonnage.cli import run

GPT3 = ["predict", "train", "--model", "gpt3-175b", "--seq", "2048"]


CHIP_FILE = """\
chip: {id: my-chip, name: My chip, vendor: Me, headquarters: CN}
sources:
  brief: {title: Brief}
defaults: {source: brief, confidence: datasheet, known_from: 2025-03-01}
values:
  bf16_tflops: {value: 200, unit: TFLOP/s}
  memory_gb: {value: 64, unit: GB}
  memory_bandwidth_gbs: {value: 1600, unit: GB/s}
"""


def answer(capsys: pytest.CaptureFixture[str], *arguments: str) -> dict[str, Any]:
    code = run([*arguments, "--json"])
    out = capsys.readouterr()
    assert code == 0, out.err
    found: dict[str, Any] = json.loads(out.out)
    return found


FIELDS = {
    "iteration_time_s", "tokens_per_s_per_chip", "model_tflops_per_chip", "mfu",
    "memory_gb_per_chip", "fits", "layout", "breakdown_s", "bottleneck", "layouts_considered",
    "layouts_feasible",
}  # fmt: skip


def test_a_given_layout_answers_every_field(capsys: pytest.CaptureFixture[str]) -> None:
    found = answer(
        capsys, *GPT3, "--chip", "a100-sxm-80", "--chips", "64", "--global-batch", "64",
        "--layout", "tp=8,pp=8,vpp=3,dp=1,cp=1,ep=1,mb=1,zero=1,recompute=selective,sp=on",
        "--precision", "fp16", "--framework", "megatron-lm-2021",
    )  # fmt: skip
    assert set(found) >= FIELDS
    time = found["iteration_time_s"]
    # Korthikanti et al. 2022, table 5: 13.75 s.
    assert time["p50"] == pytest.approx(13.75, rel=0.08)
    assert time["p10"] < time["p50"] < time["p90"]
    assert sum(found["breakdown_s"].values()) == pytest.approx(time["p50"], rel=1e-9)
    memory = found["memory_gb_per_chip"]
    assert set(memory) >= {"weights", "gradients", "optimizer", "activations", "total"}
    assert found["fits"] is True
    assert memory["total"] < 80
    assert found["layout"]["recompute"] == "selective"
    assert found["layouts_considered"] == 1


def test_without_a_layout_the_best_is_searched(capsys: pytest.CaptureFixture[str]) -> None:
    found = answer(
        capsys, *GPT3, "--chip", "H20", "--chips", "256", "--global-batch", "512",
        "--tokens", "300e9",
    )  # fmt: skip
    assert found["layouts_considered"] > found["layouts_feasible"] > 0
    assert found["fits"] is True
    assert found["run"]["days"]["p50"] > 0
    assert found["top"][0]["layout"] == found["layout"]


@pytest.mark.parametrize(
    "chip", ["a800-sxm-80", "h20", "910b3", "rtx 4090 d", "kunlun 2", "h800", "mi300x"]
)
def test_chips_without_training_runs_still_get_an_interval(
    capsys: pytest.CaptureFixture[str], chip: str
) -> None:
    found = answer(
        capsys, "predict", "train", "--model", "llama-2-7b", "--chip", chip, "--chips", "64",
        "--seq", "4096", "--global-batch", "256",
    )  # fmt: skip
    time = found["iteration_time_s"]
    assert 1.05 < time["p90"] / time["p50"] < 2.0
    assert 0.02 < found["mfu"]["p50"] < 0.9


def test_a_layout_that_does_not_fit_is_a_no(capsys: pytest.CaptureFixture[str]) -> None:
    code = run([
        *GPT3, "--chip", "a100-sxm-80", "--chips", "8", "--global-batch", "8",
        "--layout", "tp=8", "--json",
    ])  # fmt: skip
    out = capsys.readouterr()
    assert code == 1
    assert "does not fit" in out.err
    found = json.loads(out.out)
    assert found["fits"] is False
    assert "GB of 80.0 GB" in found["reason"]


def test_no_layout_at_all_is_a_no(capsys: pytest.CaptureFixture[str]) -> None:
    code = run([*GPT3, "--chip", "a100-sxm-80", "--chips", "8", "--global-batch", "8"])
    out = capsys.readouterr()
    assert code == 1
    assert "no layout fits" in out.err


def test_a_chip_of_which_too_little_is_known_is_a_no(capsys: pytest.CaptureFixture[str]) -> None:
    code = run([*GPT3, "--chip", "nv-rtx6000d", "--chips", "64", "--global-batch", "64"])
    out = capsys.readouterr()
    assert code == 1
    assert "memory_bandwidth_gbs" in out.err


def test_nothing_is_known_before_it_was_announced(capsys: pytest.CaptureFixture[str]) -> None:
    code = run([
        *GPT3, "--chip", "B200", "--chips", "64", "--global-batch", "64", "--as-of", "2023-01-01",
    ])  # fmt: skip
    assert code in (1, 2)
    assert "Traceback" not in capsys.readouterr().err


@pytest.mark.parametrize(
    ("extra", "word"),
    [
        (["--layout", "tp=3,pp=1"], "tp"),
        (["--layout", "depth=3"], "depth"),
        (["--precision", "int3"], "precision"),
        (["--framework", "caffe"], "framework"),
        (["--chips", "0"], "chips"),
        (["--tokens", "many"], "tokens"),
        (["--nic-gbps", "-1"], "nic-gbps"),
        (["--seq", "-5"], "seq"),
        (["--global-batch", "0"], "global_batch"),
    ],
)
def test_bad_input_is_one_message(
    capsys: pytest.CaptureFixture[str], extra: list[str], word: str
) -> None:
    base = [*GPT3, "--chip", "a100-sxm-80", "--chips", "64", "--global-batch", "64"]
    code = run([*base, *extra])
    out = capsys.readouterr()
    assert code == 2
    assert word in out.err
    assert "Traceback" not in out.err
    assert not out.out


def test_neither_chip_nor_file_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    assert run([*GPT3, "--chips", "8", "--global-batch", "8"]) == 2
    assert "--chip" in capsys.readouterr().err


def test_a_chip_from_a_file(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    file = tmp_path / "chip.yaml"
    file.write_text(CHIP_FILE, encoding="utf-8")
    found = answer(
        capsys, "predict", "train", "--model", "llama-2-7b", "--chip-file", str(file),
        "--chips", "16", "--seq", "4096", "--global-batch", "64",
    )  # fmt: skip
    time = found["iteration_time_s"]
    assert time["p90"] / time["p10"] > 1.5
    assert "nic_gbps" in found["assumed"]


def test_the_table_explains(capsys: pytest.CaptureFixture[str]) -> None:
    code = run([
        "predict", "train", "--model", "llama-2-7b", "--chip", "h800", "--chips", "16",
        "--seq", "4096", "--global-batch", "64",
    ])  # fmt: skip
    out = capsys.readouterr().out
    assert code == 0
    assert "iteration time" in out
    assert "of the step is" in out
    assert "instead of" in out


def test_help_has_an_example(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["predict", "train", "--help"]) == 0
    assert "Example: tonnage predict train" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("chip", "precision", "words"),
    [
        ("a100-sxm-80", "fp8", "no published FP8 matrix rate: computed at its BF16 rate"),
        ("910b3", "fp8", "stored in 8 bits"),
        ("h100", "nvfp4", "no published FP4 matrix rate: computed at its FP8 rate"),
    ],
)
def test_a_format_that_the_chip_lacks_is_said_to_be_replaced(
    capsys: pytest.CaptureFixture[str], chip: str, precision: str, words: str
) -> None:
    asked = [
        "predict", "train", "--model", "llama-2-7b", "--chip", chip, "--chips", "16",
        "--seq", "4096", "--global-batch", "64",
    ]  # fmt: skip
    assert any(words in a for a in answer(capsys, *asked, "--precision", precision)["assumed"])
    assert not any(" " in a for a in answer(capsys, *asked)["assumed"])
    assert run([*asked, "--precision", precision]) == 0
    assert "matrix rate: computed at its" in " ".join(capsys.readouterr().out.split())


@pytest.mark.parametrize("precision", ["int8", "int4"])
def test_training_in_integers_is_refused(
    capsys: pytest.CaptureFixture[str], precision: str
) -> None:
    asked = [*GPT3, "--chip", "h100", "--chips", "64", "--global-batch", "64"]
    assert run([*asked, "--precision", precision]) == 2
    assert "bf16, fp8, mxfp8" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("extra", "words"),
    [
        (["--layout", "tp=8,tp=4"], "given twice"),
        (["--layout", ""], "leave it out to have the best layout searched"),
        (["--layout", " , "], "leave it out"),
        (["--seq", "1000000000"], "up to 100,000,000"),
        (["--global-batch", "10000000000"], "up to 1,000,000,000"),
        (["--chips", "100000000"], "1 to 10,000,000"),
    ],
)
def test_absurd_or_doubled_input_names_its_limit(
    capsys: pytest.CaptureFixture[str], extra: list[str], words: str
) -> None:
    asked = [*GPT3, "--chip", "h100", "--chips", "64", "--global-batch", "64", *extra]
    assert run(asked) == 2
    assert words in " ".join(capsys.readouterr().err.split())


def test_a_framework_described_at_length_is_found(capsys: pytest.CaptureFixture[str]) -> None:
    asked = [
        "predict", "train", "--model", "llama-2-7b", "--chip", "h100", "--chips", "16",
        "--seq", "4096", "--global-batch", "64", "--framework",
    ]  # fmt: skip
    assert answer(capsys, *asked, "DeepSpeed ZeRO-3")["framework"] == "megatron-deepspeed"
    assert answer(capsys, *asked, "Megatron-LM core")["framework"] == "megatron-lm"


def test_a_rate_of_zero_is_a_fault_of_the_chip_file(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    file = tmp_path / "chip.yaml"
    file.write_text(CHIP_FILE.replace("value: 200", "value: 0"), encoding="utf-8")
    asked = ["--chip-file", str(file), "--chips", "16", "--global-batch", "64"]
    assert run([*GPT3, *asked]) == 2
    err = capsys.readouterr().err
    assert "bf16_tflops" in err
    assert "above 0" in err
    assert "Warning" not in err


def test_generic_constants_are_said(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    file = tmp_path / "chip.yaml"
    text = CHIP_FILE.replace("headquarters: CN", "headquarters: CN, family: Zorblax")
    file.write_text(text, encoding="utf-8")
    found = answer(
        capsys, "predict", "train", "--model", "llama-2-7b", "--chip-file", str(file),
        "--chips", "16", "--seq", "4096", "--global-batch", "64",
    )  # fmt: skip
    assert any("'Zorblax' has no constants: generic" in a for a in found["assumed"])
