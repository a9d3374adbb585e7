"""Work done beside each other in threads, that an interrupt ends early instead of tearing."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor, wait
from typing import TypeVar

Item = TypeVar("Item")
Result = TypeVar("Result")


def beside(
    work: Callable[[Item], Result], items: Iterable[Item], threads: int, stop: threading.Event
) -> list[Result]:
    """Return `work` of every item, in order.

    A KeyboardInterrupt sets `stop`, on which the work is expected to end soon with what it has (or
    to raise KeyboardInterrupt itself); no thread is left running.
    """
    with ThreadPoolExecutor(max(threads, 1)) as pool:
        running = [pool.submit(work, item) for item in items]
        while True:
            try:
                left = wait(running, timeout=0.2).not_done
            except KeyboardInterrupt:
                stop.set()
                continue
            if not left:
                return [each.result() for each in running]
