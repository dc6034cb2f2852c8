"""Synthetic clips with known motion: a textured product in front of a textured background."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt

SIZE = (160, 240)


@dataclass(frozen=True)
class Scene:
    """A made clip and the truth about it.

    Attributes:
        frames: ``(T, H, W, 3) uint8`` RGB.
        masks: ``(T, H, W) bool``, the product.
        product_moves: ``(T, 3, 3)``, product coordinates to frames.
        background_moves: ``(T, 3, 3)``, background coordinates to frames.
        backgrounds: ``(T, H, W, 3) uint8``, the clip without the product.
    """

    frames: npt.NDArray[np.uint8]
    masks: npt.NDArray[np.bool_]
    product_moves: npt.NDArray[np.float64]
    background_moves: npt.NDArray[np.float64]
    backgrounds: npt.NDArray[np.uint8]


def texture(
    height: int, width: int, seed: int, tint: tuple[float, float, float], contrast: float = 40.0
) -> npt.NDArray[np.uint8]:
    """Smooth coloured noise with detail at two scales."""
    rng = np.random.default_rng(seed)
    fine = cv2.GaussianBlur(rng.standard_normal((height, width), np.float32), (0, 0), 1.5)
    coarse = cv2.GaussianBlur(rng.standard_normal((height, width), np.float32), (0, 0), 5.0)
    pattern = fine / fine.std() + 0.7 * coarse / coarse.std()
    return np.clip(np.array(tint) + contrast * 0.6 * pattern[:, :, None], 0, 255).astype(np.uint8)


def similarity(scale: float, angle: float, x: float, y: float) -> npt.NDArray[np.float64]:
    """Scale, turn by an angle in radians, then shift by x and y pixels."""
    a, b = scale * np.cos(angle), scale * np.sin(angle)
    return np.array([[a, -b, x], [b, a, y], [0.0, 0.0, 1.0]])


def outline(kind: str, height: int, width: int) -> npt.NDArray[np.bool_]:
    """A silhouette: ``round`` (an ellipse) or ``bottle`` (a narrow neck over a wide body)."""
    y, x = np.mgrid[:height, :width]
    u, v = (x - (width - 1) / 2) / (width / 2), (y - (height - 1) / 2) / (height / 2)
    if kind == "round":
        return np.asarray(u**2 + v**2 <= 1.0)
    return np.asarray((np.abs(u) <= 0.95) & (v > -0.2) | (np.abs(u) <= 0.35))


def cutout(
    kind: str, seed: int = 9, tint: tuple[float, float, float] = (60, 90, 200), size: int = 120
) -> npt.NDArray[np.uint8]:
    """``(h, w, 4) uint8`` RGBA with a wide transparent border."""
    height, width = size, round(0.7 * size)
    solid = outline(kind, height, width)
    alpha = np.pad(solid, 12).astype(np.float32)
    colour = np.pad(texture(height, width, seed, tint, 15.0), ((12, 12), (12, 12), (0, 0)), mode="edge")
    return np.dstack([colour, np.rint(255 * cv2.GaussianBlur(alpha, (3, 3), 0.7)).astype(np.uint8)])


def scene(
    count: int = 11,
    kind: str = "round",
    product: npt.NDArray[np.uint8] | None = None,
    step: tuple[float, float] = (2.5, -1.5),
    zoom: float = 1.012,
    turn: float = 0.01,
    with_the_ground: bool = True,
) -> Scene:
    """A product of 48x64 px that moves along a known path.

    Args:
        count: number of frames.
        kind: outline of the product.
        product: its texture ``(64, 48, 3)``; None makes one.
        step: shift per frame, px.
        zoom: scale per frame.
        turn: rotation per frame, radians.
        with_the_ground: whether the background moves as the product does, else it moves half as far.
    """
    height, width = SIZE
    ground = texture(3 * height, 3 * width, 1, (150, 120, 90))
    item = texture(64, 48, 2, (60, 150, 70)) if product is None else product
    solid = outline(kind, 64, 48).astype(np.uint8) * 255
    middle = np.array([width / 2, height / 2])
    product_moves, background_moves, frames, masks, backgrounds = [], [], [], [], []
    for index in range(count):
        t = index - count // 2

        def around_middle(share: float, t: int = t) -> npt.NDArray[np.float64]:
            move = similarity(zoom ** (t * share), turn * t * share, 0.0, 0.0)
            move[:2, 2] = middle - move[:2, :2] @ middle + share * t * np.array(step)
            return move

        product_move = around_middle(1.0) @ similarity(1.0, 0.0, middle[0] - 24, middle[1] - 28)
        background_move = around_middle(1.0 if with_the_ground else 0.5) @ similarity(1.0, 0.0, -width, -height)
        back = cv2.warpPerspective(ground, background_move, (width, height), flags=cv2.INTER_LINEAR)
        front = cv2.warpPerspective(item, product_move, (width, height), borderMode=cv2.BORDER_REPLICATE)
        alpha = cv2.warpPerspective(solid, product_move, (width, height)).astype(np.float32) / 255.0
        mixed = back + (front.astype(np.float32) - back) * alpha[:, :, None]
        frames.append(np.rint(mixed).astype(np.uint8))
        masks.append(alpha > 0.5)
        backgrounds.append(back)
        product_moves.append(product_move)
        background_moves.append(background_move)
    return Scene(
        np.stack(frames), np.stack(masks), np.stack(product_moves), np.stack(background_moves), np.stack(backgrounds)
    )
