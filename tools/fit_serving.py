"""Fit the constants of serving engines to published runs, and show what held-out rows say.

A constant belongs to an engine in a class of its versions, never to a run, a chip or a model. Each
has a prior (in its file) and moves only as far as the rows ask for. No InferenceX row of an H200
is ever fitted (they judge), nor GPUStack's H100 runs: with three engines alike these lie 1.4 to
2.2 times below every other source, so they tell of that machine.

    python tools/fit_serving.py [--write] [--chips] [--sources] [--only ENGINE ...]

`--chips` and `--sources` leave out each chip (each source) in turn as a whole and score it with
constants fitted on the rest; where nothing is left, with the priors. `--write` puts values, priors
and origin into `data/engines`. `--only` takes the named classes alone.
"""

from __future__ import annotations

import argparse
import re
import zlib
from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, fields, is_dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from scipy.optimize import least_squares

from tonnage.catalog import load_catalog
from tonnage.dates import today
from tonnage.files import read_yaml, write_text
from tonnage.perf.machine import machine_of
from tonnage.perf.serving.case import Cases, plain_cases, tuned
from tonnage.perf.serving.engine import CONSTANTS, engine_entries
from tonnage.perf.serving.flow import Flow, solve
from tonnage.perf.serving.formats import kind_of_weights
from tonnage.study.measurements import read_table
from tonnage.study.measurements_serving import ServingQuestion, all_questions

ROOT = Path(__file__).parents[1]
TABLE = ROOT / "benchmarks" / "data" / "inference_measurements.csv"
RUNS = ROOT / "benchmarks" / "data" / "inferencex.csv"
"""InferenceX runs but those of an H200; `aic` rows of the other table are among them."""
ENGINES = ROOT / "src" / "tonnage" / "data" / "engines"
FAMILIES = ROOT / "src" / "tonnage" / "data" / "families"
ERROR, TTFT_ERROR = 0.08, 0.33
"""Deviation of the log that a throughput (a time to first token) is weighed by."""
FEW = 25
"""Rows below which a class's priors are held tighter."""
OF_SOME, TOLD = ("unpack_core_gbs", "captured_ratio"), 10
"""Constants of which some rows alone speak, and how many of them move one: fewer are one run's
settings as much as a kernel."""

STATIC_GROUPS = ("A", "C", "D")
"""Validation groups of static batches, which are judged together."""

PRIORS = {
    "step_s": 1.0, "layer_s": 0.8, "sequence_s": 1.0, "stream_s": 1.0, "sharing": 0.8,
    "pipeline_loss": 0.8, "preemption": 0.8, "request_s": 0.35, "prompt_layer_s": 1.2,
    "prefill_s_per_token": 0.7,
    "collective_s": 0.7, "gemm_ratio": 0.2, "memory_ratio": 0.12, "attention_ratio": 0.35,
    "decode_ratio": 0.3, "moe_ratio": 0.4, "moe_memory_ratio": 0.3,
    "unpack_core_gbs": 0.4, "captured_ratio": 0.5,
    "core_read_gbs": 0.3,
}  # fmt: skip
"""Deviation of the log that each constant may move by."""
UNLIMITED_GBS = 500.0
"""What a core reads limits no chip from here on, and is left alone."""
KERNELS = ("gemm_ratio", "attention_ratio", "decode_ratio", "moe_ratio", "moe_memory_ratio")
"""Constants of kernels that engines write anew for a family of chips."""
OWN_ROWS = 100
"""Rows below which a family takes the engine's constants."""
OWN = 0.3
"""Deviation of the log of such a constant on one family from that of the engine."""
LARGEST = {"request_s": 0.0101, "prefill_s_per_token": 1e-5}
"""Most seconds that interface and tokenizer take: runs that ask for more met something else."""
LARGEST_RATIO = 1.15
"""An engine's kernel may beat the family's bare one by this much."""


@dataclass(frozen=True, slots=True, eq=False)
class Rows:
    """Measured runs of one engine class, and what the model needs of them. Axis [row]."""

    asked: list[ServingQuestion]
    cases: Cases
    value: np.ndarray
    ttft: np.ndarray
    """Measured milliseconds; NaN where the row has none beside its headline."""
    weight: np.ndarray
    family: np.ndarray

    def take(self, index: np.ndarray) -> Rows:
        """Return the rows at `index`."""
        return Rows(
            [self.asked[i] for i in index], take(self.cases, index, len(self.asked)),
            self.value[index], self.ttft[index], self.weight[index],
            self.family[index],
        )  # fmt: skip


def take(part: Any, index: np.ndarray, size: int) -> Any:
    """Return a struct of arrays at `index`."""
    if isinstance(part, np.ndarray):
        return part[index]
    if is_dataclass(part) and not isinstance(part, type):
        inner = {f.name: take(getattr(part, f.name), index, size) for f in fields(part)}
        return replace(part, **inner)
    if isinstance(part, tuple) and len(part) == size:
        return tuple(part[i] for i in index)
    return part


