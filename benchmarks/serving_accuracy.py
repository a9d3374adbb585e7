"""Error of the serving model on published runs, beside the peers that are installed.

    python benchmarks/serving_accuracy.py [--cases CASES.csv] [--infersim DIR]
                                          [--every N]

Without options: the validation groups of `benchmarks/data/inference_measurements.csv`. Where
`aiconfigurator` is importable, its shipped InferenceX rows (H100 and H200, aggregated) are
predicted by both; no H200 row of it was fitted here. `--cases` names a table of static batches
(chip, num_chips, engine, model, input_len, output_len, batch, latency_s) (GenZ beside it).
A peer that is missing is named, with the error its runs had when we made them in November 2026.
"""

from __future__ import annotations

import argparse
import contextlib
import csv
import functools
import importlib
import importlib.util
import io
import re
import subprocess
import sys
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

import inferencex
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
CATALOG = load_catalog(today())
SYSTEMS = ("h100_sxm", "h200_sxm")
MISSING = {
    "aiconfigurator": "TPOT MAPE 23.5 % median 13.3 %, TTFT 51.3 % / 46.1 %, 74 % answered",
    "InferSim": "mean error 10.2 % on its six H20 and H800 points",
    "GenZ": "MAPE 49.9 % at efficiency 1 (22.4 % at 0.6) on 574 static batches",
    "LLM-Viewer": "MAPE 42.4 % on 574 static batches",
}
"""What we measured of the peers in November 2026, quoted where one is not installed."""


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


def latencies(rows: Sequence[Row], peer: Callable[[Row], tuple[float, float] | None]) -> None:
    """Score ours on all rows, and both on the rows that the peer answers too."""
    ours = predict_serving_cases([row.case for row in rows])
    answers = [peer(row) for row in rows]
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


SHIPPED_AS = {
    "meta-llama/Llama-3.1-70B": "meta-llama/Meta-Llama-3.1-70B",
    "meta-llama/Llama-3.1-8B-Instruct": "meta-llama/Meta-Llama-3.1-8B",
    "nvidia/Llama-3.1-8B-Instruct-FP8": "meta-llama/Meta-Llama-3.1-8B",
}
"""Models that aiconfigurator's rows and its folder of configurations name differently."""


def aiconfigurator_peer() -> Callable[[Row], tuple[float, float] | None]:
    """Return a function that asks aiconfigurator (measured tables) for one row.

    With the row's version of the engine, or its newest where it has no tables for that one.
    """
    from aiconfigurator.cli.api import cli_estimate  # type: ignore[import-not-found]

    _remember_versions()

    def ask(row: Row) -> tuple[float, float] | None:
        given = _asked(row.cells)
        for version in (row.cells["backend_version"] or None, None):
            sink = io.StringIO()
            with (
                contextlib.redirect_stdout(sink),
                contextlib.redirect_stderr(sink),
                contextlib.suppress(Exception),  # whatever a peer raises is its refusal
            ):
                found = cli_estimate(**given, backend_version=version)
                return (found.ttft, found.tpot) if min(found.ttft, found.tpot) > 0 else None
        return None

    return ask


def _asked(cells: dict[str, str]) -> dict[str, Any]:
    """Return one row as aiconfigurator's own arguments."""
    names = ("batch_size", "tp_size", "pp_size", "attention_dp_size", "moe_tp_size", "moe_ep_size")
    given: dict[str, Any] = {n: int(float(cells[n])) for n in names if cells[n]}
    return given | {
        "model_path": SHIPPED_AS.get(cells["model_path"], cells["model_path"]),
        "system_name": cells["system"], "mode": "agg", "backend_name": cells["backend"],
        "isl": int(cells["isl"]), "osl": int(cells["osl"]), "database_mode": "SILICON",
        "gemm_quant_mode": cells["gemm_quant_mode"] or None,
        "moe_quant_mode": cells["moe_quant_mode"] or None,
    }  # fmt: skip


def _remember_versions() -> None:
    """Keep what aiconfigurator reads anew from hundreds of files at every call (same answers)."""
    for name in ("aiconfigurator_core.sdk.perf_database", "aiconfigurator.sdk.perf_database"):
        with contextlib.suppress(ImportError):
            module = importlib.import_module(name)
            for look_up in ("get_supported_databases", "get_latest_database_version"):
                if hasattr(module, look_up):
                    setattr(module, look_up, functools.lru_cache(None)(getattr(module, look_up)))


