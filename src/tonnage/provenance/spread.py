"""A number with doubt: tenth, fiftieth and ninetieth percentile."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from math import exp, isfinite, log

Z90 = 1.2815515655446004
"""The 90th percentile of the standard normal distribution."""


@dataclass(frozen=True, slots=True)
class Spread:
    """Percentiles p10 <= p50 <= p90 of a quantity; the unit is that of the field it stands in."""

    p10: float
    p50: float
    p90: float

    def __post_init__(self) -> None:
        if not (isfinite(self.p50) and self.p10 <= self.p50 <= self.p90):
            message = f"not percentiles in order: {self.p10}, {self.p50}, {self.p90}"
            raise ValueError(message)

    @classmethod
    def exactly(cls, value: float) -> Spread:
        """Return a spread without doubt."""
        return cls(value, value, value)

    @classmethod
    def lognormal(cls, median: float, sigma: float) -> Spread:
        """p10, p90 = median · exp(∓1.2816 sigma), for a quantity whose log has deviation `sigma`.

        Examples
        --------
        >>> Spread.lognormal(100.0, 0.0)
        Spread(p10=100.0, p50=100.0, p90=100.0)
        """
        factor = exp(Z90 * sigma)
        return cls(median / factor, median, median * factor)

    @property
    def sigma(self) -> float:
        """Deviation of the log that the width p90/p10 of a log-normal quantity stands for."""
        return log(self.p90 / self.p10) / (2 * Z90) if self.p10 > 0 else float("inf")

    def map(self, function: Callable[[float], float]) -> Spread:
        """Return the spread of a monotone function of the quantity (rising or falling)."""
        ends = sorted((function(self.p10), function(self.p90)))
        return Spread(ends[0], function(self.p50), ends[1])

    def __mul__(self, factor: float) -> Spread:
        return self.map(lambda value: value * factor)

    __rmul__ = __mul__

    def __truediv__(self, divisor: float) -> Spread:
        return self.map(lambda value: value / divisor)

    def to_dict(self) -> dict[str, float]:
        """Return the three percentiles by name."""
        return {"p10": self.p10, "p50": self.p50, "p90": self.p90}
