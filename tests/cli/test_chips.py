"""`tonnage chips`, from outside."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tonnage.catalog import QUANTITIES
from tonnage.cli import run

EXAMPLE = Path(__file__).parents[2] / "examples" / "chip-file.yaml"
JANUARY = ["--as-of", "2024-01-07"]


def document(capsys: pytest.CaptureFixture[str], *words: str) -> Any:
    assert run([*words, "--json"]) == 0
    told = capsys.readouterr()
    assert told.err == ""
    return json.loads(told.out)


def test_show_gives_every_number_with_its_trail(capsys: pytest.CaptureFixture[str]) -> None:
    chip = document(capsys, "chips", "show", "H20")
    assert (chip["id"], chip["headquarters"]) == ("nv-h20-96", "US")
    assert (chip["tpp"], chip["performance_density"]) == (2368, 2.9091)
    assert set(chip["values"]) == set(QUANTITIES)
    memory = chip["values"]["memory_gb"]
    assert memory == memory | {"value": 96.0, "unit": "GB", "known_from": "2023-11-09"}
    assert memory["source"]
    assert memory["confidence"]
    assert chip["values"]["io_bidirectional_gbs"] is None


def test_unknown_is_null_and_listed(capsys: pytest.CaptureFixture[str]) -> None:
    chip = document(capsys, "chips", "show", "P800")
    assert chip["tpp"] is None
    assert chip["performance_density"] is None
    assert chip["values"]["fp16_tflops"] is None
    assert "fp16_tflops" in chip["unknown"]


def test_the_day_turns_the_catalog_back(capsys: pytest.CaptureFixture[str]) -> None:
    then = document(capsys, "chips", "show", "H20", *JANUARY)
    assert then["values"]["tdp_w"]["value"] == 400
    assert document(capsys, "chips", "show", "H20")["values"]["tdp_w"]["value"] == 500
    listed = document(capsys, "chips", "list", *JANUARY)
    assert listed["as_of"] == "2024-01-07"
    ids = {chip["id"] for chip in listed["chips"]}
    assert {"nv-h20-96", "nv-rtx4090d", "hw-910b3", "th-ppu"} <= ids
    assert not {"nv-b200", "nv-h20-141", "hw-910c", "bd-p800"} & ids


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (["--hq", "CN"], lambda chip: chip["headquarters"] == "CN"),
        (["--hq", "cn"], lambda chip: chip["headquarters"] == "CN"),
        (["--vendor", "huawei"], lambda chip: chip["vendor"] == "Huawei"),
        (["--vendor", "寒武纪"], lambda chip: chip["vendor"] == "Cambricon"),
    ],
)
def test_list_is_narrowed(
    capsys: pytest.CaptureFixture[str], words: list[str], expected: Any
) -> None:
    whole = document(capsys, "chips", "list")["chips"]
    part = document(capsys, "chips", "list", *words)["chips"]
    assert [chip["id"] for chip in part] == [chip["id"] for chip in whole if expected(chip)]
    assert part


def test_tables_are_for_people(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["chips", "list", "--vendor", "昆仑芯"]) == 0
    told = capsys.readouterr().out
    assert "bd-kunlun2" in told
    assert "–" in told
    assert run(["chips", "show", "含光800"]) == 0
    told = capsys.readouterr().out
    assert "Hanguang 800" in told
    assert "825" in told
    assert "6,600" in told
    assert "Not stated anywhere we know of" in told


def test_an_early_day_has_no_chips(capsys: pytest.CaptureFixture[str]) -> None:
    assert document(capsys, "chips", "list", "--as-of", "1999-01-01")["chips"] == []
    assert run(["chips", "list", "--vendor", "Nvidia", "--as-of", "1999-01-01"]) == 0
    assert "No chip" in capsys.readouterr().out


def test_an_empty_list_says_what_narrowed_it(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["chips", "list", "--vendor", "nvidia", "--hq", "CN", *JANUARY]) == 0
    says = "No chip of the catalog with vendor Nvidia and headquarters in CN was public on"
    assert says in capsys.readouterr().out


def test_a_chip_file_shows_like_any_chip(capsys: pytest.CaptureFixture[str]) -> None:
    own = document(capsys, "chips", "show", "--chip-file", str(EXAMPLE))
    assert (own["id"], own["tpp"]) == ("acme-x1", 4000)
    assert own["values"]["die_area_mm2"]["low"] == 560
    same = document(capsys, "chips", "show", "艾克美X1", "--chip-file", str(EXAMPLE))
    assert same == own
    other = document(capsys, "chips", "show", "L20", "--chip-file", str(EXAMPLE))
    assert other["id"] == "nv-l20"


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["chips", "show", "910B"], "hw-910b3"),
        (["chips", "show", "A100"], "nv-a100-pcie-80"),
        (["chips", "show", "H21"], "no chip of this name"),
        (["chips", "show", ""], "no chip of this name"),
        (["chips", "show", "B200", *JANUARY], "known on 2024-01-07"),
        (["chips", "show"], "Missing argument"),
        (["chips", "list", "--vendor", "nobody"], "no such vendor; one of Nvidia"),
        (["chips", "list", "--vendor", ""], "no such vendor"),
        (["chips", "list", "--hq", "Mars"], "one of CN, US"),
        (["chips", "list", "--as-of", "soon"], "write a day as YYYY-MM-DD"),
        (["chips", "list", "--as-of", "2024-02-30"], "no such day"),
        (["chips", "show", "--chip-file", "."], "this is a folder"),
        (["chips", "show", "--chip-file", "nowhere.yaml"], "no such file"),
        (["chips", "show", "--chip-file", ""], "no name given"),
        (["chips", "frobnicate"], "No such command"),
        (["chips", "compare"], "Missing argument"),
        (["chips", "compare", "H20", "H21"], "no chip of this name"),
        (["chips", "prices", "H21"], "no chip of this name"),
    ],
)
def test_bad_input_gives_one_message(
    capsys: pytest.CaptureFixture[str], words: list[str], says: str
) -> None:
    assert run(words) == 2
    told = capsys.readouterr()
    assert told.out == ""
    assert told.err.startswith("tonnage: ")
    assert says in told.err
    assert "Traceback" not in told.err


def test_help_has_an_example(capsys: pytest.CaptureFixture[str]) -> None:
    for words in (
        ["chips"],
        *(["chips", verb] for verb in ("list", "show", "compare", "prices")),
    ):
        assert run([*words, "--help"]) == 0
        assert "Example: tonnage chips" in capsys.readouterr().out


def test_listing_loads_nothing_heavy() -> None:
    code = (
        "import sys; from tonnage.cli import run; assert run(['chips', 'list']) == 0;"
        "heavy = {'numpy', 'scipy', 'pydantic', 'highspy', 'yaml'} & set(sys.modules);"
        "sys.exit(f'loaded {heavy}' if heavy else 0)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=False, env=os.environ
    )
    assert done.returncode == 0, done.stderr


def test_python_offers_the_same() -> None:
    import tonnage

    frame = tonnage.list_chips(vendor="华为").to_frame()
    assert set(frame["vendor"]) == {"Huawei"}
    assert len({len(column) for column in frame.values()}) == 1
    assert tonnage.show_chip("L2").tpp == 1544


@pytest.mark.parametrize("width", [60, 80, 100, 120, 160])
def test_a_narrow_terminal_gets_fewer_columns_and_no_cut_numbers(width: int) -> None:
    from io import StringIO

    from rich.console import Console

    from tonnage.report.chips import list_table
    from tonnage.study.chips import list_chips

    console = Console(file=StringIO(), width=width)
    console.print(list_table(list_chips(), console.width))
    told = console.file.getvalue()  # type: ignore[attr-defined]
    assert "15,832" in told
    assert "19.45" in told
    assert width == 60 or "…" not in told


@pytest.mark.parametrize("width", [80, 100, 160])
def test_a_sheet_keeps_values_and_days_whole(width: int) -> None:
    from io import StringIO

    from rich.console import Console

    from tonnage.report.chips import sheet_table
    from tonnage.study.chips import show_chip

    page = StringIO()
    Console(width=width, file=page).print(sheet_table(show_chip("A800"), width))
    text = page.getvalue()
    assert "2022-11-08" in text
    assert "…" not in text
    assert all(len(line) <= width for line in text.splitlines())
    assert "computed" in text
    assert "4,992" in text


def test_compare_sets_every_bin_side_by_side(capsys: pytest.CaptureFixture[str]) -> None:
    words = ["chips", "compare", "H20", "昇腾910B", "nv-h20-96"]
    found = document(capsys, *words, *JANUARY)["chips"]
    assert [chip["id"] for chip in found] == ["nv-h20-96", "hw-910b1", "hw-910b2", "hw-910b3"]
    assert run([*words, "--chip-file", str(EXAMPLE)]) == 0
    told = capsys.readouterr().out
    assert "Acme X1" in told
    assert "910B4" in told
    assert "fp4_tflops" not in told, "a quantity that none of them states has no row"


def test_prices_are_those_of_the_day(capsys: pytest.CaptureFixture[str]) -> None:
    then = document(capsys, "chips", "prices", "H800", "--as-of", "2023-12-31")["prices"]
    assert {price["kind"] for price in then} == {"purchase_per_8chip_server", "purchase_per_chip"}
    assert all(price["known_from"] <= "2023-12-31" for price in then)
    assert all(price["source"] and price["confidence"] and price["currency"] for price in then)
    now = document(capsys, "chips", "prices", "H800")["prices"]
    assert len(now) > len(then)
    assert run(["chips", "prices", "H20"]) == 0
    told = capsys.readouterr().out
    assert "12,000 to 15,000 USD" in told
    assert "1,400,000 CNY" in told
    assert run(["chips", "prices", "P800"]) == 0
    assert "No price of P800" in capsys.readouterr().out
    assert len(document(capsys, "chips", "prices")["prices"]) >= 149


def test_history_shows_what_was_replaced(capsys: pytest.CaptureFixture[str]) -> None:
    chip = document(capsys, "chips", "show", "950PR", "--history")
    told = [(s["value"], s["known_from"]) for s in chip["history"]["memory_gb"]]
    assert told == [(128.0, "2025-09-18"), (112.0, "2026-03-20")]
    assert chip["values"]["memory_gb"] == chip["history"]["memory_gb"][-1]
    early = document(capsys, "chips", "show", "950PR", "--history", "--as-of", "2025-12-01")
    assert [s["value"] for s in early["history"]["memory_gb"]] == [128.0]
    assert "history" not in document(capsys, "chips", "show", "950PR")
    own = document(capsys, "chips", "show", "--chip-file", str(EXAMPLE), "--history")
    assert [s["value"] for s in own["history"]["memory_gb"]] == [64.0]
    assert run(["chips", "show", "H100", "--history"]) == 0
    assert "preliminary" in capsys.readouterr().out
