"""How well and how fast the planner solves the reference instance, beside plain HiGHS.

usage: python benchmarks/planner.py [--histories 81] [--kind all|now|none] [--plain SECONDS]

Prints wall time, processor time, proven gap and peak memory for each kind of plan. Plain HiGHS's
figures are those measured on the same instance on two cores (all-integer: 48 % gap after 180 s,
and 3.5 % after 176 s by relaxing and fixing windows by hand; here-and-now: 0.14 % in 28 s);
`--plain` measures it again on this machine, with the same programme and time limit.
"""

from __future__ import annotations

import argparse
import resource
import time

import numpy as np

from planner_instance import reference
from tonnage.planning import Settings, solve
from tonnage.planning.formulation import formulate
from tonnage.planning.solver import Run, solve_programme

WANTED = {"all": (0.01, 60.0), "now": (0.002, 25.0), "none": (0.0, 60.0)}
"""Kind of plan → gap and seconds aimed at."""
PLAIN = {"all": (0.48, 180.0), "now": (0.0014, 28.0), "none": (0.0, 18.0)}
"""Kind of plan → gap and seconds of plain HiGHS on 81 histories."""


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    options.add_argument("--histories", type=int, default=81, choices=(1, 3, 9, 27, 81))
    options.add_argument("--kind", choices=tuple(WANTED), action="append")
    options.add_argument("--seconds", type=float, default=60.0)
    options.add_argument("--plain", type=float, metavar="SECONDS")
    given = options.parse_args()
    print("kind  wall s  cpu s  gap     objective  bound    peak MB  against plain HiGHS")
    for kind in given.kind or tuple(WANTED):
        gap, _ = WANTED[kind]
        problem = reference(given.histories)
        wall, cpu = time.perf_counter(), time.process_time()
        plan = solve(problem, Settings(whole=kind, ports=kind, gap=gap, seconds=given.seconds))
        wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
        memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
        theirs, took = PLAIN[kind]
        ratio = f"{wall / took:.2f}× the time"
        if theirs:
            ratio += f", {plan.gap / theirs:.2f}× the gap"
        beside = ratio if given.histories == 81 else ""
        print(f"{kind:5} {wall:6.1f} {cpu:6.1f}  {plan.gap:6.3%} {plan.objective:10.1f}"
              f" {plan.bound:8.1f} {memory:7.0f}  {beside}", flush=True)  # fmt: skip
    if given.plain:
        plain(given.histories, given.plain)


def plain(histories: int, seconds: float) -> None:
    """Solve the whole programme by HiGHS alone."""
    programme, _ = formulate(reference(histories))
    began = time.perf_counter()
    run = Run(gap=WANTED["all"][0], seconds=seconds, threads=2, interior=True)
    out = solve_programme(programme, run, programme.whole)
    gap = (out.objective - out.bound) / abs(out.objective) if out.solved else np.inf
    print(f"plain {time.perf_counter() - began:6.1f}         {gap:6.2%} {out.objective:10.1f}")


if __name__ == "__main__":
    main()
