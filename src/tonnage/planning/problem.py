"""The planning problem as plain arrays: what the planner is told, and nothing else.

Axes are fixed throughout: node, period, leaf (the tree), chip, stack, load, term, cohort.
Arrays come in full shape or with leading axes left out, which then repeat (`[chip]` or one number
for `[node, chip]`).

Units: chips are counted in chips; money in one currency (US dollars by custom); speed of a load in
any unit per second, the same in `rate` and `demand`; power in watts; floor space in any one unit;
time in periods of the tree, whose lengths are in seconds. Money flows are those of the period.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property

import numpy as np

from tonnage.errors import Fault, InputError
from tonnage.planning.axes import Bools, Floats, Ints, array, completed
from tonnage.planning.tree import Tree, tree_faults

INF = float("inf")


@dataclass(frozen=True, slots=True, eq=False)
class Chips:
    """What kinds of accelerator there are."""

    names: tuple[str, ...]
    """[chip]."""
    stack: Ints = array("chip", kind=int)
    """[chip] index of the software stack."""
    domestic: Bools = array("chip", kind=bool, default=False)
    """[chip] counts towards the domestic share."""
    block: Floats = array("chip", least=1e-9, default=1.0)
    """[chip] chips in the smallest whole purchase: a node, or a cluster block."""
    power: Floats = array("chip", default=0.0)
    """[chip] W drawn at the meter by one chip in service (node and cooling included)."""
    floor: Floats = array("chip", default=0.0)
    """[chip] floor space of one chip in service."""
    life: Ints = array("chip", kind=int, least=1, default=10_000)
    """[chip] periods in service until a chip bought in the plan must retire."""
    failure: Floats = array("chip", most=1.0, default=0.0)
    """[chip] share of the chips in service lost in a period and not repaired."""


@dataclass(frozen=True, slots=True, eq=False)
class Purchase:
    """What may be bought when, what it costs and when it comes."""

    price: Floats = array("node", "chip")
    """[node, chip] money for one chip ordered at the node."""
    supply: Floats = array("node", "chip", default=INF)
    """[node, chip] most chips that can be ordered at the node."""
    allowed: Bools = array("node", "chip", kind=bool, default=True)
    """[node, chip] the law lets it be ordered at the node. Kept apart from `supply`, so that the
    worth of a permission and the worth of more supply are told apart."""
    lead: Ints = array("node", "chip", kind=int, default=0)
    """[node, chip] periods from an order at the node to its delivery; a delivery after the last
    period never comes."""
    delivered: Floats = array("node", "chip", most=1.0, default=1.0)
    """[node, chip] share of the chips due at the node that really come: yield, allocation, or a
    rule that stopped them between order and delivery (0)."""
    paid_on_order: Floats = array("chip", most=1.0, default=1.0)
    """[chip] share of the price paid at the order; the rest is paid at delivery, for what comes."""
    hold: Floats = array("node", "chip", default=0.0)
    """[node, chip] money for keeping one chip undeployed over the period."""
    resale: Floats = array("node", "chip", default=0.0)
    """[node, chip] money for a chip that is retired at the node and sold."""
    residual: Floats = array("node", "chip", default=0.0)
    """[node, chip] worth of a chip held or in stock after the last period; read at leaves only."""


@dataclass(frozen=True, slots=True, eq=False)
class Rental:
    """What may be rented, on demand or for a term. Rented chips need no power or floor of ours."""

    price: Floats = array("node", "chip", default=0.0)
    """[node, chip] money for one chip over the period, on demand."""
    cap: Floats = array("node", "chip", default=0.0)
    """[node, chip] most chips on demand."""
    term: Ints = array("term", kind=int, least=1, default=())
    """[term] periods of a reservation, counted from the node where it is signed."""
    term_price: Floats = array("node", "chip", "term", default=0.0)
    """[node, chip, term] money for one chip and period, fixed at the node of signing."""
    term_cap: Floats = array("node", "chip", "term", default=0.0)
    """[node, chip, term] most chips that can be signed at the node."""


@dataclass(frozen=True, slots=True, eq=False)
class Loads:
    """What is to be computed, and how fast each chip does it.

    A load is *serving* (a speed wanted at every node) or *training* (an amount of work wanted by a
    deadline, done at any speed between start and deadline). What is left undone is paid for, and
    limited.
    """

    names: tuple[str, ...]
    """[load]."""
    rate: Floats = array("chip", "load")
    """[chip, load] speed of one chip, units per second; 0 where the chip does not suit."""
    demand: Floats = array("node", "load", default=0.0)
    """[node, load] serving: speed wanted, units per second. 0 for training loads."""
    penalty: Floats = array("node", "load", default=0.0)
    """[node, load] serving: money for one unit per second unmet over the period. Training: money
    for one unit of work missing, read at the deadline's nodes."""
    unmet: Floats = array("node", "load", most=1.0, default=1.0)
    """[node, load] largest share of the demand (or of the work, at the deadline) left undone."""
    training: Bools = array("load", kind=bool, default=False)
    """[load]."""
    work: Floats = array("load", default=0.0)
    """[load] training: units to be done in all."""
    start: Ints = array("load", kind=int, default=0)
    """[load] training: first period in which the run may work."""
    deadline: Ints = array("load", kind=int, default=10_000)
    """[load] training: last period in which the run may work (cut to the last of the tree)."""
    units: tuple[str, ...] = ()
    """[load] name of the unit (`token`); empty: `unit`."""


