"""`tonnage validate` on the published tables and on bad files."""

import csv
import json
from pathlib import Path

import pytest

from tonnage.cli import run

DATA = Path(__file__).parents[2] / "benchmarks" / "data"
FIELDS = {
    "rows", "predicted", "skipped", "mape", "median_ape", "bias", "p90_ape", "coverage_80",
    "by_source", "by_chip", "by_metric", "predictions",
}  # fmt: skip


def scored(capsys, *arguments: str) -> dict:
    assert run(["validate", *arguments, "--json"]) == 0
    return json.loads(capsys.readouterr().out)


@pytest.mark.parametrize(
    "name",
    ["training_measurements.csv", "training_vtrain_single.csv", "inference_measurements.csv"],
)
def test_a_published_table_is_scored(name: str, capsys) -> None:
    document = scored(capsys, str(DATA / name))
    assert set(document) >= FIELDS
    assert document["rows"] == document["predicted"] + len(document["skipped"])
    assert document["predicted"] == len(document["predictions"])
    assert not [item for item in document["skipped"] if "no finite prediction" in item["why"]]
    with (DATA / name).open(encoding="utf-8") as stream:
        complete = {
            each["id"]
            for each in csv.DictReader(stream)
            if each["complete"] == "yes" and "unnamed" not in each["chip"]
        }
    missed = complete & {item["id"] for item in document["skipped"]}
    assert not missed, "a complete row on a named chip was skipped"


def test_a_source_and_the_words_around_it(capsys) -> None:
    table = str(DATA / "training_measurements.csv")
    assert run(["validate", table, "--source", "megatron21"]) == 0
    out = capsys.readouterr().out
    assert "Error by source" in out
    assert "10 of 10 training steps were predicted" in out


def test_only_complete_rows_of_a_chip(capsys) -> None:
    table = str(DATA / "training_measurements.csv")
    document = scored(capsys, table, "--chip", "A100 40GB", "--complete-only")
    assert document["rows"] == document["predicted"] > 50
    assert set(document["by_chip"]) == {"nv-a100-sxm-40"}


def test_nothing_to_predict_is_a_no(tmp_path, capsys) -> None:
    file = tmp_path / "t.csv"
    file.write_text(
        "id,chip,n_chips,model,seq_len,global_batch_seqs,metric,value\n"
        "a-1,Unheard Of,8,llama-2-7b,4096,64,iter_time_s,2\n"
    )
    assert run(["validate", str(file)]) == 1
    assert "1 x chip 'Unheard Of' is not in the catalog" in capsys.readouterr().out


@pytest.mark.parametrize(
    "content",
    ["", "a,b\n1,2\n", "id;chip\n1;2\n", "id,chip,n_chips,model,seq_len,metric,value\n"],
)
def test_a_bad_table_is_one_message_and_exit_2(tmp_path, content: str, capsys) -> None:
    file = tmp_path / "t.csv"
    file.write_text(content)
    assert run(["validate", str(file)]) == 2
    out = capsys.readouterr()
    assert out.out == ""
    assert out.err.startswith("tonnage: ")


def test_bad_arguments(tmp_path, capsys) -> None:
    table = str(DATA / "training_measurements.csv")
    for arguments in ([str(tmp_path)], ["none.csv"], [table, "--source", "nobody"], []):
        assert run(["validate", *arguments]) == 2
    assert "Traceback" not in capsys.readouterr().err


def test_help_has_an_example(capsys) -> None:
    assert run(["validate", "--help"]) == 0
    assert "Example: tonnage validate" in capsys.readouterr().out
