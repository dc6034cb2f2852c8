"""What the picture says about a mask track that moves steadily: is it on a thing, and on the same thing all the time?

A mask that slides off its product slowly, or that was on something else from the start, is as steady as a right one.
But its outline lies on no edges of the picture, what is inside looks like what is around it, and the motion of what was
inside at one time leads to another place than the mask says. All is meant for the working size of `pvtt_data.flow`.
"""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np
from numpy.typing import NDArray

from pvtt_data.flow import ClipFlow
from pvtt_data.masks import Mask, boundary, iou
from pvtt_data.segmenters.carry import ObjectMotion

_BINS = (8, 12, 12)
_LAB_STEP = (32, 8, 8)
"""Width of a bin in 8-bit Lab; a and b beyond ±48 share the outermost bins."""

_RING_SHARE = 0.35
"""Width of the ring around the mask whose colours are compared with the mask's, in units of √area."""

_GAP_PX = 2
"""Working pixels on both sides of the outline that belong to neither: mixed colours, and honest imprecision."""

_BESIDE_PX = (4, 9)
"""Distances from the outline, in working pixels, at which the picture's usual gradient is taken."""

_BESIDE_WINDOW_PX = 21
_EDGE_FACTOR, _EDGE_FLOOR = 1.5, 4.0
_SKIN_CR, _SKIN_CB = (136, 180), (80, 127)
_SKIN_WINDOW_PX, _SKIN_THROUGH = 7, 0.9


def carried_agreement(masks: Mask, motion: ClipFlow) -> list[float]:
    """IoU of the masks with the middle frame's mask, carried to both ends by the motion of what it covers.

    Args:
        masks: (T, h, w) bool on the grid of ``motion``.
        motion: flow of the clip.

    Returns:
        one IoU for each frame but the middle one.
    """
    carry, middle, found = ObjectMotion(motion), len(masks) // 2, []
    first = masks[middle].astype(np.float32)
    for stop in (0, len(masks) - 1):
        walk = carry.walk(first, middle, stop)
        for t in range(middle - 1, stop - 1, -1) if stop < middle else range(middle + 1, stop + 1):
            found.append(iou(np.asarray(walk.bring(first, t).image > 0.5), masks[t]))
    return found


def outline_evidence(frames: Sequence[NDArray[np.uint8]], masks: Mask) -> dict[str, float]:
    """Whether outlines lie on edges, whether inside and surround differ, and whether skin is taken along.

    With G the Sobel gradient of the slightly blurred picture (largest of the Lab channels, then of a pixel's 3×3
    neighbours), each frame with a mask has

    - edge support: share of the outline with G > 1.5 g + 4, g the mean of G at 4 to 9 px from the outline within 21 px;
    - separation: with h and r the colour histograms of the mask's inside and of a ring around it, means over the clip,
      p(c) = h / (h + r) is the probability that a colour is the product's; the mean of p inside minus its mean in the
      ring, in [-1, 1];
    - skin: share of the inside with Cr in (136, 180) and Cb in (80, 127), ranges after Chai and Ngan ("Face
      Segmentation Using Skin-Color Map", 1999), widened for dark and for warm light;
    - skin cut: share of the outline without edge support and with skin on both sides of it.

    Args:
        frames: (h, w, 3) uint8 RGB each, of the size of the masks.
        masks: (T, h, w) bool.

    Returns:
        ``edge_support_median``, ``edge_support_min``, ``separation_median``, ``separation_min``, ``skin_rise`` (largest
        skin minus smallest), ``skin_cut_median``; perfect values where no frame shows anything to judge.
    """
    supports, skins, cuts = [], [], []
    bins = _BINS[0] * _BINS[1] * _BINS[2]
    insides, rings = [], []
    for frame, mask in zip(frames, masks, strict=True):
        if not mask.any():
            continue
        to_mask = _distance(~mask)
        depth = _distance(mask)
        inside = depth > _GAP_PX
        if not inside.any():
            inside = mask
        ring_px = max(3.0, _RING_SHARE * float(np.sqrt(mask.sum())))
        ring = (to_mask > _GAP_PX) & (to_mask <= _GAP_PX + ring_px)
        skin = _skin(frame)
        outline = boundary(mask)
        if outline.any():
            edges = _edges(frame, np.maximum(to_mask, depth))
            through = cv2.blur(skin.astype(np.float32), (_SKIN_WINDOW_PX, _SKIN_WINDOW_PX)) > _SKIN_THROUGH
            supports.append(float(edges[outline].mean()))
            cuts.append(float((through & ~edges)[outline].mean()))
        skins.append(float(skin[inside].mean()))
        if ring.any():
            colours = _colours(frame)
            insides.append(np.bincount(colours[inside], minlength=bins) / inside.sum())
            rings.append(np.bincount(colours[ring], minlength=bins) / ring.sum())
    separations: list[float] = []
    if insides:
        own, other = np.mean(insides, axis=0), np.mean(rings, axis=0)
        product = own / np.maximum(own + other, 1e-12)
        separations = ((np.stack(insides) - np.stack(rings)) @ product).tolist()
    return {
        "edge_support_median": float(np.median(supports)) if supports else 1.0,
        "edge_support_min": min(supports, default=1.0),
        "separation_median": float(np.median(separations)) if separations else 1.0,
        "separation_min": min(separations, default=1.0),
        "skin_rise": max(skins) - min(skins) if skins else 0.0,
        "skin_cut_median": float(np.median(cuts)) if cuts else 0.0,
    }


