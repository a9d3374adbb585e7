"""Rows that state a whole run of a benchmark client: requests, rate or clients, lengths."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

from tonnage.errors import InputError
from tonnage.perf import EVEN_SPREAD, WIDE_SPREAD, Run, ServingCase, ServingEstimate
from tonnage.provenance import Spread
from tonnage.study.measurements import Row
from tonnage.study.measurements_labels import Unusable
from tonnage.workload import Arrivals

SPREADS: Mapping[str, float] = {
    "equal": 0.0, "fixed": 0.0, "even": EVEN_SPREAD, "uniform": EVEN_SPREAD,
    "wide": WIDE_SPREAD, "sharegpt": WIDE_SPREAD,
}  # fmt: skip
"""Words of a `lengths` cell → deviation of a length over its mean."""
_RATES = ("request_rate_per_s", "request_rate")
_NO_LIMIT = ("inf", "infinity", "")


@dataclass(frozen=True, slots=True)
class StatedRun:
    """A run as its row has it, and the case with the arrivals of that run."""

    case: ServingCase
    run: Run


def stated_run(row: Row, case: ServingCase) -> StatedRun | None:
    """Return the run that a row states by its number of requests; `None` if it states none.

    With clients stated they send the requests one after the other, however fast a rate is given;
    with a rate alone requests come in a Poisson stream; with neither, all at once.

    Raises
    ------
    Unusable
        If the spread of lengths or `chunked_prefill` is a word that is not known.
    """
    requests = row.count("num_prompts")
    if requests is None:
        return None
    clients, rate = row.number("batch_or_concurrency"), _rate(row)
    opened = clients is None and rate is not None
    try:
        job = replace(
            case.job,
            concurrency=None if opened else clients or requests,
            request_rate=rate if opened else None,
            arrivals=Arrivals.OPEN if opened else Arrivals.CLOSED,
            requests=None,
            shortest_share=1.0,
            prefix_hit_rate=row.number("prefix_hit_rate") or 0.0,
        )
        engine = replace(case.engine, mixed=_rides_along(row, float(case.engine.mixed)))
        return StatedRun(replace(case, job=job, engine=engine), Run(requests, _spread(row)))
    except InputError as error:
        raise Unusable(str(error)) from None


def _rate(row: Row) -> float | None:
    """Return requests a second; `None` where a cell is blank or says there is no limit."""
    for column in _RATES:
        if row.text(column).lower() not in _NO_LIMIT:
            return row.number(column)
    return None


def _rides_along(row: Row, usual: float) -> float:
    """Return 1 where prompts ride along with decoding, as a row says or the engine usually does."""
    cell = row.text("chunked_prefill").lower()
    if cell and cell not in ("yes", "no"):
        message = f"chunked_prefill {cell!r} is not yes or no"
        raise Unusable(message)
    return usual if not cell else float(cell == "yes")


def _spread(row: Row) -> float:
    cell = row.text("lengths").lower()
    if cell in SPREADS:
        return SPREADS[cell]
    if cell:
        message = f"lengths {cell!r} is not one of {', '.join(SPREADS)}"
        raise Unusable(message)
    shortest = re.search(r"(?:uniformly|drawn) in \[([\d.]+),", row.told)
    if shortest is not None:
        low = float(shortest.group(1))
        return EVEN_SPREAD * (1.0 - low) / (1.0 + low)
    return WIDE_SPREAD if "sharegpt" in row.told else 0.0


def _percentile(name: str, level: str) -> Callable[[ServingEstimate], Spread]:
    def of(found: ServingEstimate) -> Spread:
        spread: Spread = getattr(found.percentiles[name], level)
        return spread

    return of


LATENCIES: Mapping[str, Callable[[ServingEstimate], Spread]] = {
    "ttft_ms": lambda found: found.ttft_ms,
    "tpot_ms": lambda found: found.tpot_ms,
    "e2e_ms": lambda found: found.e2e_ms,
    **{
        f"{name}_{level}_ms": _percentile(f"{name}_ms", level)
        for name in ("ttft", "tpot", "e2e")
        for level in ("p50", "p90", "p99")
    },
}
"""Columns of latencies, means and percentiles over requests, scored beside the headline."""
