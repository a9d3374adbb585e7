"""What an answer on serving has to say beside its numbers."""

import re
from typing import Any

import pytest

from tonnage import predict_pools, predict_serving, serving_front, size_serving
from tonnage.errors import InputError
from tonnage.perf import Traffic
from tonnage.workload import Speculation


def test_a_model_published_in_fewer_bits_is_told() -> None:
    asked: dict[str, Any] = {"input": 512, "output": 256, "concurrency": 8}
    plain = predict_serving("gpt-oss-120b", "H100", 8, **asked)
    assert any("published in mxfp4" in note for note in plain.notes)
    small = predict_serving("gpt-oss-120b", "H100", 8, weights="mxfp4", **asked)
    assert not any("published in" in note for note in small.notes)
    dense = predict_serving("llama-3.1-8b", "H100", 1, **asked)
    assert not any("published in" in note for note in dense.notes)


def test_an_engine_that_stands_in_is_told() -> None:
    asked: dict[str, Any] = {"input": 512, "output": 64, "concurrency": 4}
    early = predict_serving("llama-2-7b", "910B3", 1, as_of="2023-12-01", **asked)
    assert any("was not out on 2023-12-01" in note for note in early.notes)
    later = predict_serving("llama-2-7b", "910B3", 1, as_of="2025-12-01", **asked)
    assert not any("was not out" in note for note in later.notes)


@pytest.mark.parametrize(
    ("given", "says"),
    [
        ({"chips": "2"}, "chips = '2'"),
        ({"chips": 2.0}, "chips = 2.0"),
        ({"chips": True}, "chips = True"),
        ({"chips": None}, "chips: a whole number"),
        ({"input": "1024"}, "input = '1024'"),
        ({"output": None}, "output: a number"),
        ({"chip": None}, "chip: a name"),
        ({"model": 7}, "model = 7"),
        ({"layout": {"tp": 2}}, "layout = {'tp': 2}"),
        ({"settings": {"max_sequences": "8"}}, "max_sequences = '8'"),
        ({"settings": [1]}, "settings = [1]: values by name"),
        ({"settings": 0}, "settings = 0: values by name"),
        ({"traffic": "x"}, "traffic = 'x': a Traffic"),
        ({"framework": 3}, "framework = 3: an engine by its name"),
        ({"framework": ["vllm"]}, "framework = ['vllm']"),
        ({"speculation": 3}, "speculation = 3: a Speculation"),
        ({"speculation": Speculation(0, 0.5)}, "speculation.draft_tokens = 0"),
        ({"speculation": Speculation(2, 1.5)}, "speculation.acceptance = 1.5"),
        ({"concurrency": 10**400}, "concurrency = 1"),
    ],
)
def test_a_wrong_type_is_told_by_field(given: dict[str, Any], says: str) -> None:
    usual = {"model": "llama-3.1-8b", "chip": "H20", "chips": 2, "input": 512, "output": 64}
    with pytest.raises(InputError, match=re.escape(says)):
        predict_serving(**(usual | given))


@pytest.mark.parametrize(
    ("given", "says"),
    [
        ({"chips": (2,)}, "chips = (2,): a whole number from 1 to 10,000,000, or a pair"),
        ({"chips": (2, 2, 2)}, "chips = (2, 2, 2): a whole number"),
        ({"chips": [2, 2]}, "chips = [2, 2]: a whole number"),
        ({"chips": (2, "x")}, "decode_chips = 'x'"),
        ({"decode_chip": 7}, "decode_chip = 7: a name"),
        ({"settings": [1]}, "settings = [1]"),
        ({"framework": 3}, "framework = 3"),
        ({"speculation": 3}, "speculation = 3"),
    ],
)
def test_a_wrong_type_of_pools_is_told_by_field(given: dict[str, Any], says: str) -> None:
    usual = {"model": "llama-3.1-8b", "prefill_chip": "H20", "decode_chip": "H20", "chips": 4}
    with pytest.raises(InputError, match=re.escape(says)):
        predict_pools(**(usual | {"input": 512, "output": 64} | given))


