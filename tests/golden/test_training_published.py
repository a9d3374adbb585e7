"""Published training runs and memory figures, with their sources.

The runs are the ten of Narayanan et al. 2021 (arXiv 2104.04473, Table 1), the eight of Korthikanti
et al. 2022 (arXiv 2205.05198, Table 5), and eleven more whose sources stand in
`training_large_scale.csv`.
"""

from datetime import date
from pathlib import Path

import numpy as np
import pytest

from tonnage.catalog import load_catalog
from tonnage.perf import Layout, Recompute, find_framework, predict_cases
from tonnage.perf.layout import layouts_of
from tonnage.perf.memory import layer_activations
from tonnage.perf.parameters import chip_parameters
from tonnage.perf.shape import shape_of
from tonnage.perf.training import TrainingCase
from tonnage.provenance import Spread
from tonnage.study.measurements import read_table
from tonnage.study.measurements_training import all_questions, as_metric
from tonnage.units import GIB
from tonnage.workload import Attention, Experts, Model, TrainingJob, find_model

ROOT = Path(__file__).parents[2]
CATALOG = load_catalog(date(2026, 11, 1))


def published() -> list[tuple[str, TrainingCase, float]]:
    found = []
    for path in (
        ROOT / "benchmarks/data/training_measurements.csv",
        ROOT / "tests/golden/training_large_scale.csv",
    ):
        for asked in all_questions(read_table(path).rows, CATALOG)[0]:
            source = asked.row.id.split("-")[0]
            if source not in ("korthi22", "megatron21", "t5dp", "n2", "mt"):
                continue
            if asked.row.text("complete") != "yes":
                continue
            case = asked.cases[0]
            unit = as_metric(asked, case, Spread.exactly(1.0)).p50
            timed = asked.metric == "iter_time_s"
            found.append((source, case, asked.measured if timed else unit / asked.measured))
    return found


def test_the_29_large_runs_are_within_five_percent_on_average() -> None:
    runs = published()
    assert len(runs) == 29
    estimates = predict_cases([case for _, case, _ in runs])
    error = [e.iteration_time_s.p50 / t - 1 for e, (_, _, t) in zip(estimates, runs, strict=True)]
    assert np.abs(error).mean() < 0.05
    assert np.abs(error).max() < 0.15
    assert all(e.fits for e in estimates)


SHAPES = {
    "22b": (6144, 64, 48),
    "175b": (12288, 96, 96),
    "530b": (20480, 128, 105),
    "1t": (25600, 160, 128),
}


