"""What walls are covered with: plaster, tiles."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from pvtt_data.render.material import Material, Texture
from pvtt_data.render.sets.textures.noise import (
    Field,
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


def plaster(rng: np.random.Generator, colour: str, rough: float = 0.5) -> Material:
    """Trowelled plaster or limewash, for a square of about 4 units; rough: 0 smooth, 1 coarse."""
    shape = (_SIZE, _SIZE)
    cloud = clouds(rng, shape, (3, 4), 5, 0.6)
    strokes = warped(smooth(rng, shape, (10, 60)), 50 * smooth(rng, shape, (4, 4)), 50 * smooth(rng, shape, (4, 4)))
    grain = smooth(rng, shape, (340, 340))
    picture = shade(colour, 1 + (0.02 + 0.03 * rough) * cloud + 0.012 * strokes + 0.012 * rough * grain)
    height = (0.6 + 2.2 * rough) * cloud + 0.8 * rough * strokes + 0.25 * rough * grain
    return Material(Texture(pixels(picture)), roughness=0.9, specular=0.2, normal_map=normal_map(height))


@dataclass(frozen=True, slots=True)
class Bond:
    """How tiles are laid: columns and rows in a picture, and the shift of every other row as a share of a tile."""

    columns: int
    rows: int
    shift: float = 0.0


BONDS = {
    "square": Bond(6, 6),
    "small": Bond(10, 10),
    "running": Bond(4, 8, 0.5),
    "stacked": Bond(4, 10),
    "fingers": Bond(12, 3),
    "soldiers": Bond(10, 4),
}


def tiles(rng: np.random.Generator, colour: str, joint: str, bond: str, uneven: float = 0.5) -> Material:
    """Glazed tiles, for a square of about 2 units.

    Args:
        colour: of the glaze, as displayed.
        joint: of the grout.
        bond: a key of `BONDS`.
        uneven: 0 for machine-made, 1 for hand-made tiles that differ in tone and lie askew.
    """
    laid = BONDS[bond]
    grid = np.arange(_SIZE, dtype=np.float32) + 0.5
    tile_h, tile_w = _SIZE / laid.rows, _SIZE / laid.columns
    row = np.floor(grid / tile_h).astype(int)
    x = (grid[None, :] - (laid.shift * tile_w * (row % 2))[:, None]) % _SIZE
    column = np.minimum(np.floor(x / tile_w).astype(int), laid.columns - 1)
    from_left, from_top = x - column * tile_w, (grid - row * tile_h)[:, None]
    edge = np.minimum(
        np.minimum(from_left, tile_w - from_left), np.broadcast_to(np.minimum(from_top, tile_h - from_top), x.shape)
    )
    edge = (edge + uneven * 1.2 * smooth(rng, (_SIZE, _SIZE), (24, 24))).astype(np.float32)
    glazed = ramp(edge, 4.0, 6.0)

    def each(spread: float) -> Field:
        values: Field = (spread * rng.standard_normal((laid.rows, laid.columns)))[row[:, None], column].astype(
            np.float32
        )
        return values

    pooled = clouds(rng, (_SIZE, _SIZE), (12, 12), 3)
    tone = 1 + each(0.012 + 0.06 * uneven) + (0.006 + 0.03 * uneven) * pooled - 0.10 * (1 - ramp(edge, 5.0, 14.0))
    grout = shade(joint, 1 + 0.03 * smooth(rng, (_SIZE, _SIZE), (300, 300)))
    picture = grout * (1 - glazed[..., None]) + shade(colour, tone.astype(np.float32)) * glazed[..., None]
    tilt = each(0.011 * uneven) * (from_left - tile_w / 2) + each(0.011 * uneven) * (from_top - tile_h / 2)
    height = 5.0 * ramp(edge, 2.0, 11.0) + glazed * (tilt + 0.9 * uneven * clouds(rng, (_SIZE, _SIZE), (14, 14), 2))
    roughness = 0.9 - (0.9 - rng.uniform(0.14, 0.3)) * glazed
    return Material(
        Texture(pixels(picture)),
        roughness=linear_map(roughness.astype(np.float32)),
        normal_map=normal_map(height.astype(np.float32)),
    )
