"""Nothing that became public after a day is in the catalog of that day."""

from datetime import date, timedelta

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from tonnage.catalog import PriceKind, load_catalog
from tonnage.errors import UnknownName
from tonnage.provenance import data_folder, read_rows

ARTICLE = date(2024, 1, 7)
NOW = date(2026, 11, 22)
days = st.dates(date(2016, 1, 1), date(2027, 12, 31))


@given(days)
@example(ARTICLE)
@example(date(2023, 10, 1))
@settings(max_examples=60, deadline=None)
def test_nothing_later_leaks(day: date) -> None:
    catalog = load_catalog.__wrapped__(day)
    for chip in catalog.chips:
        for quantity, stated in chip.values.items():
            assert stated.known_from <= day, (chip.id, quantity)
        for quantity, told in catalog.history(chip).items():
            assert all(stated.known_from <= day for stated in told), (chip.id, quantity)
            assert told[-1] is chip.values[quantity]
    assert all(price.known_from <= day for price in catalog.prices)
    assert all(fact.known_from <= day for fact in catalog.facts)
    known = {chip.id for chip in catalog.chips}
    public = read_index()
    assert known == {chip for chip, since in public.items() if since <= day}


def read_index() -> dict[str, date]:
    from tonnage.catalog.tables import INDEX_COLUMNS

    rows = read_rows(data_folder("chips") / "index.csv", INDEX_COLUMNS)
    return {row["id"]: row.day("known_from") for row in rows}


@given(days, st.integers(0, 2000))
@settings(max_examples=40, deadline=None)
def test_knowledge_only_grows(day: date, later: int) -> None:
    before, after = load_catalog(day), load_catalog(day + timedelta(days=later))
    assert set(before.by_id) <= set(after.by_id)
    for chip in before.chips:
        assert set(chip.values) <= set(after.by_id[chip.id].values)
    assert set(before.prices) <= set(after.prices)
    assert set(before.facts) <= set(after.facts)


def test_the_chips_of_january_2024_are_there() -> None:
    catalog = load_catalog(ARTICLE)
    for name in (
        "A100-80GB", "A800", "H100", "H800", "H20", "L20", "L2", "RTX 4090", "RTX 4090 D",
        "Ascend 910B3", "Kunlun 2", "Hanguang 800", "PPU",
    ):  # fmt: skip
        assert catalog.find(name).id
    assert {chip.id for chip in catalog.find_all("昇腾910B")} == {
        "hw-910b1",
        "hw-910b2",
        "hw-910b3",
    }


@pytest.mark.parametrize(
    "name", ["B200", "H20 141GB", "P800", "MI325X", "RTX 5090", "950PR", "910C"]
)
def test_later_chips_are_not(name: str) -> None:
    with pytest.raises(UnknownName):
        load_catalog(ARTICLE).find(name)
    assert load_catalog(NOW).find(name).id


def test_a_bin_has_one_figure_in_2023_and_its_own_in_2024() -> None:
    for name, own in (("910B1", 400), ("910B2", 376), ("910B3", 313)):
        assert load_catalog(ARTICLE).find(name).number("fp16_tflops") == 320
        assert load_catalog(NOW).find(name).number("fp16_tflops") == own


def test_what_was_promised_gives_way_to_what_was_sold() -> None:
    promised = load_catalog(date(2025, 12, 1)).find("950PR")
    sold = load_catalog(date(2026, 4, 1)).find("950PR")
    assert [promised.number(q) for q in ("fp4_tflops", "memory_gb")] == [2000, 128]
    assert [sold.number(q) for q in ("fp4_tflops", "memory_gb")] == [1560, 112]


def test_a_chip_is_named_before_it_has_numbers() -> None:
    named = load_catalog(ARTICLE).find("PPU")
    assert not named.values
    assert load_catalog(NOW).find("PPU").number("memory_gb") == 96


def test_the_same_day_gives_the_same_catalog() -> None:
    assert load_catalog(ARTICLE) is load_catalog(ARTICLE)


def test_prices_name_chips_that_were_public() -> None:
    public = read_index()
    for price in load_catalog(NOW).prices:
        assert all(public[chip] <= price.known_from for chip in price.chips), price.id


def test_a_card_is_never_mixed_with_a_card_in_a_server() -> None:
    prices = [p for p in load_catalog(NOW).prices if "hw-910b3" in p.chips and p.currency == "CNY"]
    cards = [p.typical for p in prices if p.kind is PriceKind.CHIP]
    inside = [p.typical for p in prices if p.kind is PriceKind.CHIP_IN_SERVER]
    assert cards == [120_000]
    assert inside == [281_250]


def test_statements_made_later_are_not_known_earlier() -> None:
    """A share that was told in 2025 of 2022, and quarters before their reporting day."""
    then = {fact.id for fact in load_catalog(ARTICLE).facts}
    assert not any("share-before-controls" in name for name in then)
    assert not any(
        fact.on > ARTICLE and fact.type == "outcome" for fact in load_catalog(ARTICLE).facts
    )
    fiscal = [f for f in load_catalog(date(2023, 11, 20)).facts if "hong-kong-q3-fy24" in f.id]
    assert not fiscal
    assert [
        f.value for f in load_catalog(date(2023, 11, 21)).facts if "hong-kong-q3-fy24" in f.id
    ] == [4.03]


def test_the_figures_of_the_article_cite_it() -> None:
    facts = [f for f in load_catalog(ARTICLE).facts if f.source.id == "rfi-2024-01-07"]
    assert {5000, 390, 20, 80, 55, 1} <= {fact.value for fact in facts}
