"""Published medians and 99th percentiles over requests, none of them fitted.

Source: GPUStack performance lab, "Optimizing Qwen3-8B Latency on NVIDIA H100 GPUs"
(docs/performance-lab/qwen3-8b/h100-latency.md, commit 1dbc3b81): one H100 SXM, ShareGPT (100
requests, 23,260 prompt and 22,061 answer tokens), four clients. How lengths spread is not printed;
ours are even from nearly nothing to twice the mean, which lacks ShareGPT's longest prompts.
"""

from datetime import date

import pytest

from tonnage.catalog import load_catalog
from tonnage.perf import ServingEstimate, ServingLayout, Traffic, find_engine, predict_serving
from tonnage.workload import ServingJob, find_model

SHORTEST = 0.05
PUBLISHED = [
    ("vllm", "0.11.0", "bf16", (60.26, 98.59), (7.40, 7.96)),
    ("sglang", "0.5.3", "bf16", (27.25, 43.35), (7.14, 7.90)),
    ("tensorrt-llm", "1.2.0rc1", "bf16", (45.46, 134.71), (7.58, 10.15)),
    ("sglang", "0.5.3", "fp8", (33.38, 134.98), (5.58, 7.35)),
]
"""Engine, version, weights, TTFT p50 and p99, TPOT p50 and p99 in milliseconds."""

LATE = [("vllm", "0.11.0"), ("tensorrt-llm", "1.2.0rc1")]
"""Engines whose first tokens come later on this page than anywhere else: 59 and 45 ms for one
request alone, where io.net saw 21 to 24 ms under vLLM 0.8.5 on a slower card, and InferenceX 25 to
48 ms for four times the prompt."""


def played(engine: str, version: str, weights: str) -> ServingEstimate:
    longest = 2.0 / (1.0 + SHORTEST)
    job = ServingJob(
        find_model("qwen3-8b"), 232.6 * longest, 220.61 * longest, concurrency=4,
        shortest_share=SHORTEST, weights=weights,
    )  # fmt: skip
    chip = load_catalog(date(2026, 1, 1)).find("nv-h100-sxm")
    used = find_engine(engine, version, 2025, "Nvidia")
    return predict_serving(chip, job, ServingLayout(), used, 1, Traffic(simulate=True))


@pytest.mark.parametrize(("engine", "version", "weights", "ttft", "tpot"), PUBLISHED)
def test_percentiles_over_requests(
    engine: str,
    version: str,
    weights: str,
    ttft: tuple[float, float],
    tpot: tuple[float, float],
) -> None:
    found = played(engine, version, weights).percentiles
    assert found["tpot_ms"].p50.p50 == pytest.approx(tpot[0], rel=0.15)
    assert found["tpot_ms"].p99.p50 == pytest.approx(tpot[1], rel=0.32)
    if (engine, version) not in LATE:
        assert found["ttft_ms"].p50.p50 == pytest.approx(ttft[0], rel=0.4)
    # The tail of TTFT holds the first requests of a cold server, which no model of queues has.
    assert ttft[1] / 4.5 < found["ttft_ms"].p99.p50 < ttft[1] * 1.5


@pytest.mark.xfail(strict=True, reason="this page's host adds 20 to 30 ms that others do not have")
@pytest.mark.parametrize(("engine", "version"), LATE)
def test_first_tokens_that_come_late(engine: str, version: str) -> None:
    ttft = next(case[3] for case in PUBLISHED if case[:2] == (engine, version))
    found = played(engine, version, "bf16").percentiles
    assert found["ttft_ms"].p50.p50 == pytest.approx(ttft[0], rel=0.4)


def test_the_tail_of_tpot_is_as_thin_as_published() -> None:
    """p99 over p50 of vLLM and SGLang: published 1.08 and 1.11."""
    for engine, version, weights, _, tpot in PUBLISHED[:2]:
        found = played(engine, version, weights).percentiles["tpot_ms"]
        assert found.p99.p50 / found.p50.p50 == pytest.approx(tpot[1] / tpot[0], abs=0.06)
