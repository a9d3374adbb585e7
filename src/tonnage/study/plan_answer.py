"""What `tonnage plan` answers: moves, service, money and law, future by future."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date

from tonnage.planning import Plan
from tonnage.study.plan_law import Ruling
from tonnage.study.plan_problem import World

KINDS = ("buy", "rent", "reserve", "port", "stockpile", "retire")
"""Kinds of action, in the order a reader meets them."""


@dataclass(frozen=True, slots=True)
class Action:
    """One thing to do in a period."""

    period: str
    kind: str
    """One of `KINDS`."""
    item: str
    """Chip, or for a port the stack."""
    count: float
    """Chips; 1 for a port."""
    usd: float
    """What it costs in the period or when delivered, undiscounted; 0 where it costs nothing."""
    detail: str = ""
    """Workload of a port; term of a reservation."""


@dataclass(frozen=True, slots=True)
class Served:
    """How much of a workload is done in a period (serving) or by its deadline (training)."""

    period: str
    wanted: float
    """Tokens a second; tokens for a training run."""
    done: float
    by: Mapping[str, float]
    """Chip → its part of what is done."""

    @property
    def share(self) -> float:
        """Part of what is wanted that is done."""
        return min(self.done / self.wanted, 1.0) if self.wanted > 0 else 1.0


@dataclass(frozen=True, slots=True)
class Standing:
    """Fleet, money and power at the end of a period."""

    period: str
    fleet: Mapping[str, float]
    stock: Mapping[str, float]
    rented: Mapping[str, float]
    spent_usd: float
    power_mw: float


@dataclass(frozen=True, slots=True)
class Future:
    """What the plan does and reaches in one future."""

    name: str
    probability: float
    about: str
    actions: tuple[Action, ...]
    served: Mapping[str, tuple[Served, ...]]
    standings: tuple[Standing, ...]
    cost: float
    """Discounted, USD; unserved demand counts at its price, chips left over at their worth."""
    regret: float | None
    """Cost less that of the best plan had this future been known; `None` if not reckoned."""


@dataclass(frozen=True, slots=True)
class Binding:
    """A limit that binds, what one more unit of it is worth, and that in words."""

    constraint: str
    """Family of the limit and the chip or workload it is about."""
    period: str
    """Where one more unit is worth most."""
    shadow_price: float
    """USD for one more unit in that period, in every future that gets there, today's value."""
    unit: str
    by_period: Mapping[str, float]
    stake: float
    """USD for one percent more of the limit in all periods."""
    says: str


@dataclass(frozen=True, slots=True)
class Alternative:
    """Another plan of nearly the same cost."""

    cost: float
    over: float
    """Part by which it costs more."""
    first_moves: tuple[Action, ...]
    says: str


@dataclass(frozen=True, slots=True)
class Sensitivity:
    """What becomes of the plan when one assumption moves."""

    assumption: str
    cost: float | None
    """Change of the objective in USD; `None` where no plan is left."""
    moved: float
    """Chips of the first moves that change, over those of the plan."""
    says: str


@dataclass(frozen=True, slots=True)
class Replay:
    """The plan's first moves played out against what happened."""

    to: date
    cost: float
    hindsight: float
    """Cost of the best plan had all been known."""
    foreseen: float
    """What the plan expected to cost."""
    actions: tuple[Action, ...]
    served: Mapping[str, tuple[Served, ...]]
    says: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class PlanAnswer:
    """A plan and its trail."""

    world: World
    plan: Plan
    status: str
    objective: float
    gap: float
    interrupted: bool
    futures: tuple[Future, ...]
    first_moves: tuple[Action, ...]
    binding: tuple[Binding, ...]
    alternatives: tuple[Alternative, ...]
    law: tuple[Ruling, ...]
    worth: Mapping[str, float] = field(default_factory=dict)
    """Value of information, of the stochastic plan, of waiting, where reckoned; USD."""
    sensitivity: tuple[Sensitivity, ...] = ()
    replay: Replay | None = None
    seconds: float = 0.0
    notes: tuple[str, ...] = ()

    @property
    def periods(self) -> tuple[str, ...]:
        """Names of the periods."""
        return tuple(period.name for period in self.world.tree.periods)
