"""What the command lines of the project have in common: commands that load when they are called, and how a run ends."""

from __future__ import annotations

import importlib
import signal
import sys
from collections.abc import Mapping
from types import FrameType
from typing import Any, NoReturn

import click


class LazyGroup(click.Group):
    """A group whose commands are imported when they are called, so that ``--help`` is quick.

    Args:
        package: that has the modules.
        offered: by name of the command, the module that has ``<name>_command``, and a line for the help. A module with
            a dot in its name is not one of ``package``.
        settings: of `click.Group`.
    """

    def __init__(self, *, package: str, offered: Mapping[str, tuple[str, str]], **settings: Any) -> None:
        super().__init__(**settings)
        self._package, self._offered = package, offered

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(self._offered)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in self._offered:
            return None
        name = self._offered[cmd_name][0]
        module = importlib.import_module(name if "." in name else f"{self._package}.{name}")
        command = getattr(module, f"{cmd_name}_command")
        assert isinstance(command, click.Command)
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl([(name, text) for name, (_, text) in self._offered.items()])


class _TerminatedError(KeyboardInterrupt):
    """The process was asked to end by a signal other than Ctrl-C's."""

    def __init__(self, number: int) -> None:
        super().__init__()
        self.number = number


def _terminate(number: int, frame: FrameType | None) -> NoReturn:
    raise _TerminatedError(number)


def run(command: click.Command, kept: str) -> None:
    """Run a command line; errors that a person can act on are printed without a traceback.

    A request to end (SIGTERM, or SIGHUP when the terminal closes) is treated as Ctrl-C.

    Args:
        command: that is run with the process's arguments.
        kept: what an interruption leaves, such as "what was finished".
    """
    for request in (signal.SIGTERM, signal.SIGHUP):
        if signal.getsignal(request) == signal.SIG_DFL:  # nohup ignores SIGHUP, and that is to stay so
            signal.signal(request, _terminate)
    try:
        command(standalone_mode=False)
    except (Exception, KeyboardInterrupt) as error:
        status = tell(error, kept)
        if status is None:
            raise
        sys.exit(status)


def tell(error: BaseException, kept: str) -> int | None:
    """Print what ended a command, for a person who can act on it.

    Args:
        error: that ended it.
        kept: as of `run`.

    Returns:
        The exit status; None, and nothing is printed, of what only a traceback can tell.
    """
    from pvtt_data.errors import PvttError
    from pvtt_data.words import printable

    if isinstance(error, click.exceptions.Abort | KeyboardInterrupt):
        cause = error.__cause__ if isinstance(error, click.exceptions.Abort) else error
        number = cause.number if isinstance(cause, _TerminatedError) else int(signal.SIGINT)
        click.echo(f"interrupted: {kept} is kept, the same command goes on from there", err=True)
        return 128 + number
    if isinstance(error, click.exceptions.Exit):
        return int(error.exit_code)
    if isinstance(error, click.ClickException):
        error.show()
        return int(error.exit_code)
    if isinstance(error, PvttError):
        click.echo(printable(f"error: {error}", newlines=True), err=True)
        return 1
    return None
