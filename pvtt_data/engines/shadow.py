"""Contact shadows: finding the old product's, drawing the new one's."""

from __future__ import annotations

import cv2
import numpy as np
import numpy.typing as npt

from pvtt_data.engines.cutout import Cutout

Picture = npt.NDArray[np.uint8]
Mask = npt.NDArray[np.bool_]
Reals = npt.NDArray[np.float32]

_DARKER = 0.8
"""Relative brightness below which the ground counts as shaded."""
_ABOVE_FOOT = 0.25
"""Share of a product's height above its foot where its shadow may start; what is dark further up stands behind it."""


def disk(radius: int) -> npt.NDArray[np.uint8]:
    """Elliptic structuring element of a radius in px."""
    kernel: npt.NDArray[np.uint8] = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * radius + 1, 2 * radius + 1))
    return kernel


def grow(mask: Mask, radius: int) -> Mask:
    """Dilate by a disk; radius in px."""
    result = mask.copy()
    rows, columns = np.flatnonzero(mask.any(axis=1)), np.flatnonzero(mask.any(axis=0))
    if radius > 0 and len(rows):
        window = (
            slice(max(int(rows[0]) - radius, 0), int(rows[-1]) + radius + 1),
            slice(max(int(columns[0]) - radius, 0), int(columns[-1]) + radius + 1),
        )
        result[window] = cv2.dilate(mask[window].astype(np.uint8), disk(radius)).astype(bool)
    return result


def relative_brightness(frame: Picture, mask: Mask, reach_px: float) -> Reals:
    """Brightness of the surroundings of a product relative to the ground further away.

    Luma averaged over a tenth of the reach, over a plane fitted (by least squares on the brighter 70 %) to the ring
    between half the reach and the whole reach.

    Args:
        frame: ``(H, W, 3) uint8`` RGB.
        mask: ``(H, W) bool``, the product; grown a little by the caller so that its own edge does not count.
        reach_px: how far the ground around it is looked at.

    Returns:
        ``(H, W) float32``, 1 where there is nothing to compare.
    """
    grey = cv2.cvtColor(frame, cv2.COLOR_RGB2GRAY).astype(np.float32)
    free = (~mask).astype(np.float32)
    sigma = max(0.1 * reach_px, 1.0)
    weight = cv2.GaussianBlur(free, (0, 0), sigma)
    calm = cv2.GaussianBlur(grey * free, (0, 0), sigma) / np.maximum(weight, 1e-3)
    distance = cv2.distanceTransform((~mask).astype(np.uint8), cv2.DIST_L2, 5)
    ring = (distance > 0.5 * reach_px) & (distance <= reach_px)
    result = np.ones(mask.shape, np.float32)
    if ring.sum() < 50:
        return result
    ys, xs = np.nonzero(ring)
    levels = calm[ring].astype(np.float64)
    bright = levels >= np.percentile(levels, 30)
    design = np.stack([xs, ys, np.ones_like(xs)], axis=1).astype(np.float64)
    plane = np.linalg.lstsq(design[bright], levels[bright], rcond=None)[0]
    y, x = np.mgrid[: mask.shape[0], : mask.shape[1]]
    expected = np.maximum(plane[0] * x + plane[1] * y + plane[2], 8.0)
    near = (distance > 0) & (distance <= reach_px)
    result[near] = (calm / expected)[near]
    return result


def find_shadow(frame: Picture, mask: Mask) -> tuple[Mask, float]:
    """The shadow that touches a product.

    Args:
        frame: ``(H, W, 3) uint8`` RGB.
        mask: ``(H, W) bool``, the product, grown past its edge.

    Returns:
        ``(H, W) bool`` shadow outside the mask, and its relative brightness (1 if there is none).
    """
    size = float(np.sqrt(mask.sum()))
    reach = 0.6 * size
    brightness = relative_brightness(frame, mask, reach)
    dark = (brightness < _DARKER) & ~mask
    lower = np.zeros_like(mask)
    ys = np.flatnonzero(mask.any(axis=1))
    lower[int(_ABOVE_FOOT * ys[0] + (1.0 - _ABOVE_FOOT) * ys[-1]) :] = True
    touching = grow(mask, 3) & lower
    _, labels = cv2.connectedComponents((dark & lower).astype(np.uint8))
    keep = np.unique(labels[touching & (labels > 0)])
    shadow = np.isin(labels, keep) & (labels > 0)
    if shadow.sum() < 0.01 * mask.sum():
        return np.zeros_like(mask), 1.0
    return shadow, float(brightness[shadow].mean())


def draw_shadow(cutout: Cutout, darkness: float) -> tuple[Reals, int]:
    """A soft contact shadow under a cut-out, in the cut-out's own pixels.

    Args:
        cutout: what stands there.
        darkness: how much light is lost right under it, 0..1.

    Returns:
        ``(h + 2 m, w + 2 m) float32``, the share of light lost, and the margin m in px around the cut-out.
    """
    height, width = cutout.alpha.shape
    margin = int(0.5 * max(cutout.base_width, 0.3 * width)) + 8
    size = (height + 2 * margin, width + 2 * margin)
    rows = np.flatnonzero(cutout.solid.any(axis=1))
    half = 0.5 * max(cutout.base_width, 0.25 * width)
    y, x = np.mgrid[: size[0], : size[1]].astype(np.float32)
    x -= cutout.base_x + margin

    def ellipse(across: float, down: float, centre: float, blur: float) -> Reals:
        inside = (x / across) ** 2 + ((y - margin - centre) / down) ** 2 <= 1.0
        blurred: Reals = cv2.GaussianBlur(inside.astype(np.float32), (0, 0), max(blur, 0.8))
        return blurred

    contact = ellipse(1.02 * half, 0.16 * half, float(rows[-1]) - 0.08 * half, 0.06 * half)
    around = ellipse(1.25 * half, 0.34 * half, float(rows[-1]) - 0.12 * half, 0.18 * half)
    lost: Reals = (darkness * np.maximum(contact, 0.55 * around)).astype(np.float32)
    return lost, margin
