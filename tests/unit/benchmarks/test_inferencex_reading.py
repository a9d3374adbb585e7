"""InferenceX runs are read as they were run: layout, settings, drafted tokens."""

import csv
import importlib.util
from pathlib import Path
from types import ModuleType

import pytest

ROOT = Path(__file__).parents[3]


@pytest.fixture(scope="module")
def inferencex() -> ModuleType:
    spec = importlib.util.spec_from_file_location("inferencex", ROOT / "benchmarks/inferencex.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def run(**cells: str) -> dict[str, str]:
    base = {
        "id": "run", "model_path": "deepseek-ai/DeepSeek-R1", "system": "b200_sxm",
        "precision": "fp8", "gemm_quant_mode": "fp8", "backend": "sglang",
        "backend_version": "0.5.9", "isl": "1024", "osl": "1024", "batch_size": "16",
        "tp_size": "8", "pp_size": "1", "attention_dp_size": "1", "moe_tp_size": "8",
        "moe_ep_size": "1", "silicon_ttft_ms": "100", "silicon_tpot_ms": "10",
        "silicon_data_source": "source_file=2026-04-06.csv; silicon_concurrency=16; "
        "measured=2026-03-25T00:00:00.000Z; wip=False",
    }  # fmt: skip
    return base | cells


@pytest.mark.parametrize(
    ("degrees", "expected"),
    [
        # What one entry of a dump calls tp 4, ep 4, another multiplies to tp 16, experts 4 x 4.
        (("16", "1", "4", "4"), (4, 1, 1, 4)),
        (("1", "64", "8", "8"), (1, 1, 8, 8)),
        (("4", "4", "1", "16"), (4, 1, 1, 4)),
        (("8", "1", "1", "8"), (8, 1, 1, 8)),
        (("8", "1", "8", "1"), (8, 1, 1, 1)),
    ],
)
def test_degrees_that_dumps_multiply_are_undone(
    inferencex: ModuleType, degrees: tuple[str, ...], expected: tuple[int, ...]
) -> None:
    names = ("tp_size", "attention_dp_size", "moe_tp_size", "moe_ep_size")
    cells = run(**dict(zip(names, degrees, strict=True)))
    assert inferencex.layout(cells) == expected


def test_settings_follow_the_launch_script_of_the_day(inferencex: ModuleType) -> None:
    few = inferencex.settings(run(silicon_data_source=run()["silicon_data_source"].replace(
        "concurrency=16", "concurrency=8")))  # fmt: skip
    many = inferencex.settings(run())
    assert (few["poll_steps"], many["poll_steps"]) == ("10", "30")
    assert many["prefill_tokens"] == "32768"
    early = run(
        backend="trtllm", silicon_data_source="source_file=2025-11-02.csv; silicon_concurrency=64; "
        "measured=2025-11-02T00:00:00.000Z",
    )  # fmt: skip
    # One prompt of 1,024, 64 clients, 64 more, rounded up to 64.
    assert inferencex.settings(early)["prefill_tokens"] == "1152"


def test_a_run_of_equal_lengths_takes_the_engines_defaults(inferencex: ModuleType) -> None:
    cells = run(silicon_data_source="source_file=/data/h100/x.csv; silicon_concurrency=16")
    assert set(inferencex.settings(cells).values()) == {""}
    assert "equal lengths" in inferencex.row(cells, 1, "0")["note"]


def test_drafting_is_told_from_what_was_swept(inferencex: ModuleType) -> None:
    # Plain runs had 4 to 64 clients on that day, drafting ones up to 512.
    told = run()["silicon_data_source"]
    wide = run(silicon_data_source=told.replace("concurrency=16", "concurrency=256"))
    assert inferencex.drafted([wide]) == ["2"]
    assert inferencex.drafted([run()]) == ["?"]
    dense = run(model_path="meta-llama/Llama-3.1-70B", backend="vllm")
    assert inferencex.drafted([dense]) == ["0"]


def test_no_run_of_an_h200_is_in_the_table_that_constants_are_fitted_on() -> None:
    with (ROOT / "benchmarks/data/inferencex.csv").open(newline="", encoding="utf-8") as stream:
        rows = list(csv.DictReader(stream))
    assert len(rows) > 2000
    assert {row["chip"] for row in rows} == {"H100 SXM", "B200 SXM", "B300 SXM"}


def test_what_a_run_does_not_tell_keeps_it_out_of_fits(inferencex: ModuleType) -> None:
    plain = inferencex.row(run(), 1, "0")
    assert plain["complete"] == "yes"
    source = run()["silicon_data_source"] + "; dynamo_version=0.9.0"
    routed = inferencex.row(run(silicon_data_source=source), 2, "0")
    assert routed["complete"] == "no"
    assert "behind a router" in routed["note"]
    # Ten requests for each slot, all sent at once: 4.5 answers of 922 tokens pass in the mean.
    waiting = run(silicon_ttft_ms=str(4.5 * 922 * 10), silicon_tpot_ms="10")
    together = inferencex.row(waiting, 3, "0")
    assert together["complete"] == "no"
    assert "sent together" in together["note"]


def test_graphs_of_gpt_oss_are_captured_further(inferencex: ModuleType) -> None:
    cells = run(model_path="openai/gpt-oss-120b", backend="vllm", precision="fp4",
                system="h100_sxm")  # fmt: skip
    assert inferencex.settings(cells)["captured_tokens"] == "2048"
    assert inferencex.settings(run())["captured_tokens"] == ""
