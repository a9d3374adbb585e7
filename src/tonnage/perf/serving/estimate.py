"""Predictions of serving: one deployment, or thousands at once."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from tonnage.perf.interval import Doubt, at_most, deviation, interval
from tonnage.perf.serving.case import Cases, ServingCase, cases_of
from tonnage.perf.serving.flow import Flow, solve
from tonnage.perf.serving.formats import FOUR_BITS
from tonnage.perf.serving.layout import ServingLayout
from tonnage.perf.serving.memory import cache_bytes, shortage
from tonnage.perf.serving.percentiles import LEVELS, e2e_quantile, tpot_quantile, ttft_quantile
from tonnage.provenance import Spread
from tonnage.units import GIGA, MILLI
from tonnage.workload import Arrivals, ServingJob

NEVER = 1e-9
"""Share by which a limit may be passed in rounding."""
UNSEEN = 0.2
"""Deviation added for a chip family or engine without anchors: what held-out chips showed."""
UNSEEN_EXPERTS = 0.2
"""Deviation added for a model with experts under an engine that was fitted on none."""
UNSEEN_PAIR, UNSEEN_PAIR_EXPERTS = 0.07, 0.18
"""Deviation added for a chip on which the engine's class was not fitted, for models without and
with experts: what chips left out one at a time showed (largest classes of recent releases)."""
UNSEEN_MODEL, UNSEEN_MODEL_EXPERTS = 0.09, 0.19
"""Deviation added for a model that the engine's class was not fitted on, without and with experts:
what models left out one at a time showed."""
UNSEEN_FORMAT, UNSEEN_FOUR_BITS = 0.11, 0.22
"""Deviation added for a format of weights that the engine's class was not fitted in, and for one of
4 bits, whose kernels differ most: what formats left out one at a time showed."""
UNSEEN_MAKER = 0.4
"""Deviation added where the engine's class was fitted on no chip of the maker: its kernels are
another maker's work. MI300X, predicted from other makers' chips, was 87 % off (0.63 in the
logarithm); rounded down, since an early release was measured. One run takes half of it away."""
HALF_ANCHORS = 8.0
TTFT_WIDENING, TTFT_EXPERTS = 2.5, 3.6
"""Deviation of TTFT over that of TPOT, without and with experts: waits hang on the order of
arrivals and on the client, prefill of experts on how tokens spread; as the InferenceX rows of an
H100 showed, five in six of which were not fitted."""

PARTS = {
    "products": "reading weights and multiplying",
    "experts": "the expert layers",
    "attention": "reading the cache (attention)",
    "collectives": "communication between chips",
    "overhead": "engine overhead (launches, scheduler)",
    "prompts": "prompts of other requests",
}


@dataclass(frozen=True, slots=True)
class ServingMemory:
    """GB (1e9 bytes) per chip at the predicted load."""

    weights: float
    kv_cache: float
    activations: float
    reserve: float
    total: float
    usable: float
    """What the engine may take of the chip's memory."""

    def to_dict(self) -> dict[str, float]:
        """Return the parts by name."""
        return {name: getattr(self, name) for name in self.__slots__}


@dataclass(frozen=True, slots=True)
class Percentiles:
    """p50, p90 and p99 over requests, each with the doubt of the model."""

    p50: Spread
    p90: Spread
    p99: Spread

    def to_dict(self) -> dict[str, dict[str, float]]:
        """Return the percentiles by name."""
        return {name: getattr(self, name).to_dict() for name in self.__slots__}


@dataclass(frozen=True, slots=True)
class ServingEstimate:
    """What a deployment delivers. Spreads are the doubt of the model about the mean."""

    chip: str
    chips: int
    """Chips asked for; `chips_used` of them work."""
    engine: str
    layout: ServingLayout
    concurrency: float | None
    """Requests in flight: those asked for, or the most that the search found within the limits."""
    fits: bool
    reason: str
    """Empty where it fits; else what is in the way."""
    ttft_ms: Spread
    tpot_ms: Spread
    e2e_ms: Spread
    percentiles: dict[str, Percentiles]
    """`ttft_ms`, `tpot_ms`, `e2e_ms` over requests."""
    requests_per_s: Spread
    tokens_per_s_output: Spread
    tokens_per_s_total: Spread
    tokens_per_s_output_per_chip: Spread
    """Of the chips asked for, idle ones included."""
    running: float
    """Sequences that decode at once in the whole deployment; of one-token answers, prompts."""
    max_concurrency: int
    """Sequences whose cache fits at once in the whole deployment."""
    memory_gb_per_chip: ServingMemory
    breakdown_ms: dict[str, float]
    """Parts of the time per output token; they add up to `tpot_ms.p50`."""
    prefill_ms: dict[str, float]
    """Parts of the device time that one prompt takes."""
    bottleneck: str
    sigma: float
    method: str = "closed form"
    """Or "event simulation"."""
    preempted: float = 0.0
    """Times that a cache was given up for want of memory and computed again, per request played."""
    overloaded: bool = False
    """Played arrivals came faster than they could be served."""

    @property
    def chips_used(self) -> int:
        """Chips that the layout takes."""
        return self.layout.chips

    @property
    def runs(self) -> bool:
        """Whether it fits into memory; if not, speeds are those of chips with enough of it."""
        return self.max_concurrency >= 1

    def to_dict(self) -> dict[str, Any]:
        """Return the answer as plain data, with the contract's field names."""
        result: dict[str, Any] = {}
        for name in self.__slots__:
            value = getattr(self, name)
            if name == "overloaded":  # told in `reason`
                continue
            if name == "percentiles":
                value = {key: item.to_dict() for key, item in value.items()}
            result[name] = value.to_dict() if hasattr(value, "to_dict") else value
            if name == "chips":
                result["chips_used"] = self.chips_used
        return result


