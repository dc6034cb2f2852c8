"""Marble, concrete, terrazzo."""

from __future__ import annotations

import cv2
import numpy as np

from pvtt_data.render.material import Material, Texture, display_rgb
from pvtt_data.render.sets.textures.noise import (
    Field,
    blend,
    clouds,
    linear_map,
    normal_map,
    pixels,
    ramp,
    shade,
    smooth,
    warped,
)

_SIZE = 1024

MARBLES = {
    "carrara": ("#eceae6", "#8f9296", "#c9cacb"),
    "calacatta": ("#f1ede5", "#a98f6a", "#d9d2c6"),
    "nero": ("#1f1f22", "#d8d4cc", "#34343a"),
    "verde": ("#23463a", "#9db8a6", "#315b4b"),
    "rosa": ("#dcb9ab", "#9a5f55", "#e9d3c8"),
    "crema": ("#e6d8c0", "#b08d62", "#d8c4a4"),
}
"""Ground, veins and clouds of each kind."""


def _veins(rng: np.random.Generator, cells: int, width_px: float, presence: float) -> Field:
    """Lines where noise crosses zero, ``(1024, 1024)`` 0 to 1, swelling and fading; presence: 0 rare, 1 nearly all."""
    shape = (_SIZE, _SIZE)
    bend = [70 * clouds(rng, shape, (2, 2), 5, 0.5) for _ in range(2)]
    # Integer turns of the diagonal keep the drift of the veins periodic.
    diagonal = np.add.outer(np.arange(_SIZE), np.arange(_SIZE)).astype(np.float32) * np.float32(2 * np.pi / _SIZE)
    base = 0.9 * np.sin(int(rng.integers(1, 3)) * diagonal) + smooth(rng, shape, (cells, cells))
    line = warped(base.astype(np.float32), bend[0], bend[1])
    steep = np.hypot((np.roll(line, -1, 0) - line), (np.roll(line, -1, 1) - line)) + 1e-3
    thickness = width_px * np.exp(0.7 * smooth(rng, shape, (7, 7)))
    shown = ramp(clouds(rng, shape, (3, 3), 3), 0.6 - 2.0 * presence, 2.0 - 2.0 * presence)
    made: Field = (np.exp(-np.abs(line) / (steep * thickness)) * shown).astype(np.float32)
    return made


def marble(rng: np.random.Generator, kind: str) -> Material:
    """Polished marble, a key of `MARBLES`, for a square of about 2.5 units."""
    ground, vein, cloud = MARBLES[kind]
    soft = clouds(rng, (_SIZE, _SIZE), (3, 3), 6, 0.6)
    picture = blend(shade(ground, 1 + 0.012 * soft), cloud, 0.8 * ramp(soft, -0.3, 1.8))
    broad = _veins(rng, 3, 14, 0.8)
    picture = blend(picture, cloud, 0.8 * broad)
    picture = blend(picture, vein, 0.45 * broad**2)
    picture = blend(picture, vein, 0.75 * _veins(rng, 3, 3.5, 0.7))
    picture = blend(picture, vein, 0.45 * _veins(rng, 7, 1.6, 0.6))
    return Material(Texture(pixels(picture)), roughness=rng.uniform(0.14, 0.26), specular=0.5)


def concrete(rng: np.random.Generator, colour: str) -> Material:
    """Smooth cast concrete with stains and a few air holes, for a square of about 3 units."""
    shape = (_SIZE, _SIZE)
    stain = clouds(rng, shape, (3, 3), 6, 0.6)
    grain = smooth(rng, shape, (400, 400))
    holes = np.zeros(shape, np.float32)
    for _ in range(int(rng.integers(60, 160))):
        x, y = rng.integers(0, _SIZE, 2)
        size = int(np.clip(rng.exponential(1.3), 1, 5))
        cv2.circle(holes, (int(x), int(y)), size, 1.0, -1, cv2.LINE_AA)
    picture = shade(colour, 1 + 0.055 * stain + 0.018 * grain) * (1 - 0.45 * holes[..., None])
    height = 0.10 * grain + 0.5 * stain - 2.0 * holes
    roughness = np.clip(0.62 + 0.06 * stain, 0.4, 0.9).astype(np.float32)
    return Material(
        Texture(pixels(picture)), roughness=linear_map(roughness), specular=0.35, normal_map=normal_map(height)
    )


def terrazzo(rng: np.random.Generator, ground: str, chips: tuple[str, ...], large_px: float = 40.0) -> Material:
    """Stone chips in a plain ground, polished, for a square of about 1.5 units; large_px: radius of the largest."""
    shape = (_SIZE, _SIZE)
    picture = np.ascontiguousarray(shade(ground, 1 + 0.015 * clouds(rng, shape, (6, 6), 4)))
    for radius in np.sort(3 + (large_px - 3) * rng.power(0.35, 900))[::-1]:
        x, y = rng.uniform(0, _SIZE, 2)
        corners = int(rng.integers(4, 8))
        angles = np.sort(rng.uniform(0, 2 * np.pi, corners))
        reach = radius * rng.uniform(0.6, 1.0, corners)
        outline = np.stack([x + reach * np.cos(angles), y + reach * np.sin(angles) * rng.uniform(0.6, 1)], -1)
        tone = np.array(display_rgb(str(rng.choice(chips)))) * rng.uniform(0.9, 1.08)
        for shift_x in (-_SIZE, 0, _SIZE):
            for shift_y in (-_SIZE, 0, _SIZE):
                if (
                    abs(x + shift_x - _SIZE / 2) < _SIZE / 2 + radius
                    and abs(y + shift_y - _SIZE / 2) < _SIZE / 2 + radius
                ):
                    points = np.rint((outline + np.array([shift_x, shift_y])) * 16).astype(np.int32)
                    cv2.fillConvexPoly(picture, points, [float(c) for c in tone], cv2.LINE_AA, 4)
    return Material(Texture(pixels(picture)), roughness=rng.uniform(0.22, 0.38), specular=0.5)
