"""What a serving command is asked: names resolved, every fault of the input, and what to note."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import date
from functools import partial
from math import isfinite
from typing import TypeVar

from tonnage.catalog import Chip, load_catalog
from tonnage.errors import AmbiguousName, Fault, InputError, UnknownName
from tonnage.perf import (
    Engine,
    ServingLayout,
    Traffic,
    computed_as,
    default_kv,
    engine_known,
    parse_serving_layout,
    releases,
    stand_in,
)
from tonnage.study.published_weights import published_in
from tonnage.study.serving_load import MOST_TOKENS, SETTINGS, Load, out_of_range, wrong_kinds
from tonnage.workload import BITS, Arrivals, Model, ServingJob, load_models, resolve_model

T = TypeVar("T")
MOST_CHIPS = 10_000_000
"""Far above any fleet: more is a slip of the pen."""
_ARGUMENTS = {"input_tokens": "input", "output_tokens": "output"}
_WIDE = 16.0


@dataclass(frozen=True, slots=True)
class Question:
    """A question that can be answered: on one kind of chip, or on one a pool."""

    model: Model
    devices: tuple[Chip, ...]
    engines: tuple[Engine, ...]
    job: ServingJob
    layout: ServingLayout | None
    notes: tuple[str, ...]


class _Faults:
    """Collects what several steps find wrong; a single error is raised as it is."""

    def __init__(self) -> None:
        self.errors: list[InputError] = []

    def add(self, name: str, value: object, mend: str) -> None:
        self.errors.append(InputError.of(name, value, mend))

    def extend(self, found: list[Fault]) -> None:
        self.errors += [InputError([fault]) for fault in found]

    def attempt(self, step: Callable[[], T]) -> T | None:
        try:
            return step()
        except InputError as error:
            self.errors.append(error)
            return None

    def end(self) -> None:
        if len(self.errors) == 1:
            raise self.errors[0]
        if self.errors:
            # By what they say: what was given need not be hashable.
            found = {str(fault): fault for error in self.errors for fault in error.faults}
            raise InputError(found.values())


def _check_counts(
    counts: Mapping[str, object], chips: tuple[str | Chip, ...], faults: _Faults
) -> None:
    for name, count in counts.items():
        if isinstance(count, bool) or not (isinstance(count, int) and 1 <= count <= MOST_CHIPS):
            pair = isinstance(count, tuple | list) and len(chips) > 1
            mend = ", or a pair of them (prefill, decoding)" if pair else ""
            faults.add(name, count, f"a whole number from 1 to {MOST_CHIPS:,}{mend}")


def question(
    model: str | Model,
    chips: tuple[str | Chip, ...],
    counts: Mapping[str, object],
    load: Load,
    *,
    framework: str | None,
    layout: str | ServingLayout | None = None,
    traffic: Traffic | None = None,
    as_of: date,
) -> Question:
    """Return the question of given names and numbers.

    Parameters
    ----------
    chips
        One kind, or those of the prefill and the decoding pool.
    counts
        Numbers of chips by the name they were asked for by; empty where they are searched.

    Raises
    ------
    InputError
        With every fault of names, numbers and what does not go together.
    """
    faults = _Faults()
    faults.extend(wrong_kinds(model, chips, framework, layout, traffic, load))
    faults.end()
    _check_counts(counts, chips, faults)
    faults.extend(out_of_range(load))
    shape = faults.attempt(lambda: known_model(model, as_of))
    catalog = load_catalog(as_of)
    devices = [
        faults.attempt(partial(catalog.find, chip)) if isinstance(chip, str) else chip
        for chip in dict.fromkeys(chips)
    ]
    engines = [
        faults.attempt(partial(_engine, framework, device.vendor, as_of, load))
        for device in devices
        if device is not None
    ]
    count = next(iter(counts.values())) if len(counts) == 1 else None
    total = count if isinstance(count, int) else None
    placed = faults.attempt(
        lambda: parse_serving_layout(layout, total) if isinstance(layout, str) else layout
    )
    if shape is not None and placed is not None:
        _check_layout(placed, shape, faults)
    job = None
    if shape is not None and engines and engines[-1] is not None and devices[-1] is not None:
        made = shape, engines[-1], devices[-1]
        job = faults.attempt(lambda: _job(load, *made))
    faults.end()
    assert shape is not None
    assert job is not None
    found = tuple(device for device in devices if device is not None)
    used = tuple(engine for engine in engines if engine is not None)
    notes = (*_notes(job, found, used, framework, load), *_stand_ins(used, as_of))
    return Question(shape, found, used, job, placed, notes)


def known_model(model: str | Model, as_of: date) -> Model:
    """Return the model that is meant, published by `as_of`.

    Raises
    ------
    UnknownName
        If none answers to the name, or it was published later.
    """
    if isinstance(model, Model):
        return model
    try:
        return resolve_model(model, as_of)
    except UnknownName as unknown:
        try:
            later = load_models().find(model)
        except (UnknownName, AmbiguousName):
            raise unknown from None
        mend = f"not known on {as_of}: {later.model.id} was published on {later.released}"
        raise UnknownName.of("model", model, mend) from None


def _engine(framework: str | None, vendor: str, as_of: date, load: Load) -> Engine:
    """Return the engine with the settings that its server was given."""
    engine = engine_known(framework, vendor, as_of)
    given = {name: float(value) for name, value in load.server.items() if name in SETTINGS}
    return engine.with_settings(given)


def _check_layout(layout: ServingLayout, model: Model, faults: _Faults) -> None:
    heads, experts = model.attention.heads, model.experts
    if heads % layout.tp:
        faults.add("layout.tp", layout.tp, f"a divisor of the {heads} attention heads")
    if layout.pp > model.layers:
        faults.add("layout.pp", layout.pp, f"at most the {model.layers} layers")
    if layout.ep > 1 and experts is None:
        faults.add("layout.ep", layout.ep, f"leave it out: {model.name} has no experts")
    elif experts is not None and experts.routed % layout.ep:
        faults.add("layout.ep", layout.ep, f"a divisor of the {experts.routed} experts")


def _job(load: Load, model: Model, engine: Engine, device: Chip) -> ServingJob:
    """Return the job; faults name the command's arguments, one a fault."""
    has_fp4 = device.number("fp4_tflops") is not None
    bounded = {name: min(max(_usable(getattr(load, name)) or 1.0, 1.0), MOST_TOKENS)
               for name in _ARGUMENTS.values()}  # fmt: skip
    opened = load.request_rate is not None
    try:
        return ServingJob(
            model, bounded["input"], bounded["output"],
            concurrency=_usable(load.concurrency), request_rate=_usable(load.request_rate),
            arrivals=Arrivals.OPEN if opened else Arrivals.CLOSED,
            ttft_ms=load.ttft_ms, tpot_ms=load.tpot_ms, weights=load.weights,
            kv=load.kv or default_kv(engine, load.weights, has_fp4),
            prefix_hit_rate=load.prefix_hit_rate, speculation=load.speculation,
            shortest_share=load.shortest_share,
        )  # fmt: skip
    except InputError as error:
        names = [_ARGUMENTS.get(fault.field, fault.field) for fault in error.faults]
        faults = [replace(fault, field=name, value=getattr(load, name, fault.value))
                  for name, fault in zip(names, error.faults, strict=True)]  # fmt: skip
        raise InputError(faults) from None


