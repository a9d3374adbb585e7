"""The load of a serving question, and all that is wrong with what was given."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from math import isfinite
from typing import Any

from tonnage.catalog import Chip
from tonnage.errors import Fault, InputError
from tonnage.perf import ServingLayout, Traffic
from tonnage.workload import Model, Speculation

MOST_TOKENS = 100_000_000
"""Tokens of a prompt or an answer above which it is a slip of the pen."""
MOST_REQUESTS = 1e9
MOST_DRAFTS = 32
SETTINGS = {"max_sequences": 1_000_000, "prefill_tokens": 10_000_000, "memory_fraction": 1}
"""Settings of a server that may be given → the largest value: requests at once on a replica, prompt
tokens of a step, share of the chip's memory."""
_LENGTHS = ("input", "output")
_LARGEST = 10**300
"""No float is far above: where a whole number has to be smaller to be computed with."""


@dataclass(frozen=True, slots=True)
class Load:
    """The load and its limits, by the names of the command's options."""

    input: float
    output: float
    concurrency: float | None = None
    request_rate: float | None = None
    ttft_ms: float | None = None
    tpot_ms: float | None = None
    weights: str = "bf16"
    kv: str | None = None
    prefix_hit_rate: float = 0.0
    speculation: Speculation | None = None
    shortest_share: float = 1.0
    settings: Mapping[str, float] | None = field(default_factory=dict)
    """Settings of the server in place of the engine's defaults, any of `SETTINGS`."""

    @property
    def server(self) -> Mapping[str, float]:
        """The settings; none where none are given."""
        return self.settings or {}


def load_of(arguments: Mapping[str, Any], **own: Any) -> Load:
    """Return the load of arguments by name.

    Raises
    ------
    InputError
        Naming every argument that there is not, and those that are needed.
    """
    given = dict(arguments) | own
    names = [f.name for f in fields(Load)]
    faults = [Fault(n, v, f"no argument; they are {', '.join(names)}")
              for n, v in given.items() if n not in names]  # fmt: skip
    faults += [Fault(n, None, "tokens, such as 1024") for n in _LENGTHS if n not in given]
    if faults:
        raise InputError(faults)
    return Load(**given)


def wrong_kinds(
    model: object,
    chips: tuple[object, ...],
    framework: object,
    layout: object,
    traffic: object,
    load: Load,
) -> list[Fault]:
    """Return what is of no kind that could be used, for callers whose types nothing checks."""
    faults: list[Fault] = []
    if not isinstance(model, str | Model):
        faults.append(Fault("model", model, "a name, a path to a config.json, or a Model"))
    names = ("chip",) if len(chips) == 1 else ("prefill_chip", "decode_chip")
    for name, chip in zip(names, chips, strict=True):
        if not isinstance(chip, str | Chip):
            faults.append(Fault(name, chip, "a name as in the catalog, or a Chip"))
    if not isinstance(framework, str | None):
        faults.append(Fault("framework", framework, "an engine by its name, such as vllm"))
    if not isinstance(layout, str | ServingLayout | None):
        faults.append(Fault("layout", layout, "text such as tp=8,dp=2, or a ServingLayout"))
    if not isinstance(traffic, Traffic | None):
        faults.append(Fault("traffic", traffic, "a Traffic, such as Traffic(simulate=True)"))
    return faults + _wrong_in_load(load)


def _wrong_in_load(load: Load) -> list[Fault]:
    formats: dict[str, object] = {"weights": load.weights, "kv": load.kv or "bf16"}
    faults = [Fault(name, value, "a format, such as bf16")
              for name, value in formats.items() if not isinstance(value, str)]  # fmt: skip
    settings: object = load.settings
    if settings is not None and not isinstance(settings, Mapping):
        mend = f"values by name, of {', '.join(SETTINGS)}, such as {{'max_sequences': 64}}"
        faults.append(Fault("settings", settings, mend))
        settings = {}
    drafts: object = load.speculation
    if not isinstance(drafts, Speculation | None):
        faults.append(Fault("speculation", drafts, "a Speculation, such as Speculation(3, 0.7)"))
    numbers: dict[str, object] = dict(settings or {})
    needed = (*_LENGTHS, "prefix_hit_rate", "shortest_share")
    for name in (*needed, "concurrency", "request_rate", "ttft_ms", "tpot_ms"):
        value = getattr(load, name)
        if value is not None or name in needed:
            numbers[name] = value
    for name, value in numbers.items():
        if not isinstance(value, int | float) or isinstance(value, bool):
            faults.append(Fault(name, value, "a number"))
        elif isinstance(value, int) and abs(value) > _LARGEST:
            faults.append(Fault(name, value, "a number with fewer digits"))
    return faults


def out_of_range(load: Load) -> list[Fault]:
    """Return the numbers of a load that cannot be meant."""
    faults = []
    for name in (*_LENGTHS, "concurrency", "request_rate"):
        most = MOST_TOKENS if name in _LENGTHS else MOST_REQUESTS
        value = getattr(load, name)
        if value is None:
            continue
        rate = name == "request_rate"
        if not (isfinite(value) and (value > 0 if rate else value >= 1) and value <= most):
            span = "above 0, up to" if rate else "from 1 to"
            faults.append(Fault(name, value, f"a number {span} {most:,.0f}"))
    for name, value in load.server.items():
        if name not in SETTINGS:
            faults.append(Fault(name, value, f"no setting; they are {', '.join(SETTINGS)}"))
            continue
        share = name == "memory_fraction"
        if not (0 < value <= SETTINGS[name] and (share or value == int(value))):
            span = "a share above 0, up to 1" if share else "a whole number from 1 to"
            faults.append(Fault(name, value, span if share else f"{span} {SETTINGS[name]:,}"))
    if load.weights == "tf32":
        mend = "a way to multiply; such weights are stored in fp32"
        faults.append(Fault("weights", "tf32", mend))
    return faults + _drafts(load.speculation)


def _drafts(asked: Speculation | None) -> list[Fault]:
    if asked is None:
        return []
    faults, drafts, share = [], asked.draft_tokens, asked.acceptance
    if not _within(drafts, int, 1, MOST_DRAFTS):
        mend = f"a whole number from 1 to {MOST_DRAFTS}"
        faults.append(Fault("speculation.draft_tokens", drafts, mend))
    if not _within(share, int | float, 0, 1) or share == 1:
        faults.append(Fault("speculation.acceptance", share, "a share in [0, 1)"))
    return faults


def _within(value: Any, kind: Any, least: float, most: float) -> bool:
    usable = isinstance(value, kind) and not isinstance(value, bool)
    return bool(usable and least <= value <= most)
