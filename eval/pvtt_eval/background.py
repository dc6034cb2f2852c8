"""Is the rest of the video still the source's?

Doing nothing preserves perfectly, so these numbers mean something only beside `dominance`. They are taken before the
final composite, where they judge the model, and after it, where they judge what a viewer gets; the codec's round trip
of the same frames is the ceiling.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from pvtt_data.masks import Mask
from pvtt_eval.regions import seam_ring

VERSION = 1
CAP_DB = 100.0
"""PSNR of equal frames: below the 1/255 steps of 8 bits there is nothing to tell apart."""
_WINDOW, _SIGMA, _K1, _K2, _PEAK = 11, 1.5, 0.01, 0.03, 255.0


@dataclass(frozen=True, slots=True)
class Background:
    """How well what lies outside U₀ was kept.

    Attributes:
        psnr_db: over all pixels there of all frames; 100 where they are equal.
        ssim: mean over them, at most 1.
        share: of all pixels that lie there.
    """

    psnr_db: float
    ssim: float
    share: float


def background(video: NDArray[np.uint8], source: NDArray[np.uint8], where: Mask) -> Background:
    """PSNR and SSIM of a video against the source on the pixels ``where``.

    Args:
        video: ``(T, H, W, 3) uint8`` RGB: the model's output, or the final composite.
        source: ``(T, H, W, 3) uint8`` RGB; of a rendered case the true target may be meant, which has B's shadow.
        where: ``(T, H, W) bool``, such as `Regions.background`.

    Raises:
        ValueError: shapes do not fit each other, or ``where`` is empty.
    """
    return Background(psnr(video, source, where), ssim(video, source, where), float(where.mean()))


def psnr(video: NDArray[np.uint8], truth: NDArray[np.uint8], where: Mask) -> float:
    """10 log₁₀(255² / MSE) in dB, MSE over channels, pixels ``where`` and frames together; `CAP_DB` at most.

    One MSE for the clip, not a mean of the frames' dB, which one perfect frame would dominate.

    Raises:
        ValueError: shapes do not fit each other, or ``where`` is empty.
    """
    _check(video, truth, where)
    squares, count = 0.0, 0
    for t in range(len(video)):
        error = video[t][where[t]].astype(np.float64) - truth[t][where[t]]
        squares += float((error**2).sum())
        count += error.size
    error_mean = squares / count
    return min(CAP_DB, 10 * math.log10(_PEAK**2 / error_mean)) if error_mean > 0 else CAP_DB


def ssim(video: NDArray[np.uint8], truth: NDArray[np.uint8], where: Mask) -> float:
    """Structural similarity (Wang, Bovik, Sheikh, Simoncelli: *Image quality assessment*, IEEE TIP 13(4), 2004).

    Luma (BT.601), 11 × 11 Gaussian window of σ = 1.5, K₁ = 0.01, K₂ = 0.03, L = 255.
    Windows see only pixels ``where``: the weights of the others are set to zero and the rest scaled to sum 1, so that
    what was edited has no part in it. On a whole frame this is the paper's index, with windows cut at the border.
    Mean over the pixels ``where``.

    Raises:
        ValueError: shapes do not fit each other, or ``where`` is empty.
    """
    _check(video, truth, where)
    total, count = 0.0, 0
    for t in range(len(video)):
        if where[t].any():
            values = _ssim_map(_luma(video[t]), _luma(truth[t]), where[t].astype(np.float64))[where[t]]
            total += float(values.sum())
            count += len(values)
    return total / count


def composite(result: NDArray[np.uint8], source: NDArray[np.uint8], conditioning_mask: Mask) -> NDArray[np.uint8]:
    """``(T, H, W, 3) uint8``: the result inside M, the source outside."""
    return np.where(conditioning_mask[..., None], result, source)


def seam_ratio(video: NDArray[np.uint8], conditioning_mask: Mask, *, width_px: int = 3) -> float:
    """How much stronger steps across M's outline are than steps beside it; about 1 where no seam can be seen.

    Mean |step of luma| between 4-neighbours of which one is inside M, over the mean between all others in the ring of
    ``width_px`` around the outline, over all frames; one level is added to both, so that flat pictures give 1. Own
    definition. An object's own edge along M counts as a seam: compare with the ratio of the source, or of the truth, on
    the same M. NaN where M has no outline.

    Args:
        video: ``(T, H, W, 3) uint8`` RGB, a final composite.
        conditioning_mask: M, ``(T, H, W) bool``.
    """
    ring = seam_ring(conditioning_mask, width_px)
    sums, counts = np.zeros(2), np.zeros(2)
    for t in range(len(video)):
        luma, inside, near = _luma(video[t]), conditioning_mask[t], ring[t]
        for one, other in (
            ((slice(None), slice(0, -1)), (slice(None), slice(1, None))),
            ((slice(0, -1), slice(None)), (slice(1, None), slice(None))),
        ):
            step = np.abs(luma[one] - luma[other])
            both, across = near[one] & near[other], inside[one] != inside[other]
            for which, chosen in enumerate((both & across, both & ~across)):
                sums[which] += step[chosen].sum()
                counts[which] += chosen.sum()
    if not counts.all():
        return float("nan")
    crossing, beside = sums / counts
    return float((crossing + 1) / (beside + 1))


def loss_db(psnr_db: float, ceiling_db: float) -> float:
    """dB lost beyond what the codec loses anyway, never negative; a case passes with at most 3."""
    return max(0.0, ceiling_db - psnr_db)


def _ssim_map(x: NDArray[np.float64], y: NDArray[np.float64], weight: NDArray[np.float64]) -> NDArray[np.float64]:
    def mean(values: NDArray[np.float64]) -> NDArray[np.float64]:
        blurred = cv2.GaussianBlur(values * weight, (_WINDOW, _WINDOW), _SIGMA, borderType=cv2.BORDER_CONSTANT)
        return np.asarray(blurred / np.maximum(seen, 1e-12), np.float64)

    seen = np.asarray(cv2.GaussianBlur(weight, (_WINDOW, _WINDOW), _SIGMA, borderType=cv2.BORDER_CONSTANT), np.float64)
    mean_x, mean_y = mean(x), mean(y)
    spread_x, spread_y = mean(x * x) - mean_x**2, mean(y * y) - mean_y**2
    shared = mean(x * y) - mean_x * mean_y
    c1, c2 = (_K1 * _PEAK) ** 2, (_K2 * _PEAK) ** 2
    level = (2 * mean_x * mean_y + c1) / (mean_x**2 + mean_y**2 + c1)
    return np.asarray(level * (2 * shared + c2) / (spread_x + spread_y + c2), np.float64)


def _luma(frame: NDArray[np.uint8]) -> NDArray[np.float64]:
    return np.asarray(frame.astype(np.float64) @ np.array([0.299, 0.587, 0.114]), np.float64)


def _check(video: NDArray[np.uint8], truth: NDArray[np.uint8], where: Mask) -> None:
    if video.shape != truth.shape or video.ndim != 4 or where.shape != video.shape[:3]:
        raise ValueError(f"video {video.shape}, truth {truth.shape} and pixels {where.shape} do not fit each other")
    if not where.any():
        raise ValueError("no pixel to compare")
