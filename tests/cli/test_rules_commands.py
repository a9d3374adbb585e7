"""`tonnage rules`: list, show, diff, sweep, and reform files."""

import json

import pytest

from tonnage.cli import run


def answer(capsys: pytest.CaptureFixture[str], *arguments: str) -> dict:
    assert run(["rules", *arguments, "--json"]) == 0
    out, err = capsys.readouterr()
    assert err == ""
    return json.loads(out)


def test_list_has_the_fields_that_stay(capsys):
    rules = answer(capsys, "list")["rules"]
    assert len(rules) >= 15
    for rule in rules:
        assert {"id", "effective_from", "enforcement", "citation", "parameters"} <= set(rule)
    by_id = {rule["id"]: rule for rule in rules}
    assert by_id["3A090.a"]["effective_from"] == "2023-11-17"
    assert by_id["744.11 affiliates"]["enforcement"] in {"stayed", "unknown"}
    assert by_id["proposed tests"]["enforcement"] == "not in force"


def test_list_as_of_knows_no_later_rule(capsys):
    early = {rule["id"] for rule in answer(capsys, "list", "--as-of", "2023-10-01")["rules"]}
    assert "3A090 (2022)" in early
    assert not early & {"3A090.a", "3A090.b", "3A090.c", "section 232 duty"}


@pytest.mark.parametrize(
    "name", ["3A090.a", "3a090.a.1.tpp", "groups.D5", "ai-diffusion", "gp10-ascend", "742.6 review"]
)
def test_show_takes_rules_parameters_regimes_and_overlays(capsys, name):
    shown = answer(capsys, "show", name)
    assert {"id", "effective_from", "enforcement", "citation", "parameters"} <= set(shown)
    assert shown["id"].casefold() == name.casefold()
    assert run(["rules", "show", name]) == 0
    assert name.casefold() in capsys.readouterr().out.casefold()


def test_show_gives_the_trail_of_a_value(capsys):
    (parameter,) = answer(capsys, "show", "3A090.2022.io_rate")["parameters"]
    first, end = parameter["values"]
    assert (first["value"], first["operator"], first["grade"]) == (600, ">=", "Q")
    assert first["effective_from"] == "2022-10-21"
    assert first["known_from"] == "2022-10-07"
    assert (end["value"], end["operator"], end["instrument"]) == (None, "ends", "88 FR 73458")
    assert "test 3A090 (2022)" in parameter["used_in"]


def test_show_tells_text_from_enforcement(capsys):
    shown = answer(capsys, "show", "742.6.licence.a_worldwide", "--on", "2025-06-01")
    assert shown["enforcement"] == "not enforced"
    assert shown["parameters"][0]["values"][0]["compliance_from"] == "2025-05-15"
    states = answer(capsys, "show", "affiliates")["states"]
    assert [state["state"] for state in states] == ["enforced", "stayed", "unknown"]


def test_an_end_has_no_unit(capsys):
    assert run(["rules", "show", "3A090.note1.transistors_no_hbm"]) == 0
    out = capsys.readouterr().out
    assert "< 35 billion transistors" in out
    assert "ends billion" not in out


def test_a_narrow_terminal_breaks_no_id_and_no_day(capsys):
    from io import StringIO

    from rich.console import Console
    from rich.table import Table

    from tonnage.report import rulebook as report
    from tonnage.report.classification import padding
    from tonnage.study.rulebook import rules_diff, rules_show

    asked = (
        (report.diff_parts(rules_diff("2023-11-16", "2023-11-17")), "744.23.review.trusted"),
        (report.shown_parts(rules_show("742.6.licence.a")), "2026-07-10"),
    )
    for parts, whole in asked:
        page = StringIO()
        console = Console(width=80, file=page)
        for part in parts:
            if isinstance(part, Table):
                part.padding = padding(console.width)
            console.print(part)
        assert whole in page.getvalue()


def test_diff_names_paragraphs_and_flips(capsys):
    found = answer(capsys, "diff", "2023-11-16", "2023-11-17", "--to", "CN")
    changed = {rule["id"] for rule in found["changes"]}
    assert {"3A090 (2022)", "3A090.a", "3A090.b", "3A090 Note 2", "742.6 licence"} <= changed
    classes = {f["chip"]: (f["from"], f["to"]) for f in found["flips"] if f["what"] == "class"}
    assert classes["nv-a800-sxm-80"] == ("none", "3A090.a")
    assert classes["nv-h100-sxm"] == ("3A090 (2022)", "3A090.a")
    assert classes["nv-l40"] == ("none", "3A090.b")
    assert "nv-h20-96" not in classes
    assert "notice-2023-10" in {overlay["id"] for overlay in found["ended"]}


def test_diff_of_the_notices_and_of_enforcement(capsys):
    april = answer(capsys, "diff", "2025-04-08", "2025-04-09")
    assert ("nv-h20-96", "licence_by_notice") in {(f["chip"], f["what"]) for f in april["flips"]}
    assert "notice-2025-04-nvidia" in {overlay["id"] for overlay in april["begun"]}
    may = answer(capsys, "diff", "2025-05-12", "2025-05-13", "--to", "DE")
    (licence,) = [rule for rule in may["changes"] if rule["id"] == "742.6 licence"]
    after = {p["id"]: p["enforcement_after"] for p in licence["parameters"]}
    assert after["742.6.licence.a_worldwide"] == "not enforced"


