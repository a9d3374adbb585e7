"""Speed of the training model, beside what its peers were measured at.

    python benchmarks/training_speed.py

CPU seconds of one core. Peers, measured on two shared x86 cores with their own commands:
Calculon caa4b11 300-350 configurations/s in its own search, 12.0 h of one core for GPT-3 on 512
chips (13,165,632 configurations) and 5.9 h on 4,096; llm-analysis 0.2.2 5,400-5,600/s, no search;
SimuMax v1.2 28 s and 13 s for 206 and 144 estimates (micro batch 1, TP up to 8, no interleaving).
"""

from __future__ import annotations

import time
from datetime import date

import numpy as np

from tonnage.catalog import load_catalog
from tonnage.perf import SearchSpace, find_framework, machine_of, predict_training, search_training
from tonnage.perf.shape import shape_of
from tonnage.perf.space import layouts_in
from tonnage.perf.training import arithmetic, evaluate
from tonnage.workload import TrainingJob, find_model

CALCULON_RATE = 350.0
CALCULON_SECONDS = {512: 12.0 * 3600, 4096: 5.9 * 3600}
SIMUMAX_SECONDS = {512: 28.0, 4096: 13.0}
WIDE = SearchSpace(
    most_tp=4096, most_cp=64, most_vpp=96, most_mb=4096, zero_bubble=True, offload=True
)
"""Wider than Calculon's: also context parallelism, ZeRO 0-3, zero-bubble schedules."""


def main() -> None:
    catalog = load_catalog(date(2026, 11, 1))
    chip, model = catalog.find("a100-sxm-80"), find_model("gpt3-175b")
    machine, framework = machine_of(chip), find_framework("megatron-lm")
    job = TrainingJob(model, 2048, 1536)
    raw(machine, framework, job)
    for chips in (512, 4096):
        for name, space in (("usual space", SearchSpace()), ("wide space", WIDE)):
            search(chip, TrainingJob(model, 2048, max(1536, chips)), chips, name, space)
    found = search_training(chip, job, 512).best
    predict_training(chip, job, found.layout)
    spent = time.process_time()
    for _ in range(200):
        predict_training(chip, job, found.layout)
    each = (time.process_time() - spent) / 200
    print(f"one prediction            {each * 1e3:8.2f} ms")


def raw(machine: object, framework: object, job: TrainingJob) -> None:
    """Time and memory of random layouts of the search space, none left out."""
    from tonnage.perf import Framework, Machine

    assert isinstance(machine, Machine)
    assert isinstance(framework, Framework)
    layouts = layouts_in(job, 512, SearchSpace())
    index = np.random.default_rng(1).permutation(len(layouts))
    math, shape = arithmetic(machine, job.precision), shape_of(job)
    chunks = [layouts.take(index[i : i + 8192]) for i in range(0, len(index), 8192)]
    evaluate(machine, math, shape, chunks[0], framework)
    count, spent = 0, time.process_time()
    while time.process_time() - spent < 2.0:
        for chunk in chunks:
            evaluate(machine, math, shape, chunk, framework)
            count += len(chunk)
    rate = count / (time.process_time() - spent)
    ratio = rate / CALCULON_RATE
    print(f"layouts timed and weighed {rate:12,.0f}/s   {ratio:,.0f} x Calculon's search")


def search(chip: object, job: TrainingJob, chips: int, name: str, space: SearchSpace) -> None:
    """Run one full search and print how long it took beside the peers."""
    from tonnage.catalog import Chip

    assert isinstance(chip, Chip)
    spent = time.process_time()
    found = search_training(chip, job, chips, space=space)
    seconds = time.process_time() - spent
    times = f"{CALCULON_SECONDS[chips] / seconds:,.0f} x Calculon"
    times += f", {SIMUMAX_SECONDS[chips] / seconds:,.0f} x SimuMax"
    print(
        f"GPT-3 175B on {chips:5} chips, {name:11} {found.layouts_considered:10,} layouts "
        f"{found.layouts_feasible:9,} fit  {seconds:6.2f} s  ({times})  best {found.best.layout}: "
        f"{found.best.iteration_time_s.p50:.2f} s"
    )


if __name__ == "__main__":
    main()
