"""Leaves, peel, petals, the pages of books."""

from __future__ import annotations

import numpy as np

from pvtt_data.render.material import Material, Texture
from pvtt_data.render.sets.palette import mixed
from pvtt_data.render.sets.textures.noise import (
    blend,
    clouds,
    field,
    normal_map,
    pixels,
    ramp,
    shade,
    smooth,
)


def leaf(rng: np.random.Generator, colour: str, rib: str) -> Material:
    """A leaf along v with a mid-rib and side veins, for `meshes.leaf`."""
    shape = (256, 128)
    v, u = (np.mgrid[0 : shape[0], 0 : shape[1]] + 0.5) / np.array(shape, np.float64)[:, None, None]
    off = np.abs(u - 0.5)
    side = np.clip(1 - np.abs(((v + off * 0.9) * 9) % 1 - 0.5) * 12, 0, 1) * 0.3
    veins = np.maximum(side, np.clip(1 - off / 0.025, 0, 1) * 0.9).astype(np.float32)
    tone = (1 + 0.07 * clouds(rng, shape, (5, 3), 4) - 0.25 * (off > 0.47)).astype(np.float32)
    return Material(Texture(pixels(blend(shade(colour, tone), rib, 0.8 * veins))), roughness=0.42, specular=0.45)


def peel(rng: np.random.Generator, colour: str, blush: str, pores: float) -> Material:
    """The skin of a fruit; blush: a second colour in patches; pores: 1 for an orange, 0 for an apple."""
    shape = (512, 512)
    dots = np.minimum(smooth(rng, shape, (110, 110)), 0)
    patch = ramp(clouds(rng, shape, (2, 3), 3), -0.4, 1.6)
    streaks = smooth(rng, shape, (2, 70))
    picture = blend(shade(colour, field(1 + 0.05 * pores * dots)), blush, patch * (0.75 + 0.12 * (1 - pores) * streaks))
    return Material(
        Texture(pixels(picture)),
        roughness=0.30 + 0.12 * pores,
        specular=0.5,
        normal_map=normal_map(field(1.1 * pores * dots)),
    )


def pages(rng: np.random.Generator) -> Material:
    """The cut edges of a book's pages; lines along u."""
    lines = np.repeat(smooth(rng, (256, 1), (256, 1)), 64, axis=1)
    return Material(Texture(pixels(shade("#efe8d8", field(0.95 + 0.06 * lines)))), roughness=0.9, specular=0.2)


def paper(colour: str) -> Material:
    """Matt backdrop paper: a plain colour, because grain does not show from where the camera stands."""
    return Material(colour, roughness=0.85, specular=0.2)


def skin_of_stone(rng: np.random.Generator, colour: str) -> Material:
    """A river pebble: fine speckle and a pale band."""
    shape = (512, 512)
    tone = 1 + 0.07 * clouds(rng, shape, (4, 4), 6, 0.7) + 0.05 * smooth(rng, shape, (250, 250))
    band = clouds(rng, shape, (2, 1), 3, 0.4)
    pale = np.exp(-(((band - 0.8) / 0.05) ** 2)).astype(np.float32)
    picture = blend(shade(colour, tone), mixed(colour, "#ffffff", 0.5), 0.5 * pale)
    return Material(Texture(pixels(picture)), roughness=0.65, specular=0.35)
