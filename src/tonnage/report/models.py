"""How the models look: a list, and one of them in full."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from tonnage.study.models import ModelAnswer
from tonnage.units import GIGA, KILO

if TYPE_CHECKING:
    from rich.console import RenderableType

_PARTS = {
    "embedding": "token embedding and positions",
    "head": "output projection",
    "attention": "attention",
    "recurrent": "recurrent mixers",
    "dense_ffn": "dense feed-forward",
    "routed_experts": "routed experts",
    "shared_experts": "shared experts",
    "router": "routers",
    "norms": "norms",
    "outside": "outside the decoder",
    "mtp": "multi-token prediction (not in the total)",
}


def billions(count: float) -> str:
    """Return a count as billions with three significant digits or more."""
    value = count / GIGA
    return f"{value:.3f}" if value < 1 else f"{value:.2f}" if value < 100 else f"{value:,.1f}"


def table(answers: Sequence[ModelAnswer]) -> RenderableType:
    """Return the list as a table of 80 columns."""
    from rich.box import SIMPLE_HEAD
    from rich.table import Table

    result = Table(title=f"{len(answers)} models", title_justify="left", box=SIMPLE_HEAD)
    result.add_column("id", no_wrap=True)
    result.add_column("family", no_wrap=True)
    result.add_column("released", no_wrap=True)
    for column in ("total B", "active B", "published B"):
        result.add_column(column, justify="right")
    for answer in answers:
        entry = answer.entry
        assert entry is not None
        result.add_row(
            answer.model.id,
            entry.family,
            entry.released.isoformat(),
            billions(answer.count.total),
            billions(answer.count.active) if answer.model.experts else "",
            billions(entry.published_params),
        )
    return result


def parts_table(answer: ModelAnswer) -> RenderableType:
    """Return the parameters of one model by part."""
    from rich.table import Table

    model, count = answer.model, answer.count
    result = Table(title=f"{model.name} ({model.id})", title_justify="left")
    result.add_column("part")
    result.add_column("parameters, B", justify="right")
    result.add_column("share", justify="right")
    for name, says in _PARTS.items():
        value: int = getattr(count, name)
        if value:
            share = "" if name == "mtp" else f"{value / count.total:.1%}"
            result.add_row(says, billions(value), share)
    result.add_section()
    result.add_row("total", billions(count.total), "100.0%")
    if count.idle_experts:
        result.add_row("active per token", billions(count.active), "")
    return result


def text(answer: ModelAnswer) -> str:
    """Return the shape of one model in words."""
    model, entry = answer.model, answer.entry
    words = [f"{model.layers} layers of width {model.hidden:,}, {_attention(answer)}."]
    words.append(_feed_forward(answer))
    words.append(
        f"Vocabulary {model.vocab:,}; embedding and output projection are "
        f"{'one matrix' if model.tied_embeddings else 'apart'}."
    )
    kept = answer.cache_bytes_per_token / KILO
    words.append(f"The cache keeps {kept:,.1f} kB of each token in 16 bits.")
    if entry is not None:
        off = answer.count.total / entry.published_params - 1
        words.append(
            f"The makers publish {billions(entry.published_params)}B; the shape gives {off:+.2%}."
        )
        words.append(f"Released {entry.released.isoformat()}. Source: {entry.source}.")
        words += [f"Note: {entry.note}."] if entry.note else []
    return " ".join(words)


def _attention(answer: ModelAnswer) -> str:
    model, attention = answer.model, answer.model.attention
    if attention.latent is not None:
        said = f"{attention.heads} heads over a latent of {attention.latent.kv_lora_rank}"
    elif attention.kv_heads == attention.heads:
        said = f"{attention.heads} heads of {attention.head_dim}"
    else:
        said = f"{attention.heads} heads of {attention.head_dim} over {attention.kv_heads} "
        said += "key/value heads"
    if model.attention_layers != model.layers:
        said += f" in {model.attention_layers} layers"
        said += f" and recurrent mixers in {model.recurrent_layers}" if model.recurrent else ""
    if model.window_layers:
        said += f"; {model.window_layers} of them see {attention.window:,} tokens only"
        if attention.narrow is not None:
            narrow = attention.narrow
            said += f", with {narrow.heads} heads of {narrow.head_dim} over {narrow.kv_heads}"
    if attention.indexer is not None:
        said += f"; in {model.sparse_layers} layers a query meets at most "
        said += f"{attention.indexer.topk:,} tokens, chosen by {model.scoring_layers} indexers"
    return said


def _feed_forward(answer: ModelAnswer) -> str:
    model, experts = answer.model, answer.model.experts
    kind = "gated " if model.gated else ""
    dense = f"{kind}feed-forward of width {model.ffn_hidden:,}"
    if experts is None:
        return f"A {dense} in {model.dense_layers} layers."
    said = f"{experts.routed} experts of width {experts.hidden:,} in {model.expert_layers} layers, "
    said += f"{experts.active} a token"
    said += f" and {experts.shared} shared" if experts.shared else ""
    return said + (f"; a {dense} in {model.dense_layers}." if model.dense_layers else ".")


def to_json(answers: Sequence[ModelAnswer]) -> dict[str, Any]:
    """Return the list as one JSON document."""
    return {"models": [answer.summary() for answer in answers]}
