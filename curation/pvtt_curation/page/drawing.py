"""Draws the masks of a page in several processes: overlays, strips and posters that the cache does not have yet."""

from __future__ import annotations

import multiprocessing
from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import dataclass

from pvtt_curation.media import MediaCache, MediaRef, Whose
from pvtt_data.errors import DatasetError, InputError


@dataclass(frozen=True, slots=True)
class Drawing:
    """A mask over its video."""

    video: MediaRef
    mask: MediaRef
    whose: Whose

    @property
    def name(self) -> str:
        """Equal for equal pictures."""
        return f"{self.whose} {self.video.sha256} {self.mask.sha256}"


def draw_all(
    drawings: Sequence[Drawing], media: MediaCache, workers: int, on_drawn: Callable[[int, int], None]
) -> dict[str, str]:
    """Make what the cache lacks.

    Returns:
        Name of each drawing that cannot be made → why.

    Raises:
        PreflightError: the cache cannot be written.
    """
    todo = [d for d in drawings if not media.has_drawn(d.video, d.mask, d.whose)]
    wrong: dict[str, str] = {}
    if workers <= 1 or len(todo) <= 1:
        for done, drawing in enumerate(todo, start=1):
            _note(wrong, drawing, _draw(media, drawing))
            on_drawn(done, len(todo))
        return wrong
    with ProcessPoolExecutor(min(workers, len(todo)), multiprocessing.get_context("spawn")) as pool:
        waiting = {pool.submit(_draw, media, drawing): drawing for drawing in todo}
        try:
            for done, future in enumerate(as_completed(waiting), start=1):
                _note(wrong, waiting[future], future.result())
                on_drawn(done, len(todo))
        except BaseException:
            pool.shutdown(cancel_futures=True)
            raise
    return wrong


def _draw(media: MediaCache, drawing: Drawing) -> str:
    """Draw; why it cannot be, or nothing."""
    try:
        media.draw(drawing.video, drawing.mask, drawing.whose)
    except (DatasetError, InputError) as error:
        return str(error)
    return ""


def _note(wrong: dict[str, str], drawing: Drawing, why: str) -> None:
    if why:
        wrong[drawing.name] = why
