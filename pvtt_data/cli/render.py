"""`pvtt-data render`: pairs, or adverts to be mined."""

from __future__ import annotations

from pathlib import Path

import click
from rich.console import Console

from pvtt_data.cli.options import set_option, work_option, workers_option
from pvtt_data.progress import TerminalReporter


@click.command("render")
@click.option("--out", type=click.Path(path_type=Path, file_okay=False), required=True, help="Folder for what is made.")
@click.option("--count", type=click.IntRange(min=1), default=4, show_default=True, help="How many pairs or adverts.")
@click.option("--adverts", is_flag=True, help="Adverts of single products in place of pairs: a feed for mine.folder.")
@click.option("--preview", is_flag=True, help="Three frames of each video or shot: minutes, not hours.")
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
    adverts: bool,
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

    With --adverts the folder becomes a catalogue that builds can mine: of each product a video of two to four shots,
    listing pictures and metadata, and beside them the truth about cuts, dissolves and masks.
    """
    from pvtt_data.render_adverts import render_adverts
    from pvtt_data.render_pairs import render_pairs
    from pvtt_data.render_request import RenderRequest, render_recipe

    if adverts and geometry:
        raise click.UsageError("--geometry is for pairs: adverts have none")
    asked = [f"render.count={count}", f"render.preset={preset}", f"render.seed={seed}"]
    recipe = render_recipe([*asked, *overrides])
    request = RenderRequest(recipe, work, out, preview, geometry, workers)
    console = Console(stderr=True, soft_wrap=True)
    with TerminalReporter(console) as reporter:
        if adverts:
            feed = render_adverts(request, reporter)
        else:
            made = render_pairs(request, reporter)
    if not adverts:
        pairs = "pair" if made.pairs == 1 else "pairs"
        click.echo(f"{made.pairs} {pairs} in {out}, {made.rejected} dropped; look at {made.sheet}")
    elif preview:
        click.echo(f"{feed.adverts} adverts, {feed.rejected} dropped; look at {feed.sheet}")
    else:
        click.echo(f"{feed.adverts} adverts in {out}, {feed.rejected} dropped; look at {feed.sheet}")
        click.echo(f"mine them with --set mine.folder={out}")
