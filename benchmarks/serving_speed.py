"""How many serving configurations and simulated requests a second one core answers.

python benchmarks/serving_speed.py
"""

from __future__ import annotations

import time
from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np

from tonnage.catalog import load_catalog
from tonnage.dates import today
from tonnage.perf import (
    ServingCase,
    ServingLayout,
    evaluate_grid,
    find_engine,
    search_catalog,
    search_pools,
    simulate_serving,
)
from tonnage.workload import ServingJob, find_model

CONFIGURATIONS = 400_000
REQUESTS = 100_000


def timed(call: Callable[[], Any]) -> tuple[float, Any]:
    """Return processor seconds of the second call (the first warms caches), and its answer."""
    call()
    start = time.process_time()
    answer = call()
    return time.process_time() - start, answer


def main() -> None:
    """Print one line a demand."""
    catalog = load_catalog(today())
    chip, engine = catalog.find("H20"), find_engine("vllm")
    for name, weights in (("llama-3.1-70b", "fp8"), ("deepseek-v3", "fp8")):
        model = find_model(name)
        case = ServingCase(chip, ServingJob(model, 2048, 512, concurrency=8, weights=weights),
                           ServingLayout(8), engine)  # fmt: skip
        random = np.random.default_rng(0)
        batch = random.integers(1, 512, CONFIGURATIONS).astype(float)
        tp = 2.0 ** random.integers(0, 4, CONFIGURATIONS)
        seconds, _ = timed(partial(evaluate_grid, case, tp=tp, concurrency=batch))
        print(f"{name:16} {CONFIGURATIONS / seconds:12,.0f} configurations/s of one core")
    model = find_model("llama-3.1-70b")
    job = ServingJob(model, 2048, 512, weights="fp8", tpot_ms=60, ttft_ms=2000)
    seconds, found = timed(lambda: search_catalog(catalog.chips, job, 8))
    able = sum(not isinstance(answer, str) for answer in found.values())
    print(f"capacity search, 70B on 8 chips, {able} of {len(found)} catalog chips: {seconds:.2f} s")
    deepseek = ServingJob(find_model("deepseek-v3"), 4000, 1000, weights="fp8", tpot_ms=50,
                          ttft_ms=2000)  # fmt: skip
    h200 = catalog.find("H200")
    seconds, split = timed(lambda: search_pools(h200, h200, deepseek, 32))
    print(f"DeepSeek-V3 on 32 H200, disaggregated: {seconds:.2f} s "
          f"({split.prefill.instances} x {split.prefill.layout} prefill, "
          f"{split.decode.instances} x {split.decode.layout} decode)")  # fmt: skip
    busy = ServingCase(chip, ServingJob(find_model("llama-3.1-8b"), 1024, 256, concurrency=64,
                                        shortest_share=0.8), ServingLayout(), engine)  # fmt: skip
    seconds, _ = timed(lambda: simulate_serving(busy, REQUESTS))
    print(f"event simulation: {REQUESTS / seconds:,.0f} requests/s of one core")


if __name__ == "__main__":
    main()
