"""Two pools in closed form against one rank of each, played event by event."""

from dataclasses import replace
from datetime import date

import numpy as np
import pytest

from tonnage.catalog import load_catalog
from tonnage.perf import ServingCase, ServingLayout, Traffic, find_engine, search_pools
from tonnage.perf.serving.pools_clients import play_clients
from tonnage.perf.serving.pools_load import PoolsAtLoad
from tonnage.perf.serving.pools_play import play_pools, play_trace
from tonnage.workload import Arrivals, ServingJob, find_model

CATALOG = load_catalog(date(2026, 1, 1))
PORT = 40e9


def halves(
    model: str, first: ServingLayout, second: ServingLayout, engine: str, count: int = 2
) -> PoolsAtLoad:
    """Instances, two each, that prefill on H100 and decode on H20, up to 256 at once."""
    used = find_engine(engine)
    job = ServingJob(find_model(model), 2048, 512, concurrency=1, weights="fp8")
    ahead = ServingCase(CATALOG.find("H100"), replace(job, output_tokens=1.0), first, used)
    after = ServingCase(CATALOG.find("H20"), job, second, used)
    return PoolsAtLoad.of(ahead, count, after, count, 256.0, PORT)


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
    rate = share * min(pools.prompts_per_s, capacity)
    ttft, tpot, _wait, _busy = pools.latencies(rate)
    run = play_pools(pools, rate, 6000)
    assert ttft == pytest.approx(run.ttft_s.mean(), rel=0.05)
    assert tpot == pytest.approx(run.tpot_s.mean(), rel=0.06)
    assert ttft + 511 * tpot == pytest.approx(run.e2e_s.mean(), rel=0.06)


@pytest.mark.parametrize("clients", [1, 8, 32, 96])
@pytest.mark.parametrize("engine", ["vllm", "sglang"])
@pytest.mark.parametrize(
    ("model", "first", "second"),
    [
        ("llama-3.1-8b", ServingLayout(), ServingLayout()),
        ("llama-3.1-70b", ServingLayout(4), ServingLayout(8)),
        ("qwen3-30b-a3b", ServingLayout(), ServingLayout(4)),
    ],
)
def test_clients_settle_where_the_closed_form_says(
    model: str, first: ServingLayout, second: ServingLayout, engine: str, clients: int
) -> None:
    pools = halves(model, first, second, engine)
    job = replace(pools.decode.job, arrivals=Arrivals.CLOSED, concurrency=float(clients))
    rate, reason = pools.served(job, 0.98 * pools.prompts_per_s)
    assert not reason
    ttft, tpot, _wait, _busy = pools.latencies(rate)
    run = play_clients(pools, clients, rate)
    assert clients / run.e2e_s.mean() == pytest.approx(rate, rel=0.02)
    assert tpot == pytest.approx(np.nanmean(run.tpot_s), rel=0.02)
    # Clients that wait for each other send no more meanwhile: they wait less than random arrivals.
    assert 0.9 * run.ttft_s.mean() < ttft < 2.0 * run.ttft_s.mean()


def test_tails_grow_with_the_load_and_a_seed_repeats() -> None:
    pools = halves("llama-3.1-70b", ServingLayout(4), ServingLayout(8), "vllm")
    most = pools.prompts_per_s
    runs = [play_pools(pools, share * most, 4000) for share in (0.1, 0.4, 0.7)]
    tails = [float(np.quantile(run.ttft_s, 0.99)) for run in runs]
    assert tails == sorted(tails)
    assert tails[-1] > 1.3 * tails[0]
    assert (play_pools(pools, 0.4 * most, 4000).e2e_s == runs[1].e2e_s).all()


def test_arrivals_get_percentiles_of_all_three() -> None:
    job = ServingJob(find_model("llama-3.1-70b"), 2048, 512, weights="fp8", request_rate=2.0,
                     arrivals=Arrivals.OPEN)  # fmt: skip
    found = search_pools(
        CATALOG.find("H100"), CATALOG.find("H20"), job, 16, traffic=Traffic(requests=3000)
    )
    assert set(found.percentiles) == {"ttft_ms", "tpot_ms", "e2e_ms"}
    for tail in found.percentiles.values():
        assert tail.p50.p50 <= tail.p90.p50 <= tail.p99.p50
    assert found.percentiles["tpot_ms"].p50.p50 == pytest.approx(found.tpot_ms.p50, rel=0.06)
    assert found.method == "event simulation"
    alone = search_pools(CATALOG.find("H100"), CATALOG.find("H20"), job, 16)
    assert (alone.method, set(alone.percentiles)) == ("closed form", {"ttft_ms"})


