"""Rows that state a whole run, and columns of percentiles."""

from pathlib import Path

import pytest

from tonnage.errors import InputError
from tonnage.study.validation import Validation, validate

HEADER = (
    "id,chip,n_chips,model,software,weight_precision,tp,input_len,output_len,batch_or_concurrency,"
    "metric,value,ttft_p50_ms,ttft_p99_ms,tpot_p99_ms,num_prompts,request_rate_per_s,lengths,"
    "chunked_prefill,colour"
)
PLAIN = "H20,1,llama-3.1-8b,vllm,bf16,1,512,128"


def table(tmp_path: Path, *rows: str) -> str:
    path = tmp_path / "runs.csv"
    path.write_text("\n".join([HEADER, *rows]) + "\n")
    return str(path)


def one(tmp_path: Path, rest: str) -> Validation:
    return validate(table(tmp_path, f"r-1,{PLAIN},{rest}"))


def by_metric(found: Validation) -> dict[str, float]:
    items = (*found.predictions, *found.latencies)
    return {item.metric: item.predicted.p50 for item in items}


def test_a_run_is_played_and_its_percentiles_are_scored(tmp_path: Path) -> None:
    found = one(tmp_path, "8,tokens_per_s_total_output,900,40,90,12,80,,wide,,blue")
    told = by_metric(found)
    assert set(told) == {"tokens_per_s_total_output", "ttft_p50_ms", "ttft_p99_ms", "tpot_p99_ms"}
    assert told["ttft_p50_ms"] < told["ttft_p99_ms"]
    assert set(found.by_metric) == set(told)


def test_no_limit_to_the_rate_is_all_at_once(tmp_path: Path) -> None:
    endless = by_metric(one(tmp_path, ",ttft_p99_ms,900,,,,64,inf,,,"))
    blank = by_metric(one(tmp_path, ",ttft_p99_ms,900,,,,64,,,,"))
    spaced = by_metric(one(tmp_path, ",ttft_p99_ms,900,,,,64,1,,,"))
    assert endless == blank
    assert endless["ttft_p99_ms"] > 3 * spaced["ttft_p99_ms"]


def test_a_percentile_may_be_the_headline(tmp_path: Path) -> None:
    found = one(tmp_path, ",tpot_p99_ms,12,40,,,100,2,equal,yes,")
    assert found.predictions[0].metric == "tpot_p99_ms"
    assert [item.metric for item in found.latencies] == ["ttft_p50_ms"]


def test_prompts_that_take_steps_of_their_own_lengthen_the_tail(tmp_path: Path) -> None:
    tails = [
        by_metric(one(tmp_path, f",tpot_p99_ms,12,,,,300,8,wide,{word},"))["tpot_p99_ms"]
        for word in ("yes", "no")
    ]
    assert tails[1] > tails[0]


@pytest.mark.parametrize(
    ("rest", "why"),
    [
        (",tpot_p99_ms,12,,,,100,2,gaussian,,", "lengths 'gaussian' is not one of equal"),
        (",tpot_p99_ms,12,,,,100,2,,perhaps,", "chunked_prefill 'perhaps' is not yes or no"),
    ],
)
def test_words_that_are_not_known_skip_the_row(tmp_path: Path, rest: str, why: str) -> None:
    found = one(tmp_path, rest)
    assert not found.predictions
    assert why in found.skipped[0].why


@pytest.mark.parametrize(
    ("rest", "field"),
    [
        (",tpot_p99_ms,12,soon,,,100,2,,,", "ttft_p50_ms"),
        (",tpot_p99_ms,12,,,,100.5,2,,,", "num_prompts"),
        (",tpot_p99_ms,12,,,,100,-2,,,", "request_rate_per_s"),
        (",tpot_p99_ms,12,,,inf,100,2,,,", "tpot_p99_ms"),
    ],
)
def test_cells_that_are_no_numbers_are_named(tmp_path: Path, rest: str, field: str) -> None:
    with pytest.raises(InputError, match=field):
        one(tmp_path, rest)
