"""Single futures of a problem: known in advance, or the likeliest taken for certain."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from tonnage.planning.axes import Ints, chosen
from tonnage.planning.problem import Problem, Risk
from tonnage.planning.tree import Tree


def known(problem: Problem, leaf: int) -> Problem:
    """Return the problem of a buyer who knows that the `leaf`-th future will come."""
    return along(problem, problem.tree.path[leaf], (problem.tree.future(leaf),))


def along(problem: Problem, nodes: Ints, name: tuple[str, ...] = ()) -> Problem:
    """Return the problem on one line of nodes, the root first."""
    steps = np.arange(len(nodes))
    old = problem.tree
    tree = Tree(steps, steps - 1, np.ones(len(nodes)), old.seconds, old.labels, name)
    cut = {
        part: chosen(getattr(problem, part), "node", nodes)
        for part in ("purchase", "loads", "rental", "fleet", "limits")
    }
    return replace(problem, tree=tree, risk=Risk(), **cut)


def likeliest(problem: Problem) -> int:
    """Return the position of the most probable leaf (the first of equals)."""
    return int(np.argmax(problem.tree.probability[problem.tree.leaves]))


def shared_nodes(problem: Problem) -> Ints:
    """Nodes that every future passes through: what is decided there is decided in any case."""
    path = problem.tree.path
    shared: Ints = path[0][(path == path[0]).all(axis=0)]
    return shared
