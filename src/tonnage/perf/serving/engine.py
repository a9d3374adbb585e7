"""How a serving engine spends time and memory: overheads, kernels, cache, scheduler.

One entry is an engine in a class of its versions, never one run. Each constant stands in
`data/engines/*.yaml` with its doubt and source.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields, replace
from functools import lru_cache
from importlib.resources import files as package_files
from typing import Any

from tonnage.errors import DataError, UnknownName
from tonnage.files import parse_yaml
from tonnage.perf.serving.arrays import Number


@dataclass(frozen=True, slots=True, eq=False)
class Engine:
    """Constants of one engine (scalars), or of many cases' engines (arrays)."""

    id: str
    name: str
    step_s: Number
    """Host time of a step: scheduler, sampling, what the device waits for."""
    layer_s: Number
    """Per layer and step: small kernels (norms, rotary, quantization) and gaps between them."""
    sequence_s: Number
    """Per running sequence and step."""
    stream_s: Number
    """Per running sequence and step where answers are streamed to clients as they grow."""
    request_s: Number
    """Per request before its first token: interface, tokenizer, first scheduling."""
    collective_s: Number
    """Added to the latency of every collective: ranks wait for each other."""
    gemm_ratio: Number
    """Efficiency of large products over the family's best kernel."""
    memory_ratio: Number
    """Bandwidth of small products over the family's best kernel."""
    attention_ratio: Number
    """Efficiency of prefill attention over the family's best kernel."""
    decode_ratio: Number
    """Bandwidth of decode attention over the family's best kernel."""
    sharing: Number
    """Cache reads grow with (query heads / key-value heads) to this power: 0 where one read serves
    all query heads, 1 where each head reads for itself."""
    core_read_gbs: Number
    """Most GB/s at which one core of the chip reads weights that few rows share: kernels with few
    loads in flight leave fast memory idle."""
    weight_copies: Number
    """1 where a prompt step first unpacks 4-bit weights into 16-bit copies in memory."""
    small_traffic: Number
    """Memory traffic of small kernels in a prompt step over that of fused ones in 16 bits."""
    moe_ratio: Number
    """Efficiency of grouped expert products over plain ones."""
    moe_memory_ratio: Number
    """Bandwidth of grouped expert products over plain ones."""
    int4_ratio: Number
    """Bandwidth of products that unpack 4-bit weights into 16 bits, over plain ones, on chips whose
    cores are not multiprocessors."""
    unpack_core_gbs: Number
    """Most GB/s of such weights that one multiprocessor reads and unpacks."""
    prompt_layer_s: Number
    """Per layer of a step with prompts, beside the device's work: such steps run outside the
    captured graph, launched from the host."""
    captured_ratio: Number
    """What of it is left of a step that runs from captured pieces, attention aside."""
    captured_tokens: Number
    """Most tokens of a step with prompts that runs so; 0 where all are launched one by one."""
    prefill_s_per_token: Number
    """Per prompt token before the engine sees the prompt: tokenizer, transport."""
    pipeline_loss: Number
    """Slowing of a step per pipeline stage after the first: stages wait for uneven batches."""
    preemption: Number
    """Work repeated after preemption, per unit of memory asked beyond what there is."""
    memory_fraction: Number
    """Share of device memory that the engine takes; `memory_of` says of what."""
    memory_of: Number
    """What `memory_fraction` is a share of. 0: all memory, for weights, activations and cache alike
    (vLLM). 1: what weights and activations leave free, for the cache (TensorRT-LLM, LMDeploy). 2:
    all memory, for weights and cache, activations aside (SGLang)."""
    reserve_gib: Number
    """Memory that is neither weights nor cache: contexts, graphs, workspaces."""
    block_tokens: Number
    """Tokens in one cache block; half a block is lost per sequence."""
    prefill_tokens: Number
    """Most prompt tokens in one step."""
    max_sequences: Number
    """Most sequences that run at once."""
    reserved_output: Number
    """Share of a sequence's output whose cache is set aside on average while it runs."""
    admitted_output: Number
    """Share of the tokens still to come, of running sequences and a new one, whose cache must be
    free when a prompt is admitted: 0 where prompts alone count, 1 where nothing is evicted."""
    keeps_freed: Number
    """1 where a cache that was given up is found again as far as nothing was written over it."""
    kv_follows: Number
    """Cache in FP8 where nothing is said and weights are 8 or 4 bits: 2 always, 1 on chips with
    4-bit units, 0 never."""
    half_sums: Number
    """1 where 16-bit products are summed in 16 bits, which consumer cards do at twice the rate."""
    poll_steps: Number
    """Decoding steps between two looks at the queue of arrived requests."""
    mixed: Number
    """1 where prompts ride along with decoding, 0 where they take steps of their own."""
    overlap: Number
    """1 where two half-batches hide expert communication behind computation."""
    sigma: Number
    """Deviation of the log of measured over predicted on the fitting rows of dense models."""
    expert_sigma: Number
    """The same of models with experts."""
    anchors: Number
    """Measured runs the constants were fitted on."""
    expert_anchors: Number
    """Those of them that ran a model with experts."""
    chips: Mapping[str, float] = field(default_factory=dict)
    """Those of them by chip id."""
    expert_chips: Mapping[str, float] = field(default_factory=dict)
    """Those of them that ran a model with experts, by chip id."""
    models: Mapping[str, float] = field(default_factory=dict)
    """Those of them by model id."""
    formats: Mapping[str, float] = field(default_factory=dict)
    """Those of them by format of the weights; 16-bit ones together."""
    makers: Mapping[str, float] = field(default_factory=dict)
    """Those of them by maker of the chip."""
    small_cards: Mapping[str, Any] = field(default_factory=dict)
    """Server settings on cards of less memory than `below_gib`, or with `named` in their name."""
    given: frozenset[str] = frozenset()
    """Settings that a user or a table gave: no card's default replaces them."""

    def with_settings(self, settings: Mapping[str, float]) -> Engine:
        """Return the engine with settings that its server was given."""
        values: dict[str, Any] = dict(settings)
        return replace(self, **values, given=self.given | set(values)) if values else self

    def on_card(self, name: str, memory_gib: float) -> Engine:
        """Return the engine with the settings that its server takes by itself on a card."""
        card = dict(self.small_cards)
        limit, word, _ = (card.pop(key, none) for key, none in _CARDS.items())
        small = memory_gib < limit or (word and word in name.lower())
        values: dict[str, Any] = {k: float(v) for k, v in card.items() if k not in self.given}
        return replace(self, **values) if small and values else self

    families: Mapping[str, Mapping[str, float]] = field(default_factory=dict)
    """Constants whose kernels differ by family of chips → value on that family."""

    def on(self, family: str) -> Engine:
        """Return the engine with the constants of its kernels for a family of chips."""
        own: Mapping[str, Any] = self.families.get(family) or {}
        return replace(self, **own) if own else self


