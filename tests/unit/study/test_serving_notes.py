"""What an answer on serving has to say beside its numbers."""

import re
from typing import Any

import pytest

from tonnage import predict_serving, serving_front, size_serving
from tonnage.errors import InputError


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
    ],
)
def test_a_wrong_type_is_told_by_field(given: dict[str, Any], says: str) -> None:
    usual = {"model": "llama-3.1-8b", "chip": "H20", "chips": 2, "input": 512, "output": 64}
    with pytest.raises(InputError, match=re.escape(says)):
        predict_serving(**(usual | given))


def test_an_argument_that_there_is_not_is_told() -> None:
    asked: dict[str, Any] = {"input": 512, "output": 64, "tpot": 5}
    with pytest.raises(InputError, match="tpot = 5"):
        size_serving("llama-3.1-8b", "H20", request_rate=3.0, **asked)
    with pytest.raises(InputError, match="tpot = 5"):
        serving_front("llama-3.1-8b", "H20", 2, **asked)
