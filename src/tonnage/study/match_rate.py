"""How fast a chip does a workload, at any number of chips, layouts searched."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from tonnage.catalog import Chip
from tonnage.dates import today
from tonnage.errors import Infeasible, InputError, NotEnoughKnown
from tonnage.perf import (
    Engine,
    ServingEstimate,
    TrainingEstimate,
    default_framework,
    default_kv,
    engine_known,
    find_framework,
    machine_of,
    predict_serving,
    search_chips,
    search_training,
)
from tonnage.provenance import Spread
from tonnage.study.match_load import SERVE, TRAIN, WorkLoad
from tonnage.workload import Arrivals, ServingJob, TrainingJob

SERVING_SIZES = (1, 2, 4, 8, 16, 32, 64)
"""Chips of one deployment that are tried; a cluster runs as many of the best as it holds."""


@dataclass(frozen=True, slots=True)
class Speed:
    """What `chips` chips of one kind deliver in their best layout."""

    chip: Chip
    chips: int
    per_chip: Spread
    """Training: tokens a second and chip. Serving: output tokens a second and chip."""
    layout: str
    bottleneck: str
    parts: dict[str, float]
    """Shares of the time by what takes it."""
    group: int
    """Chips of one deployment; for training, all of them."""
    estimate: TrainingEstimate | ServingEstimate
    note: str = ""

    @property
    def kind(self) -> str:
        """`train` or `serve`."""
        return TRAIN if isinstance(self.estimate, TrainingEstimate) else SERVE


BATCH_LEEWAY = 0.05
"""Share by which a global batch may be moved so that it divides over the chips; our assumption."""


def training_speed(chip: Chip, load: WorkLoad, chips: int) -> Speed:
    """Return the best use of at most `chips` chips for a training job.

    All of them in one layout, with the global batch moved by up to 5 % where it does not divide
    over them; or fewer, down to whole servers or a number that the batch divides over, if those do
    more work. `chips` of the answer says how many are used, `note` what was moved.

    Raises
    ------
    Infeasible
        If no layout of these numbers fits.
    NotEnoughKnown
        If the chip's rates or memory are not public.
    """
    best: Speed | None = None
    refusal: Infeasible | None = None
    for count, batch in _uses(load, chips):
        try:
            found = _searched(chip, load, count, batch)
        except Infeasible as no:
            refusal = refusal or no
            continue
        if best is None or count * found.per_chip.p50 > best.chips * best.per_chip.p50:
            best = found
    if best is None:
        assert refusal is not None
        raise refusal
    return best


def _uses(load: WorkLoad, chips: int) -> list[tuple[int, int]]:
    """Return the numbers of chips and global batches worth searching, the asked ones first."""
    assert isinstance(load.job, TrainingJob)
    batch = load.job.global_batch
    found = [(chips, batch)]
    whole = chips // 8 * 8
    for count in dict.fromkeys(n for n in (chips, whole) if n > 0):
        odd = count // (count & -count)
        moved = round(batch / odd) * odd
        if batch % odd and abs(moved / batch - 1) <= BATCH_LEEWAY:
            found.append((count, moved))
    divisor = batch // (batch & -batch)
    friendly = max(_below(chips, odd) for odd in (1, divisor))
    if friendly != chips and len(found) == 1:
        found.append((friendly, batch))
    return found


def _below(chips: int, odd: int) -> int:
    """Return the largest odd · 2^k that is at most `chips`; 0 if there is none."""
    return odd << ((chips // odd).bit_length() - 1) if odd <= chips else 0


def _searched(chip: Chip, load: WorkLoad, chips: int, batch: int) -> Speed:
    job = load.job
    assert isinstance(job, TrainingJob)
    stack = find_framework(load.framework) if load.framework else default_framework(chip.vendor)
    best = search_training(chip, replace(job, global_batch=batch), chips, stack).best
    spent = sum(best.breakdown_s.values())
    parts = {name: s / spent for name, s in best.breakdown_s.items()} if spent else {}
    note = (
        f"global batch {batch:,} in place of {job.global_batch:,}"
        if batch != job.global_batch
        else ""
    )
    return Speed(
        chip, chips, best.tokens_per_s_per_chip, _written(best.layout.to_dict()),
        best.bottleneck, parts, chips, best, note,
    )  # fmt: skip


def serving_speeds(chips: Sequence[Chip], load: WorkLoad, most: int) -> list[Speed | str]:
    """Return the best deployment of a serving job on each chip, or why there is none.

    Deployments of up to `most` chips are tried in the sizes of `SERVING_SIZES`, all within the
    job's limits on latency; the one of which `most` chips, in as many as they hold, give the most
    output tokens a second is taken.
    """
    best: list[Speed | str] = [""] * len(chips)
    engines: dict[int, Engine] = {}
    for index, chip in enumerate(chips):
        try:
            engines[index] = engine_of(chip, load)
        except InputError as reason:
            best[index] = str(reason)
    jobs = {index: _serving_job(chips[index], load, engine) for index, engine in engines.items()}
    for cache in dict.fromkeys(job.kv for job in jobs.values()):
        same = [index for index, job in jobs.items() if job.kv == cache]
        free = replace(
            jobs[same[0]], concurrency=None, request_rate=None, arrivals=Arrivals.CLOSED
        )  # fmt: skip
        sides = [(chips[index], engines[index]) for index in same]
        for index, one in zip(same, _fastest(sides, free, most), strict=True):
            best[index] = one
    return best


def engine_of(chip: Chip, load: WorkLoad) -> Engine:
    """Return the engine that a load runs on a chip, as it was known on the load's day.

    Raises
    ------
    InputError
        If the named engine does not run there, or was not known by then.
    """
    return engine_known(load.framework, chip.vendor, load.as_of or today())


def _serving_job(chip: Chip, load: WorkLoad, engine: Engine) -> ServingJob:
    """Return the job as it runs on a chip: a cache that the load does not name is the engine's."""
    job = load.job
    assert isinstance(job, ServingJob)
    arrivals = Arrivals.OPEN if job.request_rate is not None else Arrivals.CLOSED
    has_fp4 = chip.number("fp4_tflops") is not None
    return replace(job, arrivals=arrivals, kv=load.kv or default_kv(engine, job.weights, has_fp4))


