"""`tonnage classify` as its users meet it: the JSON that stays, the four dates, bad input."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from tonnage.cli import run

CHIPS = ["H20", "A100-80GB", "A800", "H100", "RTX 4090 D", "L20", "L2", "MI308X", "昇腾910B"]
IDS = ["nv-h20-96", "nv-a100-sxm-80", "nv-a800-sxm-80", "nv-h100-sxm", "nv-rtx4090d", "nv-l20",
       "nv-l2", "amd-mi308x", "hw-910b1", "hw-910b2", "hw-910b3", "hw-910b4"]  # fmt: skip
CHIP_FILE = str(Path(__file__).parents[2] / "examples" / "chip-file.yaml")
A, B, OLD, NO, UNKNOWN = "3A090.a", "3A090.b", "3A090 (2022)", "none", "unknown"
EXPECTED = {
    "2022-12-01": [NO, OLD, NO, OLD, NO, NO, NO, UNKNOWN, NO, NO, NO, NO],
    "2023-12-01": [NO, A, A, A, NO, NO, NO, UNKNOWN, A, A, A, A],
    "2025-05-01": [NO, A, A, A, NO, NO, NO, UNKNOWN, A, A, A, A],
    "2026-02-01": [NO, A, A, A, NO, NO, NO, UNKNOWN, A, A, A, A],
}


def answer(capsys: pytest.CaptureFixture[str], *arguments: str, code: int = 0) -> dict:
    assert run(["classify", *arguments, "--json"]) == code
    out, err = capsys.readouterr()
    assert err == ""
    return json.loads(out)


def by_chip(document: dict) -> dict[str, dict]:
    return {chip["chip"]: chip for chip in document["chips"]}


@pytest.mark.parametrize("day", EXPECTED)
def test_nine_chips_to_china_on_four_dates(capsys, day):
    found = by_chip(answer(capsys, *CHIPS, "--to", "CN", "--on", day))
    assert set(IDS) <= set(found)
    for chip, class_id in zip(IDS, EXPECTED[day], strict=True):
        assert found[chip]["class"]["id"] == class_id, chip
        expected = {A: True, B: True, OLD: True, NO: False, UNKNOWN: None}[class_id]
        assert found[chip]["licence_required"] is expected, chip


def test_paragraphs_and_margins_after_october_2023(capsys):
    found = by_chip(answer(capsys, *CHIPS, "--to", "CN", "--on", "2023-12-01"))
    margins = {
        (chip, test["parameter"]): test["margin"]
        for chip, verdict in found.items()
        for test in verdict["tests"]
    }
    assert margins["nv-h20-96", "3A090.b.1.tpp_min"] == pytest.approx(-1.3, abs=0.05)
    assert margins["nv-l20", "3A090.b.2.pd_min"] == pytest.approx(-1.8, abs=0.15)
    assert margins["nv-l2", "3A090.a.2.tpp"] == pytest.approx(-3.5, abs=0.05)
    assert margins["nv-rtx4090d", "3A090.note2.tpp"] == pytest.approx(-1.9, abs=0.05)
    assert margins["nv-a800-sxm-80", "3A090.a.1.tpp"] == pytest.approx(4.0, abs=0.05)
    assert found["nv-a800-sxm-80"]["class"]["paragraph"] == "3A090.a.1 and 3A090.a.2"
    assert found["nv-rtx4090d"]["class"]["reason"].startswith("excluded by Note 2")
    assert found["hw-910b4"]["class"]["paragraph"] == "3A090.a.2"
    unknown = {entry["quantity"] for entry in found["amd-mi308x"]["unknown"]}
    assert "tpp" in unknown


def test_the_2022_margins(capsys):
    found = by_chip(answer(capsys, "A100-80GB", "A800", "--to", "CN", "--on", "2022-12-01"))
    io = {c: next(t for t in v["tests"] if t["quantity"] == "io_rate") for c, v in found.items()}
    assert io["nv-a100-sxm-80"]["value"] == 664
    assert io["nv-a100-sxm-80"]["margin"] == pytest.approx(10.7, abs=0.05)
    assert io["nv-a800-sxm-80"]["met"] is False


def test_notices_and_buyer_side_stay_apart_from_the_law(capsys):
    h20 = answer(capsys, "H20", "--to", "CN", "--on", "2026-02-01")["chips"][0]
    assert h20["class"]["id"] == "none"
    assert h20["licence_required"] is False
    assert h20["licence_by_notice"] is True
    assert h20["permitted_without_licence"] is False
    notice = h20["notices"][0]
    assert (notice["addressee"], notice["grade"]) == ("NVIDIA", "Q")
    assert notice["state"] == "unknown", "whether it outlives January 2026 is not documented"
    assert {m["id"] for m in h20["buyer_side"]} >= {"cn-h20-discouraged", "cn-state-funded"}


def test_the_fields_that_stay(capsys):
    chip = answer(capsys, "H100", "--to", "CN", "--on", "2024-01-07")["chips"][0]
    assert {
        "chip", "destination", "on", "class", "licence_required", "exceptions", "review_policy",
        "enforcement", "tests", "unknown", "notices", "buyer_side",
    } <= set(chip)  # fmt: skip
    assert {"id", "paragraph"} <= set(chip["class"])
    assert {
        "quantity", "value", "unit", "operator", "threshold", "met", "margin", "paragraph",
        "source", "grade",
    } <= set(chip["tests"][0])  # fmt: skip


def test_as_of_forgets_the_october_2023_rule(capsys):
    asked = ("A800", "H100", "H20", "--to", "CN", "--on", "2023-12-01", "--as-of", "2023-10-01")
    a800, h100, h20 = answer(capsys, *asked)["chips"]
    assert (a800["class"]["id"], a800["licence_required"]) == ("none", False)
    assert (h100["class"]["id"], h100["licence_required"]) == ("3A090 (2022)", True)
    assert h20["class"]["id"] == "unknown"
    assert "nothing of it was public by 2023-10-01" in h20["class"]["reason"]
    text = json.dumps([a800, h100])
    assert "73458" not in text
    assert "2025-" not in text


def test_a_rounded_figure_gives_an_interval_not_a_guess(capsys):
    a30 = answer(capsys, "A30", "--to", "CN", "--on", "2023-12-01")["chips"][0]
    assert a30["class"] == {**a30["class"], "id": "3A090.b", "paragraph": "3A090.b.1"}
    (test,) = [t for t in a30["tests"] if t["parameter"] == "3A090.b.2.pd_min"]
    assert test["met"] is None
    assert test["low"] < 3.2 < test["high"]
    assert "3A090.b.2" in a30["unknown"][0]["would_decide"]


def test_a_chip_made_and_sold_inside_china(capsys):
    chip = answer(capsys, "910B2", "--to", "CN", "--from", "CN", "--on", "2025-06-01")["chips"][0]
    assert chip["class"]["id"] == "3A090.a"
    assert chip["licence_required"] is None
    assert chip["domestic"] is True
    assert "subject to the EAR" in {entry["quantity"] for entry in chip["unknown"]}
    assert "gp10-ascend" in {entry["id"] for entry in chip["guidance"]}
    before = answer(capsys, "910B2", "--to", "CN", "--from", "CN", "--on", "2024-06-01")
    assert before["chips"][0]["guidance"] == []


def test_four_parts_for_several_buyers(capsys):
    def licence(chip: str, to: str, *more: str, on: str = "2026-06-01") -> dict:
        return answer(capsys, chip, "--to", to, "--on", on, *more)["chips"][0]

    h200 = licence("H200", "CN")
    assert h200["review_policy"] == "case by case"
    assert [d["band"] for d in h200["tariff"] if d["applies"]] == ["band1"]
    assert len(h200["review"][0]["conditions"]) == 9
    assert (
        licence("H200", "China", "--from", "Singapore")["review_policy"] == "presumption of denial"
    )
    assert [e["id"] for e in licence("RTX 4090", "CN")["exceptions"]] == ["NAC"]
    assert "ACA" in [e["id"] for e in licence("RTX 4090", "SA")["exceptions"]]
    assert "ACA" in [e["id"] for e in licence("L40", "SA")["exceptions"]]
    assert licence("H20", "SA")["licence_required"] is False
    assert licence("H200", "IL")["licence_required"] is False
    assert licence("H200", "SG", "--headquarters", "CN")["licence_required"] is True
    emirates = licence("H200", "阿联酋", on="2026-08-01")
    assert emirates["licence_required"] is True
    assert "Supp. 8" in [e["id"] for e in emirates["exceptions"]]
    german = licence("H200", "DE")
    assert german["licence_required"] is False
    assert german["enforcement"] == "not enforced"


def test_the_sum_of_units_reading_is_offered(capsys):
    best = answer(capsys, "RTX 4090 D", "--to", "CN", "--on", "2024-01-07")["chips"][0]
    both = answer(
        capsys, "RTX 4090 D", "--to", "CN", "--on", "2024-01-07", "--units", "sum-of-units"
    )["chips"][0]
    assert (best["class"]["id"], both["class"]["id"]) == ("none", "3A090.a")


def test_a_reform_is_a_patch_and_says_so(capsys):
    reform = str(Path(__file__).parents[2] / "examples" / "reform-s3374.yaml")
    asked = ("H20", "L20", "--to", "CN", "--on", "2026-02-01", "--reform", reform)
    h20, l20 = answer(capsys, *asked)["chips"]
    assert h20["class"]["id"] == "3A090.a"
    assert h20["class"]["paragraph"] == "S. 3374 (sum of both)"
    assert h20["review_policy"] == "mandatory denial"
    assert h20["reform"].startswith("S. 3374")
    assert l20["class"]["id"] == "none"
    assert answer(capsys, "H20", "--to", "CN", "--on", "2026-02-01")["chips"][0]["reform"] == ""


def test_a_chip_of_ones_own_is_classified(capsys):
    found = answer(capsys, "--chip-file", CHIP_FILE, "H20", "--to", "CN", "--on", "2024-01-07")[
        "chips"
    ]
    assert found[0]["chip"] == "nv-h20-96"
    assert len(found) == 2
    assert found[1]["class"]["id"] in {A, B, NO, UNKNOWN}
    assert any(test["quantity"] == "tpp" for test in found[1]["tests"])


@pytest.mark.parametrize("name", ["acme-x1", "Acme X1", "艾克美X1"])
def test_a_chip_of_ones_own_answers_to_its_names(capsys, name):
    found = answer(capsys, name, "--chip-file", CHIP_FILE, "--to", "CN")["chips"]
    assert [chip["chip"] for chip in found] == ["acme-x1"]


def test_a_chip_of_ones_own_takes_the_place_of_its_namesake(capsys, tmp_path):
    file = tmp_path / "h20.yaml"
    text = Path(CHIP_FILE).read_text(encoding="utf-8")
    file.write_text(text.replace("id: acme-x1", "id: nv-h20-96"), encoding="utf-8")
    found = answer(capsys, "nv-h20-96", "--chip-file", str(file), "--to", "CN")["chips"]
    assert [(chip["chip"], chip["name"]) for chip in found] == [("nv-h20-96", "Acme X1")]


def test_figures_of_ones_own_chip_that_came_later_stay_out(capsys):
    early = ["--to", "CN", "--chip-file", CHIP_FILE, "--as-of", "2025-02-28"]
    (before,) = answer(capsys, *early)["chips"]
    assert before["class"]["id"] == UNKNOWN
    assert all(test["value"] is None for test in before["tests"])
    (after,) = answer(capsys, *early[:-1], "2025-03-01")["chips"]
    assert after["class"]["id"] == A


BAD = [
    (["H20"], "--to"),
    (["--to", "CN"], "name at least one chip"),
    (["H2O0", "--to", "CN"], "H2O0"),
    (["H20", "--to", "Atlantis"], "no such country"),
    (["H20", "--to", "XX"], "no such country"),
    (["H20", "--to", "CN", "--headquarters", "Moon"], "headquarters"),
    (["H20", "--to", "CN", "--from", "Q"], "from"),
    (["H20", "--to", "CN", "--on", "2023-13-01"], "YYYY-MM-DD"),
    (["H20", "--to", "CN", "--on", "soon"], "YYYY-MM-DD"),
    (["H20", "--to", "CN", "--as-of", "2023/01/01"], "YYYY-MM-DD"),
    (["H20", "--to", "CN", "--reform", "no-such-file.yaml"], "no such file"),
    (["H20", "--to", "CN", "--reform", "."], "folder"),
    (["H20", "--to", "CN", "--chip-file", "no-such-file.yaml"], "no such file"),
    (["H20", "--to", "CN", "--units", "all"], "units"),
]


@pytest.mark.parametrize(("arguments", "says"), BAD, ids=lambda x: str(x)[:40])
def test_bad_input_gives_one_message(capsys, arguments, says):
    assert run(["classify", *arguments]) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert err.startswith("tonnage: ")
    assert says in err
    assert len(err.splitlines()) == 1
    assert "Traceback" not in err


def test_the_text_names_the_binding_margin_and_is_no_advice(capsys):
    asked = ["H20", "RTX 4090 D", "MI308X", "--to", "CN", "--on", "2025-06-01"]
    assert run(["classify", *asked]) == 0
    text = " ".join(capsys.readouterr().out.split())
    assert "TPP 2368 is 1.3 % under 2400 (3A090.b.1)" in text
    assert "excluded by Note 2" in text
    assert "Company notices" in text
    assert "not legal advice" in text


def test_brackets_in_the_names_of_files_are_text(capsys, tmp_path):
    chip, reform = tmp_path / "chip.yaml", tmp_path / "reform.yaml"
    text = Path(CHIP_FILE).read_text(encoding="utf-8")
    chip.write_text(text.replace("name: Acme X1", 'name: "X [/b] [SXM] :x:"'), encoding="utf-8")
    reform.write_text(
        "reform: A [/i] line\nreference: {title: t, url: 'https://example.org'}\n"
        "from: 2026-03-01\nset: {3A090.b.1.tpp_min: {value: 2300}}\n",
        encoding="utf-8",
    )
    for command, says in (
        (["classify", "--chip-file", str(chip), "--to", "CN"], "X [/b] [SXM] :x:"),
        (["classify", "H20", "--reform", str(reform), "--to", "CN"], "A [/i] line"),
        (["rules", "diff", "2026-02-01", "2026-03-01", "--reform", str(reform)], "A [/i] line"),
        (["chips", "show", "--chip-file", str(chip)], "X [/b] [SXM] :x:"),
        (["chips", "compare", "H20", "--chip-file", str(chip)], "X [/b] [SXM] :x:"),
    ):
        assert run(command) == 0
        assert says in capsys.readouterr().out


def test_a_chip_file_names_a_country_that_is_one(capsys, tmp_path):
    file = tmp_path / "chip.yaml"
    text = Path(CHIP_FILE).read_text(encoding="utf-8")
    file.write_text(text.replace("headquarters: CN", "headquarters: ZZ"), encoding="utf-8")
    assert run(["classify", "--chip-file", str(file), "--to", "CN"]) == 2
    err = capsys.readouterr().err
    assert "chip.headquarters = 'ZZ'" in err
    assert "ISO 3166" in err


def test_a_terminal_without_the_letters_gets_the_answer_all_the_same():
    asked = [sys.executable, "-m", "tonnage", "classify", "昇腾910B3", "--to", "CN"]
    done = subprocess.run(
        asked, capture_output=True, text=True, check=False, env={"PYTHONIOENCODING": "latin-1"}
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert "3A090.a" in done.stdout


def test_eighty_columns_break_no_word_of_a_verdict():
    from io import StringIO

    from rich.console import Console

    import tonnage
    from tonnage.report.classification import parts

    page = StringIO()
    console = Console(width=80, file=page)
    answer = tonnage.classify(["V100 SXM2 32GB", "A800", "MI308X"], to="CN", on="2025-05-01")
    for part in parts(answer, console.width):
        console.print(part, highlight=False)
    table = page.getvalue().partition("\n\n")[0]
    assert all(len(line) <= 80 for line in table.splitlines())
    assert "presumption" in table
    assert "exceptions" in table


def test_help_has_an_example(capsys):
    assert run(["classify", "--help"]) == 0
    assert "Example: tonnage classify" in " ".join(capsys.readouterr().out.split())


def test_the_scalar_path_starts_without_numpy():
    code = (
        "import sys; from tonnage.cli import run; run(['classify', 'H20', '--to', 'CN', '--json']);"
        "assert 'numpy' not in sys.modules and 'scipy' not in sys.modules, 'heavy import'"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_an_order_is_set_against_the_limits(capsys):
    asked = ("H100", "MI308X", "--to", "MY", "--on", "2025-02-01", "--count", "1000")
    h100, mi308x = (chip["order"] for chip in answer(capsys, *asked)["chips"])
    assert h100["tpp_total"] == 15_832_000
    assert {limit["parameter"] for limit in h100["limits"]} >= {"740.29.annual_tpp"}
    assert (mi308x["tpp_total"], mi308x["limits"]) == (None, [])
    assert run(["classify", "H100", "--to", "MY", "--count", "0"]) == 2


BINDING = [
    ("A100-80GB", "2023-12-01", "TPP +4.0 % of 4800"),
    ("A100-80GB", "2022-12-01", "TPP +4.0 % of 4800"),
    ("H20", "2023-12-01", "TPP -1.3 % of 2400"),
    ("L2", "2023-12-01", "TPP -3.5 % of 1600"),
    ("L4", "2023-12-01", "performance density +11."),
    ("RTX 4090 D", "2023-12-01", "TPP -1.9 % of 4800"),
    ("A30", "2023-12-01", "TPP +10.2 % of 2400"),
]


@pytest.mark.parametrize(("chip", "day", "says"), BINDING)
def test_the_binding_margin_is_that_of_the_widest_paragraph(chip, day, says):
    from tonnage.dates import parse_day
    from tonnage.report.classification import binding
    from tonnage.study.classification import classify

    test = binding(classify(chip, "CN", on=parse_day(day))[0])
    assert test is not None
    name = {"tpp": "TPP", "processing_sum": "TPP"}.get(test.quantity, "performance density")
    assert f"{name} {test.margin:+.1f} % of {test.threshold:g}".startswith(says)


def test_no_doubled_full_stop(capsys):
    assert run(["classify", "H20", "L40", "A30", "910B2", "--to", "CN", "--on", "2026-11-20"]) == 0
    assert ".." not in capsys.readouterr().out
