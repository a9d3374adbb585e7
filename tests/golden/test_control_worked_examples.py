"""Thirty-four chips with their scores, margins and status on four dates.

The table's own figures are classified, whatever the catalog holds, so that it checks the rules and
nothing else. Where the table and the engine differ on purpose, `DIFFERENT` says why.
"""

import csv
from datetime import date
from pathlib import Path

import pytest

from tonnage.catalog import Chip
from tonnage.provenance import Confidence, Source, Sourced
from tonnage.rules import classify, load_rules, measures_of
from tonnage.rules.testing import parameter_test

TABLE = Path(__file__).parent / "control_worked_examples.csv"
ROWS = list(csv.DictReader(TABLE.read_text(encoding="utf-8").splitlines()))
BOOK = load_rules(date(2026, 11, 22))
RATE = {"16b": "fp16_tflops", "8b": "int8_tops", "4b": "int4_tops"}
SOURCE = Source("table", "worked examples", "https://example.org/worked-examples")
DAYS = (date(2022, 10, 21), date(2023, 11, 17), date(2025, 4, 16), date(2026, 1, 15))
COLUMN = ("CN_2022-10-21", "CN_2023-11-17", "CN_2025-04-15", "CN_2026-01-15")

AREA_RANGE = {"MI300X": (1017.0, 2400.0), "MI325X": (1017.0, 2400.0)}
"""mm2: "1017 to about 2400 by what counts", from the table's note."""

DIFFERENT = {
    "A30": "b.2 hangs on how 661 TOPS was rounded (3.197 to 3.205 against 3.2); b.1 is sure",
}


def chip_of(row: dict[str, str]) -> Chip:
    figures: dict[str, float | str | bool] = {"datacenter": row["datacenter_marketed"] == "yes"}
    for part in row["dense_ops"].split():
        bits, rate = part.split(":")
        figures[RATE[bits]] = float(rate)
    for column, quantity in (
        ("applicable_die_mm2", "die_area_mm2"),
        ("io_bidirectional_gbps", "io_bidirectional_gbs"),
        ("dram_gbps", "memory_bandwidth_gbs"),
    ):
        if row[column]:
            figures[quantity] = float(row[column])
    values = {
        name: Sourced(value, "", Confidence.REPORTED, SOURCE, date(2022, 1, 1))
        for name, value in figures.items()
    }
    if row["chip"] in AREA_RANGE:
        low, high = AREA_RANGE[row["chip"]]
        day = date(2022, 1, 1)
        stated = Sourced(high, "mm2", Confidence.ESTIMATED, SOURCE, day, low=low, high=high)
        values["die_area_mm2"] = stated  # type: ignore[assignment]
    home = "CN" if row["designer"] == "Huawei" else "US"
    name = row["chip"]
    return Chip(name, name, row["designer"], "", home, (), values)


@pytest.mark.parametrize("row", [r for r in ROWS if r["tpp"]], ids=lambda r: r["chip"])
def test_scores_are_reproduced(row: dict[str, str]) -> None:
    measures = measures_of(chip_of(row))
    assert measures.tpp.value is not None
    assert measures.tpp.value == pytest.approx(float(row["tpp"]), abs=0.6)
    if row["performance_density"]:
        density = measures.performance_density
        nearest = density.value if density.value is not None else density.low
        assert nearest == pytest.approx(float(row["performance_density"]), abs=0.006)


MARGINS = {
    "margin_a1_tpp": "3A090.a.1.tpp",
    "margin_b1_tpp": "3A090.b.1.tpp_min",
    "margin_1600_tpp": "3A090.a.2.tpp",
    "margin_pd_5.92": "3A090.a.2.pd",
    "margin_pd_3.2": "3A090.b.2.pd_min",
    "margin_21000_tpp": "742.6.lane.tpp",
    "margin_6500_dram": "742.6.lane.dram",
}


