"""Operators: matrix products, attention, collectives."""

from datetime import date

import numpy as np
import pytest

from tonnage.catalog import load_catalog
from tonnage.errors import InputError, NotEnoughKnown
from tonnage.perf import machine_of
from tonnage.perf.collective import (
    all_gather_seconds,
    all_reduce_seconds,
    all_to_all_seconds,
    path,
    point_to_point_seconds,
)
from tonnage.perf.family import families, family_of
from tonnage.perf.gemm import gemm_seconds, wave_share
from tonnage.perf.machine import canonical_precision

CATALOG = load_catalog(date(2026, 11, 1))
A100 = machine_of(CATALOG.find("a100-sxm-80"))
H100 = machine_of(CATALOG.find("h100-sxm"))
L40S = machine_of(CATALOG.find("l40s"))


@pytest.mark.parametrize(
    ("m", "n", "k", "microseconds"),
    [(4096, 4096, 4096, 539), (4096, 8192, 8192, 1978), (64, 8192, 8192, 101)],
)
def test_products_match_the_a100_kernel_table(m: int, n: int, k: int, microseconds: float) -> None:
    predicted = float(gemm_seconds(A100, A100.rate("bf16"), m, n, k)) * 1e6
    assert predicted == pytest.approx(microseconds, rel=0.25)


def test_a_chip_without_fp8_computes_it_in_16_bits() -> None:
    assert A100.rate("fp8").peak == A100.rate("bf16").peak
    assert H100.rate("fp8").peak > 1.9 * float(H100.rate("bf16").peak)


def test_an_odd_row_length_is_slower() -> None:
    rate = A100.rate("fp16")
    assert gemm_seconds(A100, rate, 4096, 4096, 450) > gemm_seconds(A100, rate, 4096, 4096, 512)


def test_wave_share_is_one_only_for_full_waves() -> None:
    full = wave_share(128 * 108, 128, 4096, 1, A100)
    over = wave_share(128 * 109, 128, 4096, 1, A100)
    assert float(full) == pytest.approx(1.0)
    assert 0.5 < float(over) < 0.75


def test_all_reduce_is_two_gathers_without_their_latency() -> None:
    way = path(A100, 8)
    size = 1e9
    twice = 2 * (all_gather_seconds(way, size) - way.latency)
    assert all_reduce_seconds(way, size) - way.latency == pytest.approx(twice)


def test_large_all_reduce_matches_nccl_on_eight_a100() -> None:
    # vTrain's NCCL table: 229 GB/s bus bandwidth at 1 GB.
    seconds = float(all_reduce_seconds(path(A100, 8), 1e9))
    assert 2 * 7 / 8 * 1e9 / seconds == pytest.approx(229e9, rel=0.1)


def test_a_group_of_one_takes_no_time() -> None:
    for time in (all_reduce_seconds, all_gather_seconds, all_to_all_seconds):
        assert float(time(path(H100, 1), 1e9)) == 0.0
    assert float(point_to_point_seconds(H100, 1e9, 1, 8)) == 0.0


def test_members_in_a_node_share_its_network_ports() -> None:
    spread = float(path(A100, 16, 8).bandwidth)
    packed = float(path(A100, 16, 1).bandwidth)
    assert packed == pytest.approx(min(8 * spread, 300e9 * A100.link_efficiency))


def test_pcie_only_chips_slow_down_with_the_members_of_a_group() -> None:
    pair, eight = path(L40S, 2).bandwidth, path(L40S, 8).bandwidth
    assert float(pair) > 1.5 * float(eight)
    # Eight PCIe 4.0 cards: NCCL counts 10 GB/s between sockets (NVIDIA/nccl-tests issue 307).
    assert 5e9 < float(eight) < 13e9


def test_collectives_broadcast() -> None:
    times = all_reduce_seconds(path(A100, np.array([2.0, 8.0, 64.0])), 1e8)
    assert times.shape == (3,)
    assert np.all(np.diff(times) > 0)


def test_precisions_are_spelled_in_several_ways() -> None:
    assert canonical_precision("MXFP8") == "fp8"
    assert canonical_precision("nvfp4") == "fp4"
    with pytest.raises(InputError, match="one of"):
        canonical_precision("int3")


def test_what_is_missing_is_named() -> None:
    with pytest.raises(NotEnoughKnown, match="not public") as caught:
        machine_of(CATALOG.by_id["nv-rtx6000d"])
    assert caught.value.missing


def test_every_family_constant_has_doubt_and_source() -> None:
    for family in families().values():
        for constant in family.constants.values():
            assert constant.source
            assert 0 <= constant.sigma < 1
    assert family_of("Hopper (China)").name == "Hopper"
    assert family_of("Blackwell consumer").name == "Ada"
    assert family_of("never heard of").name == "other"
