"""Time of matrix products by shape."""

from __future__ import annotations

import numpy as np

from tonnage.perf.machine import Machine, Number, Rate

TILE = 128.0
"""Rows and columns of one output tile; the size the vendors' libraries use for large products."""
SMALL_TILE = 16.0
"""Rows that a tile is made taller by; the smallest matrix instruction of the vendors' libraries."""
ALIGNED = 8.0
"""Elements a row must be a multiple of for full-width loads (16 bytes; NVIDIA, same guide)."""
MISALIGNED = 0.2
"""Share of the rate left where it is not; fitted on published runs with 150 and 450 per head."""
SPLIT_DEPTH = 1024.0
"""Shortest slice of k that a split product gives one core; our assumption."""


def wave_share(
    m: Number, n: Number, k: Number, batch: Number, machine: Machine, lost: float = 0.0
) -> Number:
    """Tiles / (ceil(tiles / cores) · cores), softened: share of cores at work, in (0, 1].

    Tiles are 128x128 outputs, of such heights that rows are lost to multiples of 16 only. A product
    with fewer tiles than cores is split along k. Where m is the mean of many products, each loses
    `lost` rows and half a wave in the mean. `machine.wave_weight` says how much of the loss a
    library leaves: 1 all of it, 0 none (stream-K). Formula: NVIDIA, "Matrix Multiplication
    Background", user's guide.
    """
    m, n = np.maximum(m, 1.0), np.maximum(n, 1.0)  # a part that a model lacks has no columns
    rows = SMALL_TILE * np.ceil(m / SMALL_TILE)
    if lost:
        rows = np.maximum(m + lost, SMALL_TILE)
    tiles = np.maximum(rows / TILE, 1.0) * np.ceil(n / TILE) * batch
    pieces = np.where(
        tiles < machine.cores,
        np.minimum(machine.cores, tiles * np.maximum(1.0, np.floor(k / SPLIT_DEPTH))),
        tiles,
    )
    full = pieces / machine.cores
    # In the mean of many products half a wave is lost, less where one wave is hardly exceeded.
    waves = np.minimum(2.0 * full - 1.0, full + 0.5) if lost else np.ceil(full)
    share = full / np.maximum(waves, 1.0)
    fill: Number = m / rows * n / (np.ceil(n / TILE) * TILE)
    used: Number = (1.0 - machine.wave_weight * (1.0 - share)) * fill
    return used


def gemm_seconds(
    machine: Machine,
    rate: Rate,
    m: Number,
    n: Number,
    k: Number,
    *,
    batch: Number = 1.0,
    weight_bytes: Number | None = None,
    activation_bytes: Number | None = None,
    output_bytes: Number = 2.0,
    lost: float = 0.0,
) -> Number:
    """max(2mnk·batch / (P·eta·wave), bytes / (B·eta_b)) + t_kernel: an [m,k] x [k,n] product.

    Parameters
    ----------
    machine, rate
        The chip, and `machine.rate(precision)` of the arithmetic.
    m, n, k
        Shape; all arguments broadcast. `m` is the token side: its rows are read as activations
        (`activation_bytes` each, default the rate's), k·n as weights (`weight_bytes` each), m·n
        are written (`output_bytes` each).
    batch
        Independent products in one launch (heads, experts).
    lost
        Rows that a product loses in the mean to whole steps, where `m` is a mean of many; 0: `m` is
        the number of every one.

    Returns
    -------
    Seconds on the device, without host launch.
    """
    weight = rate.operand_bytes if weight_bytes is None else weight_bytes
    active = rate.operand_bytes if activation_bytes is None else activation_bytes
    share = wave_share(m, n, k, batch, machine, lost) * np.where(
        (np.mod(k, ALIGNED) == 0) & (np.mod(n, ALIGNED) == 0), 1.0, MISALIGNED
    )
    compute = 2.0 * m * n * k * batch / (rate.peak * rate.efficiency * share)
    moved = (m * k * active + k * n * weight + m * n * output_bytes) * batch
    memory = moved / (machine.memory_bandwidth * machine.memory_efficiency)
    return np.maximum(compute, memory) + machine.kernel_s
