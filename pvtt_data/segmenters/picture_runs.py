"""Runs of a picture model on whole frames and on cut-outs."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from pvtt_data.errors import InputError
from pvtt_data.segmenters.base import Progress

SegmentImage = Callable[[NDArray[np.uint8]], NDArray[np.float32]]
"""(H, W, 3) uint8 RGB → (H, W) float32 in [0, 1]; raises InputError where nothing stands out."""


class CountedRuns:
    """Runs of the picture model, counted for whoever watches."""

    def __init__(self, segment_image: SegmentImage, on_progress: Progress | None) -> None:
        self._segment_image = segment_image
        self._planned = 0
        self._on_progress = on_progress
        self.done = 0

    def expect(self, runs: int) -> None:
        """So many more runs are to come."""
        self._planned += runs

    def whole_frame(self, frame: NDArray[np.uint8], max_area_share: float) -> NDArray[np.float32] | None:
        """The answer on a frame, or None when nothing or everything stands out."""
        answer = self._run(frame)
        if answer is None or float((answer > 0.5).mean()) > max_area_share or not (answer > 0.5).any():
            return None
        return answer

    def cut_out(
        self, frame: NDArray[np.uint8], expected: NDArray[np.float32], margin: float
    ) -> NDArray[np.float32] | None:
        """The answer on the surroundings of the expected product, put back into a map of the whole frame."""
        where = surroundings(expected > 0.5, margin)
        return None if where is None else self.part(frame, where)

    def part(self, picture: NDArray[np.uint8], where: tuple[slice, slice]) -> NDArray[np.float32] | None:
        """The answer on a part of a picture, put back into a map of the whole one."""
        answer = self._run(np.ascontiguousarray(picture[where]))
        if answer is None:
            return None
        whole = np.zeros(picture.shape[:2], np.float32)
        whole[where] = answer
        return whole

    def _run(self, picture: NDArray[np.uint8]) -> NDArray[np.float32] | None:
        try:
            return self._segment_image(picture)
        except InputError:
            return None
        finally:
            self.done += 1
            if self._on_progress is not None:
                self._on_progress(self.done, self._planned)


def surroundings(mask: NDArray[np.bool_], margin: float) -> tuple[slice, slice] | None:
    """Rows and columns around a (H, W) mask with a margin, a share of its longer side; None for an empty mask."""
    rows, columns = np.flatnonzero(mask.any(axis=1)), np.flatnonzero(mask.any(axis=0))
    if not len(rows):
        return None
    top, bottom, left, right = int(rows[0]), int(rows[-1]) + 1, int(columns[0]), int(columns[-1]) + 1
    extra = round(margin * max(bottom - top, right - left))
    return slice(max(top - extra, 0), bottom + extra), slice(max(left - extra, 0), right + extra)
