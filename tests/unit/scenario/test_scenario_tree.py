"""The tree of futures: when branches show, what they carry, how likely they are."""

from datetime import date
from pathlib import Path

import pytest

from tonnage.scenario import grow, history, parse_scenario

SMALL = (Path(__file__).parents[2] / "cli" / "small-scenario.yaml").read_text(encoding="utf-8")
HEAD = SMALL[: SMALL.index("branches:")]


def branch(name: str, on: str, share: float, after: str = "", changes: str = "") -> str:
    follows = f"    after: {after}\n" if after else ""
    return (
        f"  - name: {name}\n{follows}    day: {on}\n"
        f"    probability: {{value: {share}, assumption: odds}}\n{changes}"
    )


def tree_of(*branches: str):
    return grow(parse_scenario(HEAD + "branches:\n" + "".join(branches)))


def test_without_branches_there_is_one_future():
    tree = grow(parse_scenario(HEAD))
    assert tree.futures == ("as things stand",)
    assert [node.parent for node in tree.nodes] == [-1, 0, 1, 2, 3, 4]


def test_a_branch_within_a_period_shows_in_the_next():
    tree = tree_of(branch("a", "2024-05-15", 0.5), branch("b", "2024-05-15", 0.5))
    assert [n.branch for n in tree.nodes if n.period < 2] == [None, None]
    assert {n.branch for n in tree.nodes if n.period == 2} == {"a", "b"}


def test_a_branch_on_the_first_day_of_a_period_shows_in_it():
    tree = tree_of(branch("a", "2024-07-01", 0.5), branch("b", "2024-07-01", 0.5))
    assert {n.branch for n in tree.nodes if n.period == 2} == {"a", "b"}
    assert {n.branch for n in tree.nodes if n.period == 1} == {None}


def test_probabilities_multiply_along_a_history_and_add_up_in_every_period():
    tree = tree_of(
        branch("a", "2024-04-02", 0.3),
        branch("b", "2024-04-02", 0.7),
        branch("b1", "2024-10-02", 0.4, "b"),
        branch("b2", "2024-10-02", 0.6, "b"),
    )
    assert dict(
        zip(tree.futures, [tree.nodes[n].probability for n in tree.leaves], strict=True)
    ) == {
        "a": pytest.approx(0.3),
        "b1": pytest.approx(0.28),
        "b2": pytest.approx(0.42),
    }
    for period in range(6):
        total = sum(n.probability for n in tree.nodes if n.period == period)
        assert total == pytest.approx(1.0)


def test_two_branchings_within_one_period_show_together():
    tree = tree_of(
        branch("a", "2024-04-02", 0.5),
        branch("b", "2024-04-02", 0.5),
        branch("b1", "2024-05-02", 0.5, "b"),
        branch("b2", "2024-05-02", 0.5, "b"),
    )
    assert {n.branch for n in tree.nodes if n.period == 2} == {"a", "b1", "b2"}


def test_a_branch_that_cannot_come_true_grows_no_nodes():
    tree = tree_of(branch("a", "2024-04-02", 0.0), branch("b", "2024-04-02", 1.0))
    assert tree.futures == ("b",)


def test_changes_of_all_branches_on_the_way_are_carried():
    change = "    changes:\n      - {kind: ban, chips: [H20], by: seller}\n"
    tree = tree_of(
        branch("a", "2024-04-02", 0.5, changes=change),
        branch("b", "2024-04-02", 0.5),
        branch("a1", "2024-10-02", 1.0, "a", change),
    )
    leaf = tree.leaves[tree.futures.index("a1")]
    assert [c.on for c in tree.nodes[leaf].changes] == [date(2024, 4, 2), date(2024, 10, 2)]
    assert not tree.nodes[tree.leaves[tree.futures.index("b")]].changes


def test_parents_stand_before_children_one_period_earlier():
    tree = tree_of(branch("a", "2024-04-02", 0.5), branch("b", "2024-04-02", 0.5))
    for index, node in enumerate(tree.nodes):
        if node.parent >= 0:
            assert node.parent < index
            assert tree.nodes[node.parent].period == node.period - 1
    assert [len(tree.path(leaf)) for leaf in tree.leaves] == [6, 6]


def test_a_history_is_a_single_path():
    scenario = parse_scenario(HEAD)
    tree = history(scenario, scenario.happened)
    assert len(tree.nodes) == 6
    assert tree.leaves == (5,)
