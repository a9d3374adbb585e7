"""The cost tables: every value sourced and dated, nothing later than the day leaks."""

from datetime import date

import pytest

from tonnage.cost import load_costs
from tonnage.cost.book import COLUMNS, CostBook, read_statement, spread_of
from tonnage.cost.currency import dollars_per, in_dollars
from tonnage.cost.figure import ASSUMPTION
from tonnage.errors import DataError, InputError, NotEnoughKnown
from tonnage.provenance import Confidence, Row

LATE = date(2026, 11, 1)


def row(**cells: str) -> Row:
    base = dict.fromkeys(COLUMNS, "")
    base |= {
        "item": "tariff", "unit": "USD/kWh", "mid": "0.1", "confidence": "reported",
        "known_from": "2024-01-01", "source": "A source", "region": "XX",
    }  # fmt: skip
    return Row(base | cells, "costs.csv:2")


def test_every_statement_is_sourced_and_in_order() -> None:
    statements = load_costs(LATE).statements
    assert len(statements) > 120
    for s in statements:
        assert s.source, s
        assert s.value.p10 <= s.value.p50 <= s.value.p90, s
        assert (s.source == ASSUMPTION) == (s.confidence is Confidence.ASSUMPTION), s
        assert s.url or s.source == ASSUMPTION, f"{s.item} {s.scope}: a source has an address"


@pytest.mark.parametrize("day", [date(2023, 10, 1), date(2024, 1, 7), date(2025, 4, 20)])
def test_nothing_later_is_known(day: date) -> None:
    assert all(s.known_from <= day for s in load_costs(day).statements)


def test_a_later_day_knows_more() -> None:
    early, late = load_costs(date(2024, 1, 7)), load_costs(LATE)
    assert set(early.statements) < set(late.statements)
    assert early.latest("base_rate", "CN").value.p50 == 3.45
    assert late.latest("base_rate", "CN").value.p50 == 3.0


@pytest.mark.parametrize("column", ["item", "unit", "confidence", "known_from", "source"])
def test_a_row_without_its_trail_does_not_load(column: str) -> None:
    with pytest.raises(DataError, match=column):
        read_statement(row(**{column: ""}))


@pytest.mark.parametrize(
    "cells",
    [
        {"mid": ""},
        {"low": "0.2"},
        {"high": "0.05"},
        {"mid": "cheap"},
        {"mid": "nan"},
        {"confidence": "sure"},
        {"known_from": "2024"},
    ],
)
def test_a_malformed_row_does_not_load(cells: dict[str, str]) -> None:
    with pytest.raises(DataError):
        read_statement(row(**cells))


def test_a_source_stands_before_an_assumption() -> None:
    assumed = read_statement(row(source="assumption", confidence="assumption", mid="9"))
    sourced = read_statement(row(known_from="2023-01-01"))
    book = CostBook(LATE, (sourced, assumed))
    assert book.latest("tariff", "XX").value.p50 == 0.1


def test_pooled_statements_keep_every_opinion() -> None:
    one = read_statement(row(low="1", mid="2", high="3"))
    two = read_statement(row(low="4", mid="6", high="9", known_from="2024-02-01"))
    pooled = CostBook(LATE, (one, two)).pooled("tariff", "XX").value
    assert (pooled.p10, pooled.p50, pooled.p90) == (1.0, 4.0, 9.0)


def test_unknown_item_names_where_it_is_known() -> None:
    with pytest.raises(NotEnoughKnown, match="known for AE"):
        load_costs(LATE).latest("tariff", "BR")


def test_a_missing_side_gets_the_width_of_the_confidence() -> None:
    exact = spread_of(None, 10.0, None, Confidence.OFFICIAL)
    wide = spread_of(None, 10.0, None, Confidence.WEAK)
    assert exact.p10 == exact.p90 == 10.0
    assert wide.p10 < 8 < 12 < wide.p90
    assert spread_of(4.0, None, 9.0, Confidence.REPORTED).p50 == pytest.approx(6.0)


def test_money_is_converted_at_the_rate_of_its_day() -> None:
    book = load_costs(LATE)
    assert dollars_per("CNY", book, date(2023, 10, 1)) == pytest.approx(1 / 7.1886)
    assert dollars_per("CNY", book, date(2025, 1, 15)) == pytest.approx(1 / 7.1884)
    assert dollars_per("USD", book) == 1.0
    tariff = in_dollars(book.latest("tariff", "CN"), book)
    assert tariff.unit == "USD/kWh"
    assert 0.04 < tariff.value.p50 < 0.12


def test_unknown_currency_lists_the_known_ones() -> None:
    with pytest.raises(InputError, match="CNY"):
        dollars_per("XAU", load_costs(LATE))
    with pytest.raises(NotEnoughKnown):
        dollars_per("CNY", load_costs(date(2017, 1, 1)))
