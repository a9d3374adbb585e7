"""The shipped scenarios: what was known, what the law said, and what the plans bear out.

Facts of January 2024 by RFI (2024-01-07), quoting the WSJ; the H20 notice by Nvidia (April 2025);
the lane of January 2026 by 91 FR 1684. `docs/scenarios.md` tells the same at length.
"""

from __future__ import annotations

from datetime import date
from functools import cache
from pathlib import Path

import numpy as np
import pytest

from tonnage import planning
from tonnage.errors import InputError
from tonnage.scenario import read_scenario
from tonnage.study.plan import Wishes, plan
from tonnage.study.plan_answer import PlanAnswer
from tonnage.study.plan_moves import trunk
from tonnage.study.plan_replay import happened_by
from tonnage.study.plan_sensitivity import levers

EXAMPLES = Path(__file__).parents[2] / "examples"
NAMES = (
    "china-cloud-2024", "china-cloud-2025-04", "china-cloud-2026-02", "medical-startup-2024",
    "research-lab-2024", "telecom-2024",
)  # fmt: skip
H20, L20 = "nv-h20-96", "nv-l20"


@cache
def planned(name: str) -> PlanAnswer:
    return plan(EXAMPLES / f"{name}.yaml", wishes=Wishes(reasons=False))


@pytest.mark.parametrize("name", NAMES)
def test_it_plans_with_a_proven_gap_and_breaks_no_limit(name):
    answer = planned(name)
    assert answer.status == "optimal"
    assert answer.gap <= 0.001
    assert answer.plan.then.broken == ()


@pytest.mark.parametrize("name", NAMES)
def test_nothing_known_later_is_in_it(name):
    scenario = read_scenario(EXAMPLES / f"{name}.yaml")
    for amount in scenario.ledger:
        later = amount.known is not None and amount.known > scenario.as_of
        assert not later or amount.field.startswith("happened"), amount.field
    for branch in scenario.branches:
        assert branch.on > scenario.as_of


@pytest.mark.parametrize("name", NAMES)
def test_every_number_has_a_source_or_says_it_is_assumed(name):
    scenario = read_scenario(EXAMPLES / f"{name}.yaml")
    titles = {reference.title for reference in scenario.references.values()}
    for amount in scenario.ledger:
        assert amount.assumed or amount.reason in titles


@pytest.mark.parametrize("name", NAMES)
def test_nothing_is_ordered_against_the_law(name):
    answer = planned(name)
    bought = answer.plan.do.buy
    for node in range(len(answer.world.tree.nodes)):
        for c, chip in enumerate(answer.world.chips):
            if bought[node, c] > 0.5:
                ruling = answer.world.law.rulings[node, chip]
                assert ruling.allowed
                assert ruling.verdict.domestic or ruling.verdict.permitted or ruling.licensed < 1


def test_on_an_earlier_day_its_facts_were_not_public():
    with pytest.raises(InputError, match="after as_of 2023-12-01"):
        read_scenario(EXAMPLES / "china-cloud-2024.yaml", date(2023, 12, 1))


def ruled(answer: PlanAnswer, chip: str, period: str, branch: str | None):
    for (node, name), ruling in answer.world.law.rulings.items():
        at = answer.world.tree.nodes[node]
        if name == chip and answer.periods[at.period] == period and at.branch == branch:
            return ruling
    raise AssertionError((chip, period, branch))


def test_law_of_january_2024():
    answer = planned("china-cloud-2024")
    for chip in ("nv-a100-sxm-80", "nv-a800-sxm-80", "nv-h800-sxm"):
        assert ruled(answer, chip, "2024-Q1", None).verdict.class_id == "3A090.a"
        assert not ruled(answer, chip, "2024-Q1", None).allowed
    for chip in (H20, L20, "nv-rtx4090d"):
        assert ruled(answer, chip, "2024-Q1", None).verdict.permitted
    assert ruled(answer, H20, "2025-Q1", "rules tighten").verdict.class_id == "3A090.a"
    assert ruled(answer, H20, "2025-Q1", "rules stay").verdict.permitted
    assert ruled(answer, "nv-a800-sxm-80", "2025-Q1", "rules ease").verdict.permitted
    assert ruled(answer, "hw-910b3", "2025-Q1", "rules tighten").verdict.domestic