def test_wrong_types_are_told_together() -> None:
    wrong: dict[str, Any] = {"framework": 3, "traffic": "x", "settings": [1], "speculation": 3}
    with pytest.raises(InputError) as error:
        predict_serving("llama-3.1-8b", "H20", 2, input=512, output=64, **wrong)
    assert {fault.field for fault in error.value.faults} == set(wrong)


def test_a_fault_shows_what_was_given() -> None:
    both: dict[str, Any] = {"concurrency": 4, "request_rate": -1, "input": 512, "output": 64}
    with pytest.raises(InputError) as error:
        predict_serving("llama-3.1-8b", "H20", 2, **both)
    assert {fault.value for fault in error.value.faults} == {-1}
    with pytest.raises(InputError) as error:
        predict_serving("llama-3.1-8b", "H20", 2, input=float("nan"), output=64)
    assert len(error.value.faults) == 1


def test_no_settings_are_none() -> None:
    asked: dict[str, Any] = {"input": 512, "output": 64, "request_rate": 1.0, "settings": None}
    assert size_serving("llama-3.1-8b", "H20", **asked).sizing.chips == 1


def test_pools_of_engines_that_nobody_has_joined_are_told() -> None:
    asked: dict[str, Any] = {"input": 1024, "output": 128, "weights": "int8"}
    two = predict_pools("llama-3.1-8b", "H20", "910B3", 8, **asked)
    assert any("vLLM 0.14 and later to MindIE" in note for note in two.notes)
    back = predict_pools("llama-3.1-8b", "910B3", "H20", 8, **asked)
    assert any("MindIE to vLLM 0.14 and later" in note for note in back.notes)
    for pair in (("H20", "H20"), ("H20", "H800"), ("910B3", "910B3")):
        one = predict_pools("llama-3.1-8b", *pair, 8, **asked)
        assert not any("lays out its cache" in note for note in one.notes)


def test_requests_asked_for_and_not_played_are_told() -> None:
    asked: dict[str, Any] = {"input": 512, "output": 64, "concurrency": 4}
    few = predict_serving("llama-3.1-8b", "H20", 1, traffic=Traffic(requests=500), **asked)
    assert any("none of 500 requests" in note for note in few.notes)
    usual = predict_serving("llama-3.1-8b", "H20", 1, traffic=Traffic(), **asked)
    assert not any("played" in note for note in usual.notes)


def test_an_argument_that_there_is_not_is_told() -> None:
    asked: dict[str, Any] = {"input": 512, "output": 64, "tpot": 5}
    with pytest.raises(InputError, match="tpot = 5"):
        size_serving("llama-3.1-8b", "H20", request_rate=3.0, **asked)
    with pytest.raises(InputError, match="tpot = 5"):
        serving_front("llama-3.1-8b", "H20", 2, **asked)


@pytest.mark.parametrize(
    ("field", "value"),
    [("burstiness", "x"), ("requests", "x"), ("arrival_s", 5), ("arrival_s", "1 2"),
     ("input_tokens", [1, "a"])],
)  # fmt: skip
def test_traffic_of_wrong_types_is_told_by_field(field: str, value: object) -> None:
    with pytest.raises(InputError, match=field):
        Traffic(**{field: value})  # type: ignore[arg-type]


def test_a_short_trace_beyond_a_limit_is_not_told_as_swamped() -> None:
    at = [0.5 * k for k in range(10)]
    found = predict_serving("llama-3.1-8b", "H20", 1, input=512, output=2000, request_rate=2.0,
                            tpot_ms=1.0, traffic=Traffic(arrival_s=at))  # fmt: skip
    assert not found.estimate.fits
    assert "time per output token" in found.estimate.reason
    assert found.estimate.requests_per_s.p50 < 1.0
    assert not found.swamped


