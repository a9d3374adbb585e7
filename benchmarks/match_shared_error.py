"""How far the errors of two predictions of one workload go together, by what the chips share.

Pairs of chips that a published table measured on the same workload; the mean log error of each
chip there; the correlation of these over all pairs, on which `tonnage.study.match_curve.SHARED`
rests; and how many of the measured ratios lie within the 80 % interval of `tonnage match`.

    .venv/bin/python benchmarks/match_shared_error.py
"""

from __future__ import annotations

import csv
from collections import defaultdict
from collections.abc import Iterable
from datetime import date
from itertools import combinations
from math import log, sqrt
from pathlib import Path
from statistics import fmean
from typing import NamedTuple

from tonnage.catalog import Chip, load_catalog
from tonnage.errors import InputError
from tonnage.provenance import Z90
from tonnage.study.match_curve import SHARED
from tonnage.study.validation import Prediction, validate

DATA = Path(__file__).parent / "data"
TABLES = {
    "train": ("training_measurements.csv", ("model", "seq_len", "precision")),
    "serve": (
        "inference_measurements.csv",
        ("model", "weight_precision", "input_len", "output_len", "software"),
    ),
}


class Error(NamedTuple):
    """Log of measured over predicted, and the deviation that the prediction gave."""

    value: float
    sigma: float

    @classmethod
    def mean(cls, errors: list[Error]) -> Error:
        """Return the mean error and the mean deviation."""
        return cls(fmean(e.value for e in errors), fmean(e.sigma for e in errors))


def relation(a: Chip, b: Chip) -> str:
    """Return what two chips share: `family`, `vendor` or `none`."""
    if a.family.removesuffix(" (China)") == b.family.removesuffix(" (China)"):
        return "family"
    return "vendor" if a.vendor == b.vendor else "none"


def errors(
    predictions: Iterable[Prediction], rows: dict[str, dict[str, str]], columns: tuple[str, ...]
) -> dict[tuple[str, ...], dict[str, Error]]:
    """Return the mean log error and deviation by workload and chip, the mean of all taken off."""
    catalog = load_catalog(date(2026, 11, 1))
    found: dict[tuple[str, ...], dict[str, list[Error]]] = defaultdict(lambda: defaultdict(list))
    logs = {p.id: Error(log(p.measured / p.predicted.p50), p.predicted.sigma) for p in predictions}
    mean = fmean(e.value for e in logs.values())
    for name, error in logs.items():
        row = rows[name]
        try:
            chip = catalog.find_all(row["chip"])[0]
        except InputError:
            continue
        key = tuple(row[c] for c in columns)
        found[key][chip.id].append(Error(error.value - mean, error.sigma))
    return {k: {c: Error.mean(e) for c, e in chips.items()} for k, chips in found.items()}


def main() -> None:
    catalog = load_catalog(date(2026, 11, 1))
    for kind, (name, columns) in TABLES.items():
        with (DATA / name).open(encoding="utf-8") as file:
            rows = {row["id"]: row for row in csv.DictReader(file)}
        pairs: dict[str, list[tuple[Error, Error]]] = defaultdict(list)
        for chips in errors(validate(DATA / name).predictions, rows, columns).values():
            for (a, x), (b, y) in combinations(chips.items(), 2):
                pairs[relation(catalog.by_id[a], catalog.by_id[b])].append((x, y))
        for what, found in sorted(pairs.items()):
            both = sum(x.value * y.value for x, y in found)
            squares = (sum(x.value**2 for x, _ in found), sum(y.value**2 for _, y in found))
            shared = both / sqrt(squares[0] * squares[1])
            rho = SHARED[kind][what]
            inside = [abs(x.value - y.value) < Z90 * _sigma(x, y, rho) for x, y in found]
            print(
                f"{kind:6} {what:7} correlation {shared:5.2f} (used {rho:.2f}), "
                f"{fmean(inside):4.0%} of {len(found)} ratios within the 80 % interval"
            )


def _sigma(x: Error, y: Error, rho: float) -> float:
    return sqrt(x.sigma**2 + y.sigma**2 - 2 * rho * x.sigma * y.sigma)


if __name__ == "__main__":
    main()
