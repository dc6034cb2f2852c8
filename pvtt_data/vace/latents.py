"""Which frames a latent frame stands for, and masks that agree with it.

Wan's VAE makes latent frame 0 from frame 0 and latent frame k from frames 4k−3 … 4k. DiffSynth and ComfyUI, however,
give latent frame k the mask of one single frame, the one that ``nearest-exact`` interpolation picks, and in the first
third of a clip that frame lies in the window of latent frame k+1. Of 49 frames the 13 that count are 1, 5, 9, 13, 16,
20, 24, 28, 32, 35, 39, 43, 47. `widen` makes masks for which this does no harm.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from pvtt_data.errors import InputError

TEMPORAL = 4
"""Frames that a latent frame stands for, except the first one."""
SPATIAL = 8
"""Pixels of height, and of width, that a latent position stands for."""


def latent_count(frames: int) -> int:
    """Latent frames of a clip.

    Raises:
        InputError: ``frames-not-4n+1``.
    """
    if frames < 1 or frames % TEMPORAL != 1:
        below = max(1, (frames - 1) // TEMPORAL * TEMPORAL + 1)
        raise InputError(
            "frames-not-4n+1",
            f"the clip has {frames} frames; Wan's VAE takes 4n+1, such as {below} or {below + TEMPORAL}",
            {"frames": frames},
        )
    return (frames + TEMPORAL - 1) // TEMPORAL


def latent_grid(height: int, width: int) -> tuple[int, int]:
    """Rows and columns of latent positions of a frame.

    Raises:
        InputError: ``size-not-8n``.
    """
    if height % SPATIAL or width % SPATIAL:
        raise InputError("size-not-8n", f"the mask is {width}×{height}; both must be divisible by {SPATIAL}")
    return height // SPATIAL, width // SPATIAL


def latent_windows(frames: int) -> list[range]:
    """The frames that each latent frame stands for: 0, then 1…4, 5…8, and so on.

    Raises:
        InputError: as `latent_count`.
    """
    later = range(1, latent_count(frames))
    return [range(1), *(range(TEMPORAL * k - TEMPORAL + 1, TEMPORAL * k + 1) for k in later)]


def sampled_frames(frames: int) -> list[int]:
    """The frame whose mask each latent frame gets from ``interpolate(mode="nearest-exact")``: ⌊(k + ½)·T / T'⌋.

    It is the latent frame's own or, for about the first third of them, the first of the next window.

    Raises:
        InputError: as `latent_count`.
    """
    latents = latent_count(frames)
    return [(2 * k + 1) * frames // (2 * latents) for k in range(latents)]


def widen(masks: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """The smallest masks around ``masks`` that a latent frame can be told by one sampled frame.

    What holds of the result, and of no smaller one:

    - all frames of a latent window have the same mask, so the pixels that are cut out do not flicker within it;
    - the mask that a latent frame is given covers every frame of its window: nothing is cut out of the pixels where the
      model is told to keep them.

    Where the sampled frame lies in the next window (up to frame 16 of 49, 28 of 81), that window therefore takes over
    the mask of the one before: masks only grow there, and latent frame k is given a mask up to 4 frames ahead of its
    pixels. The opposite fault, pixels that stay visible where the model works, is harmless. Later windows are
    independent of each other.

    Widening a widened mask changes nothing, and more mask never gives less (a closure operator; it commutes with
    unions).

    Args:
        masks: ``(T, H, W)`` bool, T = 4n+1.

    Returns:
        ``(T, H, W)`` bool, new.

    Raises:
        InputError: as `latent_count`.
    """
    windows, sampled = latent_windows(len(masks)), sampled_frames(len(masks))
    result = np.empty_like(masks)
    taken_over = np.zeros(masks.shape[1:], np.bool_)
    for window, frame in zip(windows, sampled, strict=True):
        union = masks[window.start : window.stop].any(axis=0) | taken_over
        result[window.start : window.stop] = union
        taken_over = np.zeros_like(union) if frame in window else union
    return result
