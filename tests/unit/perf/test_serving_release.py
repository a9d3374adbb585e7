"""Which engine runs on whose chips, and when it was known."""

from datetime import date

import pytest

from tonnage.errors import InputError, UnknownName
from tonnage.perf import engine_entries, engine_known, releases


def test_every_engine_has_a_day_and_a_source() -> None:
    told = releases()
    assert set(told) == set(engine_entries())
    assert all(item.source for item in told.values())
    assert all(date(2023, 1, 1) < item.known < date(2026, 11, 22) for item in told.values())


def test_newer_classes_of_an_engine_became_known_later() -> None:
    days = [releases()[name].known for name in ("vllm-0", "vllm-0.8", "vllm-0.14")]
    assert days == sorted(days)
    days = [releases()[f"trtllm-{v}"].known for v in ("0.6", "0.9", "0.10", "0.14", "1.0", "1.2")]
    assert days == sorted(days)


@pytest.mark.parametrize(
    ("name", "vendor", "day", "expected"),
    [
        (None, "Nvidia", date(2024, 1, 7), "vllm-0"),
        (None, "Nvidia", date(2025, 6, 1), "vllm-0.8"),
        (None, "Nvidia", date(2026, 11, 1), "vllm-0.14"),
        (None, "AMD", date(2024, 6, 1), "vllm-0-rocm"),
        ("vllm", "AMD", date(2026, 6, 1), "vllm-0.14"),
        ("tensorrt-llm", "Nvidia", date(2024, 7, 1), "trtllm-0.10"),
        ("TensorRT-LLM 0.9", "Nvidia", date(2026, 7, 1), "trtllm-0.9"),
        ("vllm", "Huawei", date(2025, 6, 1), "vllm-ascend-0"),
        ("sglang", "Nvidia", date(2025, 1, 1), "sglang-0.4"),
    ],
)
def test_the_newest_class_known_on_the_day(
    name: str | None, vendor: str, day: date, expected: str
) -> None:
    assert engine_known(name, vendor, day).id == expected


def test_the_usual_engine_of_a_maker_stands_in_before_its_first_day() -> None:
    assert engine_known(None, "Nvidia", date(2022, 10, 7)).id == "vllm-0"
    assert engine_known(None, "Huawei", date(2022, 10, 7)).id == "mindie"


@pytest.mark.parametrize(
    ("name", "vendor", "day", "says"),
    [
        ("mindie", "Nvidia", date(2026, 1, 1), "Huawei alone"),
        ("vllm-ascend", "AMD", date(2026, 1, 1), "Huawei alone"),
        ("tensorrt-llm", "Huawei", date(2026, 1, 1), "Nvidia alone"),
        ("vllm-0.14", "Nvidia", date(2025, 1, 1), "2026-01-20"),
        ("sglang", "Nvidia", date(2023, 6, 30), "2024-01-17"),
    ],
)
def test_an_engine_that_could_not_have_been_used(
    name: str, vendor: str, day: date, says: str
) -> None:
    with pytest.raises(InputError, match=says) as refused:
        engine_known(name, vendor, day)
    assert refused.value.faults[0].field == "framework"


def test_an_engine_nobody_knows() -> None:
    with pytest.raises(UnknownName):
        engine_known("orca", "Nvidia", date(2026, 1, 1))
