"""When buying has cost as little as renting."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from math import inf, isfinite

from tonnage.cost.ledger import ledger
from tonnage.cost.ownership import Ownership
from tonnage.cost.rental import Rent
from tonnage.cost.through import draws, percentile
from tonnage.units import HOURS_PER_MONTH, MONTHS_PER_YEAR

HORIZON_MONTHS = 120
"""A purchase that has not paid after ten years is said never to pay."""

UTILISATIONS = (0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1.0)


@dataclass(frozen=True, slots=True)
class BreakEven:
    """Months until owning has cost less than renting; `inf` where it never does."""

    against: str
    """`on demand`, `reserved 12 months`, `reserved 36 months`."""
    utilisation: float
    p10: float
    p50: float
    p90: float

    @property
    def pays(self) -> bool:
        """Whether buying pays within ten years at the middle of all inputs."""
        return isfinite(self.p50)

    def to_dict(self) -> dict[str, float | None]:
        """Return the percentiles; `None` where buying never pays."""
        ends = {"p10": self.p10, "p50": self.p50, "p90": self.p90}
        return {name: value if isfinite(value) else None for name, value in ends.items()}


def months_to_pay(
    capex: float,
    opex: float,
    rent: float,
    trend: float,
    cost_of_money: float,
    contract_months: int = 1,
) -> float:
    """Smallest m with capex + sum opex / (1+i)^k <= sum rent (1+g)^(s/12) / (1+i)^k, k = 1..m.

    s is the month in which the contract that covers month k was made: k - 1 from month to month.

    Parameters
    ----------
    capex
        Outlay for one chip, USD.
    opex, rent
        USD a month for one chip; rent as of the first month.
    trend
        Change of rents a year, as a share (g).
    cost_of_money
        Share a year (12 i).
    contract_months
        Months for which a contract fixes the rent.

    Returns
    -------
    float
        Months, to a fraction; `inf` if it does not pay within `HORIZON_MONTHS`. What the chip still
        fetches is not counted.
    """
    owed, discount, level = capex, 1.0, 1.0
    down = 1.0 / (1.0 + cost_of_money / MONTHS_PER_YEAR)
    step = (1.0 + trend) ** (contract_months / MONTHS_PER_YEAR)
    for month in range(1, HORIZON_MONTHS + 1):
        discount *= down
        if month > 1 and (month - 1) % contract_months == 0:
            level *= step
        saved = (rent * level - opex) * discount
        if saved >= owed:
            return float(month - 1 + owed / saved)
        owed -= saved
    return inf


def break_even(
    owned: Ownership, rent: Rent, against: str = "on demand", utilisation: float | None = None
) -> BreakEven:
    """Return when owning pays against one way of renting, at a utilisation.

    On demand only used hours are paid, at the rent of the month; a reserved hour is paid whether
    used or not, at the rent of the month in which the contract was made. p50 is the month at the
    middles of all inputs; p10 and p90 come of 255 joint draws of every input of the ledger, of the
    rent and of its trend.
    """
    used = owned.terms.utilisation if utilisation is None else utilisation
    inputs = {name: figure.value for name, figure in owned.inputs.items()}
    inputs |= {"rent": rent.on_demand.value, "trend": rent.trend.value}
    contract = next((m for m in rent.ratios if against == f"reserved {m} months"), 1)
    if contract in rent.ratios:
        inputs["ratio"] = rent.ratios[contract].value

    def formula(x: Mapping[str, float]) -> float:
        bill = ledger(x, owned.terms.years, used)
        hourly = x["rent"] * x.get("ratio", used)
        yearly = x["base_rate"] + x["risk_margin"]
        monthly = hourly * HOURS_PER_MONTH
        return months_to_pay(bill["capex"], bill["opex"], monthly, x["trend"], yearly, contract)

    middle = formula({name: spread.p50 for name, spread in inputs.items()})
    drawn = sorted(formula(x) for x in draws(inputs))
    early, late = (percentile(drawn, share) for share in (0.1, 0.9))
    return BreakEven(against, used, min(early, middle), middle, max(late, middle))


def levelled(years: float, trend: float, cost_of_money: float) -> float:
    """sum_k (1+g)^((k-1)/12) (1+i)^-k / sum_k (1+i)^-k: the mean of a moving rent over a term.

    k runs over the months of the term; g is the change a year, i the monthly cost of money.
    """
    months = max(1, round(years * MONTHS_PER_YEAR))
    down = 1.0 / (1.0 + cost_of_money / MONTHS_PER_YEAR)
    step = (1.0 + trend) ** (1.0 / MONTHS_PER_YEAR)
    paid = sum(down**k * step ** (k - 1) for k in range(1, months + 1))
    return float(paid / sum(down**k for k in range(1, months + 1)))


def break_even_utilisation(owned: Ownership, rent: Rent) -> float | None:
    """Return the share of hours above which owning for the whole term beats renting on demand.

    u with full cost of a used hour (u), resale counted, = rent, moving by its trend, over the
    years of the terms; `None` if owning costs more even at full use. All inputs at their middles.
    """
    middle = {name: figure.value.p50 for name, figure in owned.inputs.items()}
    yearly = middle["base_rate"] + middle["risk_margin"]
    level = levelled(owned.terms.years, rent.trend.value.p50, yearly)
    hourly = rent.on_demand.value.p50 * level

    def dearer(used: float) -> bool:
        return ledger(middle, owned.terms.years, used)["hour"] > hourly

    if dearer(1.0):
        return None
    low, high = 1e-3, 1.0
    for _ in range(40):
        half = (low + high) / 2
        low, high = (half, high) if dearer(half) else (low, half)
    return high
