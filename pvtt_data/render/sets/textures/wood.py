"""Wood: boards sawn from logs, so that rings show as lines and arches."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from pvtt_data.render.material import Material, Texture
from pvtt_data.render.sets.palette import turned
from pvtt_data.render.sets.textures.noise import Field, clouds, linear_map, pixels, ramp, shade, smooth

_SIZE = 1024


@dataclass(frozen=True, slots=True)
class Species:
    """A kind of wood: colours as displayed, rings across a picture, depth of the pores 0 to 1."""

    early: str
    late: str
    rings: float
    pores: float


SPECIES = {
    "oak": Species("#c9a06c", "#a1733f", 70, 0.9),
    "ash": Species("#dcc19a", "#b8935f", 60, 0.6),
    "walnut": Species("#84593a", "#4f3120", 64, 0.7),
    "birch": Species("#e4cda6", "#cfae7d", 50, 0.25),
    "cherry": Species("#b9764a", "#92502c", 58, 0.3),
    "pine": Species("#e2b878", "#bf7f3c", 34, 0.15),
    "grey": Species("#a79c8e", "#7d7367", 60, 0.8),
    "ebony": Species("#3b2d26", "#221915", 70, 0.5),
    "painted": Species("#e9e5dc", "#dcd6ca", 48, 0.5),
}


def wood(rng: np.random.Generator, species: str, planks: int = 6) -> Material:
    """Boards along u, for a square of about 2.5 units.

    Args:
        species: a key of `SPECIES`.
        planks: boards across the picture; each has its own log and, somewhere, a butt joint.
    """
    kind = SPECIES[species]
    early, late = (turned(c, rng.uniform(-0.01, 0.01), rng.uniform(0.85, 1.1), 1.0) for c in (kind.early, kind.late))
    lightness = np.empty((_SIZE, _SIZE), np.float32)
    rings = np.empty((_SIZE, _SIZE), np.float32)
    joints = np.zeros((_SIZE, _SIZE), np.float32)
    for top, bottom in pairwise(np.linspace(0, _SIZE, planks + 1).astype(int)):
        height = bottom - top
        shift = int(rng.integers(_SIZE))
        board = _rings(rng, height, kind.rings)
        fibre = smooth(rng, (height, _SIZE), (max(height // 2, 4), 14))
        streaks = clouds(rng, (height, _SIZE), (max(height // 16, 2), 2), 3)
        holes = ramp(smooth(rng, (height, _SIZE), (height, 90)), 1.2, 2.2) * kind.pores * (0.35 + 0.65 * (1 - board))
        tone = 1 + rng.uniform(-0.09, 0.07) + 0.018 * fibre + 0.035 * streaks - 0.28 * holes
        joint = np.zeros((height, _SIZE), np.float32)
        if planks > 1:
            joint[0] = joint[-1] = 1.0
            joint[:, :2] = 1.0
        rings[top:bottom] = np.roll(board, shift, 1)
        lightness[top:bottom] = np.roll(tone, shift, 1)
        joints[top:bottom] = np.roll(joint, shift, 1)
    picture = shade(early, 1 - rings) + shade(late, rings)
    picture *= (lightness * (1 - 0.6 * joints))[..., None]
    roughness = np.clip(0.42 + 0.10 * rings + 0.35 * joints + 0.04 * clouds(rng, (_SIZE, _SIZE), (4, 3), 3), 0.25, 1)
    return Material(Texture(pixels(picture)), roughness=linear_map(roughness.astype(np.float32)), specular=0.4)


def _rings(rng: np.random.Generator, height: int, count: float) -> Field:
    """How much latewood shows in a board, ``(height, 1024)`` 0 to 1; the pith wanders below the saw cut."""
    along = np.linspace(0, 2 * np.pi, _SIZE, endpoint=False, dtype=np.float32)[None, :]
    across = (np.arange(height, dtype=np.float32)[:, None] - height * rng.uniform(-1.3, 2.3)) / _SIZE
    wander = 0.035 * np.sin(along + rng.uniform(0, 6.3)) + 0.018 * np.sin(2 * along + rng.uniform(0, 6.3))
    depth = rng.uniform(0.05, 0.20) + rng.uniform(0.4, 1.4) * wander
    sideways = across + 0.012 * np.sin(along + rng.uniform(0, 6.3))
    radius = np.sqrt(sideways**2 + depth**2)
    radius = radius + 0.0035 * clouds(rng, (height, _SIZE), (max(height // 40, 2), 3), 4)
    radius = radius + 0.010 * np.sin(radius * 47 + rng.uniform(0, 6.3))
    phase = radius * count
    ring = phase - np.floor(phase)
    # Earlywood darkens slowly, then falls back at once where the next spring begins.
    late: Field = (ring**2.2 * (1 - ramp(ring.astype(np.float32), 0.93, 1.0)) * 0.9 + 0.08).astype(np.float32)
    return late
