"""Thirty-odd ways to be wrong on the command line: each one message, exit code 2, no traceback."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from tonnage.cli import COMMANDS, run

CHIP = """\
id: my-chip
name: My chip
vendor: Me
headquarters: CN
source: {title: my data sheet, url: "https://example.org/sheet", published: 2024-01-01}
values:
  memory_gb: {value: 64, unit: GB}
"""

Make = Callable[[Path], Path]


def text(content: str, name: str = "input.yaml") -> Make:
    def make(folder: Path) -> Path:
        path = folder / name
        path.write_text(content, encoding="utf-8")
        return path

    return make


def raw(content: bytes) -> Make:
    def make(folder: Path) -> Path:
        path = folder / "input.yaml"
        path.write_bytes(content)
        return path

    return make


def folder_itself(folder: Path) -> Path:
    return folder


def missing(folder: Path) -> Path:
    return folder / "nowhere.yaml"


def huge(folder: Path) -> Path:
    path = folder / "huge.yaml"
    with path.open("wb") as stream:
        stream.truncate(500 * 2**20)
    return path


def pipe(folder: Path) -> Path:
    path = folder / "pipe.yaml"
    os.mkfifo(path)
    return path


BOMB = "a: &a [x, x, x, x]\nb: &b [*a, *a, *a, *a]\nc: [*b, *b, *b, *b]\n"
DEEP = "".join("  " * i + "a:\n" for i in range(200))
TWICE = CHIP + "  memory_gb: {value: 65, unit: GB}\n"

WORDS: dict[str, list[str]] = {
    "no such command": ["clasify", "H20"],
    "no such option": ["chips", "list", "--colour"],
    "no chip named": ["classify", "--to", "CN"],
    "unknown chip": ["classify", "H21", "--to", "CN"],
    "unknown chip to show": ["chips", "show", "no-such-chip"],
    "ambiguous chip": ["chips", "show", "910B"],
    "empty chip name": ["classify", "", "--to", "CN"],
    "no destination": ["classify", "H20"],
    "unknown country": ["classify", "H20", "--to", "Atlantis"],
    "unknown headquarters": ["classify", "H20", "--to", "CN", "--headquarters", "ZZZ"],
    "bad day": ["classify", "H20", "--to", "CN", "--on", "17.11.2023"],
    "no such day": ["classify", "H20", "--to", "CN", "--on", "2023-02-30"],
    "bad as-of day": ["chips", "list", "--as-of", "yesterday"],
    "unknown rule": ["rules", "show", "9Z999"],
    "unknown parameter": ["rules", "sweep", "no.such", "--from", "1", "--to", "2"],
    "sweep of nothing": ["rules", "sweep", "a1.tpp", "--from", "nan", "--to", "4800"],
    "diff with a bad day": ["rules", "diff", "2023-01-01", "soon"],
    "unknown model": ["models", "show", "llama-99"],
    "training without a model": ["predict", "train", "--chip", "H20", "--chips", "8"],
    "negative chips": ["predict", "train", "--model", "llama-2-7b", "--chip", "H20", "--chips",
                       "-8", "--seq", "4096", "--global-batch", "64"],
    "no chips": ["predict", "train", "--model", "llama-2-7b", "--chip", "H20", "--chips", "0",
                 "--seq", "4096", "--global-batch", "64"],
    "chips not a number": ["predict", "train", "--model", "llama-2-7b", "--chip", "H20", "--chips",
                           "many", "--seq", "4096", "--global-batch", "64"],
    "unknown layout key": ["predict", "train", "--model", "llama-2-7b", "--chip", "H20", "--chips",
                           "8", "--seq", "4096", "--global-batch", "64", "--layout", "zz=8"],
    "layout that does not divide": ["predict", "train", "--model", "llama-2-7b", "--chip", "H20",
                                    "--chips", "8", "--seq", "4096", "--global-batch", "64",
                                    "--layout", "tp=3,pp=1,dp=1"],
    "unknown precision": ["predict", "train", "--model", "llama-2-7b", "--chip", "H20", "--chips",
                          "8", "--seq", "4096", "--global-batch", "64", "--precision", "fp7"],
    "unknown framework": ["predict", "train", "--model", "llama-2-7b", "--chip", "H20", "--chips",
                          "8", "--seq", "4096", "--global-batch", "64", "--framework", "abacus"],
    "both loads": ["predict", "serve", "--model", "llama-2-7b", "--chip", "H20", "--chips", "8",
                   "--input", "1024", "--output", "128", "--concurrency", "8",
                   "--request-rate", "3"],
    "negative length": ["predict", "serve", "--model", "llama-2-7b", "--chip", "H20", "--chips",
                        "8", "--input", "-1", "--output", "128"],
    "match without a count": ["match", "--from", "A800", "--to", "H20", "--kind", "train",
                              "--model", "gpt3-175b", "--seq", "2048", "--global-batch", "1536"],
    "cost of a negative number": ["cost", "H20", "--chips", "-1"],
    "utilisation over one": ["cost", "H20", "--chips", "8", "--utilisation", "1.5"],
}  # fmt: skip

CHIP_FILES: dict[str, Make] = {
    "folder": folder_itself,
    "missing": missing,
    "huge": huge,
    "pipe": pipe,
    "empty": text(""),
    "only a comment": text("# nothing\n"),
    "binary": raw(bytes(range(256)) * 20),
    "latin-1": raw("name: café".encode("latin-1")),
    "nul": raw(b"name: a\x00b\n"),
    "yaml bomb": text(BOMB),
    "deep nesting": text(DEEP),
    "duplicate key": text(TWICE),
    "broken yaml": text("name: [unclosed\n"),
    "a list": text("- 1\n- 2\n"),
    "a word": text("H20\n"),
    "tag": text("!!python/object/apply:os.system ['true']\n"),
    "negative memory": text(CHIP.replace("64", "-64")),
    "nan": text(CHIP.replace("64", ".nan")),
    "infinite": text(CHIP.replace("64", ".inf")),
    "wrong unit": text(CHIP.replace("unit: GB", "unit: furlong")),
    "text for a number": text(CHIP.replace("64", "a lot")),
    "unknown quantity": text(CHIP.replace("memory_gb", "memory_of_elephants")),
    "no source": text("\n".join(line for line in CHIP.splitlines() if "source" not in line)),
}

TABLES: dict[str, Make] = {
    "folder": folder_itself,
    "missing": missing,
    "empty": text("", "rows.csv"),
    "header of something else": text("a,b,c\n1,2,3\n", "rows.csv"),
    "binary": raw(bytes(range(256)) * 20),
}

SCENARIOS: dict[str, Make] = {
    "folder": folder_itself,
    "missing": missing,
    "empty": text(""),
    "yaml bomb": text(BOMB),
    "another thing": text("hello: world\n"),
    "a list": text("- 1\n"),
}


def check(arguments: list[str], capfd: pytest.CaptureFixture[str]) -> str:
    code = run(arguments)
    out, err = capfd.readouterr()
    assert code == 2, (code, out, err)
    assert out == ""
    assert "Traceback" not in err
    assert sum(line.startswith("tonnage: ") for line in err.splitlines()) == 1
    assert len(err.strip()) > len("tonnage: ")
    return err


@pytest.mark.parametrize("arguments", WORDS.values(), ids=WORDS.keys())
def test_wrong_words(arguments: list[str], capfd: pytest.CaptureFixture[str]) -> None:
    check(arguments, capfd)


@pytest.mark.parametrize("arguments", WORDS.values(), ids=WORDS.keys())
def test_wrong_words_with_json(arguments: list[str], capfd: pytest.CaptureFixture[str]) -> None:
    check([*arguments, "--json"], capfd)


@pytest.mark.parametrize("make", CHIP_FILES.values(), ids=CHIP_FILES.keys())
def test_bad_chip_file(make: Make, tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    file = str(make(tmp_path))
    message = check(["classify", "--chip-file", file, "--to", "CN"], capfd)
    assert str(tmp_path) in message


@pytest.mark.parametrize("make", TABLES.values(), ids=TABLES.keys())
def test_bad_table(make: Make, tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    check(["validate", str(make(tmp_path))], capfd)


@pytest.mark.parametrize("make", SCENARIOS.values(), ids=SCENARIOS.keys())
def test_bad_scenario(make: Make, tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    check(["plan", str(make(tmp_path))], capfd)


@pytest.mark.parametrize("make", SCENARIOS.values(), ids=SCENARIOS.keys())
def test_bad_model_file(make: Make, tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    check(["models", "show", str(make(tmp_path))], capfd)


def test_unreadable_file(tmp_path: Path) -> None:
    path = tmp_path / "locked.yaml"
    path.write_text(CHIP, encoding="utf-8")
    path.chmod(0)
    if os.access(path, os.R_OK):
        pytest.skip("this user may read everything")
    assert run(["classify", "--chip-file", str(path), "--to", "CN"]) == 2


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_has_help_with_an_example(
    name: str, capfd: pytest.CaptureFixture[str]
) -> None:
    assert run([name, "--help"]) == 0
    assert "tonnage " in capfd.readouterr().out


def test_a_process_of_its_own_says_the_same() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "tonnage", "classify", "H21", "--to", "CN", "--json"],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 2
    assert done.stdout == ""
    assert done.stderr.startswith("tonnage: ")
    assert "Traceback" not in done.stderr


def test_good_input_gives_one_json_document(capfd: pytest.CaptureFixture[str]) -> None:
    assert run(["chips", "list", "--json", "--as-of", "2024-01-07"]) == 0
    out, err = capfd.readouterr()
    assert json.loads(out)
    assert err == ""
