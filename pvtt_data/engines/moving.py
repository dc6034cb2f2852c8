"""Moving cut-outs: a product cut out of a whole clip, so that it keeps turning where it is pasted."""

from __future__ import annotations

import cv2
import numpy as np
import numpy.typing as npt

from pvtt_data.engines.colour import light_path
from pvtt_data.engines.cutout import Cutout, prepare_cutouts
from pvtt_data.engines.removal import halo_px
from pvtt_data.engines.shadow import grow
from pvtt_data.errors import InputError
from pvtt_data.inpaint import track_background
from pvtt_data.tracking import Matrix, TrackConfig, apply_transform, settle_rotation, track_plane

Frames = npt.NDArray[np.uint8]
Masks = npt.NDArray[np.bool_]

_MARGIN = 0.06
_SPEEDS = (0.7, 1.3)
"""Slowest and fastest it is shown at, relative to what it was filmed at."""


def steady_cutout(frames: Frames, masks: Masks, config: TrackConfig | None = None) -> Frames:
    """Cut a product out of a clip and take the camera's motion and exposure off it.

    What its own track explains (its way, its size, its rotation in the picture) is undone, and what its surroundings
    tell of changing light; what remains is how it turns, bends and shines.

    Args:
        frames: ``(S, H, W, 3) uint8`` RGB.
        masks: ``(S, H, W) bool``, the product.
        config: what counts as a good track; the defaults if None.

    Returns:
        ``(S, h, w, 4) uint8`` RGBA with straight alpha.

    Raises:
        InputError: ``untrackable-...``, or ``cutout-cropped`` when the border of the picture cuts the product.
    """
    rims = (masks[:, 0], masks[:, -1], masks[:, :, 0], masks[:, :, -1])
    if any(rim.any() for rim in rims):
        raise InputError("cutout-cropped", "the border of its own clip cuts the product")
    track = track_plane(frames, masks, config or TrackConfig())
    track, _ = settle_rotation(track, masks)
    holes = np.stack([grow(mask, halo_px(mask)) for mask in masks])
    ground = track_background(frames, holes, track.keyframe)
    gains = light_path(frames, holes, track.keyframe, None if ground is None else ground.transforms) ** (-1.0 / 2.2)
    back = np.stack([np.linalg.inv(transform) for transform in track.transforms])
    low, high = _extent(masks, back)
    crop = np.array([[1.0, 0.0, -low[0]], [0.0, 1.0, -low[1]], [0.0, 0.0, 1.0]])
    size = (int(high[0] - low[0]), int(high[1] - low[1]))
    result = np.zeros((len(frames), size[1], size[0], 4), np.uint8)
    for index, move in enumerate(crop @ back):
        shown = cv2.warpPerspective(frames[index], move, size, flags=cv2.INTER_CUBIC, borderMode=cv2.BORDER_REPLICATE)
        result[index, :, :, :3] = np.clip(np.rint(shown * gains[index]), 0, 255)
        inner = cv2.erode(masks[index].astype(np.uint8) * 255, np.ones((3, 3), np.uint8))
        alpha = cv2.warpPerspective(cv2.GaussianBlur(inner, (0, 0), 1.0), move, size)
        result[index, :, :, 3] = alpha
    return result


def retimed(sequence: Frames, count: int, rng: np.random.Generator) -> Frames:
    """As many frames as are wanted, at another speed, from anywhere in the sequence, back and forth at its ends.

    Args:
        sequence: ``(S, h, w, 4) uint8``.
        count: frames wanted.
        rng: draws speed and beginning.

    Returns:
        ``(count, h, w, 4) uint8``.
    """
    length = len(sequence)
    if length == 1:
        return np.repeat(sequence, count, axis=0)
    speed, start = float(rng.uniform(*_SPEEDS)), float(rng.uniform(0, length - 1))
    places = np.rint(start + speed * np.arange(count)).astype(int) % (2 * (length - 1))
    places = np.where(places < length, places, 2 * (length - 1) - places)
    result: Frames = sequence[places]
    return result


def moving_cutouts(sequence: Frames, count: int, rng: np.random.Generator) -> tuple[Cutout, ...]:
    """A sequence made ready for pasting, one cut-out a frame.

    Raises:
        InputError: ``cutout-...``, as for single ones.
    """
    return prepare_cutouts(retimed(sequence, count, rng))


def _extent(masks: Masks, back: Matrix) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """Corners (x, y) of the box, in keyframe coordinates, that holds the product of every frame."""
    points = []
    for mask, move in zip(masks, back, strict=True):
        ys, xs = np.flatnonzero(mask.any(axis=1)), np.flatnonzero(mask.any(axis=0))
        corners = np.array(
            [[xs[0], ys[0]], [xs[-1] + 1, ys[0]], [xs[-1] + 1, ys[-1] + 1], [xs[0], ys[-1] + 1]], np.float64
        )
        points.append(apply_transform(move, corners))
    every = np.concatenate(points)
    margin = _MARGIN * float(np.ptp(every, axis=0).max()) + 2.0
    return (
        np.floor(every.min(axis=0) - margin).astype(np.int64),
        np.ceil(every.max(axis=0) + margin).astype(np.int64),
    )
