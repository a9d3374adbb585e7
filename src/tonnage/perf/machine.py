"""What the operators need to know of a chip, in SI units, as scalars or arrays.

Every field that is a number may also be an array: the operators broadcast, so that one call
evaluates many chips, many layouts, or both.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from typing import TYPE_CHECKING, Any

from tonnage.catalog import Chip
from tonnage.errors import InputError, NotEnoughKnown
from tonnage.perf.family import Family, family_of
from tonnage.units import BITS_PER_BYTE, GIGA, TERA

if TYPE_CHECKING:
    import numpy as np

    Number = float | np.ndarray[Any, np.dtype[Any]]
else:
    Number = Any

NODE_CHIPS = 8
"""Chips that share a server's PCIe fabric where a family says nothing else; our assumption."""

PCIE_LANE_BYTES = {1: 0.25e9, 2: 0.5e9, 3: 0.985e9, 4: 1.969e9, 5: 3.938e9, 6: 7.563e9}
"""Payload bytes a second of one lane, one direction, by generation (PCI-SIG)."""

_PATHS: dict[str, tuple[str, ...]] = {
    "fp32": ("fp32_tflops", "tf32_tflops"),
    "tf32": ("tf32_tflops", "fp32_tflops"),
    "fp16": ("fp16_tflops", "bf16_tflops"),
    "bf16": ("bf16_tflops", "fp16_tflops"),
    "fp8": ("fp8_tflops", "bf16_tflops", "fp16_tflops"),
    "int8": ("int8_tops", "bf16_tflops", "fp16_tflops"),
    "fp4": ("fp4_tflops", "fp8_tflops", "bf16_tflops", "fp16_tflops"),
}
"""Number format → catalog rates it can run on, best first: a chip without FP8 units computes FP8
weights in 16 bits, as every engine does."""

_SPELLINGS = {
    "mxfp8": "fp8", "fp8-block": "fp8", "fp8_block": "fp8", "fp8-tensor": "fp8", "float8": "fp8",
    "nvfp4": "fp4", "mxfp4": "fp4", "int4": "fp4", "w8a8": "int8", "w8a8_int8": "int8",
    "half": "fp16", "float16": "fp16", "bfloat16": "bf16", "float32": "fp32",
}  # fmt: skip

OPERAND_BYTES = {
    "fp32": 4.0,
    "tf32": 4.0,
    "fp16": 2.0,
    "bf16": 2.0,
    "fp8": 1.0,
    "int8": 1.0,
    "fp4": 0.5,
}
"""Bytes of one matrix element by number format."""


@dataclass(frozen=True, slots=True, eq=False)
class Rate:
    """Matrix rate of one number format: peak FLOP/s, and the share large GEMMs reach of it."""

    peak: Number
    efficiency: Number
    operand_bytes: Number


@dataclass(frozen=True, slots=True, eq=False)
class Machine:
    """A chip and its network, as the performance model sees them. SI units throughout."""

    name: str
    family: str
    rates: Mapping[str, Rate]
    """By number format: fp32, tf32, fp16, bf16, fp8, int8, fp4 (those the chip can compute)."""
    memory_bytes: Number
    memory_bandwidth: Number
    cores: Number
    """Independent tile engines (SMs, AI cores); 1 where unknown, which switches waves off."""
    scale_up_bandwidth: Number
    """Bytes/s out of one chip over the chip-to-chip links; 0 without such links."""
    scale_up_domain: Number
    """Chips that reach each other over those links."""
    host_bandwidth: Number
    """Bytes/s out of one chip over PCIe."""
    node_chips: Number
    """Chips in one server; equals the domain where that is larger."""
    nic_bandwidth: Number
    """Network bytes/s per chip, one direction."""
    fp8_block_ratio: Number
    """What 8-bit products reach of themselves where blocks of weights carry scales of their own."""
    wave_weight: Number
    kernel_s: Number
    """Time a kernel takes on the device however little it does."""
    memory_efficiency: Number
    attention_efficiency: Number
    """Share of the 16-bit peak that fused attention reaches, forward, long sequences."""
    attention_legacy: Number
    """What a fused kernel written for the generation before reaches of that."""
    link_efficiency: Number
    link_latency_s: Number
    nic_efficiency: Number
    nic_latency_s: Number
    host_efficiency: Number
    host_contention: Number
    """Slowing per member when three or more chips share a server's PCIe fabric."""
    sustained: Number
    """Clock under hours of training load over the clock of a short kernel benchmark."""
    sustained_quantized: Number
    """The same for 8- and 4-bit training over serving: scaling, casts and transposes included."""
    core_share: Number
    """16-bit FLOP/s of a core over those of the family's reference core, at most 1: below where
    units were fused off, so that what feeds them is idle in part."""
    sigma: float
    """Deviation of the log of time that doubt about the constants causes."""
    training_anchors: int
    serving_anchors: int
    assumed: tuple[str, ...]
    """Quantities taken from the family because the chip's own are not public."""

    def rate(self, precision: str) -> Rate:
        """Return the matrix rate for a number format (`mxfp8`, `nvfp4` … are understood).

        Raises
        ------
        NotEnoughKnown
            If the chip's rate for the format, or for one it could stand in with, is not known.
        """
        found = self.rates.get(canonical_precision(precision))
        if found is None:
            message = f"{self.name}: no matrix rate is known that could run {precision}"
            raise NotEnoughKnown(message, [f"{precision}_tflops"])
        return found


