"""One training step as an answer: time with doubt, breakdown, memory, and what limits it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from math import sqrt
from typing import Any

import numpy as np

from tonnage.catalog import Chip
from tonnage.errors import Fault, InputError, TonnageError
from tonnage.perf.family import FALLBACK, families, family_of
from tonnage.perf.framework import Framework, default_framework
from tonnage.perf.layout import Layout
from tonnage.perf.machine import Machine, machine_of, stand_in
from tonnage.perf.memory import Memory
from tonnage.perf.training import Evaluation, TrainingCase, arithmetic, evaluate_cases
from tonnage.provenance import Spread
from tonnage.units import GIGA, TERA
from tonnage.workload import Convention, TrainingJob, training_flops_per_token

UNSEEN_CHIP = 0.16
"""Added deviation of a chip family without measured training runs, and ..."""
UNSEEN_FRAMEWORK = 0.10
"""... of a framework without any; our reading of the held-out sources (docs/performance.md)."""
HALF_ANCHORS = 6.0
NETWORK_DEVIATION = 0.05
"""Added beyond one server or domain: networks of one description differ."""
EXPERTS_DEVIATION = 0.10
"""Added for mixtures of experts: routing differs from run to run and from release to release."""

SAYS = {
    "gemm": "matrix products",
    "attention": "attention",
    "elementwise": "element-wise work and memory traffic",
    "recompute": "recomputed forward work",
    "launch": "waiting for the host to launch kernels",
    "tensor_parallel": "tensor-parallel communication",
    "context_parallel": "context-parallel communication",
    "expert_parallel": "expert-parallel all-to-all",
    "pipeline_transfer": "transfers between pipeline stages",
    "pipeline_bubble": "the pipeline bubble",
    "head": "output projection and loss",
    "data_parallel": "data-parallel communication",
    "overlap_slowdown": "slowing of computation by communication beside it",
    "optimizer": "the optimizer step",
    "offload": "traffic to host memory",
    "fixed": "the fixed cost of a step",
    "straggler": "waiting for the slowest server",
}


@dataclass(frozen=True, slots=True)
class TrainingEstimate:
    """What a training step does on N chips under one layout."""

    chip: str
    """Catalog id."""
    chips: int
    framework: str
    layout: Layout
    iteration_time_s: Spread
    tokens_per_s_per_chip: Spread
    model_tflops_per_chip: Spread
    """Model FLOPs (recompute not counted, attention in full) per second and chip, in TFLOP/s."""
    mfu: Spread
    """The same over the chip's dense peak in the job's precision."""
    memory_bytes: Mapping[str, float]
    """Parts on the fullest chip, with `total` and `capacity`."""
    fits: bool
    reason: str
    """Why it does not fit; empty if it does."""
    breakdown_s: Mapping[str, float]
    """Parts of the step; they add up to the median."""
    bottleneck: str
    explanation: str
    assumed: tuple[str, ...]
    """Chip quantities that are not public and were taken from its family; and, as a sentence each,
    a matrix rate that stands in for one the chip lacks, and generic constants."""


def predict_training(
    chip: Chip,
    job: TrainingJob,
    layout: Layout,
    framework: Framework | None = None,
    *,
    nic_gbps: float | None = None,
    node_chips: int | None = None,
) -> TrainingEstimate:
    """Return time and memory of one training step of `job` on `layout.chips` chips.

    Raises
    ------
    InputError
        If the layout does not suit the job; every fault is named.
    NotEnoughKnown
        If the chip's matrix rate, memory size or memory bandwidth is not public.
    """
    check_layout(job, layout)
    stack = framework or default_framework(chip.vendor)
    case = TrainingCase(job, chip, layout.chips, layout, stack, nic_gbps, node_chips)
    return predict_cases([case])[0]


def predict_cases(cases: Sequence[TrainingCase]) -> list[TrainingEstimate]:
    """Return the estimate of every case; all are evaluated in one array computation."""
    found = evaluate_cases(cases)
    return [estimate_at(case, found, i) for i, case in enumerate(cases)]


def predict_training_rows(
    cases: Sequence[TrainingCase],
) -> list[TrainingEstimate | TonnageError]:
    """Return the estimate of every case, or the error that says why there is none for it."""
    result: list[TrainingEstimate | TonnageError] = []
    sound: list[tuple[int, TrainingCase]] = []
    for index, case in enumerate(cases):
        try:
            arithmetic(machine_of(case.chip), case.job.precision)
        except TonnageError as error:
            result.append(error)
        else:
            sound.append((index, case))
            result.append(_PENDING)
    if sound:
        estimates = predict_cases([case for _, case in sound])
        for (index, _), estimate in zip(sound, estimates, strict=True):
            result[index] = estimate
    return result


_PENDING = TonnageError("not evaluated")


def estimate_at(case: TrainingCase, found: Evaluation, index: int) -> TrainingEstimate:
    """Return entry `index` of an evaluation as an estimate of `case`."""
    machine = machine_of(case.chip, nic_gbps=case.nic_gbps, node_chips=case.node_chips)
    parts = {name: _at(value, index) for name, value in found.parts.items()}
    seconds = sum(parts.values())
    memory = {f.name: _at(getattr(found.memory, f.name), index) for f in fields(Memory)}
    memory["capacity"] = float(machine.memory_bytes)
    wide = time_deviation(machine, case.framework, case.job, case.chips)
    tokens = case.job.tokens_per_step / case.chips
    model, seq = case.job.model, case.job.seq_len
    flops = training_flops_per_token(model, seq, Convention.FULL)
    done = training_flops_per_token(model, seq, Convention.CAUSAL)
    peak = float(machine.rate(case.job.precision).peak)
    roofline = (tokens * flops / peak, tokens * done / peak)
    time = _above(Spread.lognormal(seconds, wide), roofline)
    rate = time.map(lambda t: tokens / t)
    limit = _bottleneck(parts)
    fits = memory["total"] <= memory["capacity"]
    return TrainingEstimate(
        chip=case.chip.id,
        chips=case.chips,
        framework=case.framework.id,
        layout=case.layout,
        iteration_time_s=time,
        tokens_per_s_per_chip=rate,
        model_tflops_per_chip=rate * (flops / TERA),
        mfu=rate * (flops / peak),
        memory_bytes=memory,
        fits=fits,
        reason="" if fits else _reason(memory),
        breakdown_s=parts,
        bottleneck=limit,
        explanation=_explain(parts, limit, seconds),
        assumed=machine.assumed + _in_words(case.chip, case.job.precision),
    )


def _in_words(chip: Chip, precision: str) -> tuple[str, ...]:
    """Return what was assumed of a chip beyond single quantities, one sentence each."""
    said = stand_in(chip, precision)
    if family_of(chip.family).name == families()[FALLBACK].name:
        said += (
            f"the chip family {chip.family!r} has no constants: generic ones, with wide doubt",
        )
    return said


def _above(time: Spread, roofline: tuple[float, float]) -> Spread:
    """Return p10 = max(p10, bound): no doubt takes a step under the compute roofline.

    The bound is the first of `roofline` that the median keeps to: attention counted in full, so
    that MFU stays under 1; for long sequences, whose masked half is never computed, the half.
    """
    bound = next((b for b in roofline if b <= time.p50), time.p50)
    return Spread(max(time.p10, bound), time.p50, time.p90)


def time_deviation(machine: Machine, framework: Framework, job: TrainingJob, chips: int) -> float:
    """Deviation of the log of time: residuals of the fit, and what anchors do not cover.

    sqrt(residual² + (unseen chip² + constants²)·h/(h+n_chip) + unseen framework²·h/(h+n_fw)).
    """
    chip_fade = HALF_ANCHORS / (HALF_ANCHORS + machine.training_anchors)
    stack_fade = HALF_ANCHORS / (HALF_ANCHORS + framework.anchors)
    variance = framework.residual**2
    variance += (UNSEEN_CHIP**2 + machine.sigma**2) * chip_fade
    variance += UNSEEN_FRAMEWORK**2 * stack_fade
    if job.model.experts is not None:
        variance += EXPERTS_DEVIATION**2
    if chips > float(machine.node_chips):
        variance += NETWORK_DEVIATION**2
    return sqrt(variance)


def check_layout(job: TrainingJob, layout: Layout) -> None:
    """Raise an `InputError` that names every way in which a layout does not suit the job."""
    model, faults = job.model, []

    def fault(name: str, value: object, mend: str) -> None:
        faults.append(Fault(f"layout.{name}", value, mend))

    if model.attention.heads % layout.tp:
        fault("tp", layout.tp, f"must divide the {model.attention.heads} attention heads")
    if layout.pp * layout.vpp > model.layers:
        fault("pp", layout.pp, f"pp·vpp must not exceed the {model.layers} layers")
    if layout.vpp > 1 and layout.pp == 1:
        fault("vpp", layout.vpp, "interleaving needs pp above 1")
    if job.seq_len % layout.cp:
        fault("cp", layout.cp, f"must divide the sequence of {job.seq_len}")
    if job.global_batch % (layout.dp * layout.mb):
        mend = f"dp·mb must divide the global batch of {job.global_batch}; dp is {layout.dp}"
        fault("mb", layout.mb, mend)
    if layout.ep > 1 and (model.experts is None or model.experts.routed % layout.ep):
        what = "has no experts" if model.experts is None else f"has {model.experts.routed} experts"
        fault("ep", layout.ep, f"the model {what}; ep must divide them")
    elif (layout.tp * layout.cp * layout.dp) % layout.ep:
        fault("ep", layout.ep, "must divide tp·cp·dp")
    if faults:
        raise InputError(faults)


def _at(value: Any, index: int) -> float:
    column = np.asarray(value)
    flat = column.reshape(-1)
    return float(flat[0] if flat.size == 1 else flat[index])


def _bottleneck(parts: Mapping[str, float]) -> str:
    return max(parts, key=lambda name: parts[name])


def _reason(memory: Mapping[str, float]) -> str:
    held = ("weights", "gradients", "optimizer", "activations", "logits", "buffers", "reserve")
    most = sorted(held, key=lambda name: -memory[name])[:2]
    parts = " and ".join(f"{name} {memory[name] / GIGA:.1f} GB" for name in most)
    need, have = memory["total"] / GIGA, memory["capacity"] / GIGA
    return f"needs {need:.1f} GB of {have:.1f} GB per chip; the most of it is {parts}"


def _explain(parts: Mapping[str, float], limit: str, seconds: float) -> str:
    ranked = sorted(parts, key=lambda name: -parts[name])
    share = parts[limit] / seconds
    text = f"{share:.0%} of the step is {SAYS[limit]}"
    following = [n for n in ranked[1:4] if parts[n] > 0.03 * seconds]
    if following:
        text += "; then " + ", ".join(f"{SAYS[n]} ({parts[n] / seconds:.0%})" for n in following)
    return text + "."
