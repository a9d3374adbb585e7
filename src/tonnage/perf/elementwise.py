"""Time of work that only moves bytes: norms, activations, residuals, optimizer."""

from __future__ import annotations

from tonnage.perf.machine import Machine, Number


def traffic_seconds(machine: Machine, moved_bytes: Number, kernels: Number = 0.0) -> Number:
    """Bytes / (B·eta_b) + kernels·t_kernel: reads and writes through device memory."""
    rate = machine.memory_bandwidth * machine.memory_efficiency
    return moved_bytes / rate + kernels * machine.kernel_s
