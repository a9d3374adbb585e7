"""Fit the few constants of the training model to published runs, and show what held-out rows say.

Constants belong to a family of chips, a chip or a framework; none to a run. Every constant has a
prior (the value in its file) and moves only as far as the rows ask for. Two thirds of the rows,
chosen by a hash of their id, are fitted; the other third is not. With `--sources`, each source is
left out in turn as a whole. With `--write`, the data files take the new values with their origin.

    python tools/fit_training.py [--write] [--sources]
"""

from __future__ import annotations

import argparse
import re
import zlib
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from scipy.optimize import least_squares

from tonnage.catalog import load_catalog
from tonnage.dates import today
from tonnage.files import parse_yaml
from tonnage.perf import predict_cases
from tonnage.perf.framework import Framework, framework_entries, stack_frameworks
from tonnage.perf.layer import Arithmetic
from tonnage.perf.layout import Layouts, layouts_of
from tonnage.perf.machine import Machine, machine_of, stack, stack_rates
from tonnage.perf.shape import Shape, shape_of, stack_shapes
from tonnage.perf.training import TrainingCase, arithmetic, evaluate
from tonnage.provenance import Spread
from tonnage.study.measurements import read_table
from tonnage.study.measurements_training import all_questions, as_metric

ROOT = Path(__file__).parents[1]
TABLES = (
    ROOT / "benchmarks" / "data" / "training_measurements.csv",
    ROOT / "benchmarks" / "data" / "training_vtrain_single.csv",
    ROOT / "tests" / "golden" / "training_large_scale.csv",
)
DATA = ROOT / "src" / "tonnage" / "data"
ERROR = 0.05
"""Deviation of the log that one row's residual is weighed by."""

FRAMEWORK_PRIORS = {
    "attention_ratio": 0.15, "score_bytes": 0.25, "quantized_ratio": 0.1, "expert_ratio": 0.35,
    "passes": 0.35, "dispatch_s": 0.7, "launch_s": 0.5, "collective_s": 0.4, "transfer_s": 0.7,
    "tp_exposed": 0.4, "cp_exposed": 0.4, "ep_exposed": 0.4, "pp_exposed": 0.4,
    "dp_exposed": 0.5, "overlap_slowdown": 0.4,
    "optimizer_bytes": 0.15, "step_s": 0.5, "straggler": 0.5,
}  # fmt: skip
"""Deviation of the log that each framework constant may move by."""
FAMILY_PRIORS = {
    "sustained": 0.15, "sustained_quantized": 0.15, "attention_legacy": 0.15,
    "nic_efficiency": 0.15, "nic_latency_s": 0.5,
}  # fmt: skip
CHIP_PRIOR = 0.05
"""Deviation of one chip's `sustained` from its family's."""
SHARES = {"tp_exposed", "cp_exposed", "ep_exposed", "pp_exposed", "dp_exposed"}
"""Constants that cannot exceed 1."""


@dataclass(frozen=True, slots=True, eq=False)
class Rows:
    """Measured runs: what was run, how long a step took, and whose they are. Axis [run]."""

    ids: list[str]
    cases: list[TrainingCase]
    seconds: np.ndarray
    source: np.ndarray
    chip: np.ndarray
    family: np.ndarray
    framework: np.ndarray

    def take(self, index: np.ndarray) -> Rows:
        """Return the runs at `index`."""
        return Rows(
            [self.ids[i] for i in index],
            [self.cases[i] for i in index],
            *(
                getattr(self, n)[index]
                for n in ("seconds", "source", "chip", "family", "framework")
            ),
        )


PARTIAL = ("dgxc", "mbridge", "nemo2407", "nemolongseq")
"""Sources whose incomplete runs (recompute not stated) are fitted too, marked with a star: they
alone tell the releases of NeMo before 26.06."""


