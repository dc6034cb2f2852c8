"""Making a pasted product look as if the clip's own camera had seen it: colour, exposure, sharpness, grain."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import cv2
import numpy as np
import numpy.typing as npt

Picture = npt.NDArray[np.uint8]
Mask = npt.NDArray[np.bool_]
Masks = npt.NDArray[np.bool_]
Matrix = npt.NDArray[np.float64]
Reals = npt.NDArray[np.float32]

_LINEAR = ((np.arange(256) / 255.0) ** 2.2).astype(np.float32)
_QUALITIES = (92, 80, 65, 50)
"""JPEG qualities tried, best first."""
_WEAK = 0.6
"""Mean fine detail of a tile, grey levels, below which an encoder has wiped it."""
_MAX_SHIFT = np.array([7.0, 3.0, 3.0])
"""Largest change of the mean, CIE L*, a*, b*: more would repaint the product."""


@dataclass(frozen=True, slots=True)
class Recolouring:
    """A change of colours in CIE L*a*b*: contrast of lightness about a middle, then a shift."""

    middle: npt.NDArray[np.float64]
    contrast: float
    shift: npt.NDArray[np.float64]

    def of(self, colour: Picture) -> Picture:
        """The change applied to ``(h, w, 3) uint8`` RGB."""
        lab = _to_lab(colour)
        lab[:, :, 0] = (lab[:, :, 0] - self.middle[0]) * self.contrast + self.middle[0]
        lab = (lab + self.shift).astype(np.float32)
        lab[:, :, 0] = np.clip(lab[:, :, 0], 0.0, 100.0)
        rgb = cv2.cvtColor(lab, cv2.COLOR_LAB2RGB)
        return np.asarray(np.clip(np.rint(rgb * 255.0), 0, 255), np.uint8)


def match_colour(colour: Picture, inside: Mask, scene: Picture, around: Mask, strength: float) -> Recolouring | None:
    """How to move a product's colours some way towards the light of a scene.

    Means and spreads in CIE L*a*b* (Reinhard et al. 2001), taken robustly (median, median absolute deviation) and
    applied in part, because a product's own colour is not the light's.

    Args:
        colour: ``(h, w, 3) uint8`` RGB, the product.
        inside: ``(h, w) bool``, its visible pixels.
        scene: ``(H, W, 3) uint8`` RGB.
        around: ``(H, W) bool``, the ring of scene that shares the product's light.
        strength: 0 changes nothing, 1 takes on the scene's mean and spread, within limits.

    Returns:
        None where there is nothing to change or to compare.
    """
    if not inside.any() or not around.any() or strength <= 0:
        return None
    own_mean, own_spread = _robust(_to_lab(colour[inside][None])[0])
    scene_mean, scene_spread = _robust(_to_lab(scene[around][None])[0])
    shift = np.clip(strength * (scene_mean - own_mean), -_MAX_SHIFT, _MAX_SHIFT)
    ratio = float((scene_spread[0] + 2.0) / (own_spread[0] + 2.0))
    return Recolouring(own_mean, float(np.clip(ratio**strength, 0.85, 1.15)), shift)


def _to_lab(picture: Picture) -> Reals:
    lab: Reals = cv2.cvtColor(picture.astype(np.float32) / np.float32(255.0), cv2.COLOR_RGB2LAB)
    return lab


def _robust(values: Reals) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    middle = np.median(values, axis=0)
    return middle.astype(np.float64), 1.4826 * np.median(np.abs(values - middle), axis=0).astype(np.float64)


def light_path(frames: Picture, holes: Masks, keyframe: int, moves: Matrix | None) -> npt.NDArray[np.float64]:
    """Light and its colour in every frame relative to the keyframe, from the scene around the product.

    With the background's motion, the same places of the ground are compared; without it, whatever surrounds the product
    in each frame. Either way at a quarter of the resolution.

    Args:
        frames: ``(T, H, W, 3) uint8`` RGB.
        holes: ``(T, H, W) bool``, the product and all that belongs to it.
        keyframe: the frame with gain 1.
        moves: ``(T, 3, 3) float64``, keyframe to every frame; None if unknown.

    Returns:
        ``(T, 3) float64`` factors of linear light (display gamma 2.2), median filtered over five frames, each 0.6..1.6
        and no channel further than 10 % from the mean of the three.
    """
    size = (max(frames.shape[2] // 4, 1), max(frames.shape[1] // 4, 1))
    small = np.diag([size[0] / frames.shape[2], size[1] / frames.shape[1], 1.0])

    def around(index: int) -> tuple[Reals, Mask, Mask]:
        hole = cv2.resize(holes[index].astype(np.float32), size, interpolation=cv2.INTER_AREA) > 0
        wide = cv2.dilate(hole.astype(np.uint8), np.ones((13, 13), np.uint8)) > 0
        return _LINEAR[cv2.resize(frames[index], size, interpolation=cv2.INTER_AREA)], ~hole, wide & ~hole

    key_light, _, key_ring = around(keyframe)
    gains = np.ones((len(frames), 3))
    for index in range(len(frames)):
        light, free, ring = around(index)
        if moves is None:
            first, second = light[ring], key_light[key_ring]
        else:
            back = small @ np.linalg.inv(moves[index]) @ np.linalg.inv(small)
            light = cv2.warpPerspective(light, back, size)
            shared = key_ring & (cv2.warpPerspective(free.astype(np.uint8) * 255, back, size) == 255)
            first, second = light[shared], key_light[shared]
        if len(first) >= 16 and len(second) >= 16:
            gains[index] = (first.mean(axis=0) + 1e-4) / (second.mean(axis=0) + 1e-4)
    padded = np.pad(gains, ((2, 2), (0, 0)), mode="edge")
    smooth = np.median(np.stack([padded[i : i + len(gains)] for i in range(5)]), axis=0)
    smooth /= smooth[keyframe]
    level = smooth.mean(axis=1, keepdims=True)
    smooth = level * np.clip(smooth / level, 0.9, 1.1)
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


def wiped_share(picture: Picture, where: Mask) -> float:
    """Share of tiles of 8 pixels in a region without any fine detail left, 0..1: what an encoder does to faint texture.

    Args:
        picture: ``(h, w, 3) uint8`` RGB.
        where: ``(h, w) bool``; tiles that lie in it by more than half count.
    """
    grey = cv2.cvtColor(picture, cv2.COLOR_RGB2GRAY).astype(np.float32)
    size = (max(grey.shape[1] // 8, 1), max(grey.shape[0] // 8, 1))
    fine = cv2.resize(np.abs(grey - cv2.GaussianBlur(grey, (0, 0), 1.0)), size, interpolation=cv2.INTER_AREA)
    inside = cv2.resize(where.astype(np.float32), size, interpolation=cv2.INTER_AREA) > 0.5
    return float((fine[inside] < _WEAK).mean()) if inside.any() else 0.0


def compression(picture: Picture, where: Mask, wanted: float) -> int:
    """The best JPEG quality at which as much of a region's faint detail is wiped as wanted.

    JPEG stands in for the unknown encoder: both drop the weak high frequencies of blocks of eight pixels.

    Args:
        picture: ``(h, w, 3) uint8`` RGB.
        where: ``(h, w) bool``.
        wanted: `wiped_share` to reach.

    Returns:
        The quality; 100 where nothing has to be done; the lowest tried where none reaches it.
    """
    if wiped_share(picture, where) >= wanted - 0.05:
        return 100
    for quality in _QUALITIES:
        if wiped_share(compressed(picture, quality), where) >= wanted - 0.05:
            return quality
    return _QUALITIES[-1]


def compressed(picture: Picture, quality: int) -> Picture:
    """A picture after JPEG at a quality, ``(h, w, 3) uint8`` RGB; 100 leaves it as it is."""
    if quality >= 100:
        return picture
    _, data = cv2.imencode(".jpg", picture[:, :, ::-1], [cv2.IMWRITE_JPEG_QUALITY, quality])
    decoded = np.asarray(cv2.imdecode(data, cv2.IMREAD_COLOR), np.uint8)
    return np.ascontiguousarray(decoded[:, :, ::-1])
