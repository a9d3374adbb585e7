"""One function at many points: a loop here, or batches on any executor.

The seam is `concurrent.futures.Executor`: threads and process pools are one, Dask
(`client.get_executor()`), ipyparallel and Parsl offer one. Work is cut into batches of about a
fifth of a second, so that an engine that takes milliseconds a task costs little.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Executor
from dataclasses import dataclass
from time import perf_counter
from typing import Generic, TypeVar

from tonnage.errors import TonnageError

P = TypeVar("P")
R = TypeVar("R")

BATCH_SECONDS = 0.2
"""Work in one batch; an engine that takes 10 ms a task then costs 5 %."""


@dataclass(frozen=True, slots=True)
class Outcome(Generic[P, R]):
    """What one point gave: a value, or the reason why there is none."""

    point: P
    value: R | None
    error: TonnageError | None = None


def sweep(
    function: Callable[[P], R],
    points: Iterable[P],
    executor: Executor | None = None,
    batch: int | None = None,
) -> Iterator[Outcome[P, R]]:
    """Yield the outcome of every point, in the order of the points.

    A point whose function raises one of our errors ("not enough known", "infeasible", bad input) is
    an outcome; any other exception is a fault of ours and ends the sweep.

    Parameters
    ----------
    function
        A pure function of a module's top level, so that other processes can import it.
    points
        Anything that can be pickled, for an executor of other processes.
    executor
        Where the batches run; `None`: in this process, one point after another.
    batch
        Points in one task; by default as many as fill `BATCH_SECONDS`, by the time the first takes.
    """
    todo = list(points)
    if executor is None:
        yield from (_outcome(function, point) for point in todo)
        return
    if todo and batch is None:
        start = perf_counter()
        yield _outcome(function, todo.pop(0))
        batch = max(1, round(BATCH_SECONDS / max(perf_counter() - start, 1e-6)))
    step = batch or 1
    tasks = [
        executor.submit(_batch, function, todo[k : k + step]) for k in range(0, len(todo), step)
    ]
    for task in tasks:
        yield from task.result()


def _batch(function: Callable[[P], R], points: Sequence[P]) -> list[Outcome[P, R]]:
    return [_outcome(function, point) for point in points]


def _outcome(function: Callable[[P], R], point: P) -> Outcome[P, R]:
    try:
        return Outcome(point, function(point))
    except TonnageError as error:
        return Outcome(point, None, error)
