"""Bad scenario files: each gives one message that names line, field and mend, and exit code 2."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from tonnage.cli import run

BASE = (Path(__file__).parent / "small-scenario.yaml").read_text(encoding="utf-8")


def replaced(old: str, new: str) -> str:
    assert BASE.count(old) == 1, old
    return BASE.replace(old, new)


WHOLE = {
    "unknown chip": (
        replaced("- chip: H20\n", "- chip: H2O\n"),
        ["options[1].chip = 'H2O'", "no chip of this name"],
    ),
    "ambiguous chip": (
        replaced("- chip: Ascend 910B3\n", "- chip: Ascend 910B\n"),
        ["options[2].chip", "several chips answer to it"],
    ),
    "unknown model": (
        replaced("model: llama-2-7b # served", "model: llama-2-8b"),
        ["workloads[0].model = 'llama-2-8b'"],
    ),
    "day that does not exist": (
        replaced("as_of: 2024-01-07", "as_of: 2024-02-30"),
        ["as_of", "2024-02-30"],
    ),
    "day written another way": (
        replaced("as_of: 2024-01-07", "as_of: 7 January 2024"),
        ["as_of = '7 January 2024'", "YYYY-MM-DD"],
    ),
    "negative power": (
        replaced(
            "{value: 2, unit: MW, assumption: one hall}",
            "{value: -2, unit: MW, assumption: one hall}",
        ),
        ["buyer.power", "at least 0"],
    ),
    "not a number": (
        replaced(
            "{value: 2, unit: MW, assumption: one hall}",
            "{value: .nan, unit: MW, assumption: one hall}",
        ),
        ["buyer.power", "not a finite number"],
    ),
    "infinite": (
        replaced(
            "{value: 2, unit: MW, assumption: one hall}",
            "{value: .inf, unit: MW, assumption: one hall}",
        ),
        ["buyer.power", "not a finite number"],
    ),
    "number without a source": (
        replaced("{value: 2, unit: MW, assumption: one hall}", "{value: 2, unit: MW}"),
        ["buyer.power", "`source` or `assumption`"],
    ),
    "bare number": (
        replaced("{value: 2, unit: MW, assumption: one hall}", "2"),
        ["buyer.power = 2", "names its source or says it is assumed"],
    ),
    "wrong unit": (
        replaced(
            "{value: 2, unit: MW, assumption: one hall}",
            "{value: 2, unit: MWh, assumption: one hall}",
        ),
        ["buyer.power", "unit 'MWh'", "W, kW, MW, GW"],
    ),
    "number as text": (
        replaced(
            "{value: 2, unit: MW, assumption: one hall}",
            "{value: two, unit: MW, assumption: one hall}",
        ),
        ["buyer.power.value = 'two'", "must be a number"],
    ),
    "unknown source": (
        replaced("source: quote}", "source: quotation}"),
        ["options[1].buy.price.source = 'quotation'", "no such id under `sources`"],
    ),
    "source from the future": (
        replaced("known: 2023-12-01", "known: 2024-02-01"),
        ["options[1].buy.price", "after as_of 2024-01-07"],
    ),
    "currency without a rate": (
        replaced(
            "  CNY: {value: 7.1, assumption: central rate}",
            "  EUR: {value: 0.9, assumption: central rate}",
        ),
        ["no rate for CNY"],
    ),
    "probabilities": (
        replaced(
            "probability: {value: 0.6, assumption: likely}",
            "probability: {value: 0.7, assumption: likely}",
        ),
        ["branches[0].probability", "add up to a probability of 1.1, not 1"],
    ),
    "probability above one": (
        replaced(
            "probability: {value: 0.6, assumption: likely}",
            "probability: {value: 60, assumption: likely}",
        ),
        ["branches[0].probability", "share is from 0 to 1"],
    ),
    "circle of branches": (
        replaced("  - name: stay\n", "  - name: stay\n    after: tighten\n").replace(
            "  - name: tighten\n", "  - name: tighten\n    after: stay\n"
        ),
        ["branches[0].after", "in a circle"],
    ),
    "branch after one that is not there": (
        replaced("  - name: stay\n", "  - name: stay\n    after: ease\n"),
        ["branches[0].after = 'ease'", "no such branch"],
    ),
    "siblings on different days": (
        replaced("    day: 2024-07-02 # second", "    day: 2024-08-02"),
        ["branches[1].day", "siblings share the day"],
    ),
    "branch in the past": (
        replaced("    day: 2024-07-02 # second", "    day: 2023-07-02"),
        ["branches[1].day", "not after as_of"],
    ),
    "branch beyond the horizon": (
        replaced("    day: 2024-07-02 # second", "    day: 2031-07-02"),
        ["branches[1].day", "after the last period"],
    ),
    "deadline before start": (
        replaced("deadline: 2024-12-31", "deadline: 2024-02-01"),
        ["workloads[1].deadline", "not after its start"],
    ),
    "run outside the horizon": (
        replaced("start: 2024-04-01", "start: 2029-04-01").replace(
            "deadline: 2024-12-31", "deadline: 2029-12-31"
        ),
        ["workloads[1].deadline", "run outside"],
    ),
    "fleet bought in the future": (
        replaced("bought: 2022-06-01", "bought: 2024-06-01"),
        ["fleet[0].bought", "after as_of"],
    ),
    "fleet without an option": (
        replaced("  - chip: A100 SXM4 80GB\n    stack: cuda\n", ""),
        ["fleet[0].chip", "no such chip of the options"],
    ),
    "port to an unknown stack": (
        replaced("    - stack: cann\n      workloads", "    - stack: rocm\n      workloads"),
        ["software.ports[0].stack = 'rocm'", "no such stack"],
    ),
    "port of an unknown workload": (
        replaced("workloads: [chat]", "workloads: [chatter]"),
        ["software.ports[0].workloads[0] = 'chatter'", "no such workload"],
    ),
    "name written twice": (
        replaced("  - name: run\n", "  - name: chat\n"),
        ["written twice"],
    ),
    "chip written twice": (
        replaced("  - chip: H20\n", "  - chip: nv-a100-sxm-80\n"),
        ["options[1].chip", "another name of A100 SXM4 80GB"],
    ),
    "key written twice": (
        replaced("as_of: 2024-01-07", "as_of: 2024-01-07\nas_of: 2024-01-08"),
        ["as_of", "written twice"],
    ),
    "unknown field": (
        replaced("lead_time:", "leadtime:"),
        ["options[1].buy.leadtime", "did you mean `lead_time`?"],
    ),
    "field missing": (
        replaced("  country: CN\n", ""),
        ["buyer.country", "required"],
    ),
    "empty list": (
        replaced("ready: [cuda]", "ready: []"),
        ["software.ready", "at least one entry"],
    ),
    "list for a mapping": (
        replaced("horizon: {start: 2024-01-01, step: quarter, periods: 6}", "horizon: [2024, 6]"),
        ["horizon", "must be a mapping"],
    ),
    "no periods": (
        replaced("periods: 6", "periods: 0"),
        ["horizon.periods = 0"],
    ),
    "unknown kind of work": (
        replaced("kind: train", "kind: finetune"),
        ["workloads[1]", "must be one of 'train', 'serve'"],
    ),
    "unknown change": (
        replaced("kind: rules", "kind: rumour"),
        ["branches[1].changes[0]", "must be one of"],
    ),
    "reform file not there": (
        replaced("reform: tighter.yaml", "reform: nowhere.yaml"),
        ["branches[1].changes[0].reform = 'nowhere.yaml'", "no such file"],
    ),
    "country that is none": (
        replaced("  country: CN", "  country: China"),
        ["buyer.country = 'China'"],
    ),
    "anchors": (
        replaced("  country: CN", "  country: &c CN"),
        ["anchors and aliases are not read"],
    ),
    "tags": (
        replaced("title: A small buyer", "title: !!python/object:os.system x"),
        ["title", "not a plain value"],
    ),
    "bomb": ("a: " + "[" * 60 + "]" * 60, ["nested deeper than"]),
    "not YAML": ("a: [1, 2\nb: }", ["yaml"]),
    "empty": ("", ["empty"]),
    "only text": ("hello", ["a scenario is a mapping of fields"]),
    "not a scenario": ("kind: train\nmodel: gpt3-175b\n", ["the first line of a scenario"]),
    "another version": (
        replaced("tonnage-scenario/1", "tonnage-scenario/9"),
        ["tonnage = 'tonnage-scenario/9'", "this release reads `tonnage-scenario/1`"],
    ),
    "control characters": ("a: \x07\n", ["characters YAML does not allow"]),
}


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "tighter.yaml").write_text(
        (Path(__file__).parent / "tighter.yaml").read_text(encoding="utf-8"), encoding="utf-8"
    )
    return tmp_path


def said(capsys, arguments: list[str]) -> str:
    assert run(arguments) == 2
    captured = capsys.readouterr()
    assert captured.out == ""
    assert "Traceback" not in captured.err
    assert captured.err.startswith("tonnage: ")
    return captured.err


@pytest.mark.parametrize("kind", WHOLE)
def test_bad_file(kind, folder, capsys):
    text, parts = WHOLE[kind]
    (folder / "s.yaml").write_text(text, encoding="utf-8")
    message = said(capsys, ["plan", "s.yaml"])
    assert "s.yaml" in message
    for part in parts:
        assert part in message
    # A single thing is wrong, so a single line says so.
    assert len(message.splitlines()) <= 2


def test_every_fault_is_told_at_once_in_the_order_of_the_file(folder, capsys):
    text = BASE.replace("- chip: H20\n", "- chip: H2O\n").replace("  country: CN\n", "")
    text = text.replace("periods: 6", "periods: six").replace("{value: 0.6,", "{value: 0.7,")
    (folder / "s.yaml").write_text(text, encoding="utf-8")
    lines = said(capsys, ["plan", "s.yaml"]).splitlines()
    fields = ["horizon.periods", "buyer.country", "options[1].chip", "branches[0].probability"]
    assert [next(f for f in fields if f in line) for line in lines] == fields
    numbers = [int(line.split("s.yaml:")[1].split(":")[0]) for line in lines]
    assert numbers == sorted(numbers)


def test_the_line_is_that_of_the_field(folder, capsys):
    (folder / "s.yaml").write_text(WHOLE["wrong unit"][0], encoding="utf-8")
    line = 1 + WHOLE["wrong unit"][0].splitlines().index(
        next(x for x in WHOLE["wrong unit"][0].splitlines() if "MWh" in x)
    )
    assert f"s.yaml:{line}: buyer.power" in said(capsys, ["plan", "s.yaml"])


def test_missing_file(folder, capsys):
    assert "no such file" in said(capsys, ["plan", "nowhere.yaml"])


def test_folder_for_a_file(folder, capsys):
    (folder / "s.yaml").mkdir()
    assert "this is a folder" in said(capsys, ["plan", "s.yaml"])


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_unreadable_file(folder, capsys):
    (folder / "s.yaml").write_text(BASE, encoding="utf-8")
    (folder / "s.yaml").chmod(0)
    assert "cannot be read" in said(capsys, ["plan", "s.yaml"])


def test_a_name_that_is_no_path(folder, capsys):
    assert "no such file" in said(capsys, ["plan", "s\0.yaml"])
    assert "cannot be read" in said(capsys, ["plan", "s" * 5000])


def test_huge_file(folder, capsys):
    (folder / "s.yaml").write_text("# x\n" * (2 * 2**20), encoding="utf-8")
    assert "the most read here is" in said(capsys, ["plan", "s.yaml"])


def test_binary_file(folder, capsys):
    (folder / "s.yaml").write_bytes(bytes(range(256)))
    assert "not UTF-8" in said(capsys, ["plan", "s.yaml"])


def test_no_file_named(capsys):
    assert "name a scenario file" in said(capsys, ["plan"])


def test_as_of_before_the_sources(folder, capsys):
    (folder / "s.yaml").write_text(BASE, encoding="utf-8")
    message = said(capsys, ["plan", "s.yaml", "--as-of", "2023-11-15"])
    assert "became known on 2023-12-01, after as_of 2023-11-15" in message


@pytest.mark.parametrize(
    ("option", "value"),
    [
        ("--as-of", "yesterday"),
        ("--gap", "-1"),
        ("--gap", "two"),
        ("--gap", "nan"),
        ("--time-limit", "0"),
        ("--time-limit", "nan"),
        ("--risk", "none"),
        ("--risk-level", "1"),
        ("--alternatives", "99"),
    ],
)
def test_bad_option(option, value, folder, capsys):
    (folder / "s.yaml").write_text(BASE, encoding="utf-8")
    message = said(capsys, ["plan", "s.yaml", option, value])
    assert option.lstrip("-") in message


def test_out_that_is_a_file(folder, capsys):
    (folder / "s.yaml").write_text(BASE, encoding="utf-8")
    (folder / "out").write_text("", encoding="utf-8")
    assert "this is a file" in said(capsys, ["plan", "s.yaml", "--out", "out"])


def test_out_below_nothing(folder, capsys):
    (folder / "s.yaml").write_text(BASE, encoding="utf-8")
    assert "does not exist" in said(capsys, ["plan", "s.yaml", "--out", "a/b/c"])
