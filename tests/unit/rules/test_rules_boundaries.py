"""Both sides of every threshold and of every date, generated from the rule files themselves."""

from collections.abc import Iterator
from datetime import date, timedelta
from math import inf, nextafter
from pathlib import Path
from typing import Any

import pytest
import yaml

from tonnage.catalog import Chip
from tonnage.provenance import Confidence, Source, Sourced
from tonnage.rules import Measures, Rulebook, classify, classify_memory, load_rules
from tonnage.rules.classify import class_and_licence
from tonnage.rules.clause import CLAUSES
from tonnage.rules.licence import Deal
from tonnage.rules.loading import shipped
from tonnage.rules.metrics import Interval
from tonnage.rules.parameter import COMPARE

LAST = date(2030, 1, 1)
BOOK = load_rules(LAST)
DAY = timedelta(days=1)


def raw_entries() -> Iterator[tuple[str, dict[str, Any]]]:
    """Every dated value as the files write it, past any loader."""
    for path in sorted(Path(shipped()).rglob("*.yaml")):
        document = yaml.safe_load(path.read_text(encoding="utf-8"))
        for name, parameter in document.get("parameters", {}).items():
            for entry in parameter["values"]:
                yield name, entry


ENTRIES = list(raw_entries())
THRESHOLDS = [(name, entry) for name, entry in ENTRIES if entry["operator"] in COMPARE]


def test_the_files_hold_what_this_test_expects() -> None:
    assert len(ENTRIES) > 80
    assert len(THRESHOLDS) > 30


@pytest.mark.parametrize(("name", "entry"), ENTRIES, ids=lambda x: str(x)[:40])
def test_each_value_begins_on_its_day_and_not_before(name: str, entry: dict[str, Any]) -> None:
    begins = entry["from"]
    before, on = BOOK.on(name, begins - DAY), BOOK.on(name, begins)
    if entry["operator"] == "ends":
        assert before is not None
        assert on is None
    else:
        assert on is not None
        assert on.effective == begins
        assert before is None or before.effective < begins


@pytest.mark.parametrize(("name", "entry"), ENTRIES, ids=lambda x: str(x)[:40])
def test_each_value_is_known_from_its_day_and_not_before(name: str, entry: dict[str, Any]) -> None:
    early = load_rules(entry["known_from"] - DAY).parameters.get(name)
    late = load_rules(entry["known_from"]).parameters[name]
    begun = {e.effective for e in late.values}
    assert entry["from"] in begun
    assert early is None or entry["from"] not in {e.effective for e in early.values}


@pytest.mark.parametrize(("name", "entry"), THRESHOLDS, ids=lambda x: str(x)[:40])
def test_the_operator_decides_at_the_threshold_itself(name: str, entry: dict[str, Any]) -> None:
    held = BOOK.on(name, entry["from"])
    assert held is not None
    line = float(entry["value"])
    expected = {
        ">=": (False, True, True),
        ">": (False, False, True),
        "<": (True, False, False),
        "<=": (True, True, False),
    }[entry["operator"]]
    sides = (nextafter(line, -inf), line, nextafter(line, inf))
    assert tuple(bool(held.met_by(side)) for side in sides) == expected


INSIDE = {
    "3A090 (2022)": (date(2023, 1, 1), {"tpp": 6000.0, "io": 700.0, "area": 900.0}),
    "3A090.a.1": (date(2024, 1, 1), {"tpp": 5000.0, "area": 1e5}),
    "3A090.a.2": (date(2024, 1, 1), {"tpp": 2000.0, "area": 2000 / 7}),
    "3A090.b.1": (date(2024, 1, 1), {"tpp": 3000.0, "area": 3000 / 2.5}),
    "3A090.b.2": (date(2024, 1, 1), {"tpp": 2000.0, "area": 2000 / 4.5}),
}
LEGS = [
    (clause.paragraph, leg.parameter, leg.quantity)
    for clause in CLAUSES
    if clause.paragraph in INSIDE
    for leg in clause.legs
]