def canonical_precision(name: str) -> str:
    """Return the number format that sets the matrix rate: `mxfp8` → `fp8`.

    Raises
    ------
    InputError
        If the format is none that is modelled.
    """
    key = name.strip().lower()
    key = _SPELLINGS.get(key, key)
    if key not in _PATHS:
        known = ", ".join([*_PATHS, "mxfp8", "nvfp4"])
        raise InputError.of("precision", name, f"one of {known}")
    return key


def stand_in(chip: Chip, precision: str) -> tuple[str, ...]:
    """Return in words which rate `precision` is computed at where the chip has none of its own.

    Examples
    --------
    >>> from datetime import date
    >>> from tonnage.catalog import load_catalog
    >>> stand_in(load_catalog(date(2026, 1, 1)).find("H100 SXM"), "fp8")
    ()
    """
    name = canonical_precision(precision)
    used = next((q for q in _PATHS[name] if chip.number(q) is not None), None)
    if used is None or used == _PATHS[name][0]:
        return ()
    rate = used.partition("_")[0].upper()
    bits = f"{OPERAND_BYTES[name] * BITS_PER_BYTE:g}"
    lacks = f"{chip.name} has no published {name.upper()} matrix rate"
    return (f"{lacks}: computed at its {rate} rate, stored in {bits} bits",)


def machine_of(
    chip: Chip, *, nic_gbps: float | None = None, node_chips: int | None = None
) -> Machine:
    """Return the machine of a catalog chip; `nic_gbps` and `node_chips` describe the cluster.

    Raises
    ------
    NotEnoughKnown
        If memory size, memory bandwidth or every 16-bit and 32-bit matrix rate is unknown.
    """
    family = family_of(chip.family)
    known = _Known(chip, family)
    rates = _rates(chip, family)
    missing = [] if rates else ["bf16_tflops or fp16_tflops"]
    memory_gb = known.value("memory_gb")
    bandwidth = known.value("memory_bandwidth_gbs")
    missing += ["memory_gb"] if memory_gb is None else []
    missing += ["memory_bandwidth_gbs"] if bandwidth is None else []
    if missing or memory_gb is None or bandwidth is None:
        message = f"{chip.name}: {', '.join(missing)} not public; give a chip file with the value"
        raise NotEnoughKnown(message, missing)
    link = known.value("scale_up_gbs", 0.0) or 0.0
    domain = (known.value("scale_up_domain", float(NODE_CHIPS)) or 1.0) if link else 1.0
    nic = nic_gbps if nic_gbps is not None else known.value("nic_gbps")
    nic = known.assume("nic_gbps", 100.0) if nic is None else nic
    c = {name: family.constant(name, chip.id).value for name in _DIRECT}
    c["sustained"] *= _power(chip, family)
    return Machine(
        name=chip.name,
        family=family.name,
        rates=rates,
        memory_bytes=memory_gb * GIGA,
        memory_bandwidth=bandwidth * GIGA,
        cores=known.value("cores", 1.0) or 1.0,
        scale_up_bandwidth=link * GIGA / 2,
        scale_up_domain=domain,
        host_bandwidth=_host_bandwidth(known),
        node_chips=float(max(node_chips or NODE_CHIPS, domain)),
        nic_bandwidth=nic * GIGA / BITS_PER_BYTE,
        core_share=_core_share(chip, family),
        sigma=_sigma(family, chip.id, known),
        training_anchors=_anchors(chip, family),
        serving_anchors=family.serving_anchors,
        assumed=tuple(known.assumed),
        **c,
    )


_DIRECT = (
    "fp8_block_ratio", "wave_weight", "kernel_s", "memory_efficiency", "attention_efficiency",
    "attention_legacy", "link_efficiency", "link_latency_s", "nic_efficiency", "nic_latency_s",
    "host_efficiency", "host_contention", "sustained", "sustained_quantized",
)  # fmt: skip