def read_rows(tables: Sequence[Path] = TABLES) -> Rows:
    """Return the runs of the tables that are complete, and those of `PARTIAL`.

    Where recompute is not stated, the least that fits in memory is meant.
    """
    found: list[tuple[str, TrainingCase, float]] = []
    catalog = load_catalog(today())
    for path in tables:
        for asked in all_questions(read_table(path).rows, catalog)[0]:
            name = asked.row.id
            if asked.row.text("complete") != "yes":
                if name.split("-")[0] not in PARTIAL:
                    continue
                name = name.replace("-", "*-", 1)
            fitting = [e.layout for e in predict_cases(asked.cases) if e.fits]
            kept = [c for c in asked.cases if c.layout in fitting] or list(asked.cases[-1:])
            case = kept[0]
            unit = as_metric(asked, case, Spread.exactly(1.0)).p50
            timed = asked.metric == "iter_time_s"
            found.append((name, case, asked.measured if timed else unit / asked.measured))
    cases = [case for _, case, _ in found]
    return Rows(
        [name for name, *_ in found],
        cases,
        np.array([seconds for *_, seconds in found]),
        np.array([re.sub(r"-\d+$", "", name) for name, *_ in found]),
        np.array([case.chip.id for case in cases]),
        np.array([machine_of(case.chip).family for case in cases]),
        np.array([case.framework.id for case in cases]),
    )


@dataclass(frozen=True, slots=True, eq=False)
class Constant:
    """One constant that may move: whose it is, and by how much its log may."""

    kind: str
    owner: str
    name: str
    sigma: float
    value: float
    """Its prior: where the fit starts, and what it is drawn to."""


@dataclass(frozen=True, slots=True, eq=False)
class Inputs:
    """The stacked arguments of the model for some runs."""

    machine: Machine
    math: Arithmetic
    shape: Shape
    framework: Framework
    layouts: Layouts


def stacked(rows: Rows) -> Inputs:
    """Return the model's arguments for all runs."""
    machines = [
        machine_of(c.chip, nic_gbps=c.nic_gbps, node_chips=c.node_chips) for c in rows.cases
    ]
    maths = [arithmetic(m, c.job.precision) for m, c in zip(machines, rows.cases, strict=True)]
    return Inputs(
        stack(machines),
        Arithmetic(
            stack_rates([m.linear for m in maths]),
            stack_rates([m.core for m in maths]),
            np.array([m.quantized for m in maths]),
            np.array([m.width for m in maths]),
        ),
        stack_shapes([shape_of(c.job) for c in rows.cases]),
        stack_frameworks([c.framework for c in rows.cases]),
        layouts_of([c.layout for c in rows.cases]),
    )


def constants_of(rows: Rows) -> list[Constant]:
    """Return every constant that the runs can say something about; a chip's come last."""
    result = []
    for key in sorted(set(rows.framework)):
        entry = framework_entries()[key].framework
        prior = priors(DATA / "frameworks" / f"{key}.yaml")
        unused = "score_bytes" if float(entry.fused_attention) > 0.5 else "attention_ratio"
        for name, sigma in FRAMEWORK_PRIORS.items():
            if name != unused and prior[name] > 0:
                result.append(Constant("framework", key, name, sigma, prior[name]))
    paths = family_files()
    for family in sorted(set(rows.family)):
        prior = priors(paths[family])
        for name, sigma in FAMILY_PRIORS.items():
            result.append(Constant("family", family, name, sigma, prior[name]))
    chips = sorted(set(rows.chip))
    return result + [Constant("chip", chip, "sustained", CHIP_PRIOR, 1.0) for chip in chips]


def priors(path: Path) -> dict[str, float]:
    """Return each constant's prior: `prior` where a fit has written one, else `value`."""
    constants = parse_yaml(path.read_text(encoding="utf-8"), path.name).data["constants"]
    return {name: float(entry.get("prior", entry["value"])) for name, entry in constants.items()}


def family_files() -> dict[str, Path]:
    """Return the file of each family by its name."""
    paths = (DATA / "families").glob("*.yaml")
    return {parse_yaml(p.read_text(encoding="utf-8"), p.name).data["family"]: p for p in paths}


def predicted(inputs: Inputs, rows: Rows, constants: Sequence[Constant], x: np.ndarray) -> Any:
    """Return the step seconds of the runs with every constant moved by x deviations."""
    moved: dict[str, dict[str, Any]] = {"framework": {}, "machine": {}}
    for constant, shift in zip(constants, x, strict=True):
        target = "framework" if constant.kind == "framework" else "machine"
        base = getattr(inputs, target)
        column = moved[target].setdefault(constant.name, getattr(base, constant.name).copy())
        own = getattr(rows, constant.kind) == constant.owner
        factor = np.exp(shift * constant.sigma)
        column[own] = (column[own] if constant.kind == "chip" else constant.value) * factor
    for columns in moved.values():
        for name in SHARES & set(columns):
            columns[name] = np.minimum(columns[name], 1.0)
    return evaluate(
        replace(inputs.machine, **moved["machine"]),
        inputs.math,
        inputs.shape,
        inputs.layouts,
        replace(inputs.framework, **moved["framework"]),
    ).seconds


