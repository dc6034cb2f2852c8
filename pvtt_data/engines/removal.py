"""What has to vanish with the old product: itself, its halo, its shadow, its reflection."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt

from pvtt_data.engines.layer import Window, into_window, size_of, window_of
from pvtt_data.engines.reflection import Reflection, find_reflection
from pvtt_data.engines.shadow import find_shadow, grow, light_left
from pvtt_data.tracking import Track

Frames = npt.NDArray[np.uint8]
Masks = npt.NDArray[np.bool_]
Mask = npt.NDArray[np.bool_]
Reals = npt.NDArray[np.float32]

_MAX_SHADOW = 0.7
"""Shadow over the product's area above which it is left where it is, but for its beginning: a dark ground, mostly."""
_TOO_DARK = 0.35
"""Share of light below which the ground is made up, not relit: what is left there is noise."""


@dataclass(frozen=True, slots=True)
class Removal:
    """What has to vanish.

    Attributes:
        holes: ``(T, H, W) bool``, what is filled: B, its halo, its reflection, the darkest of its shadow.
        light: ``(h, w, 3) float32``, share of light that B's shadow leaves, in a window of the keyframe; None where
            there is no shadow.
        window: that window.
        track: how all of it moves.
        darkness: how much light the new product's shadow should take, 0..1.
        reflection: of B in the ground; None where the ground does not mirror.
        numbers, flags: for the sample's record.
    """

    holes: Masks
    light: Reals | None
    window: Window
    track: Track
    darkness: float
    reflection: Reflection | None
    numbers: dict[str, float]
    flags: tuple[str, ...]

    def relit(self, frame: Frames, index: int) -> Frames:
        """A frame without B's shadow, ``(H, W, 3) uint8``; the frame itself where there was none."""
        if self.light is None:
            return frame
        # the product casts it, so it goes where the product goes
        box = np.zeros(frame.shape[:2], np.uint8)
        box[self.window] = 1
        there = cv2.warpPerspective(box, self.track.transforms[index], box.shape[::-1]) > 0
        window = window_of(there, 2)
        move = into_window(window) @ self.track.transforms[index] @ np.linalg.inv(into_window(self.window))
        light = cv2.warpPerspective(
            self.light, move, size_of(window), flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_CONSTANT,
            borderValue=(1.0, 1.0, 1.0),
        )  # fmt: skip
        result = frame.copy()
        part = frame[window].astype(np.float32) / np.maximum(light, _TOO_DARK)
        result[window] = np.clip(np.rint(part), 0, 255).astype(np.uint8)
        return result


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
    return Removal(holes, light, window, track, darkness, reflection, numbers, tuple(sorted(flags)))
