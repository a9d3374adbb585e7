"""Where every human answer is printed."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rich.console import Console
    from rich.text import Text

WIDTH = 120
"""Columns of an answer that goes to a file or a pipe."""


def page() -> Console:
    """Return where to print: brackets and colons in names are text here, never markup."""
    from rich.console import Console

    console = Console(markup=False, emoji=False, highlight=False)
    if console.is_terminal:
        return console
    if os.environ.get("COLUMNS", "").isdigit():
        return console
    return Console(width=WIDTH, markup=False, emoji=False, highlight=False)


def strong(words: str) -> Text:
    """Return words that stand out where the terminal can show it."""
    from rich.text import Text

    return Text(words, style="bold")


def counted(number: int, thing: str) -> str:
    """Return `1 server`, `2,000 servers`."""
    return f"{number:,} {thing}" if number == 1 else f"{number:,} {thing}s"
