"""Formats of weights, and the one in which a chip multiplies them."""

from __future__ import annotations

from typing import Any

from tonnage.catalog import Chip
from tonnage.perf.machine import machine_of
from tonnage.workload import ServingJob

SIXTEEN = ("bf16", "fp16")
FOUR_BITS = 0.75
"""Bytes a weight below which a format counts as one of 4 bits, scales included."""


def kind_of_weights(weights: str) -> str:
    """Return the format, 16-bit ones under one name: they take the same time."""
    return "16-bit" if weights in SIXTEEN else weights


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


def computed_as(chip: Chip, job: ServingJob) -> str:
    """Return the format that engines multiply the job's weights in on chips of this generation.

    Raises
    ------
    NotEnoughKnown
        If the chip lacks memory size, bandwidth or a rate.
    """
    return compute_precision(job.weights, job.activations, machine_of(chip).rates)
