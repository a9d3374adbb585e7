"""Settings that a server takes by itself on small cards."""

from datetime import date

import pytest

from tonnage.catalog import load_catalog
from tonnage.perf import ServingCase, ServingLayout, find_engine, predict_serving_cases
from tonnage.perf.serving.case import cases_of
from tonnage.workload import ServingJob, find_model

CATALOG = load_catalog(date(2026, 1, 1))
JOB = ServingJob(find_model("llama-3.1-8b"), 512, 128, concurrency=8)


def case(chip: str, **settings: float) -> ServingCase:
    engine = find_engine("vllm", "0.11").with_settings(settings)
    return ServingCase(CATALOG.find(chip), JOB, ServingLayout(), engine)


def taken(chip: str, **settings: float) -> tuple[float, float]:
    engine = cases_of([case(chip, **settings)]).engine
    return float(engine.prefill_tokens[0]), float(engine.max_sequences[0])


@pytest.mark.parametrize(
    ("chip", "settings"),
    [
        ("nv-rtx4090", (2048, 256)),
        ("nv-l20", (2048, 256)),
        ("nv-a100-sxm-80", (2048, 256)),
        ("nv-h20-96", (8192, 1024)),
        ("nv-h100-sxm", (8192, 1024)),
        ("amd-mi300x", (8192, 1024)),
    ],
)
def test_vllm_takes_less_on_small_cards(chip: str, settings: tuple[float, float]) -> None:
    """As its source says: below 70 GiB, and on an A100."""
    assert taken(chip) == settings


def test_what_is_given_is_kept() -> None:
    assert taken("nv-l20", prefill_tokens=8192) == (8192, 256)
    assert taken("nv-l20", prefill_tokens=4096, max_sequences=64) == (4096, 64)
    assert taken("nv-h20-96", max_sequences=32) == (8192, 32)


def test_engines_without_such_settings_are_alike_everywhere() -> None:
    engine = find_engine("sglang")
    assert engine.on_card("RTX 4090", 24.0) == engine


def test_smaller_steps_leave_more_room_for_caches() -> None:
    own, large = predict_serving_cases(
        [case("nv-rtx4090"), case("nv-rtx4090", prefill_tokens=8192)]
    )
    assert own.max_concurrency > large.max_concurrency
