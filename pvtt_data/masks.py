"""Operations on binary masks, and the numbers that tell a good mask track from a bad one.

A mask is (H, W) bool, a track (T, H, W) bool. Nothing here reads or writes files.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from pvtt_data.flow import Flow, clip_flow, consistent, warp, working_size

Mask = NDArray[np.bool_]

_FEWEST_POINTS = 16
_WHOLLY_UNEXPLAINED = 10.0
"""Area change of a mask that appears, vanishes or has no motion to explain it; finite, for JSON."""

_MARGIN_PX = 32
"""Working pixels around all masks of a track in which motion is looked at: flow is made from coarse to fine."""


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


@dataclass(frozen=True, slots=True)
class NeighbourChange:
    """How a mask changes from one frame to the next beyond what motion explains.

    Attributes:
        warped_iou: IoU of the second mask and the first one carried onto it by flow, on the pixels that are consistent
            forward and backward; 1 is perfect.
        boundary_flicker: mean distance between the two outlines on those pixels (both ways), over the √area of the
            second mask; 0 is perfect. Flow beside a fast object is poor, so true masks do not reach 0: 0.005 and 0.016
            on two DAVIS sequences, 0.03 and 0.14 where a disc passes a still ground at 1/20 and 1/12 of the frame's
            height a frame.
        unexplained_area_change: ``|ln(a / b)|``, b the area of the first mask after the affine motion that fits the
            flow inside it, a the area of the second mask; both only where the frame shows the pixel before and after,
            so that a product that leaves the picture does not count. 0 is perfect.
    """

    warped_iou: float
    boundary_flicker: float
    unexplained_area_change: float


def neighbour_change(first: Mask, second: Mask, forward: Flow, backward: Flow) -> NeighbourChange:
    """Compare the masks of two neighbouring frames.

    Args:
        first: (h, w) bool, mask of frame t.
        second: (h, w) bool, mask of frame t+1.
        forward: (h, w, 2) float32 px, flow t → t+1.
        backward: (h, w, 2) float32 px, flow t+1 → t.
    """
    seen = consistent(backward, forward)
    carried = warp(first.astype(np.float32), backward, outside=0.0) > 0.5
    return NeighbourChange(
        warped_iou=iou(carried, second, seen),
        boundary_flicker=_outline_distance(carried, second, seen) / max(math.sqrt(float(second.sum())), 1.0),
        unexplained_area_change=_unexplained_area_change(first, second, forward, backward),
    )


def mask_quality(frames: NDArray[np.uint8], masks: Mask) -> dict[str, float]:
    """Numbers about a mask track that quality control compares with its thresholds.

    Everything that needs motion is computed at the working size of `pvtt_data.flow`, and only around the masks; see
    `NeighbourChange` for the formulas.

    Args:
        frames: (T, H, W, 3) uint8 RGB.
        masks: (T, H, W) bool.

    Returns:
        ``area_share_min``, ``area_share_median``, ``area_share_max``: `area_share` over the frames;
        ``empty_frames``: number of frames without a mask;
        ``components_max``: most 8-connected components of one frame;
        ``main_component_share_min``: smallest share that the largest component has of a frame's mask;
        ``border_contact_max``: `border_contact`;
        ``warped_iou_median``, ``warped_iou_p05``: over neighbouring frames;
        ``boundary_flicker``: mean over neighbouring frames, and ``boundary_flicker_p95``;
        ``unexplained_area_change_max``, ``unexplained_area_change_median``: over neighbouring frames.
        One frame alone has no motion: its track counts as perfectly steady.

    Raises:
        ValueError: frames and masks do not belong together.
    """
    if frames.shape[:3] != masks.shape or not len(masks):
        raise ValueError(f"frames {frames.shape} and masks {masks.shape} do not belong together")
    shares = [area_share(mask) for mask in masks]
    components = [component_areas(mask) for mask in masks]
    changes = _neighbour_changes(frames, masks) or [NeighbourChange(1.0, 0.0, 0.0)]
    ious = [change.warped_iou for change in changes]
    flicker = [change.boundary_flicker for change in changes]
    area_change = [change.unexplained_area_change for change in changes]
    return {
        "area_share_min": min(shares),
        "area_share_median": float(np.median(shares)),
        "area_share_max": max(shares),
        "empty_frames": float(sum(not areas for areas in components)),
        "components_max": float(max(len(areas) for areas in components)),
        "main_component_share_min": min((areas[0] / sum(areas) for areas in components if areas), default=0.0),
        "border_contact_max": max(border_contact(mask) for mask in masks),
        "warped_iou_median": float(np.median(ious)),
        "warped_iou_p05": float(np.percentile(ious, 5)),
        "boundary_flicker": float(np.mean(flicker)),
        "boundary_flicker_p95": float(np.percentile(flicker, 95)),
        "unexplained_area_change_median": float(np.median(area_change)),
        "unexplained_area_change_max": max(area_change),
    }


def _neighbour_changes(frames: NDArray[np.uint8], masks: Mask) -> list[NeighbourChange]:
    if len(masks) < 2:
        return []
    height, width = working_size(*masks.shape[1:])
    small = np.stack([resized(mask, height, width) for mask in masks])
    part = _around(np.asarray(small.any(axis=0)))
    motion = clip_flow(frames, part)
    near = small[:, *part]
    return [neighbour_change(near[t], near[t + 1], motion.forward[t], motion.backward[t]) for t in range(len(near) - 1)]


def _around(mask: Mask) -> tuple[slice, slice]:
    """Rows and columns of a mask with a margin in which motion around it can be seen; everything for an empty one."""
    rows, columns = np.flatnonzero(mask.any(axis=1)), np.flatnonzero(mask.any(axis=0))
    if not len(rows):
        return slice(None), slice(None)
    return (
        slice(max(int(rows[0]) - _MARGIN_PX, 0), int(rows[-1]) + 1 + _MARGIN_PX),
        slice(max(int(columns[0]) - _MARGIN_PX, 0), int(columns[-1]) + 1 + _MARGIN_PX),
    )


def resized(mask: Mask, height_px: int, width_px: int) -> Mask:
    """The mask at another size: a pixel is inside when more than half of what it covers is."""
    soft = mask.astype(np.float32)
    return np.asarray(cv2.resize(soft, (width_px, height_px), interpolation=cv2.INTER_AREA) > 0.5, np.bool_)


def _outline_distance(first: Mask, second: Mask, where: Mask) -> float:
    """Mean distance in pixels from each outline's pixels to the other outline; √(h² + w²) when only one exists."""
    outlines = boundary(first), boundary(second)
    if not outlines[0].any() and not outlines[1].any():
        return 0.0
    if not outlines[0].any() or not outlines[1].any():
        return math.hypot(*first.shape)
    distances = []
    for outline, other in (outlines, outlines[::-1]):
        to_other = cv2.distanceTransform((~other).astype(np.uint8), cv2.DIST_L2, cv2.DIST_MASK_PRECISE)
        distances.append(to_other[outline & where])
    both = np.concatenate(distances)
    return float(both.mean()) if len(both) else 0.0