def static_batches(path: Path, every: int) -> None:
    """Score a table of whole static batches, with GenZ beside where it is installed."""
    with path.open(newline="", encoding="utf-8") as stream:
        rows = list(csv.DictReader(stream))[::every]
    cases, seconds, kept = [], [], []
    for cells in rows:
        chip = CATALOG.find("A100 SXM 40GB" if "A100" in cells["chip"] else "H100")
        job = ServingJob(
            find_model(cells["model"].split("/")[-1]), float(cells["input_len"]),
            float(cells["output_len"]), concurrency=float(cells["batch"]),
            arrivals=Arrivals.STATIC,
        )  # fmt: skip
        engine = find_engine(cells["engine"], "", 2024, chip.vendor)
        cases.append(ServingCase(chip, job, ServingLayout(int(cells["num_chips"])), engine))
        seconds.append(float(cells["latency_s"]))
        kept.append(cells)
    found = predict_serving_cases(cases)
    line(f"static batches of {path.name}", errors((e.e2e_ms.p50 / 1e3 for e in found), seconds))
    if importlib.util.find_spec("GenZ"):
        line("GenZ, efficiency 1, the same rows", errors(map(_genz, kept), seconds))


def _genz(cells: dict[str, str]) -> float:
    from GenZ import decode_moddeling, prefill_moddeling  # type: ignore[import-not-found]

    a100 = "A100" in cells["chip"]
    system = {"Flops": 312 if a100 else 989, "Memory_size": 400 if a100 else 800,
              "Memory_BW": 1555 if a100 else 3350, "ICN": 300 if a100 else 450,
              "real_values": True}  # fmt: skip
    shape = "llama-2-70b" if "70" in cells["model"] else "llama-2-7b"
    shape = shape if "Llama-2" in cells["model"] else shape.replace("2-70b", "3.1-70B")
    shape = shape.replace("2-7b", "3.1-8B") if "Llama-2" not in cells["model"] else shape
    common = {"model": f"meta-llama/{shape}", "batch_size": int(cells["batch"]), "bits": "bf16",
              "system_name": system, "tensor_parallel": int(cells["num_chips"])}  # fmt: skip
    prompt, answer = int(cells["input_len"]), int(cells["output_len"])
    with contextlib.redirect_stdout(io.StringIO()):
        first = prefill_moddeling(input_tokens=prompt, **common)["Latency"]
        step = decode_moddeling(input_tokens=prompt, output_tokens=answer // 2, Bb=1, **common)
    return float(first + answer * step["Latency"]) / 1e3


def infersim_points(folder: str | None) -> None:
    """Score the six points that InferSim publishes; its own answers where a checkout is named."""
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
        if folder:
            theirs.append(_infersim(folder, config, options))
    line("ours on InferSim's six points", errors(ours, measured))
    if theirs:
        line("InferSim on its six points", errors(theirs, measured))


def _infersim(folder: str, config: str, options: str) -> float:
    command = [sys.executable, "main.py", "--config-path", f"hf_configs/{config}_config.json",
               "--device-type", *options.split()]  # fmt: skip
    run = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=True)
    told = re.search(r"Throughput \(TGS[^)]*\):\s+(\d+)", run.stdout)
    if told is None:
        message = "InferSim printed no throughput"
        raise RuntimeError(message)
    return float(told.group(1))


def missing(name: str) -> None:
    """Say that a peer is not installed, and what it scored when we ran it."""
    print(f"{name} is not installed here; when we ran it (November 2026): {MISSING[name]}")


def main() -> None:
    """Print every score."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--cases", type=Path)
    parser.add_argument("--infersim")
    parser.add_argument("--every", type=int, default=1)
    options = parser.parse_args()
    groups()
    infersim_points(options.infersim)
    if not options.infersim:
        missing("InferSim")
    if importlib.util.find_spec("aiconfigurator_core"):
        rows = inference_x(options.every)
        able = importlib.util.find_spec("aiconfigurator") is not None
        latencies(rows, aiconfigurator_peer() if able else lambda _: None)
        if not able:
            missing("aiconfigurator")
    else:
        missing("aiconfigurator")
    if options.cases:
        static_batches(options.cases, options.every)
    if not importlib.util.find_spec("GenZ"):
        missing("GenZ")
    missing("LLM-Viewer")


if __name__ == "__main__":
    main()
