"""Published runs with percentiles, none of which fixed a constant (`benchmarks/data`).

The sources say model, card, engine and version, lengths, load, requests and layout. Bands are about
a third wider than what was found, so that a model that gets clearly worse fails; each holds for the
median over a group of runs and, more widely, for every run of it.
"""

from collections.abc import Iterable
from pathlib import Path
from statistics import median

import pytest

from tonnage.study.validation import validate

TABLE = Path(__file__).parents[2] / "benchmarks" / "data" / "serving_published.csv"
Ratios = dict[str, dict[str, float]]


@pytest.fixture(scope="module")
def ratios() -> Ratios:
    """Ours over published by row and quantity."""
    found = validate(TABLE, complete_only=True)
    table: Ratios = {}
    for item in (*found.predictions, *found.latencies):
        table.setdefault(item.id, {})[item.metric] = item.predicted.p50 / item.measured
    return table


def of(ratios: Ratios, rows: Iterable[str], quantity: str) -> list[float]:
    return [ratios[row][quantity] for row in rows]


def typical(values: list[float]) -> float:
    return median(abs(value - 1.0) for value in values)


PCIE = (
    # io.net, vLLM 0.8.5, one H100 PCIe, 200 ShareGPT requests in a Poisson stream:
    # 7B, 8B (two) and 14B models at 4, 16 and 32 a second, 32B at 32.
    "iog-0087", "iog-0015", "iog-0063", "iog-0076", "iog-0004", "iog-0052", "iog-0093", "iog-0021",
    "iog-0069", "iog-0081", "iog-0009", "iog-0057", "iog-0061",
)  # fmt: skip
MOE = (
    # MiniMax-M2.5 in FP8, vLLM 0.20, eight H100, equal lengths: 8, 32, 64 and 128 clients.
    "m25-0004", "m25-0005", "m25-0006", "m25-0007", "m25-0008", "m25-0009", "m25-0010", "m25-0011",
    "m25-0012", "m25-0013", "m25-0014", "m25-0015",
)  # fmt: skip


@pytest.mark.parametrize(("level", "lowest"), [("p50", 0.7), ("p90", 0.5), ("p99", 0.25)])
def test_tpot_of_open_arrivals_on_h100_pcie(ratios: Ratios, level: str, lowest: float) -> None:
    """The 32B model at 32 a second has no room for all: its tail is the least certain."""
    values = of(ratios, PCIE, f"tpot_{level}_ms")
    assert typical(values) < 0.10
    assert all(lowest < value < 1.6 for value in values)


def test_experts_on_eight_h100(ratios: Ratios) -> None:
    assert typical(of(ratios, MOE, "tokens_per_s_total_output")) < 0.15
    assert typical(of(ratios, MOE, "tpot_p50_ms")) < 0.17
    assert typical(of(ratios, MOE, "tpot_p99_ms")) < 0.17
    assert typical(of(ratios, MOE, "ttft_p50_ms")) < 0.40
    assert typical(of(ratios, MOE, "ttft_p99_ms")) < 0.25
    for quantity in ("ttft_p50_ms", "ttft_p99_ms"):
        assert all(0.3 < value < 2.0 for value in of(ratios, MOE, quantity))


def test_equal_clients_wait_for_each_other(ratios: Ratios) -> None:
    """Eight clients of 8,192 tokens: published p50 798 ms, though one alone takes 208 ms."""
    assert 0.6 < ratios["m25-0015"]["ttft_p50_ms"] < 1.7
    assert 0.5 < ratios["m25-0003"]["ttft_p50_ms"] < 1.7


def test_beyond_the_slots_requests_queue_as_published(ratios: Ratios) -> None:
    """128 clients, 64 slots: first tokens after 9 to 47 s."""
    for row in ("m25-0004", "m25-0005", "m25-0006"):
        for quantity in ("ttft_p50_ms", "ttft_p99_ms"):
            assert ratios[row][quantity] == pytest.approx(1.0, abs=0.3)


def test_a_large_model_on_eight_b200(ratios: Ratios) -> None:
    """SGLang 0.5.6, Qwen3-235B-A22B in 16 bits: 1, 16 and 64 to 100 clients, three shapes."""
    rows = [f"sgc-00{number}" for number in range(61, 70)]
    assert typical(of(ratios, rows, "tokens_per_s_total_output")) < 0.2
    assert typical(of(ratios, rows, "tpot_p50_ms")) < 0.2
