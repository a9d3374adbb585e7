"""Hand-computed cases of the formulas of ownership, rental and break-even."""

from datetime import date
from math import inf, sqrt

import pytest

from tonnage.catalog import load_catalog
from tonnage.cost import Terms, break_even, months_to_pay, own, product, quotient, rent, total
from tonnage.cost.breakeven import levelled
from tonnage.cost.ledger import annuity, ledger, resale
from tonnage.cost.through import draws, percentile, through
from tonnage.provenance import Spread

PLAIN = {
    "price": 9000.0, "server": 1000.0, "network": 2000.0, "duty": 0.0, "revenue_share": 0.0,
    "rated_w": 1000.0, "load_share": 0.8, "idle_share": 0.2, "tariff": 0.1, "pue": 1.5,
    "build_cost": 12000.0, "facility_life": 10.0, "facility_upkeep": 0.02, "staff_per_1000": 5.0,
    "salary": 120000.0, "failure_rate": 0.1, "uncovered_share": 0.5, "support": 0.03,
    "base_rate": 0.0, "risk_margin": 0.0, "value_decay": 0.5, "used_discount": 0.8,
    "network_residual": 0.25,
}  # fmt: skip


def test_a_bill_by_hand_without_interest() -> None:
    bill = ledger(PLAIN, years=2.0, utilisation=0.5)
    assert bill["capex"] == 12000.0
    assert bill["residual"] == pytest.approx(10000 * 0.25 * 0.8 + 500)
    assert bill["depreciation"] == pytest.approx((12000 - 2500) / 24)
    assert bill["cost of money"] == pytest.approx(0.0)
    # Mean power is 0.2 + 0.6 / 2 = half of 1 kW; a month has 730.5 hours.
    assert bill["electricity"] == pytest.approx(0.5 * 1.5 * 0.1 * 730.5)
    assert bill["hosting"] == pytest.approx(12000 * (1 / 10 + 0.02) / 12)
    assert bill["staff"] == pytest.approx(5 / 1000 * 120000 / 12)
    assert bill["spares"] == pytest.approx(0.1 * 0.5 * 9000 / 12)
    assert bill["support"] == pytest.approx(0.03 * 12000 / 12)
    running = sum(bill[k] for k in ("electricity", "hosting", "staff", "spares", "support"))
    assert bill["opex"] == pytest.approx(running)
    assert bill["hour"] == pytest.approx((bill["capital"] + running) / (730.5 * 0.5))


def test_duties_fall_on_the_price_alone_and_are_not_got_back() -> None:
    taxed = ledger(PLAIN | {"duty": 0.25, "revenue_share": 0.15}, 2.0, 0.5)
    assert taxed["duty"] == 2250.0
    assert taxed["revenue share"] == pytest.approx(1350.0)
    assert taxed["capex"] == pytest.approx(12000 + 3600)
    assert taxed["residual"] == ledger(PLAIN, 2.0, 0.5)["residual"]


def test_interest_is_what_an_annuity_adds() -> None:
    assert annuity(0.01, 12) == pytest.approx(0.0888488, rel=1e-5)
    dear = ledger(PLAIN | {"base_rate": 0.08, "risk_margin": 0.04}, 2.0, 0.5)
    assert dear["cost of money"] > 0
    paid, left = dear["capital"], dear["residual"]
    worth = sum(paid / 1.01**m for m in range(1, 25)) + left / 1.01**24
    assert worth == pytest.approx(dear["capex"])


def test_resale_at_the_start_loses_the_used_discount_only() -> None:
    assert resale(PLAIN, 0.0) == pytest.approx(8000 + 500)


@pytest.mark.parametrize(
    ("capex", "opex", "rent", "months"),
    [(1200.0, 0.0, 100.0, 12.0), (1200.0, 50.0, 100.0, 24.0), (250.0, 0.0, 100.0, 2.5)],
)
def test_break_even_by_hand(capex: float, opex: float, rent: float, months: float) -> None:
    assert months_to_pay(capex, opex, rent, 0.0, 0.0) == pytest.approx(months)


def test_break_even_never_when_running_costs_the_rent() -> None:
    assert months_to_pay(1200.0, 100.0, 100.0, 0.0, 0.0) == inf
    assert months_to_pay(1200.0, 0.0, 100.0, -0.9, 0.0) == inf


