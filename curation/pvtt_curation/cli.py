"""`pvtt-data review`: datasets and builds shown to people, in FiftyOne or as a page of their own."""

from __future__ import annotations

import getpass
import os
from pathlib import Path
from typing import TYPE_CHECKING

import click

from pvtt_data.cli.options import set_option, work_option, workers_option

if TYPE_CHECKING:
    from pvtt_curation.media import MediaCache
    from pvtt_curation.subjects import Reviewed


@click.command("review")
@click.argument("what", type=click.Path(path_type=Path, exists=True))
@work_option
@set_option
@click.option(
    "--verdicts",
    type=click.Path(path_type=Path, file_okay=False),
    default=Path("verdicts"),
    show_default=True,
    help="Folder of the verdicts, one file a reviewer.",
)
@click.option("--reviewer", help="Who says so; the login name by default.")
@click.option(
    "--cache",
    type=click.Path(path_type=Path, file_okay=False),
    help="Where overlays and the app's database are kept; ~/.cache/pvtt/review by default.",
)
@click.option("--port", type=click.IntRange(1, 65535), help="Of the app; 5151 or the next that is free by default.")
@click.option(
    "--address",
    default="127.0.0.1",
    show_default=True,
    help="That the app listens on; others than loopback let everybody in who learns the token.",
)
@click.option(
    "--html",
    "page",
    type=click.Path(path_type=Path, file_okay=False),
    help="Make a page in this folder instead, which needs nothing but a browser.",
)
@workers_option
def review_command(
    what: Path,
    work: Path,
    overrides: tuple[str, ...],
    verdicts: Path,
    reviewer: str | None,
    cache: Path | None,
    port: int | None,
    address: str,
    page: Path | None,
    workers: int | None,
) -> None:
    """Look at clips, masks and triples, flagged ones first, and say what is wrong with them.

    WHAT is a dataset version (shards/v3), or a recipe, whose latest build in --work is shown with all that was
    rejected. Verdicts go to --verdicts, and the next build takes them into account: see docs/review.md.
    """
    from pvtt_curation.media import MediaCache, default_cache
    from pvtt_curation.subjects import read_reviewed

    reviewed = read_reviewed(what, work, overrides)
    media = MediaCache(cache or default_cache())
    name = reviewer or getpass.getuser()
    if page is not None:
        _write_page(reviewed, media, page, name, verdicts, workers or os.cpu_count() or 1)
        return
    from pvtt_curation.app import launch

    launch(reviewed, media, verdicts=verdicts, reviewer=name, address=address, port=port, echo=click.echo)


def _write_page(
    reviewed: Reviewed, media: MediaCache, folder: Path, reviewer: str, verdicts: Path, workers: int
) -> None:
    from rich.console import Console
    from rich.progress import Progress

    from pvtt_curation.page.write import write_page
    from pvtt_data.words import bytes_text

    console = Console(stderr=True)
    with Progress(console=console, transient=True, disable=not console.is_terminal) as progress:
        task = progress.add_task("drawing masks", total=None)
        written = write_page(
            reviewed,
            media,
            folder,
            reviewer=reviewer,
            verdicts=verdicts,
            workers=workers,
            on_drawn=lambda done, total: progress.update(task, completed=done, total=total),
        )
    for note in reviewed.notes:
        click.echo(note, err=True)
    for name, why in written.broken.items():
        click.echo(f"cannot be shown whole: {name}: {why}", err=True)
    counts = ", ".join(f"{written.subjects.get(kind, 0)} {kind}s" for kind in ("mask", "triple", "clip"))
    click.echo(f"{written.path}: {counts}, {bytes_text(written.size_bytes)}")
    click.echo(
        "open it in a browser, from the disk or through a web server that answers byte ranges; then: "
        f"pvtt-data verdicts import verdicts-{reviewer}.jsonl"
    )
