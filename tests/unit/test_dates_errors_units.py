"""Days, spans, errors and plain constants."""

from datetime import date, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tonnage import units
from tonnage.dates import Span, parse_day, parse_partial_day
from tonnage.errors import Fault, InputError, NotEnoughKnown, TonnageError, UnknownName


@given(st.dates())
def test_a_day_reads_back(day: date) -> None:
    assert parse_day(day.isoformat()) == day
    assert parse_day(day) == day
    assert parse_partial_day(day.isoformat()) == day
    assert parse_day(datetime(day.year, day.month, day.day, 12)) == day  # noqa: DTZ001


@pytest.mark.parametrize(
    "text", ["2023-13-01", "2023-2-1", "17.11.2023", "", "today", 20231117, None]
)
def test_what_is_no_day_says_how_to_write_one(text: object) -> None:
    with pytest.raises(InputError, match="write a day as YYYY-MM-DD"):
        parse_day(text, "--on")


@pytest.mark.parametrize("text", ["2024-13", "24", "2024-00-01", "2024-02-30", "soon"])
def test_what_is_no_partial_day_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"."):
        parse_partial_day(text)


@given(st.dates(), st.dates(), st.dates())
def test_a_span_holds_its_start_and_not_its_end(a: date, b: date, day: date) -> None:
    start, end = sorted((a, b))
    assert (day in Span(start, end)) == (start <= day < end)
    assert day in Span()
    assert (day in Span(start)) == (start <= day)
    assert "2024-01-01" not in Span()


def test_a_fault_names_place_field_value_and_mend() -> None:
    assert str(Fault("memory_gb", -1, "write more", "x.yaml:3")) == (
        "x.yaml:3: memory_gb = -1: write more"
    )
    assert str(Fault("name", None, "missing")) == "name: missing"
    assert len(str(Fault("name", "x" * 10_000, "shorten it"))) < 200


def test_errors_are_also_what_python_calls_them() -> None:
    unknown = UnknownName.of("chip", "H2O", "no such chip")
    assert isinstance(unknown, (LookupError, ValueError, InputError))
    assert type(unknown) is UnknownName
    assert unknown.exit_code == 2
    missing = NotEnoughKnown("needs tdp_w", ["tdp_w"])
    assert isinstance(missing, TonnageError)
    assert (missing.exit_code, missing.missing) == (1, ("tdp_w",))


def test_hours_and_months_agree() -> None:
    assert units.HOURS_PER_MONTH * units.MONTHS_PER_YEAR == units.HOURS_PER_YEAR
    assert units.HOURS_PER_DAY * 365.25 == units.HOURS_PER_YEAR
    assert units.SECONDS_PER_DAY == units.HOURS_PER_DAY * units.SECONDS_PER_HOUR
