"""Dense optical flow between frames: one preset, one working size, used by everything that needs motion.

Flow comes from OpenCV's DIS (Kroeger et al., "Fast Optical Flow using Dense Inverse Search", ECCV 2016), preset
*medium*, on luma shrunk to a short side of 240 px. Numbers from other presets or sizes are not comparable with the
thresholds that this project uses, so neither is a parameter. Carrying ground-truth masks over one frame of two DAVIS
sequences kept IoU 0.977 and 0.885 this way (20 ms a pair), 0.971 and 0.854 with *ultrafast* at 240 px (3 ms), 0.984
and 0.897 with *medium* at 480 px (80 ms).

Results are the same on every run as long as OpenCV uses one thread, which a worker sets with
``cv2.setNumThreads(1)``.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

import cv2
import numpy as np
from numpy.typing import NDArray

WORKING_SHORT_SIDE_PX = 240
_SMALLEST_SIDE_PX = 16

_ERROR_SHARE = 0.01
_ERROR_FLOOR_PX2 = 0.5

Flow = NDArray[np.float32]
"""(h, w, 2) float32: displacement (dx, dy) in pixels of the same grid."""


@dataclass(frozen=True, slots=True)
class ClipFlow:
    """Flow between neighbouring frames of a clip at the working size.

    Attributes:
        forward: (T-1, h, w, 2) float32 px; ``forward[t]`` leads from frame t to t+1.
        backward: (T-1, h, w, 2) float32 px; ``backward[t]`` leads from frame t+1 to t.
    """

    forward: NDArray[np.float32]
    backward: NDArray[np.float32]

    @property
    def size(self) -> tuple[int, int]:
        """(height, width) of the working grid in pixels."""
        return self.forward.shape[1], self.forward.shape[2]


def working_size(height_px: int, width_px: int) -> tuple[int, int]:
    """(height, width) at which flow of such a frame is computed; small frames are not enlarged."""
    scale = min(1.0, WORKING_SHORT_SIDE_PX / min(height_px, width_px))
    return max(1, round(height_px * scale)), max(1, round(width_px * scale))


def working_luma(frame: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Luma of a (H, W, 3) uint8 RGB frame at the working size, (h, w) uint8."""
    height, width = working_size(frame.shape[0], frame.shape[1])
    luma = cv2.cvtColor(frame, cv2.COLOR_RGB2GRAY)
    if (height, width) == luma.shape:
        return np.asarray(luma, np.uint8)
    return np.asarray(cv2.resize(luma, (width, height), interpolation=cv2.INTER_AREA), np.uint8)


def flow(first: NDArray[np.uint8], second: NDArray[np.uint8]) -> Flow:
    """Motion from one frame to another, in pixels of the frames.

    Args:
        first: (H, W, 3) uint8 RGB.
        second: the same shape.

    Returns:
        (H, W, 2) float32 px: ``first[y, x]`` is seen at ``second[y + dy, x + dx]``.

    Raises:
        ValueError: the shapes differ.
    """
    if first.shape != second.shape:
        raise ValueError(f"frames of different shapes: {first.shape} and {second.shape}")
    field = _dis(working_luma(first), working_luma(second))
    return resize_flow(field, first.shape[0], first.shape[1])


def clip_flow(frames: NDArray[np.uint8], part: tuple[slice, slice] = (slice(None), slice(None))) -> ClipFlow:
    """Flow between all neighbours of (T, H, W, 3) uint8 RGB frames, both ways, at the working size.

    Args:
        frames: one shot.
        part: rows and columns of the working grid to look at; what moves beyond them is not seen.
    """
    luma = [np.ascontiguousarray(working_luma(frame)[part]) for frame in frames]
    height, width = luma[0].shape
    forward = np.empty((len(luma) - 1, height, width, 2), np.float32)
    backward = np.empty_like(forward)
    for index, (first, second) in enumerate(pairwise(luma)):
        forward[index] = _dis(first, second)
        backward[index] = _dis(second, first)
    return ClipFlow(forward, backward)


