"""The numbers that tell a good mask track from a bad one."""

from __future__ import annotations

import math
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from pvtt_data.flow import ClipFlow, Flow, clip_flow, consistent, warp, working_size
from pvtt_data.mask_evidence import carried_agreement, outline_evidence
from pvtt_data.masks import Mask, area_share, border_contact, boundary, component_areas, iou, resized

_FEWEST_POINTS = 16
_WHOLLY_UNEXPLAINED = 10.0
"""Area change of a mask that appears, vanishes or has no motion to explain it; finite, for JSON."""

_LIMB_RADIUS = 0.22

_MARGIN_PX = 32
"""Working pixels around all masks of a track in which motion is looked at: flow is made from coarse to fine."""


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
        ``warped_iou_median``, ``warped_iou_p05``, ``warped_iou_min``: over neighbouring frames;
        ``boundary_flicker``: mean over neighbouring frames, and ``boundary_flicker_p95``;
        ``unexplained_area_change_max``, ``unexplained_area_change_median``: over neighbouring frames.
        ``carried_iou_median``, ``carried_iou_min``: see `carried_agreement`;
        ``limb_share_max``: see `limb_share`;
        those of `outline_evidence`.
        One frame alone has no motion: its track counts as perfectly steady.

    Raises:
        ValueError: frames and masks do not belong together.
    """
    if frames.shape[:3] != masks.shape or not len(masks):
        raise ValueError(f"frames {frames.shape} and masks {masks.shape} do not belong together")
    shares = [area_share(mask) for mask in masks]
    components = [component_areas(mask) for mask in masks]
    near = _Surroundings.of(frames, masks)
    changes = near.changes() or [NeighbourChange(1.0, 0.0, 0.0)]
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
        "warped_iou_min": min(ious),
        "boundary_flicker": float(np.mean(flicker)),
        "boundary_flicker_p95": float(np.percentile(flicker, 95)),
        "unexplained_area_change_median": float(np.median(area_change)),
        "unexplained_area_change_max": max(area_change),
        "limb_share_max": max(limb_share(mask) for mask in near.masks),
        **near.evidence(),
    }


@dataclass(frozen=True, slots=True)
class _Surroundings:
    """What lies around the masks of a track, at the working size.

    Attributes:
        frames: (h, w, 3) uint8 RGB each.
        masks: (T, h, w) bool.
        motion: of the same pixels; None for a clip of one frame.
    """

    frames: list[NDArray[np.uint8]]
    masks: Mask
    motion: ClipFlow | None

    @classmethod
    def of(cls, frames: NDArray[np.uint8], masks: Mask) -> _Surroundings:
        height, width = working_size(*masks.shape[1:])
        small = np.stack([resized(mask, height, width) for mask in masks])
        part = _around(np.asarray(small.any(axis=0)))
        motion = clip_flow(frames, part) if len(masks) > 1 else None
        pictures = [cv2.resize(frame, (width, height), interpolation=cv2.INTER_AREA)[part] for frame in frames]
        return cls(pictures, small[:, *part], motion)

    def changes(self) -> list[NeighbourChange]:
        if self.motion is None:
            return []
        forward, backward = self.motion.forward, self.motion.backward
        pairs = zip(self.masks[:-1], self.masks[1:], forward, backward, strict=True)
        return [neighbour_change(*pair) for pair in pairs]

    def evidence(self) -> dict[str, float]:
        carried = [] if self.motion is None else carried_agreement(self.masks, self.motion)
        return {
            "carried_iou_median": float(np.median(carried)) if carried else 1.0,
            "carried_iou_min": min(carried, default=1.0),
            **outline_evidence(self.frames, self.masks),
        }


def limb_share(mask: Mask) -> float:
    """Area of the largest narrow part that reaches the frame's border, as a share of the mask's area.

    Narrow is what a disc of radius 0.22 √area does not fit into: an arm, and seldom a product that the border cuts.
    """
    area = int(mask.sum())
    if not (mask[0].any() or mask[-1].any() or mask[:, 0].any() or mask[:, -1].any()):
        return 0.0
    radius = max(1, round(_LIMB_RADIUS * math.sqrt(area)))
    disc = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * radius + 1, 2 * radius + 1))
    room = 2 * radius
    padded = np.pad(mask, room, mode="edge").astype(np.uint8)
    wide = cv2.morphologyEx(padded, cv2.MORPH_OPEN, disc)[room:-room, room:-room] > 0
    narrow = np.asarray(mask & ~wide)
    _, labels, stats, _ = cv2.connectedComponentsWithStats(narrow.astype(np.uint8), connectivity=8)
    border = np.concatenate([labels[0], labels[-1], labels[:, 0], labels[:, -1]])
    reaching = [int(stats[label, cv2.CC_STAT_AREA]) for label in np.unique(border) if label]
    return max(reaching, default=0) / area


def _around(mask: Mask) -> tuple[slice, slice]:
    """Rows and columns of a mask with a margin in which motion around it can be seen; everything for an empty one."""
    rows, columns = np.flatnonzero(mask.any(axis=1)), np.flatnonzero(mask.any(axis=0))
    if not len(rows):
        return slice(None), slice(None)
    return (
        slice(max(int(rows[0]) - _MARGIN_PX, 0), int(rows[-1]) + 1 + _MARGIN_PX),
        slice(max(int(columns[0]) - _MARGIN_PX, 0), int(columns[-1]) + 1 + _MARGIN_PX),
    )


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
