"""What can go wrong, as a small family of exceptions.

Each child is also a built-in kind, so that library users may catch either. The command line turns
them into one message and an exit code; nothing else in the package prints or exits.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Self

NO = 1
"""Exit code of a true answer of "no": nothing feasible, does not fit, not enough known."""
BAD_INPUT = 2
"""Exit code of input that cannot be used."""


class TonnageError(Exception):
    """Base of all errors that Tonnage raises on purpose."""

    exit_code = BAD_INPUT


@dataclass(frozen=True, slots=True)
class Fault:
    """One thing wrong with an input: where it stands, what came, and how to mend it."""

    field: str
    value: object
    mend: str
    where: str = ""
    """`file:line` or empty."""

    def __str__(self) -> str:
        place = f"{self.where}: " if self.where else ""
        given = "" if self.value is None else f" = {_shown(self.value)}"
        return f"{place}{self.field}{given}: {self.mend}"


def _shown(value: object, limit: int = 160) -> str:
    text = repr(value)
    return text if len(text) <= limit else text[: limit - 1] + "…"


class InputError(TonnageError, ValueError):
    """Bad input; carries every fault that was found, not only the first."""

    def __init__(self, faults: Iterable[Fault]) -> None:
        self.faults = tuple(faults)
        super().__init__("\n".join(str(fault) for fault in self.faults))

    @classmethod
    def of(cls, field: str, value: object, mend: str, where: str = "") -> Self:
        """Return an error of a single fault."""
        return cls([Fault(field, value, mend, where)])


class UnknownName(InputError, LookupError):
    """A name that no entry answers to; the message lists the nearest ones."""


class AmbiguousName(InputError, LookupError):
    """A name that several entries answer to; the message lists them."""


class DataError(TonnageError, ValueError):
    """Shipped or given data that break their own rules, such as a value without a source."""


class NotEnoughKnown(TonnageError, LookupError):
    """A true "cannot say": names the missing quantity and whose it is."""

    exit_code = NO

    def __init__(self, message: str, missing: Iterable[str] = ()) -> None:
        self.missing = tuple(missing)
        super().__init__(message)


class Infeasible(TonnageError, ValueError):
    """A true "no": nothing satisfies the limits; the message says which to relax."""

    exit_code = NO
