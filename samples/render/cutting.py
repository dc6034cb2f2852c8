"""From shots to the finished video: the fade in, black bars."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from pvtt_data.render.cutting import join
from pvtt_data.render.filming import Footage
from samples.render.adverts import Advert


def cut_together(advert: Advert, shots: Sequence[Footage]) -> Footage:
    """The advert's frames with what the product covers of them.

    The fade multiplies display values by 0, 1/n, 2/n, ... and leaves the coverage alone.
    """
    x, y, width, height = advert.picture_rect
    joined = join(advert.timeline, shots)
    frames = np.zeros((len(joined.frames), advert.height_px, advert.width_px, 3), np.uint8)
    coverage = np.zeros(frames.shape[:3], np.float32)
    picture = np.s_[:, y : y + height, x : x + width]
    frames[picture], coverage[picture] = joined.frames, joined.coverage
    for index in range(advert.fade_in_frames):
        frames[index] = (frames[index] * np.float32(index / advert.fade_in_frames) + 0.5).astype(np.uint8)
    return Footage(frames, coverage)


def binary(coverage: npt.NDArray[np.float32]) -> npt.NDArray[np.uint8]:
    """Masks, 0 or 255, of the same shape: what is covered at least half."""
    return np.where(coverage >= 0.5, 255, 0).astype(np.uint8)
