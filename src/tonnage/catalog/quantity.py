"""What may be stated of a chip: name, unit and meaning of each quantity.

Dense and sparse rates, and FP16 with FP16 or FP32 accumulation, are different quantities: export
rules count the highest dense one, training uses those that accumulate in FP32.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Kind(StrEnum):
    """The type of a quantity's values."""

    NUMBER = "number"
    TEXT = "text"
    FLAG = "flag"
    DAY = "day"


@dataclass(frozen=True, slots=True)
class Quantity:
    """One quantity of the catalog; `bits` is the operand width of a rate, else `None`."""

    name: str
    unit: str
    meaning: str
    kind: Kind = Kind.NUMBER
    bits: int | None = None
    largest: float = 1e9
    """A plausibility limit: a number above it is a slip of the pen."""
    positive: bool = False
    """Zero is no value of it: a chip without the thing leaves the quantity out."""


def _rate(name: str, unit: str, bits: int, meaning: str) -> Quantity:
    return Quantity(name, unit, meaning, bits=bits, largest=1e6, positive=True)


_ALL = (
    Quantity("launch_date", "", "day the maker launched or announced it", Kind.DAY),
    Quantity("process_node", "", "process of the compute dies", Kind.TEXT),
    Quantity("die_area_mm2", "mm2", "compute-logic die area of the package", largest=1e5),
    Quantity("n_dies", "dies", "logic and I/O dies in the package", largest=100),
    _rate("fp64_tflops", "TFLOP/s", 64, "FP64, dense, vector path"),
    _rate("fp64_matrix_tflops", "TFLOP/s", 64, "FP64 matrix, dense"),
    _rate("fp32_tflops", "TFLOP/s", 32, "FP32, dense, vector path"),
    _rate("tf32_tflops", "TFLOP/s", 19, "TF32 matrix, dense"),
    _rate("fp16_tflops", "TFLOP/s", 16, "FP16 matrix, dense, FP32 accumulation"),
    _rate("fp16_acc16_tflops", "TFLOP/s", 16, "FP16 matrix, dense, FP16 accumulation"),
    _rate("bf16_tflops", "TFLOP/s", 16, "BF16 matrix, dense, FP32 accumulation"),
    _rate("fp8_tflops", "TFLOP/s", 8, "FP8 matrix, dense, FP32 accumulation"),
    _rate("fp8_acc16_tflops", "TFLOP/s", 8, "FP8 matrix, dense, FP16 accumulation"),
    _rate("int8_tops", "TOP/s", 8, "INT8 matrix, dense"),
    _rate("fp4_tflops", "TFLOP/s", 4, "FP4 matrix, dense"),
    _rate("int4_tops", "TOP/s", 4, "INT4 matrix, dense"),
    Quantity("sparse_factor", "x", "sparse rate over dense rate where the maker states one"),
    Quantity("cores", "cores", "SMs, compute units, AI cores", largest=1e5),
    Quantity("memory_gb", "GB", "device memory as sold", largest=1e5, positive=True),
    Quantity("memory_type", "", "kind of device memory", Kind.TEXT),
    Quantity("memory_bandwidth_gbs", "GB/s", "device memory bandwidth", largest=1e6, positive=True),
    Quantity("l2_mb", "MB", "last-level cache", largest=1e5),
    Quantity("scale_up_name", "", "chip-to-chip link", Kind.TEXT),
    Quantity("scale_up_gbs", "GB/s", "chip-to-chip links, both directions, total", largest=1e5),
    Quantity(
        "scale_up_domain",
        "chips",
        "chips that share the chip-to-chip links",
        largest=1e5,
        positive=True,
    ),
    Quantity("pcie_generation", "", "PCI Express generation", largest=10),
    Quantity("pcie_lanes", "lanes", "PCI Express lanes", largest=64),
    Quantity(
        "nic_gbps",
        "Gbit/s",
        "usual network port per chip, one direction",
        largest=1e5,
        positive=True,
    ),
    Quantity("tdp_w", "W", "board power", largest=1e5),
    Quantity("form_factor", "", "SXM, OAM, PCIe …", Kind.TEXT),
    Quantity("datacenter", "", "designed or marketed for data centres", Kind.FLAG),
    Quantity("io_bidirectional_gbs", "GB/s", "all links and PCIe, both directions", largest=1e5),
)

QUANTITIES = {quantity.name: quantity for quantity in _ALL}
"""Every quantity by name, in display order."""

DENSE_RATES = tuple(q.name for q in _ALL if q.bits is not None)
"""Names of all dense rates; each has `bits`."""

TRAINING_RATE = {
    "fp32": "fp32_tflops",
    "tf32": "tf32_tflops",
    "fp16": "fp16_tflops",
    "bf16": "bf16_tflops",
    "fp8": "fp8_tflops",
    "int8": "int8_tops",
    "fp4": "fp4_tflops",
    "int4": "int4_tops",
}
"""Number format → the rate that real matrix work in it may count on."""