def fitted(question: ServingQuestion) -> bool:
    """Return whether a row may be fitted (see the head of this file)."""
    name, chip = question.row.id, question.case.chip.id
    if question.row.text("complete") != "yes" or name.startswith("aic"):
        return False
    return not (name.startswith("gps") and chip == "nv-h100-sxm")


def read_rows() -> dict[str, Rows]:
    """Return the rows that may be fitted, by engine class."""
    table = (*read_table(TABLE).rows, *read_table(RUNS).rows)
    asked = [q for q in all_questions(table, load_catalog(today()))[0] if fitted(q)]
    grouped: dict[str, list[ServingQuestion]] = {}
    for question in asked:
        grouped.setdefault(question.case.engine.id, []).append(question)
    return {name: _rows(questions) for name, questions in sorted(grouped.items())}


def _rows(asked: list[ServingQuestion]) -> Rows:
    kinds = [(source(q), q.case.chip.id, q.row.text("software_version")) for q in asked]
    count = Counter(kinds)
    weight = np.array([count[kind] ** -0.25 for kind in kinds])
    # SGLang compiles kernels when it first meets a shape; the others do so before they serve.
    streamed = [
        q.metric != "ttft_ms" and source(q) in ("ix", "ix870")
        and not (q.case.engine.id.startswith("sglang") and "without warm-up" in q.row.told)
        for q in asked
    ]  # fmt: skip
    first = [(q.row.number("ttft_ms") or np.nan) if s else np.nan
             for q, s in zip(asked, streamed, strict=True)]  # fmt: skip
    return Rows(
        asked,
        plain_cases([q.case for q in asked]),
        np.array([q.measured for q in asked]),
        np.array(first),
        weight / np.sqrt(np.mean(weight**2)),
        np.array([machine_of(q.case.chip).family for q in asked]),
    )


def source(question: ServingQuestion) -> str:
    """Return the prefix of a row's id, which names its source."""
    return question.row.id.split("-")[0]


def predicted(rows: Rows, cases: Cases, flow: Flow) -> np.ndarray:
    """Return each row's metric."""
    load, layout = cases.load, cases.layout
    chips = layout.tp * layout.pp * layout.dp
    output, prompts = flow.requests_per_s * load.output, flow.requests_per_s * load.input
    decoding = np.array([q.row.text("phase") == "decode" for q in rows.asked])
    output = np.where(
        decoding, np.maximum(load.concurrency, 1.0) / np.maximum(flow.tpot_s, 1e-12), output
    )
    answers = {
        "tokens_per_s_total_output": output,
        "tokens_per_s_total": flow.requests_per_s * (load.output + load.input),
        "tokens_per_s_output_per_chip": output / chips,
        "tokens_per_s_output_AMBIGUOUS": output / chips,
        "tokens_per_s_input_total": prompts,
        "tokens_per_s_input_per_node8": prompts / chips * 8.0,
        "ttft_ms": flow.ttft_s * 1e3,
        "tpot_ms": flow.tpot_s * 1e3,
    }
    return np.array([answers[q.metric][i] for i, q in enumerate(rows.asked)])


def with_constants(rows: Rows, constants: dict[str, float]) -> Cases:
    """Return the rows' cases with an engine of these constants."""
    size = len(rows.asked)
    # Settings that a row states stay as they are.
    arrays: dict[str, Any] = {n: np.full(size, constants[n]) for n in PRIORS}
    for name in constants.keys() - set(CONSTANTS):
        constant, family = name.split("@")
        arrays[constant] = np.where(rows.family == family, constants[name], arrays[constant])
    return tuned(replace(rows.cases, engine=replace(rows.cases.engine, **arrays)))


def residuals(rows: Rows, constants: dict[str, float]) -> tuple[np.ndarray, np.ndarray]:
    """Return the log of predicted over measured: headline, and time to first token."""
    cases = with_constants(rows, constants)
    flow = solve(cases)
    headline = np.log(np.maximum(predicted(rows, cases, flow), 1e-12) / rows.value)
    known = np.isfinite(rows.ttft)
    return headline, np.log(flow.ttft_s[known] * 1e3 / rows.ttft[known])


def speaking(rows: Rows, name: str) -> np.ndarray:
    """Return where rows say anything about a constant. Axis [row]."""
    cases, every = rows.cases, np.ones(len(rows.asked), bool)
    told = {
        "gemm_ratio": ~(cases.shape.routed > 0), "moe_ratio": cases.shape.routed > 0,
        "moe_memory_ratio": cases.shape.routed > 0, "unpack_core_gbs": cases.unpacked > 0,
        "captured_ratio": cases.engine.captured_tokens > 0,
    }  # fmt: skip
    found: np.ndarray = told.get(name.split("@")[0], every)
    return found


