"""`tonnage cost`."""

from __future__ import annotations

from datetime import date
from typing import Any

import click

from tonnage.cli.options import Day, common, print_json
from tonnage.cli.workload import given_load, workload_options
from tonnage.errors import NO, InputError

_TERMS = (
    "years", "utilisation", "tariff", "pue", "price", "rent", "rent_trend", "power_w",
    "cost_of_money",
)  # fmt: skip


@click.command("cost")
@click.argument("chip", required=False)
@click.option("--chip-file", type=str, help="A chip of your own, as YAML.")
@click.option("--chips", type=int, required=True, help="Number of chips of the cluster.")
@click.option("--country", default="CN", show_default=True, help="Where they run.")
@click.option("--years", type=float, help="Years they are kept (default: 4).")
@click.option("--utilisation", type=float, help="Share of hours in paid use (default: 0.7).")
@click.option("--tariff", type=float, help="USD per kWh (default: the country's).")
@click.option("--pue", type=float, help="Power usage effectiveness (default: the country's).")
@click.option("--price", type=float, help="USD for one chip in its server (default: published).")
@click.option("--rent", type=float, help="USD per chip-hour on demand (default: published).")
@click.option("--rent-trend", type=float, help="Change of rents a year, such as -0.1.")
@click.option("--power-w", type=float, help="Board power of one chip (default: the catalog's).")
@click.option("--cost-of-money", type=float, help="Share a year, such as 0.08.")
@click.option("--on", type=Day(), help="Day whose prices are used (default: --as-of).")
@click.option("--workload", type=str, help="YAML file with kind: train or kind: serve.")
@click.option("--vary", multiple=True, metavar="TERM=LOW:HIGH[:STEPS]", help="Cost over a range.")
@click.option("--sources", is_flag=True, help="Print every input with its source.")
@workload_options
@common
def command(
    chip: str | None,
    chip_file: str | None,
    chips: int,
    country: str,
    on: date | None,
    workload: str | None,
    vary: tuple[str, ...],
    sources: bool,
    as_of: date,
    as_json: bool,
    **options: Any,
) -> int:
    """Total cost of ownership of a cluster; buy against rent; cost of a million tokens.

    Example: tonnage cost H20 --chips 1024 --country CN --utilisation 0.6 --as-of 2024-07-05
    """
    from tonnage.cost import Terms
    from tonnage.report import cost as report
    from tonnage.rules import country as country_code
    from tonnage.study.chosen import chosen_chip
    from tonnage.study.ownership import total_cost

    device = chosen_chip(chip, chip_file, as_of)
    given = {name: options[name] for name in _TERMS if options[name] is not None}

    terms = Terms(country=country_code(country, "country"), **given)
    load = given_load(workload, options)
    if vary and load is not None:
        mend = "a range is of the cost of an hour; leave out the workload, or ask without --vary"
        raise InputError.of("vary", ", ".join(vary), mend)
    if vary:
        return _sweep(device, chips, terms, vary, on, as_of, as_json)
    answer = total_cost(device, chips, terms=terms, load=load, on=on, as_of=as_of)
    if as_json:
        print_json(report.to_json(answer))
        return 0
    from tonnage.report.page import page

    console = page()
    console.print(report.table(answer))
    if sources:
        console.print(report.inputs_table(answer))
    console.print(report.text(answer))
    return 0


def _sweep(
    chip: Any,
    chips: int,
    terms: Any,
    vary: tuple[str, ...],
    on: date | None,
    as_of: date,
    as_json: bool,
) -> int:
    from tonnage.report import cost_sweep as report
    from tonnage.study.ownership_sweep import cost_sweep

    ranges = dict(parse_range(text) for text in vary)
    answer = cost_sweep(chip, chips, ranges, terms=terms, on=on, as_of=as_of)
    if as_json:
        print_json(report.to_json(answer))
    else:
        from tonnage.report.page import page

        page().print(report.table(answer))
    return 0 if any(point.cost for point in answer.points) else NO


def parse_range(text: str) -> tuple[str, list[float]]:
    """Return term and values of `TERM=LOW:HIGH[:STEPS]` (5 steps) or `TERM=A,B,C`.

    Raises
    ------
    InputError
        If the text is of neither form.
    """
    mend = "write TERM=LOW:HIGH[:STEPS] or TERM=A,B,C, such as utilisation=0.2:1:5"
    name, equals, values = text.partition("=")
    parts = values.split(":")
    try:
        if not equals or not 1 <= len(parts) <= 3:
            raise ValueError
        if len(parts) == 1:
            return name.strip().replace("-", "_"), [float(v) for v in values.split(",")]
        low, high = float(parts[0]), float(parts[1])
        steps = int(parts[2]) if len(parts) == 3 else 5
        if not 2 <= steps <= 1000:
            raise ValueError
    except ValueError:
        raise InputError.of("vary", text, mend) from None
    span = high - low
    return name.strip().replace("-", "_"), [low + span * k / (steps - 1) for k in range(steps)]
