"""Operations on binary masks.

A mask is (H, W) bool, a track (T, H, W) bool. Nothing here reads or writes files.
"""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

Mask = NDArray[np.bool_]


def area_share(mask: NDArray[np.bool_]) -> float:
    """Share of the pixels inside, [0, 1]."""
    return float(mask.mean())


def iou(first: Mask, second: Mask, where: Mask | None = None) -> float:
    """|A ∩ B| / |A ∪ B|, on the pixels ``where`` if given; 1 when both are empty."""
    union, shared = first | second, first & second
    if where is not None:
        union, shared = union & where, shared & where
    count = int(union.sum())
    return int(shared.sum()) / count if count else 1.0


def component_areas(mask: Mask) -> list[int]:
    """Areas in pixels of the 8-connected components, largest first."""
    count, _, stats, _ = cv2.connectedComponentsWithStats(mask.astype(np.uint8), connectivity=8)
    return sorted((int(stats[label, cv2.CC_STAT_AREA]) for label in range(1, count)), reverse=True)


def keep_large_components(mask: Mask, min_share: float) -> Mask:
    """Drop the 8-connected components smaller than ``min_share`` of the largest one."""
    count, labels, stats, _ = cv2.connectedComponentsWithStats(mask.astype(np.uint8), connectivity=8)
    areas = stats[:, cv2.CC_STAT_AREA]
    if count <= 2:
        return mask.copy()
    kept = areas >= min_share * areas[1:].max()
    kept[0] = False
    return np.asarray(kept[labels], np.bool_)


def largest_component(mask: Mask) -> Mask:
    """The largest 8-connected component; of equal ones the first in raster order."""
    count, labels, stats, _ = cv2.connectedComponentsWithStats(mask.astype(np.uint8), connectivity=8)
    if count <= 1:
        return mask.copy()
    return np.asarray(labels == 1 + int(np.argmax(stats[1:, cv2.CC_STAT_AREA])), np.bool_)


def fill_small_holes(mask: Mask, max_share: float) -> Mask:
    """Fill the holes no larger than ``max_share`` of the mask's area, so that a mug's handle stays open.

    A hole is a 4-connected piece of background that does not touch the frame's border.
    """
    _, labels, stats, _ = cv2.connectedComponentsWithStats((~mask).astype(np.uint8), connectivity=4)
    height, width = mask.shape
    left, top = stats[:, cv2.CC_STAT_LEFT], stats[:, cv2.CC_STAT_TOP]
    right, bottom = left + stats[:, cv2.CC_STAT_WIDTH], top + stats[:, cv2.CC_STAT_HEIGHT]
    enclosed = (left > 0) & (top > 0) & (right < width) & (bottom < height)
    filled = enclosed & (stats[:, cv2.CC_STAT_AREA] <= max_share * mask.sum())
    filled[0] = False
    return np.asarray(mask | filled[labels], np.bool_)


def boundary(mask: Mask) -> Mask:
    """Pixels of the mask with a 4-neighbour outside it; the frame's border alone makes no boundary."""
    cross = cv2.getStructuringElement(cv2.MORPH_CROSS, (3, 3))
    eroded = cv2.erode(mask.astype(np.uint8), cross, borderType=cv2.BORDER_CONSTANT, borderValue=1)
    return np.asarray(mask & (eroded == 0), np.bool_)


def border_contact(mask: Mask) -> float:
    """Share of the outline that lies on the frame's border, [0, 1].

    Outline = the mask's pixels on the frame's border and its `boundary`; 0 for a product that is wholly in view, and
    about 0.25 for a square product cut by one side.
    """
    on_border = np.zeros_like(mask)
    on_border[0, :] = on_border[-1, :] = on_border[:, 0] = on_border[:, -1] = True
    on_border &= mask
    outline = int((on_border | boundary(mask)).sum())
    return int(on_border.sum()) / outline if outline else 0.0


def centroid_path(masks: Mask) -> NDArray[np.float64]:
    """(T, 2) float64: centre of gravity (x, y) of each frame's mask in pixels, NaN where it is empty."""
    path = np.full((len(masks), 2), np.nan)
    for t, mask in enumerate(masks):
        rows, columns = np.nonzero(mask)
        if len(rows):
            path[t] = columns.mean(), rows.mean()
    return path


def scale_path(masks: Mask) -> NDArray[np.float64]:
    """(T,) float64: √area of each frame's mask in pixels."""
    return np.asarray(np.sqrt(masks.reshape(len(masks), -1).sum(axis=1, dtype=np.float64)))


def resized(mask: Mask, height_px: int, width_px: int) -> Mask:
    """The mask at another size: a pixel is inside when more than half of what it covers is."""
    soft = mask.astype(np.float32)
    return np.asarray(cv2.resize(soft, (width_px, height_px), interpolation=cv2.INTER_AREA) > 0.5, np.bool_)
