"""From shots to the finished video: dissolves, the fade in, black bars."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from samples.render.adverts import Advert
from samples.render.filming import Footage


def cut_together(advert: Advert, shots: Sequence[Footage]) -> Footage:
    """The advert's frames with what the product covers of them.

    In a dissolve both are mixed: the k-th of its n frames shows (k + 1) / (n + 1) of the later shot's display value.
    The fade multiplies display values by 0, 1/n, 2/n, ... and leaves the coverage alone.
    """
    x, y, width, height = advert.picture_rect
    frames = np.zeros((advert.frame_count, advert.height_px, advert.width_px, 3), np.float32)
    coverage = np.zeros(frames.shape[:3], np.float32)
    picture = np.s_[y : y + height, x : x + width]
    for shot, first, footage in zip(advert.shots, advert.starts, shots, strict=True):
        weight = np.ones(shot.frames, np.float32)
        ramp = np.arange(1, shot.dissolve_frames + 1, dtype=np.float32) / (shot.dissolve_frames + 1)
        weight[: shot.dissolve_frames] = ramp
        for index in range(shot.frames):
            share, place = weight[index], first + index
            frames[place][picture] = (1 - share) * frames[place][picture] + share * footage.frames[index]
            coverage[place][picture] = (1 - share) * coverage[place][picture] + share * footage.coverage[index]
    for index in range(advert.fade_in_frames):
        frames[index] *= index / advert.fade_in_frames
    return Footage((frames + 0.5).astype(np.uint8), coverage)


def binary(coverage: npt.NDArray[np.float32]) -> npt.NDArray[np.uint8]:
    """Masks, 0 or 255, of the same shape: what is covered at least half."""
    return np.where(coverage >= 0.5, 255, 0).astype(np.uint8)
