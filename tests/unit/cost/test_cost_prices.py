"""Which published prices stand behind a cost, and that kinds are never mixed."""

from datetime import date

import pytest

from tonnage.catalog import load_catalog
from tonnage.cost import Terms, chip_costs, load_costs, own, rent
from tonnage.cost.price import price_and_server
from tonnage.cost.published import quotes_of
from tonnage.cost.quote import Good, Quote, choose, market_of, together
from tonnage.cost.site import form_of, network_adder, switch_ports, switch_tiers
from tonnage.errors import InputError, NotEnoughKnown
from tonnage.provenance import Confidence, Spread

JULY = date(2024, 7, 5)


def quote(usd: float, good: Good, day: date, country: str = "CN", lawful: bool = True) -> Quote:
    return Quote(good, Spread.exactly(usd), day, country, lawful, "source", Confidence.OFFICIAL)


def test_an_h20_in_a_server_bears_no_second_server() -> None:
    catalog = load_catalog(JULY)
    price, server = price_and_server(catalog.find("H20"), catalog, load_costs(JULY), Terms(), JULY)
    assert "chip in a server" in price.note
    assert server.value == Spread.exactly(0.0)
    assert price.value.p10 < 1_400_000 / 8 / 7.1 < price.value.p90


def test_a_bare_card_gets_its_share_of_a_server() -> None:
    catalog = load_catalog(JULY)
    price, server = price_and_server(
        catalog.find("RTX 4090 D"), catalog, load_costs(JULY), Terms(), JULY
    )
    assert "bare chip" in price.note
    assert server.value.p50 > 500
    assert price.value.p50 == pytest.approx(12999 / 7.08, rel=0.02)


def test_a_910b_is_never_the_mean_of_bare_and_in_server() -> None:
    """The street price is 120,000 yuan, the price in a server 281,000: the gap is the server."""
    catalog = load_catalog(JULY)
    owned = own(catalog.find("910B3"), 1024, catalog)
    whole = (owned.per_chip["price"].p50 + owned.per_chip["server"].p50) * 7.1
    assert 270_000 < whole < 310_000


def test_grey_markets_are_left_out() -> None:
    catalog = load_catalog(date(2026, 7, 1))
    quotes = quotes_of(catalog.find("B300"), catalog, load_costs(catalog.as_of))
    assert any(not q.lawful for q in quotes)
    used = choose(quotes, Good.SERVER, "CN", catalog.as_of)
    assert used
    assert all(q.lawful for q in used)


@pytest.mark.parametrize(
    ("region", "market"),
    [
        ("China", ("CN", True)),
        ("China (black market)", ("CN", False)),
        ("China (imported)", ("CN", False)),
        ("US (Amazon retail)", ("US", True)),
        ("Global median", ("world", True)),
    ],
)
def test_markets(region: str, market: tuple[str, bool]) -> None:
    assert market_of(region) == market


def test_later_and_foreign_quotes_are_not_used_where_better_ones_are() -> None:
    day = date(2024, 6, 1)
    quotes = [
        quote(1.0, Good.BARE, date(2021, 1, 1)),
        quote(2.0, Good.BARE, date(2024, 1, 1)),
        quote(3.0, Good.BARE, date(2024, 5, 1), country="US"),
        quote(4.0, Good.BARE, date(2024, 7, 1)),
        quote(5.0, Good.SERVER, date(2024, 5, 1)),
    ]
    assert [q.usd.p50 for q in choose(quotes, Good.BARE, "CN", day)] == [2.0]
    assert [q.usd.p50 for q in choose(quotes, Good.BARE, "US", day)] == [3.0]
    assert choose(quotes, Good.RENT, "CN", day) == []
    assert together([], "price", "CN", day) is None


def test_an_old_or_foreign_quote_is_wider() -> None:
    day = date(2024, 6, 1)
    fresh = together([quote(100.0, Good.BARE, day)], "p", "CN", day)
    old = together([quote(100.0, Good.BARE, date(2021, 6, 1))], "p", "CN", day)
    away = together([quote(100.0, Good.BARE, day, country="US")], "p", "CN", day)
    assert fresh is not None
    assert old is not None
    assert away is not None
    assert fresh.value.p90 == 100.0
    assert old.value.p90 > away.value.p90 > 100.0
    assert "for want of one from CN" in away.note


def test_an_unpublished_price_is_an_estimate_and_says_so() -> None:
    catalog = load_catalog(date(2024, 1, 7))
    costs = chip_costs(catalog.find("H20"), catalog, chips=1024)
    assert "price" in costs.estimated
    assert costs.price is not None
    assert costs.price.confidence is Confidence.ESTIMATED
    assert costs.price.value.p90 / costs.price.value.p10 > 2
    # Asked a month later by the trade: 1.4 M yuan a server.
    assert costs.price.value.p10 < 1_400_000 / 8 / 7.1 < costs.price.value.p90


def test_no_price_and_no_sibling_is_said() -> None:
    catalog = load_catalog(date(2026, 1, 1))
    with pytest.raises(NotEnoughKnown, match="Kunlun P800"):
        own(catalog.find("P800"), 8, catalog, Terms(power_w=400.0))
    costs = chip_costs(catalog.find("P800"), catalog, chips=8)
    assert costs.capex is None
    assert costs.unknown


def test_given_values_replace_the_published_ones() -> None:
    catalog = load_catalog(JULY)
    terms = Terms(price=1000.0, rent=2.0, tariff=0.2, pue=1.1, power_w=500.0, cost_of_money=0.0)
    owned = own(catalog.find("H20"), 8, catalog, terms)
    assert owned.capex.p10 == owned.capex.p90 == 8000.0
    assert owned.per_chip["cost of money"].p50 == pytest.approx(0.0, abs=1e-9)
    found = rent(catalog.find("H20"), catalog, terms)
    assert found is not None
    assert found.on_demand.value == Spread.exactly(2.0)