def class_at(figures: dict[str, float], day: date) -> tuple[str, bool | None]:
    measures = Measures(
        *(Interval.exactly(figures.get(key)) for key in ("tpp", "area", "io", "dram")),
        datacenter=True,
    )
    return class_and_licence(measures, Deal("CN", "US", None, day), BOOK)


@pytest.mark.parametrize(("paragraph", "parameter", "quantity"), LEGS)
def test_a_chip_changes_class_on_the_two_sides_of_each_leg(
    paragraph: str, parameter: str, quantity: str
) -> None:
    day, figures = INSIDE[paragraph]
    held = BOOK.on(parameter, day)
    assert held is not None
    line = held.number
    sides = {}
    for side in (line * (1 - 1e-9), line * (1 + 1e-9)):
        moved = dict(figures)
        if quantity == "performance_density":
            moved["area"] = figures["tpp"] / side
        elif quantity == "io_rate":
            moved["io"] = side
        else:
            density = figures["tpp"] / figures["area"]
            moved |= {"tpp": side, "area": side / density}
        law = next(c for c in CLAUSES if c.paragraph == paragraph)
        sides[side] = all(
            bool(BOOK.on(leg.parameter, day).met_by(value_of(leg.quantity, moved)))  # type: ignore[union-attr]
            for leg in law.legs
        )
        if sides[side]:
            assert class_at(moved, day)[0] == law.class_id
    assert sorted(sides.values()) == [False, True]


def value_of(quantity: str, figures: dict[str, float]) -> float:
    if quantity == "performance_density":
        return figures["tpp"] / figures["area"]
    return figures["io" if quantity == "io_rate" else "tpp"]


SOURCE = Source("s", "test", "https://example.org")


def chip(**figures: float | bool) -> Chip:
    values = {
        name: Sourced(value, "", Confidence.REPORTED, SOURCE, date(2020, 1, 1))
        for name, value in figures.items()
    }
    return Chip("test-chip", "Test chip", "NVIDIA", "", "US", (), values)


@pytest.mark.parametrize(
    ("tpp", "dram", "policy"),
    [
        (20999, 6499, "case by case"),
        (21001, 6499, "presumption of denial"),
        (20999, 6501, "presumption of denial"),
    ],
)
def test_the_lane_of_2026_on_both_sides(tpp: float, dram: float, policy: str) -> None:
    item = chip(int4_tops=tpp / 4, memory_bandwidth_gbs=dram, die_area_mm2=800, datacenter=True)
    for day, expected in (
        (date(2026, 1, 14), "presumption of denial"),
        (date(2026, 1, 15), policy),
    ):
        assert classify(item, "CN", day, book=BOOK).review_policy == expected
    abroad = classify(item, "CN", date(2026, 2, 1), exporter="SG", book=BOOK)
    assert abroad.review_policy == "presumption of denial"
    assert (
        classify(item, "RU", date(2026, 2, 1), book=BOOK).review_policy == "presumption of denial"
    )


@pytest.mark.parametrize(
    ("dram", "io", "reached"),
    [(1399, 64, False), (1401, 64, True), (500, 1099, False), (500, 1101, True),
     (1000, 698, False), (1000, 701, True)],
)  # fmt: skip
def test_the_lines_of_the_2025_notices_on_both_sides(dram: float, io: float, reached: bool) -> None:
    item = chip(int8_tops=100, memory_bandwidth_gbs=dram, io_bidirectional_gbs=io, datacenter=True)
    on, before = (classify(item, "CN", d, book=BOOK) for d in (date(2025, 4, 9), date(2025, 4, 8)))
    assert on.class_id == "none"
    assert on.licence_required is False
    assert on.licence_by_notice is reached
    assert on.permitted is not reached
    assert before.licence_by_notice is False


