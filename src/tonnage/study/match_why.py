"""Why one chip needs more or fewer of it than another: which bottleneck moves."""

from __future__ import annotations

from tonnage.catalog import Chip
from tonnage.perf import SAYS
from tonnage.study.match_load import TRAIN, WorkLoad
from tonnage.study.match_rate import Speed

_FIELDS = (
    ("bf16_tflops", "fp16_tflops", "16-bit rate", "TFLOP/s"),
    ("memory_bandwidth_gbs", "", "memory bandwidth", "GB/s"),
    ("scale_up_gbs", "", "chip-to-chip links", "GB/s"),
    ("memory_gb", "", "memory", "GB"),
)


def why(ours: Speed, theirs: Speed, load: WorkLoad, per_chip: float) -> str:
    """Return one or two sentences: speed per chip, the figures behind it, what binds each side.

    `per_chip` is the number of ours that do the work of one of theirs.
    """
    ratio = 1.0 / per_chip
    work = "tokens a second" if load.kind == TRAIN else "output tokens a second"
    lead = f"{ratio:.2f}x the {work} per chip"
    if ours.chip.id == theirs.chip.id:
        return f"{lead}: the same chip"
    figures = [text for text in (_ratio(ours.chip, theirs.chip, *f) for f in _FIELDS) if text]
    return f"{lead}: {', '.join(figures)}. {_binding(ours, theirs)}"


def _ratio(ours: Chip, theirs: Chip, name: str, instead: str, says: str, unit: str) -> str:
    mine = ours.number(name) or (ours.number(instead) if instead else None)
    other = theirs.number(name) or (theirs.number(instead) if instead else None)
    if mine is None and other is not None and name == "scale_up_gbs":
        return "no chip-to-chip links"
    if not mine or not other or abs(mine / other - 1) < 0.005:
        return ""
    return f"{says} {mine:g} against {other:g} {unit} ({mine / other:.2f}x)"


def _binding(ours: Speed, theirs: Speed) -> str:
    if ours.bottleneck == theirs.bottleneck:
        both = f"Both are bound by {_named(ours)}"
        return f"{both} ({_share(ours)} here, {_share(theirs)} there)."
    return (
        f"The bottleneck moves from {_named(theirs)} ({_share(theirs)}) "
        f"to {_named(ours)} ({_share(ours)})."
    )


def _named(speed: Speed) -> str:
    return SAYS.get(speed.bottleneck, speed.bottleneck)


def _share(speed: Speed) -> str:
    if not speed.parts:
        return "all of the time"
    largest = max(speed.parts.values())
    named = speed.parts.get(speed.bottleneck, largest)
    return f"{named:.0%} of the time"
