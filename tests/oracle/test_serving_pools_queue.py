"""The queue of prompts that share steps, against the solved Markov chain and theory."""

from datetime import date
from math import exp, lgamma, log

import numpy as np
import pytest

from tonnage.catalog import load_catalog
from tonnage.perf import ServingCase, ServingLayout, find_engine
from tonnage.perf.serving.case import cases_of
from tonnage.perf.serving.pools_queue import PromptQueue
from tonnage.perf.serving.prompts import one_prompt, prompt_seconds
from tonnage.workload import Arrivals, ServingJob, find_model

CHIP = load_catalog(date(2026, 1, 1)).find("nv-h200-sxm")


def case_of(model: str, prompt: int, layout: ServingLayout, engine: str) -> ServingCase:
    job = ServingJob(find_model(model), prompt, 1, request_rate=1.0, arrivals=Arrivals.OPEN,
                     weights="fp8")  # fmt: skip
    return ServingCase(CHIP, job, layout, find_engine(engine))


def steps_of(case: ServingCase, most: int) -> list[float]:
    """Seconds of a step of one prompt, two, ... and `most`."""
    found = []
    for size in range(1, most + 1):
        joint = np.array([float(size)])
        parts, attention, _ = one_prompt(cases_of([case]), joint, joint, np.ones(1))
        found.append(size * float((parts.total + attention)[0]))
    return found


def chance(mean: float, count: int) -> float:
    """Poisson."""
    return exp(count * log(mean) - mean - lgamma(count + 1.0))


def solved(seconds: list[float], rate: float) -> float:
    """Mean time in a system that serves all that wait, `len(seconds)` at most, at once."""
    most = len(seconds)
    states = 8 * most + 60
    moves = np.zeros((states, states))
    time = np.array([seconds[min(k, most) - 1] for k in range(1, states + 1)])
    for k in range(states):
        left = max(k + 1 - most, 0)
        for come in range(states - left + 1):
            moves[k, max(left + come, 1) - 1] += chance(rate * time[k], come)
        moves[k, -1] += max(0.0, 1.0 - moves[k].sum())
    balance = moves.T - np.eye(states)
    balance[-1] = 1.0
    share = np.linalg.solve(balance, np.append(np.zeros(states - 1), 1.0))
    waiting = np.arange(1, states + 1)
    idle = np.where(waiting <= most, np.exp(-rate * time) / rate, 0.0)
    area = share @ (waiting * time + rate * time**2 / 2.0)
    return float(area / (share @ (time + idle)) / rate)


@pytest.mark.parametrize("load", [0.05, 0.3, 0.6, 0.85])
@pytest.mark.parametrize(
    ("model", "prompt", "engine"),
    [
        ("llama-3.1-8b", 2048, "vllm"),
        ("llama-3.1-8b", 256, "vllm"),
        ("qwen3-30b-a3b", 600, "sglang"),
        ("llama-3.1-8b", 6000, "vllm"),
    ],
)
def test_waits_are_those_of_the_markov_chain(
    model: str, prompt: int, engine: str, load: float
) -> None:
    case = case_of(model, prompt, ServingLayout(), engine)
    queue = PromptQueue.of(cases_of([case]))
    seconds = steps_of(case, int(case.engine.prefill_tokens // prompt))
    rate = load * len(seconds) / seconds[-1]
    assert float(queue.first(rate)) == pytest.approx(solved(seconds, rate), rel=0.02)


@pytest.mark.parametrize("load", [0.1, 0.5, 0.9])
def test_one_prompt_a_step_is_a_single_server(load: float) -> None:
    case = case_of("qwen3-32b", 9000, ServingLayout(2), "vllm")
    queue = PromptQueue.of(cases_of([case]))
    service = float(prompt_seconds(cases_of([case]))[0])
    rate = load / service
    expected = service + service * load / (2.0 * (1.0 - load))  # Pollaczek and Khinchine
    assert float(queue.most_per_s[0]) == pytest.approx(1.0 / service)
    assert float(queue.first(rate)) == pytest.approx(expected, rel=0.01)
    assert queue.busy_share(rate) == pytest.approx(load, rel=0.01)


def test_waits_grow_with_the_load_and_a_limit_is_kept() -> None:
    cases = cases_of([case_of("deepseek-v3", 1024, ServingLayout(1, 1, d, d), "sglang")
                      for d in (8, 16, 32)])  # fmt: skip
    queue = PromptQueue.of(cases)
    for k in range(3):
        rates = np.linspace(0.0, 0.99, 60) * queue.most_per_s[k]
        assert (np.diff(queue.first(rates, k)) > 0).all()
    limits = 2.0 * queue.alone_s
    kept = queue.within(limits, 0.95)
    for k in range(3):
        assert 0.0 < kept[k] <= 0.95 * queue.most_per_s[k]
        assert float(queue.first(kept[k], k)) == pytest.approx(limits[k], rel=1e-6)
    assert (queue.within(0.9 * queue.alone_s, 0.95) == 0.0).all()


def test_ranks_that_step_together_wait_for_each_other() -> None:
    layouts = ServingLayout(1, 1, 8, 1), ServingLayout(1, 1, 8, 8)
    alone, many = (
        PromptQueue.of(cases_of([case_of("deepseek-v3", 1024, one, "sglang")])) for one in layouts
    )
    assert alone.others(0.3 * float(alone.most_per_s[0])) == 0.0
    load = 0.3 * float(many.most_per_s[0])
    assert 0.0 < many.others(load) < float(many.first(load))
