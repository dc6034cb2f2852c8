"""Reflections in the ground: finding the old product's, drawing the new one's."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt

Picture = npt.NDArray[np.uint8]
Mask = npt.NDArray[np.bool_]
Reals = npt.NDArray[np.float32]

_ALIKE = 0.55
"""Correlation of the mirrored product with what lies below it from which that is its reflection."""
_STILL_ALIKE = 0.3
"""Correlation of single rows up to which it is followed downwards."""
_MIN_DETAIL = 3.0
"""Standard deviation of a product's mirrored detail, grey levels, below which nothing can be told."""


@dataclass(frozen=True, slots=True)
class Reflection:
    """A mirror image of a product in the ground it stands on.

    Attributes:
        region: ``(H, W) bool``, below the product.
        strength: contrast of the mirror image over the product's own, 0..1.
        likeness: their correlation, 0..1.
    """

    region: Mask
    strength: float
    likeness: float


def find_reflection(frame: Picture, mask: Mask) -> Reflection | None:
    """The mirror image right below a standing product.

    Luma's detail along the rows (each row less its own smooth part) in the product's lower part, flipped, is correlated
    with that of the ground below, for a few positions of the mirror line. Shadows have no such detail, and ground that
    merely looks like the product does not mirror it.

    Args:
        frame: ``(H, W, 3) uint8`` RGB.
        mask: ``(H, W) bool``, the product.

    Returns:
        The reflection, or None: nothing alike, or too little detail or ground to tell.
    """
    rows = np.flatnonzero(mask.any(axis=1))
    height = int(rows[-1] - rows[0] + 1)
    depth = min(int(0.6 * height), mask.shape[0] - int(rows[-1]) - 6)
    least = max(int(0.12 * height), 8)
    if depth < least:
        return None
    grey = cv2.cvtColor(frame, cv2.COLOR_RGB2GRAY).astype(np.float32)
    detail = cv2.GaussianBlur(grey, (0, 0), 1.0) - cv2.blur(grey, (2 * max(height // 6, 4) + 1, 1))
    best, best_line = 0.0, -1
    for line in range(int(rows[-1]) - 2, int(rows[-1]) + max(4, int(0.03 * height)) + 1):
        above, below, both = _facing(detail, mask, line, least)
        likeness = _correlation(above[both], below[both])
        if likeness > best:
            best, best_line = likeness, line
    if best < _ALIKE:
        return None
    above, below, both = _facing(detail, mask, best_line, depth)
    if float(above[both].std()) < _MIN_DETAIL:
        return None
    end = least
    while end < depth:
        part = slice(end, min(end + 4, depth))
        if _correlation(above[part][both[part]], below[part][both[part]]) < _STILL_ALIKE:
            break
        end += 4
    end = min(end, depth)
    near = both.copy()
    near[end:] = False
    strength = float((above[near] * below[near]).sum() / max(float((above[near] ** 2).sum()), 1e-6))
    region = np.zeros_like(mask)
    mirrored = mask[best_line - end : best_line + 1][::-1]
    region[best_line : best_line + len(mirrored)] = mirrored[: mask.shape[0] - best_line]
    region &= ~mask
    return Reflection(region, float(np.clip(strength, 0.0, 1.0)), best)


def draw_reflection(under: Picture, colour: Reals, alpha: Reals, strength: float) -> Picture:
    """A mirror image in the ground.

    Args:
        under: ``(h, w, 3) uint8`` RGB.
        colour: ``(h, w, 3) float32``, the mirrored product.
        alpha: ``(h, w) float32`` 0..1, its fading cover.
        strength: of the ground's mirror, 0..1.
    """
    mixed = under + (colour - under.astype(np.float32)) * (strength * alpha)[:, :, None]
    return np.asarray(np.clip(np.rint(mixed), 0, 255), np.uint8)


def _facing(detail: Reals, mask: Mask, line: int, depth: int) -> tuple[Reals, Reals, Mask]:
    """Rows above a mirror line, flipped, those below it, and where the first are product and the second are not."""
    gap = 3
    depth = min(depth, line - gap, len(mask) - line - gap - 1)
    above = detail[line - gap - depth : line - gap][::-1]
    below = detail[line + gap + 1 : line + gap + 1 + depth]
    product = mask[line - gap - depth : line - gap][::-1]
    ground = ~mask[line + gap + 1 : line + gap + 1 + depth]
    return above, below, product & ground


def _correlation(first: Reals, second: Reals) -> float:
    if len(first) < 64:
        return 0.0
    first, second = first - first.mean(), second - second.mean()
    scale = float(np.sqrt((first**2).mean() * (second**2).mean()))
    return float((first * second).mean()) / scale if scale > 0.5 else 0.0