def test_diff_depends_on_destination_and_parent(capsys):
    day = ("diff", "2023-01-16", "2023-01-17")
    assert answer(capsys, *day, "--to", "CN")["flips"] == []
    assert answer(capsys, *day, "--to", "MO")["flips"] != []
    late = ("diff", "2023-11-16", "2023-11-17", "--to", "SG")
    alone = [f for f in answer(capsys, *late)["flips"] if f["what"] == "licence_required"]
    owned = answer(capsys, *late, "--headquarters", "CN")["flips"]
    assert alone == []
    assert any(f["what"] == "licence_required" and f["to"] == "required" for f in owned)


def test_diff_with_nothing_between(capsys):
    found = answer(capsys, "diff", "2024-06-01", "2024-06-02")
    assert (found["changes"], found["flips"]) == ([], [])
    assert run(["rules", "diff", "2024-06-01", "2024-06-02"]) == 0
    assert "no parameter of the law differs" in capsys.readouterr().out


SWEEPS = [
    ("3A090.a.1.tpp", 4800, 4700, {"nv-rtx4090d": 4707.2, "nv-rtx5090d": 4750}),
    ("3A090.b.1.tpp_min", 2400, 2300, {"nv-h20-96": 2368}),
    ("3A090.b.2.pd_min", 3.2, 3.1, {"nv-l20": 1912 / 609, "nv-a10": 2000 / 628}),
]


@pytest.mark.parametrize(("parameter", "start", "stop", "expected"), SWEEPS)
def test_sweep_gives_the_exact_values_at_which_chips_flip(capsys, parameter, start, stop, expected):
    found = answer(
        capsys, "sweep", parameter, "--from", str(start), "--to", str(stop), "--on", "2026-06-01"
    )
    at = {
        flip["chip"]: step["value"]
        for step in found["steps"]
        for flip in step["flips"]
        if flip["what"] == "class"
    }
    assert {chip: at[chip] for chip in expected} == pytest.approx(expected)
    values = [step["value"] for step in found["steps"]]
    assert values == sorted(values, reverse=True)


def test_sweep_upwards_flips_past_the_value(capsys):
    found = answer(
        capsys, "sweep", "3A090.b.1.tpp_min", "--from", "2300", "--to", "2400", "--on", "2026-06-01"
    )
    flips = {(s["value"], s["beyond"]) for s in found["steps"]}
    assert flips == {(2368, True)}, "at 2368 an H20 still meets >=, past it no longer"


def test_sweep_of_one_limb_moves_nothing_that_another_holds(capsys):
    found = answer(
        capsys, "sweep", "3A090.a.1.tpp", "--from", "4800", "--to", "5100", "--on", "2026-06-01"
    )
    chips = {f["chip"] for step in found["steps"] for f in step["flips"]}
    assert "nv-a100-sxm-80" not in chips, "a.2 holds the A100, whatever becomes of a.1"


def test_sweep_of_the_lane_drops_two_chips(capsys):
    found = answer(
        capsys, "sweep", "742.6.lane.tpp", "--from", "21000", "--to", "20900", "--on", "2026-06-01"
    )
    assert {f["chip"] for s in found["steps"] for f in s["flips"]} == {"amd-mi300x", "amd-mi325x"}


def test_sweep_moves_what_states_the_same_number(capsys):
    asked = ("sweep", "3A090.a.1.tpp", "--from", "4800", "--to", "4700", "--on", "2026-06-01")
    together, alone = answer(capsys, *asked), answer(capsys, *asked, "--alone")
    assert together["moved"] == ["3A090.a.1.tpp", "3A090.b.1.tpp_max", "3A090.note2.tpp"]
    assert alone["moved"] == ["3A090.a.1.tpp"]
    chips = {f["chip"] for step in alone["steps"] for f in step["flips"]}
    assert "nv-rtx4090d" not in chips, "Note 2 still leaves it out"


GOOD = """
reform: A lower line
reference: {title: A proposal, url: "https://example.org/p"}
from: 2026-03-01
set:
  3A090.b.1.tpp_min: {value: 2300}
"""


@pytest.fixture
def reform(tmp_path):
    def write(text: str) -> str:
        file = tmp_path / "reform.yaml"
        file.write_text(text, encoding="utf-8")
        return str(file)

    return write


def test_a_reform_flips_chips_in_a_diff(capsys, reform):
    found = answer(capsys, "diff", "2026-02-01", "2026-03-01", "--reform", reform(GOOD))
    (change,) = [rule for rule in found["changes"] if rule["id"] == "3A090.b"]
    assert change["parameters"][0]["after"]["enforcement"] == "proposed"
    assert change["parameters"][0]["after"]["instrument"] == "A proposal"
    classes = {f["chip"]: f["to"] for f in found["flips"] if f["what"] == "class"}
    assert classes == {"nv-h20-96": "3A090.b", "nv-h20-141": "3A090.b"}


