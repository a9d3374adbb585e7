"""Spreads keep their order; the latest statement known on a day stands."""

from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tonnage.provenance import Confidence, Source, Sourced, Spread, latest_known

SOURCE = Source("s", "Title", "")
positive = st.floats(1e-6, 1e9)


def said(value: float, day: date) -> Sourced[float]:
    return Sourced(value, "GB", Confidence.REPORTED, SOURCE, day)


def test_the_last_statement_known_on_the_day_stands() -> None:
    promised, sold = said(128, date(2025, 9, 18)), said(112, date(2026, 3, 20))
    both = [sold, promised]
    assert latest_known(both, date(2025, 9, 17)) is None
    assert latest_known(both, date(2025, 9, 18)) is promised
    assert latest_known(both, date(2026, 3, 19)) is promised
    assert latest_known(both, date(2026, 3, 20)) is sold


@given(positive, st.floats(0, 3))
def test_a_lognormal_spread_gives_its_sigma_back(median: float, sigma: float) -> None:
    spread = Spread.lognormal(median, sigma)
    assert spread.p10 <= spread.p50 <= spread.p90
    assert spread.sigma == pytest.approx(sigma, abs=1e-6)


@given(positive, positive, positive)
def test_a_falling_function_swaps_the_ends(a: float, b: float, c: float) -> None:
    low, middle, high = sorted((a, b, c))
    turned = Spread(low, middle, high).map(lambda x: 1 / x)
    assert turned.p10 <= turned.p50 <= turned.p90
    assert turned.p90 == pytest.approx(1 / low)


def test_percentiles_out_of_order_are_refused() -> None:
    with pytest.raises(ValueError, match="order"):
        Spread(2, 1, 3)
    with pytest.raises(ValueError, match="order"):
        Spread(1, float("nan"), 3)
