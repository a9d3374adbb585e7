"""`tonnage plan` from outside: fields of the JSON, files, exit codes, words."""

from __future__ import annotations

import csv
import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import jsonschema
import pytest

from tonnage.cli import run

HERE = Path(__file__).parent
BASE = (HERE / "small-scenario.yaml").read_text(encoding="utf-8")


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for name in ("tighter.yaml", "small-scenario.yaml"):
        (tmp_path / name).write_text((HERE / name).read_text(encoding="utf-8"), encoding="utf-8")
    return tmp_path


def asked(capsys, *arguments: str, text: str = BASE, code: int = 0) -> str:
    Path("s.yaml").write_text(text, encoding="utf-8")
    assert run(["plan", "s.yaml", *arguments]) == code
    return capsys.readouterr().out


def document(capsys, *arguments: str, text: str = BASE) -> dict:
    return json.loads(asked(capsys, "--json", *arguments, text=text))


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    """The small scenario's answer, made once, in a process of its own."""
    done = subprocess.run(
        [sys.executable, "-m", "tonnage", "plan", str(HERE / "small-scenario.yaml"), "--json"],
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    return json.loads(done.stdout), done.stderr


def test_the_fields_that_stay_are_there(whole):
    answer, progress = whole
    for name in ("status", "objective", "gap", "periods", "futures", "first_moves", "binding",
                 "alternatives", "law"):  # fmt: skip
        assert name in answer
    assert answer["status"] == "optimal"
    assert 0.0 <= answer["gap"] <= 0.001
    assert answer["periods"] == [f"2024-Q{q}" for q in (1, 2, 3, 4)] + ["2025-Q1", "2025-Q2"]
    for future in answer["futures"]:
        assert {"name", "probability", "actions", "served", "cost", "regret"} <= set(future)
        assert set(future["served"]) == {"chat", "run"}
        assert future["regret"] >= 0.0
    for row in answer["law"]:
        assert {"chip", "period", "class", "licence_required"} <= set(row)
    for row in answer["binding"]:
        assert {"constraint", "period", "shadow_price", "says"} <= set(row)
        assert row["period"] in answer["periods"]
    assert "s.yaml" not in progress
    assert "small" in progress


def test_costs_of_the_futures_add_up_to_the_objective(whole):
    futures = whole[0]["futures"]
    assert sum(f["probability"] for f in futures) == pytest.approx(1.0)
    expected = sum(f["probability"] * f["cost"] for f in futures)
    assert expected == pytest.approx(whole[0]["objective"], rel=1e-4)


def test_first_moves_are_in_every_future(whole):
    answer = whole[0]
    for move in answer["first_moves"]:
        assert all(move in future["actions"] for future in answer["futures"])


def test_the_law_is_that_of_each_branch(whole):
    rows = {(r["chip"], r["period"], r["branch"]): r for r in whole[0]["law"]}
    h20 = [rows["nv-h20-96", "2024-Q4", b] for b in ("stay", "tighten")]
    assert [r["licence_required"] for r in h20] == [False, True]
    assert [r["may_order"] for r in h20] == [1.0, 0.0]
    assert rows["nv-a100-sxm-80", "2024-Q1", None]["class"] == "3A090.a"
    ascend = rows["hw-910b3", "2024-Q1", None]
    assert ascend["domestic"] is True
    assert ascend["may_order"] == 1.0


def test_nothing_is_ordered_where_the_law_asks_for_a_licence(whole):
    closed = {(r["chip"], r["period"], r["branch"]) for r in whole[0]["law"] if not r["may_order"]}
    for future in whole[0]["futures"]:
        for move in future["actions"]:
            if move["do"] == "buy":
                assert (move["item"], move["period"], future["name"]) not in closed
                assert (move["item"], move["period"], None) not in closed


def test_every_number_has_a_reason(whole):
    assert len(whole[0]["numbers"]) > 20
    assert all(row["reason"] for row in whole[0]["numbers"])
    speeds = [row["tokens_per_s_per_chip"] for row in whole[0]["rates"]]
    for speed in filter(None, speeds):
        assert 0 < speed["p10"] < speed["p50"] < speed["p90"]


def test_people_get_law_moves_limits_and_the_bottom_line(capsys):
    text = asked(capsys)
    parts = ["What the law says", "Tokens a second and chip", "In every future", "If stay"]
    parts += ["If tighten", "What it rests on", "First moves", "of the best"]
    for part in parts:
        assert part in text
    assert "H20 96GB SXM" in text


def test_what_binds_is_told_in_words_and_dollars(capsys):
    scarce = BASE.replace("value: 64, unit: chips/quarter", "value: 8, unit: chips/quarter")
    scarce = scarce.replace("value: 128, unit: chips", "value: 8, unit: chips")
    answer = document(capsys, text=scarce)
    told = {row["constraint"]: row for row in answer["binding"]}
    supply = told["supply H20 96GB SXM"]
    assert supply["shadow_price"] > 0
    assert supply["period"] in supply["by_period"]
    assert "H20 96GB SXM" in supply["says"]
    text = asked(capsys, text=scarce)
    assert "What binds, and what one more unit of it is worth" in text


def test_the_same_question_has_the_same_answer(capsys, whole):
    again = document(capsys)
    for name in ("objective", "futures", "first_moves", "alternatives"):
        assert again[name] == whole[0][name]


def test_out_writes_whole_files(capsys):
    asked(capsys, "--out", "plan")
    names = {"plan.json", "plan.txt", "actions.csv", "served.csv", "law.csv", "rates.csv",
             "numbers.csv"}  # fmt: skip
    assert {path.name for path in Path("plan").iterdir()} == names
    answer = json.loads(Path("plan/plan.json").read_text(encoding="utf-8"))
    with Path("plan/actions.csv").open(encoding="utf-8", newline="") as stream:
        rows = list(csv.DictReader(stream))
    assert len(rows) == sum(len(f["actions"]) for f in answer["futures"])
    text = Path("plan/plan.txt").read_text(encoding="utf-8")
    assert "buyer.power = 2 MW: assumed, one hall" in text
    asked(capsys, "--out", "plan")  # over what is there


def test_schema_is_json_schema_and_holds_the_example(capsys):
    assert run(["plan", "--schema"]) == 0
    schema = json.loads(capsys.readouterr().out)
    jsonschema.Draft202012Validator.check_schema(schema)
    assert "workloads" in schema["required"]


def test_python_gives_the_same_plan(whole):
    import tonnage

    answer = tonnage.plan("small-scenario.yaml")
    assert answer.objective == pytest.approx(whole[0]["objective"])
    assert [f.name for f in answer.futures] == ["stay", "tighten"]


NARROW = BASE.replace(
    "      price: {value: 2, unit: USD/Mtoken, assumption: revenue}",
    "      price: {value: 2, unit: USD/Mtoken, assumption: revenue}\n"
    "      limit: {value: 0, assumption: nothing may go unserved}",
).replace("value: 200, unit: ktokens/s", "value: 9, unit: Mtokens/s")


def test_an_impossible_scenario_is_answered_in_words(capsys):
    Path("s.yaml").write_text(NARROW, encoding="utf-8")
    assert run(["plan", "s.yaml", "--json"]) == 1
    captured = capsys.readouterr()
    assert json.loads(captured.out)["answer"] == "no"
    assert "chat" in captured.err
    for jargon in ("kInfeasible", "HiGHS", "Traceback", "status"):
        assert jargon not in captured.err


def test_less_risk_costs_more_on_average(capsys, whole):
    tail = document(capsys, "--risk", "cvar", "--risk-weight", "1", "--risk-level", "0.6")
    spread = {f["name"]: f["cost"] for f in tail["futures"]}
    plain = {f["name"]: f["cost"] for f in whole[0]["futures"]}
    assert max(spread.values()) <= max(plain.values()) * 1.006
    regret = document(capsys, "--risk", "regret")
    assert regret["objective_is"].startswith("worst regret")
    assert "worst regret, within" in asked(capsys, "--risk", "regret")
    worst = max(f["regret"] for f in regret["futures"])
    assert worst <= max(f["regret"] for f in whole[0]["futures"]) * 1.01 + 1.0


HAPPENED = """happened:
  - {kind: supply, chips: [H20], day: 2024-04-02, factor: {value: 0.5, source: later}}
"""


def test_replay_takes_what_was_known_by_then(capsys):
    text = BASE.replace("sources:\n", "sources:\n  later: {title: Later news, known: 2024-09-01}\n")
    before = document(capsys, "--replay-to", "2024-08-01", text=text + HAPPENED)["replay"]
    after = document(capsys, "--replay-to", "2024-10-01", text=text + HAPPENED)["replay"]
    assert any("0 facts" in line for line in before["says"])
    assert any("1 facts" in line for line in after["says"])
    for replay in (before, after):
        assert replay["cost"] >= replay["hindsight"] * 0.998
        assert all(move["period"].startswith("202") for move in replay["actions"])


def test_a_plan_lists_nothing_that_was_known_later(capsys):
    text = BASE.replace("sources:\n", "sources:\n  later: {title: Later news, known: 2024-09-01}\n")
    plain = document(capsys, text=text + HAPPENED)
    assert all((row["known"] or "") <= plain["as_of"] for row in plain["numbers"])
    replayed = document(capsys, "--replay-to", "2024-10-01", text=text + HAPPENED)
    assert "2024-09-01" in {row["known"] for row in replayed["numbers"]}


def test_replay_before_the_plan_is_refused(capsys):
    Path("s.yaml").write_text(BASE, encoding="utf-8")
    assert run(["plan", "s.yaml", "--replay-to", "2023-12-01"]) == 2
    told = capsys.readouterr().err
    assert "after the scenario's as_of" in told
    assert "futures" not in told, "refused before the work, not after it"


def test_a_licence_assumption_opens_a_closed_chip(capsys):
    text = BASE.replace(
        "  - chip: H20\n    stack: cuda\n",
        "  - chip: H20\n    stack: cuda\n    licence: {value: 0.25, assumption: a quarter}\n",
    )
    law = {
        (r["chip"], r["period"], r["branch"]): r["may_order"]
        for r in document(capsys, text=text)["law"]
    }
    assert law["nv-h20-96", "2024-Q4", "tighten"] == 0.25
    assert law["nv-h20-96", "2024-Q4", "stay"] == 1.0


def test_help_shows_an_example(capsys):
    assert run(["plan", "--help"]) == 0
    assert "tonnage plan examples/china-cloud-2024.yaml" in capsys.readouterr().out


@pytest.mark.skipif(os.name == "nt", reason="signals of POSIX")
def test_an_interrupt_leaves_no_half_written_file(tmp_path):
    command = [sys.executable, "-m", "tonnage", "plan", "small-scenario.yaml", "--out", "out"]
    process = subprocess.Popen(
        command, cwd=tmp_path, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    assert process.stderr is not None
    first = process.stderr.readline()  # the scenario is read; the solver starts
    process.send_signal(signal.SIGINT)
    _, words = process.communicate(timeout=60)
    assert first.startswith("small: ")
    assert process.returncode in (0, 130)  # 0: it was done before the signal came
    assert "Traceback" not in words
    if (tmp_path / "out").exists():
        json.loads((tmp_path / "out" / "plan.json").read_text(encoding="utf-8"))
        assert not list((tmp_path / "out").glob(".*"))


def test_an_interrupt_while_solving_keeps_the_best_plan(monkeypatch, capsys):
    from dataclasses import replace

    from tonnage import planning

    solved = planning.solve

    def interrupted(*given, **named):
        return replace(solved(*given, **named), status="interrupted")

    monkeypatch.setattr("tonnage.study.plan.planning.solve", interrupted, raising=False)
    Path("s.yaml").write_text(BASE, encoding="utf-8")
    assert run(["plan", "s.yaml", "--json", "--out", "kept"]) == 130
    captured = capsys.readouterr()
    assert json.loads(captured.out)["status"] == "interrupted"
    assert "kept the best plan found, within" in captured.err
    assert json.loads(Path("kept/plan.json").read_text(encoding="utf-8"))["futures"]
