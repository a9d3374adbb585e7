"""One finite run, played several times: lengths, clients, percentiles."""

from datetime import date

import numpy as np
import pytest

from tonnage.catalog import load_catalog
from tonnage.errors import InputError
from tonnage.perf import (
    EVEN_SPREAD,
    WIDE_SPREAD,
    Run,
    ServingCase,
    ServingEstimate,
    ServingLayout,
    find_engine,
    play_run,
    predict_serving_cases,
)
from tonnage.perf.serving.run import lengths
from tonnage.workload import Arrivals, ServingJob, find_model

CATALOG = load_catalog(date(2026, 1, 1))


def case(
    clients: float | None = None, rate: float | None = None, layout: ServingLayout | None = None
) -> ServingCase:
    arrivals = Arrivals.OPEN if rate is not None else Arrivals.CLOSED
    job = ServingJob(
        find_model("llama-3.1-8b"), 1024, 256, concurrency=clients, request_rate=rate,
        arrivals=arrivals,
    )  # fmt: skip
    chip, engine = CATALOG.find("nv-h20-96"), find_engine("vllm")
    return ServingCase(chip, job, layout or ServingLayout(), engine)


def played(question: ServingCase, run: Run) -> ServingEstimate:
    return play_run(predict_serving_cases([question])[0], question, run)


@pytest.mark.parametrize("spread", [0.0, 0.1, EVEN_SPREAD, WIDE_SPREAD])
def test_lengths_keep_the_mean_and_spread_as_asked(spread: float) -> None:
    drawn = np.array(lengths(300.0, spread, 4000, seed=1))
    assert drawn.mean() == pytest.approx(300.0)
    assert drawn.std() / 300.0 == pytest.approx(spread, abs=0.06)
    assert drawn.min() >= 0.0
    assert lengths(300.0, spread, 50, seed=7) == lengths(300.0, spread, 50, seed=7)


def test_conversations_are_no_shorter_than_clients_keep() -> None:
    drawn = np.array(lengths(300.0, WIDE_SPREAD, 4000, seed=1))
    assert drawn.min() == pytest.approx(4.0, rel=0.05)
    assert np.mean(drawn < 4.5) < 0.05
    assert min(lengths(2.0, WIDE_SPREAD, 100, seed=1)) > 0.0


@pytest.mark.parametrize(("clients", "rate"), [(8.0, None), (None, 2.0), (None, 40.0)])
@pytest.mark.parametrize("spread", [0.0, WIDE_SPREAD])
def test_percentiles_rise(clients: float | None, rate: float | None, spread: float) -> None:
    found = played(case(clients, rate), Run(200, spread))
    assert found.method == "event simulation"
    for name in ("ttft_ms", "tpot_ms", "e2e_ms"):
        levels = found.percentiles[name]
        assert 0.0 < levels.p50.p50 <= levels.p90.p50 <= levels.p99.p50
        assert getattr(found, name).p50 <= levels.p99.p50


def test_wide_lengths_lengthen_the_tail() -> None:
    equal, wide = (played(case(rate=3.0), Run(400, spread)) for spread in (0.0, WIDE_SPREAD))
    assert wide.percentiles["e2e_ms"].p99.p50 > 1.5 * equal.percentiles["e2e_ms"].p99.p50
    assert wide.percentiles["ttft_ms"].p99.p50 > equal.percentiles["ttft_ms"].p99.p50


def test_a_short_run_of_many_clients_is_its_burst() -> None:
    """All at once: the last first token comes after all prompts."""
    once = played(case(clients=64), Run(64, EVEN_SPREAD))
    steady = played(case(clients=64), Run(2000, EVEN_SPREAD))
    assert once.ttft_ms.p50 > 2.0 * steady.ttft_ms.p50
    assert once.tokens_per_s_output.p50 < steady.tokens_per_s_output.p50


def test_one_client_uses_one_replica() -> None:
    alone = played(case(clients=1), Run(20))
    idle = played(case(clients=1, layout=ServingLayout(dp=4)), Run(20))
    assert idle.tokens_per_s_output.p50 == pytest.approx(alone.tokens_per_s_output.p50, rel=0.01)
    assert idle.tokens_per_s_output_per_chip.p50 == pytest.approx(
        alone.tokens_per_s_output.p50 / 4, rel=0.01
    )


def test_parts_add_up_and_a_run_repeats() -> None:
    found, again = (played(case(rate=4.0), Run(100, EVEN_SPREAD)) for _ in range(2))
    assert sum(found.breakdown_ms.values()) == pytest.approx(found.tpot_ms.p50)
    assert found == again


def test_a_run_needs_requests_and_a_spread() -> None:
    with pytest.raises(InputError, match=r"requests.*\n?.*spread"):
        Run(0, -1.0)