def movable(rows: Rows, base: dict[str, float]) -> list[str]:
    """Return the constants that these rows say anything about."""
    told = {n: int(np.sum(speaking(rows, n))) for n in PRIORS}
    names = [n for n in PRIORS if base[n] > 0 and told[n] >= (TOLD if n in OF_SOME else 1)]
    # A loss or a limit that an engine does not have stays away.
    return [n for n in names if not (n.endswith("_gbs") and base[n] >= UNLIMITED_GBS)]


def own(rows: Rows, names: Sequence[str]) -> list[str]:
    """Return `constant@family` of the kernels that families have enough rows to differ in."""
    count = Counter(rows.family)
    large = sorted(f for f, runs in count.items() if runs >= OWN_ROWS and len(count) > 1)
    dense = speaking(rows, "gemm_ratio")
    told = {n: dense if n == "decode_ratio" else speaking(rows, n) for n in KERNELS}
    return [
        f"{n}@{f}" for f in large for n in KERNELS
        if n in names and np.any(told[n] & (rows.family == f))
    ]  # fmt: skip


def fit(rows: Rows, base: dict[str, float]) -> dict[str, float]:
    """Return constants near `base` that the rows ask for (soft L1, priors as residuals)."""
    joint = movable(rows, base)
    names = joint + own(rows, joint)
    width = np.array([PRIORS.get(n, OWN) for n in names])
    width = width / max(1.0, (FEW / len(rows.asked)) ** 0.5)

    def constants(x: np.ndarray) -> dict[str, float]:
        found = dict(base)
        for name, move in zip(names, x, strict=True):
            found[name] = found[name.split("@")[0]] * float(np.exp(move))
        return {n: min(v, LARGEST_RATIO) if "@" in n else v for n, v in found.items()}

    def cost(x: np.ndarray) -> np.ndarray:
        headline, first = residuals(rows, constants(x))
        return np.concatenate([headline * rows.weight / ERROR, first / TTFT_ERROR, x / width])

    top = [_most(name, base) for name in names]
    bounds = (np.full(len(names), -5.0), np.maximum(top, 0.02))
    found = least_squares(cost, np.zeros(len(names)), loss="soft_l1", bounds=bounds, max_nfev=40)
    return constants(found.x)


def _most(name: str, base: dict[str, float]) -> float:
    """Return the largest move of a constant's log."""
    if "@" in name:
        return 1.0
    if name in LARGEST:
        return float(np.log(LARGEST[name] / base[name]))
    return float(np.log(LARGEST_RATIO / base[name])) if "ratio" in name else 4.0


def held_out(rows: Rows, base: dict[str, float], group: Sequence[Any]) -> np.ndarray:
    """Return each row's residual with constants fitted without its group."""
    result = np.zeros(len(rows.asked))
    keys = np.array([str(g) for g in group])
    for key in sorted(set(keys)):
        out, rest = np.flatnonzero(keys == key), np.flatnonzero(keys != key)
        constants = fit(rows.take(rest), base) if len(rest) else base
        result[out] = residuals(rows.take(out), constants)[0]
    return result


def score(name: str, residual: np.ndarray) -> str:
    """Return one line: rows, MAPE, median and bias in percent."""
    error = np.expm1(residual)
    mape, median = 100 * np.mean(np.abs(error)), 100 * np.median(np.abs(error))
    bias = 100 * np.median(error)
    return (
        f"{name:34} rows {len(error):5}  MAPE {mape:5.1f}  median {median:5.1f}  bias {bias:+5.1f}"
    )


def read_engine(name: str) -> tuple[dict[str, Any], dict[str, float]]:
    """Return an engine's file and its priors (the value where a constant is not fitted)."""
    data = read_yaml(ENGINES / f"{name}.yaml").data
    given = data["constants"]
    return data, {n: float(given[n].get("prior", given[n]["value"])) for n in CONSTANTS}


def run_counts(rows: Rows) -> dict[str, dict[str, int]]:
    """Return the fitted runs by chip, model, format and maker."""
    chips = [q.case.chip for q in rows.asked]
    expert = [c.id for c, q in zip(chips, rows.asked, strict=True) if q.case.job.model.experts]
    count = {
        "chips": Counter(c.id for c in chips),
        "expert_chips": Counter(expert),
        "models": Counter(q.case.job.model.id for q in rows.asked),
        "formats": Counter(kind_of_weights(q.case.job.weights) for q in rows.asked),
        "makers": Counter(c.vendor for c in chips),
    }
    return {name: dict(sorted(runs.items())) for name, runs in count.items()}