def _usable(value: float | None) -> float | None:
    """Return a load, or one that raises no fault a second time."""
    return value if value is None or (isfinite(value) and value > 0) else 1.0


def _notes(
    job: ServingJob,
    devices: tuple[Chip, ...],
    engines: tuple[Engine, ...],
    framework: str | None,
    load: Load,
) -> tuple[str, ...]:
    """Return what a reader has to know of the question before the answer."""
    found = [*_context_note(job), *_published_note(job)]
    for device, engine in zip(devices, engines, strict=True):
        found += _format_note(job, device)
        told = releases()[engine.id]
        if load.kv and told.caches and load.kv not in told.caches:
            named = ", ".join(told.caches)
            found.append(f"{engine.name} may not keep a cache in {load.kv}: its documentation "
                         f"({told.caches_source}) names {named}")  # fmt: skip
        if framework and device.vendor in told.makers and engine.id.startswith("vllm-ascend"):
            found.append(f"on chips of {device.vendor}, vLLM runs as {engine.name}")
    return tuple(dict.fromkeys(found))


def _stand_ins(engines: tuple[Engine, ...], as_of: date) -> list[str]:
    """Say where no release of an engine was known yet."""
    told = {e.id: releases()[e.id] for e in engines}
    return [
        f"{engine.name} was not out on {as_of} (known from {told[engine.id].known}, "
        f"{told[engine.id].release}); it stands in for what ran before"
        for engine in dict.fromkeys(engines)
        if told[engine.id].known > as_of
    ]


def _context_note(job: ServingJob) -> list[str]:
    longest, asked = job.model.max_positions, job.input_tokens + job.output_tokens
    if not longest or asked <= longest:
        return []
    return [
        (
            f"{asked:,.0f} tokens are more than the context of {longest:,} that "
            f"{job.model.name} was made for; speeds are those of a model that could take them"
        )
    ]


def _published_note(job: ServingJob) -> list[str]:
    stored = published_in(job.model)
    if BITS[job.weights] <= BITS[stored]:
        return []
    text = f"{job.model.name} is published in {stored}, and was asked in {job.weights}"
    return [f"{text}: --weights {stored} takes {BITS[stored] / BITS[job.weights]:.0%} of the room"]


def _format_note(job: ServingJob, device: Chip) -> list[str]:
    """Say where weights are multiplied in another format than they are stored in."""
    multiplied = computed_as(device, job)
    stored = BITS[job.weights]
    what = "weights" if job.weights != "mxfp4" else "weights but those of attention, in 16,"
    lacking = stand_in(device, multiplied)
    if stored >= _WIDE or (not lacking and BITS.get(multiplied, _WIDE) < _WIDE):
        return []
    why = f": {device.name} has no published rate for {job.weights}" if lacking else ""
    return [
        (
            f"{what} are read in {stored:g} bits and multiplied in 16{why}; "
            f"kernels for that on {device.name} are taken for granted"
        )
    ]


def faults_as_options(error: InputError, names: Mapping[str, str]) -> InputError:
    """Return the error with fields as the command's options spell them."""
    return type(error)([replace(f, field=names.get(f.field, f.field)) for f in error.faults])
