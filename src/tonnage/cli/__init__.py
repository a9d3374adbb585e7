"""The command line. One module a command; this one only finds, runs and fails well.

Commands are imported when they are used, so that `tonnage --help` does not pay for the solver.
"""

from __future__ import annotations

import sys
from importlib import import_module
from io import TextIOWrapper

import click

from tonnage import __version__
from tonnage.errors import BAD_INPUT, NO, NotEnoughKnown, TonnageError

INTERRUPTED = 130

COMMANDS: dict[str, tuple[str, str]] = {
    "classify": (
        "tonnage.cli.classify",
        "What may be bought, where, when, and how close to the line.",
    ),
    "rules": ("tonnage.cli.rules", "What the law said when; which chips flip."),
    "chips": ("tonnage.cli.chips", "The accelerators, each number with its source."),
    "models": ("tonnage.cli.models", "The language models, with their parameter counts."),
    "predict": ("tonnage.cli.predict", "What a training or serving job does on N chips."),
    "match": ("tonnage.cli.match", "How many of chip X replace N of chip Y."),
    "cost": ("tonnage.cli.cost", "Total cost of ownership; buy against rent."),
    "plan": ("tonnage.cli.plan", "What to buy, rent, hold or retire, in each future."),
    "validate": ("tonnage.cli.validate", "Error of the predictions on a table of measurements."),
}
"""Command → module with a click command or group named `command`, and the line in `--help`."""


class LazyGroup(click.Group):
    """A group whose commands stand in `COMMANDS` and load when called."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Return the commands in the order a user meets them."""
        del ctx
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Return the command, loading its module."""
        del ctx
        if cmd_name not in COMMANDS:
            return None
        loaded = import_module(COMMANDS[cmd_name][0]).command
        assert isinstance(loaded, click.Command)
        return loaded

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """List the commands without loading them."""
        del ctx
        with formatter.section("Commands"):
            formatter.write_dl([(name, line) for name, (_, line) in COMMANDS.items()])


@click.group(cls=LazyGroup, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="tonnage")
def root() -> None:
    """Plan AI compute under export controls.

    Example: tonnage classify H20 A800 --to CN --on 2023-12-01
    """


def main() -> None:
    """Run the command line and exit: 0 done, 1 a true "no", 2 bad input, 130 interrupted."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, TextIOWrapper):
            stream.reconfigure(errors="replace")  # a terminal that lacks a letter shows a mark
    sys.exit(run(sys.argv[1:]))


def run(arguments: list[str]) -> int:
    """Run one command and return its exit code; every foreseen error becomes one message."""
    try:
        result = root.main(args=arguments, prog_name="tonnage", standalone_mode=False)
    except click.exceptions.Exit as leave:
        return leave.exit_code
    except click.exceptions.NoArgsIsHelpError as error:
        click.echo(error.format_message())
        return 0
    except click.ClickException as error:
        return _say(_click_message(error), BAD_INPUT)
    except (KeyboardInterrupt, click.exceptions.Abort):
        return _say("interrupted; nothing was left half written", INTERRUPTED)
    except TonnageError as error:
        if error.exit_code == NO and "--json" in arguments:
            _print_no(error)
        return _say(str(error), error.exit_code)
    except (BrokenPipeError, SystemExit):
        sys.stderr.close()  # the reader has gone: say nothing more, neither here nor at exit
        return 0
    except OSError as error:
        return _say(f"output: cannot be written ({error.strerror}); free some room", BAD_INPUT)
    return result if isinstance(result, int) else 0


def _print_no(error: TonnageError) -> None:
    """Print the document of a true "no": a script that asked for JSON gets its reason so."""
    import json

    missing = list(error.missing) if isinstance(error, NotEnoughKnown) else []
    document = {"answer": "no", "reason": str(error), "missing": missing}
    click.echo(json.dumps(document, ensure_ascii=False, indent=2))


def _click_message(error: click.ClickException) -> str:
    hint = ""
    if isinstance(error, click.UsageError) and error.ctx is not None:
        hint = f" (see `{error.ctx.command_path} --help`)"
    return error.format_message().rstrip(".") + hint


def _say(message: str, code: int) -> int:
    click.echo(f"tonnage: {message}", err=True)
    return code
