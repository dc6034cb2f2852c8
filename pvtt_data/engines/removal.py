"""What has to vanish with the old product: itself, its halo, its shadow, its reflection."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt

from pvtt_data.engines.layer import Window, into_window, size_of, window_of
from pvtt_data.engines.reflection import Reflection, find_reflection
from pvtt_data.engines.shadow import find_shadow, grow, light_left
from pvtt_data.tracking import Matrix, Track, apply_transform

Frames = npt.NDArray[np.uint8]
Masks = npt.NDArray[np.bool_]
Mask = npt.NDArray[np.bool_]
Reals = npt.NDArray[np.float32]

_MAX_SHADOW = 0.7
"""Shadow over the product's area above which it is left where it is, but for its beginning: a dark ground, mostly."""
_TOO_DARK = 0.45
"""Share of light below which the ground is made up, not relit: what is left there is noise."""


@dataclass(frozen=True, slots=True)
class Removal:
    """What has to vanish.

    Attributes:
        holes: ``(T, H, W) bool``, what is filled: B, its halo, its reflection, the darkest of its shadow.
        light: ``(h, w, 3) float32``, share of light that B's shadow leaves, in a window of the keyframe; None where
            there is no shadow.
        shaded: ``(h, w) uint8``, 255 where that is less than 0.98.
        window: that window.
        track: how all of it moves.
        darkness: how much light the new product's shadow should take, 0..1.
        reflection: of B in the ground; None where the ground does not mirror.
        numbers, flags: for the sample's record.
    """

    holes: Masks
    light: Reals | None
    shaded: npt.NDArray[np.uint8]
    window: Window
    track: Track
    darkness: float
    reflection: Reflection | None
    numbers: dict[str, float]
    flags: tuple[str, ...]

    def relit(self, frame: Frames, index: int) -> Frames:
        """A frame without B's shadow, ``(H, W, 3) uint8``; the frame itself where there was none.

        The product casts it, so it goes where the product goes. Where the frame itself shows less of a shadow there
        than the keyframe did, it is brightened by that much less.
        """
        if self.light is None:
            return frame
        move = self.track.transforms[index] @ np.linalg.inv(into_window(self.window))
        window = _seen_window(move, self.shaded.shape, frame.shape[:2])
        if window is None:
            return frame
        part, inner = frame[window], into_window(window) @ move
        shaded = cv2.warpPerspective(self.shaded, inner, size_of(window))
        light = cv2.warpPerspective(
            self.light, inner, size_of(window), borderMode=cv2.BORDER_CONSTANT, borderValue=(1.0, 1.0, 1.0)
        )
        half = (max(part.shape[1] // 2, 1), max(part.shape[0] // 2, 1))
        hole = cv2.resize(self.holes[index][window].astype(np.float32), half, interpolation=cv2.INTER_AREA) > 0
        shadow = cv2.resize(shaded, half, interpolation=cv2.INTER_AREA) > 127
        own = light_left(cv2.resize(part, half, interpolation=cv2.INTER_AREA), hole, shadow & ~hole)
        light = np.maximum(light, cv2.resize(own, part.shape[1::-1], interpolation=cv2.INTER_LINEAR))
        result = frame.copy()
        relit = part.astype(np.float32) / np.maximum(light, _TOO_DARK)
        result[window] = np.clip(np.rint(relit), 0, 255).astype(np.uint8)
        return result


def _seen_window(move: Matrix, shape: tuple[int, int], frame: tuple[int, int]) -> Window | None:
    """What a picture of a shape covers of a frame, as a window; None if it lies outside."""
    height, width = shape
    corners = np.array([[0.0, 0.0], [width, 0.0], [width, height], [0.0, height]])
    points = apply_transform(move, corners)
    left, top = np.clip(np.floor(points.min(axis=0)).astype(int), 0, frame[::-1])
    right, bottom = np.clip(np.ceil(points.max(axis=0)).astype(int) + 1, 0, frame[::-1])
    if right - left < 8 or bottom - top < 8:
        return None
    return slice(int(top), int(bottom)), slice(int(left), int(right))


def halo_px(mask: Mask) -> int:
    """How far past its edge a mask of a product still shows it: blur and the segmenter's own resolution."""
    return int(np.clip(round(0.045 * float(np.sqrt(mask.sum()))), 4, 16))


def plan_removal(frames: Frames, masks: Masks, track: Track, occluders: Masks | None) -> Removal:
    """Look for everything in the keyframe that belongs to the product and follow it.

    Args:
        frames: ``(T, H, W, 3) uint8`` RGB.
        masks: ``(T, H, W) bool``, B.
        track: of B.
        occluders: ``(T, H, W) bool``, what is in front of B and stays; None if nothing is.
    """
    key = track.keyframe
    frame, mask = frames[key], masks[key]
    area = float(mask.sum())
    flags: set[str] = set()
    holes = np.stack([grow(mask, halo_px(mask)) for mask in masks])
    window = window_of(mask, int(0.75 * np.sqrt(area)) + 16)
    part, part_hole = frame[window], holes[key][window]
    shadow, brightness = find_shadow(part, part_hole)
    numbers = {"b_shadow_share": float(shadow.sum() / area)}
    if shadow.sum() > _MAX_SHADOW * area:
        flags.add("b-shadow-visible")
        shadow &= grow(part_hole, int(0.12 * np.sqrt(area)))
    light, still = None, np.zeros_like(part_hole)
    if shadow.any():
        shadow = grow(shadow, max(2, int(0.04 * np.sqrt(area)))) & ~part_hole
        light = light_left(part, part_hole, shadow)
        still |= (light.mean(axis=2) < _TOO_DARK) & shadow
    reflection = find_reflection(part, mask[window])
    if reflection is not None:
        numbers["b_reflection"] = reflection.strength
        flags.add("b-reflection")
        still |= grow(reflection.region, 2) & ~part_hole
    if still.any():
        whole = np.zeros(mask.shape, np.uint8)
        whole[window] = grow(still, 2).astype(np.uint8) * 255
        for index, transform in enumerate(track.transforms):
            holes[index] |= cv2.warpPerspective(whole, transform, mask.shape[::-1]) > 80
    if occluders is not None:
        holes &= ~occluders
        holes |= masks & ~occluders
    darkness = float(np.clip(1.0 - brightness, 0.3, 0.6))
    darker = np.zeros_like(part_hole) if light is None else light.min(axis=2) < 0.98
    shaded = darker.astype(np.uint8) * 255
    return Removal(holes, light, shaded, window, track, darkness, reflection, numbers, tuple(sorted(flags)))
