"""The verb `predict train`: names in, one training step out, and the best layout for it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

from tonnage.catalog import Chip, load_catalog
from tonnage.dates import given_day
from tonnage.errors import InputError
from tonnage.perf import (
    Layout,
    RunTotal,
    SearchSpace,
    TrainingEstimate,
    TrainingSearch,
    default_framework,
    fill_data_parallel,
    find_framework,
    parse_layout,
    run_total,
    search_many,
    search_training,
)
from tonnage.perf import predict_training as predict_layout
from tonnage.workload import Model, TrainingJob, resolve_model


@dataclass(frozen=True, slots=True)
class TrainingPrediction:
    """The answer to `predict train`."""

    model: Model
    chip: Chip
    job: TrainingJob
    framework: str
    estimate: TrainingEstimate
    search: TrainingSearch | None
    """How the layout was found; `None` where it was given."""
    run: RunTotal | None
    """The whole run, where a number of tokens was given."""

    @property
    def layouts_considered(self) -> int:
        """Layouts that the search weighed; 1 for a given layout."""
        return self.search.layouts_considered if self.search else 1

    @property
    def layouts_feasible(self) -> int:
        """Layouts that fit in memory."""
        return self.search.layouts_feasible if self.search else int(self.estimate.fits)

    def to_frame(self) -> dict[str, list[Any]]:
        """Return the best layouts as columns, one entry a layout, fastest first."""
        rows = self.search.top if self.search else (self.estimate,)
        columns: dict[str, list[Any]] = {}
        for row in rows:
            flat = {f"layout_{k}": v for k, v in row.layout.to_dict().items()}
            flat |= {f"iteration_time_s_{k}": v for k, v in row.iteration_time_s.to_dict().items()}
            flat |= {"mfu": row.mfu.p50, "memory_bytes": row.memory_bytes["total"]}
            for key, value in flat.items():
                columns.setdefault(key, []).append(value)
        return columns


def predict_training(
    model: str | Model,
    chip: str | Chip,
    chips: int,
    *,
    seq: int,
    global_batch: int,
    precision: str = "bf16",
    framework: str | None = None,
    layout: str | Layout | None = None,
    tokens: float | None = None,
    nic_gbps: float | None = None,
    as_of: date | str | None = None,
    space: SearchSpace | None = None,
) -> TrainingPrediction:
    """Return how long one training step takes; without a layout, the best one is searched.

    Parameters
    ----------
    model, chip
        Names as in `tonnage models list` and `tonnage chips list`, for a model also the path of
        a Hugging Face `config.json`; or the objects themselves.
    chips, seq, global_batch
        Number of chips; tokens per sequence; sequences per step over all chips.
    precision
        bf16, fp16, fp8, mxfp8, nvfp4, tf32 or fp32.
    framework
        One of `tonnage.perf.framework_entries()`; default: the usual one on the chip.
    layout
        As `tp=8,pp=8,mb=1` or a `Layout`; without it the best is searched.
    tokens
        Tokens of a whole run, for days and chip-hours.

    Raises
    ------
    InputError
        If a name or number cannot be used.
    NotEnoughKnown
        If the chip's matrix rate or memory is not public on that day.
    Infeasible
        If no layout fits.
    """
    _whole("chips", chips)
    shape = model if isinstance(model, Model) else resolve_model(model)
    device = chip if isinstance(chip, Chip) else load_catalog(given_day(as_of)).find(chip)
    job = TrainingJob(shape, seq, global_batch, precision, tokens)
    stack = find_framework(framework) if framework else default_framework(device.vendor)
    search: TrainingSearch | None = None
    if layout is None:
        search = search_training(device, job, chips, stack, space=space, nic_gbps=nic_gbps)
        estimate = search.best
    else:
        chosen = parse_layout(layout) if isinstance(layout, str) else layout
        chosen = fill_data_parallel(chosen, chips)
        estimate = predict_layout(device, job, chosen, stack, nic_gbps=nic_gbps)
    run = run_total(job, chips, estimate.iteration_time_s, tokens) if tokens else None
    return TrainingPrediction(shape, device, job, stack.name, estimate, search, run)


def predict_training_everywhere(
    model: str | Model,
    chips: int,
    *,
    seq: int,
    global_batch: int,
    precision: str = "bf16",
    only: Sequence[str] | None = None,
    as_of: date | str | None = None,
) -> dict[str, TrainingSearch | str]:
    """Return the best layout of one job on every catalog chip, or in words why there is none.

    `only` limits the chips to these catalog ids.
    """
    _whole("chips", chips)
    shape = model if isinstance(model, Model) else resolve_model(model)
    catalog = load_catalog(given_day(as_of))
    chosen = [c for c in catalog.chips if only is None or c.id in only]
    job = TrainingJob(shape, seq, global_batch, precision)
    return search_many(chosen, job, chips)


MOST_CHIPS = 10_000_000
"""Far above any cluster: more is a slip of the pen."""


def _whole(name: str, value: int) -> None:
    if not 1 <= value <= MOST_CHIPS:
        raise InputError.of(name, value, f"a whole number, 1 to {MOST_CHIPS:,}")
