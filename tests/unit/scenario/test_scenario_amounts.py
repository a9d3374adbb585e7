"""Numbers of a scenario: units, currencies, dated values, and the refusal of bare numbers."""

from datetime import date

import pytest

from tonnage.scenario import amount as dim
from tonnage.scenario.number import ChipPrice, Fraction, Growth, Power

DAY = date(2024, 1, 1)


@pytest.mark.parametrize(
    ("kind", "value", "unit", "kept"),
    [
        (dim.POWER, 3, "MW", 3e6),
        (dim.CHIP_PRICE, 2.25, "MCNY/server8", 2.25e6 / 8 / 7.2),
        (dim.CHIP_PRICE, 110, "kCNY/chip", 110e3 / 7.2),
        (dim.MONEY_RATE, 1, "BUSD/year", 1e9),
        (dim.MONEY_RATE, 100, "MUSD/quarter", 4e8),
        (dim.CHIP_RATE, 1250, "chips/quarter", 5000),
        (dim.TOKEN_PRICE, 2, "USD/Mtoken", 2e-6),
        (dim.TOKENS, 6, "Ttokens", 6e12),
        (dim.DURATION, 52, "weeks", 364),
        (dim.FRACTION, 40, "%", 0.4),
        (dim.GROWTH, 10, "%/quarter", 1.1**4 - 1),
        (dim.GROWTH, 0.5, "fraction/year", 0.5),
        (dim.CHIP_HOUR, 70_000, "CNY/server8-month", 70_000 / 7.2 / 8 / (8766 / 12)),
        (dim.LATENCY, 250, "ms", 0.25),
    ],
)
def test_units_are_kept_in_one(kind, value, unit, kept):
    assert kind.convert(value, unit, {"CNY": 7.2}) == pytest.approx(kept)


def test_currency_is_read_from_the_head_of_the_unit():
    assert dim.currency_of("MCNY/server8") == "CNY"
    assert dim.currency_of("kUSD/chip") == "USD"
    assert dim.currency_of("%/year") == "USD"


def test_steps_hold_from_their_day_to_the_next():
    steps = ((DAY, 1.0), (date(2025, 1, 1), 3.0))
    value = dim.Amount("x", 1.0, "W", "1 W", "W", "r", assumed=True, steps=steps)
    assert [value.on(d) for d in (date(2023, 5, 5), DAY, date(2024, 12, 31))] == [1.0] * 3
    assert value.on(date(2026, 1, 1)) == 3.0


@pytest.mark.parametrize(
    ("data", "says"),
    [
        (5, "names its source or says it is assumed"),
        ({"value": 5, "unit": "MW"}, "either `source` or `assumption`"),
        ({"value": 5, "unit": "MW", "source": "a", "assumption": "why"}, "either `source`"),
        ({"unit": "MW", "assumption": "why"}, "either `value` or `at`"),
        ({"value": 5, "assumption": "why"}, "unit missing"),
        ({"value": 5, "unit": "MWh", "assumption": "why"}, "is written in W, kW, MW, GW"),
        ({"value": -5, "unit": "MW", "assumption": "why"}, "at least 0"),
        ({"value": float("nan"), "unit": "MW", "assumption": "why"}, "not a finite number"),
        ({"value": float("inf"), "unit": "MW", "assumption": "why"}, "not a finite number"),
        ({"value": 5, "unit": "MW", "assumption": "why", "low": 7, "high": 6}, "low is above high"),
        ({"at": {}, "unit": "MW", "assumption": "why"}, "`at` is empty"),
        ({"at": {"2024": 5}, "unit": "MW", "assumption": "why"}, "YYYY-MM-DD"),
    ],
)
def test_a_number_without_unit_or_reason_is_refused(data, says):
    with pytest.raises(ValueError, match=says.replace("(", r"\(")):
        Power.model_validate(data)


def test_shares_need_no_unit_and_stay_within_bounds():
    assert Fraction.model_validate({"value": 0.4, "assumption": "why"}).value == 0.4
    with pytest.raises(ValueError, match="from 0 to 100 %"):
        Fraction.model_validate({"value": 140, "unit": "%", "assumption": "why"})


def test_json_schema_lists_the_units_and_asks_for_a_reason():
    import jsonschema

    schema = ChipPrice.model_json_schema()
    check = jsonschema.Draft202012Validator(schema)
    assert check.is_valid({"value": 3, "unit": "USD/chip", "source": "x"})
    assert not check.is_valid({"value": 3, "unit": "USD/chip"})
    assert not check.is_valid({"value": 3, "unit": "USD", "source": "x"})
    assert Growth.model_json_schema()["properties"]["unit"]["enum"][0] == "%/week"
