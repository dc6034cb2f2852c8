"""Points in the holes of things that one can see through: bracelets, necklaces, handles, frames of glasses.

A tracker prompted with a box takes a bracelet for a disc. What is seen through it has the colours of what is around it,
and not those of the band along its outline; where that is so deep inside a mask, a point says "not here".
"""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from pvtt_data.segmenters.grounded.lanes import Point

_BINS = 8
_BAND_SHARE = 0.05
"""Width of the band along the outline that surely is product, as a share of √area."""
_RING_SHARE = 0.25
"""Width of the ring around the mask that surely is not."""
_LIKELY = 0.75
"""Probability of being background from which a pixel counts as seen through."""
_SMALLEST_SHARE = 0.01
"""Smallest hole, as a share of the mask's area."""
_BLUR_PX = 2.0


def hole_points(frame: NDArray[np.uint8], mask: NDArray[np.bool_], most: int = 3) -> tuple[Point, ...]:
    """The middles of the largest holes that a mask has wrongly taken in.

    Args:
        frame: (H, W, 3) uint8 RGB.
        mask: (H, W) bool.
        most: how many.
    """
    area = float(mask.sum())
    if area < 64:
        return ()
    inside = cv2.distanceTransform(_framed(mask), cv2.DIST_L2, cv2.DIST_MASK_PRECISE)[1:-1, 1:-1]
    outside = cv2.distanceTransform(_framed(~mask, 1), cv2.DIST_L2, cv2.DIST_MASK_PRECISE)[1:-1, 1:-1]
    band = mask & (inside <= max(2.0, _BAND_SHARE * area**0.5))
    ring = ~mask & (outside > 2.0) & (outside <= max(6.0, _RING_SHARE * area**0.5))
    deep = mask & ~band
    if not ring.any() or not band.any() or not deep.any():
        return ()
    through = _background(frame, band, ring)
    seen = (deep & (through > _LIKELY)).astype(np.uint8)
    seen = cv2.morphologyEx(seen, cv2.MORPH_OPEN, cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (5, 5)))
    count, labels, stats, _ = cv2.connectedComponentsWithStats(seen, connectivity=4)
    found = sorted(range(1, count), key=lambda label: (-int(stats[label, cv2.CC_STAT_AREA]), label))
    points = []
    for label in found[:most]:
        if stats[label, cv2.CC_STAT_AREA] < _SMALLEST_SHARE * area:
            break
        depth = cv2.distanceTransform(_framed(labels == label), cv2.DIST_L2, cv2.DIST_MASK_PRECISE)[1:-1, 1:-1]
        y, x = np.unravel_index(int(depth.argmax()), depth.shape)
        points.append((float(x) + 0.5, float(y) + 0.5))
    return tuple(points)


def _framed(mask: NDArray[np.bool_], edge: int = 0) -> NDArray[np.uint8]:
    """With a border, so that the frame's edge counts as an edge or does not."""
    return np.pad(mask.astype(np.uint8), 1, constant_values=edge)


def _background(frame: NDArray[np.uint8], product: NDArray[np.bool_], around: NDArray[np.bool_]) -> NDArray[np.float32]:
    """(H, W) float32 in [0, 1]: probability of a pixel's colour in Lab in the one region against the other."""
    lab = cv2.cvtColor(frame, cv2.COLOR_RGB2LAB)
    cells = (lab.astype(np.int32) * _BINS) // 256
    index = (cells[..., 0] * _BINS + cells[..., 1]) * _BINS + cells[..., 2]

    def density(where: NDArray[np.bool_]) -> NDArray[np.float64]:
        counts = np.bincount(index[where], minlength=_BINS**3).reshape(_BINS, _BINS, _BINS).astype(np.float64)
        for axis in range(3):
            counts = counts + 0.5 * (_shifted(counts, axis, 1) + _shifted(counts, axis, -1))
        return np.asarray((counts / counts.sum() + 1e-5).ravel())

    mine, theirs = density(product), density(around)
    likely = (theirs / (mine + theirs))[index].astype(np.float32)
    return np.asarray(cv2.GaussianBlur(likely, (0, 0), _BLUR_PX), np.float32)


def _shifted(counts: NDArray[np.float64], axis: int, by: int) -> NDArray[np.float64]:
    """Moved along an axis by one cell, empty where nothing comes in."""
    moved = np.roll(counts, by, axis)
    moved[tuple(slice(None) if a != axis else (0 if by > 0 else -1) for a in range(3))] = 0.0
    return moved
