"""The bill and the break-even against a month-by-month account of the cash."""

from math import inf, isfinite

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tonnage.cost import months_to_pay
from tonnage.cost.ledger import ledger

share = st.floats(0.0, 0.3)


def chip(price: float, money: float, decay: float, tariff: float) -> dict[str, float]:
    return {
        "price": price, "server": 0.3 * price, "network": 3000.0, "duty": 0.1,
        "revenue_share": 0.05, "rated_w": 1200.0, "load_share": 0.76, "idle_share": 0.25,
        "tariff": tariff, "pue": 1.3, "build_cost": 8000.0, "facility_life": 15.0,
        "facility_upkeep": 0.03, "staff_per_1000": 6.0, "salary": 60000.0, "failure_rate": 0.09,
        "uncovered_share": 0.3, "support": 0.02, "base_rate": money, "risk_margin": 0.02,
        "value_decay": decay, "used_discount": 0.7, "network_residual": 0.1,
    }  # fmt: skip


@settings(max_examples=60, deadline=None)
@given(st.floats(1e3, 1e5), share, st.floats(0.0, 0.6), st.floats(0.0, 0.5), st.integers(1, 10))
def test_a_loan_paid_by_the_capital_charge_ends_at_the_resale_value(
    price: float, money: float, decay: float, tariff: float, years: int
) -> None:
    bill = ledger(chip(price, money, decay, tariff), float(years), 0.7)
    owed = bill["capex"]
    for _ in range(12 * years):
        owed = owed * (1 + (money + 0.02) / 12) - bill["capital"]
    assert owed == pytest.approx(bill["residual"], rel=1e-6, abs=1e-4 * price)


@settings(max_examples=60, deadline=None)
@given(
    st.floats(10, 1e5), st.floats(0, 900), st.floats(1, 5000), st.floats(-0.5, 0.3), share
)  # fmt: skip
def test_break_even_is_where_two_accounts_cross(
    capex: float, opex: float, rent: float, trend: float, money: float
) -> None:
    found = months_to_pay(capex, opex, rent, trend, money)
    owner, tenant, crossed = capex, 0.0, inf
    for month in range(1, 121):
        worth = (1 + money / 12) ** -month
        owner += opex * worth
        tenant += rent * (1 + trend) ** ((month - 1) / 12) * worth
        if tenant >= owner and crossed == inf:
            crossed = month
    if isfinite(crossed) and isfinite(found):
        assert crossed - 1 <= found <= crossed + 1e-6
    else:
        assert found == crossed or abs(tenant - owner) < 1e-6 * capex


@settings(max_examples=40, deadline=None)
@given(st.floats(0.05, 1.0), st.integers(1, 8))
def test_a_used_hour_repays_every_hour_of_the_term(used: float, years: int) -> None:
    bill = ledger(chip(20_000.0, 0.05, 0.2, 0.08), float(years), used)
    hours = 730.5 * 12 * years
    income = bill["hour"] * hours * used
    assert income == pytest.approx((bill["capital"] + bill["opex"]) * 12 * years)