@pytest.mark.parametrize("share", [0.2, 0.6])
@pytest.mark.parametrize("count", [1, 2])
def test_a_trace_of_random_arrivals_is_like_random_arrivals(share: float, count: int) -> None:
    pools = halves("llama-3.1-70b", ServingLayout(4), ServingLayout(8), "vllm", count)
    rate = share * pools.prompts_per_s
    at = np.cumsum(np.random.default_rng(5).exponential(1.0 / rate, 8000))
    prompts, answers = [2048.0] * len(at), [512.0] * len(at)
    traced = play_trace(pools, Traffic(arrival_s=at.tolist(), input_tokens=prompts,
                                       output_tokens=answers))  # fmt: skip
    drawn = play_pools(pools, rate, 8000)
    if count == 1:
        assert traced.ttft_s.mean() == pytest.approx(drawn.ttft_s.mean(), rel=0.05)
    else:
        # In turn, every second request comes to each rank: gaps of half the variance, and so about
        # half the wait at high load (Kingman), less at low.
        alone = play_pools(pools, 0.01 * rate, 100).ttft_s.mean()
        waits = [float(run.ttft_s.mean() - alone) for run in (traced, drawn)]
        assert 0.1 * waits[1] < waits[0] < 0.8 * waits[1]
    assert np.nanmean(traced.tpot_s) == pytest.approx(np.nanmean(drawn.tpot_s), rel=0.03)
    assert traced.e2e_s.mean() == pytest.approx(drawn.e2e_s.mean(), rel=0.03)
    assert traced.load <= 1.0


def test_of_a_trace_every_request_has_its_own_times() -> None:
    pools = halves("llama-3.1-8b", ServingLayout(), ServingLayout(), "vllm")
    alone = Traffic(
        arrival_s=[300.0, 0.0, 100.0, 200.0],
        input_tokens=[2048.0, 64.0, 16384.0, 64.0],
        output_tokens=[512.0, 512.0, 512.0, 1.0],
    )
    run = play_trace(pools, alone)
    assert run.sent_s.tolist() == [0.0, 100.0, 200.0, 300.0]
    first = run.ttft_s.tolist()
    assert first[0] == pytest.approx(first[2])
    assert first[0] < first[3] < first[1]
    assert np.isnan(run.tpot_s).tolist() == [False, False, True, False]
    assert run.e2e_s[2] == pytest.approx(run.ttft_s[2])
    assert (run.prompt, run.answer) == (4640.0, 384.25)


@pytest.mark.parametrize(("share", "over"), [(0.5, False), (1.6, True)])
@pytest.mark.parametrize("slower", ["prefill", "decoding"])
def test_a_trace_outruns_pools_when_either_falls_behind(
    slower: str, share: float, over: bool
) -> None:
    prompt, answer = (8192, 16) if slower == "prefill" else (64, 512)
    job = ServingJob(find_model("llama-3.1-70b"), prompt, answer, weights="fp8")
    chips = CATALOG.find("H100"), CATALOG.find("H20")
    best = search_pools(*chips, job, (8, 8))
    assert slower in best.bottleneck
    rate = share * best.requests_per_s.p50
    count = 4000
    at = np.cumsum(np.random.default_rng(2).exponential(1.0 / rate, count)).tolist()
    asked = replace(job, request_rate=rate, arrivals=Arrivals.OPEN)
    trace = Traffic(arrival_s=at, input_tokens=[float(prompt)] * count,
                    output_tokens=[float(answer)] * count)  # fmt: skip
    found = search_pools(*chips, asked, (8, 8), traffic=trace)
    assert found.overloaded is over
    assert found.fits is not over
    if over:
        assert "the time in which its requests come" in found.reason
        assert found.requests_per_s.p50 < 0.95 * rate


def test_bursts_lengthen_tails_in_pools() -> None:
    pools = halves("llama-3.1-70b", ServingLayout(4), ServingLayout(8), "vllm")
    rate = 0.4 * pools.prompts_per_s
    runs = [play_pools(pools, rate, 6000, burst) for burst in (0.1, 1.0, 8.0)]
    for seconds in ([run.ttft_s for run in runs], [run.e2e_s for run in runs]):
        tails = [float(np.quantile(values, 0.99)) for values in seconds]
        assert tails[0] < tails[1] < tails[2]


@pytest.mark.parametrize("span", [0.0, 0.05])
def test_a_burst_is_served_until_its_end_and_outruns_nothing(span: float) -> None:
    pools = halves("llama-3.1-8b", ServingLayout(), ServingLayout(), "vllm")
    at = np.linspace(0.0, span, 600).tolist()
    for prompt, answer in ((8192.0, 16.0), (64.0, 512.0)):
        some = [prompt] * len(at), [answer] * len(at)
        run = play_trace(pools, Traffic(arrival_s=at, input_tokens=some[0], output_tokens=some[1]))
        assert run.load == 0.0
        assert (run.e2e_s >= run.ttft_s).all()