@pytest.mark.parametrize(
    ("tpp", "dram", "band"),
    [(14004, 4800, "band1"), (13996, 4800, None), (17496, 4999, "band1"), (17504, 4800, None),
     (15000, 4499, None), (15000, 4501, "band1"), (15000, 5001, None), (20804, 6000, "band2"),
     (20796, 6000, None), (21096, 6000, "band2"), (21104, 6000, None), (21000, 5799, None),
     (21000, 5801, "band2"), (21000, 6199, "band2"), (21000, 6201, None)],
)  # fmt: skip
def test_the_duty_bands_on_both_sides(tpp: float, dram: float, band: str | None) -> None:
    item = chip(int4_tops=tpp / 4 + 0.01, memory_bandwidth_gbs=dram, datacenter=True)
    found = classify(item, "CN", date(2026, 1, 15), book=BOOK).tariff
    assert [duty.band for duty in found if duty.applies] == ([band] if band else [])
    assert not classify(item, "CN", date(2026, 1, 14), book=BOOK).tariff


def test_memory_on_both_sides_of_its_lines() -> None:
    area, day = 100.0, date(2025, 1, 1)

    def at(density: float, on: date = day, to: str = "CN") -> Any:
        return classify_memory(density * area, area, to, on, book=BOOK)

    assert at(2.0).class_id == "none"
    assert at(2.0001).class_id == "3A090.c"
    assert [e.id for e in at(3.2999).exceptions] == ["HBM"]
    assert at(3.3).exceptions == ()
    assert at(3.0, date(2024, 12, 1)).class_id == "none"
    assert at(3.0, date(2024, 12, 30)).licence_required is False, "complied with from 12-31"
    assert at(3.0, date(2024, 12, 31)).licence_required is True
    assert at(3.0, to="DE").licence_required is False
    assert at(3.0).review[0].policy == "presumption of denial"
    assert at(2.5).margin == pytest.approx(25.0)


@pytest.mark.parametrize(
    ("to", "day", "licence"),
    [
        ("MO", date(2023, 1, 16), False),
        ("MO", date(2023, 1, 17), True),
        ("CN", date(2022, 10, 20), False),
        ("CN", date(2022, 10, 21), True),
        ("HK", date(2022, 10, 21), True),
        ("SA", date(2023, 11, 16), False),
        ("SA", date(2023, 11, 17), True),
        ("NI", date(2024, 3, 14), False),
        ("NI", date(2024, 3, 15), True),
        ("IL", date(2023, 11, 17), False),
        ("DE", date(2026, 1, 1), False),
        ("MY", date(2026, 1, 1), False),
        ("AE", date(2026, 7, 9), True),
        ("AE", date(2026, 7, 10), True),
        ("US", date(2026, 1, 1), False),
    ],
)
def test_destinations_on_both_sides_of_their_days(to: str, day: date, licence: bool) -> None:
    figures = {"tpp": 16000.0, "area": 814.0, "io": 1028.0}
    measures = Measures(
        *(Interval.exactly(figures[key]) for key in ("tpp", "area", "io")), datacenter=True
    )
    deal = Deal.between(to, "US", None, day)
    assert class_and_licence(measures, deal, BOOK)[1] is licence


def test_the_seat_of_the_parent_counts_from_its_day() -> None:
    item = chip(int8_tops=2000, die_area_mm2=814, io_bidirectional_gbs=1000, datacenter=True)

    def needs(day: date, parent: str, book: Rulebook = BOOK) -> bool | None:
        return classify(item, "SG", day, headquarters=parent, book=book).licence_required

    assert needs(date(2023, 11, 16), "CN") is False
    assert needs(date(2023, 11, 17), "CN") is True
    assert needs(date(2024, 1, 1), "Macau") is True
    assert needs(date(2024, 1, 1), "Hong Kong") is True
    assert needs(date(2024, 1, 1), "JP") is False
    assert needs(date(2025, 11, 6), "KH") is True
    assert needs(date(2025, 11, 7), "KH") is False