def test_every_fault_of_the_terms_comes_at_once() -> None:
    with pytest.raises(InputError) as error:
        Terms(country="cn", years=-1, utilisation=float("nan"), tariff=-2.0)
    assert {f.field for f in error.value.faults} == {"country", "years", "utilisation", "tariff"}


def test_a_country_without_a_tariff_needs_one() -> None:
    catalog = load_catalog(JULY)
    with pytest.raises(InputError, match="give tariff"):
        own(catalog.find("H20"), 8, catalog, Terms(country="BR"))
    assert own(catalog.find("H20"), 8, catalog, Terms(country="BR", tariff=0.1)).capex.p50 > 0


def test_tiers_of_a_fat_tree() -> None:
    assert [switch_tiers(n) for n in (1, 64, 65, 2048, 2049, 65536)] == [1, 1, 2, 2, 3, 3]


def test_one_server_needs_no_network() -> None:
    catalog = load_catalog(JULY)
    chip = catalog.find("H20")
    book = load_costs(JULY)
    assert switch_ports(chip, 8, book) == (0, 0)
    assert network_adder(chip, 8, book).value.p50 == 0.0
    assert network_adder(chip, 9, book).value.p50 > 0.0


def test_forms() -> None:
    catalog = load_catalog(JULY)
    forms = {name: form_of(catalog.find(name)) for name in ("H20", "L20", "910B3", "MI300X")}
    assert forms == {"H20": "module", "L20": "card", "910B3": "module", "MI300X": "module"}


def test_the_duty_falls_on_older_prices_of_chips_in_a_band_only() -> None:
    catalog = load_catalog(date(2026, 3, 20))
    h200 = catalog.find("H200")
    here = own(h200, 8, catalog, Terms(country="CN"))
    assert here.inputs["duty"].value.p50 == pytest.approx(0.25)
    assert here.inputs["duty"].value.p10 == 0.0
    assert "9903.79.01" in here.inputs["duty"].source
    assert own(h200, 8, catalog, Terms(country="US")).inputs["duty"].value.p90 == 0.0
    assert own(catalog.find("H100"), 8, catalog).inputs["duty"].value.p90 == 0.0
    earlier = load_catalog(date(2026, 1, 13))
    assert own(earlier.find("H200"), 8, earlier).inputs["duty"].value.p90 == 0.0


def test_the_revenue_share_is_for_china_after_august_2025() -> None:
    catalog = load_catalog(date(2025, 9, 1))
    share = own(catalog.find("H20"), 8, catalog).inputs["revenue_share"]
    assert share.value.p90 == pytest.approx(0.15)
    assert share.value.p10 == 0.0
    assert (
        own(catalog.find("H20"), 8, catalog, Terms(country="US")).inputs["revenue_share"].value.p90
        == 0.0
    )
    before = load_catalog(date(2025, 8, 1))
    assert own(before.find("H20"), 8, before).inputs["revenue_share"].value.p90 == 0.0


def test_an_as_of_day_uses_no_later_price() -> None:
    for day in (date(2024, 1, 7), date(2024, 7, 5), date(2025, 4, 20)):
        catalog = load_catalog(day)
        for name in ("H20", "A800", "H100", "910B3", "L20"):
            costs = chip_costs(catalog.find(name), catalog, chips=64)
            if costs.owned is not None:
                assert all(f.known_from <= day for f in costs.owned.inputs.values())


def test_items_add_up_and_show_their_sources() -> None:
    catalog = load_catalog(JULY)
    owned = own(catalog.find("H20"), 1024, catalog)
    items = owned.items()
    assert all(item.source for item in items)
    once = sum(i.value.p50 for i in items if i.group == "capital")
    monthly = sum(i.value.p50 for i in items if i.group == "monthly")
    charge = sum(i.value.p50 for i in items if i.group == "charge")
    assert once == pytest.approx(owned.capex.p50)
    assert monthly == pytest.approx(owned.opex_per_month.p50)
    assert monthly + charge == pytest.approx(owned.cost_per_month.p50)


def test_domestic_chips_pay_the_subsidised_tariff_once_it_is_known() -> None:
    late = load_catalog(date(2026, 1, 10))
    home = own(late.find("910B3"), 8, late).inputs["tariff"]
    abroad = own(late.find("H200"), 8, late).inputs["tariff"]
    assert home.value.p50 < abroad.value.p50
    early = load_catalog(JULY)
    assert (
        own(early.find("910B3"), 8, early).inputs["tariff"]
        == (own(early.find("H20"), 8, early).inputs["tariff"])
    )


def test_the_bill_names_the_exchange_rate_of_the_day() -> None:
    catalog = load_catalog(date(2024, 1, 7))
    chip = catalog.find("A800")
    rates = [i for i in own(chip, 8, catalog).items() if i.name == "exchange rate"]
    assert [r.value.p50 for r in rates] == [7.0827]
    assert rates[0].unit == "CNY/USD"
    at_home = own(chip, 8, catalog, Terms(country="US")).items()
    assert not [i for i in at_home if i.name == "exchange rate"]


def test_other_families_of_the_vendor_give_a_wider_estimate() -> None:
    """In January 2024 no Hopper was let in China by a published price, but A800 were."""
    catalog = load_catalog(date(2024, 1, 7))
    found = rent(catalog.find("H20"), catalog)
    assert found is not None
    assert found.estimated
    hourly = found.on_demand.value
    assert hourly.p50 / hourly.p10 >= 2.0
    assert hourly.p10 < 1.4 < hourly.p90
    assert "A800" in found.on_demand.note
    assert rent(catalog.find("910B3"), catalog) is None
