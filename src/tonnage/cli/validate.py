"""`tonnage validate`: error of the predictions on a table of measurements."""

from __future__ import annotations

from datetime import date

import click

from tonnage.cli.options import common, print_json
from tonnage.errors import NO


@click.command("validate")
@click.argument("file")
@click.option("--source", help="Only rows with this id prefix or source title.")
@click.option("--chip", help="Only rows whose chip label has this in it, or means this chip.")
@click.option("--complete-only", is_flag=True, help="Only rows marked complete = yes.")
@common
def command(
    file: str,
    source: str | None,
    chip: str | None,
    complete_only: bool,
    as_of: date,
    as_json: bool,
) -> int:
    """Score the predictions on FILE, a CSV of published training or serving measurements.

    The kind of table is told by its columns; docs/how/validate.md lists them. A row is skipped
    only with a reason that names what is missing.

    Example: tonnage validate measurements.csv --chip H100 --complete-only
    """
    from tonnage.report import validation as report
    from tonnage.study.validation import validate

    answer = validate(file, source=source, chip=chip, complete_only=complete_only, as_of=as_of)
    if as_json:
        print_json(answer.to_dict())
    else:
        from tonnage.report.page import page

        console = page()
        for table in report.tables(answer):
            console.print(table)
        click.echo(report.text(answer))
    return 0 if answer.predictions else NO
