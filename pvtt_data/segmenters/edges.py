"""Make a mask out of a probability: edges where the picture has them, no specks, no pinholes."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from pvtt_data.masks import fill_small_holes, keep_large_components

_SMALLEST_COMPONENT = 0.05
"""Components smaller than this share of the largest are specks."""

_LARGEST_PINHOLE = 0.005
"""Holes up to this share of the mask's area are filled."""


def finished_mask(
    frame: NDArray[np.uint8], probability: NDArray[np.float32], radius_px: int, epsilon: float
) -> NDArray[np.bool_]:
    """The probability fitted to the picture's edges and made a mask without specks and pinholes.

    Args:
        frame: (H, W, 3) uint8 RGB.
        probability: (H, W) float32 in [0, 1].
        radius_px: radius of the guided filter for a short side of 480 px; other sizes in proportion.
        epsilon: its regularisation, in squared luma of [0, 1].
    """
    guide = cv2.cvtColor(frame, cv2.COLOR_RGB2GRAY).astype(np.float32) / 255.0
    radius = max(1, round(radius_px * min(probability.shape) / 480))
    mask = guided_filter(guide, probability, radius, epsilon) > 0.5
    return fill_small_holes(keep_large_components(mask, _SMALLEST_COMPONENT), _LARGEST_PINHOLE)


def guided_filter(
    guide: NDArray[np.float32], image: NDArray[np.float32], radius_px: int, epsilon: float
) -> NDArray[np.float32]:
    """Make the edges of an image follow those of a guide (He, Sun and Tang, "Guided Image Filtering", ECCV 2010).

    Args:
        guide: (H, W) float32 in [0, 1].
        image: (H, W) float32.
        radius_px: half the window's side.
        epsilon: guide variance below which a window counts as flat.
    """
    size = (2 * radius_px + 1, 2 * radius_px + 1)
    guide_mean = cv2.blur(guide, size)
    image_mean = cv2.blur(image, size)
    variance = cv2.blur(guide * guide, size) - guide_mean * guide_mean
    covariance = cv2.blur(guide * image, size) - guide_mean * image_mean
    slope = covariance / (variance + epsilon)
    offset = image_mean - slope * guide_mean
    return np.asarray(cv2.blur(slope, size) * guide + cv2.blur(offset, size), np.float32)
