"""`tonnage chips`: the accelerators, each number with its source."""

from __future__ import annotations

import sys
from datetime import date
from typing import TYPE_CHECKING

import click

from tonnage.cli.options import common, print_json

if TYPE_CHECKING:
    from rich.console import Console

WIDTH_WITHOUT_TERMINAL = 160


@click.group()
def command() -> None:
    """Look up the accelerators, each number with its source.

    Example: tonnage chips list --hq CN
    """


@command.command("list")
@click.option("--vendor", help="Only this maker, such as Huawei or 华为.")
@click.option("--hq", help="Only makers with headquarters in this country, such as CN.")
@common
def list_command(vendor: str | None, hq: str | None, as_of: date, as_json: bool) -> None:
    """List the chips that were public on a day.

    Example: tonnage chips list --vendor huawei --as-of 2024-01-07
    """
    from tonnage.report import chips as report
    from tonnage.study.chips import list_chips

    answer = list_chips(as_of, vendor, hq)
    if as_json:
        print_json(report.list_to_json(answer))
        return
    if answer.sheets:
        console = _console()
        console.print(report.list_table(answer, console.width))
    click.echo(report.list_text(answer))


@command.command("show")
@click.argument("chip", required=False)
@click.option("--chip-file", help="A chip of your own (docs/how/chip-file.md).")
@click.option("--history", is_flag=True, help="Also what later statements replaced.")
@common
def show_command(
    chip: str | None, chip_file: str | None, history: bool, as_of: date, as_json: bool
) -> None:
    """Show one chip: every number with unit, confidence, source and the day it became public.

    Example: tonnage chips show H20 --as-of 2024-01-07
    """
    from tonnage.report import chips as report
    from tonnage.study.chips import show_chip

    if chip is None and chip_file is None:
        message = "Missing argument 'CHIP'; name a chip or give --chip-file."
        raise click.UsageError(message)
    sheet = show_chip(chip, as_of, chip_file, history)
    if as_json:
        print_json(report.sheet_to_json(sheet))
        return
    console = _console()
    console.print(report.sheet_table(sheet, console.width))
    click.echo(report.sheet_text(sheet))


@command.command("compare")
@click.argument("chips", nargs=-1, required=True)
@click.option("--chip-file", help="A chip of your own to set beside them.")
@common
def compare_command(
    chips: tuple[str, ...], chip_file: str | None, as_of: date, as_json: bool
) -> None:
    """Set chips side by side, quantity by quantity.

    Example: tonnage chips compare H20 L20 910B3 --as-of 2024-01-07
    """
    from tonnage.report import chips as report
    from tonnage.study.chips import compare_chips

    answer = compare_chips(chips, as_of, chip_file)
    if as_json:
        print_json(report.list_to_json(answer))
        return
    _console().print(report.compare_table(answer))
    click.echo(report.compare_text(answer))


@command.command("prices")
@click.argument("chip", required=False)
@common
def prices_command(chip: str | None, as_of: date, as_json: bool) -> None:
    """List the prices that were public on a day, each with its source.

    Example: tonnage chips prices H20 --as-of 2024-07-31
    """
    from tonnage.report import chip_prices as report
    from tonnage.study.chips import list_prices

    answer = list_prices(chip, as_of)
    if as_json:
        print_json(report.to_json(answer))
        return
    if answer.prices:
        _console().print(report.table(answer))
    click.echo(report.text(answer))


def _console() -> Console:
    from rich.console import Console

    width = None if sys.stdout.isatty() else WIDTH_WITHOUT_TERMINAL
    return Console(width=width, markup=False, emoji=False)
