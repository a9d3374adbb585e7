"""A value that is not public, estimated from a chip's siblings and labelled so.

The yardstick is what two chips of one family deliver: the geometric mean of the dense 16-bit rate,
which bounds training, and of the memory bandwidth, which bounds serving. The estimate is the
siblings' median value per yardstick; its interval covers at least a factor of 1.6 either way, 2
where only other families of the same vendor are known (our assumption), or the whole range of the
siblings where that is wider.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from statistics import median

from tonnage.catalog import Catalog, Chip
from tonnage.provenance import Spread

FAMILY_FACTOR, VENDOR_FACTOR = 1.6, 2.0
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

    Siblings are the chips of the same family (China variants count with their originals) and form;
    if none of these has the value, those of the same vendor and form.
    """
    own = yardstick(chip)
    if own is None:
        return None
    alike = [
        c for c in catalog.chips if c is not chip and c.id != chip.id and _form(c) == _form(chip)
    ]
    family = [c for c in alike if _family(c) == _family(chip)]
    vendor = [c for c in alike if c.vendor == chip.vendor]
    for siblings, factor in ((family, FAMILY_FACTOR), (vendor, VENDOR_FACTOR)):
        found = _estimate(own, siblings, value_of, factor)
        if found is not None:
            return found
    return None


def _estimate(
    own: float,
    siblings: list[Chip],
    value_of: Callable[[Chip], Spread | None],
    factor: float,
) -> Estimate | None:
    ratios: list[tuple[Spread, str]] = []
    for sibling in siblings:
        size = yardstick(sibling)
        value = value_of(sibling) if size is not None else None
        if size is not None and value is not None:
            ratios.append((value * (own / size), sibling.name))
    if not ratios:
        return None
    middle = median(value.p50 for value, _ in ratios)
    low = min(middle / factor, *(value.p10 for value, _ in ratios))
    high = max(middle * factor, *(value.p90 for value, _ in ratios))
    return Estimate(Spread(low, middle, high), tuple(name for _, name in ratios))


def _family(chip: Chip) -> str:
    return chip.family.removesuffix(" (China)")


def _form(chip: Chip) -> str:
    return (chip.text("form_factor") or "")[:3]
