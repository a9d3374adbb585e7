"""The tree of futures: one node for each period and each history that can be told apart in it."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from tonnage.errors import Fault
from tonnage.planning.axes import Floats, Ints, array

SECONDS_PER_QUARTER = 365.25 * 86400.0 / 4.0


@dataclass(frozen=True, eq=False)
class Tree:
    """Periods, branches and their weights.

    A decision belongs to a node, so it is the same in every future that passes through the node:
    what is decided never rests on what is not yet known. Node 0 is the root, in period 0; parents
    stand before their children; every leaf is in the last period.
    """

    period: Ints = array("node", kind=int)
    """[node] 0 … periods-1."""
    parent: Ints = array("node", kind=int, least=-1)
    """[node] the node one period earlier, -1 at the root."""
    probability: Floats = array("node")
    """[node] weight of reaching the node, on any scale: only ratios to the root count. The weights
    of the children of a node add up to its own."""
    seconds: Floats = array("period", default=SECONDS_PER_QUARTER)
    """[period] length in seconds."""
    labels: tuple[str, ...] = ()
    """[period] how a period is called (`2024 Q1`); numbered when empty."""
    futures: tuple[str, ...] = ()
    """[leaf] how a history is called; numbered when empty. In the order of `leaves`."""

    @cached_property
    def nodes(self) -> int:
        """Number of nodes."""
        return len(self.period)

    @cached_property
    def periods(self) -> int:
        """Number of periods."""
        return int(np.max(self.period)) + 1

    @cached_property
    def leaves(self) -> Ints:
        """[leaf] nodes without children, in order of number."""
        return np.setdiff1d(np.arange(self.nodes), self.parent)

    @cached_property
    def path(self) -> Ints:
        """[leaf, period] nodes along each history."""
        path = np.empty((len(self.leaves), self.periods), dtype=np.int64)
        at = self.leaves
        for period in range(self.periods - 1, -1, -1):
            path[:, period] = at
            at = self.parent[at]
        return path

    @cached_property
    def weight(self) -> Floats:
        """[node] probability of reaching the node, 1 at the root."""
        weight: Floats = self.probability / self.probability[0]
        return weight

    def ancestor(self, lag: int) -> Ints:
        """[node] the node `lag` periods earlier on the same history, -1 before the start."""
        at = np.arange(self.nodes)
        for _ in range(lag):
            at = np.where(at >= 0, self.parent[at], -1)
        return at

    def label(self, period: int) -> str:
        """Return how a period is called."""
        return self.labels[period] if self.labels else f"period {period + 1}"

    def future(self, leaf: int) -> str:
        """Return how the `leaf`-th history is called."""
        return self.futures[leaf] if self.futures else f"future {leaf + 1}"

    def below(self, node: int) -> Ints:
        """Nodes of the subtree that hangs from `node`, itself first."""
        inside = np.zeros(self.nodes, dtype=bool)
        inside[node] = True
        for child in range(node + 1, self.nodes):
            inside[child] = self.parent[child] >= 0 and inside[self.parent[child]]
        return np.flatnonzero(inside)


def tree_faults(tree: Tree) -> list[Fault]:
    """Return what is wrong with the shape or the weights of a tree."""
    faults = []
    period, parent = np.asarray(tree.period), np.asarray(tree.parent)
    if len(parent) == 0 or len(parent) != len(period) or parent[0] != -1 or period[0] != 0:
        return [Fault("tree.parent", parent[:3].tolist(), "the root comes first: parent -1")]
    child = np.arange(1, len(parent))
    if (parent[1:] < 0).any() or (parent[1:] >= child).any():
        return [Fault("tree.parent", None, "one root, and every parent before its children")]
    if (period[1:] != period[parent[1:]] + 1).any():
        faults.append(Fault("tree.period", None, "a child stands one period after its parent"))
        return faults
    leaves = np.setdiff1d(np.arange(len(parent)), parent)
    if (period[leaves] != period.max()).any():
        faults.append(Fault("tree.period", None, "every history must reach the last period"))
    weight = np.broadcast_to(np.asarray(tree.probability, float), period.shape)
    total = np.bincount(parent[1:], weight[1:], len(parent))
    inner = np.setdiff1d(np.arange(len(parent)), leaves)
    if not np.allclose(total[inner], weight[inner], rtol=1e-6):
        at = int(inner[np.argmax(np.abs(total[inner] - weight[inner]))])
        mend = f"the children of node {at} must add up to its {weight[at]:g}, not {total[at]:g}"
        faults.append(Fault("tree.probability", None, mend))
    if not weight[0] > 0:
        faults.append(Fault("tree.probability", weight[0], "the root's weight must be above 0"))
    for name, given, need in (
        ("labels", tree.labels, int(period.max()) + 1),
        ("futures", tree.futures, len(leaves)),
    ):
        if given and len(given) != need:
            faults.append(Fault(f"tree.{name}", len(given), f"give {need} names or none"))
    return faults


def chain(periods: int, seconds: float = SECONDS_PER_QUARTER) -> Tree:
    """Return a tree of a single future.

    >>> chain(3).path.tolist()
    [[0, 1, 2]]
    """
    steps = np.arange(periods)
    return Tree(steps, steps - 1, np.ones(periods), np.full(periods, seconds))
