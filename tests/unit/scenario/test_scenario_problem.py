"""From scenario to arrays: each number on its node, in its unit, worked out by hand."""

from datetime import date
from pathlib import Path

import numpy as np
import pytest

from tonnage import planning
from tonnage.scenario import grow, parse_scenario
from tonnage.study.plan import world_of
from tonnage.study.plan_problem import problem_of

HERE = Path(__file__).parent
SMALL = (HERE.parents[1] / "cli" / "small-scenario.yaml").read_text(encoding="utf-8")
HEAD = SMALL[: SMALL.index("branches:")]
H20, QUARTER_HOURS = 1, 8766 / 4


def built(text: str = HEAD):
    scenario = parse_scenario(text)
    world = world_of(scenario, grow(scenario), scenario.as_of)
    return world, problem_of(world, planning.Risk())


def with_branch(*changes: str) -> str:
    lines = "".join(f"      - {change}\n" for change in changes)
    return (
        HEAD
        + "branches:\n  - name: only\n    day: 2024-07-02\n"
        + "    probability: {value: 1, assumption: certain}\n    changes:\n"
        + lines
    )


def test_a_yearly_cap_is_shared_out_by_calendar_months():
    _, problem = built()
    assert problem.purchase.supply[0, H20] == 64
    assert problem.tree.seconds[0] == 91 * 86400


def test_orders_that_would_come_after_the_last_period_are_not_on_offer():
    _, problem = built()
    assert problem.purchase.lead[0, H20] == 1
    assert problem.purchase.supply[-1, H20] == 0
    assert problem.purchase.supply[-2, H20] == 64


def test_an_option_that_opens_within_a_period_has_its_part_of_the_cap():
    _, problem = built(
        HEAD.replace("      lead_time:", "      first: 2024-02-15\n      lead_time:")
    )
    assert problem.purchase.supply[0, H20] == pytest.approx(64 * 46 / 91)


def test_a_bare_chip_gets_its_share_of_server_and_network():
    world, problem = built()
    bare = 90e3 / 7.1
    assert problem.purchase.price[0, H20] == pytest.approx(bare + world.prices.server["nv-h20-96"])
    assert {item.what for item in world.prices.items if item.chip == "nv-h20-96"} >= {
        "server",
        "network",
    }
    in_server = HEAD.replace("{value: 90, unit: kCNY/chip, source: quote}",
                             "{value: 0.9, unit: MCNY/server8, source: quote}")  # fmt: skip
    world, problem = built(in_server)
    assert "server" not in {i.what for i in world.prices.items if i.chip == "nv-h20-96"}
    assert problem.purchase.price[0, H20] < bare + 10_000


def test_an_adder_of_the_scenario_stands_for_both_shares():
    text = HEAD.replace("  - chip: H20\n    stack: cuda\n",
                        "  - chip: H20\n    stack: cuda\n"
                        "    adder: {value: 1000, unit: USD/chip, assumption: all}\n")  # fmt: skip
    _, problem = built(text)
    assert problem.purchase.price[0, H20] == pytest.approx(90e3 / 7.1 + 1000)


def test_serving_demand_grows_from_the_first_day():
    text = HEAD.replace(
        "    input: {value: 500",
        '    growth: {value: 21, unit: "%/year", assumption: plan}\n    input: {value: 500',
    )
    _, problem = built(text)
    demand = problem.loads.demand[:, 0]
    years = (date(2025, 1, 1) - date(2024, 1, 1)).days / 365.25
    assert demand[0] == 200e3
    assert demand[4] == pytest.approx(200e3 * 1.21**years)


def test_unmet_tokens_cost_their_price():
    _, problem = built()
    assert problem.loads.penalty[0, 0] == pytest.approx(2e-6 * QUARTER_HOURS * 3600)
    assert problem.loads.penalty[0, 1] == pytest.approx(10e-6)


def test_a_run_may_work_between_its_days():
    _, problem = built()
    assert problem.loads.training.tolist() == [False, True]
    assert problem.loads.work[1] == 500e9
    assert (problem.loads.start[1], problem.loads.deadline[1]) == (1, 3)


def test_rates_lose_what_is_not_used_and_what_may_not_run():
    text = HEAD.replace("    input: {value: 500",
                        "    utilisation: {value: 0.5, assumption: peaks}\n"
                        "    never: [H20]\n    input: {value: 500")  # fmt: skip
    world, problem = built(text)
    full = world.rates.ratings["nv-a100-sxm-80", "chat"].speed.p50
    assert problem.loads.rate[0, 0] == pytest.approx(full * 0.5)
    assert problem.loads.rate[H20, 0] == 0
    assert world.rates.ratings["nv-h20-96", "chat"].why == "left out by the scenario"


def test_a_stack_without_port_cannot_run_the_work():
    world, problem = built()
    assert problem.loads.rate[2, 1] == 0
    assert "no port to it" in world.rates.ratings["hw-910b3", "run"].why
    assert problem.porting.done.tolist() == [[True, True], [False, False]]
    assert problem.porting.delay[1, 0] == 1


def test_rent_is_by_the_hour_of_the_period():
    _, problem = built()
    assert problem.rental.price[0, 2] == pytest.approx(11 / 7.1 * QUARTER_HOURS)
    assert problem.rental.cap[0, 2] == 128


