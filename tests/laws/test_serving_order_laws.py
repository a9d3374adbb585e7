"""Laws of order for serving: more of a good thing is never worse, over random questions.

Each law compares two predictions that differ in one thing, in the middle and at both ends of the
interval.
"""

from dataclasses import dataclass, replace
from datetime import date
from functools import lru_cache

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tonnage.catalog import Catalog, Chip, load_catalog
from tonnage.errors import Infeasible
from tonnage.perf import (
    ServingCase,
    ServingEstimate,
    ServingLayout,
    engine_entries,
    predict_serving_cases,
    search_pools,
    search_serving,
)
from tonnage.perf.serving.case import cases_of
from tonnage.perf.serving.step import decode_step
from tonnage.provenance import Spread
from tonnage.workload import Arrivals, Model, ServingJob, find_model

CHIPS = ("nv-h20-96", "nv-h100-sxm", "nv-h200-sxm", "nv-b200", "nv-a800-sxm-80", "nv-l20",
         "nv-rtx4090d", "hw-910b3", "amd-mi300x")  # fmt: skip
DENSE = ("llama-3.1-8b", "qwen3-32b", "llama-3.1-70b", "gemma-3-27b", "qwen3.5-27b")
EXPERTS = ("qwen3-30b-a3b", "gpt-oss-120b", "deepseek-v3", "deepseek-v3.2", "minimax-m2",
          "qwen3-next-80b-a3b", "llama-4-scout", "nemotron-3-super-120b-a12b")  # fmt: skip
MODELS = DENSE + EXPERTS
LAYOUTS = (ServingLayout(1), ServingLayout(2), ServingLayout(8), ServingLayout(4, 2),
           ServingLayout(2, 1, 2), ServingLayout(8, 2), ServingLayout(1, 1, 8, 8),
           ServingLayout(2, 1, 8, 16), ServingLayout(1, 1, 32, 32),
           ServingLayout(8, 1, 1, 8))  # fmt: skip
ENGINES = ("vllm-0.14", "sglang-0.5", "trtllm-1.2", "lmdeploy", "vllm-ascend", "mindie")
LAWS = settings(max_examples=40, deadline=None, derandomize=True)
TINY = 1e-9
CLOSE = 0.03
"""Products come in tiles and waves, and the balance of clients is solved in two rounds: what a law
says of a whole flow holds to a hundredth."""


@lru_cache
def catalog() -> Catalog:
    return load_catalog(date(2026, 10, 1))


RATES = ("bf16_tflops", "fp16_tflops", "fp8_tflops", "int8_tops", "fp4_tflops",
         "fp16_acc16_tflops", "fp32_tflops", "tf32_tflops")  # fmt: skip


def altered(chip: Chip, quantity: str, factor: float) -> Chip:
    """Return the chip with one quantity, or all its matrix rates, times a factor."""
    values = dict(chip.values)
    for name in RATES if quantity == "compute" else (quantity,):
        if chip.number(name):
            old = values[name]
            values[name] = replace(old, value=float(old.value) * factor)  # type: ignore[arg-type]
    return replace(chip, values=values)


@dataclass(frozen=True)
class Question:
    """A serving case by names, so that a counterexample reads in one line."""

    chip: str
    model: str
    layout: ServingLayout
    engine: str
    arrivals: Arrivals
    load: int
    prompt: int
    answer: int
    weights: str
    kv: str
    shortest: float

    def case(self, chip: Chip | None = None, **job: object) -> ServingCase:
        opened = self.arrivals is Arrivals.OPEN
        told = {
            "input_tokens": self.prompt, "output_tokens": self.answer, "arrivals": self.arrivals,
            "concurrency": None if opened else self.load, "weights": self.weights, "kv": self.kv,
            "request_rate": self.load / 50.0 if opened else None, "shortest_share": self.shortest,
        }  # fmt: skip
        served = ServingJob(find_model(self.model), **{**told, **job})  # type: ignore[arg-type]
        engine = engine_entries()[self.engine].engine
        return ServingCase(chip or catalog().by_id[self.chip], served, self.layout, engine)


@st.composite
def questions(draw: st.DrawFn, *arrivals: Arrivals) -> Question:
    """Return a random question whose answers have twice as many tokens as there are clients.

    With shorter ones several prompts come in every step, and what each adds is counted apart.
    """
    layout, load = draw(st.sampled_from(LAYOUTS)), draw(st.integers(1, 512))
    return Question(
        draw(st.sampled_from(CHIPS)), draw(st.sampled_from(EXPERTS if layout.ep > 1 else MODELS)),
        layout, draw(st.sampled_from(ENGINES)),
        draw(st.sampled_from(arrivals or (Arrivals.CLOSED,))),
        load, draw(st.integers(32, 30_000)), max(2 * load, draw(st.integers(16, 4000))),
        draw(st.sampled_from(["bf16", "fp8", "int8", "int4", "mxfp4", "nvfp4"])),
        draw(st.sampled_from(["bf16", "fp8"])), draw(st.sampled_from([1.0, 0.8])),
    )  # fmt: skip


