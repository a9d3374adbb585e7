"""Properties that hold for every specification, place and day."""

from dataclasses import replace
from datetime import date, timedelta
from math import inf, nan

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from tonnage.provenance import Grade, Source
from tonnage.rules import Measures, classify_table, load_rules
from tonnage.rules.classify import class_and_licence
from tonnage.rules.clause import CLASSES, classification_on, derived
from tonnage.rules.licence import Deal
from tonnage.rules.metrics import UNKNOWN_INTERVAL, Interval
from tonnage.rules.possible import class_of, possible_classes
from tonnage.rules.reform import Change, Reform

BOOK = load_rules(date(2026, 11, 22))
NEAR = [600.0, 1100.0, 1400.0, 1600.0, 1700.0, 2400.0, 4800.0, 6500.0, 21000.0]
BILL = Reform(
    "bill",
    "what-if",
    Source("bill", "a bill", "https://example.org"),
    tuple(
        Change(f"proposed.{name}", line, ">=", name, date(2020, 1, 1), Grade.KNOWLEDGE, "")
        for name, line in (
            ("dram_bandwidth", 4100.0),
            ("interconnect_bandwidth", 1100.0),
            ("bandwidth_sum", 5000.0),
        )
    ),
).applied_to(BOOK)

figure = st.one_of(st.floats(1, 1e5), st.sampled_from(NEAR))
known_or_not = st.one_of(st.none(), figure)
area = st.one_of(st.floats(20, 3000), st.sampled_from([4800 / 5.92, 1600 / 3.2, 826.0]))
area_or_not = st.one_of(st.none(), area)
market = st.sampled_from([True, False, None])
days = st.dates(date(2022, 8, 1), date(2027, 6, 1))
places = st.sampled_from(["CN", "HK", "MO", "SA", "AE", "VN", "DE", "TW", "MY", "US", "RU", "IL"])
spec = st.tuples(known_or_not, area_or_not, known_or_not, known_or_not, market)


def measures(
    row: tuple[float | None, float | None, float | None, float | None, bool | None],
) -> Measures:
    return Measures(*(Interval.exactly(value) for value in row[:4]), datacenter=row[4])  # type: ignore[misc]


@settings(max_examples=150, deadline=None)
@given(
    rows=st.lists(spec, min_size=1, max_size=6),
    on=st.lists(days, min_size=1, max_size=4),
    to=st.lists(places, min_size=1, max_size=3, unique=True),
    parent=st.sampled_from([None, "CN", "JP"]),
    codified=st.booleans(),
    book=st.sampled_from([BOOK, BILL]),
)
def test_the_array_path_agrees_with_the_scalar_path(rows, on, to, parent, codified, book):
    columns = {
        name: [nan if row[k] is None else float(row[k]) for row in rows]
        for k, name in enumerate(("tpp", "die_area_mm2", "io_gbs", "dram_gbs", "datacenter"))
    }
    table = classify_table(columns, to, on, headquarters=parent, book=book, codified=codified)
    names = table.class_names()
    for i, row in enumerate(rows):
        for j, place in enumerate(to):
            for k, day in enumerate(on):
                deal = Deal.between(place, "US", parent, day, codified=codified)
                expected = class_and_licence(measures(row), deal, book)
                licence = {1: True, 0: False, -1: None}[int(table.licence_required[i, j, k])]
                assert (str(names[i, k]), licence) == expected, (row, place, day)


@settings(max_examples=200, deadline=None)
@given(
    low=st.tuples(figure, area, figure, figure),
    widths=st.tuples(*[st.floats(0, 3)] * 4),
    where=st.tuples(*[st.floats(0, 1)] * 4),
    day=days,
    is_market=st.booleans(),
)
def test_the_true_class_is_always_among_the_possible_ones(low, widths, where, day, is_market):
    highs = [value * (1 + width) for value, width in zip(low, widths, strict=True)]
    intervals = [Interval(a, b) for a, b in zip(low, highs, strict=True)]
    doubtful = Measures(*intervals, datacenter=None)
    points = [a + t * (b - a) for a, b, t in zip(low, highs, where, strict=True)]
    law = classification_on(BOOK, day)
    true = class_of(law, derived(*points, is_market))
    assert true in possible_classes(law, doubtful)


@settings(max_examples=150, deadline=None)
@given(row=spec, day=days, value=figure, which=st.integers(0, 3))
def test_knowing_more_never_widens_the_answer(row, day, value, which):
    law = classification_on(BOOK, day)
    names = ("tpp", "die_area", "io_rate", "dram_bandwidth")
    less = replace(measures(row), **{names[which]: UNKNOWN_INTERVAL})
    more = replace(less, **{names[which]: Interval.exactly(value)})
    assert possible_classes(law, more) <= possible_classes(law, less)


@settings(max_examples=150, deadline=None)
@given(tpp=figure, mm2=area, io=figure, dram=figure, is_market=st.booleans(), day=days,
       factor=st.floats(1, 20))  # fmt: skip
def test_more_compute_on_the_same_die_is_never_in_a_milder_class(
    tpp, mm2, io, dram, is_market, day, factor
):
    law = classification_on(BOOK, day)
    rank = [
        CLASSES.index(class_of(law, derived(score, mm2, io, dram, is_market)))
        for score in (tpp, tpp * factor)
    ]
    assert rank[0] <= rank[1]


@settings(max_examples=150, deadline=None)
@given(row=spec, day=days, place=places, parent=st.sampled_from([None, "CN", "DE"]))
def test_what_is_enforced_is_also_codified(row, day, place, parent):
    def licence(codified: bool) -> bool | None:
        deal = Deal.between(place, "US", parent, day, codified=codified)
        return class_and_licence(measures(row), deal, BOOK)[1]

    if licence(False) is True:
        assert licence(True) is True


@settings(max_examples=60, deadline=None)
@given(as_of=st.dates(date(2022, 1, 1), date(2027, 1, 1)))
def test_nothing_that_became_known_later_is_in_a_rulebook(as_of):
    book = load_rules(as_of)
    for parameter in book.parameters.values():
        assert all(entry.known_from <= as_of for entry in parameter.values)
    for regime in book.regimes.values():
        assert all(state.known_from <= as_of for state in regime.states)
    for overlay in book.overlays:
        assert overlay.known_from <= as_of
        assert overlay.until is None or overlay.until_known_from is not None
        assert overlay.until is None or overlay.until_known_from <= as_of


def test_unknown_intervals_are_the_widest():
    assert (UNKNOWN_INTERVAL.low, UNKNOWN_INTERVAL.high) == (0.0, inf)


def test_the_table_keeps_the_order_and_shape_of_its_input():
    days_asked = [date(2023, 12, 1) + timedelta(days=300 * k) for k in range(3)]
    table = classify_table({"tpp": [5000.0, 100.0]}, ["CN", "DE"], days_asked, book=BOOK)
    assert table.classes.shape == (2, 3)
    assert table.licence_required.shape == (2, 2, 3)
    frame = table.to_frame()
    assert {len(column) for column in frame.values()} == {12}
    assert np.array_equal(frame["spec"], np.repeat([0, 1], 6))