def test_a_reform_does_not_reach_back(capsys, reform):
    file = reform(GOOD)
    assert (
        run(["classify", "H20", "--to", "CN", "--on", "2026-02-28", "--reform", file, "--json"])
        == 0
    )
    assert json.loads(capsys.readouterr().out)["chips"][0]["class"]["id"] == "none"


def test_a_reform_under_a_sweep(capsys, reform):
    asked = ("sweep", "3A090.b.1.tpp_min", "--from", "2300", "--to", "2400", "--on", "2026-04-01")
    found = answer(capsys, *asked, "--reform", reform(GOOD))
    assert found["in_force"] == 2300
    assert answer(capsys, *asked)["reform"] == ""


@pytest.mark.parametrize(
    "asked",
    [
        ("diff", "2026-02-01", "2026-03-01"),
        ("sweep", "3A090.b.1.tpp_min", "--from", "2300", "--to", "2400", "--on", "2026-04-01"),
    ],
)
def test_an_answer_under_a_reform_names_it(capsys, reform, asked):
    assert answer(capsys, *asked, "--reform", reform(GOOD))["reform"] == "A lower line"
    assert run(["rules", *asked, "--reform", reform(GOOD)]) == 0
    out = capsys.readouterr().out
    assert "with reform: A lower line" in out
    assert "In force" not in out


BAD_REFORM = """
reform: ""
reference: {title: x}
from: soon
bonus: 1
set:
  3A090.a.9: {value: 1}
  3A090.a.1.tpp: {value: -4, operator: "~"}
  3A090.a.2.tpp: {value: many, colour: red}
  742.6.licence.b: {value: {groups: [D9], countries: [XX]}}
  3A090.b.2.tpp: 5
"""


def test_every_fault_of_a_reform_is_told_with_its_line(capsys, reform):
    code = run(["classify", "H20", "--to", "CN", "--reform", reform(BAD_REFORM)])
    err = capsys.readouterr().err
    assert code == 2
    for part in (
        "reform", "reference.url", "from = 'soon'", "bonus", "3A090.a.9", "operator", "'many'",
        "colour", "D9", "XX", "3A090.b.2.tpp",
    ):  # fmt: skip
        assert part in err, part
    assert all("reform.yaml:" in line for line in err.strip().splitlines())


BAD = [
    (["show", "3A090.q"], "nearest"),
    (["diff", "2023-11-16"], "Missing argument"),
    (["diff", "2023-11-16", "never"], "YYYY-MM-DD"),
    (["diff", "2023-11-16", "2023-11-17", "--to", "Nowhere"], "no such country"),
    (["sweep", "3A090.a.9", "--from", "1", "--to", "2"], "nearest"),
    (["sweep", "groups.D5", "--from", "1", "--to", "2"], "no threshold"),
    (["sweep", "3A090.a.1.tpp", "--from", "nan", "--to", "2"], "positive number"),
    (["sweep", "3A090.a.1.tpp", "--from", "1", "--to", "-2"], "positive number"),
    (["sweep", "3A090.a.1.tpp", "--from", "1", "--to", "inf"], "positive number"),
    (["sweep", "3A090.a.1.tpp", "--from", "2", "--to", "2"], "other than the start"),
    (["sweep", "3A090.a.1.tpp", "--from", "x", "--to", "2"], "not a valid float"),
    (["sweep", "3A090.2022.io_rate", "--from", "1", "--to", "2"], "in force"),
    (["repeal"], "No such command"),
]


@pytest.mark.parametrize(("arguments", "says"), BAD, ids=lambda x: str(x)[:40])
def test_bad_input_gives_one_message(capsys, arguments, says):
    assert run(["rules", *arguments]) == 2
    out, err = capsys.readouterr()
    assert (out, len(err.splitlines())) == ("", 1)
    assert says in err


@pytest.mark.parametrize("name", ["list", "show", "diff", "sweep"])
def test_help_has_an_example(capsys, name):
    assert run(["rules", name, "--help"]) == 0
    assert "Example: tonnage rules" in " ".join(capsys.readouterr().out.split())


def test_list_tells_what_is_known_to_change_later(capsys):
    ahead = answer(capsys, "list", "--as-of", "2026-11-22")["ahead"]
    days = [entry["effective_from"] for entry in ahead]
    assert "2027-01-01" in days
    assert days == sorted(days)
    assert min(days) > "2026-11-22"


def test_a_reform_may_set_what_the_law_did_not_have_yet(capsys, reform):
    text = GOOD.replace("3A090.b.1.tpp_min: {value: 2300}", "742.6.lane.tpp: {value: 20000}")
    text = text.replace("2026-03-01", "2024-06-01")
    asked = ["classify", "H200", "--to", "CN", "--as-of", "2024-05-01", "--on", "2024-07-01"]
    assert run([*asked, "--reform", reform(text), "--json"]) == 0
    chip = json.loads(capsys.readouterr().out)["chips"][0]
    assert chip["class"]["id"] in {"3A090.a", "unknown"}
    assert chip["review_policy"] == "presumption of denial"
