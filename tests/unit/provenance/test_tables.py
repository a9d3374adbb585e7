"""A table that breaks its own rules does not load, and says where."""

from datetime import date
from pathlib import Path

import pytest

from tonnage.errors import DataError
from tonnage.provenance import Confidence, Row, data_folder, read_each, read_rows, read_sources

HEADER = "id,title,url,published\n"


def sources(folder: Path, text: str) -> Path:
    (folder / "sources.csv").write_text(text, encoding="utf-8")
    return folder


def test_sources_are_read_with_partial_days(tmp_path: Path) -> None:
    found = read_sources(sources(tmp_path, HEADER + "a,Title,https://e.org,2024-05\nb,Other,,\n"))
    assert found["a"].published == date(2024, 5, 1)
    assert found["b"].published is None
    assert str(found["a"]) == "Title <https://e.org>"


@pytest.mark.parametrize(
    ("row", "says"),
    [
        (",Title,,\n", "id: missing"),
        ("a,,,\n", "title: missing"),
        ("a,T,ftp://e.org,\n", "url"),
        ("a,T,,2024-13\n", "published"),
        ("a,T,,yesterday\n", "published"),
        ("a,T,,\na,T,,\n", "stands twice"),
        ("a,T,\n", "3 cells"),
    ],
)
def test_a_bad_source_names_file_and_line(tmp_path: Path, row: str, says: str) -> None:
    with pytest.raises(DataError, match=r"sources\.csv:\d+") as error:
        read_sources(sources(tmp_path, HEADER + row))
    assert says in str(error.value)


def test_another_header_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="columns are"):
        read_sources(sources(tmp_path, "id,name\n"))


def test_text_that_is_not_utf_8_is_refused(tmp_path: Path) -> None:
    (tmp_path / "t.csv").write_bytes(b"a,b\n\xff\xfe,1\n")
    with pytest.raises(DataError, match="not UTF-8"):
        read_rows(tmp_path / "t.csv", ("a", "b"))


def test_faults_of_all_rows_come_together(tmp_path: Path) -> None:
    (tmp_path / "t.csv").write_text("n\n1\nx\ninf\n", encoding="utf-8")
    with pytest.raises(DataError) as error:
        read_each(read_rows(tmp_path / "t.csv", ("n",)), lambda row: row.number("n"))
    assert str(error.value).count("\n") == 1
    assert "t.csv:3" in str(error.value)
    assert "t.csv:4" in str(error.value)


def test_cells_are_read_by_kind() -> None:
    row = Row({"n": "2.5", "e": "", "d": "2024-02-29", "confidence": "filing"}, "t.csv:2")
    assert row.number("n") == 2.5
    assert row.number("e") is None
    assert row.day("d") == date(2024, 2, 29)
    assert row.confidence() is Confidence.FILING
    with pytest.raises(DataError, match="missing"):
        row.required("e")


@pytest.mark.parametrize("name", ["chips", "prices", "facts"])
def test_every_shipped_source_has_an_address_or_says_why_not(name: str) -> None:
    for source in read_sources(data_folder(name)).values():
        if not source.url:
            assert "no page" in source.title
