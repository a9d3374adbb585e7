"""Work in threads: results in order, and an interrupt that ends them all."""

import os
import signal
import threading

import pytest

from tonnage.planning.beside import beside


def test_results_keep_the_order_of_the_items():
    assert beside(lambda k: k * k, range(7), 3, threading.Event()) == [k * k for k in range(7)]


def test_a_failure_is_raised_after_all_have_ended():
    ended = []

    def work(item: int) -> None:
        if item == 0:
            raise ValueError("no")
        ended.append(item)

    with pytest.raises(ValueError, match="no"):
        beside(work, range(4), 2, threading.Event())
    assert sorted(ended) == [1, 2, 3]


def test_an_interrupt_sets_stop_and_waits_for_what_is_running():
    stop = threading.Event()
    interrupt = threading.Timer(0.5, lambda: os.kill(os.getpid(), signal.SIGINT))
    interrupt.start()
    try:
        assert beside(lambda k: (stop.wait(10), k), [1, 2], 2, stop) == [(True, 1), (True, 2)]
    finally:
        interrupt.cancel()
        interrupt.join()
