"""Measure the predictions on the published runs and write the table into README.md.

Training constants were fitted on two thirds of the rows (by hash of the id); "not fitted" is the
other third. Serving constants were fitted on these rows, so their errors here are those of a fit;
`tools/fit_serving.py --chips --sources` scores whole chips and whole sources left out.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT / "benchmarks"))
from tonnage.study.validation import Prediction, validate  # noqa: E402
from training_accuracy import LARGE, Run, read_runs  # noqa: E402 - a script beside this folder

README = ROOT / "README.md"
BEGIN, END = "<!-- accuracy: begin -->\n", "<!-- accuracy: end -->"
HEAD = (
    "| published runs | rows | mean error | median | in the 80 % interval |\n"
    "|---|--:|--:|--:|--:|\n"
)

TRAINING: dict[str, Callable[[Run], bool]] = {
    "training, 29 large A100 runs (1.7B to 1T, 8 to 3,360 chips)": lambda r: r.source in LARGE,
    "training, MosaicML FSDP, H100": lambda r: r.source == "mosaic" and "h100" in r.case.chip.id,
    "training, MosaicML FSDP, A100 80 GB": lambda r: (
        r.source == "mosaic" and r.case.chip.id == "nv-a100-sxm-80"
    ),
    "training, MosaicML FSDP, A100 40 GB": lambda r: (
        r.source == "mosaic" and r.case.chip.id == "nv-a100-sxm-40"
    ),
    "training, vTrain single node, A100": lambda r: r.source == "vts",
    "training, Ascend 910B": lambda r: r.source.startswith("ascend"),
    "training, every complete row": lambda _: True,
    "training, every complete row not fitted": lambda r: r.held,
}

SERVING: dict[str, Callable[[Prediction], bool]] = {
    "serving, InferenceX, H100, TPOT": lambda p: _inferencex(p, "nv-h100-sxm", "tpot_ms"),
    "serving, InferenceX, H100, TTFT": lambda p: _inferencex(p, "nv-h100-sxm", "ttft_ms"),
    "serving, static batches": lambda p: p.id.split("-")[0] in ("trtold", "anl", "lmd"),
    "serving, H20": lambda p: p.chip == "nv-h20-96",
}


def _inferencex(prediction: Prediction, chip: str, metric: str) -> bool:
    return (
        prediction.id.startswith("aic") and prediction.chip == chip and prediction.metric == metric
    )


def line(name: str, error: np.ndarray, covered: np.ndarray) -> str:
    ape = np.abs(error)
    return (
        f"| {name} | {len(ape):,} | {ape.mean():.1%} | {np.median(ape):.1%} "
        f"| {covered.mean():.0%} |\n"
    )


def table() -> str:
    runs = read_runs()
    text = HEAD
    for name, wanted in TRAINING.items():
        own = [r for r in runs if wanted(r)]
        text += line(name, np.array([r.error for r in own]), np.array([r.covered for r in own]))
    answer = validate(ROOT / "benchmarks" / "data" / "inference_measurements.csv")
    scored = [*answer.predictions, *answer.latencies]
    for name, chosen in SERVING.items():
        rows = [p for p in scored if chosen(p)]
        text += line(name, np.array([p.error for p in rows]), np.array([p.covered for p in rows]))
    return text


def main() -> None:
    before, rest = README.read_text(encoding="utf-8").split(BEGIN)
    _, after = rest.split(END)
    README.write_text(before + BEGIN + table() + END + after, encoding="utf-8")


if __name__ == "__main__":
    main()
