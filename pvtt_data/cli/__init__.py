"""The command `pvtt-data`.

Commands load what they need when they run, so that `pvtt-data --help` is quick.
"""

from __future__ import annotations

import importlib
import signal
import sys
from types import FrameType
from typing import NoReturn

import click

from pvtt_data import __version__

_COMMANDS = {
    "build": ("build", "Build a dataset version from a recipe."),
    "plan": ("plan", "Say what a build would run, what is cached and why, and estimate time and disk."),
    "show": ("show", "Show the rows of the latest build."),
    "retry": ("retry", "Let rows that crashed, hung or ran out of memory run again."),
    "clean": ("clean", "Say what the work directory could do without, and free it."),
    "render": ("render", "Render exact pairs, product A and product B in the same scene; or adverts to mine."),
    "segment": ("segment", "Segment the product in a video or a folder of frames."),
    "caption": ("caption", "Ask a model to put the scenes of clips into words, for prompts."),
    "judge": ("judge", "Ask a vision-language model what it thinks of the triples."),
    "models": ("models", "List, pull and locate model weights."),
    "verify": ("datasets", "Check that a dataset holds what its manifest promises."),
    "inspect": ("datasets", "Describe a dataset, or draw one sample as a contact sheet."),
    "qc": ("qc", "Report the quality numbers of triples under any thresholds, or measure thresholds."),
    "preview": ("preview", "Draw what a VACE model will see of some samples, and say what looks wrong."),
    "log": ("versions", "List the versions of a dataset."),
    "diff": ("versions", "Say what changed between two versions."),
    "schema": ("build", "Print the JSON Schema of recipes, for editors."),
}


class _LazyGroup(click.Group):
    """A group whose commands are imported when they are called."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(_COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in _COMMANDS:
            return None
        module = importlib.import_module(f"pvtt_data.cli.{_COMMANDS[cmd_name][0]}")
        command = getattr(module, f"{cmd_name}_command")
        assert isinstance(command, click.Command)
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl([(name, text) for name, (_, text) in _COMMANDS.items()])


@click.group(cls=_LazyGroup, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110})
@click.version_option(__version__, prog_name="pvtt-data")
def cli() -> None:
    """From messy product videos to verified training triples.

    Begin with `pvtt-data build recipes/ecommerce.yaml`.
    """


class _TerminatedError(KeyboardInterrupt):
    """The process was asked to end by a signal other than Ctrl-C's."""

    def __init__(self, number: int) -> None:
        super().__init__()
        self.number = number


def _terminate(number: int, frame: FrameType | None) -> NoReturn:
    raise _TerminatedError(number)


def main() -> None:
    """Run the command line; errors that a person can act on are printed without a traceback.

    A request to end (SIGTERM, or SIGHUP when the terminal closes) is treated as Ctrl-C: what was finished is kept.
    """
    from pvtt_data.errors import PvttError

    for request in (signal.SIGTERM, signal.SIGHUP):
        if signal.getsignal(request) == signal.SIG_DFL:  # nohup ignores SIGHUP, and that is to stay so
            signal.signal(request, _terminate)
    try:
        cli(standalone_mode=False)
    except (click.exceptions.Abort, KeyboardInterrupt) as error:
        cause = error.__cause__ if isinstance(error, click.exceptions.Abort) else error
        number = cause.number if isinstance(cause, _TerminatedError) else int(signal.SIGINT)
        click.echo("interrupted: what was finished is kept, the same command goes on from there", err=True)
        sys.exit(128 + number)
    except click.exceptions.Exit as error:
        sys.exit(error.exit_code)
    except click.ClickException as error:
        error.show()
        sys.exit(error.exit_code)
    except PvttError as error:
        click.echo(f"error: {error}", err=True)
        sys.exit(1)
