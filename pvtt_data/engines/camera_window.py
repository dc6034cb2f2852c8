"""A window that moves over a still picture: a camera path of pans and zooms, without turning.

Each frame is one resampling of the picture by Pillow's antialiased bicubic filter, whose window has fractions of
pixels: nothing flickers where the picture is shrunk, and slow moves do not creep in steps.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt
from PIL import Image

Pixels = npt.NDArray[np.uint8]
Box = tuple[float, float, float, float]
"""Left, top, right, bottom in pixels of the picture; fractions count."""
Ease = Literal["even", "smooth", "slow-end"]

EASES: Mapping[Ease, Callable[[float], float]] = {
    "even": lambda t: t,
    "smooth": lambda t: t * t * (3.0 - 2.0 * t),
    "slow-end": lambda t: 1.0 - (1.0 - t) ** 2,
}
"""How far along its path a camera is at a share of its time: at one speed, starting and stopping, or coming to rest."""
_LEAST_MARGIN = 0.02
"""Share of the window that stays around what must be in view."""


@dataclass(frozen=True, slots=True)
class CameraPath:
    """Where the window is in each frame.

    Attributes:
        boxes: ``(T, 4) float64``, left, top, right, bottom.
        zoom: size of the widest window over the narrowest.
        pan: length of the way of its middle, over the window's larger side at its narrowest.
        ease: how it moves along.
    """

    boxes: npt.NDArray[np.float64]
    zoom: float
    pan: float
    ease: Ease

    @property
    def reach(self) -> Box:
        """The part of the picture that is seen at all."""
        low, high = self.boxes.min(axis=0), self.boxes.max(axis=0)
        return float(low[0]), float(low[1]), float(high[2]), float(high[3])


def draw_path(
    subject: Box,
    window: tuple[float, float],
    frames: int,
    zooms: tuple[float, float],
    max_pan: float,
    rng: np.random.Generator,
) -> CameraPath:
    """Draw a path on which a subject stays in view.

    The window zooms in or out, its middle moves in a straight line, both with one ease; zooms are even in the
    logarithm, as a lens zooms.

    Args:
        subject: what must stay in view, in pixels of the picture.
        window: width and height of the narrowest window; the subject fits in.
        frames: T, two at least.
        zooms: smallest and largest zoom.
        max_pan: how far the middle may be from the subject's at either end, over the window's sides there.
        rng: draws everything.
    """
    zoom = float(np.exp(rng.uniform(np.log(zooms[0]), np.log(zooms[1]))))
    ease: Ease = ("even", "smooth", "slow-end")[int(rng.integers(3))]
    inwards = bool(rng.random() < 0.5)
    scales = (zoom, 1.0) if inwards else (1.0, zoom)
    middle = np.array([(subject[0] + subject[2]) / 2, (subject[1] + subject[3]) / 2])
    half = np.array([(subject[2] - subject[0]) / 2, (subject[3] - subject[1]) / 2])
    ends = []
    for scale in scales:
        size = np.array(window) * scale
        room = np.maximum(size * (0.5 - _LEAST_MARGIN) - half, 0.0)
        offset = np.clip(rng.uniform(-max_pan, max_pan, 2) * size, -room, room)
        ends.append(middle + offset)
    boxes = np.empty((frames, 4))
    for number in range(frames):
        share = EASES[ease](number / (frames - 1))
        size = np.array(window) * np.exp((1 - share) * np.log(scales[0]) + share * np.log(scales[1]))
        centre = (1 - share) * ends[0] + share * ends[1]
        boxes[number] = [*(centre - size / 2), *(centre + size / 2)]
    pan = float(np.linalg.norm(ends[1] - ends[0]) / max(window))
    return CameraPath(boxes, zoom, pan, ease)


def through_window(picture: Pixels, box: Box, size: tuple[int, int]) -> Pixels:
    """What a window shows, ``(height, width[, 3]) uint8``.

    Args:
        picture: ``(h, w, 3)`` RGB or ``(h, w)`` grey, uint8.
        box: inside the picture.
        size: width and height in pixels.
    """
    return np.asarray(Image.fromarray(picture).resize(size, Image.Resampling.BICUBIC, box), np.uint8)
