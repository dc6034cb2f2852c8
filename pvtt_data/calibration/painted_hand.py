"""A hand and its arm painted into a clip, so that masks with and without it can be had for the same picture."""

from __future__ import annotations

import math
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from pvtt_data.masks import Mask

_SKIN = ((236, 200, 176), (222, 178, 148), (198, 148, 116), (164, 114, 84), (122, 82, 60), (84, 56, 42))
"""Skin colours, sRGB, from light to dark; the light of the scene is taken from the picture."""

_FINGER_ANGLES = (-0.55, -0.2, 0.12, 0.42)


@dataclass(frozen=True, slots=True)
class PaintedHand:
    """A clip with a hand.

    Attributes:
        frames: (T, H, W, 3) uint8 RGB.
        whole: (T, H, W) bool, hand and arm up to the frame's border.
        near: (T, H, W) bool, the hand without most of its arm.
    """

    frames: NDArray[np.uint8]
    whole: Mask
    near: Mask


def painted_hand(frames: NDArray[np.uint8], masks: Mask, strength: float, random: np.random.Generator) -> PaintedHand:
    """Paint a hand that touches the product.

    Args:
        frames: (T, H, W, 3) uint8 RGB.
        masks: (T, H, W) bool, the product.
        strength: area of the hand without its arm, as a share of the product's.
        random: skin, side, grip, sway and time of entry.
    """
    count, height, width = masks.shape
    size = math.sqrt(max(float(np.median(masks.sum(axis=(1, 2)))), 1.0))
    palm = 0.5 * math.sqrt(strength) * size
    side = int(random.integers(3))
    base = (0.0, math.pi, math.pi / 2)[side] + random.uniform(-0.45, 0.45)
    enters = random.random() < 0.5
    first = int(random.integers(count // 6, max(count // 2, count // 6 + 1))) if enters else 0
    beats, phase = random.uniform(0.6, 1.6), random.uniform(0.0, 2.0 * math.pi)
    skin = np.array(_SKIN[int(random.integers(len(_SKIN)))], np.float32)
    grain = cv2.GaussianBlur(random.standard_normal((height, width)).astype(np.float32), (0, 0), 1.5)
    painted, whole, near = frames.copy(), np.zeros_like(masks), np.zeros_like(masks)
    for t in range(first, count):
        rows, columns = np.nonzero(masks[t])
        if not len(rows):
            continue
        turn = phase + 2.0 * math.pi * beats * t / max(count - 1, 1)
        angle = base + 0.12 * math.sin(turn)
        out = np.array([math.cos(angle), math.sin(angle)])
        middle = np.array([columns.mean(), rows.mean()])
        reach = float(np.quantile((np.column_stack([columns, rows]) - middle) @ out, 0.98))
        away = 1.6 * size * max(0.0, 1.0 - (t - first) / max(count / 8, 1.0)) if enters else 0.0
        wrist = middle + out * (reach + 1.1 * palm + 0.06 * size * math.sin(1.7 * turn) + away)
        shape, arm, depth = _drawn((height, width), wrist, angle, palm)
        light = 0.35 + 0.75 * float(frames[t].mean()) / 160.0
        colour = skin * light * (0.62 + 0.38 * depth[..., None]) * (1.0 + 0.04 * grain[..., None])
        soft = cv2.GaussianBlur(np.maximum(shape, arm), (0, 0), 0.8)[..., None]
        painted[t] = np.clip(np.rint(frames[t] * (1.0 - soft) + colour * soft), 0, 255).astype(np.uint8)
        whole[t] = np.maximum(shape, arm) > 0.5
        near[t] = shape > 0.5
    return PaintedHand(painted, whole, near)


def _drawn(
    size: tuple[int, int], wrist: NDArray[np.float64], angle: float, palm: float
) -> tuple[NDArray[np.float32], NDArray[np.float32], NDArray[np.float32]]:
    """Hand, arm and shading, (H, W) float32 in [0, 1]; the shading rises with the depth below the outline."""
    hand, arm = np.zeros(size, np.float32), np.zeros(size, np.float32)
    out = np.array([math.cos(angle), math.sin(angle)])

    def stroke(canvas: NDArray[np.float32], begin: NDArray[np.float64], end: NDArray[np.float64], thick: float) -> None:
        points = [tuple(round(float(v) * 16) for v in point) for point in (begin, end)]
        cv2.line(canvas, points[0], points[1], 1.0, max(1, round(thick)), cv2.LINE_AA, 4)

    stroke(hand, wrist - 0.15 * palm * out, wrist + 0.55 * palm * out, 1.35 * palm)
    for spread in _FINGER_ANGLES:
        towards = -np.array([math.cos(angle + spread), math.sin(angle + spread)])
        stroke(hand, wrist, wrist + towards * (1.75 - 0.4 * abs(spread)) * palm, 0.36 * palm)
    stroke(arm, wrist + 0.5 * palm * out, wrist + 4.0 * float(max(size)) * out, 1.0 * palm)
    both = (np.maximum(hand, arm) > 0.5).astype(np.uint8)
    depth = cv2.distanceTransform(both, cv2.DIST_L2, cv2.DIST_MASK_PRECISE)
    return hand, arm, np.asarray(np.sqrt(np.clip(depth / max(0.6 * palm, 1.0), 0.0, 1.0)), np.float32)
