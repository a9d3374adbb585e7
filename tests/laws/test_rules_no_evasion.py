"""The rules answer what the law says of a published chip; they search for nothing.

No public function takes an aim to optimise, hands back chips in the order of their margins, looks
for a specification, or compares routes and corporate structures.
"""

import inspect
from datetime import date

import pytest

import tonnage
import tonnage.report.classification
import tonnage.report.rulebook
import tonnage.rules
import tonnage.study.classification
import tonnage.study.rulebook
import tonnage.study.rulebook_sweep
from tonnage.catalog import load_catalog
from tonnage.study.classification import classify
from tonnage.study.rulebook import rules_diff
from tonnage.study.rulebook_sweep import rules_sweep

MODULES = [
    tonnage.rules,
    tonnage.study.classification,
    tonnage.study.rulebook,
    tonnage.study.rulebook_sweep,
    tonnage.report.classification,
    tonnage.report.rulebook,
]
AIMS = {
    "objective", "maximise", "maximize", "minimise", "minimize", "optimise", "optimize", "rank",
    "order_by", "sort", "best", "below", "under", "avoid", "via", "route", "routes", "through",
    "intermediary", "subsidiary", "subsidiaries", "shell", "destinations_to_try", "parents",
}  # fmt: skip


def public_functions():
    for module in MODULES:
        names = getattr(module, "__all__", [n for n in vars(module) if not n.startswith("_")])
        for name in names:
            found = getattr(module, name)
            if inspect.isfunction(found) and found.__module__.startswith("tonnage."):
                yield name, found


FUNCTIONS = sorted(dict(public_functions()).items())


def test_there_is_something_to_hold_to_this():
    names = {name for name, _ in FUNCTIONS}
    assert {"classify", "classify_table", "rules_diff", "rules_sweep"} <= names


@pytest.mark.parametrize(("name", "function"), FUNCTIONS)
def test_no_public_function_takes_an_aim_or_a_route(name, function):
    assert not set(inspect.signature(function).parameters) & AIMS
    assert not set(name.split("_")) & AIMS


def test_one_destination_one_parent_and_one_start_are_asked_at_a_time():
    for function in (classify, rules_diff):
        hints = inspect.signature(function).parameters
        assert hints["to"].annotation == "str"
        assert hints["headquarters"].annotation == "str | None"
        assert hints["exporter"].annotation == "str"


@pytest.mark.parametrize("names", [["A800", "H20", "L20", "H100"], ["H100", "L20", "H20", "A800"]])
def test_verdicts_come_in_the_order_asked_not_by_margin(names):
    answer = classify(names, "CN", on=date(2024, 1, 7), as_of=date(2026, 11, 22))
    catalog = load_catalog(date(2026, 11, 22))
    assert [v.chip for v in answer] == [catalog.find(name).id for name in names]


def test_a_diff_lists_chips_in_the_order_of_the_catalog():
    known = date(2026, 11, 22)
    flips = rules_diff(date(2023, 11, 16), date(2023, 11, 17), as_of=known).flips
    order = [chip.id for chip in load_catalog(known).chips]
    seen = list(dict.fromkeys(flip.chip for flip in flips))
    assert seen == [chip for chip in order if chip in set(seen)]


def test_a_sweep_moves_the_rule_and_knows_published_chips_only():
    parameters = inspect.signature(rules_sweep).parameters
    assert not {"chip", "chips", "chip_file", "specs", "specification"} & set(parameters)
    sweep = rules_sweep("3A090.b.1.tpp_min", 2400, 2000, on=date(2024, 1, 1))
    known = {chip.id for chip in load_catalog(date.today()).chips}  # noqa: DTZ011
    assert sweep.steps
    assert all(flip.chip in known for step in sweep.steps for flip in step.flips)


def test_no_verdict_offers_another_chip_place_or_party():
    verdict = classify("H100", "CN", on=date(2024, 1, 7), as_of=date(2026, 11, 22))[0]
    fields = set(verdict.to_dict())
    assert not {"alternatives", "suggestions", "instead", "routes", "nearest_allowed"} & fields
