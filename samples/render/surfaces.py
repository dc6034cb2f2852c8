"""Materials, and procedural pictures for the surfaces of the sets."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray
from PIL import Image

Picture = NDArray[np.uint8]
Rgb = tuple[float, float, float]


@dataclass(frozen=True, slots=True)
class Material:
    """What a surface is made of, in the terms of Disney's principled model (Burley 2012).

    colour: "#rrggbb" as displayed, or a picture (H, W, 3) uint8 sRGB laid over the uv square.
    roughness, metallic, specular, clearcoat: 0 to 1.
    """

    colour: str | Picture
    roughness: float = 0.5
    metallic: float = 0.0
    specular: float = 0.5
    clearcoat: float = 0.0


def srgb(colour: str) -> Rgb:
    """ "#rrggbb" as three display values, 0 to 1."""
    return (int(colour[1:3], 16) / 255, int(colour[3:5], 16) / 255, int(colour[5:7], 16) / 255)


def linear(colour: str) -> Rgb:
    """ "#rrggbb" as linear light, 0 to 1 (IEC 61966-2-1)."""
    r, g, b = (c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in srgb(colour))
    return (r, g, b)


def _noise(
    rng: np.random.Generator, height: int, width: int, cells: tuple[int, int], octaves: int
) -> NDArray[np.float64]:
    """Smooth value noise (height, width) in about -1 to 1; cells: (rows, columns) of the coarsest grid."""
    total = np.zeros((height, width))
    for octave in range(octaves):
        rows, columns = (min(c * 2**octave, limit) for c, limit in zip(cells, (height, width), strict=True))
        grid = Image.fromarray(rng.uniform(-1, 1, (rows, columns)).astype(np.float32))
        total += np.asarray(grid.resize((width, height), Image.Resampling.BICUBIC)) / 2**octave
    return total / 1.5


def _picture(values: NDArray[np.float64]) -> Picture:
    return (np.clip(values, 0, 1) * 255 + 0.5).astype(np.uint8)


def wood(colour: str, seed: int, planks: int = 9) -> Picture:
    """Planks with grain along x, (1024, 1024, 3)."""
    size = 1024
    rng = np.random.default_rng(seed)
    image = np.empty((size, size, 3))
    edges = np.linspace(0, size, planks + 1).astype(int)
    for top, bottom in pairwise(edges):
        grain = _noise(rng, bottom - top, size, (12, 3), 4)
        fibre = _noise(rng, bottom - top, size, (60, 6), 2)
        tone = 1 + 0.10 * rng.uniform(-1, 1) + 0.16 * grain + 0.06 * fibre
        image[top:bottom] = np.array(srgb(colour)) * tone[..., None]
        image[top : top + 3] *= 0.45
    return _picture(image)


def tiles(colour: str, joint: str, seed: int, columns: int = 14, rows: int = 12) -> Picture:
    """Glazed tiles in a running bond, (1024, 1024, 3)."""
    size = 1024
    rng = np.random.default_rng(seed)
    image = np.empty((size, size, 3))
    image[:] = srgb(joint)
    tile_w, tile_h = size / columns, size / rows
    for row in range(rows):
        for column in range(-1, columns):
            left = int((column + 0.5 * (row % 2)) * tile_w) + 3
            right = int((column + 1 + 0.5 * (row % 2)) * tile_w) - 2
            tone = 1 + 0.07 * rng.uniform(-1, 1)
            image[int(row * tile_h) + 3 : int((row + 1) * tile_h) - 2, max(left, 0) : max(right, 0)] = (
                np.array(srgb(colour)) * tone
            )
    return _picture(image)


def terrazzo(colour: str, chips: tuple[str, ...], seed: int) -> Picture:
    """Stone chips in a plain ground, (768, 768, 3)."""
    size = 768
    rng = np.random.default_rng(seed)
    image = np.empty((size, size, 3))
    image[:] = srgb(colour)
    rows, columns = np.mgrid[0:size, 0:size]
    for _ in range(260):
        centre = rng.uniform(0, size, 2)
        radius = rng.uniform(6, 22)
        stretch, angle = rng.uniform(0.5, 1), rng.uniform(0, np.pi)
        dy, dx = rows - centre[0], columns - centre[1]
        a, b = dx * np.cos(angle) + dy * np.sin(angle), (dy * np.cos(angle) - dx * np.sin(angle)) / stretch
        image[np.abs(a) ** 1.4 + np.abs(b) ** 1.4 < radius**1.4] = srgb(str(rng.choice(chips)))
    return _picture(image * (1 + 0.03 * _noise(rng, size, size, (6, 6), 3)[..., None]))


def plaster(colour: str, seed: int) -> Picture:
    """Brushed plaster, (768, 768, 3)."""
    size = 768
    rng = np.random.default_rng(seed)
    cloud = _noise(rng, size, size, (5, 7), 5)
    return _picture(np.array(srgb(colour)) * (1 + 0.09 * cloud[..., None]))


def peel(colour: str, seed: int) -> Picture:
    """The skin of a citrus fruit, (256, 256, 3)."""
    rng = np.random.default_rng(seed)
    pores = _noise(rng, 256, 256, (60, 60), 2)
    return _picture(np.array(srgb(colour)) * (1 + 0.10 * np.minimum(pores, 0)[..., None]))


def blade(colour: str, rib: str) -> Picture:
    """A leaf with a mid-rib and side veins, (256, 128, 3)."""
    v, u = np.mgrid[0:256, 0:128] / np.array([256.0, 128.0])[:, None, None]
    off = np.abs(u - 0.5)
    veins = np.clip(1 - np.abs(((v + off * 0.9) * 9) % 1 - 0.5) * 12, 0, 1) * 0.35
    weight = np.maximum(veins, np.clip(1 - off / 0.03, 0, 1))[..., None]
    return _picture(np.array(srgb(colour)) * (1 - weight) + np.array(srgb(rib)) * weight)
