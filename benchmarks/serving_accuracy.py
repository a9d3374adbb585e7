"""Error of the serving model on published runs, beside the peers that are installed.

    python benchmarks/serving_accuracy.py [--infersim DIR] [--llm-viewer DIR] [--every N]

Three sets of rows: the validation groups of `data/inference_measurements.csv` with InferSim's six
points; the InferenceX rows (H100 and H200, aggregated) that aiconfigurator's wheel ships, of which
no H200 row was fitted here; and whole static batches of `data/static_batches.csv`. Peers:
aiconfigurator and GenZ (`pip install aiconfigurator==0.12.0 genz-llm==0.0.16`), InferSim
(github alibaba/InferSim) and LLM-Viewer (github hahnyuan/LLM-Viewer, with `transformers`) as
checkouts. One that is missing is named, with what it scored when we ran it.
"""

from __future__ import annotations

import argparse
import contextlib
import csv
import importlib.util
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

import inferencex
import serving_peers
from tonnage.catalog import load_catalog
from tonnage.dates import today
from tonnage.errors import TonnageError
from tonnage.perf import ServingCase, ServingLayout, find_engine, predict_serving_cases
from tonnage.study.measurements import Row as MeasuredRow
from tonnage.study.measurements import read_table
from tonnage.study.measurements_labels import Unusable
from tonnage.study.measurements_serving import METRICS, all_questions, serving_question
from tonnage.workload import Arrivals, ServingJob, find_model

TABLE = Path(__file__).parent / "data" / "inference_measurements.csv"
BATCHES = TABLE.with_name("static_batches.csv")
CATALOG = load_catalog(today())
SYSTEMS = ("h100_sxm", "h200_sxm")


@dataclass(frozen=True)
class Row:
    """One InferenceX row as a question, with what was measured."""

    cells: dict[str, str]
    case: ServingCase
    ttft_ms: float
    tpot_ms: float


def errors(predicted: Iterable[float], measured: Iterable[float]) -> Any:
    """Return predicted / measured - 1."""
    return np.array(list(predicted), float) / np.array(list(measured), float) - 1.0


def line(name: str, error: Any, whole: int | None = None, note: str = "") -> None:
    """Print one line of a score."""
    size = len(error)
    if not size:
        print(f"{name:44} no rows")
        return
    share = f" of {whole} ({size / whole:.1%})" if whole else ""
    absolute = np.abs(error)
    print(f"{name:44} rows {size:5}{share:16} MAPE {absolute.mean():6.1%}  "
          f"median {np.median(absolute):6.1%}  p90 {np.quantile(absolute, 0.9):6.1%}  "
          f"bias {np.median(error):+6.1%}  {note}")  # fmt: skip


def groups() -> None:
    """Score the validation groups of the table."""
    asked = all_questions(read_table(TABLE).rows, CATALOG)[0]
    found = predict_serving_cases([q.case for q in asked])
    spreads = [METRICS[q.metric](q, e) for q, e in zip(asked, found, strict=True)]
    error = errors((s.p50 for s in spreads), (q.measured for q in asked))
    inside = np.array([s.p10 <= q.measured <= s.p90 for s, q in zip(spreads, asked, strict=True)])
    subset = np.array([q.row.text("subset") for q in asked])
    for name in sorted(set(subset) - {""}):
        mine = subset == name
        line(f"group {name}", error[mine], note=f"80 % interval holds {inside[mine].mean():.0%}")
    line("all rows of the table", error, note=f"80 % interval holds {inside.mean():.0%}")


def inference_x(every: int) -> list[Row]:
    """Return the aggregated H100 and H200 rows that aiconfigurator ships."""
    runs = inferencex.sample()
    kept = [
        (cells, drafts)
        for cells, drafts in zip(runs, inferencex.drafted(runs), strict=True)
        if cells["system"] in SYSTEMS
    ][::every]
    found = []
    for number, (cells, drafts) in enumerate(kept):
        with contextlib.suppress(TonnageError, Unusable):
            told = inferencex.row(cells, number, drafts)
            case = serving_question(MeasuredRow(told["id"], number, told), CATALOG).case
            found.append(Row(cells, case, float(told["ttft_ms"]), float(told["tpot_ms"])))
    print(f"InferenceX rows, H100 and H200, aggregated: {len(kept)}, ours {len(found)}")
    return found


def latencies(
    rows: Sequence[Row], peer: Callable[[serving_peers.Cells], tuple[float, float] | None] | None
) -> None:
    """Score ours on all rows, and both on the rows that the peer answers too."""
    ours = predict_serving_cases([row.case for row in rows])
    answers = [peer(row.cells) if peer else None for row in rows]
    both = [k for k, answer in enumerate(answers) if answer is not None]
    for field in ("tpot_ms", "ttft_ms"):
        measured = [getattr(row, field) for row in rows]
        spread = [getattr(answer, field) for answer in ours]
        for system in (*SYSTEMS, ""):
            mine = [k for k, row in enumerate(rows) if system in row.cells["system"]]
            held = np.mean([spread[k].p10 <= measured[k] <= spread[k].p90 for k in mine])
            line(f"ours {field} {system or 'both'}",
                 errors((spread[k].p50 for k in mine), (measured[k] for k in mine)),
                 note=f"80 % interval holds {held:.0%}")  # fmt: skip
        if both:
            index = 0 if field == "ttft_ms" else 1
            told = [answers[k][index] for k in both]  # type: ignore[index]
            line(f"aiconfigurator {field}, rows it answers",
                 errors(told, (measured[k] for k in both)), len(rows))  # fmt: skip
            line(f"ours {field}, the same rows",
                 errors((spread[k].p50 for k in both), (measured[k] for k in both)))  # fmt: skip


