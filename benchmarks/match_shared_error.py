"""How far the errors of two predictions of one workload go together, by what the chips share.

Pairs of chips that a published table measured on the same workload; the mean log error of each
chip there; the correlation of these over all pairs. `tonnage.study.match_curve.SHARED` rests on it.

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

from tonnage.catalog import Chip, load_catalog
from tonnage.errors import InputError
from tonnage.study.validation import Prediction, validate

DATA = Path(__file__).parent / "data"
TABLES = {
    "train": ("training_measurements.csv", ("model", "seq_len", "precision")),
    "serve": (
        "inference_measurements.csv",
        ("model", "weight_precision", "input_len", "output_len", "software"),
    ),
}


def relation(a: Chip, b: Chip) -> str:
    """Return what two chips share: `family`, `vendor` or `none`."""
    if a.family.removesuffix(" (China)") == b.family.removesuffix(" (China)"):
        return "family"
    return "vendor" if a.vendor == b.vendor else "none"


def errors(
    predictions: Iterable[Prediction], rows: dict[str, dict[str, str]], columns: tuple[str, ...]
) -> dict[tuple[str, ...], dict[str, float]]:
    """Return the mean log error by workload and chip, the mean of all errors taken off."""
    catalog = load_catalog(date(2026, 11, 1))
    found: dict[tuple[str, ...], dict[str, list[float]]] = defaultdict(lambda: defaultdict(list))
    logs = {p.id: log(p.measured / p.predicted.p50) for p in predictions}
    mean = fmean(logs.values())
    for name, error in logs.items():
        row = rows[name]
        try:
            chip = catalog.find_all(row["chip"])[0]
        except InputError:
            continue
        found[tuple(row[c] for c in columns)][chip.id].append(error - mean)
    return {key: {c: fmean(e) for c, e in chips.items()} for key, chips in found.items()}


def main() -> None:
    catalog = load_catalog(date(2026, 11, 1))
    for kind, (name, columns) in TABLES.items():
        with (DATA / name).open(encoding="utf-8") as file:
            rows = {row["id"]: row for row in csv.DictReader(file)}
        pairs: dict[str, list[tuple[float, float]]] = defaultdict(list)
        for chips in errors(validate(DATA / name).predictions, rows, columns).values():
            for (a, x), (b, y) in combinations(chips.items(), 2):
                pairs[relation(catalog.by_id[a], catalog.by_id[b])].append((x, y))
        for what, found in sorted(pairs.items()):
            both = sum(x * y for x, y in found)
            size = sqrt(sum(x * x for x, _ in found) * sum(y * y for _, y in found))
            print(f"{kind:6} {what:7} {both / size:6.2f}  {len(found):4} pairs")


if __name__ == "__main__":
    main()
