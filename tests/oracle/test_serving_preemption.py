"""Caches that run full: what the event simulation does about them, and what that costs."""

from dataclasses import replace
from datetime import date

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tonnage.catalog import load_catalog
from tonnage.perf import (
    Engine,
    ServingCase,
    ServingLayout,
    Simulation,
    find_engine,
    predict_serving,
    predict_serving_cases,
    simulate_serving,
)
from tonnage.workload import ServingJob, find_model

CATALOG = load_catalog(date(2026, 1, 1))
VLLM = find_engine("vllm")


def crowd(clients: int, engine: Engine = VLLM, spread: float = 0.5, **memory: float) -> ServingCase:
    job = ServingJob(find_model("llama-3.1-8b"), 1024, 512, concurrency=clients,
                     shortest_share=spread)  # fmt: skip
    used = engine.with_settings(memory) if memory else engine
    return ServingCase(CATALOG.find("nv-l20"), job, ServingLayout(), used)


def played(case: ServingCase) -> Simulation:
    return simulate_serving(case, 3000, evenly=True)


def room(case: ServingCase) -> int:
    return predict_serving_cases([case])[0].max_concurrency


@pytest.mark.parametrize("engine", ["vllm", "mindie", "lmdeploy"])
def test_caches_are_given_up_only_where_they_run_full(engine: str) -> None:
    used = find_engine(engine)
    most = room(crowd(1, used))
    assert played(crowd(most // 2, used)).preempted == 0
    assert played(crowd(3 * most, used)).preempted > 0


def test_an_engine_that_sets_whole_answers_aside_gives_up_none() -> None:
    used = find_engine("trtllm")
    assert used.admitted_output == 1.0
    assert played(crowd(3 * room(crowd(1, used)), used)).preempted == 0


def test_setting_more_aside_gives_up_less() -> None:
    clients = 3 * room(crowd(1))
    shares = (0.0, 0.25, 0.5, 0.75, 1.0)
    runs = [played(crowd(clients, replace(VLLM, admitted_output=share))) for share in shares]
    times = [run.preempted for run in runs]
    assert times == sorted(times, reverse=True)
    assert times[0] > 100
    assert times[-1] == 0


def test_what_is_found_again_costs_less_than_what_is_computed_again() -> None:
    clients = 3 * room(crowd(1))
    lost, kept = (played(crowd(clients, replace(VLLM, keeps_freed=share))) for share in (0.0, 1.0))
    assert kept.requests_per_s > lost.requests_per_s
    free = played(crowd(clients, replace(VLLM, admitted_output=1.0)))
    assert kept.percentile("tpot_s", 0.99) > 1.2 * free.percentile("tpot_s", 0.99)


def test_tokens_in_the_caches_never_exceed_the_room() -> None:
    """Little's law on tokens: what answers hold over time is no more than memory over time."""
    case = crowd(400, replace(VLLM, admitted_output=1.0))
    run = simulate_serving(case, 3000)
    held = (1024 * 0.75 + 512 * 0.75 / 2) * np.sum(run.e2e_s - run.ttft_s)
    capacity = room(case) * (1024 + 512 / 2)
    assert 0.5 * capacity < held / run.duration_s <= 1.05 * capacity


@settings(max_examples=25, deadline=None)
@given(st.integers(1, 300), st.floats(0.55, 0.9), st.floats(1.0, 1.5))
def test_more_memory_never_serves_less(clients: int, share: float, factor: float) -> None:
    small = played(crowd(clients, memory_fraction=share))
    large = played(crowd(clients, memory_fraction=min(share * factor, 1.0)))
    assert large.requests_per_s >= small.requests_per_s * 0.98


@settings(max_examples=25, deadline=None)
@given(st.integers(1, 400), st.sampled_from(["vllm", "sglang", "mindie"]), st.floats(0.3, 1.0))
def test_every_request_is_answered_once_and_in_order(
    clients: int, engine: str, spread: float
) -> None:
    run = simulate_serving(crowd(clients, find_engine(engine), spread), 600)
    assert len(run.e2e_s) == 600
    assert (run.ttft_s > 0).all()
    assert (run.e2e_s >= run.ttft_s).all()
    steps = run.tpot_s[np.isfinite(run.tpot_s)]
    assert (steps > 0).all()


def test_an_answer_says_when_caches_run_full() -> None:
    case = crowd(1)
    most = room(case)
    quiet, full = (
        predict_serving(case.chip, replace(case.job, concurrency=float(clients)), ServingLayout(),
                        VLLM)
        for clients in (most // 2, 4 * most)
    )  # fmt: skip
    assert (quiet.method, quiet.preempted) == ("closed form", 0.0)
    assert full.method == "event simulation"
    assert full.preempted > 0.05
    assert full.running <= most
