"""What must hold of every cost and every match, whatever the numbers."""

from dataclasses import replace
from datetime import date
from functools import cache

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tonnage.catalog import Chip, load_catalog
from tonnage.cost import Ownership, Terms, break_even, load_costs, months_to_pay, own, rent
from tonnage.cost.site import network_adder
from tonnage.provenance import Spread
from tonnage.study.match import match
from tonnage.study.match_curve import Curve, delivered, needed
from tonnage.study.match_load import load_of
from tonnage.study.match_rate import Speed, training_speed

DAY = date(2024, 7, 5)
CATALOG = load_catalog(DAY)
CHIPS = ("H20", "A800", "910B3", "RTX 4090 D", "L20")
ENDS = ("p10", "p50", "p90")

chip_names = st.sampled_from(CHIPS)
factor = st.floats(1.0, 3.0)
quick = settings(max_examples=25, deadline=None)


def owned(name: str, **terms: float) -> Ownership:
    return own(CATALOG.find(name), 256, CATALOG, Terms(**terms))  # type: ignore[arg-type]


def not_lower(dear: Spread, cheap: Spread) -> bool:
    return all(getattr(dear, e) >= getattr(cheap, e) * (1 - 1e-9) for e in ENDS)


@quick
@given(chip_names, st.floats(0.02, 0.5), factor)
def test_a_higher_tariff_never_lowers_the_cost(name: str, tariff: float, more: float) -> None:
    cheap, dear = owned(name, tariff=tariff), owned(name, tariff=tariff * more)
    assert not_lower(dear.usd_per_chip_hour, cheap.usd_per_chip_hour)
    assert not_lower(dear.opex_per_month, cheap.opex_per_month)


@quick
@given(chip_names, st.floats(1.0, 2.0), st.floats(0.0, 1.0))
def test_a_higher_pue_never_lowers_the_cost(name: str, pue: float, more: float) -> None:
    cheap, dear = owned(name, pue=pue), owned(name, pue=pue + more)
    assert not_lower(dear.usd_per_chip_hour, cheap.usd_per_chip_hour)


@quick
@given(chip_names, st.floats(500, 50_000), factor)
def test_a_higher_price_never_lowers_the_cost(name: str, price: float, more: float) -> None:
    cheap, dear = owned(name, price=price), owned(name, price=price * more)
    assert not_lower(dear.usd_per_chip_hour, cheap.usd_per_chip_hour)
    assert not_lower(dear.capex, cheap.capex)


@quick
@given(chip_names, st.floats(0.05, 0.9), st.floats(1.0, 1.1))
def test_more_use_never_raises_the_cost_of_a_used_hour(name: str, used: float, more: float) -> None:
    little, much = owned(name, utilisation=used), owned(name, utilisation=used * more)
    assert not_lower(little.usd_per_chip_hour, much.usd_per_chip_hour)
    assert not_lower(much.opex_per_month, little.opex_per_month)


@quick
@given(chip_names, st.floats(0.0, 0.3), st.floats(0.0, 0.2))
def test_dearer_money_never_lowers_the_cost(name: str, rate: float, more: float) -> None:
    cheap, dear = owned(name, cost_of_money=rate), owned(name, cost_of_money=rate + more)
    assert not_lower(dear.cost_per_month, cheap.cost_per_month)


@quick
@given(chip_names, st.integers(1, 100_000), st.integers(1, 100_000))
def test_a_larger_cluster_never_has_a_cheaper_network(name: str, a: int, b: int) -> None:
    small, large = sorted((a, b))
    book, chip = load_costs(DAY), CATALOG.find(name)
    assert not_lower(network_adder(chip, large, book).value, network_adder(chip, small, book).value)


@quick
@given(st.floats(10, 1e5), st.floats(0, 500), st.floats(1, 3000), factor)
def test_break_even_moves_the_right_way(
    capex: float, opex: float, hire: float, more: float
) -> None:
    base = months_to_pay(capex, opex, hire, -0.1, 0.08)
    assert months_to_pay(capex * more, opex, hire, -0.1, 0.08) >= base
    assert months_to_pay(capex, opex * more, hire, -0.1, 0.08) >= base
    assert months_to_pay(capex, opex, hire * more, -0.1, 0.08) <= base


