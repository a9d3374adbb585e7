"""Which layouts a search weighs: every way to set up one instance, as often as the chips allow."""

from __future__ import annotations

from tonnage.catalog import Chip
from tonnage.errors import Infeasible
from tonnage.perf.machine import NODE_CHIPS, machine_of
from tonnage.perf.serving.layout import ServingLayout
from tonnage.workload import Model

WIDEST_TENSOR = 64
"""Chips of one scale-up domain that tensor parallelism may span."""
STAGES = tuple(sorted({1, *(a << k for a in (2, 3) for k in range(7))}))
"""Pipeline stages that are tried: 1, 2, 3, 4, 6, 8, 12, 16 … 192."""


def tensor_domain(chip: Chip) -> int:
    """Return the chips that tensor parallelism may span: a server, or a larger scale-up domain."""
    return max(NODE_CHIPS, min(int(machine_of(chip).scale_up_domain), WIDEST_TENSOR))


def instances(model: Model, most: int, domain: int) -> list[ServingLayout]:
    """Return every way to set up one instance on up to `most` chips.

    An instance serves by itself: tensor parallel within `domain` chips and over the heads,
    pipeline stages, experts split like other matrices, whole over the tensor group, or whole over
    several tensor groups (attention data parallelism). What can be set up on n chips can be on
    n + 1: the list only grows.
    """
    found = []
    for tp in _tensor_degrees(model, min(most, domain)):
        deepest = min(most // tp, model.layers)
        found += [ServingLayout(tp, pp) for pp in STAGES if pp <= deepest]
        if model.experts is None:
            continue
        routed = model.experts.routed
        for ranks in range(1, most // tp + 1):
            span = tp * ranks
            if span > routed:
                break
            if span > 1 and routed % span == 0:
                found.append(ServingLayout(tp, 1, ranks, span))
    return found


def _tensor_degrees(model: Model, most: int) -> list[int]:
    """Return divisors of the heads that spread the key-value heads evenly, or repeat them so."""
    heads, shared = model.attention.heads, max(model.attention.kv_heads, 1)
    latent = model.attention.latent is not None
    return [n for n in range(1, min(most, heads) + 1)
            if heads % n == 0 and (latent or shared % n == 0 or n % shared == 0)]  # fmt: skip


def layouts(
    model: Model, chips: int, domain: int, requests: float | None = None
) -> list[ServingLayout]:
    """Return every layout of up to `chips` chips worth trying.

    Each instance as often as the chips allow, and not more often than there are `requests` in
    flight. Chips may stay idle: seven chips serve in three pairs where seven divide nothing.

    Raises
    ------
    Infeasible
        If there is none.
    """
    found = []
    for one in instances(model, chips, domain):
        copies = chips // one.chips
        if requests is not None:
            copies = max(min(copies, int(requests)), 1)
        found.append(ServingLayout(one.tp, one.pp, one.dp * copies, one.ep))
    if not found:
        message = f"no layout of {chips} chips divides the model's heads and layers"
        raise Infeasible(message)
    return found
