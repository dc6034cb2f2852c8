"""What is in front of a product, told by the mask track itself.

Seen along its track, a product covers the same places in most frames. Where its mask lacks such a place for a while,
deep inside the outline, and what is seen there looks neither like the product nor like the ground around it, something
is in front of it: a hand, mostly. What is in front all the time is never in the mask and cannot be told from a gap.
"""

from __future__ import annotations

import cv2
import numpy as np
import numpy.typing as npt

from pvtt_data.engines.layer import window_of
from pvtt_data.engines.shadow import grow
from pvtt_data.tracking import Matrix, Track

Frames = npt.NDArray[np.uint8]
Masks = npt.NDArray[np.bool_]
Mask = npt.NDArray[np.bool_]
Reals = npt.NDArray[np.float32]

_USUAL = 0.6
"""Share of the frames in which a place is covered from which on it belongs to the product."""
_DEEP = 0.18
"""How far inside the outline something in front has to reach, as a share of the root of the product's area."""
_SMALLEST = 0.03
"""Smallest share of the product's area that counts."""
_UNLIKE = 14.0
"""CIE L*a*b* distance from product and ground from which something is a third thing."""
_SAME = 16.0
"""The same, up to which neighbouring pixels belong to it."""
_SAMPLES = 9


def find_occluders(frames: Frames, masks: Masks, track: Track) -> Masks | None:
    """Look for things in front of a tracked product.

    Args:
        frames: ``(T, H, W, 3) uint8`` RGB.
        masks: ``(T, H, W) bool``, the product.
        track: of it.

    Returns:
        ``(T, H, W) bool``, also where they reach past the product's outline; None if there is nothing.
    """
    shape = masks.shape[1:]
    to_key = np.linalg.inv(track.transforms)
    window = window_of(masks[track.keyframe], 4)
    crop = np.array([[1.0, 0.0, -window[1].start], [0.0, 1.0, -window[0].start], [0.0, 0.0, 1.0]])
    size = (window[1].stop - window[1].start, window[0].stop - window[0].start)
    warped = [_carried(mask, crop @ move, size) for mask, move in zip(masks, to_key, strict=True)]
    usual = np.mean(warped, axis=0) >= _USUAL
    area = float(usual.sum())
    if not area:
        return None
    depth = cv2.distanceTransform(np.pad(usual, 1).astype(np.uint8), cv2.DIST_L2, 5)[1:-1, 1:-1]
    colours: Reals | None = None
    inside = np.ones(shape, np.bool_)
    result = np.zeros_like(masks)
    for index, covered in enumerate(warped):
        missing = usual & ~covered & (depth > 2)
        missing &= _carried(inside, crop @ to_key[index], size)  # what has left the frame is behind nothing
        if missing.sum() < _SMALLEST * area or depth[missing].max() < _DEEP * np.sqrt(area):
            continue
        if colours is None:
            colours = _usual_colours(frames, warped, crop @ to_key, size)
        lab = _lab(cv2.warpPerspective(frames[index], crop @ to_key[index], size, flags=cv2.INTER_LINEAR))
        ground = np.median(_lab(frames[index])[_around(masks[index])], axis=0)
        _, labels, stats, _ = cv2.connectedComponentsWithStats(missing.astype(np.uint8))
        for label in range(1, len(stats)):
            part = labels == label
            if part.sum() < _SMALLEST * area or depth[part].max() < _DEEP * np.sqrt(area):
                continue
            own = np.median(lab[part], axis=0)
            from_product = float(np.median(np.linalg.norm(lab[part] - colours[part], axis=1)))
            if from_product < _UNLIKE or float(np.linalg.norm(own - ground)) < _UNLIKE:
                continue
            seen = _carried(part, track.transforms[index] @ np.linalg.inv(crop), (shape[1], shape[0]))
            if seen[:3].any() or seen[-3:].any() or seen[:, :3].any() or seen[:, -3:].any():
                continue  # at the border masks end early, and nothing can be told
            result[index] |= _whole(frames[index], seen & ~masks[index], masks[index], own, area)
    return result if result.any() else None


def _carried(mask: Mask, move: Matrix, size: tuple[int, int]) -> Mask:
    return np.asarray(cv2.warpPerspective(mask.astype(np.uint8) * 255, move, size) > 127)


def _lab(picture: Frames) -> Reals:
    lab: Reals = cv2.cvtColor(picture.astype(np.float32) / np.float32(255.0), cv2.COLOR_RGB2LAB)
    return lab


def _around(mask: Mask) -> Mask:
    return grow(mask, 24) & ~grow(mask, 8)


def _usual_colours(frames: Frames, warped: list[Mask], moves: Matrix, size: tuple[int, int]) -> Reals:
    """The product's colours in keyframe coordinates, CIE L*a*b*: the median of some frames that show it whole."""
    best = sorted(range(len(frames)), key=lambda index: (-int(warped[index].sum()), index))[:_SAMPLES]
    shown = [_lab(cv2.warpPerspective(frames[index], moves[index], size, flags=cv2.INTER_LINEAR)) for index in best]
    return np.asarray(np.median(shown, axis=0), np.float32)


def _whole(frame: Frames, seed: Mask, mask: Mask, colour: Reals, area: float) -> Mask:
    """A thing grown from what is seen of it to its neighbours of like colour; the seed alone where that runs away."""
    window = window_of(seed | mask, int(0.4 * np.sqrt(area)))
    like = (np.linalg.norm(_lab(frame[window]) - colour, axis=2) < _SAME) & ~mask[window]
    like = cv2.morphologyEx((like | seed[window]).astype(np.uint8), cv2.MORPH_OPEN, np.ones((3, 3), np.uint8)) > 0
    _, labels = cv2.connectedComponents((like | seed[window]).astype(np.uint8))
    grown = np.isin(labels, np.unique(labels[seed[window]])) & (labels > 0)
    result = seed.copy()
    if grown.sum() <= 1.5 * area:
        result[window] |= grown
    return result
