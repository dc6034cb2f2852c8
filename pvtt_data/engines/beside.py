"""Distractors: another thing beside the product, in source and target alike, which has to survive the swap."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from pvtt_data.engines.cutout import Cutout
from pvtt_data.engines.layer import Layer, paste
from pvtt_data.tracking import Matrix, Track, apply_transform

Frames = npt.NDArray[np.uint8]
Masks = npt.NDArray[np.bool_]

_TRIES = 60


def put_beside(
    frames: Frames, thing: Cutout, busy: Masks, size_px: float, background: Track, rng: np.random.Generator
) -> Frames | None:
    """The clip with another thing in it, which moves with the background and never comes near the product.

    Args:
        frames: ``(T, H, W, 3) uint8`` RGB.
        thing: what is put there.
        busy: ``(T, H, W) bool``, where it must not be in any frame.
        size_px: root of the product's area; the thing's is 0.4 to 0.8 of it.
        background: how the ground moves.
        rng: draws size and place.

    Returns:
        ``(T, H, W, 3) uint8``, or None where there is no room.
    """
    own = float(np.sqrt(thing.solid.sum()))
    height, width = busy.shape[1:]
    key = background.keyframe
    for _ in range(_TRIES):
        scale = size_px * float(rng.uniform(0.4, 0.8)) / own
        x, y = rng.uniform(0, width), rng.uniform(0.2 * height, height)
        to_key = np.array(
            [
                [scale, 0.0, x - scale * thing.base_x],
                [0.0, scale, y - scale * thing.alpha.shape[0]],
                [0.0, 0.0, 1.0],
            ]
        )
        # a thing that stands upright takes the ground's motion at its foot, not the ground's perspective
        upright = _similar(background.transforms, np.array([x, y]), scale * thing.alpha.shape[0])
        layer = Layer.of((thing,), to_key, upright)
        boxes = [layer.box(i, (height, width), 4.0) for i in range(len(frames))]
        if boxes[key].sum() < 0.9 * (scale**2) * thing.alpha.size:
            continue
        if not any((box & full).any() for box, full in zip(boxes, busy, strict=True)):
            return paste(frames, layer)
    return None


def _similar(transforms: Matrix, point: npt.NDArray[np.float64], reach: float) -> Matrix:
    """The similarity that does to a point and its neighbours on the left and right what the transforms do."""
    sideways = np.array([reach, 0.0])
    base = np.array([point, point + sideways, point - sideways])
    result = []
    for transform in transforms:
        foot_point, right, left = apply_transform(transform, base)
        a, b = (right - left) / (2.0 * reach)
        turn = np.array([[a, -b], [b, a]])
        move = np.eye(3)
        move[:2, :2] = turn
        move[:2, 2] = foot_point - turn @ point
        result.append(move)
    return np.stack(result)
