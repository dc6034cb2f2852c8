"""Progress bars that are there only while there is something to show."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator

from rich.console import Console
from rich.progress import (
    BarColumn,
    DownloadColumn,
    MofNCompleteColumn,
    Progress,
    ProgressColumn,
    TextColumn,
    TimeRemainingColumn,
    TransferSpeedColumn,
)

OnProgress = Callable[[int, int], None]
"""Called with what is done so far and what there is in all."""


@contextlib.contextmanager
def lazy_bar(console: Console, title: str, *columns: ProgressColumn) -> Iterator[OnProgress]:
    """Something to call with how far it is: a bar appears with the first news and goes when all is done.

    Args:
        console: nothing is shown where it is no terminal.
        title: what the bar is about.
        columns: what stands on the right of the bar.
    """
    bar: Progress | None = None

    def advance(done: int, total: int) -> None:
        nonlocal bar
        if bar is None:
            bar = Progress(
                TextColumn(title), BarColumn(), *columns, console=console, transient=True,
                disable=not console.is_terminal,
            )  # fmt: skip
            bar.add_task(title, total=total)
            bar.start()
        bar.update(bar.task_ids[0], completed=done, total=total)
        if done >= total:
            stop()

    def stop() -> None:
        nonlocal bar
        if bar is not None:
            bar.stop()
        bar = None

    try:
        yield advance
    finally:
        stop()


def download_bar(console: Console) -> contextlib.AbstractContextManager[OnProgress]:
    """A `lazy_bar` to hand to `ModelRegistry.pull`."""
    return lazy_bar(console, "model weights", DownloadColumn(), TransferSpeedColumn())


def sample_bar(console: Console, what: str) -> contextlib.AbstractContextManager[OnProgress]:
    """A `lazy_bar` for counted things, such as samples looked at."""
    return lazy_bar(console, what, MofNCompleteColumn(), TimeRemainingColumn())
