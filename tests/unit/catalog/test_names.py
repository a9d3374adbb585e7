"""People, papers and tables print chip names in many ways."""

from datetime import date

import pytest

from tonnage.catalog import load_catalog
from tonnage.errors import AmbiguousName, UnknownName

NOW = date(2026, 11, 22)


@pytest.mark.parametrize(
    ("name", "chip"),
    [
        ("H20", "nv-h20-96"),
        ("h20-96gb", "nv-h20-96"),
        ("英伟达 H20", "nv-h20-96"),
        ("A100-80GB", "nv-a100-sxm-80"),
        ("a100 80gb pcie", "nv-a100-pcie-80"),
        ("NVIDIA A100-SXM4-80GB", "nv-a100-sxm-80"),
        ("A800", "nv-a800-sxm-80"),
        ("H800", "nv-h800-sxm"),
        ("H100", "nv-h100-sxm"),
        ("h100_sxm", "nv-h100-sxm"),
        ("H200", "nv-h200-sxm"),
        ("GH200", "nv-gh200-96"),
        ("RTX 4090 D", "nv-rtx4090d"),
        ("rtx4090d", "nv-rtx4090d"),
        ("4090", "nv-rtx4090"),
        ("L20", "nv-l20"),
        ("L2", "nv-l2"),
        ("L40S", "nv-l40s"),
        ("MI308X", "amd-mi308x"),
        ("Gaudi 2 HL-225B", "intel-gaudi2-cn"),
        ("昇腾910B3", "hw-910b3"),
        ("Ascend-910B-B3", "hw-910b3"),
        ("910B-B1", "hw-910b1"),
        ("华为昇腾 910C", "hw-910c"),
        ("Ascend 910C die (Atlas A3, 64 GB)", "hw-910c-die"),
        ("Ascend 910", "hw-910"),
        ("含光800", "th-hanguang800"),
        ("平头哥 PPU", "th-ppu"),
        ("真武810E", "th-ppu"),
        ("昆仑芯2代", "bd-kunlun2"),
        ("昆仑芯2", "bd-kunlun2"),
        ("百度昆仑芯二代", "bd-kunlun2"),
        ("寒武纪590", "cam-mlu590"),
        ("華為昇騰910B3", "hw-910b3"),
        ("昆仑P800", "bd-p800"),
        ("思元590", "cam-mlu590"),
        ("摩尔线程S4000", "mt-s4000"),
        ("壁仞BR100", "br-br100"),
        ("沐曦C500", "mx-c500"),
        ("海光K100 AI", "hy-k100ai"),
        ("天数智芯BI-V100", "il-biv100"),
        ("燧原S60", "en-s60"),
        ("Ｈ２０", "nv-h20-96"),
        ("nv-h20-96", "nv-h20-96"),
        ("TPU v6e (Trillium)", "goog-v6e"),
        ("Max 1550 (PVC)", "intel-max1550"),
        ("RTX PRO 6000 Blackwell SE", "nv-rtxpro6000"),
    ],
)
def test_a_name_finds_its_chip(name: str, chip: str) -> None:
    assert load_catalog(NOW).find(name).id == chip


@pytest.mark.parametrize(
    ("name", "bins"),
    [
        ("昇腾910B", {"hw-910b1", "hw-910b2", "hw-910b3", "hw-910b4", "hw-910b4-1"}),
        ("910B", {"hw-910b1", "hw-910b2", "hw-910b3", "hw-910b4", "hw-910b4-1"}),
        ("A100", {"nv-a100-sxm-40", "nv-a100-sxm-80", "nv-a100-pcie-40", "nv-a100-pcie-80"}),
        ("V100", {"nv-v100-sxm2-16", "nv-v100-sxm2-32", "nv-v100-pcie-32"}),
    ],
)
def test_a_shared_name_lists_every_bin(name: str, bins: set[str]) -> None:
    catalog = load_catalog(NOW)
    assert {chip.id for chip in catalog.find_all(name)} == bins
    with pytest.raises(AmbiguousName) as error:
        catalog.find(name)
    assert all(chip in str(error.value) for chip in bins)


def test_a_name_of_one_chip_lists_only_it() -> None:
    assert [chip.id for chip in load_catalog(NOW).find_all("H100")] == ["nv-h100-sxm"]


@pytest.mark.parametrize(
    "name", ["H2O", "RTX 409", "Ascend 911B", "", "800", "NVIDIA", "?", "芯片"]
)
def test_an_unknown_name_says_so(name: str) -> None:
    with pytest.raises(UnknownName) as error:
        load_catalog(NOW).find(name)
    assert "no chip of this name was known" in str(error.value)


def test_a_slip_of_the_pen_lists_the_nearest() -> None:
    with pytest.raises(UnknownName, match="nv-h20-96"):
        load_catalog(NOW).find("H2O")


def test_an_endless_name_does_no_harm() -> None:
    with pytest.raises(UnknownName):
        load_catalog(NOW).find("H20" * 100_000)


def test_no_two_chips_own_the_same_name() -> None:
    from tonnage.catalog.names import key

    owners: dict[str, str] = {}
    for chip in load_catalog(NOW).chips:
        for name in {key(text) for text in (chip.id, chip.name, *chip.aliases)}:
            assert owners.setdefault(name, chip.id) == chip.id, name


@pytest.mark.parametrize(
    ("name", "vendor"),
    [
        ("华为", "Huawei"),
        ("nvidia", "Nvidia"),
        ("百度", "Baidu Kunlunxin"),
        ("alibaba", "T-Head (Alibaba)"),
    ],
)
def test_vendors_answer_in_any_case_and_in_chinese(name: str, vendor: str) -> None:
    assert load_catalog(NOW).vendor(name) == vendor


def test_a_chip_of_the_users_takes_its_names_over() -> None:
    catalog = load_catalog(NOW)
    own = catalog.find("H20")
    assert catalog.with_chip(own).find("H20") is own
    assert len(catalog.with_chip(own).chips) == len(catalog.chips)
