"""One function at many points, here and on executors."""

from collections.abc import Iterator
from concurrent.futures import Executor, ProcessPoolExecutor, ThreadPoolExecutor

import pytest

import tonnage
from tonnage.errors import InputError, NotEnoughKnown
from tonnage.sweep import sweep


def square(x: int) -> int:
    if x == 3:
        raise NotEnoughKnown("three is not known", ["three"])
    return x * x


def broken(x: int) -> int:
    return 1 // x


@pytest.fixture(params=["here", "threads", "processes"])
def executor(request: pytest.FixtureRequest) -> Iterator[Executor | None]:
    if request.param == "here":
        yield None
        return
    kind = {"threads": ThreadPoolExecutor, "processes": ProcessPoolExecutor}[request.param]
    with kind(max_workers=2) as pool:
        yield pool


def test_outcomes_come_in_the_order_of_the_points(executor: Executor | None) -> None:
    # A function of this file cannot be imported by another process; abs and tonnage's own can.
    found = list(sweep(abs, range(-5, 20), executor, batch=4))
    assert [o.point for o in found] == list(range(-5, 20))
    assert [o.value for o in found] == [abs(x) for x in range(-5, 20)]


@pytest.mark.parametrize("batch", [None, 1, 3, 100])
def test_batches_change_nothing(batch: int | None) -> None:
    with ThreadPoolExecutor(2) as pool:
        found = [o.value for o in sweep(square, range(6), pool, batch)]
    assert found == [0, 1, 4, None, 16, 25]


def test_a_true_no_is_an_outcome_and_a_fault_is_not() -> None:
    outcomes = list(sweep(square, [2, 3, 4]))
    assert [o.value for o in outcomes] == [4, None, 16]
    assert isinstance(outcomes[1].error, NotEnoughKnown)
    with pytest.raises(ZeroDivisionError):
        list(sweep(broken, [1, 0]))


def test_no_points_are_no_work() -> None:
    with ThreadPoolExecutor(1) as pool:
        assert list(sweep(square, [], pool)) == []


def test_a_cost_sweep_is_the_same_here_and_in_other_processes(executor: Executor | None) -> None:
    vary = {"utilisation": [0.4, 0.8], "tariff": [0.05, 0.1]}
    from datetime import date

    day = date(2024, 7, 5)
    found = tonnage.cost_sweep("H20", 64, vary, as_of=day, executor=executor).to_frame()
    assert found["utilisation"] == [0.4, 0.4, 0.8, 0.8]
    assert found["tariff"] == [0.05, 0.1, 0.05, 0.1]
    hours = found["usd_per_chip_hour_p50"]
    one = tonnage.total_cost(
        "H20", 64, terms=tonnage.cost.Terms(utilisation=0.4, tariff=0.05), as_of=day
    )
    assert hours[0] == one.owned.usd_per_chip_hour.p50
    assert hours[0] < hours[1]
    assert hours[0] > hours[2]


@pytest.mark.parametrize(
    "vary",
    [
        {"colour": [1.0]},
        {"tariff": []},
        {"pue": [0.5]},
        {"tariff": [0.1] * 101, "pue": [1.1] * 101},
    ],
)
def test_what_cannot_be_varied_is_refused(vary: dict[str, list[float]]) -> None:
    with pytest.raises(InputError):
        tonnage.cost_sweep("H20", 64, vary)
