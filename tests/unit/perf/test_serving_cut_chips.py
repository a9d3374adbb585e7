"""Chips whose units were cut down keep what feeds them: engines lose less on them."""

from dataclasses import replace
from datetime import date

import pytest

from tonnage.catalog import load_catalog
from tonnage.perf import ServingCase, ServingLayout, find_engine, predict_serving_cases
from tonnage.perf.machine import machine_of
from tonnage.workload import Arrivals, ServingJob, find_model

CATALOG = load_catalog(date(2026, 1, 1))


def _prompt_ms(chip: str, ratio: float) -> float:
    job = ServingJob(
        find_model("llama-3-8b"), 8192, 1, concurrency=1.0, arrivals=Arrivals.STATIC
    )  # fmt: skip
    engine = replace(find_engine("lmdeploy"), gemm_ratio=ratio)
    case = ServingCase(CATALOG.by_id[chip], job, ServingLayout(), engine)
    return predict_serving_cases([case])[0].ttft_ms.p50


@pytest.mark.parametrize(
    ("chip", "share"),
    [("nv-h100-sxm", 1.0), ("nv-h800-sxm", 1.0), ("nv-h20-96", 0.253), ("nv-l20", 0.51)],
)
def test_share_of_the_units_follows_from_the_data_sheet(chip, share):
    assert machine_of(CATALOG.by_id[chip]).core_share == pytest.approx(share, rel=0.01)


def test_a_lower_clock_is_no_cut():
    assert machine_of(CATALOG.by_id["nv-h100-pcie"]).core_share == 1.0


def test_a_family_without_reference_counts_as_whole():
    assert machine_of(CATALOG.by_id["hw-910b3"]).core_share == 1.0


def test_a_slow_kernel_costs_a_cut_chip_less():
    whole = _prompt_ms("nv-h100-sxm", 0.7) / _prompt_ms("nv-h100-sxm", 1.0)
    cut = _prompt_ms("nv-h20-96", 0.7) / _prompt_ms("nv-h20-96", 1.0)
    assert 1.0 < cut < 1.0 + 0.4 * (whole - 1.0)
