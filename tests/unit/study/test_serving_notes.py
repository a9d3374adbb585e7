"""What an answer on serving has to say beside its numbers."""

from typing import Any

from tonnage import predict_serving


def test_a_model_published_in_fewer_bits_is_told() -> None:
    asked: dict[str, Any] = {"input": 512, "output": 256, "concurrency": 8}
    plain = predict_serving("gpt-oss-120b", "H100", 8, **asked)
    assert any("published in mxfp4" in note for note in plain.notes)
    small = predict_serving("gpt-oss-120b", "H100", 8, weights="mxfp4", **asked)
    assert not any("published in" in note for note in small.notes)
    dense = predict_serving("llama-3.1-8b", "H100", 1, **asked)
    assert not any("published in" in note for note in dense.notes)
