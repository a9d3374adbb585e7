"""Files that users name: every way of being wrong gives one message; writing is whole or not."""

import os
from contextlib import suppress
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tonnage.errors import InputError
from tonnage.files import dotted, parse_yaml, read_text, read_yaml, write_text


def says(path: Path | str) -> str:
    with pytest.raises(InputError) as error:
        read_yaml(path)
    assert len(error.value.faults) == 1
    return str(error.value)


def test_a_folder_a_missing_file_and_a_pipe(tmp_path: Path) -> None:
    assert "this is a folder" in says(tmp_path)
    assert "no such file" in says(tmp_path / "nowhere.yaml")
    os.mkfifo(tmp_path / "pipe")
    assert "not a regular file" in says(tmp_path / "pipe")
    assert "file = 'a\\x00b'" in says("a\0b")


def test_a_huge_file_is_not_read(tmp_path: Path) -> None:
    path = tmp_path / "huge.yaml"
    with path.open("wb") as stream:
        stream.truncate(2**33)
    assert "the most read here is 4 MiB" in says(path)


def test_binary_and_empty_files(tmp_path: Path) -> None:
    path = tmp_path / "x.yaml"
    path.write_bytes(b"\x80\x04\x95\xff")
    assert "not UTF-8 text (byte 0)" in says(path)
    path.write_bytes(b"")
    assert "empty" in says(path)
    path.write_bytes(b"# only a remark\n")
    assert "empty" in says(path)


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_an_unreadable_file(tmp_path: Path) -> None:
    path = tmp_path / "x.yaml"
    path.write_text("a: 1")
    path.chmod(0)
    assert "cannot be read" in says(path)


def test_a_name_that_is_too_long_for_the_system() -> None:
    assert "cannot be read" in says("x" * 5000)


def test_a_byte_order_mark_is_dropped(tmp_path: Path) -> None:
    path = tmp_path / "x.yaml"
    path.write_bytes("\ufeffa: 昇腾".encode())
    assert read_yaml(path).data == {"a": "昇腾"}


def test_a_yaml_bomb_is_not_expanded() -> None:
    bomb = "a: &a [x, x]\n" + "".join(f"b{i}: &b{i} [*a, *a]\n" for i in range(30))
    with pytest.raises(InputError, match="anchors and aliases"):
        parse_yaml(bomb)


def test_a_wide_file_is_read_quickly() -> None:
    assert len(parse_yaml("a: [" + "1, " * 20_000 + "1]").data["a"]) == 20_001


def test_a_key_written_twice_names_both_lines() -> None:
    with pytest.raises(InputError, match=r"x:3: a\.b: written twice \(first on line 2\)"):
        parse_yaml("a:\n  b: 1\n  b: 2\n", "x")


def test_a_key_that_is_a_list_is_a_fault() -> None:
    with pytest.raises(InputError, match="a key must be plain text"):
        parse_yaml("? [a, b]\n: 1\n")


def test_keys_stay_as_written() -> None:
    """`on` and 2024-01-07 are keys of rules and prices, not a truth value and a day."""
    assert parse_yaml("on: 1\n2024-01-07: 2\n").data == {"on": 1, "2024-01-07": 2}


def test_lines_are_those_of_the_file() -> None:
    document = parse_yaml("a: 1\nb:\n  - c: 2\n  - d: 3\n", "f")
    assert document.where(("b", 1, "d")) == "f:4"
    assert document.where(("b", 1, "nothing")) == "f:4"
    assert document.where(("nothing",)) == "f:1"


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.text("abc 昇", max_size=8),
        lambda inner: (
            st.lists(inner, max_size=3) | st.dictionaries(st.text("abc", min_size=1), inner)
        ),
        max_leaves=12,
    )
)
def test_what_is_dumped_reads_back(data: object) -> None:
    import yaml

    if data is not None:
        assert parse_yaml(yaml.safe_dump({"data": data}, allow_unicode=True)).data == {"data": data}


@given(st.text(max_size=60))
def test_any_text_is_read_or_refused_but_never_breaks(text: str) -> None:
    with suppress(InputError):
        parse_yaml(text)


def test_writing_keeps_the_old_file_until_the_new_is_whole(tmp_path: Path) -> None:
    path = tmp_path / "x.txt"
    write_text(path, "old")
    with pytest.raises(UnicodeEncodeError):
        write_text(path, "\ud800")
    assert path.read_text() == "old"
    assert [file.name for file in tmp_path.iterdir()] == ["x.txt"]
    write_text(path, "new")
    assert read_text(path) == "new"


def test_writing_where_one_cannot_says_so(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="cannot be written"):
        write_text(tmp_path / "nowhere" / "x.txt", "text")
    (tmp_path / "folder").mkdir()
    with pytest.raises(InputError, match="cannot be written"):
        write_text(tmp_path / "folder", "text")


def test_a_path_is_written_as_people_write_it() -> None:
    assert dotted(("futures", 2, "name")) == "futures[2].name"
    assert dotted(()) == "document"