_OTHER = (
    "id",
    "name",
    "chips",
    "expert_chips",
    "models",
    "formats",
    "makers",
    "small_cards",
    "given",
    "families",
)
_CARDS: Mapping[str, Any] = {"below_gib": 0.0, "named": "", "source": ""}
"""Which cards count as small, and where that is written."""
CONSTANTS = tuple(f.name for f in fields(Engine) if f.name not in _OTHER)


@dataclass(frozen=True, slots=True)
class EngineEntry:
    """An engine and how it is recognized in a table or on the command line."""

    engine: Engine
    pattern: str
    """Regular expression on the software's name."""
    before: tuple[int, ...]
    """First version that is no longer of this class; empty for the newest class."""
    until_year: int
    """Last year of the class, for rows that do not name a version."""
    vendors: tuple[str, ...]
    """Makers for whose chips it is the default."""
    only: tuple[str, ...]
    """Makers for whose chips alone the class holds; empty for any."""
    sources: Mapping[str, str]


@lru_cache(maxsize=1)
def engine_entries() -> Mapping[str, EngineEntry]:
    """Return every engine class by id, older classes of one engine first.

    Raises
    ------
    DataError
        If a file lacks a constant or a source.
    """
    folder = package_files("tonnage.data") / "engines"
    found: dict[str, EngineEntry] = {}
    for item in sorted(folder.iterdir(), key=lambda entry: entry.name):
        if item.name.endswith(".yaml"):
            data = parse_yaml(item.read_text(encoding="utf-8"), item.name).data
            entry = _entry(item.name, data)
            found[entry.engine.id] = entry
    return dict(sorted(found.items(), key=lambda pair: (pair[1].before or (9999,), pair[0])))


