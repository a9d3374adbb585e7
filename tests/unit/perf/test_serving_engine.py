"""Engines: how they are found, and that each constant says where it comes from."""

from pathlib import Path

import pytest

from tonnage.errors import InputError, UnknownName
from tonnage.perf import (
    ServingLayout,
    default_kv,
    engine_entries,
    find_engine,
    parse_serving_layout,
)


@pytest.mark.parametrize(
    ("name", "version", "year", "vendor", "expected"),
    [
        ("vLLM", "0.6.1", 2024, "Nvidia", "vllm-0"),
        ("vLLM", "0.6.1", 2024, "AMD", "vllm-0-rocm"),
        ("vLLM", "", 2024, "Nvidia", "vllm-0"),
        ("vLLM", "0.11.0", None, "Nvidia", "vllm-0.8"),
        ("vllm 0.19.0", "", None, "Nvidia", "vllm-0.14"),
        ("vLLM", "nightly-5b8c30d62b754b57", 2026, "Nvidia", "vllm-0.14"),
        ("vLLM-Ascend", "0.9.1", 2025, "Huawei", "vllm-ascend-0"),
        ("vLLM-Ascend", "main 2026-08", 2026, "Huawei", "vllm-ascend"),
        ("TensorRT-LLM", "0.9.0", 2024, "Nvidia", "trtllm-0.9"),
        ("TensorRT-LLM", "0.14.0", 2024, "Nvidia", "trtllm-0.14"),
        ("TensorRT-LLM", "1.2.0rc2.post2", 2026, "Nvidia", "trtllm-1.2"),
        ("SGLang", "0.4.6.post1", 2025, "Nvidia", "sglang-0.4"),
        ("MindIE", "2.1RC1", 2025, "Huawei", "mindie"),
        (None, "", None, "Huawei", "mindie"),
        (None, "", None, "Nvidia", "vllm-0.14"),
        ("llama.cpp", "", 2024, "Nvidia", "llamacpp"),
    ],
)
def test_a_software_and_version_name_a_class(
    name: str | None, version: str, year: int | None, vendor: str, expected: str
) -> None:
    assert find_engine(name, version, year, vendor).id == expected


def test_an_unknown_engine_lists_the_known_ones() -> None:
    with pytest.raises(UnknownName, match=r"vllm-0\.14"):
        find_engine("orca-serve")


def test_every_constant_has_a_source_and_a_sane_value() -> None:
    for entry in engine_entries().values():
        engine = entry.engine
        assert all(entry.sources.values()), engine.id
        assert 0.5 < engine.memory_fraction <= 1.0, engine.id
        assert 0 < engine.gemm_ratio <= 1.2, engine.id
        assert 0.03 <= engine.sigma < 0.6, engine.id


def test_no_engine_was_fitted_on_the_rows_that_judge() -> None:
    folder = Path(__file__).parents[3] / "src" / "tonnage" / "data" / "engines"
    for path in folder.glob("*.yaml"):
        assert "aic on nv-h200" not in path.read_text(encoding="utf-8"), path.name


def test_the_cache_follows_the_weights_where_the_engine_does_so() -> None:
    assert default_kv(find_engine("tensorrt-llm"), "fp8", has_fp4=False) == "fp8"
    assert default_kv(find_engine("vllm"), "fp8", has_fp4=False) == "bf16"
    assert default_kv(find_engine("vllm"), "nvfp4", has_fp4=True) == "fp8"
    assert default_kv(find_engine("tensorrt-llm"), "bf16", has_fp4=True) == "bf16"


def test_layouts_are_read_and_fill_up() -> None:
    assert parse_serving_layout("tp=4", 8) == ServingLayout(4, 1, 2, 1)
    assert parse_serving_layout("tp=1,dp=16,ep=16", 16).chips == 16
    assert str(ServingLayout(8)) == "TP8"


@pytest.mark.parametrize("text", ["tp=x", "zz=2", "tp=3,dp=2", "tp=4,dp=2,ep=3", "tp=0"])
def test_a_bad_layout_is_one_message(text: str) -> None:
    with pytest.raises(InputError, match="layout"):
        parse_serving_layout(text, 8)
