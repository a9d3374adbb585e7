"""One serving question, and many of them as arrays.

`ServingCase` is what a caller states; `Cases` is what the formulas read: every field of its parts
is a float array over axis [case], so that one pass answers all of them.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields, is_dataclass, replace
from functools import lru_cache
from typing import Any

from tonnage.catalog import Chip
from tonnage.perf.machine import (
    Machine,
    Rate,
    machine_of,
    stack,
    stack_rates,
)
from tonnage.perf.serving.arrays import Number
from tonnage.perf.serving.engine import Engine, stack_engines
from tonnage.perf.serving.formats import FOUR_BITS, SIXTEEN, compute_precision, kind_of_weights
from tonnage.perf.serving.layout import ServingLayout, ServingLayouts, stack_layouts
from tonnage.perf.shape import Shape, shape_of, stack_shapes
from tonnage.units import GIB, GIGA, TERA
from tonnage.workload import (
    Arrivals,
    Model,
    ServingJob,
    TrainingJob,
    bytes_per_element,
    index_key_bytes,
)

KINDS = (Arrivals.CLOSED, Arrivals.OPEN, Arrivals.STATIC, Arrivals.OFFLINE)
PEER_CONTENTION = 0.17
"""Slowing per member of collectives over PCIe between data-centre cards; fitted on TensorRT-LLM
0.14 runs on L40S and A100 PCIe, 4 and 8 cards."""
INLINE_CODES = 15.0 / 16.0
"""Share of GDDR memory that error correction leaves on data-centre cards, which keep its codes in
the same memory: nvidia-smi shows 45 of 48 GB on an L40S or L20, 22.5 of 24 on an L4 or A10."""
MULTIPROCESSORS = 60
"""Cores from which on a chip's cores are taken for multiprocessors (accelerators for AI have fewer
and larger ones): 84 on the smallest GPU that the catalog holds for servers but H20's 78."""
UNPACKED_ROWS = 64.0
"""Rows for which a kernel unpacks a weight once (Marlin: four instructions of 16 rows)."""
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
    """Of the attention projections and shared experts."""
    expert_machine: Machine
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
    index_rate: Rate
    """8-bit rate, at which an indexer scores tokens; 16-bit where the chip has none."""
    index_bytes: Number
    """Of an indexer's key of one token."""
    integer4: Number
    """1 where weights are 4-bit integers, unpacked before they are multiplied."""
    unpacked: Number
    """1 where 4-bit weights are multiplied in 16 bits."""
    deviation: tuple[float, ...]
    """Deviation of the log from doubt about the machine's constants, by case."""
    pair_anchors: Number
    """Measured runs of this chip that the engine's constants were fitted on: of models with experts
    for such a model, else of the others."""
    model_anchors: Number
    """The same of its model, on any chip."""
    format_anchors: Number
    """The same of its format of weights."""
    maker_anchors: Number
    """The same of any chip of its maker."""

    def __len__(self) -> int:
        return len(self.load.input)


def cases_of(cases: Sequence[ServingCase]) -> Cases:
    """Return many questions as arrays, the engines' ratios worked in.

    Raises
    ------
    NotEnoughKnown
        If a chip lacks memory size, bandwidth or a rate.
    """
    return tuned(plain_cases(cases))