def unit_of(loads: Loads, load: int) -> str:
    """Return the unit of a load: of its speed when it is served, of its work when it trains."""
    unit = loads.units[load] if loads.units else "unit"
    return unit if loads.training[load] else f"{unit}/s"


@dataclass(frozen=True, slots=True, eq=False)
class Porting:
    """What it takes to run a load on a software stack: paid once, ready later, slow at first."""

    stacks: tuple[str, ...]
    """[stack]."""
    cost: Floats = array("stack", "load", default=0.0)
    """[stack, load] money once (engineer-months times their cost)."""
    delay: Ints = array("stack", "load", kind=int, default=0)
    """[stack, load] periods from the decision to first use."""
    slow: Floats = array("stack", "load", most=1.0, default=1.0)
    """[stack, load] share of the load that the stack may carry during the first `ramp` periods."""
    ramp: Ints = array("stack", "load", kind=int, default=0)
    """[stack, load] periods of slow start."""
    done: Bools = array("stack", "load", kind=bool, default=False)
    """[stack, load] ported before the plan begins: free and at full speed."""


@dataclass(frozen=True, slots=True, eq=False)
class Fleet:
    """Chips in hand when the plan begins, by cohort."""

    chip: Ints = array("cohort", kind=int)
    """[cohort] index of the chip."""
    count: Floats = array("cohort")
    """[cohort] chips in service."""
    until: Ints = array("cohort", kind=int, default=10_000)
    """[cohort] first period in which the cohort is no longer there."""
    stock: Floats = array("chip", default=0.0)
    """[chip] chips in hand and not in service."""
    arriving: Floats = array("node", "chip", default=0.0)
    """[node, chip] chips ordered before the plan begins, due at the node, paid already."""


NO_FLEET = Fleet(np.zeros(0, dtype=np.int64), np.zeros(0))

COSTS = ("purchase", "rent", "porting", "operation", "holding")
"""Kinds of payment that a budget may cover."""


@dataclass(frozen=True, slots=True, eq=False)
class Limits:
    """What the buyer may not exceed; infinity is no limit."""

    opex: Floats = array("node", "chip", default=0.0)
    """[node, chip] money for running one owned chip over the period (power, staff, spares)."""
    budget: Floats = array("node", default=INF)
    """[node] most that may be paid in the period."""
    budget_total: Floats = array("node", default=INF)
    """[node] most that may be paid from the start to the end of the period."""
    budget_covers: tuple[str, ...] = ("purchase", "rent")
    """Kinds of payment counted, of `COSTS`."""
    power: Floats = array("node", default=INF)
    """[node] W for the chips in service."""
    floor: Floats = array("node", default=INF)
    """[node] floor space for the chips in service."""
    domestic_share: Floats = array("node", most=1.0, default=0.0)
    """[node] least domestic part of what is bought at the node."""
    domestic_by: str = "spend"
    """`spend` (price of orders) or `chips` (number of orders)."""


@dataclass(frozen=True, slots=True)
class Risk:
    """What is minimised: (1 − weight) · E[cost] + weight · CVaR_level(cost), or the worst regret.

    CVaR_level is the mean of the costliest 1 − level of the futures (Rockafellar and Uryasev
    2000); at level 0 it is the mean. Regret of a future is its cost less the least it could have
    been had the future been known.
    """

    level: float = 0.9
    """0 ≤ level < 1."""
    weight: float = 0.0
    """0 … 1."""
    objective: str = "cost"
    """`cost`, or `regret` for the least worst regret."""


