"""Two pools in closed form against one rank of each, played event by event."""

from dataclasses import replace
from datetime import date

import numpy as np
import pytest

from tonnage.catalog import load_catalog
from tonnage.perf import ServingCase, ServingLayout, find_engine, search_pools
from tonnage.perf.serving.pools_load import PoolsAtLoad
from tonnage.perf.serving.pools_play import play_pools
from tonnage.workload import Arrivals, ServingJob, find_model

CATALOG = load_catalog(date(2026, 1, 1))
PORT = 40e9


def halves(model: str, first: ServingLayout, second: ServingLayout, engine: str) -> PoolsAtLoad:
    """Two instances that prefill on H100 and two that decode on H20, up to 256 at once."""
    used = find_engine(engine)
    job = ServingJob(find_model(model), 2048, 512, concurrency=1, weights="fp8")
    ahead = ServingCase(CATALOG.find("H100"), replace(job, output_tokens=1.0), first, used)
    after = ServingCase(CATALOG.find("H20"), job, second, used)
    return PoolsAtLoad.of(ahead, 2, after, 2, 256.0, PORT)


@pytest.mark.parametrize("share", [0.1, 0.3, 0.6])
@pytest.mark.parametrize("engine", ["vllm", "sglang"])
@pytest.mark.parametrize(
    ("model", "first", "second"),
    [
        ("llama-3.1-8b", ServingLayout(), ServingLayout()),
        ("llama-3.1-70b", ServingLayout(4), ServingLayout(8)),
        ("qwen3-32b", ServingLayout(2, 2), ServingLayout(2, 1)),
        ("qwen3-30b-a3b", ServingLayout(), ServingLayout(4)),
    ],
)
def test_means_agree(
    model: str, first: ServingLayout, second: ServingLayout, engine: str, share: float
) -> None:
    pools = halves(model, first, second, engine)
    capacity = 256.0 * 2 / (512 * pools.step_s(256.0))
    rate = share * min(pools.prefill_ranks / pools.stage_s, capacity)
    ttft, tpot, _wait, _busy = pools.latencies(rate)
    run = play_pools(pools, rate, 6000)
    # Prompts that wait share a step when they are played, which the closed form leaves out.
    assert ttft == pytest.approx(run.ttft_s.mean(), rel=0.1 if share < 0.5 else 0.15)
    assert tpot == pytest.approx(run.tpot_s.mean(), rel=0.06)
    assert ttft + 511 * tpot == pytest.approx(run.e2e_s.mean(), rel=0.06)


def test_tails_grow_with_the_load_and_a_seed_repeats() -> None:
    pools = halves("llama-3.1-70b", ServingLayout(4), ServingLayout(8), "vllm")
    most = pools.prefill_ranks / pools.stage_s
    runs = [play_pools(pools, share * most, 4000) for share in (0.1, 0.4, 0.7)]
    tails = [float(np.quantile(run.ttft_s, 0.99)) for run in runs]
    assert tails == sorted(tails)
    assert tails[-1] > 1.3 * tails[0]
    assert (play_pools(pools, 0.4 * most, 4000).e2e_s == runs[1].e2e_s).all()


def test_arrivals_get_percentiles_of_all_three() -> None:
    job = ServingJob(find_model("llama-3.1-70b"), 2048, 512, weights="fp8", request_rate=2.0,
                     arrivals=Arrivals.OPEN)  # fmt: skip
    found = search_pools(CATALOG.find("H100"), CATALOG.find("H20"), job, 16, played=3000)
    assert set(found.percentiles) == {"ttft_ms", "tpot_ms", "e2e_ms"}
    for tail in found.percentiles.values():
        assert tail.p50.p50 <= tail.p90.p50 <= tail.p99.p50
    assert found.percentiles["tpot_ms"].p50.p50 == pytest.approx(found.tpot_ms.p50, rel=0.06)
    assert found.method == "event simulation"
    alone = search_pools(CATALOG.find("H100"), CATALOG.find("H20"), job, 16)
    assert (alone.method, set(alone.percentiles)) == ("closed form", {"ttft_ms"})
