"""Is A gone from the target, and B from the source?"""

from __future__ import annotations

import cv2
import numpy as np
import numpy.typing as npt

from pvtt_data.triple_quality.colours import box_of

Frames = npt.NDArray[np.uint8]
Masks = npt.NDArray[np.bool_]
Mask = npt.NDArray[np.bool_]
Picture = npt.NDArray[np.uint8]

_SEARCH_SHORT_SIDE_PX = 160
_SEARCH_FRAMES = 3
_LEAST_CONTRAST = 4.0
_FAR_LEVELS = 60.0


def residue(source: Frames, source_mask: Masks, target: Frames, target_mask: Masks) -> float:
    """What is left of B in the source beside A: 0 nothing, 1 all of it.

    Over the part of B's mask that lies more than 3 px outside A's, the share of 8x8 px tiles in which source and target
    still look the same: mean absolute difference of at most 6 levels, or normalised correlation of luma above 0.9 in
    tiles with contrast. Median over the frames with at least 64 such pixels; 0 if there is none.
    """
    shares = []
    step = max(1, len(source) // 12)
    for index in range(0, len(source), step):
        own = cv2.dilate(source_mask[index].astype(np.uint8), np.ones((7, 7), np.uint8)).astype(bool)
        where = target_mask[index] & ~own
        if where.sum() >= 64:
            shares.append(_same_share(source[index], target[index], where))
    return float(np.median(shares)) if shares else 0.0


def _same_share(first: Picture, second: Picture, where: Mask) -> float:
    weight = where.astype(np.float32)
    kernel = (8, 8)
    mass = cv2.blur(weight, kernel)
    enough = where & (mass > 0.5)
    if not enough.any():
        enough, mass = where, np.maximum(mass, 1e-3)
    distance = np.abs(first.astype(np.float32) - second).mean(axis=2)
    near = cv2.blur(distance * weight, kernel) / np.maximum(mass, 1e-3) <= 6.0
    a, b = (cv2.cvtColor(image, cv2.COLOR_RGB2GRAY).astype(np.float32) for image in (first, second))

    def mean(values: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
        averaged: npt.NDArray[np.float32] = cv2.blur(values * weight, kernel) / np.maximum(mass, 1e-3)
        return averaged

    a_mean, b_mean = mean(a), mean(b)
    a_power, b_power = mean(a * a) - a_mean**2, mean(b * b) - b_mean**2
    shared = mean(a * b) - a_mean * b_mean
    contrast = np.sqrt(np.maximum(a_power, 0.0) * np.maximum(b_power, 0.0))
    alike = (contrast > 9.0) & (shared > 0.9 * contrast)
    return float((near | alike)[enough].mean())


def found_elsewhere(shown: Frames, masks: Masks, searched: Frames) -> float:
    """Is the product of one video to be found in the other one? About 0 no, 1 its very pixels.

    Of up to three frames the masked product is searched at all places of the same frame of the other video, at a short
    side of 160 px: zero-mean normalised correlation over all channels inside the mask (OpenCV's ``TM_CCOEFF_NORMED``),
    times ``1 - rms / 60``, rms the root mean square difference there in levels. The largest of all; 0 for a product
    without any contrast, which would be found on every plain wall.

    Args:
        shown: ``(T, H, W, 3) uint8`` RGB, shows the product.
        masks: ``(T, H, W) bool``, the product.
        searched: ``(T, H, W, 3) uint8`` RGB.
    """
    visible = np.flatnonzero(masks.any(axis=(1, 2)))
    if not len(visible):
        return 0.0
    chosen = sorted({int(visible[round(share * (len(visible) - 1))]) for share in np.linspace(0, 1, _SEARCH_FRAMES)})
    return max(_best_match(shown[t], masks[t], searched[t]) for t in chosen)


def _best_match(shown: Picture, mask: Mask, searched: Picture) -> float:
    height, width = mask.shape
    scale = min(1.0, _SEARCH_SHORT_SIDE_PX / min(height, width))
    size = (max(1, round(width * scale)), max(1, round(height * scale)))
    small = cv2.resize(mask.astype(np.float32), size, interpolation=cv2.INTER_AREA) > 0.75
    if small.sum() < 16:
        return 0.0
    box = box_of(small)
    template = cv2.resize(shown, size, interpolation=cv2.INTER_AREA)[box].astype(np.float32)
    inside = np.repeat(small[box].astype(np.float32)[..., None], 3, axis=2)
    if float(template[small[box]].std()) < _LEAST_CONTRAST:
        return 0.0
    where = cv2.resize(searched, size, interpolation=cv2.INTER_AREA).astype(np.float32)
    alike = cv2.matchTemplate(where, template, cv2.TM_CCOEFF_NORMED, mask=inside)
    apart = cv2.matchTemplate(where, template, cv2.TM_SQDIFF, mask=inside)
    rms = np.sqrt(np.maximum(apart, 0.0) / float(inside.sum()))
    alike = np.clip(np.nan_to_num(alike, nan=0.0, posinf=0.0, neginf=0.0), 0.0, 1.0)
    return float((alike * np.clip(1.0 - rms / _FAR_LEVELS, 0.0, 1.0)).max())