def test_running_costs_are_energy_and_upkeep():
    text = HEAD.replace(
        "  kind: startup\n",
        "  kind: startup\n"
        "  electricity: {value: 0.71, unit: CNY/kWh, assumption: tariff}\n"
        "  pue: {value: 1.5, assumption: hall}\n"
        "  upkeep: {value: 0.08, assumption: staff}\n",
    ).replace(
        "  - chip: H20\n    stack: cuda\n",
        "  - chip: H20\n    stack: cuda\n    power: {value: 800, unit: W, assumption: measured}\n",
    )
    world, problem = built(text)
    energy = 0.8 * 1.5 * QUARTER_HOURS * 0.1
    upkeep = 0.08 * world.prices.worth("nv-h20-96") / 4
    assert problem.limits.opex[0, H20] == pytest.approx(energy + upkeep)
    assert problem.chips.power[H20] == pytest.approx(1200)


def test_a_fleet_goes_when_its_life_is_over():
    text = HEAD.replace(
        "bought: 2022-06-01}", "bought: 2022-06-01, life: {value: 2, unit: years, assumption: old}}"
    )
    _, problem = built(text)
    assert problem.fleet.until.tolist() == [2]
    _, problem = built()
    assert problem.fleet.until.tolist() == [6]


@pytest.mark.parametrize(
    ("change", "part", "name", "column", "before", "after"),
    [
        ("{kind: supply, chips: [H20], factor: {value: 0.5, assumption: test}}",
         "purchase", "supply", H20, 64, 32),
        ("{kind: delivery, chips: [H20], delivered: {value: 0.4, assumption: test}}",
         "purchase", "delivered", H20, 1, 0.4),
        ("{kind: ban, chips: [H20], by: home government}",
         "purchase", "allowed", H20, True, False),
        ("{kind: demand, workloads: [chat], factor: {value: 3, assumption: test}}",
         "loads", "demand", 0, 200e3, 600e3),
        ("{kind: price, chips: [Ascend 910B3], of: rent, factor: {value: 2, assumption: test}}",
         "rental", "price", 2, 11 / 7.1 * QUARTER_HOURS, 22 / 7.1 * QUARTER_HOURS),
        ("{kind: price, chips: [Ascend 910B3], of: buy, factor: {value: 2, assumption: test}}",
         "rental", "price", 2, 11 / 7.1 * QUARTER_HOURS, 11 / 7.1 * QUARTER_HOURS),
    ],
)  # fmt: skip
def test_a_change_holds_from_its_branch_on(change, part, name, column, before, after):
    _, problem = built(with_branch(change))
    values = getattr(getattr(problem, part), name)[:, column]
    assert values[2] == pytest.approx(before)
    assert values[3] == pytest.approx(after)


def test_a_change_ends_on_its_last_day():
    _, problem = built(with_branch("{kind: ban, chips: [H20], by: seller, until: 2025-01-01}"))
    assert problem.purchase.allowed[:, H20].tolist() == [True, True, True, False, True, True]


def test_the_higher_mandate_holds():
    _, problem = built(
        with_branch("{kind: mandate, domestic_share: {value: 0.3, assumption: test}}")
    )
    assert problem.limits.domestic_share.tolist() == [0, 0, 0, 0.3, 0.3, 0.3]


def test_chips_on_their_way_when_a_rule_closes_do_not_come():
    folder = HERE.parents[1] / "cli"
    from tonnage.scenario import read_scenario

    scenario = read_scenario(folder / "small-scenario.yaml")
    world = world_of(scenario, grow(scenario), scenario.as_of)
    problem = problem_of(world, planning.Risk())
    nodes = [i for i, n in enumerate(world.tree.nodes) if n.branch == "tighten"]
    assert not problem.purchase.allowed[nodes, H20].any()
    # Ordered in the quarter before, due in the first one after: stopped on the way.
    assert problem.purchase.delivered[nodes[0], H20] == 0.0
    assert problem.purchase.allowed[: nodes[0], H20].all()
    assert np.all(problem.purchase.delivered[[0, 1, 2], H20] == 1.0)


def test_a_roadmap_chip_has_its_gain_less_the_discount():
    text = HEAD.replace(
        "software:\n",
        "  - chip: Next\n    stack: cuda\n    roadmap:\n      like: A800 SXM4 80GB\n"
        "      speed: {value: 3, assumption: announced}\n"
        "      discount: {value: 0.25, assumption: promises}\n"
        "    buy:\n      price: {value: 20000, unit: USD/chip, assumption: guess}\n"
        "      first: 2024-10-01\n      lead_time: {value: 1, unit: months, assumption: guess}\n"
        "software:\n",
    )
    world, problem = built(text)
    known = built(text.replace("      speed: {value: 3,", "      speed: {value: 1,"))[1]
    assert problem.loads.rate[3, 0] == pytest.approx(2.5 * known.loads.rate[3, 0])
    assert problem.purchase.supply[:3, 3].tolist() == [0, 0, 0]
    assert problem.purchase.supply[3, 3] == float("inf")
    assert world.prices.names["Next"] == "Next"
