"""`pvtt-data segment`: masks of one video, outside any build."""

from __future__ import annotations

from pathlib import Path

import click
from rich.console import Console
from rich.progress import Progress

from pvtt_data.backends import choose_backend, open_backend
from pvtt_data.cli.download import download_bar
from pvtt_data.models import ModelRegistry
from pvtt_data.segment_files import read_all_frames, write_masks


@click.command("segment")
@click.argument("video", type=click.Path(path_type=Path, exists=True))
@click.option(
    "--out",
    type=click.Path(path_type=Path, file_okay=False),
    required=True,
    help="Folder for the masks; must be empty or new.",
)
@click.option("--backend", default="auto", show_default=True, help="Segmentation backend.")
@click.option(
    "--fps",
    type=click.FloatRange(min=0, min_open=True, max=1000),
    default=24.0,
    show_default=True,
    help="Rate of a folder of frames.",
)
@click.option(
    "--max-frames",
    type=click.IntRange(min=1),
    default=600,
    show_default=True,
    help="Longer videos are refused: they are held in memory.",
)
def segment_command(video: Path, out: Path, backend: str, fps: float, max_frames: int) -> None:
    """Segment the product in VIDEO, a file or a folder of numbered frames.

    Writes one PNG (0/255) a frame, named like the frames of a folder or by number, and overlay.mp4 to look at.
    """
    console = Console(stderr=True)
    if out.exists() and any(out.iterdir()):
        raise click.ClickException(f"{out} is not empty; masks are written into a folder of their own")
    with download_bar(console) as on_download:
        chosen, why = choose_backend(backend, ModelRegistry.default(), on_download)
    console.print(why, highlight=False, markup=False)
    clip = read_all_frames(video, fps, max_frames)
    with Progress(console=console, transient=True) as bar:
        task = bar.add_task("segmenting", total=None)
        found = open_backend(chosen).segment_video(
            clip.frames, on_progress=lambda done, total: bar.update(task, completed=done, total=total)
        )
    write_masks(clip, found, out)
    share = found.masks.mean(axis=(1, 2))
    click.echo(
        f"{len(found.masks)} masks in {out}; the product covers {share.min():.1%} to {share.max():.1%} of the frame, "
        f"confidence {found.confidence.min():.2f} to {found.confidence.max():.2f}"
    )