def among(found: ServingEstimate, chips: int) -> ServingEstimate:
    """Return the estimate as one for `chips` chips, those that its layout leaves idle included."""
    if chips == found.chips:
        return found
    each = found.tokens_per_s_output / chips
    return replace(found, chips=chips, tokens_per_s_output_per_chip=each)


def predict_serving_cases(cases: Sequence[ServingCase]) -> list[ServingEstimate]:
    """Return an estimate for every case, from one pass over arrays.

    Raises
    ------
    NotEnoughKnown
        If a chip lacks memory size, bandwidth or a rate.
    """
    if not cases:
        return []
    stacked = cases_of(cases)
    flow = solve(stacked)
    waits = [ttft_quantile(stacked, flow, level) for level in LEVELS]
    whole = [e2e_quantile(stacked, flow, level, (waits[0], wait))
             for level, wait in zip(LEVELS, waits, strict=True)]  # fmt: skip
    levels = {
        "ttft_ms": [wait / MILLI for wait in waits],
        "tpot_ms": [tpot_quantile(stacked, flow, level) / MILLI for level in LEVELS],
        "e2e_ms": [each / MILLI for each in whole],
    }
    kept = cache_bytes(stacked, stacked.load.input + stacked.load.output / 2.0)
    sigma = deviations(stacked)
    return [
        _one(index, case, stacked, flow, levels, kept, float(sigma[index]))
        for index, case in enumerate(cases)
    ]


def deviations(cases: Cases) -> np.ndarray[Any, np.dtype[np.float64]]:
    """Deviation of the log of each case's time; axis [case]."""
    engine = cases.engine
    anchors = np.minimum(cases.machine.serving_anchors, engine.anchors)
    floors = np.where(cases.shape.routed > 0, engine.expert_sigma, engine.sigma)
    plain = np.array(
        [
            deviation(Doubt(float(floor), UNSEEN, HALF_ANCHORS), float(known), own)
            for floor, known, own in zip(floors, anchors, cases.deviation, strict=True)
        ]
    )
    fading = HALF_ANCHORS / (HALF_ANCHORS + engine.expert_anchors)
    experts = np.where(cases.shape.routed > 0, UNSEEN_EXPERTS**2 * fading, 0.0)
    pair = np.where(cases.shape.routed > 0, UNSEEN_PAIR_EXPERTS, UNSEEN_PAIR)
    strange = pair**2 * HALF_ANCHORS / (HALF_ANCHORS + cases.pair_anchors)
    model = np.where(cases.shape.routed > 0, UNSEEN_MODEL_EXPERTS, UNSEEN_MODEL)
    strange = strange + model**2 * HALF_ANCHORS / (HALF_ANCHORS + cases.model_anchors)
    kind = np.where(cases.weight_bytes < FOUR_BITS, UNSEEN_FOUR_BITS, UNSEEN_FORMAT)
    strange = strange + kind**2 * HALF_ANCHORS / (HALF_ANCHORS + cases.format_anchors)
    strange = strange + UNSEEN_MAKER**2 / (1.0 + cases.maker_anchors)
    whole: np.ndarray[Any, np.dtype[np.float64]] = np.sqrt(plain**2 + experts + strange)
    return whole


def ttft_sigma(sigma: float, job: ServingJob) -> float:
    """Deviation of the log of TTFT: wider than that of a step where requests queue."""
    if job.arrivals not in (Arrivals.CLOSED, Arrivals.OPEN):
        return sigma
    return sigma * (TTFT_WIDENING if job.model.experts is None else TTFT_EXPERTS)


