"""Do source and target show the same moments?

Outside the effect mask the two videos are one video, so their changes from frame to frame are the same, and every frame
is most like its own counterpart. A frame that is missing, frozen or shown twice breaks both.
"""

from __future__ import annotations

import cv2
import numpy as np
import numpy.typing as npt

Frames = npt.NDArray[np.uint8]
Masks = npt.NDArray[np.bool_]
Mask = npt.NDArray[np.bool_]
Picture = npt.NDArray[np.uint8]

_LEAST_FREE_SHARE = 0.03
_STILL_LEVELS = 0.25
"""Mean change in levels that is nothing: what encoders make of a still picture."""
_STILL_MSE = 1.0
_LAGS = (-3, -2, -1, 1, 2, 3)


def timing_numbers(
    source: Frames, source_mask: Masks, target: Frames, target_mask: Masks, effect_mask: Masks
) -> dict[str, float]:
    """How alike the two videos change over time.

    Returns:
        ``change_ratio_min``: with d the mean absolute change from the frame before, outside the effect masks of both,
        the least (min + 0.25) / (max + 0.25) of source's and target's d over the frames; 1 is perfect.
        ``product_change_ratio_min``: the same inside the products' masks, each divided by its own median over the clip:
        A and B are unlike, but when one moves, the other does.
        ``lag_gain_db``: how much better a frame of the source fits a frame of the target up to three frames off than
        its own one, 10 log10((e0 + 1) / (e + 1)) with mean squares e outside the effect masks; largest over the frames,
        0 or less is perfect.
        Where less than 3 % of the frame lies outside the effect masks, the first and the last are perfect.
    """
    count = len(source)
    outside, inside = [], []
    for t in range(1, count):
        free = ~(effect_mask[t] | effect_mask[t - 1])
        if free.mean() >= _LEAST_FREE_SHARE:
            outside.append([_change(video[t], video[t - 1], free) for video in (source, target)])
        masks = [mask[t] | mask[t - 1] for mask in (source_mask, target_mask)]
        if all(mask.any() for mask in masks):
            pairs = zip((source, target), masks, strict=True)
            inside.append([_change(video[t], video[t - 1], mask) for video, mask in pairs])
    return {
        "change_ratio_min": _least_ratio(np.array(outside).reshape(-1, 2)),
        "product_change_ratio_min": _least_ratio(_by_median(np.array(inside).reshape(-1, 2))),
        "lag_gain_db": _lag_gain(source, target, effect_mask),
    }


def _change(now: Picture, before: Picture, where: Mask) -> float:
    return float(cv2.norm(now, before, cv2.NORM_L1, where.astype(np.uint8))) / (3 * int(where.sum()))


def _by_median(changes: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """Changes in units of each video's median, times the smaller median, so that the floor keeps its meaning."""
    if not len(changes):
        return changes
    medians = np.maximum(np.median(changes, axis=0), 1e-6)
    return np.asarray(changes / medians * medians.min())


def _least_ratio(changes: npt.NDArray[np.float64]) -> float:
    if not len(changes):
        return 1.0
    raised = changes + _STILL_LEVELS
    return float((raised.min(axis=1) / raised.max(axis=1)).min())


def _lag_gain(source: Frames, target: Frames, effect_mask: Masks) -> float:
    gains = []
    for t in range(len(source)):
        free = ~effect_mask[t]
        if free.mean() < _LEAST_FREE_SHARE:
            continue
        best = -np.inf
        for lag in _LAGS:
            if not 0 <= t + lag < len(target):
                continue
            both = free & ~effect_mask[t + lag]
            if both.mean() < _LEAST_FREE_SHARE:
                continue
            own, other = (_mean_square(source[t], target[k], both) for k in (t, t + lag))
            best = max(best, 10.0 * np.log10((own + _STILL_MSE) / (other + _STILL_MSE)))
        if np.isfinite(best):
            gains.append(best)
    return float(max(gains, default=0.0))


def _mean_square(first: Picture, second: Picture, where: Mask) -> float:
    return float(cv2.norm(first, second, cv2.NORM_L2SQR, where.astype(np.uint8))) / (3 * int(where.sum()))
