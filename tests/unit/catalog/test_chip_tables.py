"""No value loads without its source, unit, confidence and day."""

from pathlib import Path

import pytest

from tonnage.catalog import QUANTITIES
from tonnage.catalog.tables import INDEX_COLUMNS, VALUE_COLUMNS, read_chip_tables
from tonnage.errors import DataError
from tonnage.provenance import data_folder

INDEX = ",".join(INDEX_COLUMNS) + "\nx1,X1,Acme,X,CN,2024-01-01,,,\n"
GOOD = "x1,memory_gb,64,,,GB,datasheet,s,2024-01-01,"


def folder(path: Path, *rows: str, index: str = INDEX) -> Path:
    (path / "index.csv").write_text(index, encoding="utf-8")
    (path / "vendors.csv").write_text("vendor,names\nAcme,\n", encoding="utf-8")
    (path / "sources.csv").write_text("id,title,url,published\ns,Sheet,,\n", encoding="utf-8")
    table = "\n".join([",".join(VALUE_COLUMNS), *rows]) + "\n"
    (path / "acme.csv").write_text(table, encoding="utf-8")
    return path


def test_a_whole_row_loads(tmp_path: Path) -> None:
    tables = read_chip_tables(folder(tmp_path, GOOD))
    stated = tables.statements["x1"][0].stated
    assert (stated.value, stated.unit, stated.source.title) == (64.0, "GB", "Sheet")


@pytest.mark.parametrize(
    ("row", "field"),
    [
        ("x1,memory_gb,64,,,GB,datasheet,,2024-01-01,", "source"),
        ("x1,memory_gb,64,,,GB,datasheet,nowhere,2024-01-01,", "source"),
        ("x1,memory_gb,64,,,,datasheet,s,2024-01-01,", "unit"),
        ("x1,memory_gb,64,,,GiB,datasheet,s,2024-01-01,", "unit"),
        ("x1,memory_type,HBM3,,,GB,datasheet,s,2024-01-01,", "unit"),
        ("x1,memory_gb,64,,,GB,,s,2024-01-01,", "confidence"),
        ("x1,memory_gb,64,,,GB,sure,s,2024-01-01,", "confidence"),
        ("x1,memory_gb,64,,,GB,datasheet,s,,", "known_from"),
        ("x1,memory_gb,64,,,GB,datasheet,s,2024-01,", "known_from"),
        ("x1,memory_gb,64,,,GB,datasheet,s,2023-12-31,", "known_from"),
        ("x1,memory_gb,,,,GB,datasheet,s,2024-01-01,", "value"),
        ("x1,memory_gb,-1,,,GB,datasheet,s,2024-01-01,", "value"),
        ("x1,memory_gb,nan,,,GB,datasheet,s,2024-01-01,", "value"),
        ("x1,memory_gb,1e9,,,GB,datasheet,s,2024-01-01,", "value"),
        ("x1,memory_gb,lots,,,GB,datasheet,s,2024-01-01,", "value"),
        ("x1,memory_gb,64,70,,GB,datasheet,s,2024-01-01,", "low"),
        ("x1,memory_type,HBM3,1,,,datasheet,s,2024-01-01,", "low"),
        ("x1,datacenter,perhaps,,,,datasheet,s,2024-01-01,", "value"),
        ("x1,launch_date,soon,,,,datasheet,s,2024-01-01,", "value"),
        ("x1,colour,red,,,,datasheet,s,2024-01-01,", "quantity"),
        ("y1,memory_gb,64,,,GB,datasheet,s,2024-01-01,", "chip"),
        (f"{GOOD}\n{GOOD}", "quantity"),
    ],
)
def test_a_row_that_lacks_something_does_not_load(tmp_path: Path, row: str, field: str) -> None:
    with pytest.raises(DataError, match=rf"acme\.csv:\d+: {field}"):
        read_chip_tables(folder(tmp_path, row))


@pytest.mark.parametrize(
    ("row", "field"),
    [
        ("x1,X1,Acme,X,China,2024-01-01,,,", "headquarters"),
        ("x1,X1,Nobody,X,CN,2024-01-01,,,", "vendor"),
        ("x1,X1,Acme,X,CN,,,,", "known_from"),
        ("x1,,Acme,X,CN,2024-01-01,,,", "name"),
        ("x1,X1,Acme,X,CN,2024-01-01,,,\nx1,X1,Acme,X,CN,2024-01-01,,,", "id"),
    ],
)
def test_a_chip_without_identity_does_not_load(tmp_path: Path, row: str, field: str) -> None:
    index = ",".join(INDEX_COLUMNS) + "\n" + row + "\n"
    with pytest.raises(DataError, match=rf"index\.csv:\d+: {field}"):
        read_chip_tables(folder(tmp_path, GOOD, index=index))


def test_every_fault_is_told_at_once(tmp_path: Path) -> None:
    with pytest.raises(DataError) as error:
        read_chip_tables(folder(tmp_path, GOOD.replace(",s,", ",,"), GOOD.replace("64", "-1")))
    assert str(error.value).count("acme.csv:") == 2


def test_the_shipped_tables_are_whole() -> None:
    tables = read_chip_tables(data_folder("chips"))
    assert len(tables.identities) >= 102
    used = set()
    for chip, statements in tables.statements.items():
        for statement in statements:
            stated = statement.stated
            assert stated.source.title, (chip, statement.quantity)
            assert stated.unit == QUANTITIES[statement.quantity].unit
            used.add(stated.source.id)
    assert used == set(tables.sources), "a source that no value cites, or the reverse"


def test_the_tables_keep_an_order_that_makes_diffs_small() -> None:
    """Chips as in the index, quantities as in the catalog, statements as they became known."""
    order = {name: place for place, name in enumerate(QUANTITIES)}
    for chip, statements in read_chip_tables(data_folder("chips")).statements.items():
        marks = [(order[s.quantity], s.stated.known_from) for s in statements]
        assert marks == sorted(marks), chip


def test_a_later_statement_says_something_new() -> None:
    """Two statements of a quantity differ in value, doubt, confidence, source or note."""
    for chip, statements in read_chip_tables(data_folder("chips")).statements.items():
        seen = set()
        for statement in statements:
            s = statement.stated
            told = (statement.quantity, s.value, s.low, s.high, s.confidence, s.source.id, s.note)
            assert told not in seen, (chip, statement.quantity)
            seen.add(told)
