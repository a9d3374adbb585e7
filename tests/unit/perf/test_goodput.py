"""Failures, checkpoints and the days a run takes."""

import pytest

from tonnage.perf.goodput import checkpoint_interval, goodput_of, run_total
from tonnage.provenance import Spread
from tonnage.workload import TrainingJob, find_model

JOB = TrainingJob(find_model("llama-3.1-405b"), 8192, 2048, tokens=15e12)


def test_the_interval_is_near_youngs() -> None:
    assert checkpoint_interval(60, 86400) == pytest.approx((2 * 60 * 86400) ** 0.5, rel=0.03)
    assert checkpoint_interval(100, 40) == 40


def test_the_interval_loses_least() -> None:
    write, mtbf = 30.0, 3 * 3600.0
    best = checkpoint_interval(write, mtbf)

    def lost(interval: float) -> float:
        return write / interval + interval / (2 * mtbf)

    assert lost(best) <= min(lost(best * 0.7), lost(best * 1.4))


def test_llama_3_saw_a_failure_about_every_three_hours() -> None:
    # arXiv 2407.21783: 419 interruptions in 54 days on 16,384 chips: one in 3.1 h.
    found = goodput_of(JOB, 16384)
    assert 2.0 < found.mean_time_between_failures_s / 3600 < 4.0
    assert found.share.p10 < found.share.p50 < found.share.p90 < 1.0
    assert found.share.p50 > 0.8


def test_more_chips_fail_more_often() -> None:
    assert goodput_of(JOB, 16384).share.p50 < goodput_of(JOB, 1024).share.p50


def test_a_run_costs_its_steps_over_goodput() -> None:
    total = run_total(JOB, 1024, Spread(9.0, 10.0, 11.0), 1e12)
    steps = 1e12 / JOB.tokens_per_step
    share = goodput_of(JOB, 1024).share.p50
    assert total.days.p50 == pytest.approx(steps * 10.0 / share / 86400)
    assert total.chip_hours.p50 == pytest.approx(total.days.p50 * 24 * 1024)
