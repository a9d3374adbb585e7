"""The best layout of a training job: every layout of the space, weighed as arrays.

Memory is computed first and exactly; only layouts that fit are timed. No layout that fits is
dropped, so the best one is always found.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, fields

import numpy as np

from tonnage.catalog import Chip
from tonnage.errors import Infeasible, InputError, NotEnoughKnown
from tonnage.perf.estimate import SAYS, TrainingEstimate, predict_cases
from tonnage.perf.framework import Framework, default_framework
from tonnage.perf.layout import Layouts
from tonnage.perf.machine import Machine, machine_of
from tonnage.perf.shape import shape_of
from tonnage.perf.space import SearchSpace, layouts_in
from tonnage.perf.training import TrainingCase, arithmetic, evaluate, evaluate_memory
from tonnage.units import GIGA
from tonnage.workload import TrainingJob

CHUNK = 8192
"""Layouts evaluated at a time: the arrays of one chunk stay in the processor's cache."""


@dataclass(frozen=True, slots=True)
class Neighbour:
    """A layout one step away from the best, and why it loses."""

    change: str
    layout: str
    slower_by: float | None
    """Share of the best time; `None` where it does not fit."""
    why: str


@dataclass(frozen=True, slots=True)
class TrainingSearch:
    """The outcome of a search."""

    best: TrainingEstimate
    top: tuple[TrainingEstimate, ...]
    """Best layouts, fastest first; the first is `best`."""
    pareto: tuple[TrainingEstimate, ...]
    """Layouts that no other beats in both time and memory, fastest first."""
    neighbours: tuple[Neighbour, ...]
    layouts_considered: int
    layouts_feasible: int


@dataclass(frozen=True, slots=True, eq=False)
class Weighed:
    """All layouts of a search: which fit, and the time of those. Axis [layout]."""

    layouts: Layouts
    memory: np.ndarray
    """Bytes on the fullest chip."""
    seconds: np.ndarray
    """Time of a step; infinite where it does not fit."""


def search_training(
    chip: Chip,
    job: TrainingJob,
    chips: int,
    framework: Framework | None = None,
    *,
    space: SearchSpace | None = None,
    top: int = 5,
    nic_gbps: float | None = None,
    node_chips: int | None = None,
) -> TrainingSearch:
    """Return the fastest layout that fits, the next best, and why its neighbours lose.

    Raises
    ------
    InputError
        If `chips` is not positive.
    Infeasible
        If no layout divides the job over the chips, or none fits in memory (says the nearest).
    NotEnoughKnown
        If the chip's matrix rate, memory size or memory bandwidth is not public.
    """
    if chips < 1:
        raise InputError.of("chips", chips, "a whole number, 1 or more")
    stack = framework or default_framework(chip.vendor)
    machine = machine_of(chip, nic_gbps=nic_gbps, node_chips=node_chips)
    found = weigh(machine, job, chips, stack, space or SearchSpace())
    order = np.argsort(found.seconds, kind="stable")
    feasible = int(np.isfinite(found.seconds).sum())
    if not feasible:
        raise Infeasible(_nothing(chip, job, chips, found, machine))
    best = order[: min(top, feasible)]
    front = _pareto(found, order[:feasible])

    def estimates(indices: Iterable[int]) -> tuple[TrainingEstimate, ...]:
        cases = [
            TrainingCase(job, chip, chips, found.layouts.one(int(i)), stack, nic_gbps, node_chips)
            for i in indices
        ]
        return tuple(predict_cases(cases))

    leaders = estimates(best)
    return TrainingSearch(
        best=leaders[0],
        top=leaders,
        pareto=estimates(front),
        neighbours=_neighbours(found, int(best[0]), machine, job, stack),
        layouts_considered=len(found.seconds),
        layouts_feasible=feasible,
    )


def search_many(
    chips: Sequence[Chip],
    job: TrainingJob,
    count: int,
    *,
    space: SearchSpace | None = None,
) -> dict[str, TrainingSearch | str]:
    """Return the search for each chip by id; where there is no answer, the reason in words."""
    result: dict[str, TrainingSearch | str] = {}
    for chip in chips:
        try:
            result[chip.id] = search_training(chip, job, count, space=space, top=1)
        except (NotEnoughKnown, Infeasible) as reason:
            result[chip.id] = str(reason)
    return result


