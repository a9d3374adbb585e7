"""Hundreds of thousands of configurations of one chip, model and engine, as arrays."""

from __future__ import annotations

from dataclasses import fields, is_dataclass, replace
from typing import Any

import numpy as np

from tonnage.errors import Fault, InputError
from tonnage.perf.serving.arrays import Number
from tonnage.perf.serving.case import Cases, ServingCase, cases_of, repeated
from tonnage.perf.serving.flow import Flow, solve

CHUNK = 4096
"""Configurations at a time: what one pass holds stays in the processor's cache."""
_LAYOUT = ("tp", "pp", "dp", "ep")
_LOAD = ("input", "output", "concurrency", "rate", "hit")


def evaluate_grid(case: ServingCase, **columns: Number) -> Flow:
    """Return the flow of `case` with some of its numbers replaced by arrays.

    Parameters
    ----------
    case
        Gives chip, model, engine, formats and kind of load.
    columns
        Any of `tp, pp, dp, ep, input, output, concurrency, rate, hit`: arrays over axis
        [configuration], all of one length, or scalars.

    Returns
    -------
    Flow
        Arrays over axis [configuration]; seconds and requests/s.

    Raises
    ------
    InputError
        If a column has another name, or lengths differ.
    """
    known = (*_LAYOUT, *_LOAD)
    faults = [Fault(name, None, f"columns are {', '.join(known)}")
              for name in columns if name not in known]  # fmt: skip
    sizes = {np.size(values) for values in columns.values()} - {1}
    if len(sizes) > 1:
        faults.append(Fault("columns", sorted(sizes), "arrays of one length"))
    if faults:
        raise InputError(faults)
    count = sizes.pop() if sizes else 1
    whole = {name: np.broadcast_to(np.asarray(v, float), count) for name, v in columns.items()}
    base = cases_of([case])
    wide = repeated(base, min(CHUNK, count))
    parts = [_part(wide, whole, start, min(start + CHUNK, count))
             for start in range(0, count, CHUNK)]  # fmt: skip
    joined: Flow = _join(parts)
    return joined


def taken(cases: Cases, index: Any) -> Cases:
    """Return the cases at `index`, any number of times each."""

    def pick(part: Any) -> Any:
        if isinstance(part, np.ndarray):
            return part[index]
        if is_dataclass(part) and not isinstance(part, type):
            return replace(part, **{f.name: pick(getattr(part, f.name)) for f in fields(part)})
        return part

    deviation = tuple(cases.deviation[k] for k in index)
    result: Cases = replace(pick(cases), deviation=deviation)
    return result


def loaded(cases: Cases, index: Any, concurrency: Number) -> Flow:
    """Return the flow of the cases at `index`, each with its own number of requests in flight."""
    parts = []
    for start in range(0, len(index), CHUNK):
        some = slice(start, start + CHUNK)
        chosen = taken(cases, index[some])
        load = replace(chosen.load, concurrency=np.asarray(concurrency, float)[some])
        parts.append(solve(replace(chosen, load=load)))
    joined: Flow = _join(parts)
    return joined


def _part(wide: Cases, columns: dict[str, Any], start: int, stop: int) -> Flow:
    size = stop - start
    cases = wide if size == len(wide) else repeated(wide, size)
    cut = {name: np.ascontiguousarray(values[start:stop]) for name, values in columns.items()}
    layout = replace(cases.layout, **{n: v for n, v in cut.items() if n in _LAYOUT})
    load = replace(cases.load, **{n: v for n, v in cut.items() if n in _LOAD})
    return solve(replace(cases, layout=layout, load=load))


def _join(parts: list[Any]) -> Any:
    first = parts[0]
    if is_dataclass(first) and not isinstance(first, type):
        inner = {f.name: _join([getattr(p, f.name) for p in parts]) for f in fields(first)}
        return replace(first, **inner)
    return np.concatenate([np.atleast_1d(part) for part in parts])
