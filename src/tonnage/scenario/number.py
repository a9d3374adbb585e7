"""How a number of a scenario file is written and checked.

A number is never bare: it is `{value: 40, unit: MW, source: ID}` or, with a reason,
`{value: 40, unit: MW, assumption: why}`. A value that moves has `at: {DAY: number, ...}` instead of
`value`; each holds from its day to the next.
"""

from __future__ import annotations

from datetime import date, datetime
from math import isfinite
from typing import Annotated, Any, ClassVar

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    GetJsonSchemaHandler,
    model_validator,
)
from pydantic_core import CoreSchema

from tonnage.dates import parse_day
from tonnage.errors import InputError
from tonnage.scenario import amount as dim

MOST_LISTED = 12
"""Units that a message lists; of more, those of the usual currencies."""


def _day(value: object) -> date:
    if isinstance(value, datetime):
        message = "write a day as YYYY-MM-DD, without a time"
        raise ValueError(message)
    try:
        return parse_day(value)
    except InputError as error:
        raise ValueError(error.faults[0].mend) from None


Day = Annotated[date, BeforeValidator(_day)]
Title = Annotated[str, Field(min_length=1, max_length=300)]
Name = Annotated[str, Field(min_length=1, max_length=80, pattern=r"^[^\s\x00-\x1f](.*\S)?$")]


class Part(BaseModel):
    """A part of the file: no field that is not listed, no silent change of type."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)


class AmountIn(Part):
    """A number with its unit, and with a source or the assumption behind it."""

    dimension: ClassVar[dim.Dimension]

    value: float | None = Field(None, description="The number, unless `at` is given.")
    at: dict[str, float] | None = Field(
        None, description="Day (YYYY-MM-DD) to number: each holds from its day to the next."
    )
    unit: str | None = Field(None, description="Unit of the number.")
    source: str | None = Field(None, description="Id of an entry under `sources`.")
    assumption: str | None = Field(
        None, min_length=3, description="Why this number, where no source states it."
    )
    known: Day | None = Field(
        None, description="Day it became public, if not that of the source; not after `as_of`."
    )
    low: float | None = Field(None, description="Low end (10th percentile) of what it may be.")
    high: float | None = Field(None, description="High end (90th percentile) of what it may be.")

    @model_validator(mode="before")
    @classmethod
    def _whole(cls, data: Any) -> Any:
        """Refuse bare numbers, and numbers with neither source nor assumption."""
        example = cls.dimension.example()
        if not isinstance(data, dict):
            message = f"a number names its source or says it is assumed: {example}"
            raise ValueError(message)
        if ("value" in data) == ("at" in data):
            message = f"give either `value` or `at`: {example}"
            raise ValueError(message)
        if ("source" in data) == ("assumption" in data):
            message = f"give either `source` or `assumption`: {example}"
            raise ValueError(message)
        return data

    @model_validator(mode="after")
    def _measured(self) -> AmountIn:
        kind = self.dimension
        if self.unit is None and kind.default_unit is None:
            message = f"unit missing: {kind.name} is written in {_listed(kind.units)}"
            raise ValueError(message)
        if self.unit is not None and self.unit not in kind.factors:
            message = f"unit {self.unit!r}: {kind.name} is written in {_listed(kind.units)}"
            raise ValueError(message)
        for number in self.numbers():
            self._bounded(number)
        if self.low is not None and self.high is not None and self.low > self.high:
            message = "low is above high"
            raise ValueError(message)
        for day in self.at or {}:
            _day(day)
        if self.at is not None and not self.at:
            message = "`at` is empty; give at least one day and number"
            raise ValueError(message)
        return self

    def numbers(self) -> list[float]:
        """Return every number in it, as written."""
        single = [n for n in (self.value, self.low, self.high) if n is not None]
        return single + list((self.at or {}).values())

    def _bounded(self, number: float) -> None:
        kind = self.dimension
        if not isfinite(number):
            message = f"{number} is not a finite number"
            raise ValueError(message)
        unit = self.unit if self.unit is not None else kind.default_unit or ""
        scale = 0.01 if unit.startswith("%") else 1.0
        least, most = kind.least / scale, kind.most / scale
        if not least <= number <= most:
            span = f"at least {least:g}" if most == float("inf") else f"from {least:g} to {most:g}"
            message = f"{number:g} is out of bounds; {kind.name} is {span} {unit}".rstrip()
            raise ValueError(message)

    @classmethod
    def __get_pydantic_json_schema__(
        cls, core: CoreSchema, handler: GetJsonSchemaHandler
    ) -> dict[str, Any]:
        """Say in JSON Schema which units there are and what must be given."""
        schema = handler.resolve_ref_schema(handler(core))
        kind = cls.dimension
        schema["properties"]["unit"] = {"enum": list(kind.units), "description": "Unit."}
        schema["required"] = [] if kind.default_unit is not None else ["unit"]
        schema["allOf"] = [
            {"oneOf": [{"required": ["value"]}, {"required": ["at"]}]},
            {"oneOf": [{"required": ["source"]}, {"required": ["assumption"]}]},
        ]
        return schema


def _listed(units: tuple[str, ...]) -> str:
    named = [unit for unit in units if unit]
    if len(named) > MOST_LISTED:
        named = [u for u in named if u.startswith(("USD", "MUSD", "CNY", "MCNY"))]
    return ", ".join(named)


class MoneyRate(AmountIn):
    """Money over time."""

    dimension = dim.MONEY_RATE


class ChipPrice(AmountIn):
    """Price of a chip: bare (`/chip`) or with its share of a server (`/server8`)."""

    dimension = dim.CHIP_PRICE


class ChipHour(AmountIn):
    """Rent of a chip, its server included."""

    dimension = dim.CHIP_HOUR


class TokenPrice(AmountIn):
    """Price of tokens."""

    dimension = dim.TOKEN_PRICE


class EffortPrice(AmountIn):
    """Price of engineers' time."""

    dimension = dim.EFFORT_PRICE


class EnergyPrice(AmountIn):
    """Price of electric energy."""

    dimension = dim.ENERGY_PRICE


class Effort(AmountIn):
    """Engineers' time."""

    dimension = dim.EFFORT


class Power(AmountIn):
    """Electric power."""

    dimension = dim.POWER


class Area(AmountIn):
    """Floor space."""

    dimension = dim.AREA


class Chips(AmountIn):
    """Number of chips; `servers8` are servers with eight."""

    dimension = dim.CHIPS


class ChipRate(AmountIn):
    """Chips over time."""

    dimension = dim.CHIP_RATE


class Duration(AmountIn):
    """Time span."""

    dimension = dim.DURATION


class Latency(AmountIn):
    """Time within one request."""

    dimension = dim.LATENCY


class Tokens(AmountIn):
    """Number of tokens."""

    dimension = dim.TOKENS


class TokenRate(AmountIn):
    """Tokens over time."""

    dimension = dim.TOKEN_RATE


class Fraction(AmountIn):
    """Share between 0 and 1."""

    dimension = dim.FRACTION


class Factor(AmountIn):
    """Multiple of something."""

    dimension = dim.FACTOR


class Growth(AmountIn):
    """Compound growth."""

    dimension = dim.GROWTH


class Exchange(AmountIn):
    """Units of a currency that a dollar buys."""

    dimension = dim.EXCHANGE