def _unexplained_area_change(first: Mask, second: Mask, forward: Flow, backward: Flow) -> float:
    there = _affine_motion(first & consistent(forward, backward), forward)
    if there is None:
        return 0.0 if not first.any() and not second.any() else _WHOLLY_UNEXPLAINED
    height, width = first.shape
    ones = np.ones(first.shape, np.float32)
    moved = cv2.warpAffine(first.astype(np.float32), there, (width, height), flags=cv2.INTER_LINEAR)
    was_in_view = cv2.warpAffine(ones, there, (width, height), flags=cv2.INTER_LINEAR) > 0.5
    expected, actual = float(moved.sum()), float((second & was_in_view).sum())
    if expected < 1.0 or actual < 1.0:
        return 0.0 if max(expected, actual) < 1.0 else _WHOLLY_UNEXPLAINED
    return min(abs(math.log(actual / expected)), _WHOLLY_UNEXPLAINED)


def _affine_motion(where: Mask, field: Flow) -> NDArray[np.float64] | None:
    """(2, 3) least-squares affine map of the pixels ``where``, its worst quarter of residuals left out once."""
    rows, columns = np.nonzero(where)
    if len(rows) < _FEWEST_POINTS:
        return None
    points = np.column_stack([columns, rows, np.ones(len(rows))]).astype(np.float64)
    targets = points[:, :2] + field[rows, columns]
    solution = np.linalg.lstsq(points, targets, rcond=None)[0]
    residual = np.linalg.norm(targets - points @ solution, axis=1)
    kept = residual <= np.percentile(residual, 75)
    return np.asarray(np.linalg.lstsq(points[kept], targets[kept], rcond=None)[0].T)
