"""Time and memory of training steps: one layout, many layouts, or many measured runs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from tonnage.catalog import Chip
from tonnage.perf.framework import Framework, stack_frameworks
from tonnage.perf.layer import Arithmetic, layer_time
from tonnage.perf.layout import Layout, Layouts, layouts_of
from tonnage.perf.machine import (
    Machine,
    Number,
    canonical_precision,
    machine_of,
    stack,
    stack_rates,
)
from tonnage.perf.memory import Memory, layer_activations, memory_of
from tonnage.perf.parameters import chip_parameters
from tonnage.perf.shape import Shape, shape_of, stack_shapes
from tonnage.perf.step import step_parts
from tonnage.workload import TrainingJob

MANY = 64
"""From this many layouts on, layers that repeat between layouts are computed once."""


@dataclass(frozen=True, slots=True, eq=False)
class Evaluation:
    """Times and memory of layouts, axis [layout]."""

    parts: dict[str, Number]
    seconds: Number
    memory: Memory


@dataclass(frozen=True, slots=True, eq=False)
class TrainingCase:
    """One run to be predicted: job, chips, layout, framework, and what is known of its network."""

    job: TrainingJob
    chip: Chip
    chips: int
    layout: Layout
    framework: Framework
    nic_gbps: float | None = None
    """Network per chip; `None` takes the catalog's usual port."""
    node_chips: int | None = None


def arithmetic(machine: Machine, precision: str) -> Arithmetic:
    """Return the rates of a job in `precision`: attention and head stay in 16 bits (or 32)."""
    name = canonical_precision(precision)
    core = machine.rate(name if name in ("fp32", "tf32") else "bf16")
    quantized = float(name in ("fp8", "fp4", "int8"))
    return Arithmetic(machine.rate(name), core, quantized, core.operand_bytes / 2.0)


def evaluate(
    machine: Machine, math: Arithmetic, shape: Shape, layouts: Layouts, framework: Framework
) -> Evaluation:
    """Return time and memory of all `layouts`; every argument may hold arrays that broadcast.

    Layers depend on few fields of a layout, so many layouts share them: each distinct layer is
    computed once.
    """
    if len(layouts) >= MANY and np.ndim(shape.layers) == 0:
        few, index = _distinct_layers(layouts)
        layer = layer_time(machine, math, shape, few, framework).take(index)
        kept = tuple(
            np.broadcast_to(k, len(few))[index]
            for k in layer_activations(shape, few, framework, math.quantized)
        )
    else:
        layer = layer_time(machine, math, shape, layouts, framework)
        kept = layer_activations(shape, layouts, framework, math.quantized)
    params = chip_parameters(shape, layouts)
    memory = memory_of(shape, layouts, framework, params, (kept[0], kept[1]), math.width)
    parts = step_parts(machine, math, shape, layouts, framework, layer, params, memory.offloaded)
    return Evaluation(parts, sum(parts.values()), memory)


def evaluate_memory(
    math: Arithmetic, shape: Shape, layouts: Layouts, framework: Framework
) -> Memory:
    """Return the memory of all `layouts` alone, as `evaluate` does with their time."""
    params = chip_parameters(shape, layouts)
    kept = layer_activations(shape, layouts, framework, math.quantized)
    return memory_of(shape, layouts, framework, params, kept, math.width)


def evaluate_cases(cases: Sequence[TrainingCase]) -> Evaluation:
    """Return time and memory of measured or planned runs, axis [case], in one computation."""
    machines = [machine_of(c.chip, nic_gbps=c.nic_gbps, node_chips=c.node_chips) for c in cases]
    maths = [arithmetic(m, c.job.precision) for m, c in zip(machines, cases, strict=True)]
    machine = stack(machines)
    math = Arithmetic(
        stack_rates([x.linear for x in maths]),
        stack_rates([x.core for x in maths]),
        np.array([x.quantized for x in maths]),
        np.array([x.width for x in maths]),
    )
    shape = stack_shapes([shape_of(c.job) for c in cases])
    framework = stack_frameworks([c.framework for c in cases])
    return evaluate(machine, math, shape, layouts_of([c.layout for c in cases]), framework)


_LAYER_FIELDS = ("tp", "cp", "ep", "mb", "sp", "recompute", "cp_all_to_all")


def _distinct_layers(layouts: Layouts) -> tuple[Layouts, Any]:
    code = np.zeros(len(layouts), dtype=np.int64)
    for name in _LAYER_FIELDS:
        column = np.asarray(getattr(layouts, name)).astype(np.int64)
        code = code * (int(column.max()) + 1) + column
    _, first, index = np.unique(code, return_index=True, return_inverse=True)
    return layouts.take(first), index
