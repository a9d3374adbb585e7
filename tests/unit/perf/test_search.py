"""The search finds what trying every layout one by one finds."""

from datetime import date

import numpy as np
import pytest

from tonnage.catalog import load_catalog
from tonnage.errors import Infeasible, InputError
from tonnage.perf import (
    SearchSpace,
    default_framework,
    machine_of,
    predict_training,
    search_training,
)
from tonnage.perf.space import divisors, layouts_in
from tonnage.workload import TrainingJob, find_model

CATALOG = load_catalog(date(2026, 11, 1))
A100 = CATALOG.find("a100-sxm-80")
JOB = TrainingJob(find_model("llama-2-7b"), 4096, 64)
SMALL = SearchSpace(most_tp=8, most_cp=2, most_vpp=4, most_mb=4)


def test_the_best_is_the_best_of_all_tried_one_by_one() -> None:
    found = search_training(A100, JOB, 16, space=SMALL)
    layouts = layouts_in(JOB, 16, SMALL)
    assert found.layouts_considered == len(layouts)
    chosen = np.random.default_rng(3).choice(len(layouts), 300, replace=False)
    for index in chosen:
        one = predict_training(A100, JOB, layouts.one(int(index)))
        if one.fits:
            assert one.iteration_time_s.p50 >= found.best.iteration_time_s.p50 * (1 - 1e-12)


def test_top_is_sorted_and_starts_with_the_best() -> None:
    found = search_training(A100, JOB, 16, space=SMALL, top=8)
    times = [e.iteration_time_s.p50 for e in found.top]
    assert times == sorted(times)
    assert found.top[0] == found.best
    assert all(e.fits for e in found.top)


def test_the_front_trades_time_for_memory() -> None:
    front = search_training(A100, JOB, 16, space=SMALL).pareto
    times = [e.iteration_time_s.p50 for e in front]
    memory = [e.memory_bytes["total"] for e in front]
    assert times == sorted(times)
    assert memory == sorted(memory, reverse=True)


def test_neighbours_lose_for_a_reason() -> None:
    found = search_training(A100, JOB, 16, space=SMALL)
    assert found.neighbours
    for neighbour in found.neighbours:
        assert neighbour.slower_by is None or neighbour.slower_by >= -1e-12
        assert neighbour.why


def test_every_layout_uses_all_chips_and_the_whole_batch() -> None:
    layouts = layouts_in(TrainingJob(find_model("mixtral-8x7b"), 8192, 96), 24, SearchSpace())
    assert np.all(layouts.tp * layouts.pp * layouts.dp * layouts.cp == 24)
    assert np.all(96 % (layouts.dp * layouts.mb) == 0)
    assert np.all(8 % layouts.ep == 0)


def test_zero_bubble_and_offload_widen_the_space() -> None:
    wide = SearchSpace(most_tp=8, most_cp=2, most_vpp=4, most_mb=4, zero_bubble=True, offload=True)
    more = search_training(A100, JOB, 16, space=wide)
    assert more.layouts_considered > search_training(A100, JOB, 16, space=SMALL).layouts_considered


def test_what_cannot_fit_says_so() -> None:
    job = TrainingJob(find_model("gpt3-175b"), 2048, 64)
    with pytest.raises(Infeasible, match="no layout fits; the smallest"):
        search_training(A100, job, 4)
    with pytest.raises(Infeasible, match="no layout divides"):
        search_training(A100, TrainingJob(find_model("gpt3-175b"), 2048, 1), 7919)
    with pytest.raises(InputError, match="chips"):
        search_training(A100, JOB, 0)


def test_offloading_the_optimizer_frees_memory_and_costs_time() -> None:
    from dataclasses import replace

    layout = search_training(A100, JOB, 16, space=SMALL).best.layout
    here = predict_training(A100, JOB, layout)
    away = predict_training(A100, JOB, replace(layout, offload_optimizer=True))
    assert away.memory_bytes["total"] < here.memory_bytes["total"]
    assert away.iteration_time_s.p50 > here.iteration_time_s.p50


def test_divisors() -> None:
    assert divisors(12) == [1, 2, 3, 4, 6, 12]
    assert divisors(12, 4) == [1, 2, 3, 4]
    assert divisors(36, 12) == [1, 2, 3, 4, 6, 9, 12]
    assert divisors(10**24, 10) == [1, 2, 4, 5, 8, 10]


def test_the_usual_framework_of_a_chip() -> None:
    assert default_framework("Huawei").id == "mindspeed"
    assert machine_of(A100).training_anchors > 0


def test_fp32_keeps_twice_the_activations_and_no_second_copy_of_the_weights() -> None:
    from tonnage.perf import Layout

    layout = Layout(tp=8, dp=2, mb=1, zero=0)
    half = predict_training(A100, JOB, layout).memory_bytes
    single = TrainingJob(JOB.model, JOB.seq_len, JOB.global_batch, "fp32")
    whole = predict_training(A100, single, layout).memory_bytes
    assert whole["weights"] == pytest.approx(2 * half["weights"])
    assert whole["activations"] == pytest.approx(2 * half["activations"])
    assert whole["optimizer"] == pytest.approx(half["optimizer"] * 8 / 12)
