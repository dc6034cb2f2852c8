"""`pvtt-data clean`."""

from __future__ import annotations

from pathlib import Path

import click
from rich.console import Console

from pvtt_data.cleaning import Cleanable, clean, find_cleanable
from pvtt_data.cli.options import held_workspace, work_option
from pvtt_data.words import bytes_text


@click.command("clean")
@work_option
@click.option(
    "--keep-runs", type=click.IntRange(min=0), default=5, show_default=True, help="Logs and reports to keep, newest."
)
@click.option("--yes", is_flag=True, help="Delete; without it nothing is changed.")
def clean_command(work: Path, keep_runs: int, yes: bool) -> None:
    """Say what the work directory could do without, and free it with --yes.

    What the latest build of each recipe used is kept, and so is what an interrupted build has finished. Dataset
    versions are not touched.
    """
    console = Console(soft_wrap=True)
    with held_workspace(work) as workspace:
        found = find_cleanable(workspace, keep_runs)
        _list(console, found, workspace.root)
        if not found:
            return
        if yes:
            clean(workspace, found)
    size = bytes_text(found.size_bytes)
    console.print(f"freed {size}" if yes else f"{size} can be freed: pvtt-data clean --yes", highlight=False)


def _list(console: Console, found: Cleanable, root: Path) -> None:
    if not found:
        console.print("there is nothing to free")
    for stage, keys in found.results.items():
        console.print(f"{len(keys):>6} results of {stage} that no latest build used", highlight=False)
    if found.blobs:
        size = bytes_text(sum(found.blobs.values()))
        console.print(f"{len(found.blobs):>6} blobs that no kept result mentions, {size}", highlight=False)
    for folder, size_bytes in found.folders.items():
        console.print(f"       {folder.relative_to(root)}, {bytes_text(size_bytes)}", highlight=False, markup=False)
