"""What kind a table is, and every way in which it can be wrong."""

import csv
from pathlib import Path

import pytest

from tonnage.errors import InputError
from tonnage.study.measurements import Kind, read_table
from tonnage.study.validation import validate

DATA = Path(__file__).parents[3] / "benchmarks" / "data"
TRAINING = "id,chip,n_chips,model,seq_len,global_batch_seqs,metric,value"
SERVING = "id,chip,n_chips,model,input_len,output_len,metric,value"
GOOD = "a-1,H100 SXM,8,llama-2-7b,4096,64,iter_time_s,2.0"


def write(tmp_path, *lines: str) -> Path:
    file = tmp_path / "table.csv"
    file.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return file


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("training_measurements.csv", Kind.TRAINING),
        ("training_vtrain_single.csv", Kind.TRAINING),
        ("inference_measurements.csv", Kind.SERVING),
    ],
)
def test_published_tables_are_read_whole(name: str, kind: Kind) -> None:
    with (DATA / name).open(encoding="utf-8") as stream:
        count = sum(1 for _ in csv.DictReader(stream))
    table = read_table(DATA / name)
    assert table.kind is kind
    assert len(table.rows) == count
    assert not table.unreadable


def test_only_the_needed_columns_are_needed(tmp_path) -> None:
    assert read_table(write(tmp_path, TRAINING, GOOD)).kind is Kind.TRAINING
    served = "b-1,H20,1,qwen3-8b,128,128,tpot_ms,9.5"
    assert read_table(write(tmp_path, SERVING, served)).kind is Kind.SERVING


def test_byte_order_mark_blank_lines_and_spaces_do_not_matter(tmp_path) -> None:
    file = tmp_path / "t.csv"
    file.write_bytes(b"\xef\xbb\xbf" + f"{TRAINING}\r\n\r\n {GOOD} \r\n\r\n".encode())
    (row,) = read_table(file).rows
    assert row.id == "a-1"
    assert row.line == 3
    assert row.number("value") == 2.0


def test_a_cell_over_two_lines_keeps_the_line_numbers(tmp_path) -> None:
    header = TRAINING + ",note"
    table = read_table(
        write(tmp_path, header, GOOD + ',"two\nlines"', GOOD.replace("a-1", "a-2") + ",x")
    )
    assert [row.line for row in table.rows] == [2, 4]


@pytest.mark.parametrize(
    ("lines", "words"),
    [
        (["", ""], "empty"),
        ([TRAINING], "no rows"),
        (["id;chip;n_chips", "a;b;c"], "semicolons"),
        (["id\tchip\tn_chips", "a\tb\tc"], "tabs"),
        (["name,price", "x,1"], "neither a training table"),
        ([TRAINING.replace(",value", ""), GOOD], "value"),
        ([TRAINING + ",value", GOOD + ",1"], "twice"),
        ([TRAINING, GOOD + ",extra"], "9 cells"),
        ([TRAINING, GOOD, GOOD], "also on line 2"),
        ([TRAINING, GOOD.replace("a-1", "")], "blank"),
        ([TRAINING, GOOD.replace("2.0", "fast")], "write a number"),
        ([TRAINING, GOOD.replace("2.0", "nan")], "finite"),
        ([TRAINING, GOOD.replace("2.0", "-1")], "above 0"),
        ([TRAINING, GOOD.replace("2.0", "0")], "above 0"),
        ([TRAINING, GOOD.replace(",8,", ",1e999,")], "finite"),
        ([TRAINING, GOOD.replace(",8,", ",7.5,")], "whole number"),
        ([TRAINING, GOOD.replace("H100", '"H1"00')], "not CSV"),
    ],
)
def test_one_message_says_what_is_wrong(tmp_path, lines, words: str) -> None:
    with pytest.raises(InputError, match=words):
        read_table(write(tmp_path, *lines))


def test_all_faults_come_at_once_with_their_lines(tmp_path) -> None:
    rows = [GOOD.replace("2.0", "x")] * 2 + [GOOD.replace("a-1", "a-3").replace(",8,", ",eight,")]
    with pytest.raises(InputError) as caught:
        read_table(write(tmp_path, TRAINING, *rows))
    told = str(caught.value)
    assert "table.csv:3: id" in told
    assert "table.csv:3: value" in told
    assert "table.csv:4: n_chips" in told


def test_a_cell_that_cannot_be_read_costs_its_row_only(tmp_path) -> None:
    bad = GOOD.replace("a-1", "a-2").replace("2.0", "fast")
    table = read_table(write(tmp_path, TRAINING, GOOD, bad))
    assert [row.id for row in table.rows] == ["a-1", "a-2"]
    assert table.unreadable == {"a-2": "value = 'fast': write a number or leave it blank"}
    answer = validate(write(tmp_path, TRAINING, GOOD, bad))
    assert answer.rows == 2
    assert [(item.id, "fast" in item.why) for item in answer.skipped if item.id == "a-2"] == [
        ("a-2", True)
    ]


def test_nought_experts_are_none(tmp_path) -> None:
    table = read_table(write(tmp_path, TRAINING + ",n_experts,vpp", GOOD + ",0,0"))
    assert table.rows[0].count("n_experts") is None
    assert table.rows[0].count("vpp") is None


def test_very_many_faults_are_counted(tmp_path) -> None:
    rows = [GOOD.replace("a-1", f"a-{i}").replace("2.0", "x") for i in range(200)]
    with pytest.raises(InputError, match="140 faults more") as caught:
        read_table(write(tmp_path, TRAINING, *rows))
    assert len(caught.value.faults) == 61


def test_source_is_the_id_without_its_number() -> None:
    table = read_table(DATA / "training_measurements.csv")
    assert {"mosaic", "mbridge", "bloom"} <= {row.source for row in table.rows}


@pytest.mark.parametrize("content", [b"\xff\xfe\x00\x01", b"\x00" * 100])
def test_bytes_that_are_no_text(tmp_path, content: bytes) -> None:
    file = tmp_path / "t.csv"
    file.write_bytes(content)
    with pytest.raises(InputError):
        read_table(file)


def test_a_folder_and_a_missing_file(tmp_path) -> None:
    for path in (tmp_path, tmp_path / "none.csv"):
        with pytest.raises(InputError):
            read_table(path)


@pytest.mark.parametrize("column", ["vpp", "ep", "tp", "micro_batch"])
def test_an_absurd_degree_costs_its_row_and_warns_of_nothing(tmp_path, column: str) -> None:
    good, bad = f"{GOOD},1", f"{GOOD.replace('a-1', 'a-2')},1e308"
    table = read_table(write(tmp_path, f"{TRAINING},{column}", good, bad))
    assert table.unreadable == {"a-2": f"{column} = '1e308': a number up to 1e+09"}
