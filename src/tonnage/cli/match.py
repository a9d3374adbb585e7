"""`tonnage match`."""

from __future__ import annotations

from datetime import date
from typing import Any

import click

from tonnage.cli.options import Day, common, print_json
from tonnage.cli.workload import given_load, workload_options
from tonnage.errors import InputError

_SHAPE = "write CHIP:N, such as A100-80GB:1024"


@click.command("match")
@click.argument("workload", required=False)
@click.option(
    "--from", "reference", required=True, metavar="CHIP:N", help="What is to be replaced."
)
@click.option("--to", multiple=True, required=True, metavar="CHIP[,CHIP…]", help="By what.")
@click.option("--country", default="CN", show_default=True, help="Where the chips run.")
@click.option("--headquarters", help="Country of the buyer's seat, or its parent's.")
@click.option("--on", type=Day(), help="Day whose prices and law are used (default: --as-of).")
@click.option("--years", type=float, help="Years the chips are kept (default: 4).")
@click.option("--utilisation", type=float, help="Share of hours in paid use (default: 0.7).")
@click.option("--tariff", type=float, help="USD per kWh (default: the country's).")
@click.option("--pue", type=float, help="Power usage effectiveness (default: the country's).")
@workload_options
@common
def command(
    workload: str | None,
    reference: str,
    to: tuple[str, ...],
    country: str,
    headquarters: str | None,
    on: date | None,
    as_of: date,
    as_json: bool,
    **options: Any,
) -> int:
    """Find how many of each chip do the work of N of another, and at what cost.

    WORKLOAD is a YAML file with `kind: train` or `kind: serve`, or is given by options. CHIP is a
    name as in `tonnage chips list`, or a chip file (.yaml).

    Example: tonnage match --from A100-80GB:1024 --to H20,A800 --kind train --model gpt3-175b
    --seq 2048 --global-batch 1536
    """
    from tonnage.cost import Terms
    from tonnage.report import match as report
    from tonnage.study.match import match

    chip, chips = parse_reference(reference)
    names = [name.strip().strip("\"'") for part in to for name in part.split(",")]
    if not all(names):
        raise InputError.of("to", ",".join(to), "name chips, with commas between them")
    load = given_load(workload, options)
    if load is None:
        mend = "name a YAML file, or give --kind, --model and what the kind needs"
        raise InputError.of("workload", None, mend)
    names_of_terms = ("years", "utilisation", "tariff", "pue")
    given = {name: options[name] for name in names_of_terms if options[name] is not None}
    answer = match(
        _chip(chip, as_of),
        chips,
        [_chip(name, as_of) for name in names],
        load,
        country=country,
        headquarters=headquarters,
        on=on,
        as_of=as_of,
        terms=Terms(**given),
    )
    if as_json:
        print_json(report.to_json(answer))
        return 0
    from tonnage.report.page import page

    console = page()
    console.print(report.table(answer))
    console.print(report.text(answer))
    return 0


def _chip(name: str, as_of: date) -> Any:
    """Return the chip that a file describes if the name is that of a YAML file, else the name."""
    if not name.casefold().endswith((".yaml", ".yml")):
        return name
    from tonnage.catalog import read_chip_file

    return read_chip_file(name, as_of)


def parse_reference(text: str) -> tuple[str, int]:
    """Return chip name and number of `CHIP:N`.

    Raises
    ------
    InputError
        If the text is not of that form, or the number is not a whole number of 1 or more.
    """
    name, colon, number = text.rpartition(":")
    digits = number.strip().replace("_", "").replace(",", "")
    if not colon or not name.strip() or not (digits.isascii() and digits.isdigit()):
        raise InputError.of("from", text, _SHAPE)
    if not 1 <= len(digits) <= 9 or int(digits) < 1:
        raise InputError.of("from", text, f"{_SHAPE}; from 1 to 10,000,000 chips")
    return name.strip(), int(digits)
