"""Prices and facts load only when they are whole."""

from datetime import date
from pathlib import Path

import pytest

from tonnage.catalog import FactType, PriceKind, load_catalog
from tonnage.catalog.fact import FACT_COLUMNS, read_facts
from tonnage.catalog.price import PRICE_COLUMNS, read_prices
from tonnage.errors import DataError

NOW = date(2026, 11, 22)
PRICE = "a,x1,X1,purchase_per_chip,USD,,100,,2024-01-01,US,reported,s,2024-01-02,"
FACT = "a,2024-01-01,X1,units,100,,,chips,outcome,Acme,reported,s,2024-01-02,"


def folder(path: Path, columns: tuple[str, ...], *rows: str) -> Path:
    (path / "sources.csv").write_text("id,title,url,published\ns,Sheet,,\n", encoding="utf-8")
    (path / "t.csv").write_text("\n".join([",".join(columns), *rows]) + "\n", encoding="utf-8")
    return path


@pytest.mark.parametrize(
    ("old", "new", "field"),
    [
        ("x1", "y1", "chips"),
        ("purchase_per_chip", "purchase", "kind"),
        ("USD", "", "currency"),
        ("USD", "DEM", "currency"),
        ("USD", "%", "currency"),
        (",100,", ",,", "mid"),
        (",100,", ",-100,", "mid"),
        ("USD,,100", "USD,200,100", "mid"),
        (",s,", ",,", "source"),
        ("reported", "", "confidence"),
        ("2024-01-02", "", "known_from"),
        ("2024-01-02", "2023-12-31", "known_from"),
    ],
)
def test_a_price_that_lacks_something_does_not_load(
    tmp_path: Path, old: str, new: str, field: str
) -> None:
    assert read_prices(folder(tmp_path, PRICE_COLUMNS, PRICE), {"x1"})[0].typical == 100
    with pytest.raises(DataError, match=rf"t\.csv:2: {field}"):
        read_prices(folder(tmp_path, PRICE_COLUMNS, PRICE.replace(old, new, 1)), {"x1"})


@pytest.mark.parametrize(
    ("old", "new", "field"),
    [
        ("outcome", "rumour", "type"),
        ("chips", "", "unit"),
        ("Acme", "", "speaker"),
        (",s,", ",,", "source"),
        (",100,,", ",100,200,", "value"),
        ("2024-01-02", "2023-12-31", "known_from"),
    ],
)
def test_a_fact_that_lacks_something_does_not_load(
    tmp_path: Path, old: str, new: str, field: str
) -> None:
    assert read_facts(folder(tmp_path, FACT_COLUMNS, FACT))[0].value == 100
    with pytest.raises(DataError, match=rf"t\.csv:2: {field}"):
        read_facts(folder(tmp_path, FACT_COLUMNS, FACT.replace(old, new, 1)))


def test_the_same_row_twice_does_not_load(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="stands twice"):
        read_prices(folder(tmp_path, PRICE_COLUMNS, PRICE, PRICE), {"x1"})
    with pytest.raises(DataError, match="stands twice"):
        read_facts(folder(tmp_path, FACT_COLUMNS, FACT, FACT))


def test_a_price_without_a_middle_has_a_typical_value() -> None:
    prices = {price.id: price for price in load_catalog(NOW).prices}
    assert prices["a100-40gb-hour-2023-03"].typical == pytest.approx((1.45 + 4.1) / 2)
    assert prices["b200-sxm-server8-2025-07"].kind is PriceKind.SERVER_OF_8


def test_changes_are_in_percent_and_nothing_else_is() -> None:
    for price in load_catalog(NOW).prices:
        assert (price.currency == "%") == (price.kind is PriceKind.CHANGE)
        assert price.kind.rental + price.kind.purchase + (price.kind is PriceKind.CHANGE) == 1


def test_every_row_of_the_first_tables_is_there() -> None:
    catalog = load_catalog(NOW)
    assert len(catalog.prices) >= 149
    assert len(catalog.facts) >= 139


def test_an_outcome_is_known_only_after_it_happened() -> None:
    for fact in load_catalog(NOW).facts:
        if fact.type is FactType.OUTCOME:
            assert fact.on <= fact.known_from, fact.id
