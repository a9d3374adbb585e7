"""What must hold of any plan: less room never costs less, and names of futures change nothing."""

from pathlib import Path

import pytest

from tonnage.scenario import parse_scenario
from tonnage.study.plan import Wishes, plan

SMALL = (Path(__file__).parents[2] / "cli" / "small-scenario.yaml").read_text(encoding="utf-8")
HEAD = SMALL[: SMALL.index("branches:")]
EXACT = Wishes(reasons=False, gap=0.0)


def cost(text: str) -> float:
    return plan(parse_scenario(text), wishes=EXACT).objective


@pytest.fixture(scope="module")
def base() -> float:
    return cost(HEAD)


def branches(*rows: tuple[str, float, str]) -> str:
    text = HEAD + "branches:\n"
    for name, share, changes in rows:
        text += (
            f"  - name: {name}\n    day: 2024-04-02\n"
            f"    probability: {{value: {share}, assumption: odds}}\n{changes}"
        )
    return text


BAN = "    changes:\n      - {kind: ban, chips: [H20], by: seller}\n"


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("  kind: startup\n",
         "  kind: startup\n  budget: {value: 1, unit: MUSD/year, assumption: tight}\n"),
        ("{value: 2, unit: MW, assumption: one hall}", "{value: 60, unit: kW, assumption: a cage}"),
        ("{value: 90, unit: kCNY/chip, source: quote}",
         "{value: 120, unit: kCNY/chip, source: quote}"),
        ("{value: 3, unit: months, assumption: distributor}",
         "{value: 9, unit: months, assumption: distributor}"),
        ("{value: 64, unit: chips/quarter, assumption: distributor}",
         "{value: 8, unit: chips/quarter, assumption: distributor}"),
        ("{value: 11, unit: CNY/chip-hour, assumption: cloud list}",
         "{value: 22, unit: CNY/chip-hour, assumption: cloud list}"),
        ("{value: 6, unit: engineer-months, assumption: small team}\n      time: {value: 3,",
         "{value: 6, unit: engineer-months, assumption: small team}\n      time: {value: 12,"),
        ("{value: 200, unit: ktokens/s, assumption: users}",
         "{value: 260, unit: ktokens/s, assumption: users}"),
        ("  ready: [cuda]\n",
         "  ready: [cuda]\n"),
    ],
    ids=["budget", "power", "price", "later", "supply", "rent", "port", "demand", "same"],
)  # fmt: skip
def test_less_room_never_costs_less(old, new, base):
    assert old in HEAD
    assert cost(HEAD.replace(old, new)) >= base - 1.0


def test_a_rule_that_closes_never_saves(base):
    closed = cost(branches(("open", 0.5, ""), ("shut", 0.5, BAN)))
    shut = cost(branches(("shut", 1.0, BAN)))
    assert base - 1.0 <= closed <= shut + 1.0


def test_futures_that_are_alike_may_be_merged(base):
    assert cost(branches(("a", 0.3, ""), ("b", 0.7, ""))) == pytest.approx(base, rel=1e-6)


def test_an_impossible_branch_changes_nothing(base):
    assert cost(branches(("a", 1.0, ""), ("never", 0.0, BAN))) == pytest.approx(base, rel=1e-6)
