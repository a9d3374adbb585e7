"""A chip file is checked whole: every fault with its line, none twice."""

from datetime import date
from pathlib import Path

import pytest

from tonnage.catalog import QUANTITIES, Kind, read_chip_file
from tonnage.errors import InputError, NotEnoughKnown
from tonnage.provenance import Confidence

EXAMPLE = Path(__file__).parents[3] / "examples" / "chip-file.yaml"
GOOD = """\
chip: {id: acme-x1, name: Acme X1, vendor: Acme, headquarters: CN}
sources:
  brief: {title: Brief}
values:
  memory_gb: {value: 64, unit: GB, source: brief, confidence: datasheet, known_from: 2025-03-01}
"""


def write(folder: Path, text: str) -> Path:
    path = folder / "chip.yaml"
    path.write_text(text, encoding="utf-8")
    return path


def faults(path: Path) -> list[str]:
    with pytest.raises(InputError) as error:
        read_chip_file(path)
    return [str(fault).removeprefix(str(path)) for fault in error.value.faults]


def test_the_example_of_the_documentation_reads() -> None:
    chip = read_chip_file(EXAMPLE)
    assert chip.id == "acme-x1"
    assert chip.number("memory_bandwidth_gbs") == 1600
    assert chip.flag("datacenter") is True
    assert chip.values["tdp_w"].confidence is Confidence.REPORTED
    assert chip.values["tdp_w"].source.title.startswith("Our own")
    assert (chip.values["die_area_mm2"].low, chip.values["die_area_mm2"].high) == (560, 640)
    assert chip.values["fp16_tflops"].known_from == date(2025, 3, 1)


def test_what_is_not_written_stays_unknown() -> None:
    chip = read_chip_file(EXAMPLE)
    assert chip.number("fp8_tflops") is None
    with pytest.raises(NotEnoughKnown, match="fp8_tflops is not known"):
        chip.require("fp8_tflops")


def test_the_day_filters_the_file_too() -> None:
    chip = read_chip_file(EXAMPLE, as_of=date(2025, 4, 1))
    assert chip.number("tdp_w") is None
    assert chip.number("memory_gb") == 64
    assert not read_chip_file(EXAMPLE, as_of=date(2025, 1, 1)).values


@pytest.mark.parametrize(
    ("old", "new", "says"),
    [
        ("value: 64", "value: -64", ":5: values.memory_gb.value = -64: negative"),
        ("value: 64", "value: .nan", "not a finite number"),
        ("value: 64", "value: .inf", "not a finite number"),
        ("value: 64", "value: 1e30", "larger than any chip has"),
        ("value: 64", "value: 64 GB", "not a number; write a number in GB"),
        ("value: 64", "value: true", "not a number"),
        ("value: 64", "value: [64]", "not a number"),
        ("value: 64, ", "", ":5: values.memory_gb.value: missing"),
        ("unit: GB", "unit: GiB", "write 'GB'"),
        ("unit: GB, ", "", "values.memory_gb.unit: memory_gb has another unit; write 'GB'"),
        ("source: brief, ", "", "values.memory_gb.source: missing"),
        ("source: brief, ", "source: other, ", "not under `sources`"),
        ("confidence: datasheet, ", "", "values.memory_gb.confidence: missing"),
        ("confidence: datasheet", "confidence: sure", "one of datasheet"),
        (", known_from: 2025-03-01", "", "values.memory_gb.known_from: missing"),
        ("2025-03-01", "2025-02-30", "no such day"),
        ("2025-03-01", "March", "write a day as YYYY-MM-DD"),
        ("2025-03-01}", "2025-03-01, low: 70}", "must be in this order"),
        ("2025-03-01}", "2025-03-01, colour: red}", "no such field"),
        ("memory_gb:", "memory:", "no such quantity; memory_"),
        ("id: acme-x1", "id: Acme X1", "write 2 to 64 lower-case letters"),
        ("name: Acme X1, ", "", "chip.name: missing"),
        ("headquarters: CN", "headquarters: China", "ISO 3166"),
        ("title: Brief", 'title: ""', "sources.brief.title = '': empty"),
        ("title: Brief", "title: Brief, url: brief.pdf", "http://"),
        ("{title: Brief}", "Brief", "write `name: value` pairs"),
        ("values:\n", "value:\n", "not a part of a chip file"),
    ],
)
def test_one_fault_gives_one_message(tmp_path: Path, old: str, new: str, says: str) -> None:
    assert old in GOOD
    found = faults(write(tmp_path, GOOD.replace(old, new, 1)))
    assert sum(says in fault for fault in found) == 1, found


def test_all_faults_come_at_once_in_the_order_of_the_file(tmp_path: Path) -> None:
    text = GOOD.replace("value: 64", "value: -1").replace("unit: GB", "unit: TB")
    found = faults(write(tmp_path, text.replace("headquarters: CN", "headquarters: china")))
    assert len(found) == 3
    lines = [int(fault.split(":")[1]) for fault in found]
    assert lines == sorted(lines) == [1, 5, 5]


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "empty"),
        ("just text", "write `name: value` pairs"),
        ("- a\n- b\n", "write `name: value` pairs"),
        (GOOD + "chip: {}\n", "written twice"),
        (GOOD.replace("brief: {", "brief: &b {"), "anchors and aliases"),
        (GOOD.replace("name: Acme X1", "name: !!python/name:os.system Acme"), "not a plain value"),
        ("a: " + "[" * 100 + "]" * 100, "nested deeper"),
        (GOOD + "---\n" + GOOD, "expected a single document"),
        ("chip: {", "yaml"),
    ],
)
def test_a_file_that_is_no_chip_file_says_why(tmp_path: Path, text: str, says: str) -> None:
    assert any(says in fault for fault in faults(write(tmp_path, text)))


def test_every_quantity_can_be_written(tmp_path: Path) -> None:
    samples = {Kind.NUMBER: "1", Kind.TEXT: "word", Kind.FLAG: "false", Kind.DAY: "2024-01"}
    lines = [
        f"  {q.name}: {{value: {samples[q.kind]}, unit: '{q.unit}', source: brief,"
        " confidence: datasheet, known_from: 2025-03-01}"
        for q in QUANTITIES.values()
    ]
    text = GOOD[: GOOD.index("  memory_gb")] + "\n".join(lines) + "\n"
    chip = read_chip_file(write(tmp_path, text))
    assert set(chip.values) == set(QUANTITIES)
    assert chip.day("launch_date") == date(2024, 1, 1)
    assert chip.text("process_node") == "word"


def test_the_page_on_chip_files_lists_every_quantity() -> None:
    page = (EXAMPLE.parents[1] / "docs" / "how" / "chip-file.md").read_text(encoding="utf-8")
    for quantity in QUANTITIES.values():
        assert f"| `{quantity.name}` | {quantity.unit or quantity.kind.value} |" in page
