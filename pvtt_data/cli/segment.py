"""`pvtt-data segment`: masks of one video, outside any build."""

from __future__ import annotations

from pathlib import Path
from typing import get_args

import click
from pydantic import ValidationError
from rich.console import Console
from rich.progress import Progress

from pvtt_data.backends import BACKENDS, UNTOLD, ChosenBackend, choose_backend, open_backend
from pvtt_data.cli.lazy_bar import download_bar
from pvtt_data.errors import InputError, PreflightError
from pvtt_data.grounded_backend import Device
from pvtt_data.media import open_media
from pvtt_data.models import ModelRegistry
from pvtt_data.segment_files import Told, read_all_frames, write_log, write_masks
from pvtt_data.segmenters.base import Target
from pvtt_data.segmenters.box_prompt import BoxPrompt
from pvtt_data.segmenters.grounded.settings import DetectorName, GroundedSettings, TrackerName


@click.command("segment")
@click.argument("video", type=click.Path(path_type=Path, exists=True))
@click.option(
    "--out",
    type=click.Path(path_type=Path, file_okay=False),
    required=True,
    help="Folder for the masks; must be empty or new.",
)
@click.option(
    "--prompt",
    help='What to look for, such as "teapot." or "teapot. kettle."; grounded-sam2 needs it or a box, u2net refuses it.',
)
@click.option(
    "--box",
    metavar="X0,Y0,X1,Y1",
    help="Where the product is in one frame: left, top, right, bottom in shares of width and height, such as "
    "0.4,0.3,0.6,0.9.",
)
@click.option("--box-frame", type=click.IntRange(min=0), help="Which frame the box is of, from 0; the first one.")
@click.option(
    "--backend",
    type=click.Choice(("auto", *BACKENDS)),
    default="auto",
    show_default=True,
    help="auto takes grounded-sam2 if there is a prompt, or a box and all that it needs; else u2net.",
)
@click.option(
    "--detector", type=click.Choice(get_args(DetectorName)), help="What finds the product, for grounded-sam2."
)
@click.option("--tracker", type=click.Choice(get_args(TrackerName)), help="What follows it, for grounded-sam2.")
@click.option(
    "--device",
    type=click.Choice(get_args(Device)),
    default="auto",
    show_default=True,
    help="Where grounded-sam2 runs.",
)
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
def segment_command(
    video: Path,
    out: Path,
    prompt: str | None,
    box: str | None,
    box_frame: int | None,
    backend: str,
    detector: str | None,
    tracker: str | None,
    device: Device,
    fps: float,
    max_frames: int,
) -> None:
    """Segment the product in VIDEO, a file or a folder of numbered frames: what stands out, what a prompt names, or
    what a box in one frame holds.

    Writes one PNG (0/255) a frame, named like the frames of a folder or by number, overlay.mp4 to look at, and
    segment.json: the backend, what it was told, and how sure it is of each frame.
    """
    console = Console(stderr=True)
    if out.exists() and any(out.iterdir()):
        raise click.ClickException(f"{out} is not empty; masks are written into a folder of their own")
    if box is None and box_frame is not None:
        raise click.UsageError("--box-frame says which frame a --box is of")
    target = _target(prompt, backend, box is not None)
    drawn = None if box is None else _box(box, box_frame or 0, video, fps)
    chosen, why = _choose(backend, target, drawn, detector, tracker, device, console)
    console.print(why, highlight=False, markup=False)
    clip = read_all_frames(video, fps, max_frames)
    with Progress(console=console, transient=True) as bar:
        task = bar.add_task("segmenting", total=None)
        found = open_backend(chosen).segment_video(
            clip.frames, target, lambda done, total: bar.update(task, completed=done, total=total), drawn
        )
    write_masks(clip, found, out, drawn)
    write_log(clip, found, Told(video.name, chosen, why, prompt or "", target, drawn), out)
    share = found.masks.mean(axis=(1, 2))
    click.echo(
        f"{len(found.masks)} masks in {out}; the product covers {share.min():.1%} to {share.max():.1%} of the frame, "
        f"confidence {found.confidence.min():.2f} to {found.confidence.max():.2f}"
    )


def _target(prompt: str | None, backend: str, boxed: bool) -> Target | None:
    """What to look for, once it is clear that the backend takes it."""
    if prompt is None:
        if backend == "grounded-sam2" and not boxed:
            raise click.UsageError('grounded-sam2 must be told what to look for: --prompt "teapot." or --box')
        return None
    if backend == "u2net":
        raise click.UsageError(UNTOLD)
    try:
        return Target.of_prompt(prompt)
    except ValueError as error:
        raise click.UsageError(
            f'--prompt: {error}; write names with full stops: "teapot." or "teapot. kettle."'
        ) from None


def _box(text: str, frame: int, video: Path, fps: float) -> BoxPrompt:
    """The box that was typed, once it is clear that the video has such a frame."""
    try:
        edges = [float(part) for part in text.split(",")]
    except ValueError:
        raise click.UsageError(
            f"--box {text}: four numbers with commas between them, such as 0.4,0.3,0.6,0.9"
        ) from None
    media = open_media(video, declared_fps=fps if video.is_dir() else None)
    width, height = media.probe.display_width_px, media.probe.display_height_px
    try:
        drawn = BoxPrompt.of(edges, frame)
        drawn.within(len(media.timeline), height, width)
    except InputError as error:
        hint = ""
        if len(edges) == 4 and max(edges) > 1:
            shares = ",".join(f"{edge / side:.4f}" for edge, side in zip(edges, (width, height) * 2, strict=True))
            hint = f"; if these are pixels, in {width}×{height} they are {shares}"
        raise click.UsageError(f"--box {text}: {error}{hint}") from None
    return drawn


def _choose(
    backend: str,
    target: Target | None,
    box: BoxPrompt | None,
    detector: str | None,
    tracker: str | None,
    device: Device,
    console: Console,
) -> tuple[ChosenBackend, str]:
    """The backend: auto means the one that a prompt needs, for a box the best that is here, else the one without needs.

    A prompt is what a person wants found; where grounded-sam2 cannot run, that is an error and never another mask.
    """
    wanted = backend
    if backend == "auto" and target is not None:
        wanted = "grounded-sam2"
    elif backend == "auto" and box is None:
        wanted = "u2net"
    asked = {"detector": detector, "tracker": tracker}
    named = {name: value for name, value in asked.items() if value is not None}
    if wanted == "u2net" and (named or device != "auto"):
        options = ", ".join(f"--{name}" for name in (*named, *(["device"] if device != "auto" else [])))
        raise click.UsageError(f"{options}: for grounded-sam2 only, which needs --prompt or --box")
    try:
        settings = GroundedSettings(**named)  # type: ignore[arg-type]
    except ValidationError as error:
        raise click.UsageError(str(error)) from None
    try:
        with download_bar(console) as on_download:
            return choose_backend(wanted, ModelRegistry.default(), on_download, settings, device, target is not None)
    except PreflightError as error:
        if wanted == "grounded-sam2":
            raise click.UsageError(str(error)) from None
        raise