def weights(rows: Rows) -> np.ndarray:
    """Return the root of each run's weight: a large source counts for little more than 25 runs."""
    keys = [a + b for a, b in zip(rows.source, rows.chip, strict=True)]
    count = Counter(keys)
    return np.array([(min(n, 25 + 0.15 * n) / n) ** 0.5 for n in (count[k] for k in keys)])


def fit(rows: Rows, constants: Sequence[Constant], evaluations: int = 25) -> np.ndarray:
    """Return the shift of every constant, in its prior's deviations, that suits the runs best."""
    inputs, weight = stacked(rows), weights(rows)

    def residuals(x: np.ndarray) -> np.ndarray:
        error = np.log(predicted(inputs, rows, constants, x) / rows.seconds)
        return np.concatenate([weight * error / ERROR, x])

    start = np.zeros(len(constants))
    found = least_squares(residuals, start, loss="soft_l1", f_scale=1.5, max_nfev=evaluations)
    return np.asarray(found.x)


def fitted_part(rows: Rows) -> np.ndarray:
    """Return which runs are fitted: two thirds, by the hash of their id."""
    return np.array([zlib.crc32(name.encode()) % 3 != 0 for name in rows.ids])


def report(title: str, rows: Rows, seconds: np.ndarray, key: str = "source") -> None:
    """Print count, MAPE, median, bias and p90 by source and chip, and the mean over sources."""
    print(f"\n{title}")
    error = seconds / rows.seconds - 1.0
    groups: dict[tuple[str, str], list[int]] = defaultdict(list)
    for i, (a, b) in enumerate(zip(getattr(rows, key), rows.chip, strict=True)):
        groups[a, b].append(i)
    means = []
    for (a, b), index in sorted(groups.items()):
        ape = np.abs(error[index])
        means.append(ape.mean())
        bias = error[index].mean()
        print(
            f"  {a:12} {b:16} rows {len(index):4} MAPE {ape.mean():6.1%} median "
            f"{np.median(ape):6.1%} p90 {np.quantile(ape, 0.9):6.1%} bias {bias:+6.1%}"
        )
    print(
        f"  mean over {len(means)} groups {np.mean(means):.1%}; all rows {np.abs(error).mean():.1%}"
    )


def leave_sources_out(rows: Rows) -> np.ndarray:
    """Return the step seconds of each run, predicted by a fit that never saw its source."""
    seconds = np.empty(len(rows.seconds))
    constants = constants_of(rows)
    inputs = stacked(rows)
    for source in sorted(set(rows.source)):
        out = rows.source == source
        kept = rows.take(np.flatnonzero(~out))
        x = fit(kept, constants, 8)
        seconds[out] = predicted(inputs, rows, constants, x)[out]
    return seconds


def write(
    constants: Sequence[Constant], x: np.ndarray, rows: Rows, residual: Mapping[str, float]
) -> None:
    """Put the new values into the data files, each with its prior and where it comes from."""
    paths = family_files()
    files = {p: p.read_text(encoding="utf-8") for p in [*paths.values(), *_framework_files()]}
    sustained: dict[str, float] = {}
    for constant, shift in zip(constants, x, strict=True):
        value = constant.value * float(np.exp(shift * constant.sigma))
        value = min(value, 1.0) if constant.name in SHARES else value
        own = getattr(rows, constant.kind) == constant.owner
        tables = ", ".join(sorted(set(rows.source[own])))
        origin = f"fitted by tools/fit_training.py on {tables}"
        if constant.kind == "framework":
            path = DATA / "frameworks" / f"{constant.owner}.yaml"
            files[path] = _set(files[path], constant.name, value, origin)
        elif constant.kind == "family":
            path = paths[constant.owner]
            files[path] = _set(files[path], constant.name, value, origin)
            if constant.name == "sustained":
                sustained[constant.owner] = value
        else:
            family = str(rows.family[own][0])
            path, value = paths[family], value * sustained[family]
            files[path] = _set_chip(files[path], constant.owner, constant.name, value, origin)
    frameworks, families = Counter(rows.framework), Counter(rows.family)
    for key, value in residual.items():
        path = DATA / "frameworks" / f"{key}.yaml"
        text = _set(files[path], "residual", value, "80 % quantile of held-out errors over 1.2816")
        files[path] = re.sub(r"anchors: \d+", f"anchors: {frameworks[key]}", text)
    for family, count in families.items():
        path = paths[family]
        files[path] = re.sub(r"(training: )\d+", rf"\g<1>{count}", files[path])
    for path, text in files.items():
        path.write_text(text, encoding="utf-8")