def plain_cases(cases: Sequence[ServingCase]) -> Cases:
    """Return many questions as arrays; `tuned` makes them ready.

    Raises
    ------
    NotEnoughKnown
        If a chip lacks memory size, bandwidth or a rate.
    """
    import numpy as np

    bare = [_machine(case.chip) for case in cases]
    jobs = [case.job for case in cases]
    formats = [
        compute_precision(job.weights, job.activations, machine.rates)
        for job, machine in zip(jobs, bare, strict=True)
    ]
    wide_rates = [_wide(case, m) for case, m in zip(cases, bare, strict=True)]
    rate = stack_rates([
        w if f in SIXTEEN else _scale(m.rate(f), _scaled(job, f, m))
        for m, f, w, job in zip(bare, formats, wide_rates, jobs, strict=True)
    ])  # fmt: skip
    wide = stack_rates(wide_rates)
    # Checkpoints in MXFP4 quantize the experts only.
    kept = np.array([job.weights == "mxfp4" for job in jobs])
    stored = np.array([bytes_per_element(job.weights) for job in jobs])
    return Cases(
        machine=stack(bare),
        rate=rate,
        wide=wide,
        attention_rate=_choose(kept, wide, rate),
        expert_machine=stack(bare),
        shape=stack_shapes([_shape(job.model) for job in jobs]),
        engine=stack_engines(
            [_server(case).on(m.family) for case, m in zip(cases, bare, strict=True)]
        ),
        layout=stack_layouts([case.layout for case in cases]),
        load=_load(jobs),
        weight_bytes=stored,
        attention_bytes=np.where(kept, 2.0, stored),
        head_bytes=np.array([0.8 if job.weights == "q4_k_m" else 2.0 for job in jobs]),
        kv_bytes=np.array([bytes_per_element(job.kv) for job in jobs]),
        index_rate=stack_rates([_index_rate(m) for m in bare]),
        index_bytes=np.array(
            [
                index_key_bytes(job.model, float(_index_rate(m).operand_bytes))
                for m, job in zip(bare, jobs, strict=True)
            ]
        ),
        integer4=np.array([job.weights in ("int4", "q4_k_m") for job in jobs], float),
        unpacked=np.where(
            stored < FOUR_BITS, np.array([f in SIXTEEN for f in formats], float), 0.0
        ),
        deviation=tuple(m.sigma for m in bare),
        pair_anchors=np.array([_pair_anchors(case) for case in cases]),
        model_anchors=np.array([case.engine.models.get(case.job.model.id, 0.0) for case in cases]),
        format_anchors=np.array(
            [case.engine.formats.get(kind_of_weights(case.job.weights), 0.0) for case in cases]
        ),
        maker_anchors=np.array([case.engine.makers.get(case.chip.vendor, 0.0) for case in cases]),
    )


def _server(case: ServingCase) -> Engine:
    """Return the engine with the settings that it takes by itself on the case's chip."""
    memory = (case.chip.number("memory_gb") or 0.0) * GIGA / GIB
    return case.engine.on_card(case.chip.name, memory if memory else float("inf"))


def check_chip(chip: Chip, job: ServingJob) -> None:
    """Raise what is missing of a chip to serve a job.

    Raises
    ------
    NotEnoughKnown
        Naming memory size, bandwidth or rate.
    """
    machine = machine_of(chip)
    machine.rate(compute_precision(job.weights, job.activations, machine.rates))
    machine.rate("bf16")


def repeated(cases: Cases, count: int) -> Cases:
    """Return the first case `count` times over."""
    import numpy as np

    def spread(part: Any) -> Any:
        if isinstance(part, np.ndarray):
            return np.repeat(part[:1], count)
        if is_dataclass(part) and not isinstance(part, type):
            return replace(part, **{f.name: spread(getattr(part, f.name)) for f in fields(part)})
        return part

    result: Cases = replace(spread(cases), deviation=cases.deviation[:1] * count)
    return result


def tuned(cases: Cases) -> Cases:
    """Return the cases with the engine's ratios worked into the machine's efficiencies."""
    import numpy as np

    engine, machine = cases.engine, cases.machine
    memory = machine.memory_efficiency * engine.memory_ratio
    experts = memory * engine.moe_memory_ratio
    # Large products and long prompts' attention meet the power limit in serving as in training.
    clock = np.minimum(machine.sustained, 1.0)
    products = _fed(engine.gemm_ratio, machine) * clock
    fused = machine.attention_efficiency * clock
    return replace(
        cases,
        machine=replace(machine, memory_efficiency=memory, attention_efficiency=fused),
        expert_machine=replace(machine, memory_efficiency=experts),
        rate=_unpacked(_scale(cases.rate, products), cases, cases.weight_bytes),
        wide=_scale(cases.wide, products),
        attention_rate=_unpacked(
            _scale(cases.attention_rate, products), cases, cases.attention_bytes
        ),
        engine=replace(engine, attention_ratio=_fed(engine.attention_ratio, machine)),
    )


