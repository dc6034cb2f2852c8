"""A progress bar for downloads."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

from rich.console import Console
from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TransferSpeedColumn

from pvtt_data.mirrors import Progress as OnProgress


@contextlib.contextmanager
def download_bar(console: Console) -> Iterator[OnProgress]:
    """Something to hand to `ModelRegistry.pull`; a bar appears with the first bytes and goes when they are there."""
    bar: Progress | None = None

    def advance(done: int, total: int) -> None:
        nonlocal bar
        if bar is None:
            bar = Progress(
                TextColumn("model weights"), BarColumn(), DownloadColumn(), TransferSpeedColumn(),
                console=console, transient=True, disable=not console.is_terminal,
            )  # fmt: skip
            bar.add_task("weights", total=total)
            bar.start()
        bar.update(bar.task_ids[0], completed=done)
        if done >= total:
            bar.stop()

    try:
        yield advance
    finally:
        if bar is not None:
            bar.stop()
