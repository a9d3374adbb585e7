"""What is to be computed: a model to train, or a model to serve under a load."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from math import isfinite

from tonnage.errors import Fault, InputError
from tonnage.workload.model import Model

PRECISIONS = ("fp32", "tf32", "fp16", "bf16", "fp8", "mxfp8", "nvfp4", "mxfp4", "int8", "int4")
"""Number formats by the names used in every command."""
BITS = {
    "fp32": 32.0, "tf32": 32.0, "fp16": 16.0, "bf16": 16.0, "fp8": 8.0, "mxfp8": 8.25,
    "int8": 8.0, "nvfp4": 4.5, "mxfp4": 4.25, "int4": 4.25, "q4_k_m": 4.85,
}  # fmt: skip
"""Stored bits a number, block scales included.

MXFP8 and MXFP4: one 8-bit scale for 32 numbers (OCP Microscaling v1.0). NVFP4: one 8-bit scale for
16. INT4: one FP16 scale and zero for groups of 128 (GPTQ, AWQ). q4_k_m: llama.cpp's mean.
"""

TRAINING_PRECISIONS = ("fp32", "tf32", "fp16", "bf16", "fp8", "mxfp8", "nvfp4", "mxfp4")
"""Formats that training frameworks compute in; integers serve for inference only."""
MOST_SEQ = 100_000_000
MOST_BATCH = 1_000_000_000
"""Tokens of a sequence and sequences of a step, far above any run: more is a slip of the pen."""


@dataclass(frozen=True, slots=True)
class TrainingJob:
    """One training step to be timed, and how many tokens there are to train on."""

    model: Model
    seq_len: int
    global_batch: int
    """Sequences in one step, over all chips."""
    precision: str = "bf16"
    """Format of the matrix products; FP8 and FP4 kinds keep master weights in FP32."""
    tokens: float | None = None
    """Tokens of the whole run, for days and chip-hours."""
    lora_rank: int | None = None
    """Rank of low-rank adapters on frozen weights; `None` trains every weight."""

    def __post_init__(self) -> None:
        faults = _positive(self, ("seq_len", "global_batch"))
        for name, most in (("seq_len", MOST_SEQ), ("global_batch", MOST_BATCH)):
            if getattr(self, name) > most:
                faults.append(Fault(name, getattr(self, name), f"a number up to {most:,}"))
        if self.precision not in TRAINING_PRECISIONS:
            mend = f"a format to train in: {', '.join(TRAINING_PRECISIONS)}"
            faults.append(Fault("precision", self.precision, mend))
        for name in ("tokens", "lora_rank"):
            value = getattr(self, name)
            if value is not None and not (isfinite(value) and value > 0):
                faults.append(Fault(name, value, "a number above 0"))
        if faults:
            raise InputError(faults)

    @property
    def tokens_per_step(self) -> int:
        """seq_len · global_batch."""
        return self.seq_len * self.global_batch


class Arrivals(StrEnum):
    """How requests come."""

    CLOSED = "closed"
    """`concurrency` clients, each sends its next request when the last one is answered."""
    OPEN = "open"
    """`request_rate` requests a second, whether or not the deployment keeps up."""
    STATIC = "static"
    """One batch of `concurrency` equal requests goes in and comes out together."""
    OFFLINE = "offline"
    """All requests wait in the queue; memory alone sets how many run at once."""


@dataclass(frozen=True, slots=True)
class Speculation:
    """Speculative decoding: drafted tokens a step, and the share of them that is accepted."""

    draft_tokens: int
    acceptance: float


@dataclass(frozen=True, slots=True)
class ServingJob:
    """A model to serve, the lengths and the load of its requests, and the limits on latency."""

    model: Model
    input_tokens: float
    output_tokens: float
    concurrency: float | None = None
    """Requests in flight in the whole deployment."""
    request_rate: float | None = None
    """Requests per second to the whole deployment."""
    arrivals: Arrivals = Arrivals.CLOSED
    requests: int | None = None
    """Requests of the whole run, where it is finite (all sent at once under OFFLINE)."""
    ttft_ms: float | None = None
    """Limit on the time to first token."""
    tpot_ms: float | None = None
    """Limit on the time per output token."""
    weights: str = "bf16"
    activations: str | None = None
    """Format of the matrix products' inputs; `None`: what the engine does with such weights."""
    kv: str = "bf16"
    prefix_hit_rate: float = 0.0
    """Share of the input tokens found in the prefix cache."""
    speculation: Speculation | None = None
    shortest_share: float = 1.0
    """Lengths are drawn evenly between this share of the nominal ones and all of them."""

    def __post_init__(self) -> None:
        faults = _positive(self, ("output_tokens",))
        if not (isfinite(self.input_tokens) and self.input_tokens >= 0):
            faults.append(Fault("input_tokens", self.input_tokens, "a number, 0 or more"))
        for name in ("concurrency", "request_rate", "requests", "ttft_ms", "tpot_ms"):
            value = getattr(self, name)
            if value is not None and not (isfinite(value) and value > 0):
                faults.append(Fault(name, value, "a number above 0"))
        if self.concurrency is not None and self.request_rate is not None:
            mend = "give concurrency or request_rate, not both"
            faults.append(Fault("request_rate", self.request_rate, mend))
        for name in ("weights", "kv", "activations"):
            if getattr(self, name) is not None:
                faults += _known_precision(name, getattr(self, name))
        if not 0.0 <= self.prefix_hit_rate < 1.0:
            faults.append(Fault("prefix_hit_rate", self.prefix_hit_rate, "a share in [0, 1)"))
        if not 0.0 < self.shortest_share <= 1.0:
            faults.append(Fault("shortest_share", self.shortest_share, "a share in (0, 1]"))
        if faults:
            raise InputError(faults)


def _positive(job: object, names: tuple[str, ...]) -> list[Fault]:
    faults = []
    for name in names:
        value = getattr(job, name)
        if not (isinstance(value, int | float) and isfinite(value) and value > 0):
            faults.append(Fault(name, value, "a number above 0"))
    return faults


def _known_precision(name: str, value: str) -> list[Fault]:
    if value in BITS:
        return []
    return [Fault(name, value, f"one of {', '.join(BITS)}")]


def bytes_per_element(precision: str) -> float:
    """Bits / 8 of a stored number, block scales included.

    Examples
    --------
    >>> bytes_per_element("bf16"), bytes_per_element("nvfp4")
    (2.0, 0.5625)
    """
    if precision not in BITS:
        raise InputError(_known_precision("precision", precision))
    return BITS[precision] / 8.0
