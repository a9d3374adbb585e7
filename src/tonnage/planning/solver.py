"""HiGHS behind one function: programmes in, outcomes out, interruptible, never a half answer."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import highspy
import numpy as np
from scipy import sparse

from tonnage.planning.algebra import Programme
from tonnage.planning.axes import Bools, Floats

Progress = Callable[[str], None]


@dataclass(frozen=True, slots=True, eq=False)
class Outcome:
    """What a solver run ended with."""

    status: str
    """`optimal` (within the gap asked), `feasible` (stopped early), `infeasible`, `unbounded`,
    or `none` (stopped before any solution)."""
    x: Floats
    """[column]; empty without a solution."""
    objective: float
    bound: float
    """Proven: no solution costs less."""
    row_dual: Floats
    """[row] change of the objective per unit of a row's bound; linear programmes only."""
    column_dual: Floats
    """[column] the same for bounds of columns."""
    all_whole: bool = True
    """Whether all that should be whole is; what was not reached may be fractional."""

    @property
    def solved(self) -> bool:
        """Whether there is a solution."""
        return self.x.size > 0


@dataclass(frozen=True, slots=True)
class Run:
    """How to run the solver."""

    gap: float = 0.0
    """Relative gap at which to stop."""
    slack: float = 0.0
    """Absolute gap at which to stop."""
    nodes: int = 2_000_000_000
    """Most nodes of branch and bound."""
    target: float = -np.inf
    """Objective at which a whole solution is good enough."""
    seconds: float = 1e9
    threads: int = 1
    seed: int = 0
    interior: bool = False
    """Interior point instead of simplex; for linear programmes and for the root of others."""
    crossover: bool = True
    """Go on from an interior to a vertex solution, which has clean duals."""
    stop: threading.Event | None = None
    """Set from anywhere to end the run with what it has."""


def solve_programme(
    programme: Programme, run: Run, whole: Bools | None = None, start: Floats | None = None
) -> Outcome:
    """Minimise a programme with integers where `whole` (default: nowhere).

    `start` [column] is a solution to begin from. A KeyboardInterrupt ends the run, keeps what was
    found in the outcome of the run and is raised again only if there is nothing.
    """
    highs = load(programme, whole)
    configure(highs, run)
    if start is not None:
        given = highspy.HighsSolution()
        given.col_value = start.tolist()
        highs.setSolution(given)
    run_highs(highs, run.stop)
    return _outcome(highs, programme, whole is not None and bool(whole.any()))


def load(programme: Programme, whole: Bools | None) -> highspy.Highs:
    """Return a solver that holds the programme."""
    matrix = sparse.csr_matrix(programme.matrix)
    lp = highspy.HighsLp()
    lp.num_row_, lp.num_col_ = matrix.shape
    lp.col_cost_ = programme.cost
    lp.col_lower_, lp.col_upper_ = programme.low, programme.high
    lp.row_lower_, lp.row_upper_ = programme.row_low, programme.row_high
    lp.a_matrix_.format_ = highspy.MatrixFormat.kRowwise
    lp.a_matrix_.start_ = matrix.indptr
    lp.a_matrix_.index_ = matrix.indices
    lp.a_matrix_.value_ = matrix.data
    if whole is not None and whole.any():
        kinds = (highspy.HighsVarType.kContinuous, highspy.HighsVarType.kInteger)
        lp.integrality_ = [kinds[bool(each)] for each in whole]
    highs = highspy.Highs()  # type: ignore[no-untyped-call]
    highs.setOptionValue("output_flag", False)
    highs.passModel(lp)
    return highs


def configure(highs: highspy.Highs, run: Run) -> None:
    """Set the options of a run."""
    options = {
        "threads": run.threads,
        "random_seed": run.seed,
        "mip_rel_gap": run.gap,
        "mip_abs_gap": max(run.slack, 1e-6),
        "objective_target": run.target,
        "mip_max_nodes": run.nodes,
        "time_limit": float(max(run.seconds, 0.01)),
        "solver": "ipx" if run.interior else "choose",
        "mip_lp_solver": "ipx" if run.interior else "choose",
        "run_crossover": "on" if run.crossover else "off",
    }
    for name, value in options.items():
        highs.setOptionValue(name, value)


def run_highs(highs: highspy.Highs, stop: threading.Event | None) -> None:
    """Run in a thread of its own, so that this one can hear an interrupt and pass it on."""
    halt = stop or threading.Event()

    def ask(event: Any) -> None:
        event.data_in.user_interrupt = halt.is_set()

    for signal in (highs.cbMipInterrupt, highs.cbSimplexInterrupt, highs.cbIpmInterrupt):
        signal.subscribe(ask)
    done = threading.Event()

    def work() -> None:
        try:
            highs.run()
        finally:
            done.set()

    threading.Thread(target=work, daemon=True).start()
    while not done.is_set():
        try:
            done.wait(0.2)  # not Thread.join: interrupted, it may take the thread for ended
        except KeyboardInterrupt:
            halt.set()


def _outcome(highs: highspy.Highs, programme: Programme, integer: bool) -> Outcome:
    status, info = highs.getModelStatus(), highs.getInfo()
    names = highspy.HighsModelStatus
    nothing = np.zeros(0)
    if status in (names.kInfeasible, names.kUnboundedOrInfeasible):
        return Outcome("infeasible", nothing, np.inf, np.inf, nothing, nothing)
    if status == names.kUnbounded:
        return Outcome("unbounded", nothing, -np.inf, -np.inf, nothing, nothing)
    solution = highs.getSolution()
    found = info.primal_solution_status == 2 and bool(solution.value_valid)
    bound = info.objective_function_value if found else -np.inf
    if integer:
        bound = info.mip_dual_bound
    if not found:
        return Outcome("none", nothing, np.inf, bound, nothing, nothing)
    word = "optimal" if status in (names.kOptimal, names.kObjectiveTarget) else "feasible"
    if word == "feasible" and not integer:
        bound = -np.inf
    duals = (nothing, nothing)
    if not integer and solution.dual_valid:
        duals = (np.array(solution.row_dual), np.array(solution.col_dual))
    x = np.clip(np.array(solution.col_value), programme.low, programme.high)
    return Outcome(word, x, info.objective_function_value, bound, *duals)


def solved(highs: highspy.Highs) -> str:
    """Return how the last run of a linear programme ended."""
    names, status = highspy.HighsModelStatus, highs.getModelStatus()
    if status == names.kOptimal:
        return "optimal"
    if status in (names.kInfeasible, names.kUnboundedOrInfeasible):
        return "infeasible"
    return "none"
