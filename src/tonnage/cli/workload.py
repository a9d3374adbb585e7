"""Options that describe a workload, shared by `match` and `cost`."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, TypeVar

import click

from tonnage.errors import Fault, InputError

if TYPE_CHECKING:
    from tonnage.study.match_load import WorkLoad

F = TypeVar("F", bound=Callable[..., Any])

_OPTIONS: tuple[tuple[str, Any, str], ...] = (
    ("kind", str, "train or serve (default: by the options given)."),
    ("model", str, "Name, or path to a Hugging Face config.json."),
    ("seq", int, "Training: tokens per sequence."),
    ("global-batch", int, "Training: sequences per step, over all chips."),
    ("precision", str, "Training: bf16, fp8 …"),
    ("tokens", str, "Training: tokens of the whole run, such as 300e9."),
    ("input", int, "Serving: tokens of a prompt."),
    ("output", int, "Serving: tokens of an answer."),
    ("ttft-ms", float, "Serving: limit on the time to the first token."),
    ("tpot-ms", float, "Serving: limit on the time per output token."),
    ("weights", str, "Serving: format of the weights."),
    ("kv", str, "Serving: format of the cache."),
    ("concurrency", float, "Serving: requests in flight."),
    ("request-rate", float, "Serving: requests per second."),
    ("framework", str, "Training framework or serving engine."),
)
NAMES = tuple(name.replace("-", "_") for name, _, _ in _OPTIONS)


def workload_options(function: F) -> F:
    """Add the options of a workload; the function gets each by its name."""
    for name, kind, text in reversed(_OPTIONS):
        function = click.option(f"--{name}", name.replace("-", "_"), type=kind, help=text)(function)
    return function


def given_load(path: str | None, options: dict[str, Any]) -> WorkLoad | None:
    """Return the workload of a file or of options; `None` if neither is given.

    Raises
    ------
    InputError
        If both are given, or what is given cannot be used.
    """
    from tonnage.study.match_load import load_of, read_load

    given = {name: options[name] for name in NAMES if options.get(name) is not None}
    if path is not None:
        if given:
            names = ", ".join(f"--{name.replace('_', '-')}" for name in given)
            raise InputError.of("workload", path, f"give the file or {names}, not both")
        return read_load(path)
    if not given:
        return None
    if "tokens" in given:
        given["tokens"] = _tokens(given["tokens"])
    given.setdefault("kind", "serve" if {"input", "output"} & set(given) else "train")
    return load_of(given)


_SUFFIX = {"k": 1e3, "m": 1e6, "b": 1e9, "t": 1e12}


def _tokens(text: str) -> float:
    plain = text.strip().lower().replace(",", "")
    scale = _SUFFIX.get(plain[-1:], 1.0)
    try:
        return float(plain[:-1] if scale > 1 else plain) * scale
    except ValueError:
        mend = "a number of tokens above 0, such as 300e9 or 15T"
        raise InputError([Fault("tokens", text, mend)]) from None
