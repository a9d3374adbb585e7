"""`predict_serving`: the one call that answers for a chip, a job and a number of chips."""

from __future__ import annotations

from tonnage.catalog import Chip
from tonnage.perf.serving.case import ServingCase
from tonnage.perf.serving.engine import Engine, find_engine
from tonnage.perf.serving.estimate import ServingEstimate, predict_serving_cases
from tonnage.perf.serving.layout import ServingLayout
from tonnage.perf.serving.search import search_serving
from tonnage.workload import ServingJob


def predict_serving(
    chip: Chip,
    job: ServingJob,
    layout: ServingLayout | None = None,
    engine: Engine | None = None,
    chips: int | None = None,
) -> ServingEstimate:
    """Return what `chips` of `chip` deliver for `job`.

    Parameters
    ----------
    layout
        How the model is spread; `None`: the best of all for `chips` chips.
    engine
        From `find_engine`; `None`: the usual one for the chip's maker.
    chips
        May be left out where `layout` says it.

    Raises
    ------
    NotEnoughKnown
        If the chip lacks memory size, bandwidth or a rate.

    Examples
    --------
    >>> from datetime import date
    >>> from tonnage.catalog import load_catalog
    >>> from tonnage.workload import Attention, Model
    >>> llama = Model("l", "L", 32, 4096, 14336, True, Attention(32, 8, 128), 128256, False)
    >>> chip = load_catalog(date(2026, 1, 1)).find("H20")
    >>> job = ServingJob(llama, 1024, 256, concurrency=16)
    >>> predict_serving(chip, job, ServingLayout()).fits
    True
    """
    used = engine or find_engine(None, vendor=chip.vendor)
    loaded = job.concurrency is not None or job.request_rate is not None
    if layout is not None and loaded:
        return predict_serving_cases([ServingCase(chip, job, layout, used)])[0]
    count = chips or (layout.chips if layout else 1)
    return search_serving(chip, job, count, used, layout=layout)
