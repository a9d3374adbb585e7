"""The format that makers publish a model's weights in, where it is not 16 bits."""

from __future__ import annotations

from tonnage.workload import Model

_FORMATS = (
    ("deepseek-v3", "fp8"), ("deepseek-r1", "fp8"), ("gpt-oss", "mxfp4"), ("minimax-m2", "fp8"),
    ("kimi-k2", "fp8"), ("mimo-v2", "fp8"),
)  # fmt: skip
"""Start of a model's id → format; the `config.json` of each names it as quantization."""


def published_in(model: Model) -> str:
    """Return the format of a model's published weights: fp8, mxfp4, else bf16.

    Examples
    --------
    >>> from tonnage.workload import find_model
    >>> published_in(find_model("gpt-oss-120b"))
    'mxfp4'
    """
    return next((stored for start, stored in _FORMATS if model.id.startswith(start)), "bf16")
