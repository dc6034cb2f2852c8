"""Where a case is looked at.

Per frame: S, the mask of A in the source; M, the mask that the method was given; G, the mask of the object in the
result. U₀ = dilate(M ∪ S) is fixed per case: it depends on no result, so every method answers for the same background.
All are ``(T, H, W) bool``.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from pvtt_data.masks import Mask

_DILATION_SHARE = 0.02
_LEAST_DILATION_PX = 2
_FIT_BLUR_PX = 1.0


@dataclass(frozen=True, slots=True, eq=False)
class Regions:
    """The regions of one case that no result can change.

    Attributes:
        source: S, ``(T, H, W) bool``.
        conditioning: M, ``(T, H, W) bool``.
        edited: U₀, ``(T, H, W) bool``; the background is what is outside.
        dilation_px: how far U₀ reaches beyond M ∪ S.
    """

    source: Mask
    conditioning: Mask
    edited: Mask
    dilation_px: int

    @property
    def background(self) -> Mask:
        """``(T, H, W) bool``: everything outside U₀."""
        return ~self.edited


def case_regions(source_mask: Mask, conditioning_mask: Mask, *, dilation_px: int | None = None) -> Regions:
    """S, M and U₀ of a case.

    Args:
        source_mask: S, ``(T, H, W) bool``.
        conditioning_mask: M, ``(T, H, W) bool``.
        dilation_px: 2 % of the shorter side of the frame, and 2 at least, if not given.

    Raises:
        ValueError: the masks do not fit each other, or nothing of the frames is left as background.
    """
    _check(source_mask, conditioning_mask)
    if dilation_px is None:
        dilation_px = max(_LEAST_DILATION_PX, round(_DILATION_SHARE * min(source_mask.shape[1:])))
    edited = dilated(source_mask | conditioning_mask, dilation_px)
    if edited.all():
        raise ValueError("the masks cover all frames wholly: no background is left to be scored")
    return Regions(source_mask, conditioning_mask, edited, dilation_px)


def dilated(masks: Mask, radius_px: int) -> Mask:
    """``(T, H, W) bool``: each frame's mask grown by a disc."""
    if radius_px <= 0:
        return masks.copy()
    disc = _disc(radius_px)
    return np.stack([cv2.dilate(mask.astype(np.uint8), disc) > 0 for mask in masks])


def spill(result_mask: Mask, conditioning_mask: Mask) -> float:
    """Share of G outside M over all frames, [0, 1]: what a final composite would cut off. NaN where G is empty.

    Raises:
        ValueError: the masks do not fit each other.
    """
    _check(result_mask, conditioning_mask)
    area = int(result_mask.sum())
    return int((result_mask & ~conditioning_mask).sum()) / area if area else float("nan")


def seam_ring(conditioning_mask: Mask, width_px: int = 3) -> Mask:
    """``(T, H, W) bool``: pixels within ``width_px`` of M's outline, on both sides of it.

    The frame's border is no outline: nothing is composited there.
    """
    disc = _disc(width_px)
    inside = conditioning_mask.astype(np.uint8)
    grown = np.stack([cv2.dilate(mask, disc) for mask in inside])
    shrunk = np.stack([cv2.erode(mask, disc, borderType=cv2.BORDER_CONSTANT, borderValue=1) for mask in inside])
    return np.asarray(grown > shrunk, np.bool_)


def fitted_mask(
    result: NDArray[np.uint8],
    source: NDArray[np.uint8],
    target: NDArray[np.uint8],
    source_mask: Mask,
    target_mask: Mask,
) -> Mask:
    """G of a rendered case without a segmenter: which of the two true silhouettes does each frame follow?

    Source and target are the same shot with A and with B, so in S alone the target shows what is behind the object,
    and in B's mask alone the source does. A pixel there belongs to the result's object where the result is nearer to
    the object than to what is behind it (RMS over RGB, after a blur of σ = 1 px of all three); where both masks agree
    it belongs to it always. Objects beyond S ∪ B's mask are not found: this is for methods that draw A, B or something
    between, such as a small model trained on such cases. Nor does it tell whether the object moves: where both true
    masks agree it follows them, even if the result stands still. Copying the source gives S, the true target gives
    B's mask; where source and target are equal, S decides.

    Args:
        result, source, target: ``(T, H, W, 3) uint8`` RGB.
        source_mask, target_mask: ``(T, H, W) bool``, A in the source and B in the target.

    Raises:
        ValueError: shapes do not fit each other.
    """
    _check(source_mask, target_mask)
    if not result.shape == source.shape == target.shape or result.shape[:3] != source_mask.shape:
        raise ValueError(f"result {result.shape}, source {source.shape}, target {target.shape}, {source_mask.shape}")
    found = np.empty_like(source_mask)
    for t in range(len(result)):
        shown, a, b = (_softened(video[t]) for video in (result, source, target))
        to_a, to_b = (np.mean((shown - truth) ** 2, axis=-1) for truth in (a, b))
        first, second = source_mask[t], target_mask[t]
        found[t] = (first & second) | (first & ~second & (to_a <= to_b)) | (second & ~first & (to_b < to_a))
    return found


def _softened(frame: NDArray[np.uint8]) -> NDArray[np.float32]:
    return np.asarray(cv2.GaussianBlur(frame.astype(np.float32), (0, 0), _FIT_BLUR_PX))


def _disc(radius_px: int) -> NDArray[np.uint8]:
    side = 2 * radius_px + 1
    return np.asarray(cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (side, side)), np.uint8)


def _check(*masks: Mask) -> None:
    shapes = {mask.shape for mask in masks}
    if len(shapes) != 1 or masks[0].ndim != 3:
        raise ValueError(f"masks must be (T, H, W) and alike, not {sorted(shapes)}")
    if any(mask.dtype != np.bool_ for mask in masks):
        raise ValueError("masks must be bool: threshold them at 0.5 first")