@pytest.mark.parametrize(
    ("given", "field"),
    [
        ({"arrival_s": []}, "arrival_s"),
        ({"arrival_s": [0.0, float("nan")]}, "arrival_s"),
        ({"arrival_s": [0.0, -1.0]}, "arrival_s"),
        ({"input_tokens": [10.0]}, "arrival_s"),
        ({"arrival_s": [0.0, 1.0], "output_tokens": [10.0]}, "output_tokens"),
        ({"arrival_s": [0.0, 1.0], "input_tokens": [10.0, 0.0]}, "input_tokens"),
        ({"requests": 10.5}, "requests"),
    ],
)
def test_a_trace_that_cannot_be_is_told_by_field(given: dict[str, Any], field: str) -> None:
    with pytest.raises(InputError, match=field):
        Traffic(**given)


def test_weights_too_large_for_a_tiny_question_are_a_no() -> None:
    for model, chip, chips, rate in (("llama-3.1-405b", "L20", 8, 60.0),
                                     ("qwen3-32b", "nv-t4", 4, 500.0)):  # fmt: skip
        found = predict_serving(model, chip, chips, input=1, output=1, request_rate=rate,
                                weights="bf16")  # fmt: skip
        assert not found.estimate.runs
        assert "does not fit" in found.estimate.reason


def test_prompts_are_what_runs_where_answers_are_one_token() -> None:
    for traffic in (None, Traffic(simulate=True, requests=500)):
        found = predict_serving("llama-3.1-8b", "L20", 2, input=512, output=1, request_rate=4.0,
                                traffic=traffic).estimate  # fmt: skip
        assert 0.0 < found.running <= 4.0 * found.ttft_ms.p50 / 1000.0


def test_pools_tell_their_speeds_as_columns() -> None:
    found = predict_pools("llama-3.1-8b", "H100", "H20", 4, input=512, output=64)
    frame = found.to_frame()
    assert frame["prefill_chip"] == ["nv-h100-sxm"]
    assert frame["ttft_ms_p50"] == [found.estimate.ttft_ms.p50]


def test_pools_hold_the_caches_of_what_runs() -> None:
    asked: dict[str, Any] = {"input": 1024, "output": 256, "weights": "fp8"}
    calm = predict_pools("llama-3.1-8b", "H100", "H20", (2, 2), request_rate=1.0, **asked).estimate
    full = predict_pools("llama-3.1-8b", "H100", "H20", (2, 2), **asked).estimate
    assert calm.memory_gb_per_chip.kv_cache < 0.2 * full.memory_gb_per_chip.kv_cache


def test_attention_in_16_bits_is_told() -> None:
    found = predict_serving("gpt-oss-120b", "H100", 2, input=512, output=64, weights="mxfp4",
                            concurrency=4)  # fmt: skip
    assert any("but those of attention, in 16" in note for note in found.notes)


def test_a_trace_says_rate_and_lengths_by_itself() -> None:
    trace = Traffic(arrival_s=[0.25 * k for k in range(200)], input_tokens=[700.0] * 200,
                    output_tokens=[90.0] * 200)  # fmt: skip
    alone = predict_serving("llama-3.1-8b", "H20", 1, input=1, output=1, traffic=trace)
    told = predict_serving("llama-3.1-8b", "H20", 1, input=700, output=90, request_rate=4.0,
                           traffic=trace)  # fmt: skip
    assert (alone.job.input_tokens, alone.job.output_tokens) == (700.0, 90.0)
    assert alone.estimate == told.estimate
    with pytest.raises(InputError, match="the trace says 4"):
        predict_serving("llama-3.1-8b", "H20", 1, input=700, output=90, request_rate=9.0,
                        traffic=trace)  # fmt: skip
    pools = predict_pools("llama-3.1-8b", "H20", "H20", 2, input=1, output=1, traffic=trace)
    assert pools.estimate.requests_per_s.p50 == pytest.approx(4.0)


def test_a_pool_has_room_for_the_longest_request_of_a_trace() -> None:
    count = 300
    lengths = [2048.0] * (count - 1) + [250_000.0]
    trace = Traffic(arrival_s=[float(k) for k in range(count)], input_tokens=lengths,
                    output_tokens=[64.0] * count)  # fmt: skip
    found = predict_pools("qwen3-32b", "H20", "H20", 8, input=1, output=2, weights="bf16",
                          traffic=trace)  # fmt: skip
    assert found.estimate.prefill.layout.chips > 1
    assert "can never run" not in found.estimate.reason
