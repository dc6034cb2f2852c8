"""The command `pvtt-train`.

It trains; what else there is are subcommands. All load what they need when they run, so that `--help` is quick.
"""

from __future__ import annotations

import os
import sys
import warnings
from pathlib import Path

import click
from click.core import ParameterSource

from pvtt_data import __version__
from pvtt_data.command_line import LazyGroup, run

KEPT = "what was saved"
"""By an interruption."""
_COMMANDS = {
    "precompute": (
        "precompute",
        "Store the latents of a dataset once, so that steps need neither VAE nor text encoder.",
    ),
    "export": ("export", "Write an adapter under the names that diffusers or ComfyUI use."),
    "presets": ("presets", "List the presets, or print one to start from."),
}


@click.group(
    cls=LazyGroup,
    package=__name__,
    offered=_COMMANDS,
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
    command is given again. Several GPUs: `accelerate launch --multi_gpu -m pvtt_train --shards shards/v1`.
    """
    if ctx.invoked_subcommand is not None:
        _refuse_own_options(ctx)
        return
    if shards is None and file is None:
        raise click.UsageError("name the data with --shards, such as --shards shards/v1")
    # Read when torch is imported. The memory estimate counts on it: without, more is lost between blocks.
    os.environ.setdefault("PYTORCH_ALLOC_CONF", "expandable_segments:True")
    from pvtt_train.cli.train import train_command

    sys.exit(train_command(shards, preset, file, overrides, folder, dry_run))


def _refuse_own_options(ctx: click.Context) -> None:
    """Options before the name of a subcommand would be dropped without a word."""
    given = [
        parameter.opts[0]
        for parameter in ctx.command.params
        if parameter.name and ctx.get_parameter_source(parameter.name) not in (None, ParameterSource.DEFAULT)
    ]
    if given:
        raise click.UsageError(
            f"{', '.join(given)}: options before {ctx.invoked_subcommand} are those of training; give that command's "
            f"own after its name, see `pvtt-train {ctx.invoked_subcommand} --help`"
        )


def _one_line(message: Warning | str, *_: object, **__: object) -> str:
    return f"warning: {message}\n"


def main() -> None:
    """Run the command line; errors that a person can act on are printed without a traceback.

    While the loop runs, a request to end finishes the step, saves and ends; see `pvtt_train.stopping`.
    """
    warnings.formatwarning = _one_line  # a person needs no line of our source
    run(cli, KEPT)
