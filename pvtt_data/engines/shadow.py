"""Contact shadows: finding the old product's, drawing the new one's."""

from __future__ import annotations

import cv2
import numpy as np
import numpy.typing as npt

from pvtt_data.engines.cutout import Cutout
from pvtt_data.patch_fill import membrane

Picture = npt.NDArray[np.uint8]
Mask = npt.NDArray[np.bool_]
Reals = npt.NDArray[np.float32]

_DARKER = 0.8
"""Relative brightness below which the ground counts as shaded."""
_ABOVE_FOOT = 0.25
"""Share of a product's height above its foot where its shadow may start; what is dark further up stands behind it."""
_RIM = 0.12
"""Width of the rim further up that may be its shadow too, as a share of the root of its area."""


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
    between half the reach and the whole reach. The same is done with the local maximum of luma, and the larger ratio
    counts: a shadow darkens bright grain as well as dark grain, a dark patch of wood does not.

    Args:
        frame: ``(H, W, 3) uint8`` RGB.
        mask: ``(H, W) bool``, the product; grown a little by the caller so that its own edge does not count.
        reach_px: how far the ground around it is looked at.

    Returns:
        ``(H, W) float32``, 1 where there is nothing to compare.
    """
    grey = cv2.cvtColor(frame, cv2.COLOR_RGB2GRAY).astype(np.float32)
    distance = cv2.distanceTransform((~mask).astype(np.uint8), cv2.DIST_L2, 5)
    ring = (distance > 0.5 * reach_px) & (distance <= reach_px)
    result = np.ones(mask.shape, np.float32)
    if ring.sum() < 50:
        return result
    sigma = max(0.1 * reach_px, 1.0)
    free = (~mask).astype(np.float32)
    weight = np.maximum(cv2.GaussianBlur(free, (0, 0), sigma), 1e-3)
    side = 2 * max(int(0.5 * sigma), 1) + 1
    brightest = cv2.dilate(grey * free, np.ones((side, side), np.uint8))
    ratios = [
        _over_plane(cv2.GaussianBlur(values * free, (0, 0), sigma) / weight, ring) for values in (grey, brightest)
    ]
    near = (distance > 0) & (distance <= reach_px)
    result[near] = np.maximum(*ratios)[near]
    return result


def _over_plane(calm: Reals, ring: Mask) -> Reals:
    """Smooth values over a plane through the brighter of those on a ring."""
    ys, xs = np.nonzero(ring)
    levels = calm[ring].astype(np.float64)
    bright = levels >= np.percentile(levels, 30)
    design = np.stack([xs, ys, np.ones_like(xs)], axis=1).astype(np.float64)
    plane = np.linalg.lstsq(design[bright], levels[bright], rcond=None)[0]
    y, x = np.mgrid[: ring.shape[0], : ring.shape[1]]
    ratio: Reals = (calm / np.maximum(plane[0] * x + plane[1] * y + plane[2], 8.0)).astype(np.float32)
    return ratio


def find_shadow(frame: Picture, mask: Mask) -> tuple[Mask, float]:
    """The shadow that touches a product.

    It begins at the foot. Further up only a narrow rim along the product counts, and only of a shadow that is nothing
    but a rim there: what is wider stands behind the product.

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
    shadow = _touched(dark & lower, touching)
    rim = dark & ~lower & grow(mask, max(4, int(_RIM * size)))
    whole = _touched(dark, touching & shadow)
    if rim.sum() >= 0.6 * (whole & ~lower).sum():
        shadow |= whole & rim
    if shadow.sum() < 0.01 * mask.sum():
        return np.zeros_like(mask), 1.0
    return shadow, float(brightness[shadow].mean())


def _touched(region: Mask, touching: Mask) -> Mask:
    """The connected parts of a region that have pixels in common with another one."""
    _, labels = cv2.connectedComponents(region.astype(np.uint8))
    keep = np.unique(labels[touching & (labels > 0)])
    result: Mask = np.isin(labels, keep) & (labels > 0)
    return result


def light_left(frame: Picture, mask: Mask, shadow: Mask) -> Reals:
    """How much light a shadow leaves, by colour channel: dividing by it takes the shadow off and keeps the ground.

    The smooth part of the shaded ground over what its surroundings lead to expect there: their own smooth part,
    continued inwards. So what is relit joins its surroundings without a seam.

    Args:
        frame: ``(H, W, 3) uint8`` RGB.
        mask: ``(H, W) bool``, the product.
        shadow: ``(H, W) bool``, outside the mask.

    Returns:
        ``(H, W, 3) float32`` in 0.05..1; 1 beyond the shadow and its soft edge.
    """
    size = float(np.sqrt(mask.sum()))
    edge = max(0.03 * size, 2.0)
    picture = frame.astype(np.float32)
    lit = ~grow(mask | shadow, round(edge))
    shaded = shadow & ~grow(mask, 1)

    def smooth(where: Mask, sigma: float) -> tuple[Reals, Reals]:
        weight = cv2.GaussianBlur(where.astype(np.float32), (0, 0), sigma)
        mean = cv2.GaussianBlur(picture * where[:, :, None].astype(np.float32), (0, 0), sigma)
        return mean / np.maximum(weight, 1e-4)[:, :, None], weight

    around, weight = smooth(lit, 2.0 * edge)
    expected = membrane(around, lit & (weight > 0.3))
    here, weight = smooth(shaded, edge)
    ratio = np.where((weight > 0.02)[:, :, None], here / np.maximum(expected, 4.0), 1.0)
    soft = cv2.GaussianBlur((shadow | mask).astype(np.float32), (0, 0), 0.5 * edge)
    result: Reals = 1.0 - (1.0 - np.clip(ratio, 0.05, 1.0)) * soft[:, :, None]
    return result.astype(np.float32)


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
