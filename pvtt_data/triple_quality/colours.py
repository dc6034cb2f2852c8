"""Colours of products, and where a picture shows its product."""

from __future__ import annotations

import cv2
import numpy as np
import numpy.typing as npt

Frames = npt.NDArray[np.uint8]
Masks = npt.NDArray[np.bool_]
Mask = npt.NDArray[np.bool_]
Picture = npt.NDArray[np.uint8]
Histogram = npt.NDArray[np.float32]


def colour_histogram(frames: Frames, masks: Masks) -> Histogram:
    """Colours inside masks, up to nine frames: 12 x 6 x 6 bins of hue, saturation and value, sum 1.

    Grey pixels have no hue, so saturation below a sixth shares one hue.

    Args:
        frames: ``(T, H, W, 3) uint8`` RGB.
        masks: ``(T, H, W) bool``; all empty gives zeros.
    """
    total = np.zeros((12, 6, 6), np.float32)
    for index in sorted({round(share * (len(frames) - 1)) for share in np.linspace(0.0, 1.0, 9)}):
        pixels = frames[index][masks[index]]
        if not len(pixels):
            continue
        hue, saturation, value = cv2.cvtColor(pixels[None], cv2.COLOR_RGB2HSV)[0].T.astype(np.int64)
        third = saturation * 6 // 256
        first = np.where(third == 0, 0, hue * 12 // 180)
        flat = (first * 6 + third) * 6 + value * 6 // 256
        total += np.bincount(flat, minlength=432).reshape(12, 6, 6)
    total = cv2.GaussianBlur(total.reshape(12, 36), (1, 3), 0.5).reshape(12, 6, 6)
    return np.asarray(total / max(float(total.sum()), 1.0), np.float32)


def intersection(first: Histogram, second: Histogram) -> float:
    """Shared mass of two histograms, 0..1."""
    return float(np.minimum(first, second).sum())


def product_mask(picture: Picture) -> Mask:
    """Where a reference shows its product: opaque, or else unlike the white it stands on."""
    if picture.shape[2] == 4 and (picture[:, :, 3] < 128).any():
        return np.asarray(picture[:, :, 3] >= 128)
    distinct = (picture[:, :, :3].min(axis=2) < 245).astype(bool)
    return distinct if distinct.any() else np.ones(picture.shape[:2], np.bool_)


def reference_histogram(picture: Picture) -> Histogram:
    """`colour_histogram` of a reference's product."""
    return colour_histogram(np.ascontiguousarray(picture[None, :, :, :3]), product_mask(picture)[None])


def as_cutout(picture: Picture) -> Picture:
    """``(h, w, 4) uint8`` RGBA: a reference with its product opaque and all else transparent."""
    if picture.shape[2] == 4 and (picture[:, :, 3] < 128).any():
        return picture
    alpha = product_mask(picture).astype(np.uint8) * 255
    return np.dstack([picture[:, :, :3], alpha])


def box_of(mask: Mask) -> tuple[slice, slice]:
    """Rows and columns of the smallest box around a mask that is not empty."""
    rows, columns = np.flatnonzero(mask.any(axis=1)), np.flatnonzero(mask.any(axis=0))
    return slice(int(rows[0]), int(rows[-1]) + 1), slice(int(columns[0]), int(columns[-1]) + 1)
