"""`tonnage models`: the language models and their parameter counts."""

from __future__ import annotations

from datetime import date

import click

from tonnage.cli.options import common, print_json


@click.group("models")
def command() -> None:
    """Show the language models, with parameter counts computed from their shapes.

    Example: tonnage models show deepseek-v3
    """


@command.command("list")
@click.option("--family", help="Only models of this family, such as Qwen.")
@common
def list_command(family: str | None, as_of: date, as_json: bool) -> None:
    """List the models that have a name.

    Example: tonnage models list --family Llama
    """
    from tonnage.errors import UnknownName
    from tonnage.report import models as report
    from tonnage.study.models import list_models

    answers = list_models(as_of)
    if family is not None:
        names = sorted({answer.entry.family for answer in answers if answer.entry})
        answers = [a for a in answers if a.entry and a.entry.family.lower() == family.lower()]
        if not answers:
            raise UnknownName.of("--family", family, f"one of {', '.join(names)}")
    if as_json:
        print_json(report.to_json(answers))
        return
    from tonnage.report.page import page

    page().print(report.table(answers))
    click.echo(
        "Totals follow from the shapes; `tonnage models show NAME` says how, and from what source. "
        "Any Hugging Face config.json works as a name too."
    )


@command.command("show")
@click.argument("model")
@common
def show_command(model: str, as_of: date, as_json: bool) -> None:
    """Show one MODEL: a name from `models list`, or a path to a config.json.

    Example: tonnage models show ./my-model/config.json --json
    """
    from tonnage.report import models as report
    from tonnage.study.models import show_model

    answer = show_model(model, as_of)
    if as_json:
        print_json(answer.to_dict())
        return
    from tonnage.report.page import page

    page().print(report.parts_table(answer))
    click.echo(report.text(answer))