def packed(cases: Cases, stored: Number) -> Number:
    """Return where weights of so many bytes are unpacked on the cores of a multiprocessor chip."""
    small = (cases.unpacked > 0) & (stored < FOUR_BITS)
    return small & (cases.machine.cores >= MULTIPROCESSORS)


def _unpacked(rate: Rate, cases: Cases, stored: Number) -> Rate:
    """P·eta <= cores · 2 · rows · U / bytes: every block of rows unpacks the weights anew."""
    import numpy as np

    each = cases.engine.unpack_core_gbs * GIGA / np.maximum(stored, 1e-9)
    most = cases.machine.cores * 2.0 * UNPACKED_ROWS * each / rate.peak
    limited = np.minimum(rate.efficiency, most)
    return Rate(
        rate.peak, np.where(packed(cases, stored), limited, rate.efficiency), rate.operand_bytes
    )


def _fed(ratio: Number, machine: Machine) -> Number:
    """1 / (1 + (1/r - 1)·c): what a kernel reaches of the best one with a share c of the units.

    An engine's loss is time for feeding them; of fewer units less is idle meanwhile. Our reading,
    borne out by prompts on H20 that fixed no constant (two points of InferSim, a run of SGLang).
    """
    return 1.0 / (1.0 + (1.0 / ratio - 1.0) * machine.core_share)


def _pair_anchors(case: ServingCase) -> float:
    chip, engine = case.chip.id, case.engine
    experts = engine.expert_chips.get(chip, 0.0)
    return experts if case.job.model.experts else engine.chips.get(chip, 0.0) - experts


def _scale(rate: Rate, ratio: Number) -> Rate:
    return Rate(rate.peak, rate.efficiency * ratio, rate.operand_bytes)


def _scaled(job: ServingJob, product: str, machine: Machine) -> Number:
    """Return what the scales of FP8 weights cost.

    Published checkpoints of models with experts have one for each 128 x 128 weights (DeepSeek,
    Qwen, GLM, MiniMax), those of dense models one for a matrix or a row.
    """
    return machine.fp8_block_ratio if product == "fp8" and job.model.experts is not None else 1.0


def _choose(mask: Number, yes: Rate, no: Rate) -> Rate:
    import numpy as np

    names = ("peak", "efficiency", "operand_bytes")
    return Rate(*(np.where(mask, getattr(yes, n), getattr(no, n)) for n in names))


def _wide(case: ServingCase, machine: Machine) -> Rate:
    """Return the 16-bit rate: with 16-bit sums where the engine takes them and the chip gains."""
    rate = machine.rate("bf16")
    faster = case.chip.number("fp16_acc16_tflops")
    if case.engine.half_sums > 0 and faster is not None:
        return Rate(max(faster * TERA, float(rate.peak)), rate.efficiency, rate.operand_bytes)
    return rate


def _index_rate(machine: Machine) -> Rate:
    """Return the 8-bit rate where it is above the 16-bit one, else that one."""
    wide, small = machine.rate("bf16"), machine.rates.get("fp8")
    return small if small is not None and small.peak > wide.peak else wide


@lru_cache(maxsize=4096)
def _shape(model: Model) -> Shape:
    return shape_of(TrainingJob(model, 1, 1))


@lru_cache(maxsize=512)
def _machine(chip: Chip) -> Machine:
    """Return the chip's machine as serving meets it.

    A bridge between PCIe cards is an option that servers mostly lack. Data-centre cards reach each
    other's memory over PCIe without the host's (consumer cards may not).
    """
    machine = machine_of(chip)
    if "GDDR" in (chip.text("memory_type") or "") and chip.flag("datacenter"):
        machine = replace(machine, memory_bytes=machine.memory_bytes * INLINE_CODES)
    if chip.text("form_factor") != "PCIe":
        return machine
    if "bridge" in (chip.text("scale_up_name") or "").lower() and "nvl" not in chip.id:
        machine = replace(machine, scale_up_bandwidth=0.0, scale_up_domain=1.0)
    if chip.flag("datacenter") is False:
        return machine
    return replace(machine, host_contention=min(machine.host_contention, PEER_CONTENTION))


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
