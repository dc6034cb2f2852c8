"""A second look from near: thin and small things once more, in a cut-out that follows them at full resolution.

A tracker sees a frame squeezed into its square. A necklace that covers a tenth of a 1080p frame is then a pixel thin;
in a cut-out around it, it is ten times as large.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from pvtt_data.masks import iou
from pvtt_data.segmenters.grounded.detection import Box, box_of
from pvtt_data.segmenters.grounded.follow import Sighting, Track, follow
from pvtt_data.segmenters.grounded.lanes import Course, VideoTracker
from pvtt_data.segmenters.grounded.settings import FollowSettings

_MARGIN = 1.3
"""Side of the cut-out, in units of what the thing needs at most."""
_SMALLEST_PX = 32
_WORTHWHILE = 0.7
"""A cut-out larger than this share of the frame's shorter side shows little more than the frame does."""
_SMALL_SHARE = 0.02
_THIN = 0.12
"""Mean width of a thing, in units of the side of its box, below which it is thin."""
_STEADY_FRAMES = 9
_LEAST_IOU = 0.5
"""What both looks must share for the nearer one to be believed."""


@dataclass(frozen=True, slots=True)
class Cutout:
    """A square of one size that follows a thing.

    Attributes:
        side_px: of the square.
        corners: (T, 2) int, its (left, top) in each frame, inside the frame.
    """

    side_px: int
    corners: NDArray[np.int64]

    def of(self, frames: NDArray[np.uint8]) -> NDArray[np.uint8]:
        """(T, side, side, 3) uint8."""
        side = self.side_px
        return np.stack([frame[y : y + side, x : x + side] for frame, (x, y) in zip(frames, self.corners, strict=True)])

    def box(self, t: int, box: Box) -> Box:
        """A box of a frame within the cut-out, cut at its edges."""
        x, y = self.corners[t]
        left, top, right, bottom = (box[0] - x, box[1] - y, box[2] - x, box[3] - y)
        side = float(self.side_px)
        return max(left, 0.0), max(top, 0.0), min(right, side), min(bottom, side)


def is_worth_it(masks: NDArray[np.bool_], holed: bool) -> bool:
    """Whether a thing is so small or so thin that a nearer look pays.

    Thin: mean width (twice the mean distance to the outline, times two, as for a bar) below a share of its box.
    """
    shares, widths = [], []
    for mask in masks[:: max(1, len(masks) // 8)]:
        box = box_of(mask)
        if box is None:
            continue
        shares.append(float(mask.mean()))
        distance = cv2.distanceTransform(np.pad(mask.astype(np.uint8), 1), cv2.DIST_L2, cv2.DIST_MASK_PRECISE)
        widths.append(4.0 * float(distance[1:-1, 1:-1][mask].mean()) / max(box[2] - box[0], box[3] - box[1]))
    if not shares:
        return False
    return holed or float(np.median(shares)) < _SMALL_SHARE or float(np.median(widths)) < _THIN


def cutout_around(masks: NDArray[np.bool_]) -> Cutout | None:
    """The cut-out that follows a thing steadily and holds all of it, None where it would be nearly the whole frame."""
    count, height, width = masks.shape
    boxes = {t: box for t in range(count) if (box := box_of(masks[t])) is not None}
    if not boxes:
        return None
    known = np.array(sorted(boxes))
    edges = np.array([boxes[t] for t in known])
    path = _steadied((edges[:, :2] + edges[:, 2:]) / 2, known, count)
    # What reaches furthest from the steadied middle, in any frame, decides.
    reach = np.maximum(path[known] - edges[:, :2], edges[:, 2:] - path[known]).max()
    side = max(math.ceil(2 * _MARGIN * reach), _SMALLEST_PX)
    if side > _WORTHWHILE * min(height, width):
        return None
    corners = np.round(path - side / 2).astype(np.int64)
    return Cutout(side, np.clip(corners, 0, [width - side, height - side]))


def _steadied(middles: NDArray[np.float64], known: NDArray[np.int64], count: int) -> NDArray[np.float64]:
    """(count, 2): points at some frames, filled in between and averaged over neighbours; straight at the ends."""
    path = np.stack([np.interp(np.arange(count), known, middles[:, axis]) for axis in range(2)], axis=1)
    half = min(_STEADY_FRAMES // 2, count - 1)
    if half == 0:
        return path
    padded = np.pad(path, ((half, half), (0, 0)), mode="reflect", reflect_type="odd")
    kernel = np.full(2 * half + 1, 1 / (2 * half + 1))
    return np.stack([np.convolve(padded[:, axis], kernel, "valid") for axis in range(2)], axis=1)


def look_closer(
    tracker: VideoTracker, frames: NDArray[np.uint8], track: Track, sighting: Sighting, settings: FollowSettings
) -> Course[dict[str, float]]:
    """Follow a thing once more from near and write what that shows into its track.

    Returns:
        ``close_look_share``: share of the frames whose mask comes from the nearer look;
        ``close_look_iou_min``: smallest IoU of both looks. Nothing when the cut-out would show no more.
    """
    cutout = cutout_around(track.masks)
    if cutout is None:
        return {}
    near = cutout.of(frames)
    start = max(sighting.boxes, key=lambda t: (t == sighting.drawn, float(track.quality[t] * track.agreement[t]), -t))
    boxes = {t: cutout.box(t, box) for t, box in sighting.boxes.items()}
    boxes = {t: box for t, box in boxes.items() if (box[2] - box[0] >= 1 and box[3] - box[1] >= 1) or t == start}
    trust = {t: 1.0 if t == start else 0.5 * sighting.trust[t] for t in boxes}
    # The box is the prompt, not the mask of the first look: its edges are what is to be mended.
    again = yield from follow(tracker, near, Sighting(boxes, trust, sighting.holed, sighting.drawn), settings)
    taken, ious = 0, []
    side = cutout.side_px
    for t, (x, y) in enumerate(cutout.corners):
        before = track.masks[t]
        after = np.zeros_like(before)
        after[y : y + side, x : x + side] = again.masks[t]
        shared = iou(before, after) if before.any() or after.any() else 1.0
        ious.append(shared)
        if shared >= _LEAST_IOU and again.presence[t] > 0.5:
            track.masks[t] = after
            track.quality[t] = again.quality[t]
            track.agreement[t] = min(track.agreement[t], again.agreement[t])
            taken += 1
    return {"close_look_share": taken / len(frames), "close_look_iou_min": min(ious)}
