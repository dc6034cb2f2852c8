"""Toy products that slide and turn in one drawn scene, with exact masks."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from pvtt_data.masks import Mask

FRAMES, HEIGHT, WIDTH = 9, 96, 128
Picture = NDArray[np.uint8]

LOOKS = {
    "bottle": ((38, 96, 190), (240, 220, 90), 0.45),
    "carton": ((200, 60, 50), (250, 250, 245), 0.8),
    "tube": ((70, 160, 80), (30, 40, 60), 0.6),
    "tin": ((150, 90, 170), (230, 150, 40), 1.0),
}
"""Body, label, and width over height."""


def drawn(look: str, size_px: int, turn_deg: float, height_px: float, light: float = 1.0) -> Picture:
    """``(S, S, 4) uint8`` RGBA: a body with a band and a round cap on one side, turned, as a crude product."""
    body, label, width = LOOKS[look]
    big = 4 * size_px
    picture = np.zeros((big, big, 4), np.uint8)
    tall, wide = 4 * height_px, 4 * height_px * width
    centre = (big / 2, big / 2)
    turn = np.radians(turn_deg)
    across, down = np.array([np.cos(turn), np.sin(turn)]), np.array([-np.sin(turn), np.cos(turn)])

    def box(x: float, y: float, w: float, h: float) -> NDArray[np.int32]:
        middle = np.array(centre) + across * x + down * y
        corners = [middle + across * sx * w / 2 + down * sy * h / 2 for sx, sy in ((-1, -1), (1, -1), (1, 1), (-1, 1))]
        return np.round(corners).astype(np.int32)

    def lit(colour: tuple[int, int, int]) -> tuple[int, int, int, int]:
        red, green, blue = (int(min(255, light * channel)) for channel in colour)
        return red, green, blue, 255

    cv2.fillConvexPoly(picture, box(0, 0, wide, tall * 0.9), lit(body))
    cv2.fillConvexPoly(picture, box(0, tall * 0.12, wide, tall * 0.3), lit(label))
    cv2.fillConvexPoly(picture, box(wide * 0.15, -tall * 0.45, wide * 0.45, tall * 0.2), lit(label))
    return np.asarray(cv2.resize(picture, (size_px, size_px), interpolation=cv2.INTER_AREA), np.uint8)


def scene(look: str | None, *, turns: bool = True, slides: bool = True) -> tuple[Picture, Mask]:
    """Frames and masks of a product, or the empty scene."""
    rows, columns = np.mgrid[:HEIGHT, :WIDTH]
    frames, masks = [], []
    for t in range(FRAMES):
        wave = 20 * np.sin(columns / 7.0) + 15 * np.cos(rows / 5.0)
        frame = np.clip(np.stack([150 + wave, 145 + wave / 2, 130 - wave / 2], axis=-1), 0, 255)
        mask = np.zeros((HEIGHT, WIDTH), np.bool_)
        if look is not None:
            cut = drawn(look, 64, 5.0 * (t - 4) if turns else 0.0, 44).astype(np.float64)
            left, top = (20 + 3 * t if slides else 32), 16
            alpha = cut[..., 3:] / 255
            place = frame[top : top + 64, left : left + 64]
            place[:] = alpha * cut[..., :3] + (1 - alpha) * place
            mask[top : top + 64, left : left + 64] = alpha[..., 0] > 0.5
        frames.append(np.round(frame).astype(np.uint8))
        masks.append(mask)
    return np.stack(frames), np.stack(masks)
