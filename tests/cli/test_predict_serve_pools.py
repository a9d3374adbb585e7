"""`predict serve --disaggregate` under traces, bursts and what they may not be combined with."""

import json
from pathlib import Path
from typing import Any

import pytest

from tonnage.cli import run

POOLS = ["--model", "llama-2-7b", "--chip", "L20", "--chips", "4", "--disaggregate"]
LENGTHS = ["--input", "512", "--output", "128"]


def ask(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, dict[str, Any]]:
    code = run(["predict", "serve", *arguments, "--json"])
    return code, json.loads(capsys.readouterr().out)


def trace_of(folder: Path, rows: list[tuple[float, int, int]]) -> str:
    path = folder / "trace.csv"
    lines = ["arrival_s,input_tokens,output_tokens"]
    path.write_text("\n".join([*lines, *(f"{a},{b},{c}" for a, b, c in rows)]) + "\n")
    return str(path)


def test_a_trace_is_played_by_both_pools(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    path = trace_of(tmp_path, [(0.5 * k, 400 + k % 200, 100 + k % 50) for k in range(600)])
    code, found = ask(capsys, *POOLS, "--trace", path)
    assert code == 0
    assert (found["fits"], found["method"]) == (True, "event simulation")
    assert found["requests_per_s"]["p50"] == pytest.approx(2.0, rel=0.01)
    assert set(found["percentiles"]) == {"ttft_ms", "tpot_ms", "e2e_ms"}
    _, part = ask(capsys, *POOLS, "--trace", path, "--requests", "100")
    assert any("the first 100 of the 600 requests" in note for note in part["notes"])
    assert run(["predict", "serve", *POOLS, "--trace", path]) == 0
    assert "playing every rank of each pool" in capsys.readouterr().out


def test_a_trace_that_outruns_the_pools_is_a_no(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    path = trace_of(tmp_path, [(0.01 * k, 2000, 200) for k in range(2000)])
    code, found = ask(capsys, *POOLS, "--trace", path)
    assert (code, found["fits"]) == (1, False)
    assert "times the time in which its requests come" in found["reason"]
    assert found["ttft_ms"] is None
    assert 0 < found["requests_per_s"]["p50"] < 100


def test_a_request_that_fits_into_neither_pool_is_named_by_its_line(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    rows = [(float(k), 400, 100) for k in range(30)]
    rows[7] = (7.0, 400_000, 100)
    code, found = ask(capsys, *POOLS, "--trace", trace_of(tmp_path, rows))
    assert (code, found["fits"]) == (1, False)
    assert found["reason"].startswith("line 9 of the trace")
    assert "pool" in found["reason"]


def test_limits_hold_for_a_trace_of_pools(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    path = trace_of(tmp_path, [(0.0, 512, 64)] * 200)
    code, found = ask(capsys, *POOLS, "--trace", path, "--ttft-ms", "200")
    assert (code, found["fits"]) == (1, False)
    assert "first token" in found["reason"]
    assert ask(capsys, *POOLS, "--trace", path, "--ttft-ms", "60000")[0] == 0


def test_bursts_are_played_by_both_pools(capsys: pytest.CaptureFixture[str]) -> None:
    asked = [*POOLS, *LENGTHS, "--request-rate", "4"]
    tails = [
        ask(capsys, *asked, "--burstiness", burst)[1]["percentiles"]["ttft_ms"]["p99"]["p50"]
        for burst in ("0.2", "1", "10")
    ]
    assert tails[0] < tails[1] < tails[2]


def test_more_requests_played_move_the_means_little(capsys: pytest.CaptureFixture[str]) -> None:
    asked = [*POOLS, *LENGTHS, "--request-rate", "4"]
    _, few = ask(capsys, *asked, "--requests", "2000")
    _, many = ask(capsys, *asked, "--requests", "40000")
    for name in ("ttft_ms", "tpot_ms", "e2e_ms"):
        assert few[name]["p50"] == pytest.approx(many[name]["p50"], rel=0.05)
    assert few["notes"] == many["notes"]


def test_the_low_end_of_a_rate_is_below_it_only_where_slower_pools_fall_behind(
    capsys: pytest.CaptureFixture[str],
) -> None:
    _, most = ask(capsys, *POOLS, *LENGTHS)
    limit = most["requests_per_s"]["p50"]
    _, calm = ask(capsys, *POOLS, *LENGTHS, "--request-rate", str(limit * 0.2))
    assert calm["requests_per_s"]["p10"] == calm["requests_per_s"]["p90"]
    _, busy = ask(capsys, *POOLS, *LENGTHS, "--request-rate", str(limit * 0.95))
    assert busy["requests_per_s"]["p10"] < busy["requests_per_s"]["p50"]


@pytest.mark.parametrize(
    ("extra", "field"),
    [
        (["--burstiness", "3"], "request-rate"),
        (["--simulate"], "simulate"),
        (["--burstiness", "3", "--concurrency", "8"], "request-rate"),
    ],
)
def test_what_pools_are_not_played_under(
    capsys: pytest.CaptureFixture[str], extra: list[str], field: str
) -> None:
    assert run(["predict", "serve", *POOLS, *LENGTHS, *extra]) == 2
    assert field in capsys.readouterr().err


@pytest.mark.parametrize(("named", "absent"), [("prefill", "decode"), ("decode", "prefill")])
def test_one_pool_without_a_chip_is_told(
    capsys: pytest.CaptureFixture[str], named: str, absent: str
) -> None:
    asked = ["--model", "llama-2-7b", f"--{named}-chip", "L20", "--chips", "4", *LENGTHS]
    assert run(["predict", "serve", *asked]) == 2
    assert f"{absent}-chip: the other pool's chip" in capsys.readouterr().err


def test_answers_of_one_token_leave_nothing_to_decode(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    path = trace_of(tmp_path, [(float(k), 400, 1) for k in range(20)])
    assert run(["predict", "serve", *POOLS, "--trace", path]) == 2
    assert "trace = 'answers of 1 tokens': 2 or more" in capsys.readouterr().err


@pytest.mark.parametrize("clients", [1, 24, 60])
def test_clients_of_pools_are_played(capsys: pytest.CaptureFixture[str], clients: int) -> None:
    asked = [*POOLS, *LENGTHS, "--concurrency", str(clients)]
    _, found = ask(capsys, *asked)
    assert found["method"] == "event simulation"
    assert set(found["percentiles"]) == {"ttft_ms", "tpot_ms", "e2e_ms"}
    rate, stay = found["requests_per_s"]["p50"], found["e2e_ms"]["p50"] / 1000
    assert rate * stay == pytest.approx(clients)
    for tail in found["percentiles"].values():
        assert tail["p50"]["p50"] <= tail["p90"]["p50"] <= tail["p99"]["p50"]
    assert run(["predict", "serve", *asked, "--simulate"]) == 0
    assert "playing every rank of each pool" in capsys.readouterr().out


@pytest.mark.parametrize("limit", [[], ["--tpot-ms", "60"]])
def test_clients_that_queue_wait_for_all_the_others(
    capsys: pytest.CaptureFixture[str], limit: list[str]
) -> None:
    rates = []
    for clients in (100, 1000, 100_000):
        asked = [*POOLS, *LENGTHS, "--concurrency", str(clients), *limit]
        _, found = ask(capsys, *asked)
        rate, stay = found["requests_per_s"]["p50"], found["e2e_ms"]["p50"] / 1000
        assert rate * stay == pytest.approx(clients, rel=0.02)
        alone = min(found[half]["requests_per_s"] for half in ("prefill", "decode"))
        assert rate <= alone * (1 + 1e-9)
        tail = found["percentiles"]["ttft_ms"]
        assert tail["p99"]["p50"] <= 1.1 * clients / rate * 1000
        rates.append(rate)
    assert rates == pytest.approx(sorted(rates), rel=0.005)


def test_a_limit_within_which_a_rate_lies_changes_no_latency(
    capsys: pytest.CaptureFixture[str],
) -> None:
    asked = ["--model", "qwen3-32b", "--chip", "H200", "--chips", "4", "--disaggregate",
             "--weights", "fp8", "--framework", "sglang", "--input", "100", "--output",
             "128", "--request-rate", "60"]  # fmt: skip
    _, free = ask(capsys, *asked)
    _, held = ask(capsys, *asked, "--tpot-ms", "10.5")
    assert held["tpot_ms"]["p50"] == pytest.approx(free["tpot_ms"]["p50"], rel=0.01)
    assert held["fits"] is True


def test_a_limit_on_the_first_token_holds_no_client_back(
    capsys: pytest.CaptureFixture[str],
) -> None:
    for limit in ("200", "700", "60000"):
        _, found = ask(capsys, *POOLS, *LENGTHS, "--concurrency", "40", "--ttft-ms", limit)
        rate, stay = found["requests_per_s"]["p50"], found["e2e_ms"]["p50"] / 1000
        assert rate * stay == pytest.approx(40, rel=0.01)
        alone = min(found[half]["requests_per_s"] for half in ("prefill", "decode"))
        assert rate <= alone * (1 + 1e-9)
        assert found["fits"] is (found["ttft_ms"]["p50"] <= float(limit))