def _distance(mask: Mask) -> NDArray[np.float32]:
    """(h, w) float32 px: distance of the pixels inside to the nearest one outside."""
    return np.asarray(cv2.distanceTransform(mask.astype(np.uint8), cv2.DIST_L2, cv2.DIST_MASK_5), np.float32)


def _edges(frame: NDArray[np.uint8], from_outline: NDArray[np.float32]) -> Mask:
    """(h, w) bool: where the picture has an edge that stands out from the texture near the outline."""
    lab = cv2.GaussianBlur(cv2.cvtColor(frame, cv2.COLOR_RGB2LAB), (0, 0), 0.8)
    across, down = cv2.Sobel(lab, cv2.CV_32F, 1, 0), cv2.Sobel(lab, cv2.CV_32F, 0, 1)
    gradient = cv2.dilate(np.sqrt((across * across + down * down).max(axis=2)), np.ones((3, 3), np.uint8))
    beside = ((from_outline >= _BESIDE_PX[0]) & (from_outline <= _BESIDE_PX[1])).astype(np.float32)
    window = (_BESIDE_WINDOW_PX, _BESIDE_WINDOW_PX)
    usual = cv2.blur(gradient * beside, window) / np.maximum(cv2.blur(beside, window), 1e-3)
    return np.asarray(gradient > _EDGE_FACTOR * usual + _EDGE_FLOOR)


def _skin(frame: NDArray[np.uint8]) -> Mask:
    ycrcb = cv2.cvtColor(frame, cv2.COLOR_RGB2YCrCb)
    red, blue = ycrcb[..., 1], ycrcb[..., 2]
    return np.asarray((red > _SKIN_CR[0]) & (red < _SKIN_CR[1]) & (blue > _SKIN_CB[0]) & (blue < _SKIN_CB[1]))


def _colours(frame: NDArray[np.uint8]) -> NDArray[np.int64]:
    """(h, w) int64: the bin of every pixel's colour."""
    lab = cv2.cvtColor(frame, cv2.COLOR_RGB2LAB).astype(np.int64)
    bins = lab[..., 0] // _LAB_STEP[0]
    for channel in (1, 2):
        count, step = _BINS[channel], _LAB_STEP[channel]
        bins = bins * count + np.clip((lab[..., channel] - 128 + step * count // 2) // step, 0, count - 1)
    return np.asarray(bins, np.int64)
