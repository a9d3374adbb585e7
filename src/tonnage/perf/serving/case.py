"""One serving question, and many of them as arrays.

`ServingCase` is what a caller states; `Cases` is what the formulas read: every field of its parts
is a float array over axis [case], so that one pass answers all of them.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Any

from tonnage.catalog import Chip
from tonnage.perf.machine import Machine, Number, Rate, machine_of, stack, stack_rates
from tonnage.perf.serving.engine import Engine, stack_engines
from tonnage.perf.serving.layout import ServingLayout, ServingLayouts, stack_layouts
from tonnage.perf.shape import Shape, shape_of, stack_shapes
from tonnage.workload import Arrivals, Model, ServingJob, TrainingJob, bytes_per_element

KINDS = (Arrivals.CLOSED, Arrivals.OPEN, Arrivals.STATIC, Arrivals.OFFLINE)
ENDLESS = 1e6
"""Requests, or rounds of requests, of a run that states no end."""


@dataclass(frozen=True, slots=True)
class ServingCase:
    """A chip, a job, a layout and an engine: one question to the serving model."""

    chip: Chip
    job: ServingJob
    layout: ServingLayout
    engine: Engine


@dataclass(frozen=True, slots=True, eq=False)
class Load:
    """The requests of many cases, axis [case]; means over the length distribution."""

    kind: Number
    """Index into `KINDS`."""
    input: Number
    """Mean prompt tokens."""
    output: Number
    """Mean generated tokens."""
    concurrency: Number
    """Requests in flight; 0 where the job does not say."""
    rate: Number
    """Requests/s; 0 where the job does not say."""
    requests: Number
    hit: Number
    """Share of the prompt found in the prefix cache."""
    drafts: Number
    tokens_per_step: Number
    """Tokens that a sequence gains per step: 1 without speculation."""
    spread: Number
    """Deviation of a length over its mean."""


@dataclass(frozen=True, slots=True, eq=False)
class Cases:
    """Many serving questions; every number is an array over axis [case]."""

    machine: Machine
    """With the engine's ratios worked into its efficiencies."""
    rate: Rate
    """Of the products in the linear layers."""
    wide: Rate
    """16-bit rate: attention, and layers that quantized checkpoints leave alone."""
    attention_rate: Rate
    shape: Shape
    engine: Engine
    layout: ServingLayouts
    load: Load
    weight_bytes: Number
    """Stored bytes of a weight in the linear layers."""
    attention_bytes: Number
    """Stored bytes of a weight of the attention projections."""
    head_bytes: Number
    kv_bytes: Number
    deviation: tuple[float, ...]
    """Deviation of the log from doubt about the machine's constants, by case."""

    def __len__(self) -> int:
        return len(self.load.input)


def compute_precision(weights: str, activations: str | None, rates: Any) -> str:
    """Return the format the products run in: what chip and engine really do with such weights.

    16-bit inputs unless stated: 4-bit integers are unpacked into 16 bits, MXFP4 weights run with
    8-bit inputs where the chip has 4-bit units, and FP8, INT8 and NVFP4 as they are where the chip
    can (`perf.machine` falls back on 16 bits where it cannot).
    """
    if activations is not None and activations not in ("nvfp4", "mxfp4", "int4"):
        return activations
    has_fp4 = rates["fp4"].peak > rates["fp8"].peak if "fp4" in rates and "fp8" in rates else False
    if weights == "mxfp4":
        return "fp8" if has_fp4 else "bf16"
    if weights == "nvfp4":
        return "fp4" if has_fp4 else "bf16"
    return weights if weights in ("fp8", "mxfp8", "int8", "fp32", "fp16", "tf32") else "bf16"


def cases_of(cases: Sequence[ServingCase]) -> Cases:
    """Return many questions as arrays.

    Raises
    ------
    NotEnoughKnown
        If a chip lacks memory size, bandwidth or a rate.
    """
    import numpy as np

    bare = [_machine(case.chip) for case in cases]
    engine = stack_engines([case.engine for case in cases])
    jobs = [case.job for case in cases]
    formats = [
        compute_precision(job.weights, job.activations, machine.rates)
        for job, machine in zip(jobs, bare, strict=True)
    ]
    machine = stack(bare)
    rate = stack_rates([m.rate(f) for m, f in zip(bare, formats, strict=True)])
    wide = stack_rates([m.rate("bf16") for m in bare])
    fours = np.array([job.weights in ("int4", "q4_k_m") for job in jobs], float)
    slow = engine.memory_ratio * np.where(fours > 0, engine.int4_ratio, 1.0)
    machine = replace(machine, memory_efficiency=machine.memory_efficiency * slow)
    kept = [job.weights == "mxfp4" for job in jobs]
    stored = [bytes_per_element(job.weights) for job in jobs]
    attention_bytes = [2.0 if k else s for k, s in zip(kept, stored, strict=True)]
    mask = np.array(kept)
    ratio = engine.gemm_ratio
    plain = Rate(rate.peak, rate.efficiency * ratio, rate.operand_bytes)
    wide_used = Rate(wide.peak, wide.efficiency * ratio, wide.operand_bytes)
    attention_rate = Rate(
        *(
            np.where(mask, getattr(wide_used, n), getattr(plain, n))
            for n in ("peak", "efficiency", "operand_bytes")
        )
    )
    return Cases(
        machine=machine,
        rate=plain,
        wide=wide_used,
        attention_rate=attention_rate,
        shape=stack_shapes([_shape(job.model) for job in jobs]),
        engine=engine,
        layout=stack_layouts([case.layout for case in cases]),
        load=_load(jobs),
        weight_bytes=np.array(stored),
        attention_bytes=np.array(attention_bytes),
        head_bytes=np.array([0.8 if job.weights == "q4_k_m" else 2.0 for job in jobs]),
        kv_bytes=np.array([bytes_per_element(job.kv) for job in jobs]),
        deviation=tuple(m.sigma for m in bare),
    )


@lru_cache(maxsize=4096)
def _shape(model: Model) -> Shape:
    return shape_of(TrainingJob(model, 1, 1))


@lru_cache(maxsize=512)
def _machine(chip: Chip) -> Machine:
    return machine_of(chip)


def _load(jobs: Sequence[ServingJob]) -> Load:
    import numpy as np

    shortest = np.array([job.shortest_share for job in jobs])
    mean = (1.0 + shortest) / 2.0
    drafts = np.array([j.speculation.draft_tokens if j.speculation else 0 for j in jobs], float)
    accepted = np.array([j.speculation.acceptance if j.speculation else 0.0 for j in jobs])
    per_step = (1.0 - accepted ** (drafts + 1.0)) / (1.0 - np.minimum(accepted, 0.999))
    return Load(
        kind=np.array([KINDS.index(job.arrivals) for job in jobs], float),
        input=np.array([job.input_tokens for job in jobs], float) * mean,
        output=np.maximum(np.array([job.output_tokens for job in jobs], float) * mean, 1.0),
        concurrency=np.array([job.concurrency or 0.0 for job in jobs], float),
        rate=np.array([job.request_rate or 0.0 for job in jobs], float),
        requests=np.array([job.requests or ENDLESS for job in jobs], float),
        hit=np.array([job.prefix_hit_rate for job in jobs], float),
        drafts=drafts,
        tokens_per_step=per_step,
        spread=(1.0 - shortest) / (1.0 + shortest) / 3.0**0.5,
    )
