"""A value that is not public, estimated from a chip's siblings and labelled so.

The yardstick is what two chips of one family deliver: the geometric mean of the dense 16-bit rate,
which bounds training, and of the memory bandwidth, which bounds serving. The estimate is the
siblings' median value per yardstick; its interval covers at least a factor of 1.6 either way (our
assumption), or the whole range of the siblings where that is wider.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from statistics import median

from tonnage.catalog import Catalog, Chip
from tonnage.provenance import Spread

WIDEST_NARROW = 1.6
"""p50 over p10, and p90 over p50, of an estimate at the least."""


@dataclass(frozen=True, slots=True)
class Estimate:
    """A value and the chips it was taken from."""

    value: Spread
    names: tuple[str, ...]


def yardstick(chip: Chip) -> float | None:
    """sqrt(dense 16-bit TFLOP/s · memory GB/s); `None` if either is unknown."""
    rate = chip.number("bf16_tflops") or chip.number("fp16_tflops")
    bandwidth = chip.number("memory_bandwidth_gbs")
    return (rate * bandwidth) ** 0.5 if rate and bandwidth else None


def from_siblings(
    chip: Chip, catalog: Catalog, value_of: Callable[[Chip], Spread | None]
) -> Estimate | None:
    """Return an estimate for a chip from its siblings, `None` if no sibling has the value.

    Siblings are the chips of the same family (China variants count with their originals) and form.
    """
    own = yardstick(chip)
    if own is None:
        return None
    ratios: list[tuple[Spread, str]] = []
    for other in catalog.chips:
        size = yardstick(other)
        if other is chip or size is None or not _related(chip, other):
            continue
        value = value_of(other)
        if value is not None:
            ratios.append((value * (own / size), other.name))
    if not ratios:
        return None
    middle = median(value.p50 for value, _ in ratios)
    low = min(middle / WIDEST_NARROW, *(value.p10 for value, _ in ratios))
    high = max(middle * WIDEST_NARROW, *(value.p90 for value, _ in ratios))
    return Estimate(Spread(low, middle, high), tuple(name for _, name in ratios))


def _related(chip: Chip, other: Chip) -> bool:
    family = chip.family.removesuffix(" (China)")
    same_form = (chip.text("form_factor") or "")[:3] == (other.text("form_factor") or "")[:3]
    return other.family.removesuffix(" (China)") == family and same_form