def test_law_of_april_2025_and_february_2026():
    spring = planned("china-cloud-2025-04")
    held = ruled(spring, H20, "2025-Q2", None)
    assert held.verdict.licence_required is False
    assert held.verdict.licence_by_notice is True
    assert not held.allowed
    assert ruled(spring, H20, "2025-Q4", "licences come").licensed == 0.7
    lane = ruled(planned("china-cloud-2026-02"), "nv-h200-sxm", "2026-Q1", None)
    assert lane.verdict.licence_required is True
    assert lane.licensed == 0.3


def bought(answer: PlanAnswer, branch: str | None, chips: set[str]) -> float:
    """Chips ordered while a branch is the last one known."""
    nodes = [i for i, node in enumerate(answer.world.tree.nodes) if node.branch == branch]
    return float(
        sum(
            answer.plan.do.buy[nodes, c].sum()
            for c, n in enumerate(answer.world.chips)
            if n in chips
        )
    )


HOME = {"hw-910b3", "Ascend-next"}


def test_in_2024_nvidia_comes_first():
    answer = planned("china-cloud-2024")
    abroad = bought(answer, None, {H20, L20, "nv-rtx4090d"})
    assert abroad > 10 * bought(answer, None, HOME)
    assert bought(answer, None, {H20}) > 5_000


def test_more_h20_are_needed_for_the_same_training():
    speed = planned("china-cloud-2024").world.rates.ratings
    for old, least in (("nv-a800-sxm-80", 1.5), ("nv-h800-sxm", 3.5)):
        ratio = speed[old, "flagship-2025"].speed.p50 / speed[H20, "flagship-2025"].speed.p50
        assert ratio > least


def test_chips_are_hoarded_before_the_rule_may_close():
    answer = planned("china-cloud-2024")
    last = trunk(answer.world)[-1]
    stock = dict(zip(answer.world.chips, answer.plan.then.stock[last], strict=True))
    assert stock[H20] + stock[L20] > 1_000


def test_porting_begins_early_if_rules_only_tighten():
    answer = planned("china-cloud-2024")
    known = np.array(trunk(answer.world))
    begun = {}
    for name, change in levers(answer.world):
        if "all but certain" in name:
            made = planning.solve(change(answer.plan.problem), planning.Settings(gap=1e-3))
            started = made.do.port[known[-1]] - answer.plan.problem.porting.done
            begun[name.split("'")[1]] = float(started.sum())
    assert begun["rules tighten"] >= 1.0
    assert begun["rules ease"] < 0.5


def test_a_rule_that_closes_turns_orders_to_domestic_chips():
    answer = planned("china-cloud-2024")
    closed = ("rules tighten", "home supply grows", "home supply stays short")
    assert sum(bought(answer, b, {H20, L20}) for b in closed) == 0
    assert sum(bought(answer, b, HOME) for b in closed) > 0


def test_the_mandate_makes_the_telecom_buy_at_home():
    answer = planned("telecom-2024")
    spend = answer.plan.do.buy * answer.plan.problem.purchase.price
    home = spend[:, answer.world.chips.index("hw-910b3")].sum()
    assert home >= 0.5 * spend.sum()


def test_the_startup_rents():
    answer = planned("medical-startup-2024")
    assert answer.plan.do.buy.sum() == pytest.approx(0.0, abs=0.5)
    assert (answer.plan.do.rent.sum() + answer.plan.do.reserve.sum()) > 1


def test_the_laboratory_must_rent_to_be_in_time():
    answer = planned("research-lab-2024")
    assert answer.plan.do.rent.sum() > 50
    for future in answer.futures:
        assert future.served["the run"][0].share > 0.95


def test_what_happened_is_read_only_as_far_as_it_was_known():
    scenario = read_scenario(EXAMPLES / "china-cloud-2024.yaml")
    assert happened_by(scenario, date(2024, 1, 31)) == ()
    early = happened_by(scenario, date(2024, 12, 31))
    late = happened_by(scenario, date(2026, 6, 1))
    assert 0 < len(early) < len(late) == len(scenario.happened)


def test_replay_stops_the_h20_in_the_second_quarter_of_2025():
    answer = plan(
        EXAMPLES / "china-cloud-2024.yaml",
        wishes=Wishes(reasons=False),
        replay_to=date(2026, 6, 1),
    )
    assert answer.replay is not None
    says = " ".join(answer.replay.says)
    assert "H20 96GB SXM could not be ordered from 2025-Q2 on" in says
    ordered = {move.period for move in answer.replay.actions if move.item == H20}
    assert max(ordered) < "2025-Q2"
    assert answer.replay.cost >= answer.replay.hindsight * 0.998