@settings(max_examples=8, deadline=None)
@given(st.floats(0.2, 5.0), factor)
def test_a_dearer_rent_never_delays_break_even(hire: float, more: float) -> None:
    buyer = owned("A800")
    found = []
    for price in (hire, hire * more):
        offered = rent(CATALOG.find("A800"), CATALOG, Terms(rent=price))
        assert offered is not None
        found.append(break_even(buyer, offered))
    assert all(getattr(found[1], e) <= getattr(found[0], e) for e in ENDS)


def test_years_kept_in_sum_cost_more() -> None:
    totals = [owned("H20", years=y).cost_per_month.p50 * 12 * y for y in (1.0, 2.0, 4.0, 8.0)]
    assert totals == sorted(totals)


TRAIN = load_of({"kind": "train", "model": "gpt3-175b", "seq": 2048, "global_batch": 1536})
SERVE = load_of({"kind": "serve", "model": "llama-2-70b", "input": 1024, "output": 256})


@pytest.mark.parametrize("load", [TRAIN, SERVE], ids=["train", "serve"])
@pytest.mark.parametrize("count", [512, 1024, 1001])
def test_a_chip_matches_itself_exactly(load: object, count: int) -> None:
    row = match("A800", count, ["A800"], load, as_of=DAY).rows[0]  # type: ignore[arg-type]
    assert row.need is not None
    assert row.need.per_chip == Spread.exactly(1.0)
    assert (row.need.p10, row.need.p50, row.need.p90) == (count,) * 3
    assert row.against is not None
    assert row.against.cost == row.against.power == row.against.capex == Spread.exactly(1.0)
    assert row.kept == Spread.exactly(1.0)


def test_more_chips_never_deliver_less() -> None:
    for name in ("A800", "H20", "910B3"):
        chip = CATALOG.find(name)
        speeds = [training_speed(chip, TRAIN, n) for n in (256, 512, 1024, 2048)]
        work = [delivered(s, s.chips) for s in speeds]
        assert work == sorted(work), name


@cache
def at_1024(chip: Chip) -> Speed:
    return training_speed(chip, TRAIN, 1024)


def curve(chip: Chip, rates: list[float], sigma: float = 0.1) -> Curve:
    base = at_1024(chip)
    speeds: list[Speed] = [
        replace(base, chips=512 << k, group=512 << k, per_chip=Spread.lognormal(rate, sigma))
        for k, rate in enumerate(rates)
    ]
    return Curve(chip, tuple(speeds))


@settings(max_examples=40, deadline=None)
@given(
    st.floats(20, 400), st.floats(0.85, 1.0), st.floats(0.85, 1.0),
    st.floats(20, 400), st.floats(1.0, 2.0), st.floats(0.01, 0.4),
)  # fmt: skip
def test_counts_move_the_right_way(
    rate: float, fall: float, fall_on: float, theirs: float, more: float, sigma: float
) -> None:
    a, b = CATALOG.find("A100-80GB"), CATALOG.find("H20")
    rates = [rate, rate * fall, rate * fall * fall_on]
    ours = curve(b, rates, sigma)
    slow = curve(a, [theirs] * 3).nearest(1024)
    fast = curve(a, [theirs * more] * 3).nearest(1024)
    few, many = needed(ours, slow, 1024, 8), needed(ours, fast, 1024, 8)
    assert few is not None
    assert many is not None
    assert many.p50 >= few.p50 >= few.p10
    assert few.p90 >= few.p50
    assert few.p50 % 8 == 0
    assert ours.rate(few.per_chip.p50 * 1024) * few.per_chip.p50 * 1024 == pytest.approx(
        delivered(slow, 1024), rel=1e-6
    )
    faster = needed(curve(b, [r * more for r in rates], sigma), slow, 1024, 8)
    assert faster is not None
    assert faster.p50 <= few.p50
