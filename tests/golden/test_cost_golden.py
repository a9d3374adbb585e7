"""Published costs that the room was not built from, or must give back."""

from datetime import date

import pytest

from tonnage.catalog import load_catalog
from tonnage.cost import Terms, load_costs, months_to_pay, own
from tonnage.cost.site import network_adder, power_of
from tonnage.units import HOURS_PER_MONTH


def test_the_network_of_1024_h100_gives_back_the_published_4247_a_chip() -> None:
    """(1.728 + 2.621 M) / 1,024: a cluster model of 2024-08-22, InfiniBand at 400 Gbit/s."""
    day = date(2024, 8, 22)
    chip = load_catalog(day).find("H100")
    assert network_adder(chip, 1024, load_costs(day)).value.p50 == pytest.approx(4247, rel=0.01)


def test_an_h100_in_a_cluster_costs_what_the_cluster_model_says() -> None:
    """49,248 USD a chip (45,810 to 51,613), with storage and management, not counted here."""
    day = date(2024, 8, 22)
    catalog = load_catalog(day)
    capex = own(catalog.find("H100"), 1024, catalog, Terms(country="US")).per_chip["capex"]
    assert 0.8 * 49_248 < capex.p50 < 49_248
    assert capex.p90 > 45_810


def test_dgx_h100_draws_its_rated_power() -> None:
    """10.2 kW for eight chips; 76 % of it in training (Newkirk et al. 2025)."""
    catalog = load_catalog(date(2025, 7, 1))
    power = power_of(catalog.find("H100"), 8, load_costs(catalog.as_of), catalog)
    assert power.rated_w.value.p50 * 8 == pytest.approx(10_200, rel=0.01)
    assert power.mean_w(1.0).p50 * 8 == pytest.approx(0.76 * 10_200, rel=0.01)


def test_cloudmatrix_384_draws_559_kw() -> None:
    """SemiAnalysis, 2025-04-16: 559 kW with its network."""
    catalog = load_catalog(date(2025, 5, 1))
    power = power_of(catalog.find("Ascend 910C"), 8, load_costs(catalog.as_of), catalog)
    assert power.rated_w.value.p50 * 384 == pytest.approx(559_000, rel=0.01)


def test_an_h100_server_let_at_70000_yuan_a_month_pays_in_about_three_years() -> None:
    """A broker's note of the end of 2024: payback of three years, before running costs."""
    day = date(2024, 12, 31)
    catalog = load_catalog(day)
    owned = own(catalog.find("H100"), 8, catalog)
    hire = 70_000 / 7.1884 / 8
    months = months_to_pay(owned.per_chip["capex"].p50, 0.0, hire, 0.0, 0.0)
    assert 30 < months < 48


def test_the_lease_price_of_h100_in_2024_covers_its_cost_in_the_us() -> None:
    """2.85 to 2.99 USD an hour was asked in 2024; full cost at high use must lie below that."""
    catalog = load_catalog(date(2024, 10, 7))
    owned = own(catalog.find("H100"), 1024, catalog, Terms(country="US", utilisation=0.9))
    assert 1.3 < owned.usd_per_chip_hour.p50 < 2.99
    assert owned.per_chip["opex"].p50 / HOURS_PER_MONTH < 1.0