def _one(
    i: int,
    case: ServingCase,
    cases: Cases,
    flow: Flow,
    levels: dict[str, list[Any]],
    kept: Any,
    sigma: float,
) -> ServingEstimate:
    job, layout = case.job, case.layout
    rates = _rates(i, job, flow, sigma)
    out, into = float(cases.load.output[i]), float(cases.load.input[i])
    late = ttft_sigma(sigma, job)
    percentiles = {
        name: Percentiles(
            *(interval(float(v[i]), late if name == "ttft_ms" else sigma) for v in vs)
        )
        for name, vs in levels.items()
    }
    breakdown, bottleneck = _breakdown(i, flow)
    reason = _reason(i, case, flow)
    sequences = float(flow.capacity.sequences[i])
    return ServingEstimate(
        chip=case.chip.id,
        chips=layout.chips,
        engine=case.engine.id,
        layout=layout,
        concurrency=job.concurrency,
        fits=not reason,
        reason=reason,
        ttft_ms=interval(float(flow.ttft_s[i]) / MILLI, late),
        tpot_ms=interval(float(flow.tpot_s[i]) / MILLI, sigma),
        e2e_ms=interval(float(flow.e2e_s[i]) / MILLI, sigma),
        percentiles=percentiles,
        requests_per_s=rates,
        tokens_per_s_output=rates * out,
        tokens_per_s_total=rates * (out + into),
        tokens_per_s_output_per_chip=rates * (out / layout.chips),
        running=_running(i, case, flow),
        max_concurrency=max(0, int(sequences)) * layout.dp,
        memory_gb_per_chip=_memory(i, flow, float(kept[i])),
        breakdown_ms=breakdown,
        prefill_ms=_parts(i, flow.prefill),
        bottleneck=bottleneck,
        sigma=sigma,
    )


def _rates(i: int, job: ServingJob, flow: Flow, sigma: float) -> Spread:
    """Requests/s; of open arrivals min(what it could do, what is offered)."""
    if job.arrivals is Arrivals.OPEN and job.request_rate is not None:
        return at_most(interval(float(flow.most_per_s[i]), sigma), float(flow.requests_per_s[i]))
    return interval(float(flow.requests_per_s[i]), sigma)


def _running(i: int, case: ServingCase, flow: Flow) -> float:
    """Sequences that decode at once: rate · time of decoding, where it is steady (Little).

    Of answers of one token, which decode nothing: prompts that are worked on at once.
    """
    batch = float(flow.batch[i]) * case.layout.dp
    batch = min(batch, case.job.concurrency or batch)
    if case.job.arrivals not in (Arrivals.OPEN, Arrivals.CLOSED) or float(flow.overload[i]) > 0:
        return batch
    one = case.job.output_tokens <= 1.0
    decoding = float(flow.own_s[i] if one else flow.e2e_s[i] - flow.ttft_s[i])
    return min(batch, float(flow.requests_per_s[i]) * max(decoding, 0.0))


def _parts(i: int, step: Any) -> dict[str, float]:
    return {name: float(getattr(step, name)[i]) / MILLI for name in step.__slots__}


def _breakdown(i: int, flow: Flow) -> tuple[dict[str, float], str]:
    """Parts of the decode step, scaled to the time per token, and the stall by others' prompts.

    What takes longest: of a prompt, where answers have one token and nothing is decoded.
    """
    tpot = float(flow.tpot_s[i]) / MILLI
    step = _parts(i, flow.decode)
    total = sum(step.values())
    prompts = tpot * float(flow.stalls[i]) if tpot > total else 0.0
    scale = (tpot - prompts) / total
    parts = {name: value * scale for name, value in step.items()}
    parts["prompts"] = prompts
    longest = parts if tpot > 0 else _parts(i, flow.prefill)
    return parts, PARTS[max(longest, key=lambda name: longest[name])]


def _memory(i: int, flow: Flow, kept: float) -> ServingMemory:
    room = flow.capacity
    weights, cache = float(room.weights[i]) / GIGA, float(flow.batch[i]) * kept / GIGA
    activations, reserve = float(room.activations[i]) / GIGA, float(room.reserve[i]) / GIGA
    total = weights + cache + activations + reserve
    return ServingMemory(weights, cache, activations, reserve, total, float(room.usable[i]) / GIGA)


def _reason(i: int, case: ServingCase, flow: Flow) -> str:
    room = flow.capacity
    if float(room.sequences[i]) < 1.0:
        return shortage(room, i)
    if float(flow.overload[i]) > 0:
        return overrun(case.job, float(flow.requests_per_s[i]))
    return limit_broken(case.job, float(flow.tpot_s[i]) / MILLI, float(flow.ttft_s[i]) / MILLI)


def overrun(job: ServingJob, most: float) -> str:
    """Return in words that arrivals exceed the `most` requests/s that can be served."""
    return f"arrivals of {job.request_rate:g} requests/s exceed the {most:.3g} that it can serve"


def outrun(load: float) -> str:
    """Return in words that a trace takes `load` times as long to serve as its requests come in."""
    return f"the trace needs {load:.3g} times the time in which its requests come"


def limit_broken(job: ServingJob, tpot_ms: float, ttft_ms: float) -> str:
    """Return in words which limit of the job is not kept, or nothing."""
    if job.tpot_ms is not None and tpot_ms > job.tpot_ms * (1.0 + NEVER):
        return f"time per output token {tpot_ms:.1f} ms, limit {job.tpot_ms:g} ms"
    if job.ttft_ms is not None and ttft_ms > job.ttft_ms * (1.0 + NEVER):
        return f"time to first token {ttft_ms:.0f} ms, limit {job.ttft_ms:g} ms"
    return ""
