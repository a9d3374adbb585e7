"""The model that a row of measurements speaks of: its columns first, then its name and note."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace

from tonnage.errors import AmbiguousName, UnknownName
from tonnage.study.measurements import Assumption, Row
from tonnage.study.measurements_labels import Unusable
from tonnage.units import GIGA
from tonnage.workload import (
    Attention,
    Experts,
    Model,
    attention_params,
    count_parameters,
    dense_ffn_params,
    find_model,
    load_models,
)

SAME_SIZE = 0.03
SHAPE_DOUBT = 0.15
_MIXED = re.compile(r"moe|mamba|hybrid|\d+x\d|a\d+(\.\d+)?b|\d+e\b")
"""Words of a name that say it is no plain dense model."""
USUAL_HEAD = 128
USUAL_VOCAB = 51200
"""Megatron's padded GPT vocabulary: taken where a GPT's vocabulary is not stated."""
USUAL_GATED_VOCAB = 64000
"""Taken where a gated model's vocabulary is not stated; most lie between 32,000 and 150,000."""


@dataclass(frozen=True, slots=True)
class Named:
    """The model of a row, and what had to be assumed for it."""

    model: Model
    assumed: tuple[Assumption, ...] = ()


def serving_model(row: Row) -> Named:
    """Return the model that a serving row names, or a dense one of the same size.

    Raises
    ------
    Unusable
        If no model of that name is known, and none of that many parameters either.
    """
    label, stated = row.text("model"), row.number("n_params_b")
    found = _named(label) if label else None
    if found is not None:
        return Named(found)
    alike = None if stated is None or _MIXED.search(label.lower()) else _of_size(stated * GIGA)
    if alike is None:
        blank = "" if label else "model is blank; "
        message = f"{blank}model {label!r} is not known, and the table has no shape columns"
        raise Unusable(message)
    text = f"model {label!r} taken in the shape of {alike.name}"
    return Named(alike, (Assumption(text, SHAPE_DOUBT),))


def _of_size(params: float) -> Model | None:
    """Return the dense model nearest in size within 3 %: tuned models keep their base's shape."""
    dense = [e for e in load_models() if e.model.experts is None and e.model.recurrent is None]
    near = min(dense, key=lambda entry: abs(entry.published_params / params - 1.0))
    close = abs(near.published_params / params - 1.0) <= SAME_SIZE
    return near.model if close else None


def training_model(row: Row) -> Named:
    """Return the model of a training row: a named one with the row's columns put in, or a new one.

    Raises
    ------
    Unusable
        If neither name nor columns give a shape; the reason lists the blank columns.
    """
    base = _base(row)
    if base is None:
        return _from_columns(row)
    return Named(_with_columns(base, row))


def is_adapter(row: Row) -> bool:
    """Return whether a row trains low-rank adapters only."""
    return "lora" in f"{row.text('model')} {row.text('note')}".lower()


def _named(label: str) -> Model | None:
    bare = re.sub(r"\(.*?\)", " ", label)
    bare = re.sub(r"\b(lora|sft|ptd-p|zero-?\d|trimmed to \d+ layers)\b", " ", bare, flags=re.I)
    for name in dict.fromkeys((label, " ".join(bare.split()))):
        try:
            return find_model(name)
        except (UnknownName, AmbiguousName):
            continue
    return None


def _base(row: Row) -> Model | None:
    """Return a named model of the same width, by name or by shape; `None` if there is none."""
    hidden, heads = row.count("hidden"), row.count("heads")
    named = _named(row.text("model"))
    if named is not None and (hidden is None or hidden == named.hidden):
        return named
    experts, ffn = row.count("n_experts"), row.count("ffn_hidden")
    if hidden is None or experts is None:
        return None
    for entry in load_models():
        model = entry.model
        routed = model.experts.routed if model.experts else None
        width = {model.ffn_hidden, model.experts.hidden if model.experts else 0}
        same = (model.hidden, routed, model.attention.heads) == (hidden, experts, heads)
        if same and (ffn is None or ffn in width):
            return model
    return None


def _with_columns(base: Model, row: Row) -> Model:
    attention = base.attention
    heads = row.count("heads") or attention.heads
    keys = row.count("kv_heads") or (attention.kv_heads if heads == attention.heads else heads)
    head_dim = attention.head_dim
    if heads != attention.heads and base.hidden % heads == 0:
        head_dim = base.hidden // heads
    layers = row.count("layers") or base.layers
    positions = base.learned_positions
    if positions and "learned position" in row.told:
        positions = max(positions, row.count("seq_len") or 0)
    return replace(
        base,
        layers=layers,
        ffn_hidden=_dense_width(base, row),
        attention=replace(attention, heads=heads, kv_heads=keys, head_dim=head_dim),
        vocab=row.count("vocab") or base.vocab,
        experts=_experts(base, row, layers),
        learned_positions=positions,
    )


def _leads_dense(experts: Experts | None) -> bool:
    return experts is not None and (experts.dense_layers > 0 or experts.every > 1)


def _dense_width(base: Model, row: Row) -> int:
    width = row.count("ffn_hidden")
    if width is None or (base.experts is not None and not _leads_dense(base.experts)):
        return base.ffn_hidden
    return width