@pytest.mark.parametrize("row", ROWS, ids=lambda r: r["chip"])
def test_margins_are_reproduced(row: dict[str, str]) -> None:
    measures = measures_of(chip_of(row))
    for column, parameter in MARGINS.items():
        test = parameter_test(BOOK, parameter, DAYS[3], measures)
        assert test is not None
        if row[column] and test.margin is not None:
            # The table rounds the die area's share of the density before it takes the margin.
            assert test.margin == pytest.approx(float(row[column].rstrip("%")), abs=0.11)
        elif row[column]:
            raise AssertionError(f"{row['chip']}: no margin for {column}")


@pytest.mark.parametrize("column", range(4), ids=COLUMN)
@pytest.mark.parametrize("row", ROWS, ids=lambda r: r["chip"])
def test_statuses_are_reproduced(row: dict[str, str], column: int) -> None:
    stated = row[COLUMN[column]]
    verdict = classify(chip_of(row), "CN", DAYS[column], book=BOOK)
    law, *rest = stated.split("; ")
    law = law.replace(" (from US)", "")
    if law.startswith("unknown"):
        assert verdict.class_id == "unknown"
        assert verdict.unknown, "an unknown class names what would decide it"
    elif law.startswith("not 3A090"):
        assert (verdict.class_id, verdict.paragraph) == ("none", "")
    elif law.startswith("excluded by Note 2"):
        assert (verdict.class_id, verdict.paragraph) == ("none", "Note 2 to 3A090.a and .b")
    elif law == "3A090":
        assert verdict.class_id == "3A090 (2022)"
    else:
        assert verdict.class_id == law[:7]
        stated_parts = law[law.index("(") + 1 : law.index(")")].split("+")
        paragraphs = [f"3A090.{part}" for part in stated_parts]
        if row["chip"] in DIFFERENT:
            assert verdict.paragraph == paragraphs[0]
            assert any(t.met is None and t.threshold == 3.2 for t in verdict.tests)
        else:
            assert verdict.paragraph == " and ".join(paragraphs)
        assert ("NAC" in law) == any(e.id == "NAC" for e in verdict.exceptions)
    _overlays_agree(row, column, rest)


def _overlays_agree(row: dict[str, str], column: int, rest: list[str]) -> None:
    chip = chip_of(row)
    measures = measures_of(chip)
    verdict = classify(chip, "CN", DAYS[column], book=BOOK)
    names = {"notice.2025.dram": "DRAM", "notice.2025.io": "I/O", "notice.2025.sum": "sum"}
    if column >= 2:
        tests = {n: parameter_test(BOOK, n, DAYS[column], measures) for n in names}
        met = [names[n] for n, test in tests.items() if test is not None and test.met]
        stated = next((r.split(": ")[1].split("/", 1) for r in rest if "notice test" in r), [])
        said = "/".join(stated).replace("I/O", "IO").split("/") if stated else []
        assert [m.replace("/", "") for m in met if _counts(row, m)] == said
    if column == 3:
        lane = [r for r in rest if r.startswith(("case-by-case", "presumption"))]
        if lane:
            expected = "case by case" if lane[0].startswith("case-by-case") else lane[0]
            assert (verdict.review_policy or "").startswith(expected)
            assert (" if " in (verdict.review_policy or "")) == ("unknown" in lane[0])
        bands = [r for r in rest if "tariff" in r]
        assert [d.band for d in verdict.tariff if d.applies] == [f"band{r[-1]}" for r in bands]


def _counts(row: dict[str, str], name: str) -> bool:
    """The table leaves the sum out where one of its parts is unpublished."""
    return name != "sum" or bool(row["io_bidirectional_gbps"])


def test_the_reason_for_a_difference_still_holds() -> None:
    row = next(r for r in ROWS if r["chip"] == "A30")
    density = measures_of(chip_of(row)).performance_density
    assert density.low < 3.2 < density.high