def deviations(residual: np.ndarray, expert: np.ndarray) -> dict[str, float]:
    """Return deviations of the log by 80 % of the rows not fitted, without and with experts."""
    found = {}
    for name, mine in (("sigma", ~expert), ("expert_sigma", expert)):
        told = residual[mine] if np.sum(mine) >= FEW else residual
        found[name] = max(float(np.quantile(np.abs(told), 0.8)) / 1.2816, 0.04)
    return found


def by_family(values: dict[str, float]) -> dict[str, dict[str, float]]:
    """Return the constants of single families: family → constant → value."""
    found: dict[str, dict[str, float]] = defaultdict(dict)
    for name in sorted(n for n in values if "@" in n):
        constant, family = name.split("@")
        found[family][constant] = float(f"{values[name]:.4g}")
    return dict(found)


def write_engine(name: str, data: dict[str, Any], values: dict[str, float], origin: str) -> None:
    """Write an engine's constants with prior and source."""
    lines = [f"{key}: {_plain(value)}" for key, value in data.items() if key != "constants"]
    lines.append("constants:")
    for constant in CONSTANTS:
        old = data["constants"][constant]
        entry = f"value: {values.get(constant, float(old['value'])):.4g}"
        where = old["source"]
        if constant in values:
            entry += f", prior: {float(old.get('prior', old['value'])):.4g}"
            if old.get("prior_source"):
                entry += f', prior_source: "{old["prior_source"]}"'
            where = origin
        lines.append(f'  {constant}: {{{entry}, source: "{where}"}}')
    write_text(ENGINES / f"{name}.yaml", "\n".join(lines) + "\n")


def _plain(value: Any) -> str:
    import json

    return json.dumps(value, ensure_ascii=False)


def write_anchors(groups: dict[str, Rows]) -> None:
    """Count the fitted rows of each family into its file."""
    count: Counter[str] = Counter()
    for rows in groups.values():
        count.update(machine_of(q.case.chip).family for q in rows.asked)
    for path in sorted(FAMILIES.glob("*.yaml")):
        text = path.read_text(encoding="utf-8")
        family = re.search(r"^family: (.+)$", text, re.MULTILINE)
        assert family is not None
        new = re.sub(r"(serving: )\d+", rf"\g<1>{count[family.group(1).strip()]}", text, count=1)
        write_text(path, new)


def main() -> None:
    """Fit every engine class and print the scores."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    for option in ("--write", "--chips", "--sources"):
        parser.add_argument(option, action="store_true")
    parser.add_argument("--only", nargs="+", metavar="ENGINE", choices=sorted(engine_entries()))
    options = parser.parse_args()
    every = read_rows()
    groups = {n: rows for n, rows in every.items() if not options.only or n in options.only}
    unseen: list[np.ndarray] = []
    late: list[np.ndarray] = []
    subsets: dict[str, list[float]] = defaultdict(list)
    for name, rows in groups.items():
        data, base = read_engine(name)
        values = fit(rows, base)
        headline, first = residuals(rows, values)
        print(score(name, headline))
        if len(first):
            print(score("  time to first token", first))
            late.append(first)
        thirds = [zlib.crc32(q.row.id.encode()) % 3 for q in rows.asked]
        folds = held_out(rows, base, thirds)
        unseen.append(folds)
        print(score("  rows not fitted (thirds)", folds))
        if options.chips:
            apart = held_out(rows, base, [q.case.chip.id for q in rows.asked])
            print(score("  chips not fitted", apart))
            for question, residual in zip(rows.asked, apart, strict=True):
                subsets[question.row.text("subset")].append(residual)
        if options.sources:
            print(
                score("  sources not fitted", held_out(rows, base, [source(q) for q in rows.asked]))
            )
        if options.write:
            sources = sorted({f"{source(q)} on {q.case.chip.id}" for q in rows.asked})
            origin = f"fitted on {len(rows.asked)} published runs: {', '.join(sources)}"
            changed = {n: values[n] for n in movable(rows, base)}
            # A little more than the rows show: other runs differ in what no column says.
            changed |= deviations(folds, np.asarray(rows.cases.shape.routed > 0))
            changed["anchors"] = float(len(rows.asked))
            changed["expert_anchors"] = float(np.sum(rows.cases.shape.routed > 0))
            data |= run_counts(rows) | {"families": by_family(values)}
            write_engine(name, data, changed, origin)
    if options.write:
        write_anchors(every)
    for subset in sorted(set(subsets) - {""}):
        print(score(f"group {subset}, chips not fitted", np.array(subsets[subset])))
    static = [r for subset in STATIC_GROUPS for r in subsets[subset]]
    if static:
        print(score(f"groups {', '.join(STATIC_GROUPS)}, chips not fitted", np.array(static)))
    print(score("all rows not fitted (thirds)", np.concatenate(unseen)))
    if late:
        print(score("all times to first token", np.concatenate(late)))


if __name__ == "__main__":
    main()
