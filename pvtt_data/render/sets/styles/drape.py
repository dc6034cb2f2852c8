"""Cloth that falls behind the product and runs out under it."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from pvtt_data.render.material import Material, Part
from pvtt_data.render.meshes import Mesh
from pvtt_data.render.sets.lighting import three_point
from pvtt_data.render.sets.palette import EARTHS, NEUTRALS, PASTELS, SATURATED, picked
from pvtt_data.render.sets.solids import surface
from pvtt_data.render.sets.styles.plan import HIGH, NEAR, WIDE, finished, side_of
from pvtt_data.render.sets.textures.fabric import weave
from pvtt_data.render.sets.views import Views
from pvtt_data.render.stage_set import StageSet

_BEND = 1.1
_FLAT = 0.62
"""Radius around the axis within which the cloth lies flat."""


def _axis(limit: float, fine: float, inner: int, outer: int) -> np.ndarray:
    """Coordinates from -limit to limit, closer together within ±fine."""
    middle = np.linspace(-fine, fine, inner)
    out = fine + (limit - fine) * np.linspace(0, 1, outer + 1)[1:] ** 1.5
    return np.concatenate([-out[::-1], middle, out])


def draped(rng: np.random.Generator, far: float, depth: float) -> Mesh:
    """A floor that bends up into a wall at y = far, all in folds `depth` deep; flat where the product stands."""
    x = _axis(WIDE / 2, 3.2, 230, 45)
    floor = np.concatenate([np.linspace(NEAR, -2.5, 9)[:-1], np.linspace(-2.5, far - _BEND, 70)[:-1]])
    bend = np.linspace(0, np.pi / 2, 34)
    rise = np.concatenate([np.linspace(_BEND, 4.0, 22)[1:], np.linspace(4.0, HIGH, 6)[1:]])
    y = np.concatenate([floor, far - _BEND + _BEND * np.sin(bend), np.full(len(rise), far)])
    z = np.concatenate([np.zeros(len(floor)), _BEND * (1 - np.cos(bend)), rise])
    normal_y = -np.concatenate([np.zeros(len(floor)), np.sin(bend), np.ones(len(rise))])
    normal_z = np.concatenate([np.ones(len(floor)), np.cos(bend), np.zeros(len(rise))])
    run = np.concatenate([[0.0], np.cumsum(np.hypot(np.diff(y), np.diff(z)))])
    run = run - float(np.interp(0.0, y[: len(floor)], run[: len(floor)]))

    across, along = np.meshgrid(x, run)
    upright = np.clip((along - 0.9) / 2.2, 0, 1)
    sideways = rng.uniform(-0.5, 0.5) * np.minimum(along, 2.5) + 0.25 * np.sin(1.1 * along + rng.uniform(0, 6.3))
    phase = 2 * np.pi * (across + sideways * (1 - 0.5 * upright)) / rng.uniform(0.55, 0.85)
    for wave, weight in ((0.45, 1.2), (0.9, 0.8), (1.9, 0.5)):
        phase = phase + weight * np.sin(wave * 2.1 * across + 0.8 * along * (1 - upright) + rng.uniform(0, 6.3))
    swell = 0.6 + 0.4 * np.sin(0.9 * across + 0.7 * along + rng.uniform(0, 6.3))
    ridge = (0.5 + 0.5 * np.sin(phase)) ** 1.6 + 0.22 * np.sin(2.1 * phase + 1.3 * along)
    radius = np.hypot(across, np.interp(along, run, y))
    clear = np.clip((radius - _FLAT) / 0.7, 0, 1)
    clear = clear * clear * (3 - 2 * clear)
    # Before the product folds stay low, so that they hide nothing of it.
    low = 0.22 + 0.78 * np.clip((along + 0.2) / 1.4, 0, 1)
    lift = depth * ridge * swell * clear * low
    grid = np.empty((len(run), len(x), 3))
    grid[..., 0] = across
    grid[..., 1] = y[:, None] + normal_y[:, None] * lift
    grid[..., 2] = np.maximum(z[:, None] + normal_z[:, None] * lift, 0.0)
    return surface(grid, 1.0)


def build(rng: np.random.Generator, hdris: Sequence[Path]) -> StageSet:
    """A set of this style."""
    views = Views()
    colour = picked(rng, (NEUTRALS, PASTELS, SATURATED, EARTHS)[rng.choice(4, p=(0.2, 0.3, 0.25, 0.25))])
    kind = int(rng.integers(3))
    if kind == 0:
        cloth = Material(colour, roughness=rng.uniform(0.34, 0.45), specular=0.55, sheen=0.4)
    elif kind == 1:
        cloth = weave(rng, colour, uneven=0.2)
    else:
        cloth = Material(colour, roughness=0.75, specular=0.2, sheen=1.0)
    far = rng.uniform(2.3, 2.9)
    lights = three_point(
        rng,
        views,
        hdris,
        side=side_of(rng),
        contrast=rng.uniform(0.6, 0.95),
        behind=far - 0.5,
        warmth=rng.uniform(-0.03, 0.10),
        softness=(0.2, 0.4),
    )
    return finished("drape", rng, [Part(draped(rng, far, rng.uniform(0.22, 0.40)), cloth)], lights, views)