def test_the_worldwide_text_binds_only_as_codified() -> None:
    item = chip(int8_tops=2000, die_area_mm2=814, datacenter=True)
    day = date(2025, 6, 1)
    enforced = classify(item, "MY", day, book=BOOK)
    codified = classify(item, "MY", day, book=BOOK, codified=True)
    assert (enforced.licence_required, codified.licence_required) == (False, True)
    assert enforced.enforcement == "not enforced"
    hopeful = classify(item, "MY", day, book=load_rules(date(2025, 5, 1)))
    assert hopeful.licence_required is True, "on 1 May 2025 nobody knew that it would not be"
    assert (
        classify(item, "MY", date(2025, 5, 14), book=load_rules(date(2025, 5, 1))).licence_required
        is False
    )
    friend = classify(item, "DE", day, book=BOOK, codified=True)
    assert "AIA" in {found.id for found in friend.exceptions}


BUYERS = [
    # destination, parent, day, chip, class, licence, exceptions named, policy begins with
    ("CN", None, "H200", True, set(), "case by case"),
    ("MO", None, "H200", True, set(), "case by case"),
    ("CN", None, "RTX 4090", True, {"NAC"}, "case by case"),
    ("CN", None, "L40", True, {"NAC"}, "case by case"),
    ("CN", None, "H20", False, set(), None),
    ("SA", None, "H200", True, {"VEU"}, "presumption of approval"),
    ("SA", None, "RTX 4090", True, {"ACA"}, "presumption of approval"),
    ("SA", None, "L40", True, {"ACA"}, "presumption of approval"),
    ("SA", None, "H20", False, set(), None),
    ("IL", None, "H200", False, set(), None),
    ("DE", None, "L40", False, set(), None),
    ("MY", None, "H200", False, set(), None),
    ("MY", None, "L40", False, set(), None),
    ("AE", None, "H200", True, {"Supp. 8"}, "presumption of approval"),
    ("AE", None, "L40", True, {"Supp. 8", "ACA"}, "presumption of approval"),
    ("SG", "CN", "H200", True, set(), "presumption of denial"),
    ("SG", "CN", "RTX 4090", True, {"NAC"}, "presumption of denial"),
    ("RU", None, "H200", True, set(), "presumption of denial"),
]


@pytest.mark.parametrize(("to", "parent", "name", "licence", "named", "policy"), BUYERS)
def test_what_each_buyer_meets_in_august_2026(to, parent, name, licence, named, policy) -> None:
    from tonnage.catalog import load_catalog

    item = load_catalog(date(2026, 11, 22)).find(name)
    verdict = classify(item, to, date(2026, 8, 1), headquarters=parent, book=BOOK)
    assert verdict.licence_required is licence
    found = {exception.id for exception in verdict.exceptions}
    assert named <= found
    assert not {"LPP", "ACM", "AIA"} & found, "not enforced, so offered with the codified text only"
    if policy is None:
        assert verdict.review_policy is None
    else:
        assert (verdict.review_policy or "").startswith(policy)


def test_an_order_against_the_limits_on_aggregate_tpp() -> None:
    from tonnage.rules import order_limits

    day = date(2025, 2, 1)
    by_name = {limit.parameter: limit for limit in order_limits(BOOK, 15_831, 1699, day)}
    assert by_name["740.29.annual_tpp"].chips == 1699
    assert by_name["740.29.annual_tpp"].share == pytest.approx(1, abs=1e-3)
    assert by_name["742.6.allocation_tpp"].chips == pytest.approx(49_900, abs=10)
    assert order_limits(BOOK, 15_831, 1, date(2024, 1, 1)) == ()
    later = order_limits(BOOK, 15_831, 1, date(2025, 6, 1))
    assert {limit.cited.enforcement for limit in later} == {"not enforced"}
