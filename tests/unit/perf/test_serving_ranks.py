"""Attention ranks that share one set of experts: prompts on one hold up all."""

from datetime import date

import pytest

from tonnage.catalog import load_catalog
from tonnage.perf import (
    ServingCase,
    ServingLayout,
    find_engine,
    predict_serving_cases,
    simulate_serving,
)
from tonnage.perf.serving.case import cases_of
from tonnage.perf.serving.ranks import held_closed, ranks_together
from tonnage.workload import ServingJob, find_model

CHIP = load_catalog(date(2026, 1, 1)).find("nv-b200")
MODEL = find_model("deepseek-v3")
SHARED = ServingLayout(tp=1, dp=8, ep=8)
OWN = ServingLayout(tp=8, dp=1, ep=8)


def case(
    layout: ServingLayout = SHARED,
    engine: str = "sglang",
    clients: int = 64,
    tokens: tuple[int, int] = (1024, 1024),
) -> ServingCase:
    job = ServingJob(MODEL, *tokens, concurrency=clients, shortest_share=0.8, weights="fp8")
    return ServingCase(CHIP, job, layout, find_engine(engine))


def ranks(question: ServingCase) -> float:
    return float(ranks_together(cases_of([question]))[0])


def test_ranks_of_one_set_of_experts_step_together() -> None:
    assert ranks(case()) == 8
    assert ranks(case(OWN)) == 1


def test_ranks_without_work_hold_up_none() -> None:
    """A client alone has a rank to itself: no other prompt stalls it."""
    assert ranks(case(clients=1)) == 1
    assert ranks(case(clients=3)) == 3


def test_prompts_that_ride_along_stall_none() -> None:
    assert ranks(case(engine="trtllm")) == 1


def test_share_of_time_solves_its_equation() -> None:
    """With q of own prompts and U of any: q·T = prompts and (1-U)·T = decoding."""
    question = cases_of([case()])
    prompts, decoding = question.load.input * 0 + 2.0, question.load.input * 0 + 8.0
    held = float(held_closed(question, prompts, decoding)[0])
    span = 8.0 + held * 2.0
    own = 2.0 / span
    assert 1 - (1 - own) ** 8 == pytest.approx(held * own, rel=1e-6)
    assert 1 < held < 8


@pytest.mark.parametrize("tokens", [(1024, 1024), (4096, 512)])
@pytest.mark.parametrize("clients", [8, 64, 256])
def test_closed_form_and_played_agree(clients: int, tokens: tuple[int, int]) -> None:
    question = case(clients=clients, tokens=tokens)
    predicted, played = predict_serving_cases([question])[0], simulate_serving(question, 1000)
    assert predicted.tpot_ms.p50 == pytest.approx(1e3 * played.tpot_s.mean(), rel=0.06)
    assert predicted.requests_per_s.p50 == pytest.approx(played.requests_per_s * 8, rel=0.06)


def test_a_rank_among_others_is_slower_than_with_few() -> None:
    """Two ranks with as many clients each as eight have hold each other up less."""
    few = case(ServingLayout(tp=4, dp=2, ep=8), clients=2)
    many = case(clients=64)
    cases = cases_of([few, many])
    prompts, decoding = cases.load.input * 0 + 1.0, cases.load.input * 0 + 9.0
    held = held_closed(cases, prompts, decoding)
    assert 1 < held[0] < held[1]
