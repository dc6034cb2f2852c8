"""Woven cloth."""

from __future__ import annotations

import numpy as np

from pvtt_data.render.material import Material, Texture
from pvtt_data.render.sets.textures.noise import Field, clouds, normal_map, pixels, shade, smooth

_SIZE = 1024


def _threads(rng: np.random.Generator, count: int, uneven: float) -> tuple[Field, Field]:
    """Of every pixel along an axis: the number of its thread, and its place across the thread, -1 to 1."""
    widths = np.exp(uneven * rng.standard_normal(count))
    edges = np.concatenate([[0.0], np.cumsum(widths)]) * (_SIZE / widths.sum())
    at = np.arange(_SIZE) + 0.5
    number = np.clip(np.searchsorted(edges, at, side="right") - 1, 0, count - 1)
    place = 2 * (at - edges[number]) / (edges[number + 1] - edges[number]) - 1
    return number.astype(np.float32), place.astype(np.float32)


def weave(
    rng: np.random.Generator, colour: str, *, count: int = 128, uneven: float = 0.12, twill: bool = False
) -> Material:
    """Cloth, for a square of about 1.3 units.

    Args:
        colour: of the yarn, as displayed.
        count: threads along each axis, even (a multiple of four for twill).
        uneven: how much threads differ in thickness; 0.05 cotton, 0.25 rough linen.
        twill: diagonal ribs instead of a plain weave.
    """
    warp, across_warp = _threads(rng, count, uneven)
    weft, across_weft = _threads(rng, count, uneven)
    over = (warp[None, :] + weft[:, None]) % (4 if twill else 2) < (2 if twill else 1)
    warp_height = np.sqrt(np.maximum(1 - across_warp[None, :] ** 2, 0)) * (1 - 0.5 * across_weft[:, None] ** 2)
    weft_height = np.sqrt(np.maximum(1 - across_weft[:, None] ** 2, 0)) * (1 - 0.5 * across_warp[None, :] ** 2)
    height = np.where(over, warp_height, weft_height).astype(np.float32)
    yarn = np.where(
        over,
        rng.standard_normal(count)[warp.astype(int)][None, :],
        rng.standard_normal(count)[weft.astype(int)][:, None],
    ).astype(np.float32)
    slub = smooth(rng, (_SIZE, _SIZE), (count, 40)) * (~over) + smooth(rng, (_SIZE, _SIZE), (40, count)) * over
    crumple = clouds(rng, (_SIZE, _SIZE), (4, 4), 4)
    tone = 0.80 + 0.20 * height + (0.02 + 0.12 * uneven) * yarn + (0.01 + 0.14 * uneven) * slub + 0.012 * crumple
    return Material(
        Texture(pixels(shade(colour, tone.astype(np.float32)))),
        roughness=0.85,
        specular=0.2,
        sheen=0.25,
        normal_map=normal_map(1.6 * height + 2.0 * crumple),
    )