def find_engine(
    name: str | None, version: str = "", year: int | None = None, vendor: str = ""
) -> Engine:
    """Return the engine class for a software's name, version and year.

    Without a name: the newest default engine of the chip's maker.

    Raises
    ------
    UnknownName
        If no engine answers to the name; the message lists them.
    """
    entries = engine_entries()
    if not name:
        own = [e for e in entries.values() if vendor in e.vendors]
        return (own or [e for e in entries.values() if "Nvidia" in e.vendors])[-1].engine
    if name in entries:
        return entries[name].engine
    wanted = name.strip().lower()
    named = [e for e in entries.values() if re.search(e.pattern, wanted)]
    own = [e for e in named if vendor in e.only]
    named = own or [e for e in named if not e.only] or named
    if not named:
        raise UnknownName.of("framework", name, f"known engines: {', '.join(entries)}")
    number = _version(version or _trailing_version(name))
    for entry in named:
        if number and entry.before and number < entry.before:
            return entry.engine
        if not number and year is not None and year <= entry.until_year:
            return entry.engine
    return named[-1].engine


def default_kv(engine: Engine, weights: str, has_fp4: bool) -> str:
    """Return the cache format that `engine` takes where the user names none."""
    small = weights in ("fp8", "mxfp8", "nvfp4", "mxfp4")
    follows = engine.kv_follows >= 2 or (engine.kv_follows >= 1 and has_fp4)
    return "fp8" if small and follows else "bf16"


def stack_engines(engines: Sequence[Engine]) -> Engine:
    """Return one engine of arrays, one entry for each."""
    import numpy as np

    columns: dict[str, Any] = {
        n: np.array([getattr(e, n) for e in engines], float) for n in CONSTANTS
    }
    return Engine(id="", name="", **columns)


def _version(text: str) -> tuple[int, ...]:
    match = re.match(r"v?(\d+(?:\.\d+)*)", text.strip())
    return tuple(int(part) for part in match.group(1).split(".")) if match else ()


def _trailing_version(name: str) -> str:
    match = re.search(r"\d+\.\d+(?:\.\d+)*", name)
    return match.group(0) if match else ""


def _counts(data: Mapping[str, Any], name: str) -> dict[str, float]:
    return {str(key): float(runs) for key, runs in (data.get(name) or {}).items()}


def _entry(file: str, data: Mapping[str, Any]) -> EngineEntry:
    constants = data["constants"]
    absent = [name for name in CONSTANTS if name not in constants]
    if absent:
        message = f"{file}: no value for {', '.join(absent)}"
        raise DataError(message)
    unsourced = [name for name in CONSTANTS if not constants[name].get("source")]
    if unsourced:
        message = f"{file}: no source for {', '.join(unsourced)}"
        raise DataError(message)
    cards = data.get("small_cards") or {}
    if cards and not cards.get("source"):
        message = f"{file}: no source for small_cards"
        raise DataError(message)
    values: dict[str, Any] = {name: float(constants[name]["value"]) for name in CONSTANTS}
    return EngineEntry(
        engine=Engine(
            id=data["id"],
            name=data["name"],
            **values,
            chips=_counts(data, "chips"),
            expert_chips=_counts(data, "expert_chips"),
            models=_counts(data, "models"),
            formats=_counts(data, "formats"),
            makers=_counts(data, "makers"),
            small_cards=cards,
            families=data.get("families") or {},
        ),
        pattern=data["pattern"],
        before=_version(str(data.get("before") or "")),
        until_year=int(data["until_year"]),
        vendors=tuple(data.get("vendors") or ()),
        only=tuple(data.get("only") or ()),
        sources={name: str(constants[name]["source"]) for name in CONSTANTS},
    )