def _core_share(chip: Chip, family: Family) -> float:
    """P / cores / p_0 where units are missing: `core_tflops` is the family's reference.

    1 where it is unknown, and above `CLOCKED`: a lower clock slows what feeds the units too.
    """
    peak, cores = chip.number("bf16_tflops") or chip.number("fp16_tflops"), chip.number("cores")
    reference = family.priors.get("core_tflops")
    if reference is None or not peak or not cores:
        return 1.0
    share = peak / cores / reference.value
    return share if share < CLOCKED else 1.0


CLOCKED = 0.75
"""Share of the reference core's rate from which a difference is one of clocks; our assumption."""


class _Known:
    """Reads a chip's quantities, falls back on the family, and remembers which it assumed."""

    def __init__(self, chip: Chip, family: Family) -> None:
        self.chip, self.family = chip, family
        self.assumed: list[str] = []

    def value(self, quantity: str, default: float | None = None) -> float | None:
        found = self.chip.number(quantity)
        if found is not None:
            return found
        if quantity.startswith("scale_up") and self.chip.text("form_factor") == "PCIe":
            return default
        prior = self.family.priors.get(quantity)
        if prior is not None:
            self.assumed.append(quantity)
            return prior.value
        return default

    def assume(self, quantity: str, value: float) -> float:
        self.assumed.append(quantity)
        return value


RELATIVE_ANCHORS = 10
"""What a family's measured runs count for at most on a chip that has none of its own; our
assumption: as much as ten."""


def _anchors(chip: Chip, family: Family) -> int:
    own = "sustained" in family.chips.get(chip.id, {})
    return family.training_anchors if own else min(family.training_anchors, RELATIVE_ANCHORS)


def _power(chip: Chip, family: Family) -> float:
    """(w / w_0)^(1/3), w = board power per peak FLOP/s: clock that a power limit leaves.

    Dynamic power grows with the cube of the clock when voltage follows it. `w_0` is the family's
    reference (`watts_per_tflops`); a chip with more power per FLOP/s may come near its kernel
    clock. A chip whose own `sustained` was measured needs no correction.
    """
    reference = family.priors.get("watts_per_tflops")
    watts, peak = chip.number("tdp_w"), chip.number("bf16_tflops") or chip.number("fp16_tflops")
    if reference is None or not watts or not peak or "sustained" in family.chips.get(chip.id, {}):
        return 1.0
    sustained = float(family.constant("sustained").value)
    factor = float((watts / peak / reference.value) ** (1.0 / 3.0))
    return min(factor, max(1.0, UNTHROTTLED / sustained))


UNTHROTTLED = 0.98
"""Sustained over kernel clock of a chip that power does not limit; our assumption."""


def _host_bandwidth(known: _Known) -> float:
    generation, lanes = known.chip.number("pcie_generation"), known.chip.number("pcie_lanes")
    if generation is None:
        generation = known.assume("pcie_generation", 4.0)
    return PCIE_LANE_BYTES.get(int(generation), PCIE_LANE_BYTES[4]) * (lanes or 16.0)


def _rates(chip: Chip, family: Family) -> dict[str, Rate]:
    base = family.constant("gemm_efficiency", chip.id).value
    ratio = {
        "fp8_tflops": family.constant("fp8_ratio", chip.id).value,
        "int8_tops": family.constant("fp8_ratio", chip.id).value,
        "fp4_tflops": family.constant("fp4_ratio", chip.id).value,
    }
    rates = {}
    for precision, path in _PATHS.items():
        for quantity in path:
            peak = chip.number(quantity)
            if peak is not None:
                efficiency = base * ratio.get(quantity, 1.0)
                rates[precision] = Rate(peak * TERA, efficiency, OPERAND_BYTES[precision])
                break
    return rates


def _sigma(family: Family, chip_id: str, known: _Known) -> float:
    """Root of the summed variances of what moves training and serving time most."""
    weights = {
        "gemm_efficiency": 1.0,
        "memory_efficiency": 0.5,
        "link_efficiency": 0.3,
        "sustained": 1.0,
    }
    variance = sum((weights[n] * family.constant(n, chip_id).sigma) ** 2 for n in weights)
    for quantity in known.assumed:
        prior = family.priors.get(quantity)
        variance += (0.3 * prior.sigma) ** 2 if prior is not None else 0.1**2
    return float(variance**0.5)


def stack(machines: Sequence[Machine]) -> Machine:
    """Return one machine of arrays, one entry for each; `rates` stays empty."""
    import numpy as np

    values: dict[str, Any] = {"name": "", "family": "", "rates": {}, "assumed": ()}
    for field in fields(Machine):
        if field.name not in values:
            values[field.name] = np.array([getattr(m, field.name) for m in machines], float)
    return Machine(**values)


def stack_rates(rates: Sequence[Rate]) -> Rate:
    """Return one rate of arrays, one entry for each."""
    import numpy as np

    return Rate(*(np.array([getattr(r, f.name) for r in rates], float) for f in fields(Rate)))
