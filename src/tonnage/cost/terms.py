"""Where and how a buyer runs chips, and what the buyer states against the data."""

from __future__ import annotations

from dataclasses import dataclass, fields
from math import isfinite

from tonnage.cost.book import CostBook
from tonnage.errors import Fault, InputError

GIVEN = "given by the user"
"""The source of a value that the user states against the data."""

_LIMITS: dict[str, tuple[float, float, str]] = {
    "years": (0.25, 15.0, "years from 0.25 to 15"),
    "utilisation": (0.01, 1.0, "a share of all hours from 0.01 to 1, such as 0.7"),
    "tariff": (0.0, 5.0, "USD per kWh, from 0 to 5"),
    "pue": (1.0, 3.0, "a ratio from 1 to 3"),
    "price": (1.0, 1e7, "USD for one chip in its server, from 1 to 10,000,000"),
    "rent": (1e-3, 1e4, "USD per chip-hour, from 0.001 to 10,000"),
    "power_w": (1.0, 1e5, "board power in watts, from 1 to 100,000"),
    "rent_trend": (-0.9, 2.0, "change of rents a year as a share from -0.9 to 2, such as -0.1"),
    "cost_of_money": (0.0, 1.0, "a share a year from 0 to 1, such as 0.08"),
}


@dataclass(frozen=True, slots=True)
class Terms:
    """The buyer's side of a cost; what is `None` comes from the data.

    Raises
    ------
    InputError
        On construction, with every value that is out of its range.
    """

    country: str = "CN"
    """ISO 3166 alpha-2 code of where the chips run."""
    years: float = 4.0
    """Years the chips are kept; our assumption, between three and the six of annual reports."""
    utilisation: float = 0.7
    """Share of all hours in which a chip does paid work; our assumption."""
    tariff: float | None = None
    """USD per kWh."""
    pue: float | None = None
    price: float | None = None
    """USD for one chip in its server, in place of the published prices."""
    rent: float | None = None
    """USD per chip-hour on demand, in place of the published rents."""
    rent_trend: float | None = None
    """Change of rents a year, as a share, in place of the observed one."""
    power_w: float | None = None
    """Board power of one chip, in place of the catalog's."""
    cost_of_money: float | None = None
    """Share a year, in place of lending rate and margin."""

    def __post_init__(self) -> None:
        faults = []
        if len(self.country) != 2 or not self.country.isalpha() or not self.country.isupper():
            mend = "write an ISO 3166 alpha-2 code, such as CN"
            faults.append(Fault("country", self.country, mend))
        for field in fields(self):
            value = getattr(self, field.name)
            if field.name == "country" or value is None:
                continue
            low, high, mend = _LIMITS[field.name]
            if not isfinite(value) or not low <= value <= high:
                faults.append(Fault(field.name, value, mend))
        if faults:
            raise InputError(faults)

    def check_country(self, book: CostBook) -> None:
        """Refuse a country whose electricity price is unknown, unless the user gave a tariff.

        Raises
        ------
        InputError
            Naming the countries that are known.
        """
        known = book.regions("tariff")
        if self.tariff is None and self.country not in known:
            mend = f"no electricity price is known there; one of {', '.join(known)}, or give tariff"
            raise InputError.of("country", self.country, mend)