def loaded_speed(chip: Chip, load: WorkLoad, chips: int) -> Speed:
    """Return what `chips` chips deliver at the load that a serving job names, as one deployment.

    Raises
    ------
    Infeasible
        If the model does not fit, the load is more than they can serve, or a limit is not met.
    NotEnoughKnown
        If the chip's rates or memory are not public.
    """
    engine = engine_of(chip, load)
    job = _serving_job(chip, load, engine)
    found = predict_serving(chip, job, engine=engine, chips=chips)
    if not found.fits:
        raise Infeasible(found.reason)
    return _speed(chip, chips, found)


def _fastest(
    sides: Sequence[tuple[Chip, Engine]], free: ServingJob, most: int
) -> list[Speed | str]:
    best: list[Speed | str] = [_unknown(chip) for chip, _ in sides]
    known = [index for index, gap in enumerate(best) if not gap]
    for size in SERVING_SIZES:
        if not known or (size > most and size > 1):
            break
        tried = _deployed([sides[index] for index in known], free, size)
        for index, found in zip(known, tried, strict=True):
            if isinstance(found, str):
                best[index] = best[index] if isinstance(best[index], Speed) else found
            else:
                best[index] = _better(best[index], sides[index][0], size, found, free, most)
    return best


def _unknown(chip: Chip) -> str:
    """Return what is missing to predict anything on a chip, empty if nothing is."""
    try:
        machine_of(chip)
    except NotEnoughKnown as gap:
        return str(gap)
    return ""


def _deployed(
    sides: Sequence[tuple[Chip, Engine]], job: ServingJob, size: int
) -> list[ServingEstimate | str]:
    """Return the best deployment of one size on each chip, or why there is none.

    All chips are searched in one pass; if one of them cannot, each is searched by itself.
    """
    chips, engines = [chip for chip, _ in sides], [engine for _, engine in sides]
    try:
        return list(search_chips(chips, job, size, engines))
    except (Infeasible, NotEnoughKnown) as reason:
        if len(chips) <= 1:
            return [str(reason)]
    return [_deployed([side], job, size)[0] for side in sides]


def _better(
    known: Speed | str,
    chip: Chip,
    size: int,
    found: ServingEstimate,
    job: ServingJob,
    most: int,
) -> Speed | str:
    late = _too_late(found, job)
    if not found.fits or late:
        return known if isinstance(known, Speed) else late or found.reason
    rate = found.tokens_per_s_output_per_chip
    if isinstance(known, Speed):
        before = most // known.group * known.group * known.per_chip.p50
        if before >= max(most // size, 1) * size * rate.p50 * 0.999:
            return known
    return _speed(chip, size, found)


def _speed(chip: Chip, size: int, found: ServingEstimate) -> Speed:
    spent = sum(found.breakdown_ms.values())
    parts = {name: t / spent for name, t in found.breakdown_ms.items()} if spent else {}
    text = _written(found.layout.to_dict())
    rate = found.tokens_per_s_output_per_chip
    return Speed(chip, size, rate, text, found.bottleneck, parts, size, found)


def _too_late(found: ServingEstimate, job: ServingJob) -> str:
    slack = 1.0 + 1e-9
    if job.tpot_ms is not None and found.tpot_ms.p50 > job.tpot_ms * slack:
        return f"{found.tpot_ms.p50:.0f} ms per output token at best; the limit is {job.tpot_ms:g}"
    if job.ttft_ms is not None and found.ttft_ms.p50 > job.ttft_ms * slack:
        return (
            f"{found.ttft_ms.p50:.0f} ms to the first token at best; the limit is {job.ttft_ms:g}"
        )
    return ""


_DEGREES = ("tp", "pp", "vpp", "dp", "cp", "ep", "mb", "zero", "recompute")


def _written(layout: Mapping[str, Any]) -> str:
    """Return a layout as `--layout` takes it, its plain degrees left out."""
    kept = {k: layout[k] for k in _DEGREES if layout.get(k) not in (None, 1, 0, "none")}
    return ",".join(f"{k}={v}" for k, v in kept.items()) or "tp=1"
