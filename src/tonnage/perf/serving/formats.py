"""The format in which a chip multiplies a job's weights."""

from __future__ import annotations

from tonnage.catalog import Chip
from tonnage.perf.machine import machine_of
from tonnage.perf.serving.case import compute_precision
from tonnage.workload import ServingJob


def computed_as(chip: Chip, job: ServingJob) -> str:
    """Return the format that engines multiply the job's weights in on chips of this generation.

    Raises
    ------
    NotEnoughKnown
        If the chip lacks memory size, bandwidth or a rate.
    """
    return compute_precision(job.weights, job.activations, machine_of(chip).rates)
