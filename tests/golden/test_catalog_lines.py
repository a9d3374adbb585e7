"""TPP and performance density of the shipped values meet the figures that were published.

TPP = max over dense rates of (rate x bits), performance density = TPP / die area, computed here
from the catalog alone. A wrong dense rate, a sparse one passed off as dense, or the wrong
accumulation mode moves the result off the published line.
"""

from datetime import date

import pytest

from tonnage.catalog import DENSE_RATES, QUANTITIES, Chip, load_catalog

NOW = date(2026, 11, 22)

PUBLISHED = {
    # Chips made for a line of the rules: press tables of November 2023 and later.
    "nv-h20-96": (2368, 2.91),
    "nv-l20": (1912, 3.14),
    "nv-l2": (1544, 5.24),
    "nv-rtx4090d": (4707, 7.74),
    "nv-rtx5090d": (4750, 6.33),
    # The figure that the Chinese press quotes for H100 and H200, and those above the line.
    "nv-h100-sxm": (15832, 19.45),
    "nv-h200-sxm": (15832, 19.45),
    "nv-h800-sxm": (15832, 19.45),
    "nv-rtx4090": (5285, 8.68),
    "nv-rtx5090": (6704, 8.94),
    "nv-a100-sxm-80": (4992, 6.04),
    "nv-a800-sxm-80": (4992, 6.04),
    "nv-a30": (2644, 3.20),
    "nv-a10": (2000, 3.18),
    "nv-l40s": (5864, 9.64),
    "nv-l40": (2897, 4.76),
    "nv-l4": (1940, 6.59),
    "nv-h100-pcie": (12104, 14.87),
    "nv-b200": (36000, None),
    "amd-mi250x": (6128, 4.23),
    "amd-mi250": (5794, 4.00),
    "amd-mi210": (2896, 4.00),
    "amd-mi300x": (20919, 8.72),
    "amd-mi325x": (20919, 8.72),
    "intel-gaudi2": (6920, None),
    "intel-gaudi3": (29360, None),
    "hw-910b1": (6400, 9.62),
}


def tpp(chip: Chip) -> float:
    rates = ((chip.number(name), QUANTITIES[name].bits or 0) for name in DENSE_RATES)
    return max(rate * bits for rate, bits in rates if rate is not None)


@pytest.mark.parametrize("chip", PUBLISHED)
def test_tpp_and_density_meet_the_published_figure(chip: str) -> None:
    found = load_catalog(NOW).by_id[chip]
    score, density = PUBLISHED[chip]
    assert tpp(found) == pytest.approx(score, rel=5e-4)
    if density is not None:
        assert tpp(found) / found.require("die_area_mm2") == pytest.approx(density, abs=0.02)


@pytest.mark.parametrize("chip", ["nv-h20-96", "nv-l20", "nv-l2"])
def test_chips_made_for_the_2023_rule_stay_under_its_lines(chip: str) -> None:
    found = load_catalog(NOW).by_id[chip]
    density = tpp(found) / found.require("die_area_mm2")
    assert tpp(found) < 2400
    assert tpp(found) < 1600 or density < 3.2


def test_the_lower_rate_of_a_consumer_card_is_the_one_for_training() -> None:
    for name, high, low in (("RTX 4090", 330.3, 165.2), ("RTX 4090 D", 294.2, 147.1)):
        chip = load_catalog(NOW).find(name)
        assert chip.number("fp16_acc16_tflops") == high
        assert chip.number("fp16_tflops") == chip.number("bf16_tflops") == low
    for chip in load_catalog(NOW).chips:
        for low, high in (("fp16_tflops", "fp16_acc16_tflops"), ("fp8_tflops", "fp8_acc16_tflops")):
            if chip.number(high) is not None:
                assert chip.require(low) < chip.require(high), chip.id


def test_no_sparse_rate_stands_for_a_dense_one() -> None:
    """On every Nvidia part since Volta a dense rate doubles, at most, as the operand halves."""
    for chip in load_catalog(NOW).chips:
        sixteen, eight = chip.number("fp16_tflops"), chip.number("fp8_tflops")
        if chip.vendor == "Nvidia" and sixteen is not None and eight is not None:
            assert eight <= 2.05 * sixteen, chip.id


MENDED = [
    # chip, quantity, value: what public catalogs have wrong
    ("amd-mi300x", "memory_bandwidth_gbs", 5300),
    ("amd-mi325x", "memory_bandwidth_gbs", 6000),
    ("amd-mi325x", "memory_gb", 256),
    ("amd-mi355x", "fp8_tflops", 5033.2),
    ("amd-mi355x", "fp4_tflops", 10066),
    ("mx-c500", "memory_bandwidth_gbs", 1800),
    ("mx-c500", "fp16_tflops", 240),
    ("nv-h800-sxm", "tf32_tflops", 494.5),
    ("nv-l40s", "l2_mb", 96),
    ("nv-l40s", "tdp_w", 350),
    ("nv-l40", "fp16_tflops", 181.05),
    ("nv-l4", "cores", 58),
    ("nv-b200", "memory_gb", 180),
    ("nv-b300", "memory_gb", 270),
    ("hw-910c", "scale_up_gbs", 784),
    ("hw-910b4", "memory_gb", 32),
    ("br-br100", "bf16_tflops", 1024),
    ("mt-s5000", "fp8_tflops", 1000),
    ("cam-mlu370x8", "memory_type", "LPDDR5"),
]


@pytest.mark.parametrize(("chip", "quantity", "value"), MENDED)
def test_errors_of_public_catalogs_are_mended(chip: str, quantity: str, value: object) -> None:
    assert load_catalog(NOW).by_id[chip].values[quantity].value == value


@pytest.mark.parametrize(
    ("chip", "quantity"),
    [
        ("nv-h800-sxm", "fp64_tflops"),
        ("amd-mi308x", "fp16_tflops"),
        ("cam-mlu590", "bf16_tflops"),
        ("bd-p800", "fp16_tflops"),
        ("intel-gaudi2", "die_area_mm2"),
        ("intel-gaudi3-cn", "bf16_tflops"),
        ("aws-trn1", "memory_bandwidth_gbs"),
        ("hy-k100ai", "fp16_tflops"),
        ("nv-rtx6000d", "memory_bandwidth_gbs"),
    ],
)
def test_what_no_trustworthy_source_states_stays_unknown(chip: str, quantity: str) -> None:
    assert load_catalog(NOW).by_id[chip].number(quantity) is None


def test_die_areas_in_doubt_carry_their_ends() -> None:
    ends = {
        "amd-mi300x": (1017, 2400),
        "amd-mi250x": (1448, 1580),
    }
    for chip, (low, high) in ends.items():
        area = load_catalog(NOW).by_id[chip].values["die_area_mm2"]
        assert (area.low, area.high) == (low, high)


def test_data_centre_parts_and_consumer_cards() -> None:
    catalog = load_catalog(NOW)
    assert all(catalog.find(name).flag("datacenter") is False for name in ("RTX 4090", "RTX 3090"))
    assert all(catalog.find(name).flag("datacenter") for name in ("H20", "L2", "MI308X", "910B3"))
    assert catalog.find("RTX 6000 Ada").flag("datacenter") is None