@dataclass(frozen=True, eq=False)
class Problem:
    """A whole planning problem. Checked and completed to full shapes when made.

    Raises
    ------
    InputError
        Naming every array whose shape or values do not fit.
    """

    tree: Tree
    chips: Chips
    purchase: Purchase
    loads: Loads
    porting: Porting
    rental: Rental = field(default_factory=Rental)
    fleet: Fleet = NO_FLEET
    limits: Limits = field(default_factory=Limits)
    risk: Risk = field(default_factory=Risk)
    discount_rate: float = 0.0
    """Cost of money per year; payments count at the start of their period."""
    currency: str = "USD"

    def __post_init__(self) -> None:
        faults = tree_faults(self.tree)
        if faults:
            raise InputError(faults)
        sizes = self._sizes()
        for name in ("tree", "chips", "purchase", "loads", "porting", "rental", "fleet", "limits"):
            object.__setattr__(self, name, completed(getattr(self, name), sizes, name, faults))
        faults += _option_faults(self)
        if faults:
            raise InputError(faults)

    def _sizes(self) -> dict[str, int]:
        return {
            "node": len(self.tree.period),
            "period": int(np.max(self.tree.period)) + 1,
            "chip": len(self.chips.names),
            "load": len(self.loads.names),
            "stack": len(self.porting.stacks),
            "term": np.size(self.rental.term),
            "cohort": np.size(self.fleet.chip),
        }

    @cached_property
    def sizes(self) -> dict[str, int]:
        """Length of every axis, by its name."""
        return {**self._sizes(), "leaf": len(self.tree.leaves)}

    @cached_property
    def discount(self) -> Floats:
        """[node] worth today of one unit of money paid at the node."""
        years = np.concatenate([[0.0], np.cumsum(self.tree.seconds)[:-1]]) / (365.25 * 86400.0)
        factor: Floats = (1.0 + self.discount_rate) ** -years
        return factor[self.tree.period]


def _option_faults(problem: Problem) -> list[Fault]:
    """Return faults of the fields that are no arrays, and of indices that point nowhere."""
    faults = []
    sizes, risk, limits = problem._sizes(), problem.risk, problem.limits
    if problem.chips.stack.max(initial=0) >= sizes["stack"]:
        mend = f"there are {sizes['stack']} stacks"
        faults.append(Fault("chips.stack", int(problem.chips.stack.max()), mend))
    if problem.fleet.chip.max(initial=0) >= sizes["chip"]:
        mend = f"there are {sizes['chip']} chips"
        faults.append(Fault("fleet.chip", int(problem.fleet.chip.max()), mend))
    if not 0.0 <= risk.level < 1.0:
        faults.append(Fault("risk.level", risk.level, "must be at least 0 and below 1"))
    if not 0.0 <= risk.weight <= 1.0:
        faults.append(Fault("risk.weight", risk.weight, "must be from 0 to 1"))
    if risk.objective not in ("cost", "regret"):
        faults.append(Fault("risk.objective", risk.objective, "must be cost or regret"))
    if limits.domestic_by not in ("spend", "chips"):
        faults.append(Fault("limits.domestic_by", limits.domestic_by, "must be spend or chips"))
    unknown = sorted(set(limits.budget_covers) - set(COSTS))
    if unknown:
        faults.append(Fault("limits.budget_covers", unknown, f"choose among {', '.join(COSTS)}"))
    if not -1.0 < problem.discount_rate < 10.0:
        faults.append(Fault("discount_rate", problem.discount_rate, "a share per year (0.1: 10 %)"))
    if problem.loads.units and len(problem.loads.units) != sizes["load"]:
        faults.append(
            Fault("loads.units", len(problem.loads.units), f"give {sizes['load']} or none")
        )
    finite = [("purchase.price", problem.purchase.price), ("loads.rate", problem.loads.rate),
              ("loads.demand", problem.loads.demand), ("loads.penalty", problem.loads.penalty),
              ("loads.work", problem.loads.work), ("porting.cost", problem.porting.cost),
              ("limits.opex", limits.opex), ("fleet.count", problem.fleet.count),
              ("rental.price", problem.rental.price)]  # fmt: skip
    faults += [Fault(name, "inf", "must be finite") for name, x in finite if np.isinf(x).any()]
    return faults
