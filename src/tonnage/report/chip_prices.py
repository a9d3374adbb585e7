"""How prices look: JSON, a table, and what the kinds mean."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tonnage.catalog import Price
from tonnage.study.chips import PriceList

if TYPE_CHECKING:
    from rich.table import Table


def to_json(answer: PriceList) -> dict[str, Any]:
    """Return the document of `chips prices --json`."""
    return {
        "as_of": answer.as_of.isoformat(),
        "chip": answer.of,
        "prices": [_price(price) for price in answer.prices],
    }


def _price(price: Price) -> dict[str, Any]:
    return {
        "id": price.id,
        "chips": list(price.chips),
        "label": price.label,
        "kind": price.kind.value,
        "currency": price.currency,
        "low": price.low,
        "mid": price.mid,
        "high": price.high,
        "date": price.on.isoformat(),
        "region": price.region,
        "confidence": price.confidence.value,
        "source": price.source.title,
        "source_id": price.source.id,
        "source_url": price.source.url or None,
        "known_from": price.known_from.isoformat(),
        "note": price.note or None,
    }


def table(answer: PriceList) -> Table:
    """Return one row a price."""
    from rich.box import SIMPLE_HEAD
    from rich.table import Table

    grid = Table(box=SIMPLE_HEAD, pad_edge=False, padding=(0, 1))
    for title in ("date", "what", "kind"):
        grid.add_column(title, no_wrap=title != "what", overflow="fold")
    grid.add_column("price", justify="right", no_wrap=True)
    for title in ("region", "confidence", "source and note"):
        grid.add_column(title, overflow="fold")
    for price in answer.prices:
        note = f"; {price.note}" if price.note else ""
        grid.add_row(
            price.on.isoformat(),
            price.label,
            price.kind.value.replace("_", " "),
            _amount(price),
            price.region,
            price.confidence.value,
            f"{price.source.id}{note}",
        )
    return grid


def text(answer: PriceList) -> str:
    """Return what the table leaves to say."""
    of = f" of {answer.of}" if answer.of else ""
    if not answer.prices:
        return f"No price{of} was public on {answer.as_of}."
    return (
        f"{len(answer.prices)} prices{of} as known on {answer.as_of}. A bare chip, a chip in a "
        "server and a server of eight are kinds of their own; none is converted into another."
    )


def _amount(price: Price) -> str:
    low, high = price.low, price.high
    if price.mid is not None and (low is None or high is None):
        shown = _number(price.mid)
    elif low is not None and high is not None:
        shown = f"{_number(low)} to {_number(high)}"
    elif low is not None:
        shown = f"from {_number(low)}"
    else:
        shown = f"to {_number(high or 0.0)}"
    return f"{shown} {price.currency}"


def _number(value: float) -> str:
    return f"{value:,.0f}" if value >= 100 else f"{value:.2f}".rstrip("0").rstrip(".")
