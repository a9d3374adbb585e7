"""The tree of futures: one node a period and history that can be told apart in it.

A branch whose day falls inside a period shows from the next period on: what is signed in the
period is signed before anyone knows.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

from tonnage.errors import InputError
from tonnage.scenario.scenario import Branch, Change, Period, Scenario

MOST_NODES = 20_000
START = "as things stand"
"""Name of the only future of a scenario without branches."""


@dataclass(frozen=True, slots=True)
class Node:
    """One period of one history."""

    period: int
    parent: int
    """Index of the node before, -1 at the root."""
    branch: str | None
    """Last branch known, `None` at the start."""
    probability: float
    changes: tuple[Change, ...]
    """Every change of the branches known here, whatever its day."""


@dataclass(frozen=True, slots=True)
class Tree:
    """Nodes with parents before children; leaves are the futures."""

    periods: tuple[Period, ...]
    nodes: tuple[Node, ...]

    @property
    def leaves(self) -> tuple[int, ...]:
        """Index of the last node of each future."""
        last = len(self.periods) - 1
        return tuple(i for i, node in enumerate(self.nodes) if node.period == last)

    @property
    def futures(self) -> tuple[str, ...]:
        """Name of each future, in the order of `leaves`."""
        return tuple(self.nodes[leaf].branch or START for leaf in self.leaves)

    def path(self, leaf: int) -> tuple[int, ...]:
        """Return the nodes from the root to a leaf."""
        path = [leaf]
        while self.nodes[path[-1]].parent >= 0:
            path.append(self.nodes[path[-1]].parent)
        return tuple(reversed(path))

    def start(self, node: int) -> date:
        """Return the first day of a node."""
        return self.periods[self.nodes[node].period].start

    def end(self, node: int) -> date:
        """Return the day after the last one of a node."""
        return self.periods[self.nodes[node].period].end


def grow(scenario: Scenario) -> Tree:
    """Return the tree of a scenario's branches over its periods.

    Raises
    ------
    InputError
        If it has more than `MOST_NODES` nodes.
    """
    nodes: list[Node] = []
    level = [Node(0, -1, None, 1.0, ())]
    for index, period in enumerate(scenario.periods):
        if index:
            level = [Node(index, i, n.branch, n.probability, n.changes) for i, n in _last(nodes)]
        split = [kid for node in level for kid in _split(node, scenario.branches, period.start)]
        nodes.extend(split)
        if len(nodes) > MOST_NODES:
            mend = f"the tree has over {MOST_NODES} nodes; take fewer branches or periods"
            raise InputError.of("branches", len(scenario.branches), mend)
    return Tree(scenario.periods, tuple(nodes))


def history(scenario: Scenario, changes: Sequence[Change]) -> Tree:
    """Return the tree of one future in which just these changes come to pass."""
    nodes = [Node(i, i - 1, None, 1.0, tuple(changes)) for i in range(len(scenario.periods))]
    return Tree(scenario.periods, tuple(nodes))


def _last(nodes: list[Node]) -> list[tuple[int, Node]]:
    period = nodes[-1].period
    return [(i, node) for i, node in enumerate(nodes) if node.period == period]


def _split(node: Node, branches: Sequence[Branch], day: date) -> list[Node]:
    """Return the node, or one for each branch that has come to be known by `day`."""
    kids = [b for b in branches if b.after == node.branch and b.on <= day]
    if not kids:
        return [node]
    grown = [
        Node(
            node.period,
            node.parent,
            branch.name,
            node.probability * branch.probability.value,
            node.changes + branch.changes,
        )
        for branch in kids
        if branch.probability.value > 0.0
    ]
    return [leaf for kid in grown for leaf in _split(kid, branches, day)]
