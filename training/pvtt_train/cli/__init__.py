"""The command `pvtt-train`.

It trains; what else there is are subcommands. All load what they need when they run, so that `--help` is quick.
"""

from __future__ import annotations

import importlib
import os
import signal
import sys
import warnings
from pathlib import Path
from types import FrameType
from typing import NoReturn

import click

from pvtt_data import __version__

_COMMANDS = {
    "precompute": "Store the latents of a dataset once, so that training needs neither VAE nor text encoder.",
    "export": "Write an adapter under the names that diffusers or ComfyUI use.",
    "presets": "List the presets, or print one to start from.",
}


class _LazyGroup(click.Group):
    """A command whose subcommands are imported when they are called."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(_COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in _COMMANDS:
            return None
        command = getattr(importlib.import_module(f"pvtt_train.cli.{cmd_name}"), f"{cmd_name}_command")
        assert isinstance(command, click.Command)
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl(list(_COMMANDS.items()))


@click.group(
    cls=_LazyGroup,
    invoke_without_command=True,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110},
)
@click.version_option(__version__, prog_name="pvtt-train")
@click.option("--shards", type=click.Path(path_type=Path), help="Folder of the dataset version, such as shards/v3.")
@click.option("--preset", metavar="NAME", help="Settings to take; without it, those for the GPU that is found.")
@click.option("--config", "file", type=click.Path(path_type=Path, dir_okay=False), help="A YAML file with settings.")
@click.option("--set", "overrides", multiple=True, metavar="KEY=VALUE", help="Change a setting, such as lora.rank=64.")
@click.option(
    "--run",
    "folder",
    type=click.Path(path_type=Path, file_okay=False),
    help="Folder of the run; runs/<dataset>-<version>-<preset> by default. What is there is gone on with.",
)
@click.option("--dry-run", is_flag=True, help="Print plan, memory and time, check everything, and train nothing.")
@click.pass_context
def cli(
    ctx: click.Context,
    shards: Path | None,
    preset: str | None,
    file: Path | None,
    overrides: tuple[str, ...],
    folder: Path | None,
    dry_run: bool,
) -> None:
    """Train a VACE adapter on triples.

    Begin with `pvtt-train --shards shards/v1`. A run that was stopped or killed goes on where it was when the same
    command is given again. Several GPUs: `accelerate launch -m pvtt_train --shards shards/v1`.
    """
    if ctx.invoked_subcommand is not None:
        return
    if shards is None and file is None:
        raise click.UsageError("name the data with --shards, such as --shards shards/v1")
    # Read when torch is imported. The memory estimate counts on it: without, more is lost between blocks.
    os.environ.setdefault("PYTORCH_ALLOC_CONF", "expandable_segments:True")
    from pvtt_train.cli.train import train_command

    sys.exit(train_command(shards, preset, file, overrides, folder, dry_run))


class _TerminatedError(KeyboardInterrupt):
    """The process was asked to end by a signal other than Ctrl-C's."""

    def __init__(self, number: int) -> None:
        super().__init__()
        self.number = number


def _terminate(number: int, frame: FrameType | None) -> NoReturn:
    raise _TerminatedError(number)


def _one_line(message: Warning | str, *_: object, **__: object) -> str:
    return f"warning: {message}\n"


def main() -> None:
    """Run the command line; errors that a person can act on are printed without a traceback.

    While the loop runs, a request to end finishes the step, saves and ends; see `pvtt_train.stopping`.
    """
    from pvtt_data.errors import PvttError

    warnings.formatwarning = _one_line  # a person needs no line of our source
    for request in (signal.SIGTERM, signal.SIGHUP):
        if signal.getsignal(request) == signal.SIG_DFL:  # nohup ignores SIGHUP, and that is to stay so
            signal.signal(request, _terminate)
    try:
        cli(standalone_mode=False)
    except (click.exceptions.Abort, KeyboardInterrupt) as error:
        cause = error.__cause__ if isinstance(error, click.exceptions.Abort) else error
        number = cause.number if isinstance(cause, _TerminatedError) else int(signal.SIGINT)
        click.echo("interrupted: what was saved is kept, the same command goes on from there", err=True)
        sys.exit(128 + number)
    except click.exceptions.Exit as error:
        sys.exit(error.exit_code)
    except click.ClickException as error:
        error.show()
        sys.exit(error.exit_code)
    except PvttError as error:
        click.echo(f"error: {error}", err=True)
        sys.exit(1)