def resize_flow(field: Flow, height_px: int, width_px: int) -> Flow:
    """The same motion on a grid of another size, in pixels of that grid."""
    height, width = field.shape[:2]
    if (height, width) == (height_px, width_px):
        return field
    scale = np.array([width_px / width, height_px / height], np.float32)
    larger = cv2.resize(field, (width_px, height_px), interpolation=cv2.INTER_LINEAR)
    return np.asarray(larger * scale, np.float32)


def warp(
    image: NDArray[np.float32],
    field: Flow,
    outside: float | None = None,
    offset_px: tuple[int, int] = (0, 0),
) -> NDArray[np.float32]:
    """Fetch an image along a flow: ``result[y, x] = image[y + dy, x + dx]``, bilinear.

    So an image of frame t+1 is brought onto frame t with the flow t → t+1, and the other way round.

    Args:
        image: (h', w') or (h', w', C) float32.
        field: (h, w, 2) float32 px.
        outside: value beyond the border; None repeats the border.
        offset_px: where the field's first pixel lies in the image, (y, x): for fields and images of a part of a frame.
    """
    height, width = field.shape[:2]
    top, left = offset_px
    x = field[..., 0] + np.arange(left, left + width, dtype=np.float32)
    y = field[..., 1] + np.arange(top, top + height, dtype=np.float32)[:, None]
    if outside is None:
        return np.asarray(cv2.remap(image, x, y, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE), np.float32)
    value = (outside,) * 4
    warped = cv2.remap(image, x, y, cv2.INTER_LINEAR, borderMode=cv2.BORDER_CONSTANT, borderValue=value)
    return np.asarray(warped, np.float32)


def compose(first: Flow, second: Flow) -> Flow:
    """Motion along ``first`` and then ``second``: ``first(x) + second(x + first(x))``, (h, w, 2) float32 px."""
    return np.asarray(first + warp(second, first), np.float32)


def inside_frame(field: Flow) -> NDArray[np.bool_]:
    """(h, w) bool: where the flow ends inside the picture."""
    height, width = field.shape[:2]
    x = field[..., 0] + np.arange(width, dtype=np.float32)
    y = field[..., 1] + np.arange(height, dtype=np.float32)[:, None]
    return np.asarray((x >= 0) & (x <= width - 1) & (y >= 0) & (y <= height - 1))


def squared_length(field: Flow) -> NDArray[np.float32]:
    """(h, w) float32: dx² + dy² of a (h, w, 2) flow, in px²."""
    x, y = field[..., 0], field[..., 1]
    return np.asarray(x * x + y * y, np.float32)


def round_trip_error(there: Flow, back: Flow) -> NDArray[np.float32]:
    """How far a pixel ends from where it began after going there and back, (h, w) float32, px²/px².

    ``|w + w'|² / (0.01 (|w|² + |w'|²) + 0.5)``, which is 1 on the limit of Sundaram, Brox and Keutzer ("Dense Point
    Trajectories by GPU-accelerated Large Displacement Optical Flow", ECCV 2010).

    Args:
        there: flow from this frame to the other, w.
        back: flow from the other frame to this one, w' being its value at the other end.
    """
    returned = warp(back, there)
    gap = squared_length(there + returned)
    limit = _ERROR_SHARE * (squared_length(there) + squared_length(returned)) + _ERROR_FLOOR_PX2
    return np.asarray(gap / limit, np.float32)


def consistent(there: Flow, back: Flow) -> NDArray[np.bool_]:
    """(h, w) bool: pixels seen in both frames, by `round_trip_error` ≤ 1 and the other end inside the picture."""
    return np.asarray((round_trip_error(there, back) <= 1.0) & inside_frame(there))


def _dis(first: NDArray[np.uint8], second: NDArray[np.uint8]) -> Flow:
    if min(first.shape) < _SMALLEST_SIDE_PX:
        raise ValueError(f"frames of {first.shape[1]}×{first.shape[0]} px are too small for optical flow")
    estimator = cv2.DISOpticalFlow.create(cv2.DISOPTICAL_FLOW_PRESET_MEDIUM)
    return np.asarray(estimator.calc(first, second, None), np.float32)
