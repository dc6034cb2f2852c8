"""Does what a mask covers have the colours of the product's listing pictures?

Colours alone cannot tell a product from another one of the same colours, but they tell it from most other things.
"""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np
from numpy.typing import NDArray

from pvtt_data.masks import Mask

_LIGHTNESS_BINS, _COLOUR_BINS, _COLOUR_STEP = 6, 26, 4
_BLUR_BINS = 2.0
_FRAMES = 7

Histogram = NDArray[np.float32]
"""(6, 26, 26) float32: lightness × a × b, sum about 1."""


def listing_likeness(frames: NDArray[np.uint8], masks: Mask, pictures: Sequence[NDArray[np.uint8]]) -> float:
    """Intersection of the colour histograms of the masked product and of the pictures, in [0, 1].

    Histograms are of 8-bit Lab, a and b in steps of 4 within ±52 and blurred by σ = 8, because listing pictures and
    clips are lit differently; those of the pictures are averaged. Median over up to seven frames with a mask.

    Args:
        frames: (T, H, W, 3) uint8 RGB.
        masks: (T, H, W) bool; some frame has a mask.
        pictures: (H', W', 4) uint8 RGBA cut-outs of the product, one at least.

    Raises:
        ValueError: no picture, or no mask.
    """
    shown = np.flatnonzero(masks.any(axis=(1, 2)))
    if not len(shown) or not pictures:
        raise ValueError("likeness needs a mask and a picture")
    chosen = sorted({int(shown[round(share * (len(shown) - 1))]) for share in np.linspace(0.0, 1.0, _FRAMES)})
    listed = np.mean([_histogram(picture[..., :3], picture[..., 3] > 127) for picture in pictures], axis=0)
    found = [float(np.minimum(_histogram(frames[t], masks[t]), listed).sum()) for t in chosen]
    return float(np.median(found))


def _histogram(picture: NDArray[np.uint8], where: Mask) -> Histogram:
    shape = (_LIGHTNESS_BINS, _COLOUR_BINS, _COLOUR_BINS)
    pixels = np.ascontiguousarray(picture[where])
    if not len(pixels):
        return np.zeros(shape, np.float32)
    lab = cv2.cvtColor(pixels[None], cv2.COLOR_RGB2LAB)[0].astype(np.int64)
    flat = lab[:, 0] * _LIGHTNESS_BINS // 256
    for channel in (1, 2):
        middle = _COLOUR_STEP * _COLOUR_BINS // 2
        flat = flat * _COLOUR_BINS + np.clip((lab[:, channel] - 128 + middle) // _COLOUR_STEP, 0, _COLOUR_BINS - 1)
    counts = np.bincount(flat, minlength=shape[0] * shape[1] * shape[2]).reshape(shape).astype(np.float32)
    blurred = [cv2.GaussianBlur(plane, (0, 0), _BLUR_BINS, borderType=cv2.BORDER_REPLICATE) for plane in counts]
    return np.asarray(np.stack(blurred) / len(pixels), np.float32)
