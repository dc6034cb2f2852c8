"""The gate before a composite: is this clip worth the work?"""

from __future__ import annotations

import cv2
import numpy as np
import numpy.typing as npt

from pvtt_data.errors import InputError

Frames = npt.NDArray[np.uint8]
Masks = npt.NDArray[np.bool_]


def check_clip(frames: Frames, masks: Masks, min_area: float, max_area: float) -> None:
    """Refuse what cannot become a pair, before any work.

    Args:
        frames: ``(T, H, W, 3) uint8`` RGB.
        masks: ``(T, H, W) bool``, the product.
        min_area: smallest share of the frame that the product may take, in any frame.
        max_area: largest share.

    Raises:
        InputError: ``too-few-frames``, ``blank-frames``, ``cut-inside``, ``mask-missing``, ``mask-too-small`` or
            ``mask-too-large``.
    """
    if frames.ndim != 4 or frames.dtype != np.uint8 or frames.shape[3] != 3 or masks.dtype != np.bool_:
        raise ValueError("frames are (T, H, W, 3) uint8, masks (T, H, W) bool")
    if frames.shape[:3] != masks.shape:
        raise ValueError(f"frames {frames.shape} and masks {masks.shape} do not belong together")
    if len(frames) < 5:
        raise InputError("too-few-frames", "the clip is too short to be tracked", {"frames": float(len(frames))})
    areas = masks.mean(axis=(1, 2))
    numbers = {"area_min": float(areas.min()), "area_max": float(areas.max())}
    if areas.min() == 0:
        raise InputError("mask-missing", f"the mask is empty in frame {int(areas.argmin())}", numbers)
    if areas.min() < min_area:
        raise InputError("mask-too-small", "the product is too small", {**numbers, "limit": min_area})
    if areas.max() > max_area:
        raise InputError("mask-too-large", "the product fills too much of the frame", {**numbers, "limit": max_area})
    small = np.stack([cv2.resize(frame, (48, 48), interpolation=cv2.INTER_AREA) for frame in frames])
    contrast = small.reshape(len(frames), -1, 3).astype(np.float32).std(axis=1).max(axis=1)
    if contrast.min() < 2.0:
        raise InputError(
            "blank-frames",
            f"frame {int(contrast.argmin())} shows nothing",
            {"contrast": float(contrast.min()), "limit": 2.0},
        )
    steps = np.abs(np.diff(small.astype(np.int16), axis=0)).mean(axis=(1, 2, 3))
    usual = float(np.median(steps))
    worst = int(steps.argmax())
    if steps[worst] > 20.0 and steps[worst] > 5.0 * usual + 5.0 and _histograms_differ(small[worst : worst + 2]):
        raise InputError(
            "cut-inside",
            f"the picture changes at once between frames {worst} and {worst + 1}",
            {"frame": float(worst + 1), "change": float(steps[worst]), "usual_change": usual},
        )


def _histograms_differ(pair: Frames) -> bool:
    """Whether two pictures have unlike colours: correlation of RGB histograms of 6x6x6 bins below one half."""
    first, second = (cv2.calcHist([image], [0, 1, 2], None, [6, 6, 6], [0, 256] * 3) for image in pair)
    return float(cv2.compareHist(first, second, cv2.HISTCMP_CORREL)) < 0.5