def _experts(base: Model, row: Row, layers: int) -> Experts | None:
    """Return the experts with the row's count, top-k, width and leading dense layers."""
    experts = base.experts
    if experts is None:
        return None
    width = row.count("ffn_hidden")
    hidden = experts.hidden if width is None or _leads_dense(experts) else width
    told = re.search(r"expert ffn (\d+)", row.told)
    leading = re.search(r"(?:first )?(\d+) (?:dense layers?|layers? dense)", row.told)
    dense = int(leading.group(1)) if leading else experts.dense_layers
    return replace(
        experts,
        routed=row.count("n_experts") or experts.routed,
        active=row.count("topk") or experts.active,
        hidden=int(told.group(1)) if told else hidden,
        dense_layers=min(dense, max(layers - 1, 0)),
    )


def _from_columns(row: Row) -> Named:
    hidden = row.count("hidden")
    if hidden is None:
        columns = ("layers", "hidden", "ffn_hidden", "heads", "vocab")
        blank = [column for column in columns if not row.text(column)]
        message = f"model {row.text('model')!r} is not known, and {', '.join(blank)} are blank"
        raise Unusable(message)
    assumed: list[Assumption] = []
    ffn, gated = _feed_forward(row, hidden, assumed)
    heads = row.count("heads") or _supposed_heads(hidden, assumed)
    told = re.search(r"head_dim (\d+)", row.told)
    attention = Attention(
        heads=heads,
        kv_heads=row.count("kv_heads") or heads,
        head_dim=int(told.group(1)) if told else max(hidden // heads, 1),
        biases=not gated,
        output_bias=not gated,
    )
    model = Model(
        id=row.text("model").lower().replace(" ", "-"),
        name=row.text("model"),
        layers=row.count("layers") or 1,
        hidden=hidden,
        ffn_hidden=ffn,
        gated=gated,
        attention=attention,
        vocab=row.count("vocab") or _supposed_vocab(gated, assumed),
        tied_embeddings=_tied(row, gated),
        learned_positions=0 if gated else row.count("seq_len") or 0,
        biases=not gated,
        norm_vectors=1 if gated else 2,
        experts=_new_experts(row, ffn, assumed),
    )
    return _layers_filled(model, row, assumed)


def _feed_forward(row: Row, hidden: int, assumed: list[Assumption]) -> tuple[int, bool]:
    """Return width and whether it is gated: as told, else 4·hidden is a plain GPT."""
    ffn = row.count("ffn_hidden")
    if ffn is None:
        assumed.append(Assumption("ffn_hidden taken as 4·hidden", 0.1))
        ffn = 4 * hidden
    if "not gated" in row.told:
        return ffn, False
    if "gated" in row.told or "swiglu" in row.told:
        return ffn, True
    return ffn, ffn != 4 * hidden


def _supposed_heads(hidden: int, assumed: list[Assumption]) -> int:
    heads = max(hidden // USUAL_HEAD, 1)
    assumed.append(Assumption(f"heads taken as {heads} (width {USUAL_HEAD})", 0.03))
    return heads


def _supposed_vocab(gated: bool, assumed: list[Assumption]) -> int:
    vocab = USUAL_GATED_VOCAB if gated else USUAL_VOCAB
    assumed.append(Assumption(f"vocab taken as {vocab}", 0.03))
    return vocab


def _tied(row: Row, gated: bool) -> bool:
    if "untied" in row.told:
        return False
    return "tied embedding" in row.told or not gated


def _new_experts(row: Row, ffn: int, assumed: list[Assumption]) -> Experts | None:
    routed = row.count("n_experts")
    if routed is None:
        return None
    active = row.count("topk")
    if active is None:
        assumed.append(Assumption("topk taken as 2", 0.2))
        active = 2
    told = re.search(r"expert ffn (\d+)", row.told)
    hidden = int(told.group(1)) if told else ffn
    shared = re.search(r"(\d+) shared expert", row.told)
    width = re.search(r"shared expert ffn (\d+)", row.told)
    dense = re.search(r"(\d+) (?:dense layers?|layers? dense)", row.told)
    return Experts(
        routed=routed,
        active=min(active, routed),
        hidden=hidden,
        shared=int(shared.group(1)) if shared else (1 if width else 0),
        shared_hidden=int(width.group(1)) if width else hidden,
        dense_layers=int(dense.group(1)) if dense else 0,
    )


def _layers_filled(model: Model, row: Row, assumed: list[Assumption]) -> Named:
    """Layers = (stated parameters - embedding) / parameters of a layer, where they are blank."""
    if row.count("layers") is not None:
        return Named(model, tuple(assumed))
    stated = row.number("n_params_b")
    if stated is None:
        message = f"model {row.text('model')!r} is not known, and layers and n_params_b are blank"
        raise Unusable(message)
    count = count_parameters(model)
    layer = attention_params(model) + dense_ffn_params(model)
    layers = max(round((stated * GIGA - count.embedding - count.head) / layer), 1)
    text = f"layers taken as {layers} from {stated:g}B parameters"
    assumed.append(Assumption(text, 0.02))
    return Named(replace(model, layers=layers), tuple(assumed))