def gpt(name: str) -> Model:
    hidden, heads, layers = SHAPES[name]
    attention = Attention(heads, heads, hidden // heads)
    return Model(name, name, layers, hidden, 4 * hidden, False, attention, 51200, True)


# Korthikanti et al. 2022, figure 1: GiB of activations on the first stage, without recompute and
# with sequence parallelism and selective recompute.
FIGURE_1 = {
    "22b": (8, 1, 1, 4, 59.25, 9.5625),
    "175b": (8, 8, 3, 1, 66.84375, 12.3515625),
    "530b": (8, 35, 3, 1, 114.0234375, 23.076171875),
    "1t": (8, 64, 1, 1, 131.25, 26.5625),
}


@pytest.mark.parametrize("name", FIGURE_1)
@pytest.mark.parametrize("saved", [False, True])
def test_activations_of_figure_1(name: str, saved: bool) -> None:
    tp, pp, vpp, mb, plain, small = FIGURE_1[name]
    layout = Layout(
        tp=tp, pp=pp, vpp=vpp, mb=mb, zero=0, sp=saved,
        recompute=Recompute.SELECTIVE if saved else Recompute.NONE,
    )  # fmt: skip
    batch = mb * max(pp, 1) * 8 if pp > 1 else mb
    framework = find_framework("megatron-lm-2021")
    chip = CATALOG.find("a100-sxm-80")
    job = TrainingJob(gpt(name), 2048, batch, "fp16")
    found = predict_cases([TrainingCase(job, chip, layout.chips, layout, framework)])[0]
    held = found.memory_bytes["activations"] / GIB
    assert held == pytest.approx(small if saved else plain, rel=0.08)


# The same paper, figure 7: activations of a layer relative to tensor parallelism alone, percent.
FIGURE_7 = {
    "22b": (60.19, 56.02, 16.18, 7.64),
    "175b": (62.04, 56.53, 18.49, 8.71),
    "530b": (58.31, 62.04, 20.27, 9.42),
    "1t": (58.31, 62.04, 20.27, 9.42),
}


MODES = (
    Layout(tp=8, sp=True),
    Layout(tp=8, sp=False, recompute=Recompute.SELECTIVE),
    Layout(tp=8, sp=True, recompute=Recompute.SELECTIVE),
    Layout(tp=8, sp=False, recompute=Recompute.FULL),
)


@pytest.mark.parametrize(
    ("name", "modes"),
    # The two middle bars of 22B, as read off the figure, lie 10 % off the paper's own formula.
    [("22b", (2, 3)), ("175b", (0, 1, 2, 3)), ("530b", (0, 1, 2, 3)), ("1t", (0, 1, 2, 3))],
)
def test_activations_of_figure_7(name: str, modes: tuple[int, ...]) -> None:
    shape = shape_of(TrainingJob(gpt(name), 2048, 1, "fp16"))
    framework = find_framework("megatron-lm-2021")

    def kept(layout: Layout) -> float:
        whole, entry = layer_activations(shape, layouts_of([layout]), framework)
        return float((entry if layout.recompute is Recompute.FULL else whole)[0])

    plain = kept(Layout(tp=8, sp=False))
    for mode in modes:
        assert 100 * kept(MODES[mode]) / plain == pytest.approx(FIGURE_7[name][mode], rel=0.08)


@pytest.mark.parametrize("name", ["22b", "175b"])
def test_activations_follow_the_papers_formula(name: str) -> None:
    # s·b·h·(10 + 24/t + 5·a·s/(h·t)) without recompute, s·b·h·34/t with both savings.
    hidden, heads, _ = SHAPES[name]
    shape = shape_of(TrainingJob(gpt(name), 2048, 4, "fp16"))
    framework = find_framework("megatron-lm-2021")
    plain = layouts_of([Layout(tp=8, mb=1, sp=False)])
    saved = layouts_of([Layout(tp=8, mb=1, sp=True, recompute=Recompute.SELECTIVE)])
    whole = float(layer_activations(shape, plain, framework)[0][0])
    part = float(layer_activations(shape, saved, framework)[0][0])
    sbh = 2048 * hidden
    assert whole == pytest.approx(sbh * (10 + 24 / 8 + 5 * heads * 2048 / (hidden * 8)), rel=1e-9)
    assert part == pytest.approx(sbh * 34 / 8, rel=1e-9)


# GiB of weights, gradients and optimizer state of figure 1 (18 bytes a parameter).
@pytest.mark.parametrize(
    ("name", "pp", "gib"),
    [("22b", 1, 45.5625), ("175b", 8, 45.5625), ("530b", 35, 31.64), ("1t", 64, 32.96)],
)
def test_parameters_of_figure_1(name: str, pp: int, gib: float) -> None:
    shape = shape_of(TrainingJob(gpt(name), 2048, 64, "fp16"))
    held = chip_parameters(shape, layouts_of([Layout(tp=8, pp=pp, zero=0)]))
    embedding = 51200 * SHAPES[name][0] / 8
    # The figure leaves the embedding out.
    assert (float(held.dense[0]) - embedding) * 18 / GIB == pytest.approx(gib, rel=0.08)


# SimuMax v1.2, docs/b200: memory allocated on the fullest of 8 B200, GiB (Megatron-LM runs).
def trimmed(name: str, layers: int, **changes: object) -> Model:
    from dataclasses import replace

    return replace(find_model(name), layers=layers, **changes)


LLAMA_405B = find_model("llama-3.1-405b").attention
SIMUMAX = [
    ("llama-3.1-70b", 12, Layout(tp=2, dp=4, mb=1), 60.68),
    ("llama-3.1-70b", 12, Layout(tp=4, dp=2, mb=1), 39.07),
    ("llama-3.1-70b", 12, Layout(tp=8, dp=1, mb=1), 28.29),
    ("llama-3.1-70b", 12, Layout(tp=1, pp=2, dp=4, mb=1, sp=False), 66.55),
    ("llama-3.1-405b", 4, Layout(tp=2, dp=4, mb=1), 81.59),
    ("llama-3.1-405b", 4, Layout(tp=4, dp=2, mb=1), 52.89),
    ("llama-3.1-405b", 4, Layout(tp=8, dp=1, mb=1), 38.57),
    ("deepseek-v3", 4, Layout(tp=1, dp=8, ep=8, mb=1, sp=False), 104.30),
    ("deepseek-v2", 4, Layout(tp=1, dp=8, ep=8, mb=1, sp=False), 45.63),
]


def simumax_model(name: str, layers: int) -> Model:
    from dataclasses import replace

    model = find_model(name)
    if name == "llama-3.1-405b":
        return trimmed(name, layers, attention=replace(LLAMA_405B, kv_heads=16))
    if model.experts is not None:
        experts: Experts = replace(model.experts, dense_layers=1)
        return trimmed(name, layers, experts=experts, mtp_layers=0)
    return trimmed(name, layers)


@pytest.mark.parametrize(("name", "layers", "layout", "gib"), SIMUMAX)
def test_memory_of_simumax_cases(name: str, layers: int, layout: Layout, gib: float) -> None:
    job = TrainingJob(simumax_model(name, layers), 4096, 4 * layout.dp, "bf16")
    case = TrainingCase(job, CATALOG.find("B200"), 8, layout, find_framework("megatron-lm"))
    memory = predict_cases([case])[0].memory_bytes
    parts = ("weights", "gradients", "optimizer", "activations", "logits")
    assert sum(memory[p] for p in parts) / GIB == pytest.approx(gib, rel=0.08)
