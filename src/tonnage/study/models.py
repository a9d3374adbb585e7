"""The verbs about models: which there are, and what one of them is made of."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import Any

from tonnage.dates import today
from tonnage.workload import (
    Model,
    ModelEntry,
    ParameterCount,
    attention_flops_per_pair,
    count_parameters,
    entry_of,
    forward_matmul_flops,
    kv_cache_bytes,
    load_models,
    recurrent_state_bytes,
    recurrent_state_elements,
    resolve_model,
)

CACHE_BYTES = 2.0
"""Bytes of a cached number in 16 bits."""


@dataclass(frozen=True, slots=True)
class ModelAnswer:
    """A model with its counts; `entry` is `None` for one that was read from a file."""

    model: Model
    count: ParameterCount
    entry: ModelEntry | None

    @property
    def cache_bytes_per_token(self) -> float:
        """Bytes that all layers keep of one token in 16 bits, before any window is full.

        Keys of an indexer among them, which are kept in 8 bits.
        """
        return kv_cache_bytes(self.model, 1.0, CACHE_BYTES)

    def summary(self) -> dict[str, Any]:
        """Return what a list shows of the model."""
        entry, model = self.entry, self.model
        return {
            "id": model.id,
            "name": model.name,
            "family": entry.family if entry else None,
            "maker": entry.maker if entry else None,
            "released": entry.released if entry else None,
            "parameters": self.count.total,
            "parameters_active": self.count.active,
            "parameters_published": entry.published_params if entry else None,
            "layers": model.layers,
            "hidden": model.hidden,
            "vocab": model.vocab,
            "max_positions": model.max_positions or None,
        }

    def to_dict(self) -> dict[str, Any]:
        """Return shape, counts, and what they cost in operations and cache."""
        entry, model = self.entry, self.model
        return {
            **self.summary(),
            "parameters_active_published": entry.published_active if entry else None,
            "aliases": list(entry.aliases) if entry else [],
            "source": str(entry.source) if entry else None,
            "note": entry.note if entry else "",
            "shape": shape_of(model),
            "parameters_by_part": self.count.to_dict(),
            "forward_flops_per_token": forward_matmul_flops(model),
            "attention_flops_per_token_and_context": (
                model.attention_layers * attention_flops_per_pair(model)
            ),
            "kv_cache_bytes_per_token_16bit": self.cache_bytes_per_token,
            "recurrent_state_bytes_per_sequence_16bit": (
                CACHE_BYTES * recurrent_state_elements(model)
            ),
            "recurrent_state_bytes_per_sequence": recurrent_state_bytes(model),
        }


def shape_of(model: Model) -> dict[str, Any]:
    """Return the shape as plain data, with the layers of each kind."""
    from dataclasses import asdict

    shape = asdict(model)
    for name in ("id", "name", "outside_params", "attention_layers_given", "feed_forward_layers"):
        shape.pop(name)
    shape["attention_layers"] = model.attention_layers
    shape["window_layers"] = model.window_layers
    shape["recurrent_layers"] = model.recurrent_layers
    shape["expert_layers"] = model.expert_layers
    shape["dense_layers"] = model.dense_layers
    return shape


def list_models(as_of: date | None = None) -> list[ModelAnswer]:
    """Return every named model that was released by a day (default: today)."""
    known = sorted(load_models(as_of or today()), key=lambda e: (e.family, e.released, e.model.id))
    return [ModelAnswer(entry.model, count_parameters(entry.model), entry) for entry in known]


def show_model(text: str, as_of: date | None = None) -> ModelAnswer:
    """Return one model, by name or from a Hugging Face `config.json`.

    Raises
    ------
    InputError
        If no model known on the day answers to the name, several do, or the file describes none.
    """
    model = resolve_model(text, as_of or today())
    return ModelAnswer(model, count_parameters(model), entry_of(model))
