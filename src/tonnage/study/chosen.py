"""Which chip a user means: one of the catalog, one of a file, or one named among both."""

from __future__ import annotations

from datetime import date
from pathlib import Path

from tonnage.catalog import Chip, load_catalog
from tonnage.errors import InputError


def chosen_chip(
    name: str | None, chip_file: str | Path | None, as_of: date, field: str = "chip"
) -> Chip:
    """Return the chip that `name` means; with `chip_file`, the file's chip is one of the catalog.

    Raises
    ------
    InputError
        If neither is given, the file has faults, or no single chip answers to the name.
    """
    if chip_file is None and name is None:
        raise InputError.of(field, None, "name a chip, or give --chip-file")
    catalog = load_catalog(as_of)
    if chip_file is not None:
        from tonnage.catalog import read_chip_file  # its schema is heavy

        own = read_chip_file(chip_file, as_of)
        if name is None:
            return own
        catalog = catalog.with_chip(own)
    assert name is not None
    return catalog.find(name)
