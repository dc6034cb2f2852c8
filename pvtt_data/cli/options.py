"""Options that several commands share."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path

import click

from pvtt_data.errors import PreflightError
from pvtt_data.workspace import Workspace

recipe_argument = click.argument("recipe", type=click.Path(path_type=Path, dir_okay=False))
work_option = click.option(
    "--work",
    type=click.Path(path_type=Path),
    default=Path("work"),
    show_default=True,
    help="Work directory: caches, blobs, tables, runs.",
)
out_option = click.option(
    "--out",
    type=click.Path(path_type=Path),
    default=Path("shards"),
    show_default=True,
    help="Where dataset versions go.",
)
set_option = click.option(
    "--set", "overrides", multiple=True, metavar="KEY=VALUE", help="Override a setting, such as mine.folder=~/videos."
)
limit_option = click.option("--limit", type=click.IntRange(min=1), help="Keep only so many sources.")
workers_option = click.option(
    "--workers", type=click.IntRange(min=1), help="Worker processes; one per processor by default."
)


def verdicts_folder(context: click.Context, parameter: click.Parameter, folder: Path) -> Path:
    """The folder of verdicts; one that was named must be there.

    Raises:
        PreflightError: it is not.
    """
    assert parameter.name is not None
    named = context.get_parameter_source(parameter.name) is not click.core.ParameterSource.DEFAULT
    if named and not folder.is_dir():
        raise PreflightError(f"--verdicts {folder}: there is no such folder")
    return folder


verdicts_option = click.option(
    "--verdicts",
    type=click.Path(path_type=Path, file_okay=False),
    default=Path("verdicts"),
    show_default=True,
    callback=verdicts_folder,
    help="Folder of people's verdicts; none where it is not there.",
)


@contextlib.contextmanager
def held_workspace(work: Path) -> Iterator[Workspace]:
    """An existing work directory, held against builds.

    Raises:
        PreflightError: there is none, or a build is at work in it.
    """
    if not (work / "cache").is_dir():
        raise PreflightError(f"{work} holds no build; name the work directory with --work")
    workspace = Workspace(work)
    workspace.acquire()
    try:
        yield workspace
    finally:
        workspace.release()
