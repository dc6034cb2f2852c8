"""Making a pasted product look as if the clip's own camera had seen it: colour, exposure, sharpness, grain."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import cv2
import numpy as np
import numpy.typing as npt

Picture = npt.NDArray[np.uint8]
Mask = npt.NDArray[np.bool_]
Reals = npt.NDArray[np.float32]

_MAX_SHIFT = np.array([7.0, 3.0, 3.0])
"""Largest change of the mean, CIE L*, a*, b*: more would repaint the product."""


def match_colour(colour: Picture, inside: Mask, scene: Picture, around: Mask, strength: float) -> Picture:
    """Move a product's colours some way towards the light of a scene.

    Means and spreads in CIE L*a*b* (Reinhard et al. 2001), taken robustly (median, median absolute deviation) and
    applied in part, because a product's own colour is not the light's.

    Args:
        colour: ``(h, w, 3) uint8`` RGB, the product.
        inside: ``(h, w) bool``, its visible pixels.
        scene: ``(H, W, 3) uint8`` RGB.
        around: ``(H, W) bool``, the ring of scene that shares the product's light.
        strength: 0 changes nothing, 1 takes on the scene's mean and spread, within limits.
    """
    if not inside.any() or not around.any() or strength <= 0:
        return colour
    own = _to_lab(colour)
    own_mean, own_spread = _robust(own[inside])
    scene_mean, scene_spread = _robust(_to_lab(scene)[around])
    shift = np.clip(strength * (scene_mean - own_mean), -_MAX_SHIFT, _MAX_SHIFT)
    ratio = float((scene_spread[0] + 2.0) / (own_spread[0] + 2.0))
    gain = np.array([float(np.clip(ratio**strength, 0.85, 1.15)), 1.0, 1.0])
    lab = ((own - own_mean) * gain + own_mean + shift).astype(np.float32)
    lab[:, :, 0] = np.clip(lab[:, :, 0], 0.0, 100.0)
    rgb = cv2.cvtColor(lab, cv2.COLOR_LAB2RGB)
    return np.asarray(np.clip(np.rint(rgb * 255.0), 0, 255), np.uint8)


def _to_lab(picture: Picture) -> Reals:
    lab: Reals = cv2.cvtColor(picture.astype(np.float32) / np.float32(255.0), cv2.COLOR_RGB2LAB)
    return lab


def _robust(values: Reals) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    middle = np.median(values, axis=0)
    return middle.astype(np.float64), 1.4826 * np.median(np.abs(values - middle), axis=0).astype(np.float64)


def exposure_path(frames: Picture, rings: Sequence[Mask], keyframe: int) -> npt.NDArray[np.float64]:
    """Exposure of every frame relative to the keyframe, from the scene around the product.

    Args:
        frames: ``(T, H, W, 3) uint8`` RGB.
        rings: T masks ``(H, W) bool``, the scene around the product in every frame.
        keyframe: the frame with exposure 1.

    Returns:
        ``(T,) float64`` factors of linear light (display gamma 2.2), median filtered over five frames, 0.6..1.6.
    """
    levels = []
    for frame, ring in zip(frames, rings, strict=True):
        pixels = frame[ring] if ring.any() else frame.reshape(-1, 3)
        grey = cv2.cvtColor(pixels[None], cv2.COLOR_RGB2GRAY)[0].astype(np.float64)
        levels.append(float(((grey / 255.0) ** 2.2).mean()) + 1e-4)
    gains = np.array(levels) / levels[keyframe]
    padded = np.pad(gains, 2, mode="edge")
    smooth = np.median(np.stack([padded[i : i + len(gains)] for i in range(5)]), axis=0)
    smooth /= smooth[keyframe]
    result: npt.NDArray[np.float64] = np.clip(smooth, 0.6, 1.6)
    return result


def sharpness(picture: Picture, where: Mask) -> float:
    """How much of a region's detail is fine: mean |I - G1*I| over mean |G1*I - G3*I|, on luma.

    A ratio of two bands does not depend on contrast, and blur lowers it (the idea of re-blur measures, Crete et al.
    2007). 0 for a region without detail.
    """
    grey = cv2.cvtColor(picture, cv2.COLOR_RGB2GRAY).astype(np.float32)
    mild, strong = cv2.GaussianBlur(grey, (0, 0), 1.0), cv2.GaussianBlur(grey, (0, 0), 3.0)
    coarse = float(np.abs(mild - strong)[where].mean()) if where.any() else 0.0
    return float(np.abs(grey - mild)[where].mean()) / coarse if coarse > 0.3 else 0.0


def blur_sigma(wanted: float, blurred: Sequence[tuple[float, float]]) -> float:
    """The least blur that brings a sharpness down to a wanted one.

    Args:
        wanted: sharpness to reach; 0 (no detail to measure) asks for no blur.
        blurred: pairs (sigma px, sharpness), sigma ascending from 0.

    Returns:
        Sigma in px, interpolated; the last one at most.
    """
    if wanted <= 0:
        return 0.0
    for (low, above), (high, below) in pairwise(blurred):
        if above <= wanted:
            return low
        if below <= wanted:
            return low + (high - low) * (above - wanted) / max(above - below, 1e-9)
    return blurred[-1][0]


def noise_level(picture: Picture) -> float:
    """Standard deviation of a picture's noise, grey levels, on luma.

    Immerkær 1996: sqrt(pi/2)/6 times the mean absolute response to [1 -2 1; -2 4 -2; 1 -2 1], here the lower
    quartile over tiles of 16 pixels, because texture responds too.
    """
    grey = cv2.cvtColor(picture, cv2.COLOR_RGB2GRAY).astype(np.float32)
    kernel = np.array([[1, -2, 1], [-2, 4, -2], [1, -2, 1]], np.float32)
    response = np.abs(cv2.filter2D(grey, cv2.CV_32F, kernel))
    height, width = grey.shape
    tiles = cv2.resize(response, (max(width // 16, 1), max(height // 16, 1)), interpolation=cv2.INTER_AREA)
    return float(np.sqrt(np.pi / 2.0) / 6.0 * np.percentile(tiles, 25))


def add_grain(picture: Picture, weight: Reals, sigma: float, rng: np.random.Generator) -> Picture:
    """Add noise as a camera and an encoder leave it: on luma, correlated over about a pixel.

    Args:
        picture: ``(h, w, 3) uint8`` RGB.
        weight: ``(h, w) float32`` in 0..1, where.
        sigma: standard deviation, grey levels; below 0.3 nothing is added.
        rng: source of the noise.
    """
    if sigma < 0.3:
        return picture
    noise = rng.standard_normal(weight.shape, np.float32)
    noise = cv2.GaussianBlur(noise, (3, 3), 0.6)
    noise *= np.float32(sigma) / max(float(noise.std()), 1e-6)
    grainy = picture + (noise * weight)[:, :, None]
    return np.asarray(np.clip(np.rint(grainy), 0, 255), np.uint8)
