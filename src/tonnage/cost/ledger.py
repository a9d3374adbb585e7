"""The formulas of ownership: one chip in its server, in its cluster, in its hall, for a month.

Everything here takes plain numbers and returns plain numbers; sources and doubt are put around it
by `ownership`.
"""

from __future__ import annotations

from collections.abc import Mapping
from math import expm1, log1p

from tonnage.units import HOURS_PER_MONTH, KILO, MONTHS_PER_YEAR

CAPEX = ("price", "server", "network", "duty", "revenue share")
OPEX = ("electricity", "hosting", "staff", "spares", "support")
CAPITAL = ("depreciation", "cost of money")


def annuity(rate: float, periods: float) -> float:
    """Payment a period that repays 1 with interest: rate / (1 - (1 + rate)^-periods).

    Examples
    --------
    >>> annuity(0.0, 10)
    0.1
    """
    if rate == 0:
        return 1.0 / periods
    # expm1 and log1p: a rate of 1e-20 must not vanish in 1 + rate.
    return float(rate / -expm1(-periods * log1p(rate)))


def ledger(x: Mapping[str, float], years: float, utilisation: float) -> dict[str, float]:
    """Return what one chip costs: capital outlay in USD, the rest in USD a month.

    capital a month = (capex - residual / (1 + i)^n) · annuity(i, n), with i the monthly cost of
    money and n the months; of it, (capex - residual) / n is depreciation, the rest cost of money.
    electricity = mean power · PUE · tariff · hours; hosting = rated power · build cost ·
    (annuity over the hall's life + upkeep) / 12; spares = failures · share not covered · price.

    Parameters
    ----------
    x
        By name, a chip: `price`, `server`, `network` in USD; `duty`, `revenue_share` as shares of
        the price; `rated_w`; `load_share`, `idle_share` of it; `tariff` in USD/kWh; `pue`;
        `build_cost` in USD/kW, `facility_life` in years; `staff_per_1000`, `salary` in USD a year;
        and as shares a year `facility_upkeep`, `failure_rate`, `support`, `base_rate`,
        `risk_margin`, `value_decay`; `uncovered_share`, `used_discount`, `network_residual`.
    years
        Years the chip is kept.
    utilisation
        Share of all hours in which the chip does paid work.
    """
    duty = x["price"] * x["duty"]
    share = x["price"] * x["revenue_share"]
    capex = x["price"] + x["server"] + x["network"] + duty + share
    residual = resale(x, years)
    months = years * MONTHS_PER_YEAR
    yearly = x["base_rate"] + x["risk_margin"]
    rate = yearly / MONTHS_PER_YEAR
    capital = (capex - residual * (1.0 + rate) ** -months) * annuity(rate, months)
    depreciation = (capex - residual) / months
    busy = x["idle_share"] + (x["load_share"] - x["idle_share"]) * utilisation
    mean_kw = x["rated_w"] * busy / KILO
    hall = x["build_cost"] * (annuity(yearly, x["facility_life"]) + x["facility_upkeep"])
    opex = {
        "electricity": mean_kw * x["pue"] * x["tariff"] * HOURS_PER_MONTH,
        "hosting": x["rated_w"] / KILO * hall / MONTHS_PER_YEAR,
        "staff": x["staff_per_1000"] / 1000 * x["salary"] / MONTHS_PER_YEAR,
        "spares": x["failure_rate"] * x["uncovered_share"] * x["price"] / MONTHS_PER_YEAR,
        "support": x["support"] * (capex - duty - share) / MONTHS_PER_YEAR,
    }
    running = sum(opex.values())
    return {
        "price": x["price"],
        "server": x["server"],
        "network": x["network"],
        "duty": duty,
        "revenue share": share,
        "capex": capex,
        "residual": residual,
        "depreciation": depreciation,
        "cost of money": capital - depreciation,
        "capital": capital,
        **opex,
        "opex": running,
        "month": capital + running,
        "hour": (capital + running) / (HOURS_PER_MONTH * utilisation),
        "mean_w": mean_kw * KILO,
    }


def resale(x: Mapping[str, float], years: float) -> float:
    """(price + server) · (1 - decay)^years · used discount + network · residual share, in USD.

    Nothing is lost at year 0 but the used discount; duties are never got back.
    """
    hardware = (x["price"] + x["server"]) * (1.0 - x["value_decay"]) ** years
    return float(hardware * x["used_discount"] + x["network"] * x["network_residual"])
