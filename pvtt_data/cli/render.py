"""`pvtt-data render`."""

from __future__ import annotations

from pathlib import Path

import click
from rich.console import Console

from pvtt_data.cli.options import set_option, work_option, workers_option
from pvtt_data.progress import TerminalReporter


@click.command("render")
@click.option("--out", type=click.Path(path_type=Path, file_okay=False), required=True, help="Folder for what is made.")
@click.option("--count", type=click.IntRange(min=1), default=4, show_default=True, help="How many pairs.")
@click.option("--preview", is_flag=True, help="Three frames of each pair in place of videos: minutes, not hours.")
@click.option(
    "--preset", type=click.Choice(["draft", "standard", "high"]), default="draft", show_default=True, help="How well."
)
@click.option("--seed", type=click.IntRange(min=0), default=0, show_default=True, help="Another seed, other pairs.")
@click.option("--geometry", is_flag=True, help="Also depth and optical flow of both videos, as geometry.npz.")
@set_option
@work_option
@workers_option
def render_command(
    out: Path,
    count: int,
    preview: bool,
    preset: str,
    seed: int,
    geometry: bool,
    overrides: tuple[str, ...],
    work: Path,
    workers: int | None,
) -> None:
    """Render pairs and look at them: what `render:` in a recipe does, without a dataset.

    Writes one folder a pair (videos, masks, references, pair.json) and sheet.jpg. All settings of a recipe can be set,
    such as --set render.families=[ring,watch] or --set normalise.sizes=832x480. What was rendered is kept in the work
    directory, so that an interrupted command goes on where it stopped.
    """
    from pvtt_data.render_pairs import RenderRequest, pair_recipe, render_pairs

    asked = [f"render.count={count}", f"render.preset={preset}", f"render.seed={seed}"]
    recipe = pair_recipe([*asked, *overrides])
    console = Console(stderr=True, soft_wrap=True)
    with TerminalReporter(console) as reporter:
        made = render_pairs(RenderRequest(recipe, work, out, preview, geometry, workers), reporter)
    click.echo(f"{made.pairs} pairs in {out}, {made.rejected} dropped; look at {made.sheet}")
