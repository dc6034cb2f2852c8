"""The last touches to a binary mask: specks off, pinholes closed, outline smoothed. It stays binary throughout."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from pvtt_data.masks import fill_small_holes, keep_large_components

_SPECK_SHARE = 0.01
"""Parts smaller than this share of the largest one are noise."""
_PINHOLE_SHARE = 0.02
"""Holes smaller than this share of the mask are closed."""
_PINHOLE_SHARE_HOLED = 0.0005
"""The same for things that one can see through."""


def finished(mask: NDArray[np.bool_], *, holed: bool = False, parts: int = 1) -> NDArray[np.bool_]:
    """A mask without specks and pinholes.

    Args:
        mask: (H, W) bool.
        holed: whether background may be seen through the product; larger holes are then left open.
        parts: how many things it may consist of; each may be in pieces (an occluder), so pieces are kept by size.
    """
    closed = fill_small_holes(mask, _PINHOLE_SHARE_HOLED if holed else _PINHOLE_SHARE)
    return keep_large_components(closed, _SPECK_SHARE / parts)


def smoothed(masks: NDArray[np.bool_], radius_px: float) -> NDArray[np.bool_]:
    """Outlines smoothed in place: each mask blurred by a Gaussian and cut at one half again.

    Args:
        masks: (T, H, W) bool.
        radius_px: standard deviation; details thinner than about twice of it are lost.
    """
    if radius_px <= 0:
        return masks
    soft = [
        cv2.GaussianBlur(mask.astype(np.float32), (0, 0), radius_px, borderType=cv2.BORDER_REPLICATE) for mask in masks
    ]
    return np.stack([np.asarray(mask > 0.5, np.bool_) for mask in soft])
