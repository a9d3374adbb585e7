"""How many parameters one chip holds, by what is sharded how."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Any

import numpy as np

from tonnage.perf.layout import Layouts, expert_split
from tonnage.perf.machine import Number
from tonnage.perf.shape import (
    Shape,
    attention_weights,
    dense_ffn_weights,
    index_weights,
    recurrent_weights,
    routed_weights,
    shared_weights,
)


@dataclass(frozen=True, slots=True, eq=False)
class ChipParameters:
    """Parameters on the fullest pipeline stage's chip, axis [layout]."""

    dense: Number
    """Attention, feed-forward, shared experts, embeddings: split over TP only."""
    expert: Number
    """Routed experts: split over EP."""
    optimizer: Number
    """Parameters whose optimizer state this chip updates."""
    layer: Number
    """One average layer after TP and EP."""

    def take(self, index: Any) -> ChipParameters:
        """Return the entries at `index`."""
        return ChipParameters(*(getattr(self, f.name)[index] for f in fields(self)))


def chip_parameters(shape: Shape, layouts: Layouts) -> ChipParameters:
    """Return the parameters of the fullest stage: its layers, and the embedding on the first.

    A pipeline of one stage holds embedding and head (one table where they are tied).
    """
    stage = np.ceil(shape.layers / layouts.pp)
    body = shape.attention_layers * attention_weights(shape)
    body = body + shape.scoring_layers * index_weights(shape)
    body = body + shape.dense_layers * dense_ffn_weights(shape)
    body = body + shape.expert_layers * shared_weights(shape)
    body = body + shape.recurrent_layers * recurrent_weights(shape)
    body = body / shape.layers / layouts.tp
    shards = layouts.ep * expert_split(layouts, shape.routed)
    routed = shape.expert_layers * routed_weights(shape) / shape.layers / shards
    tables = np.where(layouts.pp > 1, 1.0, 2.0 - shape.tied)
    embedding = shape.hidden * (tables * shape.vocab + shape.positions) / layouts.tp
    dense = stage * body + embedding
    expert = stage * routed
    replicas = layouts.dp * layouts.cp
    sharded = np.asarray(layouts.zero) >= 1
    expert_replicas = np.maximum(replicas * layouts.tp / shards, 1.0)
    own = dense / np.where(sharded, replicas, 1.0)
    own = own + expert / np.where(sharded, expert_replicas, 1.0)
    own = own * np.where(np.asarray(shape.lora) > 0, 0.005, 1.0)
    size = np.broadcast(dense, expert, own).shape
    columns = (dense, expert, own, body + routed)
    return ChipParameters(*(np.broadcast_to(c, size) for c in columns))
