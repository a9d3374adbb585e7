"""`tonnage predict serve`: what it plays, what it refuses, and what it leaves untold."""

import json
import re
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from tonnage import predict_pools, predict_serving
from tonnage.cli import run
from tonnage.report.serving import speeds_table

SMALL = ["--model", "llama-3.1-8b", "--chip", "L20", "--chips", "1"]
PAIR = ["--model", "llama-3.1-8b", "--chip", "H20", "--chips", "2", "--input", "1024",
        "--output", "256"]  # fmt: skip


def ask(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, dict[str, Any]]:
    code = run(["predict", "serve", *arguments, "--json"])
    return code, json.loads(capsys.readouterr().out)


def trace_of(folder: Path, rows: list[tuple[float, int, int]]) -> str:
    path = folder / "trace.csv"
    lines = [f"{at},{prompt},{answer}" for at, prompt, answer in rows]
    path.write_text("\n".join(["arrival_s,input_tokens,output_tokens", *lines]))
    return str(path)


@pytest.mark.parametrize("limit", [["--ttft-ms", "300"], ["--tpot-ms", "20"]])
def test_a_free_load_is_the_largest_that_keeps_the_limits_when_played(
    limit: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    code, found = ask(capsys, *PAIR, "--simulate", "--requests", "2000", *limit)
    assert code == 0
    assert found["method"] == "event simulation"
    name, most = limit[0][2:].replace("-", "_"), float(limit[1])
    assert 0.75 * most < found[name]["p50"] <= most


def test_a_limit_below_one_client_alone_is_a_no(capsys: pytest.CaptureFixture[str]) -> None:
    code, found = ask(capsys, *PAIR, "--simulate", "--requests", "500", "--ttft-ms", "5")
    assert code == 1
    assert found["concurrency"] <= 2


def test_a_part_of_a_trace_is_told_and_its_rates_are_its_own(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    slow = [(float(i), 512, 64) for i in range(300)]
    fast = [(300.0 + i / 10.0, 512, 64) for i in range(300)]
    path = trace_of(tmp_path, slow + fast)
    _, whole = ask(capsys, *SMALL, "--trace", path)
    _, part = ask(capsys, *SMALL, "--trace", path, "--requests", "300")
    assert whole["requests_per_s"]["p50"] == pytest.approx(599 / 329.9, rel=0.04)
    assert part["requests_per_s"]["p50"] == pytest.approx(1.0, rel=0.01)
    assert part["tokens_per_s_output"]["p50"] == pytest.approx(64.0, rel=0.01)
    assert any("the first 300 of the 600 requests" in note for note in part["notes"])
    assert not any("requests of the trace" in note for note in whole["notes"])


def test_a_request_that_can_never_run_is_named_by_its_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    rows = [(float(i), 512, 64) for i in range(400)]
    code, found = ask(capsys, *SMALL, "--trace", trace_of(tmp_path, rows))
    assert (code, found["fits"]) == (0, True)
    rows[7] = (7.0, 2_000_000, 64)
    code, found = ask(capsys, *SMALL, "--trace", trace_of(tmp_path, rows))
    assert code == 1
    assert found["fits"] is False
    assert found["reason"].startswith("line 9 of the trace")
    assert any("line 9 of the trace: more tokens than the context" in n for n in found["notes"])


@pytest.mark.parametrize("count", [1, 40, 600])
@pytest.mark.parametrize("chips", ["1", "2"])
def test_requests_that_come_at_one_time_are_served_until_the_last_token(
    count: int, chips: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = trace_of(tmp_path, [(5.0, 512, 64 + k % 7) for k in range(count)])
    code, found = ask(capsys, *SMALL[:-1], chips, "--trace", path)
    assert (code, found["fits"]) == (0, True)
    rate, e2e = found["requests_per_s"], found["percentiles"]["e2e_ms"]["p99"]["p50"]
    assert rate["p50"] == pytest.approx(1e3 * count / e2e, rel=0.05)
    assert rate["p10"] < rate["p50"] < rate["p90"]
    mean = sum(64 + k % 7 for k in range(count)) / count
    assert found["tokens_per_s_output"]["p50"] == pytest.approx(mean * rate["p50"])
    text = run(["predict", "serve", *SMALL, "--trace", path])
    assert text == 0
    assert "without end" not in capsys.readouterr().out


@pytest.mark.parametrize("limit", [["--ttft-ms", "2000"], ["--tpot-ms", "100"]])
def test_limits_hold_for_a_burst(
    limit: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    some = trace_of(tmp_path, [(0.0, 512, 64)] * 10)
    assert ask(capsys, *SMALL, "--trace", some, *limit)[1]["fits"] is True
    many = trace_of(tmp_path, [(0.0, 4096, 64)] * 100)
    code, found = ask(capsys, *SMALL, "--trace", many, *limit)
    assert (code, found["fits"]) == (1, False)
    assert "limit" in found["reason"]
    assert found["ttft_ms"] is not None


@pytest.mark.parametrize(
    ("extra", "says"),
    [
        (["--input", "99"], "input = 99"),
        (["--output", "99"], "output = 99"),
        (["--shortest", "0.5"], "shortest = 0.5"),
        (["--burstiness", "3"], "burstiness = 3"),
        (["--request-rate", "3"], "request-rate = 3"),
    ],
)
def test_what_a_trace_says_is_not_said_twice(
    extra: list[str], says: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = trace_of(tmp_path, [(0.0, 10, 10), (1.0, 10, 10)])
    assert run(["predict", "serve", *SMALL, "--trace", path, *extra]) == 2
    assert says in capsys.readouterr().err


def test_a_chip_and_a_file_of_one_are_one_too_many(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["predict", "serve", *PAIR, "--chip-file", "examples/chip-file.yaml"]) == 2
    assert "one of --chip and --chip-file" in capsys.readouterr().err


@pytest.mark.parametrize("apart", [[], ["--disaggregate"]])
def test_an_endless_queue_has_no_latencies(
    apart: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    load = [*PAIR, "--request-rate", "500", "--requests", "2000", *apart]
    code, found = ask(capsys, *load)
    assert code == 1
    assert found["ttft_ms"] is found["tpot_ms"] is found["e2e_ms"] is found["percentiles"] is None
    assert 0 < found["requests_per_s"]["p50"] < 500
    assert run(["predict", "serve", *load]) == 1
    text = capsys.readouterr().out
    assert "time to first token" not in text
    assert "no latencies are told" in text


POOLS = ["--model", "deepseek-v3", "--prefill-chip", "H800", "--decode-chip", "H20",
         "--chips", "64", "--input", "4096", "--output", "1024", "--weights", "fp8"]  # fmt: skip


@pytest.mark.parametrize("load", [["--concurrency", "100"], ["--request-rate", "5"]])
def test_pools_under_a_looser_limit_serve_no_less(
    load: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    limits = [["--tpot-ms", t] for t in ("15", "20", "25", "40", "100")]
    found = [ask(capsys, *POOLS, *load, *limit)[1] for limit in [*limits, []]]
    rates = [one["requests_per_s"]["p50"] for one in found]
    assert all(b >= 0.999 * a for a, b in pairwise(rates))
    assert rates[-1] > 1.3 * rates[0]


def test_pools_count_idle_chips_and_serve_no_more_than_comes(
    capsys: pytest.CaptureFixture[str],
) -> None:
    load = ["--request-rate", "0.5", "--model", "llama-3.1-8b", "--input", "2048", "--output",
            "256", "--prefill-chips", "5", "--decode-chips", "3", "--chip", "H20"]  # fmt: skip
    code, found = ask(capsys, *load)
    assert code == 0
    assert found["chips"] == 8
    used = found["prefill"]["chips"] + found["decode"]["chips"]
    assert found["chips_used"] == used
    assert any("chips work" in note for note in found["notes"]) == (used < 8)
    each = found["tokens_per_s_output_per_chip"]["p50"]
    assert each == pytest.approx(found["tokens_per_s_output"]["p50"] / 8)
    assert found["requests_per_s"]["p90"] == pytest.approx(0.5)


def test_clients_that_queue_beyond_a_limit_are_a_no(capsys: pytest.CaptureFixture[str]) -> None:
    limits = ["--concurrency", "100", "--tpot-ms", "15", "--ttft-ms", "1000"]
    code, found = ask(capsys, *POOLS, *limits)
    assert code == 1
    assert "time to first token" in found["reason"]


def test_one_deployment_and_two_pools_are_told_in_the_same_rows() -> None:
    asked: dict[str, Any] = {"input": 512, "output": 64, "concurrency": 8}
    one = predict_serving("llama-3.1-8b", "H20", 2, **asked).estimate
    apart = predict_pools("llama-3.1-8b", "H20", "H20", 2, **asked).estimate
    grids = [speeds_table(found, "both", untold=("tpot_ms",)) for found in (one, apart)]
    rows = [[(name, unit) for name, unit in zip(*(list(grid.columns[k].cells) for k in (0, 4)),
                                                strict=True)] for grid in grids]  # fmt: skip
    assert rows[0] == rows[1]
    assert len(rows[0]) == 6
    assert "time per output token" not in dict(rows[0])
    assert [c.header for c in grids[0].columns] == [c.header for c in grids[1].columns]


def test_a_sizing_in_words_has_intervals(capsys: pytest.CaptureFixture[str]) -> None:
    load = ["--model", "llama-3.1-8b", "--chip", "H20", "--request-rate", "4"]
    asked = ["predict", "serve", *load, "--input", "512", "--output", "64"]
    assert run([*asked, "--json"]) == 0
    token = json.loads(capsys.readouterr().out)["deployment"]["tpot_ms"]
    assert run(asked) == 0
    text = " ".join(capsys.readouterr().out.split())
    assert f"({token['p10']:.4g} to {token['p90']:.4g})" in text
    assert "80 % intervals" in text


@pytest.mark.parametrize(
    ("asked", "says"),
    [
        (["--chips", "2", "--disaggregate", "--output", "64", "--request-rate", "2.9"],
         "1 sequence decodes at once"),
        (["--chips", "2", "--disaggregate", "--request-rate", "0.1"],
         "In the mean 0.1"),
        (["--chips", "1", "--concurrency", "4", "--max-sequences", "1"],
         "runs at most 1 request at once on a replica"),
        (["--chips", "1", "--tpot-ms", "5"], "with 1 request in flight"),
        (["--request-rate", "1"], "1 chip of H20 96GB SXM serves 1 request/s"),
    ],
)  # fmt: skip
def test_one_of_a_thing_is_told_as_one(
    asked: list[str], says: str, capsys: pytest.CaptureFixture[str]
) -> None:
    run(["predict", "serve", "--model", "llama-3.1-8b", "--chip", "H20", "--input", "64",
         "--output", "256", *asked])  # fmt: skip
    shown = " ".join(capsys.readouterr().out.split())
    assert says in shown
    assert not re.search(r"(?<![.,\d])1 (requests|sequences|chips|deployments)\b", shown)


def test_requests_that_nobody_played_are_told(capsys: pytest.CaptureFixture[str]) -> None:
    quiet = [*PAIR, "--concurrency", "4"]
    for count, shown in (("500", "500"), ("20000", "20,000")):
        _, found = ask(capsys, *quiet, "--requests", count)
        assert found["method"] == "closed form"
        told = [note for note in found["notes"] if "played" in note]
        assert len(told) == 1
        assert f"none of {shown} requests" in told[0]
        assert "--simulate" in told[0]
    for more in ([], ["--simulate"], ["--simulate", "--requests", "500"]):
        _, found = ask(capsys, *quiet, *more)
        assert not any("played" in note for note in found["notes"])
    _, apart = ask(capsys, *quiet, "--disaggregate", "--requests", "500")
    assert any("300 requests of the clients are played" in note for note in apart["notes"])
    _, apart = ask(capsys, *quiet, "--disaggregate")
    assert not any("played" in note for note in apart["notes"])


@pytest.mark.parametrize("form", [["--chips", "2", "--pareto"], ["--request-rate", "2"]])
def test_requests_mean_nothing_where_none_is_played(
    form: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    asked = ["--model", "llama-3.1-8b", "--chip", "H20", "--input", "64", "--output", "64"]
    assert run(["predict", "serve", *asked, *form, "--requests", "500"]) == 2
    captured = capsys.readouterr()
    assert "requests = 500: leave it out" in captured.err
    assert captured.out == ""
