"""Ours against published percentiles: first tokens, tokens, whole answers and throughput.

    python benchmarks/serving_percentiles.py [TABLE.csv] [--all] [--rows]

The table (`benchmarks/data/serving_published.csv`) holds runs that fixed no constant. Each is
played as its client sent it: so many requests, at a rate or by so many clients. Printed is, for
each quantity, by engine, chip, and source with chip: rows, mean and median of
|ours / published - 1|, median of ours / published - 1 (above 0: too long, or too fast), and the
share within the 80 % interval.
Rows marked `complete = no` (a cause that no column states) count only with `--all`.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from statistics import median

from tonnage.study.measurements import Row, read_table
from tonnage.study.validation import Prediction, Validation, score_of, validate

TABLE = Path(__file__).parent / "data" / "serving_published.csv"
QUANTITIES = (
    "tokens_per_s_total_output",
    *(f"{name}_{level}" for name in ("ttft", "tpot", "e2e")
      for level in ("ms", "p50_ms", "p90_ms", "p99_ms")),
)  # fmt: skip
TOLD = ("tokens_per_s_total_output", "ttft_p50_ms", "ttft_p99_ms", "tpot_p50_ms", "tpot_p99_ms")
"""Quantities that are told by engine, chip and source."""


def line(name: str, items: Sequence[Prediction]) -> None:
    """Print one line of scores."""
    if not items:
        return
    score = score_of(items)
    assert score.mape is not None
    assert score.median_ape is not None
    middle = median(item.error for item in items)
    print(f"  {name:44} rows {len(items):4}  MAPE {score.mape:7.1%}  median {score.median_ape:6.1%}"
          f"  bias {middle:+7.1%}  within 80 % interval {score.coverage_80:4.0%}")  # fmt: skip


def told_by(title: str, items: Iterable[Prediction], key: Callable[[Prediction], str]) -> None:
    """Print the scores of every group and quantity of `TOLD`."""
    groups: dict[tuple[str, str], list[Prediction]] = {}
    for item in items:
        if item.metric in TOLD:
            groups.setdefault((key(item), item.metric), []).append(item)
    print(f"\n{title}")
    for group, metric in sorted(groups, key=lambda pair: (pair[0], TOLD.index(pair[1]))):
        line(f"{group:26} {metric}", groups[group, metric])


def each(found: Validation, rows: dict[str, Row]) -> None:
    """Print ours over published for every row."""
    by_row: dict[str, dict[str, float]] = {}
    for item in (*found.predictions, *found.latencies):
        by_row.setdefault(item.id, {})[item.metric] = item.predicted.p50 / item.measured
    print("\nours / published")
    for name, ratios in by_row.items():
        row = rows[name]
        load = row.text("batch_or_concurrency") or f"{row.text('request_rate_per_s') or 'inf'}/s"
        told = "  ".join(f"{q[:-3] if q.endswith('_ms') else 'thr'} {ratios[q]:5.2f}"
                         for q in QUANTITIES if q in ratios and q in TOLD)  # fmt: skip
        print(f"  {name:9} {row.text('chip')[:14]:14} x{row.text('n_chips'):3} "
              f"{row.text('model')[:24]:24} {load:>8}  {told}")  # fmt: skip


def main() -> None:
    """Print the scores."""
    options = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    options.add_argument("table", nargs="?", default=str(TABLE))
    options.add_argument("--all", action="store_true", help="count incomplete rows too")
    options.add_argument("--rows", action="store_true", help="print every row's ratios")
    asked = options.parse_args()
    found = validate(asked.table, complete_only=not asked.all)
    rows = {row.id: row for row in read_table(asked.table).rows}
    items = [*found.predictions, *found.latencies]
    print(f"{found.rows} rows, {len(found.predictions)} answered; none fixed a constant")
    for why in sorted({skipped.why for skipped in found.skipped}):
        print(f"  {sum(s.why == why for s in found.skipped)} skipped: {why}")
    print("\nall")
    for quantity in QUANTITIES:
        line(quantity, [item for item in items if item.metric == quantity])
    told_by("by engine", items, lambda item: rows[item.id].text("software"))
    told_by("by chip", items, lambda item: item.chip)
    told_by("by source (first part of the id) and chip", items, lambda i: f"{i.source} {i.chip}")
    if asked.rows:
        each(found, rows)


if __name__ == "__main__":
    main()
