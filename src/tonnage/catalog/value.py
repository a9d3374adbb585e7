"""Reading one stated value of a chip, from a table of ours or a file of a user's."""

from __future__ import annotations

from datetime import date
from math import isfinite

from tonnage.catalog.chip import Value
from tonnage.catalog.quantity import Kind, Quantity
from tonnage.dates import parse_partial_day
from tonnage.errors import InputError

_FLAGS = {"true": True, "false": False, "yes": True, "no": False}


def read_value(given: object, quantity: Quantity) -> Value:
    """Return a value as its quantity's kind demands.

    Raises
    ------
    ValueError
        If it is of another kind, not finite, negative or implausibly large; the text says how to
        mend it.
    """
    if quantity.kind is Kind.NUMBER:
        return _number(given, quantity)
    if quantity.kind is Kind.FLAG:
        return _flag(given)
    return _day(given) if quantity.kind is Kind.DAY else _text(given)


def _number(given: object, quantity: Quantity) -> float:
    if isinstance(given, bool) or not isinstance(given, (int, float, str)):
        message = f"not a number; write {_in(quantity)}"
        raise ValueError(message)
    try:
        value = float(given)
    except (ValueError, OverflowError):
        message = f"not a number; write {_in(quantity)}"
        raise ValueError(message) from None
    if not isfinite(value):
        message = "not a finite number; leave the quantity out if it is not known"
        raise ValueError(message)
    if value < 0:
        message = f"negative; write {_in(quantity)}, zero or more"
        raise ValueError(message)
    if value == 0 and quantity.positive:
        message = "zero; write a number above 0, or leave the quantity out where the chip has none"
        raise ValueError(message)
    if value > quantity.largest:
        message = (
            f"larger than any chip has ({quantity.largest:g}); check the unit, {_in(quantity)}"
        )
        raise ValueError(message)
    return value


def _in(quantity: Quantity) -> str:
    return f"a number in {quantity.unit}" if quantity.unit else "a plain number"


def _flag(given: object) -> bool:
    if isinstance(given, bool):
        return given
    found = _FLAGS.get(given.casefold()) if isinstance(given, str) else None
    if found is None:
        message = "write true or false"
        raise ValueError(message)
    return found


def _day(given: object) -> date:
    if isinstance(given, date):
        return given
    try:
        return parse_partial_day(str(given))
    except (InputError, ValueError):
        message = "write YYYY, YYYY-MM or YYYY-MM-DD"
        raise ValueError(message) from None


def _text(given: object) -> str:
    if not isinstance(given, str) or not given.strip():
        message = "write some text"
        raise ValueError(message)
    return given.strip()
