"""An accelerator as the catalog knows it on one day."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date

from tonnage.errors import NotEnoughKnown
from tonnage.provenance import Sourced

Value = float | str | bool | date


@dataclass(frozen=True, slots=True, eq=False)
class Chip:
    """One accelerator; `values` holds what was known of it, by quantity name.

    A quantity that is not public is absent: there are no guesses. Two chips are the same only if
    they are the same object.
    """

    id: str
    name: str
    vendor: str
    family: str
    headquarters: str
    """Country of the maker's headquarters, ISO 3166 alpha-2."""
    aliases: tuple[str, ...]
    values: Mapping[str, Sourced[Value]]
    note: str = ""

    def number(self, quantity: str) -> float | None:
        """Return a numeric quantity in its catalog unit, `None` if it is not known."""
        found = self.values.get(quantity)
        if found is None or isinstance(found.value, (str, bool, date)):
            return None
        return float(found.value)

    def require(self, quantity: str) -> float:
        """Return a numeric quantity that the caller cannot do without.

        Raises
        ------
        NotEnoughKnown
            If it is not known; the message names chip and quantity.
        """
        value = self.number(quantity)
        if value is None:
            message = f"{self.name}: {quantity} is not known on this date"
            raise NotEnoughKnown(message, [quantity])
        return value

    def text(self, quantity: str) -> str | None:
        """Return a quantity as text, `None` if it is not known."""
        found = self.values.get(quantity)
        return None if found is None else str(found.value)

    def flag(self, quantity: str) -> bool | None:
        """Return a yes/no quantity, `None` if it is not known."""
        found = self.values.get(quantity)
        return found.value if found is not None and isinstance(found.value, bool) else None

    def day(self, quantity: str) -> date | None:
        """Return a day, `None` if it is not known."""
        found = self.values.get(quantity)
        return found.value if found is not None and isinstance(found.value, date) else None