def _framework_files() -> list[Path]:
    return list((DATA / "frameworks").glob("*.yaml"))


def _set(text: str, name: str, value: float, origin: str) -> str:
    """Replace a constant's value and source; its first value stays on as `prior`."""
    line = re.search(
        rf"(?m)^  {name}: \{{value: ([^,]*),( prior: [^,]*,)?(.*source: )\"[^\"]*\"", text
    )
    assert line is not None, name
    prior = line.group(2) or f" prior: {line.group(1)},"
    new = f'  {name}: {{value: {value:.4g},{prior}{line.group(3)}"{origin}"'
    return text[: line.start()] + new + text[line.end() :]


def _set_chip(text: str, chip: str, name: str, value: float, origin: str) -> str:
    line = f'    {name}: {{value: {value:.4g}, sigma: {CHIP_PRIOR}, source: "{origin}"}}\n'
    if "\nchips:" not in text:
        text += "chips:\n"
    if f"  {chip}:\n" not in text:
        return text + f"  {chip}:\n{line}"
    head, body = text.split(f"  {chip}:\n", 1)
    own = re.match(r"(    .*\n)*", body)
    assert own is not None
    kept = re.sub(rf"    {name}: .*\n", "", own.group(0))
    return f"{head}  {chip}:\n{kept}{line}{body[own.end() :]}"


def residual_of(rows: Rows, seconds: np.ndarray) -> dict[str, float]:
    """Return for each framework the deviation whose 80 % interval covers 80 % of held-out rows.

    Sources count alike, however many rows they have. Few rows say little: each framework starts
    from one source of 12 rows at 8 %.
    """
    result = {}
    error = np.abs(np.log(seconds / rows.seconds))
    for key in sorted(set(rows.framework)):
        total, count = 12 * 0.08**2, 12.0
        for source in sorted(set(rows.source[rows.framework == key])):
            own = error[(rows.framework == key) & (rows.source == source)]
            level = float(np.quantile(own, 0.8)) / 1.2816
            weight = min(len(own), 40)
            total, count = total + weight * level**2, count + weight
        result[str(key)] = (total / count) ** 0.5
    return result


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--write", action="store_true", help="put the values into the data files")
    parser.add_argument("--sources", action="store_true", help="leave out whole sources in turn")
    options = parser.parse_args()
    rows = read_rows()
    part = fitted_part(rows)
    kept, held = rows.take(np.flatnonzero(part)), rows.take(np.flatnonzero(~part))
    constants = constants_of(rows)
    x = fit(kept, constants)
    print(f"{len(constants)} constants, {len(kept.ids)} rows fitted, {len(held.ids)} held out")
    for constant, shift in zip(constants, x, strict=True):
        if abs(shift) > 1.0:
            value = constant.value * np.exp(shift * constant.sigma)
            change = f"{constant.value:.3g} -> {value:.3g} ({shift:+.1f} sd)"
            print(f"  {constant.owner:20} {constant.name:18} {change}")
    report("fitted rows", kept, predicted(stacked(kept), kept, constants, x))
    seconds = predicted(stacked(held), held, constants, x)
    report("held-out rows", held, seconds)
    residual = residual_of(held, seconds)
    print("\nresiduals", {k: round(v, 3) for k, v in residual.items()})
    if options.sources:
        report("whole sources left out", rows, leave_sources_out(rows))
    if options.write:
        write(constants, x, kept, residual)


if __name__ == "__main__":
    main()