def weigh(
    machine: Machine, job: TrainingJob, chips: int, framework: Framework, space: SearchSpace
) -> Weighed:
    """Return memory of every layout of the space, and time of every one that fits."""
    layouts = layouts_in(job, chips, space)
    math, shape = arithmetic(machine, job.precision), shape_of(job)
    size = len(layouts)
    memory, seconds = np.empty(size), np.full(size, np.inf)
    for start in range(0, size, CHUNK):
        part = slice(start, start + CHUNK)
        memory[part] = evaluate_memory(math, shape, layouts.take(part), framework).total
    fitting = np.flatnonzero(memory <= machine.memory_bytes)
    for start in range(0, len(fitting), CHUNK):
        index = fitting[start : start + CHUNK]
        found = evaluate(machine, math, shape, layouts.take(index), framework)
        seconds[index] = found.seconds
    return Weighed(layouts, memory, seconds)


def _pareto(found: Weighed, order: np.ndarray, most: int = 12) -> list[int]:
    """Walk from fast to slow, keeping each layout that needs less memory than all before."""
    lowest = np.minimum.accumulate(found.memory[order])
    better = np.r_[True, found.memory[order][1:] < lowest[:-1] * (1 - 1e-12)]
    front = order[better]
    if len(front) > most:
        front = front[np.unique(np.linspace(0, len(front) - 1, most).round().astype(int))]
    return [int(i) for i in front]


_STEPS = ("tp", "pp", "vpp", "cp", "ep", "mb", "zero", "recompute", "sp")


def _neighbours(
    found: Weighed, best: int, machine: Machine, job: TrainingJob, framework: Framework
) -> tuple[Neighbour, ...]:
    """For each degree, the best layout in which it is next higher or lower than in the best."""
    columns = {f.name: np.asarray(getattr(found.layouts, f.name)) for f in fields(Layouts)}
    result = []
    for name in _STEPS:
        here = columns[name][best]
        levels = np.unique(columns[name])
        at = int(np.searchsorted(levels, here))
        for other in {max(at - 1, 0), min(at + 1, len(levels) - 1)} - {at}:
            index = _closest(found, columns, name, levels[other], best)
            if index is not None:
                result.append(_compare(found, name, index, best, machine, job, framework))
    return tuple(sorted(result, key=lambda n: (n.slower_by is None, n.slower_by or 0.0)))


def _closest(
    found: Weighed, columns: dict[str, np.ndarray], name: str, level: float, best: int
) -> int | None:
    """Best layout with `name` at `level`: all other fields equal if there is one, else any."""
    same = columns[name] == level
    free = {name, "dp"} | ({"sp"} if name == "tp" else set()) | ({"vpp"} if name == "pp" else set())
    for other, column in columns.items():
        if other not in free:
            same &= column == column[best]
    indices = np.flatnonzero(same)
    if not len(indices):
        return None
    timed = indices[np.argmin(found.seconds[indices])]
    if np.isfinite(found.seconds[timed]):
        return int(timed)
    return int(indices[np.argmin(found.memory[indices])])


def _compare(
    found: Weighed,
    name: str,
    index: int,
    best: int,
    machine: Machine,
    job: TrainingJob,
    framework: Framework,
) -> Neighbour:
    layout, winner = found.layouts.one(index), found.layouts.one(best)
    change = f"{name} {layout.to_dict()[name]} instead of {winner.to_dict()[name]}"
    if not np.isfinite(found.seconds[index]):
        need, have = found.memory[index] / GIGA, float(machine.memory_bytes) / GIGA
        why = f"does not fit: {need:.1f} GB of {have:.1f} GB"
        return Neighbour(change, str(layout), None, why)
    pair = found.layouts.take([index, best])
    parts = evaluate(
        machine, arithmetic(machine, job.precision), shape_of(job), pair, framework
    ).parts
    size = np.broadcast_to
    growth = {key: float(size(v, 2)[0] - size(v, 2)[1]) for key, v in parts.items()}
    worst = max(growth, key=lambda key: growth[key])
    loss = float(found.seconds[index] / found.seconds[best] - 1.0)
    share = growth[worst] / float(found.seconds[best])
    why = f"{SAYS[worst]}: {share:+.1%} of the step" if loss > 0 else "equally fast"
    return Neighbour(change, str(layout), loss, why)


def _nothing(chip: Chip, job: TrainingJob, chips: int, found: Weighed, machine: Machine) -> str:
    where = f"{job.model.name} on {chips} x {chip.name}"
    if not len(found.memory):
        return (
            f"{where}: no layout divides a global batch of {job.global_batch} over the chips; "
            "choose a batch or a number of chips with common factors"
        )
    nearest = int(np.argmin(found.memory))
    need, have = found.memory[nearest] / GIGA, float(machine.memory_bytes) / GIGA
    return (
        f"{where}: no layout fits; the smallest ({found.layouts.one(nearest)}) needs "
        f"{need:.1f} GB of {have:.1f} GB per chip; use more chips or shorter sequences"
    )
