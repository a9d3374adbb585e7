"""`tonnage rules`: what the law said when, what changed, and which chips flip."""

from __future__ import annotations

from datetime import date

import click

from tonnage.cli.options import Day, common, print_json


@click.group()
def command() -> None:
    """Read the dated export rules: list, show, diff, sweep. Not legal advice.

    Example: tonnage rules diff 2023-11-16 2023-11-17 --to CN
    """


@command.command("list")
@click.option("--on", type=Day(), help="How they stand on this day.  [default: --as-of]")
@common
def list_rules(on: date | None, as_of: date, as_json: bool) -> None:
    """List the rules with their state of enforcement.

    Example: tonnage rules list --on 2025-06-01
    """
    from tonnage.report import rulebook as report
    from tonnage.study.rulebook import rules_ahead, rules_list

    rules, ahead = rules_list(as_of, on), rules_ahead(as_of, on)
    if as_json:
        print_json(report.list_to_json(rules, ahead))
    else:
        report.show(report.list_parts(rules, ahead))


@command.command("show")
@click.argument("name", metavar="ID")
@click.option("--on", type=Day(), help="The day whose enforcement is told.  [default: --as-of]")
@common
def show_rule(name: str, on: date | None, as_of: date, as_json: bool) -> None:
    """Show a rule, parameter, notice or regime: values over time, who set them, where used.

    Example: tonnage rules show 3A090.a.1.tpp
    """
    from tonnage.report import rulebook as report
    from tonnage.study.rulebook import rules_show

    shown = rules_show(name, as_of, on)
    if as_json:
        print_json(report.shown_to_json(shown))
    else:
        report.show(report.shown_parts(shown))


@command.command("diff")
@click.argument("first", metavar="DATE", type=Day())
@click.argument("second", metavar="DATE", type=Day())
@click.option("--to", default="CN", show_default=True, metavar="CC", help="Destination.")
@click.option("--headquarters", metavar="CC", help="Seat of the buyer's ultimate parent.")
@click.option("--from", "exporter", default="US", show_default=True, metavar="CC")
@click.option("--reform", metavar="FILE", help="Look at the second day under this what-if patch.")
@common
def diff(
    first: date,
    second: date,
    to: str,
    headquarters: str | None,
    exporter: str,
    reform: str | None,
    as_of: date,
    as_json: bool,
) -> None:
    """Tell which paragraphs changed between two days and which catalog chips flip.

    Example: tonnage rules diff 2026-01-14 2026-01-15 --to CN
    """
    from tonnage.report import rulebook as report
    from tonnage.study.rulebook import rules_diff

    found = rules_diff(
        first,
        second,
        to,
        headquarters=headquarters,
        exporter=exporter,
        as_of=as_of,
        reform=reform,
    )
    if as_json:
        print_json(report.diff_to_json(found))
    else:
        report.show(report.diff_parts(found))


@command.command("sweep")
@click.argument("parameter", metavar="PARAMETER")
@click.option("--from", "start", type=float, required=True, help="First value.")
@click.option("--to", "stop", type=float, required=True, help="Last value.")
@click.option("--destination", default="CN", show_default=True, metavar="CC")
@click.option("--on", type=Day(), help="The day whose law is moved.  [default: --as-of]")
@click.option("--headquarters", metavar="CC", help="Seat of the buyer's ultimate parent.")
@click.option("--alone", is_flag=True, help="Move this paragraph only, not its equals elsewhere.")
@click.option("--reform", metavar="FILE", help="Sweep under this what-if patch.")
@common
def sweep(
    parameter: str,
    start: float,
    stop: float,
    destination: str,
    on: date | None,
    headquarters: str | None,
    alone: bool,
    reform: str | None,
    as_of: date,
    as_json: bool,
) -> None:
    """Tell the exact values at which catalog chips flip as one threshold moves.

    Example: tonnage rules sweep 3A090.a.1.tpp --from 4800 --to 4700
    """
    from tonnage.report import rulebook as report
    from tonnage.study.rulebook_sweep import rules_sweep

    found = rules_sweep(
        parameter,
        start,
        stop,
        destination=destination,
        on=on,
        as_of=as_of,
        headquarters=headquarters,
        alone=alone,
        reform=reform,
    )
    if as_json:
        print_json(report.sweep_to_json(found))
    else:
        report.show(report.sweep_parts(found))