def two(before: ServingCase, after: ServingCase) -> tuple[ServingEstimate, ServingEstimate]:
    first, second = predict_serving_cases([before, after])
    return first, second


def usable(*cases: ServingEstimate) -> bool:
    """Whether all have room for a sequence: latencies of what does not fit mean nothing."""
    return all(case.max_concurrency >= 1 for case in cases)


def never_longer(after: Spread, before: Spread, *ends: str) -> None:
    for end in ends or ("p10", "p50", "p90"):
        assert getattr(after, end) <= getattr(before, end) * (1 + CLOSE), end


CLOSED, OPEN, STATIC = Arrivals.CLOSED, Arrivals.OPEN, Arrivals.STATIC


@LAWS
@given(questions(CLOSED, OPEN, STATIC))
def test_intervals_are_in_order_and_units_agree(question: Question) -> None:
    (found,) = predict_serving_cases([question.case()])
    spreads = [found.ttft_ms, found.tpot_ms, found.e2e_ms, found.requests_per_s,
               found.tokens_per_s_output, found.tokens_per_s_total]  # fmt: skip
    spreads += [p for tail in found.percentiles.values() for p in (tail.p50, tail.p90, tail.p99)]
    for spread in spreads:
        assert 0 <= spread.p10 <= spread.p50 <= spread.p90
        assert np.isfinite(spread.p90)
    mean = (1 + question.shortest) / 2
    rate, answer = found.requests_per_s.p50, question.answer * mean
    assert found.tokens_per_s_output.p50 == pytest.approx(rate * answer)
    whole = rate * (answer + question.prompt * mean)
    assert found.tokens_per_s_total.p50 == pytest.approx(whole)
    assert found.tokens_per_s_output_per_chip.p50 * found.chips == pytest.approx(rate * answer)
    assert sum(found.breakdown_ms.values()) == pytest.approx(found.tpot_ms.p50)
    assert found.e2e_ms.p50 >= found.ttft_ms.p50 * (1 - TINY)


QUANTITIES = ("memory_bandwidth_gbs", "compute", "scale_up_gbs", "nic_gbps")


@LAWS
@given(questions(CLOSED, OPEN), st.sampled_from(QUANTITIES), st.floats(1.01, 4.0))
def test_more_bandwidth_compute_or_links_are_never_slower(
    question: Question, quantity: str, factor: float
) -> None:
    more = altered(catalog().by_id[question.chip], quantity, factor)
    before, after = two(question.case(), question.case(more))
    if usable(before, after):
        never_longer(after.tpot_ms, before.tpot_ms)
        never_longer(after.e2e_ms, before.e2e_ms)
        never_longer(before.requests_per_s, after.requests_per_s)
        # Clients that are answered sooner ask again sooner, and meet at the prompts.
        if question.arrivals is OPEN:
            never_longer(after.ttft_ms, before.ttft_ms)


@LAWS
@given(questions(CLOSED, STATIC), st.floats(1.01, 4.0))
def test_more_memory_never_lowers_capacity(question: Question, factor: float) -> None:
    more = altered(catalog().by_id[question.chip], "memory_gb", factor)
    before, after = two(question.case(), question.case(more))
    assert after.max_concurrency >= before.max_concurrency


@LAWS
@given(questions(CLOSED, STATIC), st.integers(1, 30_000))
def test_longer_prompts_are_never_faster(question: Question, more: int) -> None:
    short, long = two(question.case(), question.case(input_tokens=question.prompt + more))
    assert long.max_concurrency <= short.max_concurrency
    if usable(short, long):
        never_longer(short.e2e_ms, long.e2e_ms)
        never_longer(long.requests_per_s, short.requests_per_s)


@LAWS
@given(questions(CLOSED, STATIC), st.integers(1, 4000))
def test_more_output_tokens_are_never_cheaper(question: Question, more: int) -> None:
    short, long = two(question.case(), question.case(output_tokens=question.answer + more))
    if usable(short, long):
        never_longer(short.e2e_ms, long.e2e_ms)
        never_longer(long.requests_per_s, short.requests_per_s)


@LAWS
@given(questions(), st.integers(1, 512), st.integers(1, 100_000), st.integers(1, 512),
       st.integers(0, 100_000))  # fmt: skip
def test_a_step_grows_with_batch_and_context(
    question: Question, batch: int, context: int, more: int, longer: int
) -> None:
    stacked = cases_of([question.case()])

    def step(rows: float, tokens: float) -> float:
        return float(decode_step(stacked, np.array([rows]), np.array([tokens])).total[0])

    low = step(batch, context)
    assert step(batch, context + longer) >= low * (1 - TINY)
    assert step(batch + more, context) >= low * (1 - TINY)