def static_batches(path: Path, every: int, peers: Mapping[str, serving_peers.Seconds]) -> None:
    """Score a table of whole static batches, with the peers beside."""
    with path.open(newline="", encoding="utf-8") as stream:
        rows = list(csv.DictReader(stream))[::every]
    cases = []
    for cells in rows:
        chip = CATALOG.find("A100 SXM 40GB" if "A100" in cells["chip"] else "H100")
        job = ServingJob(
            find_model(cells["model"].split("/")[-1]), float(cells["input_len"]),
            float(cells["output_len"]), concurrency=float(cells["batch"]),
            arrivals=Arrivals.STATIC,
        )  # fmt: skip
        engine = find_engine(cells["engine"], "", 2024, chip.vendor)
        cases.append(ServingCase(chip, job, ServingLayout(int(cells["num_chips"])), engine))
    seconds = [float(cells["latency_s"]) for cells in rows]
    found = predict_serving_cases(cases)
    line(f"ours on {path.name}", errors((e.e2e_ms.p50 / 1e3 for e in found), seconds))
    for name, ask in peers.items():
        line(f"{name}, the same rows", errors(map(ask, rows), seconds))


def infersim_points(peer: Callable[[str, str], float] | None) -> None:
    """Score the six points that InferSim publishes; its own answers beside."""
    wide = "--use-fp8-gemm --enable-deepep --enable-tbo --target-osl 1786"
    points = [
        ("deepseek-v3", "nv-h800-sxm", ServingLayout(dp=32, ep=32), 4096, 0, 4, "fp8", 7839.0,
         "deepseek_v3",
         f"H800 --world-size 32 --num-nodes 4 {wide} --max-prefill-tokens 8192 --prefill-only"),
        ("deepseek-v3", "nv-h800-sxm", ServingLayout(dp=128, ep=128), 4096, 1786, 64, "fp8",
         2324.0, "deepseek_v3",
         f"H800 --world-size 128 --num-nodes 16 {wide} --decode-bs 64 --decode-only"),
        ("qwen3-30b-a3b", "nv-h20-96", ServingLayout(), 4096, 0, 4, "bf16", 16594.0,
         "qwen3-30B-A3B", "H20 --world-size 1 --max-prefill-tokens 16384 --prefill-only"),
        ("qwen3-30b-a3b", "nv-h20-96", ServingLayout(dp=4, ep=4), 4096, 2048, 100, "bf16", 2749.0,
         "qwen3-30B-A3B", "H20 --world-size 4 --decode-bs 100 --decode-only"),
        ("qwen3-8b", "nv-h20-96", ServingLayout(), 4096, 0, 4, "fp8", 15061.0, "qwen3-8B",
         "H20 --world-size 1 --max-prefill-tokens 16384 --use-fp8-gemm --prefill-only"),
        ("qwen3-8b", "nv-h20-96", ServingLayout(), 4096, 2048, 64, "fp8", 2682.0, "qwen3-8B",
         "H20 --world-size 1 --decode-bs 64 --use-fp8-gemm --decode-only"),
    ]  # fmt: skip
    ours, theirs, measured = [], [], []
    for name, chip, layout, prompt, answer, batch, weights, value, config, options in points:
        software = "deepep" if "deepseek" in name else "sglang"
        job = ServingJob(find_model(name), prompt, max(answer, 1), concurrency=batch * layout.dp,
                         arrivals=Arrivals.STATIC, weights=weights)  # fmt: skip
        case = ServingCase(CATALOG.by_id[chip], job, layout, find_engine(software))
        found = predict_serving_cases([case])[0]
        speed = (
            batch * 1e3 / found.tpot_ms.p50 if answer else batch * prompt * 1e3 / found.ttft_ms.p50
        )
        ours.append(speed)
        measured.append(value)
        print(f"  {name:14} {chip:12} {'decode' if answer else 'prefill':8} measured {value:7.0f}  "
              f"ours {speed:7.0f} ({speed / value - 1:+.1%}) tokens/s per chip")  # fmt: skip
        if peer:
            theirs.append(peer(config, options))
    line("ours on InferSim's six points", errors(ours, measured))
    if theirs:
        line("InferSim on its six points", errors(theirs, measured))


def main() -> None:
    """Print every score."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--cases", type=Path, default=BATCHES, help="another table of batches")
    parser.add_argument("--infersim", help="checkout of InferSim")
    parser.add_argument("--llm-viewer", help="checkout of LLM-Viewer")
    parser.add_argument("--every", type=int, default=1, help="take every n-th row")
    options = parser.parse_args()
    groups()
    simulator = serving_peers.infersim(options.infersim)
    infersim_points(simulator)
    tables = serving_peers.aiconfigurator_latencies()
    if importlib.util.find_spec("aiconfigurator_core"):
        latencies(inference_x(options.every), tables)
    batches = {
        "aiconfigurator": serving_peers.aiconfigurator_batches(),
        "GenZ": serving_peers.genz(),
        "LLM-Viewer": serving_peers.llm_viewer(options.llm_viewer),
    }
    static_batches(options.cases, options.every, {n: ask for n, ask in batches.items() if ask})
    for name, ask in {"InferSim": simulator, **batches}.items():
        if ask is None:
            serving_peers.missing(name)


if __name__ == "__main__":
    main()
