"""The measures of DAVIS (Perazzi et al., "A Benchmark Dataset and Evaluation Methodology for Video Object
Segmentation", CVPR 2016): region similarity J, contour accuracy F, and their mean, over all frames."""

from __future__ import annotations

import math

import cv2
import numpy as np
import numpy.typing as npt

from pvtt_data.masks import boundary, iou

Masks = npt.NDArray[np.bool_]

_TOLERANCE = 0.008
"""How far an outline may lie off, as a share of the frame's diagonal."""


def region_similarity(found: Masks, true: Masks) -> npt.NDArray[np.float64]:
    """J of each frame, ``(T,) float64`` in [0, 1]: IoU; 1 where both are empty."""
    return np.array([iou(mine, theirs) for mine, theirs in zip(found, true, strict=True)])


def contour_accuracy(found: Masks, true: Masks) -> npt.NDArray[np.float64]:
    """F of each frame, ``(T,) float64`` in [0, 1].

    Harmonic mean of the share of our outline that lies near the true one and the share of the true one that lies near
    ours; near is 0.8 % of the diagonal.
    """
    return np.array([_contour_accuracy(mine, theirs) for mine, theirs in zip(found, true, strict=True)])


def _contour_accuracy(found: Masks, true: Masks) -> float:
    mine, theirs = boundary(found), boundary(true)
    if not mine.any() or not theirs.any():
        return float(not mine.any() and not theirs.any())
    radius = math.ceil(_TOLERANCE * math.hypot(*true.shape))
    disc = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * radius + 1, 2 * radius + 1))
    precision = float(cv2.dilate(theirs.astype(np.uint8), disc)[mine].mean())
    recall = float(cv2.dilate(mine.astype(np.uint8), disc)[theirs].mean())
    return 2 * precision * recall / (precision + recall) if precision + recall else 0.0
