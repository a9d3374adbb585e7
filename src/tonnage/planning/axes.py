"""Arrays that know their axes: declared beside the field, completed and checked in one place.

An array is given in full shape, or with leading axes left out, which then repeat: `[chip]` or a
single number where `[node, chip]` is declared. Nothing else is aligned silently.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, fields, replace
from typing import Any, TypeVar

import numpy as np
import numpy.typing as npt

from tonnage.errors import Fault

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
Bools = npt.NDArray[np.bool_]

Part = TypeVar("Part")


@dataclass(frozen=True, slots=True)
class Axes:
    """What a field holds: the axes of its array, its kind and its bounds (both inclusive)."""

    names: tuple[str, ...]
    kind: type
    least: float
    most: float


def array(
    *names: str,
    kind: type = float,
    least: float = 0.0,
    most: float = np.inf,
    default: object = None,
) -> Any:
    """Return a dataclass field that holds an array over the named axes.

    `default` fills the whole array; without one the field must be given. Bounds may be reached;
    infinity passes only where `most` is infinite, NaN never.
    """
    meta = {"axes": Axes(names, kind, least, most)}
    if default is None:
        return field(metadata=meta)
    return field(default=default, metadata=meta)


def completed(part: Part, sizes: Mapping[str, int], name: str, faults: list[Fault]) -> Part:
    """Return `part` with every array in full shape; what does not fit goes to `faults`."""
    filled: dict[str, object] = {}
    for each in fields(part):  # type: ignore[arg-type]
        axes = each.metadata.get("axes")
        if axes is not None:
            where = f"{name}.{each.name}"
            filled[each.name] = _fill(getattr(part, each.name), axes, sizes, where, faults)
    return replace(part, **filled)  # type: ignore[type-var]


def _fill(
    value: object, axes: Axes, sizes: Mapping[str, int], where: str, faults: list[Fault]
) -> npt.NDArray[Any]:
    shape = tuple(sizes[axis] for axis in axes.names)
    drawn = f"[{', '.join(axes.names)}] = {list(shape)}"
    try:
        given: npt.NDArray[Any] = np.asarray(value, dtype=axes.kind)
    except (TypeError, ValueError):
        faults.append(Fault(where, value, f"give numbers over {drawn}"))
        return np.zeros(shape, dtype=axes.kind)
    if given.shape != shape[len(shape) - given.ndim :]:
        faults.append(Fault(where, f"shape {list(given.shape)}", f"give shape {drawn}"))
        return np.zeros(shape, dtype=axes.kind)
    wrong = ~((given >= axes.least) & (given <= axes.most))
    if wrong.any():
        at = tuple(int(k) for k in np.argwhere(wrong)[0])
        bounds = f"must be at least {axes.least:g}"
        if axes.most < np.inf:
            bounds += f", at most {axes.most:g}"
        faults.append(Fault(f"{where}{list(at) if at else ''}", given[at].item(), bounds))
    full = np.array(np.broadcast_to(given, shape))
    full.flags.writeable = False
    return full


def chosen(part: Part, axis: str, at: Ints) -> Part:
    """Return `part` with every array that has the axis cut to the positions `at` of it."""
    cut: dict[str, object] = {}
    for each in fields(part):  # type: ignore[arg-type]
        axes = each.metadata.get("axes")
        if axes is not None and axis in axes.names:
            cut[each.name] = np.take(getattr(part, each.name), at, axis=axes.names.index(axis))
    return replace(part, **cut)  # type: ignore[type-var]
