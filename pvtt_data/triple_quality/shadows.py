"""Has each product a contact shadow where its counterpart has one?"""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np
import numpy.typing as npt

from pvtt_data.engines.shadow import grow, relative_brightness

Frames = npt.NDArray[np.uint8]
Masks = npt.NDArray[np.bool_]
Mask = npt.NDArray[np.bool_]
Picture = npt.NDArray[np.uint8]

_FRAMES = 5
_REACH = 0.6
_BAND = 0.15
_FOOT = 0.2
_CLEAR_DEPTH = 0.12
"""A shadow that takes less of the light is none worth missing."""


def shadow_numbers(source: Frames, source_mask: Masks, target: Frames, target_mask: Masks) -> dict[str, float]:
    """How dark the ground is at the products' feet.

    Returns:
        ``shadow_a``, ``shadow_b``: `contact_shadow` of A in the source and of B in the target.
        ``shadow_lack``: (deeper - flatter) / max(deeper, 0.12): 0 where both have the same, 1 where one lacks it.
        ``shadow_lighter``: mean of ln(target / source), luma, over the ground at B's foot that neither product covers;
        median over up to five frames. B shades its own foot, so it is seldom above 0; where B's shadow is missing, A's
        is seen in the source alone.
    """
    a, b = contact_shadow(source, source_mask), contact_shadow(target, target_mask)
    both = [t for t in range(len(source)) if source_mask[t].any() and target_mask[t].any()]
    steps = [_lighter(source[t], source_mask[t], target[t], target_mask[t]) for t in _spread(both)]
    return {
        "shadow_a": a,
        "shadow_b": b,
        "shadow_lack": (max(a, b) - min(a, b)) / max(a, b, _CLEAR_DEPTH),
        "shadow_lighter": float(np.median(steps)) if steps else 0.0,
    }


def _spread(frames: Sequence[int]) -> list[int]:
    """Up to five of the frames, evenly."""
    return sorted({frames[round(share * (len(frames) - 1))] for share in np.linspace(0, 1, _FRAMES)}) if frames else []


def _lighter(source: Picture, source_mask: Mask, target: Picture, target_mask: Mask) -> float:
    size = float(np.sqrt(target_mask.sum()))
    own = grow(target_mask, max(1, round(0.02 * size)))
    band = foot_band(own, size) & ~grow(source_mask, 2)
    if band.sum() < 12:
        return 0.0
    first, second = (
        cv2.GaussianBlur(cv2.cvtColor(frame, cv2.COLOR_RGB2GRAY), (0, 0), 1.0)[band].astype(np.float64)
        for frame in (source, target)
    )
    return float(np.log((second + 4.0) / (first + 4.0)).mean())


def contact_shadow(frames: Frames, masks: Masks) -> float:
    """Share of the light that the ground at a product's foot lacks, 0..1; median over up to five frames.

    Brightness is relative to the ground further away (see `pvtt_data.engines.shadow.relative_brightness`, reach 0.6
    √area), in a band of 0.15 √area around the mask from a fifth of its height above its foot downwards; the mean of the
    band's darker half.

    Args:
        frames: ``(T, H, W, 3) uint8`` RGB.
        masks: ``(T, H, W) bool``; 0 where none shows anything.
    """
    visible = np.flatnonzero(masks.any(axis=(1, 2))).tolist()
    return float(np.median([_depth(frames[t], masks[t]) for t in _spread(visible)])) if visible else 0.0


def _depth(frame: Picture, mask: Mask) -> float:
    size = float(np.sqrt(mask.sum()))
    own = grow(mask, max(1, round(0.02 * size)))
    band = foot_band(own, size)
    if band.sum() < 12:
        return 0.0
    levels = np.sort(relative_brightness(frame, own, _REACH * size)[band])
    return float(np.clip(1.0 - levels[: max(1, len(levels) // 2)].mean(), 0.0, 1.0))


def foot_band(mask: Mask, size: float, reach: float = _BAND) -> Mask:
    """The ground at a product's foot, up to ``reach`` √areas from it, ``(H, W) bool``; ``size`` is √area in px."""
    rows = np.flatnonzero(mask.any(axis=1))
    distance = cv2.distanceTransform((~mask).astype(np.uint8), cv2.DIST_L2, 5)
    band = (distance > 0) & (distance <= max(2.0, reach * size))
    band[: int(rows[-1] - _FOOT * (rows[-1] - rows[0]))] = False
    return np.asarray(band)
