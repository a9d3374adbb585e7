"""`tonnage plan`: what to buy, rent, hold or retire, each period, in each future."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING

import click

from tonnage.cli.options import Day, print_json
from tonnage.errors import NO, InputError

if TYPE_CHECKING:
    from tonnage.study.plan_answer import PlanAnswer

INTERRUPTED = 130

RISKS = ("cost", "cvar", "regret")


@click.command()
@click.argument("scenario", metavar="SCENARIO.yaml", required=False)
@click.option("--out", metavar="DIR", help="Write plan.json, tables as CSV and the text there.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document.")
@click.option(
    "--as-of", type=Day(), help="Use only what was known by this day.  [default: the scenario's]"
)
@click.option(
    "--risk",
    type=click.Choice(RISKS),
    default="cost",
    show_default=True,
    help="Least expected cost, cost with its bad tail (CVaR), or least worst regret.",
)
@click.option(
    "--risk-weight",
    type=click.FloatRange(0, 1),
    default=0.5,
    show_default=True,
    help="Weight of the tail with `--risk cvar`.",
)
@click.option(
    "--risk-level",
    type=click.FloatRange(0, 1, max_open=True),
    default=0.8,
    show_default=True,
    help="The tail is the costliest 1 - LEVEL of the futures.",
)
@click.option(
    "--gap",
    type=click.FloatRange(0, 1),
    default=0.001,
    show_default=True,
    help="Stop when the plan is proven this close to the best.",
)
@click.option(
    "--time-limit",
    type=click.FloatRange(0, min_open=True),
    default=30.0,
    show_default=True,
    help="Seconds of solving; the best plan found by then is printed with its gap.",
)
@click.option(
    "--all-integer", is_flag=True, help="Whole servers in every period, not only at first."
)
@click.option(
    "--alternatives",
    type=click.IntRange(0, 10),
    default=2,
    show_default=True,
    help="How many plans of nearly the same cost to look for.",
)
@click.option(
    "--replay-to",
    type=Day(),
    metavar="DATE",
    help="Play the first moves out against what had happened by this day.",
)
@click.option("--schema", is_flag=True, help="Print the JSON Schema of a scenario file.")
def command(scenario: str | None, schema: bool, **options: object) -> int:
    """Plan what to buy, rent, hold, port and retire, in each future of a scenario.

    Example: tonnage plan examples/china-cloud-2024.yaml --out plan/
    """
    if schema:
        from tonnage.scenario import scenario_schema

        click.echo(json.dumps(scenario_schema(), indent=2, ensure_ascii=False))
        return 0
    if scenario is None:
        raise InputError.of(
            "SCENARIO.yaml", None, "name a scenario file; see examples/, or `tonnage plan --schema`"
        )
    return _planned(scenario, **options)  # type: ignore[arg-type]


def _planned(
    scenario: str,
    *,
    out: str | None,
    as_json: bool,
    as_of: date | None,
    risk: str,
    risk_weight: float,
    risk_level: float,
    gap: float,
    time_limit: float,
    all_integer: bool,
    alternatives: int,
    replay_to: date | None,
) -> int:
    from tonnage.study.plan import Wishes, plan

    wishes = Wishes(
        risk=risk,
        risk_weight=risk_weight,
        risk_level=risk_level,
        gap=gap,
        time_limit_s=time_limit,
        all_integer=all_integer,
        alternatives=alternatives,
    )
    if out is not None:
        _refuse_bad_folder(out)
    answer = plan(scenario, as_of=as_of, wishes=wishes, replay_to=replay_to, say=_progress())
    _print(answer, as_json)
    if out is not None:
        _write(answer, Path(out))
    if answer.interrupted:
        kept = f"kept the best plan found, within {answer.gap:.2%} of the best possible"
        click.echo(f"tonnage: interrupted; {kept}", err=True)
        return INTERRUPTED
    return NO if answer.status == "infeasible" else 0


def _progress() -> Callable[[str], None]:
    """Return a function that says where the work stands, on standard error."""
    return lambda line: click.echo(line, err=True)


def _print(answer: PlanAnswer, as_json: bool) -> None:
    from tonnage.report import plan as report

    if as_json:
        print_json(report.to_json(answer))
    else:
        report.show(answer)


def _refuse_bad_folder(out: str) -> None:
    path = Path(out)
    if path.exists() and not path.is_dir():
        raise InputError.of("--out", out, "this is a file; name a folder")
    if not path.exists() and not path.parent.is_dir():
        raise InputError.of("--out", out, "the folder above it does not exist; make it first")


def _write(answer: PlanAnswer, folder: Path) -> None:
    """Write every file whole: all are made before the first is written."""
    from tonnage.files import write_text
    from tonnage.report import plan as report

    files = report.files(answer)
    try:
        folder.mkdir(exist_ok=True)
    except OSError as error:
        raise InputError.of("--out", str(folder), f"cannot be made ({error.strerror})") from None
    for name, text in files.items():
        write_text(folder / name, text)
    click.echo(f"wrote {', '.join(files)} to {folder}", err=True)
