"""What is read from a scenario file, and its JSON Schema."""

from datetime import date
from pathlib import Path

import jsonschema
import pytest
import yaml

from tonnage.errors import InputError
from tonnage.scenario import Serving, Training, parse_scenario, read_scenario, scenario_schema
from tonnage.study.plan import Wishes, plan

ROOT = Path(__file__).parents[3]
SMALL = (ROOT / "tests" / "cli" / "small-scenario.yaml").read_text(encoding="utf-8")
NO_BRANCHES = SMALL[: SMALL.index("branches:")]
SCENARIOS = sorted(
    path
    for path in (ROOT / "examples").glob("*.yaml")
    if path.read_text(encoding="utf-8").startswith("tonnage: tonnage-scenario")
)


def test_names_become_catalog_ids_and_numbers_their_kept_units():
    scenario = parse_scenario(NO_BRANCHES)
    assert [o.chip for o in scenario.options] == ["nv-a100-sxm-80", "nv-h20-96", "hw-910b3"]
    assert scenario.buyer.power is not None
    assert (scenario.buyer.power.value, scenario.buyer.power.unit) == (2e6, "W")
    chat, run = scenario.workloads
    assert isinstance(chat, Serving)
    assert isinstance(run, Training)
    assert chat.demand.value == 200e3
    assert run.tokens.value == 500e9
    price = scenario.options[1].buy.price
    assert price.value == pytest.approx(90e3 / 7.1)
    assert (price.reason, price.assumed, price.known) == ("A quotation", False, date(2023, 12, 1))


def test_the_ledger_holds_every_number_with_its_reason():
    scenario = parse_scenario(NO_BRANCHES)
    written = NO_BRANCHES.count("value:") + NO_BRANCHES.count("at: {")
    assert len(scenario.ledger) == written
    assert all(amount.reason for amount in scenario.ledger)
    assert {a.field for a in scenario.ledger} >= {"buyer.power", "workloads[0].unmet.price"}


def test_as_of_may_be_moved_later_and_a_chip_unknown_then_is_a_fault():
    assert parse_scenario(NO_BRANCHES, as_of=date(2024, 3, 1)).as_of == date(2024, 3, 1)
    text = NO_BRANCHES.replace("- chip: H20\n", "- chip: H200\n")
    text = text.replace("as_of: 2024-01-07", "as_of: 2023-06-01").replace(
        "2023-12-01", "2023-01-01"
    )
    with pytest.raises(InputError, match="no chip of this name was known on 2023-06-01"):
        parse_scenario(text)


def test_a_model_unknown_on_the_day_is_a_fault():
    text = NO_BRANCHES.replace("model: llama-2-7b # served", "model: deepseek-v3")
    with pytest.raises(InputError, match=r"workloads\[0\].model = 'deepseek-v3'"):
        parse_scenario(text)


def test_faults_of_structure_and_of_meaning_come_together():
    text = NO_BRANCHES.replace("kind: startup", "kind: start-up").replace(
        "model: llama-2-7b # served", "model: nothing"
    )
    with pytest.raises(InputError) as caught:
        parse_scenario(text)
    assert [fault.field for fault in caught.value.faults] == ["buyer.kind", "workloads[0].model"]


def test_an_unsound_item_does_not_make_references_to_it_look_wrong():
    text = NO_BRANCHES.replace("{value: 200, unit: ktokens/s, assumption: users}", "50")
    with pytest.raises(InputError) as caught:
        parse_scenario(text)
    assert [fault.field for fault in caught.value.faults] == ["workloads[0].demand"]


@pytest.mark.parametrize("path", SCENARIOS, ids=lambda p: p.stem)
def test_shipped_scenarios_read_and_fit_the_json_schema(path):
    scenario = read_scenario(path)
    assert scenario.name == path.stem
    plain = yaml.safe_load(path.read_text(encoding="utf-8"))
    jsonschema.Draft202012Validator(scenario_schema()).validate(_texts(plain))


def _texts(value):
    """Days as JSON writes them."""
    if isinstance(value, dict):
        return {str(k): _texts(v) for k, v in value.items()}
    if isinstance(value, list):
        return [_texts(v) for v in value]
    return value.isoformat() if isinstance(value, date) else value


def test_six_scenarios_are_shipped():
    assert len(SCENARIOS) == 6


def test_every_field_of_the_schema_says_what_it_is():
    schema = scenario_schema()
    jsonschema.Draft202012Validator.check_schema(schema)
    silent = []
    for name, part in {"ScenarioIn": schema, **schema["$defs"]}.items():
        for field, entry in part.get("properties", {}).items():
            told = entry.get("description") or "$ref" in entry or "const" in entry
            refers = any("$ref" in x for x in entry.get("anyOf", []) + entry.get("allOf", []))
            if not (told or refers):
                silent.append(f"{name}.{field}")
    assert silent == []


CHIP = """
chip: {id: acme-x1, name: Acme X1, vendor: Acme, headquarters: CN, family: X}
sources: {brief: {title: Product brief}}
defaults: {source: brief, confidence: datasheet, known_from: 2023-06-01}
values:
  bf16_tflops: {value: 250, unit: TFLOP/s}
  fp16_tflops: {value: 250, unit: TFLOP/s}
  memory_gb: {value: 64, unit: GB}
  memory_bandwidth_gbs: {value: 1600, unit: GB/s}
  tdp_w: {value: 400, unit: W}
"""


def test_a_chip_of_the_users_own_is_planned_with(tmp_path):
    (tmp_path / "x1.yaml").write_text(CHIP, encoding="utf-8")
    text = NO_BRANCHES.replace("sources:\n", "chip_files: [x1.yaml]\nsources:\n").replace(
        "- chip: Ascend 910B3\n", "- chip: Acme X1\n"
    )
    (tmp_path / "s.yaml").write_text(text, encoding="utf-8")
    scenario = read_scenario(tmp_path / "s.yaml")
    assert scenario.options[2].chip == "acme-x1"
    assert scenario.catalog.find("Acme X1").number("memory_gb") == 64
    answer = plan(scenario, wishes=Wishes(reasons=False))
    assert answer.world.rates.ratings["acme-x1", "chat"].speed is not None


def test_faults_of_a_chip_file_are_told_with_those_of_the_scenario(tmp_path):
    (tmp_path / "x1.yaml").write_text(CHIP.replace("value: 64", "value: -64"), encoding="utf-8")
    text = NO_BRANCHES.replace("sources:\n", "chip_files: [x1.yaml, gone.yaml]\nsources:\n")
    (tmp_path / "s.yaml").write_text(text.replace("periods: 6", "periods: six"), encoding="utf-8")
    with pytest.raises(InputError) as caught:
        read_scenario(tmp_path / "s.yaml")
    message = str(caught.value)
    for part in ("x1.yaml", "gone.yaml", "no such file", "horizon.periods"):
        assert part in message
