"""The tests of 3A090 written out with their numbers, against the engine that reads them from data.

A second method: no table of parameters, no cells, no dates but two; only the text of the two
versions (87 FR 62186; 88 FR 73458 as codified) as plain comparisons.
"""

import random
from datetime import date

import numpy as np
import pytest

from tonnage.catalog import load_catalog
from tonnage.rules import classify, classify_table, load_rules, performance_density, tpp

BOOK = load_rules(date(2026, 11, 22))


def class_of_2022(score: float, io: float) -> str:
    return "3A090 (2022)" if io >= 600 and score >= 4800 else "none"


def class_since_2023(score: float, density: float, market: bool) -> str:
    if not market and score < 4800:
        return "none"
    if score >= 4800 or (score >= 1600 and density >= 5.92):
        return "3A090.a"
    if 2400 <= score < 4800 and 1.6 <= density < 5.92:
        return "3A090.b"
    if score >= 1600 and 3.2 <= density < 5.92:
        return "3A090.b"
    return "none"


def test_two_thousand_random_specifications() -> None:
    rng = random.Random(2023)
    n = 2000
    score = [rng.choice([rng.uniform(100, 40_000), rng.uniform(1500, 5000)]) for _ in range(n)]
    area = [rng.uniform(50, 1700) for _ in range(n)]
    io = [rng.uniform(32, 1300) for _ in range(n)]
    market = [rng.random() < 0.7 for _ in range(n)]
    table = classify_table(
        {"tpp": score, "die_area_mm2": area, "io_gbs": io, "datacenter": market},
        ["CN"],
        [date(2022, 12, 1), date(2024, 1, 1)],
        book=BOOK,
    ).class_names()
    assert list(table[:, 0]) == [class_of_2022(s, i) for s, i in zip(score, io, strict=True)]
    expected = [class_since_2023(s, s / a, m) for s, a, m in zip(score, area, market, strict=True)]
    assert list(table[:, 1]) == expected
    assert len(set(expected)) == 3
    assert np.all((table[:, 1] != "none") == (np.array(expected) != "none"))


CHIPS = [
    chip
    for chip in load_catalog(date(2026, 11, 22)).chips
    if performance_density(chip) is not None and chip.flag("datacenter") is not None
]


@pytest.mark.parametrize("chip", CHIPS, ids=lambda chip: chip.id)
def test_each_chip_with_published_figures(chip) -> None:
    verdict = classify(chip, "CN", date(2024, 1, 1), book=BOOK)
    if verdict.class_id != "unknown":
        expected = class_since_2023(tpp(chip), performance_density(chip), chip.flag("datacenter"))
        assert verdict.class_id == expected


def test_there_are_enough_of_them() -> None:
    assert len(CHIPS) >= 40
