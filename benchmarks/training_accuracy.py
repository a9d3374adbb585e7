"""Error of the training model on published runs, beside its peers on the same runs.

    python benchmarks/training_accuracy.py [--calculon CHECKOUT] [--simumax CHECKOUT] [--rows N]

Peers are not dependencies. To have them in the table, make an environment of their own:

    python -m venv peers
    peers/bin/pip install . llm-analysis==0.2.2 pandas psutil sympy
    git clone https://github.com/calculon-ai/calculon ; git clone https://github.com/MooreThreads/SimuMax
    peers/bin/python benchmarks/training_accuracy.py --calculon calculon --simumax SimuMax

Peers are set as in their own documentation and tuned to nothing: Calculon with its shipped system
files (memory check lifted), llm-analysis with efficiency 0.5 as its README advises, SimuMax with
its measured A100-PCIe operators and the network of its template. A peer that is not importable is
named as missing. `--rows` limits the rows per source that peers run on (SimuMax takes seconds
each).

Our constants were fitted on two thirds of the rows (by hash of the id, `tools/fit_training.py`);
"held" is the other third. The eight rows of Korthikanti's Table 5 are those Calculon's authors
validated on, so they stand apart.
"""

from __future__ import annotations

import argparse
import re
import sys
import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).parent))
from tonnage.catalog import load_catalog
from tonnage.dates import today
from tonnage.perf import TrainingCase, predict_cases
from tonnage.provenance import Spread
from tonnage.study.measurements import read_table
from tonnage.study.measurements_training import all_questions, as_metric
from training_peers import Predict, calculon, llm_analysis, simumax

ROOT = Path(__file__).parents[1]
TABLES = (
    "benchmarks/data/training_measurements.csv",
    "benchmarks/data/training_vtrain_single.csv",
    "tests/golden/training_large_scale.csv",
)
TUNED_ON = "korthi22"
LARGE = ("korthi22", "megatron21", "t5dp", "n2", "mt")


@dataclass(frozen=True, slots=True)
class Run:
    """One measured run, and our prediction of it."""

    id: str
    source: str
    case: TrainingCase
    seconds: float
    ours: Spread

    @property
    def held(self) -> bool:
        """Return whether the fit did not see it."""
        return zlib.crc32(self.id.encode()) % 3 == 0

    @property
    def error(self) -> float:
        """Predicted / measured - 1."""
        return self.ours.p50 / self.seconds - 1.0

    @property
    def covered(self) -> bool:
        """Return whether the 80 % interval holds the measured time."""
        return self.ours.p10 <= self.seconds <= self.ours.p90


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--calculon", type=Path)
    parser.add_argument("--simumax", type=Path)
    parser.add_argument("--rows", type=int, default=100)
    options = parser.parse_args()
    runs = read_runs()
    print_ours("all complete rows", runs)
    print_ours("held-out rows", [r for r in runs if r.held])
    large = [r for r in runs if r.source in LARGE]
    print_ours("29 large-scale A100 rows, with the eight that Calculon tuned on", large, "all")
    untuned = [r for r in large if r.source != TUNED_ON]
    print_ours("the 21 of them that no peer tuned on", untuned, "all")
    peers: dict[str, Predict | None] = {
        "Calculon": calculon(options.calculon),
        "llm-analysis": llm_analysis(),
        "SimuMax": simumax(options.simumax),
    }
    missing = [name for name, predict in peers.items() if predict is None]
    if missing:
        print(f"\nnot importable, so not compared: {', '.join(missing)} (see the top of this file)")
    for name, predict in peers.items():
        if predict is not None:
            print_peer(name, predict, runs, options.rows)


def read_runs() -> list[Run]:
    """Return every complete row of the tables with our prediction."""
    catalog = load_catalog(today())
    found = []
    for path in TABLES:
        for asked in all_questions(read_table(ROOT / path).rows, catalog)[0]:
            if asked.row.text("complete") == "yes":
                case = asked.cases[0]
                unit = as_metric(asked, case, Spread.exactly(1.0)).p50
                timed = asked.metric == "iter_time_s"
                seconds = asked.measured if timed else unit / asked.measured
                found.append((asked.row.id, case, seconds))
    estimates = predict_cases([case for _, case, _ in found])
    return [
        Run(name, re.sub(r"-\d+$", "", name), case, seconds, estimate.iteration_time_s)
        for (name, case, seconds), estimate in zip(found, estimates, strict=True)
    ]


def print_ours(title: str, runs: Sequence[Run], by: str = "source and chip") -> None:
    """Print MAPE, median, p90, bias and coverage by source and chip."""
    print(f"\nTonnage, {title}: {len(runs)} rows")
    head = f"  {'source':12}{'chip':18}{'rows':>5}{'MAPE':>8}{'median':>8}{'p90':>8}"
    print(head + f"{'bias':>8}{'in 80 %':>9}")
    means = []
    for source, chip in sorted({(r.source, r.case.chip.id) for r in runs}):
        own = [r for r in runs if (r.source, r.case.chip.id) == (source, chip)]
        means.append(np.mean([abs(r.error) for r in own]))
        if by != "all":
            _line(source, chip, own)
    _line("all", "", runs)
    print(f"  mean of the {len(means)} groups {np.mean(means):.1%}")


def _line(source: str, chip: str, runs: Sequence[Run]) -> None:
    error = np.array([r.error for r in runs])
    ape = np.abs(error)
    covered = np.mean([r.covered for r in runs])
    print(
        f"  {source:12}{chip:18}{len(runs):5}{ape.mean():8.1%}{np.median(ape):8.1%}"
        f"{np.quantile(ape, 0.9):8.1%}{error.mean():+8.1%}{covered:9.0%}"
    )


def print_peer(name: str, predict: Predict, runs: Sequence[Run], most: int) -> None:
    """Print a peer's error and ours on the rows that it can run."""
    print(f"\n{name} beside Tonnage, on the rows that it runs (at most {most} a source)")
    print(f"  {'source':12}{'chip':18}{'rows':>9}{'its MAPE':>10}{'its bias':>10}{'our MAPE':>10}")
    for source, chip in sorted({(r.source, r.case.chip.id) for r in runs}):
        own = [r for r in runs if (r.source, r.case.chip.id) == (source, chip)][:most]
        theirs, ours = [], []
        for run in own:
            try:
                theirs.append(predict(run.case) / run.seconds - 1.0)
            except Exception:  # noqa: BLE001 - whatever a peer raises means: it cannot run this row
                continue
            ours.append(abs(run.error))
        if theirs:
            its = np.array(theirs)
            print(
                f"  {source:12}{chip:18}{len(its):4} of {len(own):<3}{np.abs(its).mean():8.1%}"
                f"{its.mean():+10.1%}{np.mean(ours):10.1%}"
            )


if __name__ == "__main__":
    main()