def test_break_even_later_with_falling_rents_and_dear_money() -> None:
    base = months_to_pay(1200.0, 20.0, 100.0, 0.0, 0.0)
    assert months_to_pay(1200.0, 20.0, 100.0, -0.2, 0.0) > base
    assert months_to_pay(1200.0, 20.0, 100.0, 0.0, 0.2) > base


def test_a_contract_fixes_the_rent() -> None:
    # Twelve months at 100, then at 50: 1,200 + 300 is reached after 6 months of the second year.
    assert months_to_pay(1500.0, 0.0, 100.0, -0.5, 0.0, 12) == pytest.approx(18.0)
    assert months_to_pay(1500.0, 0.0, 100.0, -0.5, 0.0, 36) == pytest.approx(15.0)
    assert months_to_pay(1500.0, 0.0, 100.0, -0.5, 0.0) > 18.0


def test_a_falling_rent_is_lower_over_the_term() -> None:
    assert levelled(3.0, 0.0, 0.08) == pytest.approx(1.0)
    # Two years at no interest, falling by half a year: the mean of 0.5^(k/12), k = 0..23.
    mean = sum(0.5 ** (k / 12) for k in range(24)) / 24
    assert levelled(2.0, -0.5, 0.0) == pytest.approx(mean)
    assert levelled(2.0, -0.5, 0.2) > mean


def test_sums_and_products_of_independent_figures() -> None:
    both = total([Spread(7, 10, 14), Spread(16, 20, 23)])
    assert both.p50 == 30
    assert both.p10 == pytest.approx(30 - sqrt(9 + 16))
    assert both.p90 == pytest.approx(30 + sqrt(16 + 9))
    area = product(Spread(5, 10, 20), Spread.exactly(3))
    assert (area.p10, area.p50, area.p90) == pytest.approx((15, 30, 60))
    assert quotient(Spread.exactly(6), Spread(2, 3, 6)).p10 == pytest.approx(1.0)


def test_doubt_goes_through_a_formula_one_input_at_a_time() -> None:
    def area(x: dict[str, float]) -> dict[str, float]:
        return {"area": x["a"] * x["b"]}

    found = through(area, {"a": Spread(8, 10, 13), "b": Spread.exactly(2)})["area"]  # type: ignore[arg-type]
    assert (found.p10, found.p50, found.p90) == (16, 20, 26)


def test_draws_repeat_and_pass_through_the_percentiles() -> None:
    inputs = {"a": Spread(50, 100, 400), "b": Spread(-1, 0, 2)}
    drawn = draws(inputs, count=4000)
    assert drawn == draws(inputs, count=4000)
    for name, spread in inputs.items():
        ordered = sorted(d[name] for d in drawn)
        assert percentile(ordered, 0.1) == pytest.approx(spread.p10, abs=6)
        assert percentile(ordered, 0.5) == pytest.approx(spread.p50, abs=6)
        assert percentile(ordered, 0.9) == pytest.approx(spread.p90, abs=40)


def test_two_doubts_together_do_not_make_an_amount_negative() -> None:
    inputs = {"price": Spread(80.0, 100.0, 120.0), "duty": Spread(0.0, 0.25, 0.25)}
    found = through(lambda x: {"duty": x["price"] * x["duty"], "less": x["price"] - 110}, inputs)
    # Alone the falls are 5 and 25; as squares they add up to 25.5 of 25.
    assert found["duty"].p10 == 0.0
    assert found["less"].p10 == pytest.approx(-30.0)


def test_break_even_is_the_month_at_the_middles() -> None:
    day = date(2025, 1, 1)
    catalog = load_catalog(day)
    chip = catalog.find("H100 SXM")
    terms = Terms(country="US")
    owned, rented = own(chip, 8, catalog, terms), rent(chip, catalog, terms)
    assert rented is not None
    found = break_even(owned, rented)
    by_hand = months_to_pay(
        owned.per_chip["capex"].p50,
        owned.per_chip["opex"].p50,
        rented.on_demand.value.p50 * 730.5 * 0.7,
        rented.trend.value.p50,
        owned.inputs["base_rate"].value.p50 + owned.inputs["risk_margin"].value.p50,
    )
    assert found.p50 == pytest.approx(by_hand)
    assert found.p10 <= found.p50 <= found.p90
