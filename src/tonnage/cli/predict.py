"""`tonnage predict`: how long a training step takes, what a serving deployment delivers."""

from __future__ import annotations

from importlib import import_module

import click

_COMMANDS = {
    "train": ("tonnage.cli.predict_train", "Time of one training step, memory, best layout."),
    "serve": ("tonnage.cli.predict_serve", "Latency and throughput of a serving deployment."),
}


class _Predict(click.Group):
    """Loads the two commands only when one of them is called."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        del ctx
        return list(_COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        del ctx
        if cmd_name not in _COMMANDS:
            return None
        loaded = import_module(_COMMANDS[cmd_name][0]).command
        assert isinstance(loaded, click.Command)
        return loaded

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        del ctx
        with formatter.section("Commands"):
            formatter.write_dl([(name, line) for name, (_, line) in _COMMANDS.items()])


@click.group(cls=_Predict)
def command() -> None:
    """Predict a training step or a serving deployment on N chips.

    Example: tonnage predict train --model gpt3-175b --chip a100-sxm-80 --chips 512 --seq 2048
    --global-batch 1536
    """