NATIVE = (("nv-h100-sxm", "bf16", "fp8"), ("nv-h20-96", "bf16", "fp8"), ("nv-l20", "bf16", "fp8"),
          ("nv-a800-sxm-80", "bf16", "int8"), ("hw-910b3", "bf16", "int8"),
          ("amd-mi300x", "bf16", "fp8"), ("nv-b200", "fp8", "nvfp4"))  # fmt: skip


@LAWS
@given(questions(CLOSED, STATIC), st.sampled_from(NATIVE))
def test_weights_in_a_format_the_chip_computes_are_never_slower(
    question: Question, native: tuple[str, str, str]
) -> None:
    name, wide, narrow = native
    chip = catalog().by_id[name]
    before, after = two(question.case(chip, weights=wide), question.case(chip, weights=narrow))
    assert after.max_concurrency >= before.max_concurrency
    # Of a format that the engine was not fitted in less is known: its interval may reach further.
    ends = () if after.sigma <= before.sigma else ("p50",)
    if usable(before, after):
        never_longer(after.e2e_ms, before.e2e_ms, *ends)
        never_longer(before.requests_per_s, after.requests_per_s, *ends)
    if before.max_concurrency >= question.load:  # else more sequences run at once
        never_longer(after.tpot_ms, before.tpot_ms, *ends)


@LAWS
@given(questions())
def test_a_cache_in_8_bits_never_lowers_capacity(question: Question) -> None:
    before, after = two(question.case(kv="bf16"), question.case(kv="fp8"))
    assert after.max_concurrency >= before.max_concurrency


@LAWS
@given(questions(CLOSED, STATIC, OPEN), st.floats(0.0, 0.9), st.floats(0.0, 0.09))
def test_a_warmer_prefix_cache_never_raises_ttft(
    question: Question, hit: float, more: float
) -> None:
    cold, warm = two(*(question.case(prefix_hit_rate=h) for h in (hit, hit + more)))
    if usable(cold, warm):
        never_longer(warm.ttft_ms, cold.ttft_ms)


@LAWS
@given(questions(), st.integers(1, 512))
def test_more_clients_never_make_one_faster(question: Question, more: int) -> None:
    few, many = two(question.case(), question.case(concurrency=question.load + more))
    if usable(few, many):
        never_longer(few.e2e_ms, many.e2e_ms)


SEARCHED = ("llama-3.1-8b", "qwen3-32b", "qwen3-30b-a3b", "deepseek-v3.2")
SEARCHES = settings(max_examples=12, deadline=None, derandomize=True)


def best(chip: Chip, job: ServingJob, chips: int) -> float:
    found = search_serving(chip, job, chips)
    return found.requests_per_s.p50 if found.fits else 0.0


def asked(model: str, prompt: int, **limits: float) -> ServingJob:
    return ServingJob(find_model(model), prompt, 256, weights="fp8", **limits)  # type: ignore[arg-type]


@SEARCHES
@given(st.sampled_from(["nv-h20-96", "nv-l20", "hw-910b3"]), st.sampled_from(SEARCHED),
       st.integers(100, 20_000), st.floats(1.01, 3.0), st.sampled_from(["ttft_ms", "tpot_ms"]),
       st.floats(10.0, 3000.0))  # fmt: skip
def test_capacity_falls_with_tighter_limits_and_not_with_memory(
    chip: str, model: str, prompt: int, factor: float, limit: str, at: float
) -> None:
    device, job = catalog().by_id[chip], asked(model, prompt, **{limit: at})
    rate = best(device, job, 8)
    assert best(device, replace(job, **{limit: at * factor}), 8) >= rate * (1 - TINY)
    assert best(altered(device, "memory_gb", factor), job, 8) >= rate * (1 - TINY)


@SEARCHES
@given(st.sampled_from(["nv-h800-sxm", "nv-h20-96"]), st.sampled_from(["nv-h20-96", "hw-910b3"]),
       st.sampled_from(SEARCHED), st.integers(500, 8000), st.sampled_from([8, 16, 32]))  # fmt: skip
def test_apart_is_never_better_than_either_half_alone(
    prefill: str, decode: str, model: str, prompt: int, chips: int
) -> None:
    job = asked(model, prompt, tpot_ms=100.0, ttft_ms=20_000.0)
    left, right = catalog().by_id[prefill], catalog().by_id[decode]
    try:
        found = search_pools(left, right, job, chips)
    except Infeasible:
        return
    bound = min(found.prefill.requests_per_s, found.decode.requests_per_s)
    assert found.requests_per_s.p50 <= bound * (1 + TINY)
    more = search_pools(left, right, job, chips * 2)
    assert more.requests_per_s.p50 >= found.requests_per_s.p50 * (1 - TINY)


def test_laws_meet_every_kind_of_attention() -> None:
    models: list[Model] = [find_model(name) for name in MODELS]
    assert any(m.window_layers for m in models)
    assert any(m.sparse_layers for m in models)
    assert any(m.recurrent_layers for m in models)
    assert any(m.attention.latent for m in models)
