"""`tonnage classify`: class, licence, exceptions and review of chips, with every margin."""

from __future__ import annotations

from datetime import date

import click

from tonnage.cli.options import Day, common, print_json


@click.command()
@click.argument("chips", metavar="CHIP...", nargs=-1)
@click.option("--to", required=True, metavar="CC", help="Destination: a country code or name.")
@click.option("--on", type=Day(), help="The day whose law is asked for.  [default: --as-of]")
@click.option(
    "--headquarters", metavar="CC", help="Where the buyer or its ultimate parent has its seat."
)
@click.option(
    "--from",
    "exporter",
    default="US",
    show_default=True,
    metavar="CC",
    help="Where the export begins; CN for a chip made and sold inside China.",
)
@click.option("--chip-file", metavar="FILE", help="A chip of your own, as YAML.")
@click.option("--reform", metavar="FILE", help="A what-if patch over the rules, as YAML.")
@click.option(
    "--codified", is_flag=True, help="Apply the text as codified, also where it is not enforced."
)
@click.option(
    "--units",
    type=click.Choice(["best-path", "sum-of-units"]),
    default="best-path",
    show_default=True,
    help="Which processing units count toward TPP.",
)
@click.option(
    "--count",
    type=click.IntRange(min=1),
    metavar="N",
    help="How many are ordered: their aggregate TPP against the limits on it.",
)
@common
def command(
    chips: tuple[str, ...],
    to: str,
    on: date | None,
    headquarters: str | None,
    exporter: str,
    chip_file: str | None,
    reform: str | None,
    codified: bool,
    units: str,
    count: int | None,
    as_of: date,
    as_json: bool,
) -> None:
    """Classify chips under the US export rules for a destination and a day.

    It reports for analysis and compliance and proposes no way round a control. Not legal advice.

    Example: tonnage classify H20 A800 "RTX 4090 D" --to CN --on 2023-12-01
    """
    from tonnage.report.classification import show, to_json
    from tonnage.rules import Readings, Units
    from tonnage.study.classification import classify

    answer = classify(
        chips,
        to,
        on=on,
        headquarters=headquarters,
        exporter=exporter,
        as_of=as_of,
        chip_file=chip_file,
        reform=reform,
        readings=Readings(Units(units)),
        codified=codified,
        count=count,
    )
    if as_json:
        print_json(to_json(answer))
    else:
        show(answer)
