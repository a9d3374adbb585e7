"""How far the closed form lies from the event simulation, over configurations drawn at random.

python benchmarks/serving_agreement.py --count 300

Models, chips, engines, layouts, lengths (2 to 3,000 tokens after 16 to 32,000) and loads are drawn;
those that the closed form answers are played, and the shares within 5 % and 10 % are printed.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from dataclasses import replace
from math import log
from typing import Any

import numpy as np

from tonnage.catalog import Catalog, load_catalog
from tonnage.dates import today
from tonnage.errors import TonnageError
from tonnage.perf import ServingCase, ServingLayout, Traffic, find_engine, predict_serving_cases
from tonnage.perf.serving.case import cases_of
from tonnage.perf.serving.flow import solve
from tonnage.perf.serving.traffic import closed_form_holds, played
from tonnage.workload import Arrivals, ServingJob, find_model

MODELS = ("llama-3.1-8b", "qwen3-8b", "qwen3-32b", "llama-3.1-70b", "qwen3-30b-a3b", "gpt-oss-120b",
          "deepseek-v3")  # fmt: skip
CHIPS = ("H20", "L20", "H100", "H200", "nv-rtx4090", "MI300X", "910B3")
ENGINES = ("vllm", "sglang", "tensorrt-llm")
FLOOD = 1e5
"""Clients that keep every slot taken."""
WHAT = ("requests_per_s", "e2e_ms", "tpot_ms", "ttft_ms")


def _between(random: Any, low: float, high: float) -> float:
    """Return a whole number, evenly drawn in the logarithm."""
    return float(round(np.exp(random.uniform(log(low), log(high)))))


def drawn(random: Any, catalog: Catalog, *, opened: bool) -> ServingCase:
    """Return one configuration; it may not fit."""
    chip = catalog.find(str(random.choice(CHIPS)))
    engine = str(random.choice(ENGINES)) if chip.vendor == "Nvidia" else None
    used = find_engine(engine, vendor=chip.vendor)
    model = find_model(str(random.choice(MODELS)))
    prompt, answer = (_between(random, *ends) for ends in ((16, 32_000), (2, 3_000)))
    sizes = [int(random.choice(some)) for some in ((1, 2, 4, 8), (1, 1, 1, 2, 4), (1, 1, 2))]
    layout = ServingLayout(*sizes)
    if model.id == "deepseek-v3" and random.random() < 0.5:
        layout = ServingLayout(1, 1, 16, 16)
    weights = "bf16" if chip.vendor == "Huawei" else "fp8"
    job = ServingJob(model, prompt, answer, concurrency=1, weights=weights, shortest_share=0.8)
    case = ServingCase(chip, job, layout, used)
    if opened:
        most = solve(cases_of([replace(case, job=replace(job, concurrency=FLOOD))])).requests_per_s
        rate = float(most[0]) * float(np.exp(random.uniform(log(0.005), log(0.4))))
        job = replace(job, concurrency=None, request_rate=rate, arrivals=Arrivals.OPEN)
    else:
        room = float(solve(cases_of([case])).capacity.sequences[0]) * layout.dp
        most_clients = max(min(room, 1000.0), 1.0)
        job = replace(job, concurrency=_between(random, 1.0, most_clients))
    return replace(case, job=job)


def compared(count: int, requests: int, *, opened: bool) -> Iterator[dict[str, float]]:
    """Yield the closed form over the play, less 1, of `count` configurations that it answers."""
    random, catalog = np.random.default_rng(0), load_catalog(today())
    way, done = Traffic(requests=requests), 0
    while done < count:
        try:
            case = drawn(random, catalog, opened=opened)
            found = predict_serving_cases([case])[0]
            if not (found.runs and found.fits and closed_form_holds(case)):
                continue
            run = played(found, case, way)
        except TonnageError:  # a chip, engine or format that does not go together
            continue
        done += 1
        yield {name: getattr(found, name).p50 / getattr(run, name).p50 - 1.0 for name in WHAT} | {
            f"{name} {level}": getattr(found.percentiles[name], level).p50
            / getattr(run.percentiles[name], level).p50 - 1.0
            for name in ("tpot_ms", "ttft_ms") for level in ("p50", "p99")
        }  # fmt: skip


def main() -> None:
    """Print a line for each quantity."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--count", type=int, default=300, help="configurations of each kind")
    parser.add_argument("--requests", type=int, default=8_000, help="requests of each play")
    options = parser.parse_args()
    for opened, kind in ((True, "open arrivals"), (False, "closed clients")):
        rows = list(compared(options.count, options.requests, opened=opened))
        print(f"{kind}, {len(rows)} configurations that the closed form answers")
        for name in rows[0]:
            off = np.abs([row[name] for row in rows])
            near = "  ".join(f"{share:.0%} {np.mean(off <= share):5.0%}" for share in (0.05, 0.1))
            print(
                f"  {name:15} within {near}  median {np.median(off):6.1%}  worst {off.max():5.0%}"
            )


if __name__ == "__main__":
    main()
