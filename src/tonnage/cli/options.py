"""Options that every command shares, and how a command ends."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import date
from typing import Any, TypeVar

import click

from tonnage.dates import parse_day, today

F = TypeVar("F", bound=Callable[..., Any])


class Day(click.ParamType[date]):
    """A day written as YYYY-MM-DD."""

    name = "date"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> date:
        """Return the day, or raise the one message that says how to write it."""
        del ctx
        return parse_day(value, field=param.opts[-1] if param else "date")


def common(function: F) -> F:
    """Add `--as-of` and `--json`."""
    as_of = click.option(
        "--as-of",
        type=Day(),
        default=lambda: today().isoformat(),
        show_default="today",
        help="Use only what was known by this day.",
    )
    as_json = click.option("--json", "as_json", is_flag=True, help="Print one JSON document.")
    return as_of(as_json(function))


def print_json(document: Any) -> None:
    """Print one JSON document; a number that is not finite is a fault of ours and raises."""
    click.echo(json.dumps(document, ensure_ascii=False, indent=2, allow_nan=False, default=_plain))


def _plain(value: Any) -> Any:
    if isinstance(value, date):
        return value.isoformat()
    if hasattr(value, "to_dict"):
        return value.to_dict()
    if hasattr(value, "item"):
        return value.item()
    message = f"{type(value).__name__} has no JSON form"
    raise TypeError(message)
