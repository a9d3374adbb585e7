"""The pipeline formula against a schedule played event by event."""

from itertools import product

import numpy as np
import pytest

from tonnage.perf.layout import Layout, layouts_of
from tonnage.perf.shape import shape_of
from tonnage.perf.step import _bubble, _stage_layers
from tonnage.workload import Attention, Model, TrainingJob


def played(forward: list[float], backward: list[float], micro: int) -> float:
    """Seconds of a 1F1B schedule: each stage runs its order of work as its inputs come in."""
    stages = len(forward)
    orders = []
    for stage in range(stages):
        warm = min(stages - stage - 1, micro)
        order = [("F", i) for i in range(warm)]
        for i in range(micro - warm):
            order += [("F", warm + i), ("B", i)]
        order += [("B", i) for i in range(micro - warm, micro)]
        orders.append(order)
    done: dict[tuple[str, int, int], float] = {}
    clock = [0.0] * stages
    place = [0] * stages
    while any(place[s] < len(orders[s]) for s in range(stages)):
        moved = False
        for stage in range(stages):
            while place[stage] < len(orders[stage]):
                kind, i = orders[stage][place[stage]]
                before = (kind, stage - 1, i) if kind == "F" else (kind, stage + 1, i)
                if 0 <= before[1] < stages and before not in done:
                    break
                start = max(clock[stage], done.get(before, 0.0))
                clock[stage] = start + (forward if kind == "F" else backward)[stage]
                done[kind, stage, i] = clock[stage]
                place[stage] += 1
                moved = True
        assert moved, "the schedule is stuck"
    return max(clock)


def model(layers: int) -> Model:
    return Model("m", "m", layers, 1024, 4096, False, Attention(16, 16, 64), 32000, False)


@pytest.mark.parametrize(("stages", "micro"), list(product([1, 2, 4, 8], [1, 3, 8, 32])))
def test_one_f_one_b(stages: int, micro: int) -> None:
    layers, layer = 16, 3.0
    each = layers // stages
    truth = played([each * 1.0] * stages, [each * 2.0] * stages, micro)
    assert formula(layers, layer, 0.0, stages, micro) == pytest.approx(truth)


@pytest.mark.parametrize(("stages", "micro", "head"), [(4, 16, 6.0), (8, 32, 3.0), (2, 4, 12.0)])
def test_one_f_one_b_with_a_heavier_last_stage(stages: int, micro: int, head: float) -> None:
    layers, layer = 16, 3.0
    each = layers // stages
    forward = [each * 1.0] * stages
    backward = [each * 2.0] * stages
    forward[-1] += head / 3
    backward[-1] += head * 2 / 3
    truth = played(forward, backward, micro)
    assert formula(layers, layer, head, stages, micro) == pytest.approx(truth, rel=0.03)


def formula(layers: int, layer: float, head: float, stages: int, micro: int) -> float:
    layouts = layouts_of([Layout(pp=stages, dp=1, mb=1)])
    shape = shape_of(TrainingJob(model(layers), 1024, micro))
    stage, even = _stage_layers(shape, layouts)
    assert bool(np.all(even))
    heaviest = stage * layer + head
    bubble = _bubble(shape, layouts, float(micro), layer, head, heaviest)
    return float((micro * heaviest + bubble)[0])
