"""The catalog that a scenario speaks of: what was known on its day, and the user's own chips."""

from __future__ import annotations

from datetime import date
from functools import lru_cache
from pathlib import Path

from tonnage.catalog import Catalog, load_catalog, read_chip_file


@lru_cache(maxsize=64)
def catalog_with(as_of: date, folder: str, chip_files: tuple[str, ...]) -> Catalog:
    """Return the catalog of a day with the chips of files, named from the scenario's folder.

    Raises
    ------
    InputError
        If a chip file cannot be read or breaks a rule.
    """
    catalog = load_catalog(as_of)
    for name in chip_files:
        catalog = catalog.with_chip(read_chip_file(Path(folder) / name, as_of))
    return catalog
