"""Time the array path of the rules: 100,000 specifications on ten days, and one by one.

Run: python benchmarks/rules_speed.py
"""

from __future__ import annotations

import os
import statistics
import time
from collections.abc import Callable
from datetime import date

os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

import numpy as np

from tonnage.catalog import load_catalog
from tonnage.rules import Measures, Rulebook, classify, classify_table, load_rules
from tonnage.rules.classify import class_and_licence
from tonnage.rules.licence import Deal
from tonnage.rules.metrics import Interval

SPECS = 100_000
DAYS = (
    date(2022, 9, 1),
    date(2022, 12, 1),
    date(2023, 2, 1),
    date(2023, 12, 1),
    date(2024, 6, 1),
    date(2025, 2, 1),
    date(2025, 6, 1),
    date(2026, 2, 1),
    date(2026, 8, 1),
    date(2026, 10, 1),
)


def specifications(unknown: float) -> dict[str, np.ndarray]:
    """Return random specifications; a share `unknown` of the figures is NaN."""
    rng = np.random.default_rng(2023)
    columns = {
        "tpp": 10 ** rng.uniform(2.5, 5, SPECS),
        "die_area_mm2": rng.uniform(100, 1700, SPECS),
        "io_gbs": rng.uniform(32, 2000, SPECS),
        "dram_gbs": rng.uniform(100, 9000, SPECS),
        "datacenter": rng.integers(0, 2, SPECS).astype(float),
    }
    for column in columns.values():
        column[rng.uniform(size=SPECS) < unknown] = np.nan
    return columns


def median_seconds(call: Callable[[], object], repeats: int) -> float:
    """Return the median wall time of a call."""
    times = []
    for _ in range(repeats):
        start = time.perf_counter()
        call()
        times.append(time.perf_counter() - start)
    return statistics.median(times)


def _measures(specs: dict[str, np.ndarray], row: int) -> Measures:
    tpp, area, io, dram, market = (float(column[row]) for column in specs.values())
    exact = Interval.exactly
    return Measures(exact(tpp), exact(area), exact(io), exact(dram), bool(market))


def _whole(specs: dict[str, np.ndarray], book: Rulebook) -> Callable[[], object]:
    return lambda: classify_table(specs, ["CN"], DAYS, book=book)


def main() -> None:
    book = load_rules(date(2026, 11, 1))
    for share in (0.0, 0.1):
        specs = specifications(share)
        whole = median_seconds(_whole(specs, book), 5)
        print(f"{SPECS} specifications x {len(DAYS)} days, {share:.0%} unknown: {whole:.3f} s")
        print(f"  limit 1 s, ratio {1 / whole:.1f}")
    specs = specifications(0.0)
    few = [_measures(specs, i) for i in range(300)]
    deal = Deal("CN", "US", None, DAYS[-1])
    each = median_seconds(lambda: [class_and_licence(m, deal, book) for m in few], 3) / len(few)
    array = median_seconds(_whole(specs, book), 3)
    print(f"one by one: {each * 1e6:.0f} us; array {each * SPECS * len(DAYS) / array:.0f} x faster")
    chip = load_catalog(date(2026, 11, 1)).find("A800")
    verdict = median_seconds(lambda: classify(chip, "CN", date(2024, 1, 7), book=book), 50)
    print(f"one full verdict with tests, exceptions and overlays: {verdict * 1e3:.2f} ms")


if __name__ == "__main__":
    main()
