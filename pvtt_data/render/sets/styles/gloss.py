"""Dark and glossy: an acrylic table, light on the edges, a glow on the wall."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from pvtt_data.render.material import Material
from pvtt_data.render.sets.lighting import Lights, balanced, lamp, room, white
from pvtt_data.render.sets.palette import mixed, picked, turned
from pvtt_data.render.sets.props import wares
from pvtt_data.render.sets.props.prop import BACK, LEFT, RIGHT, Arrangement
from pvtt_data.render.sets.styles.plan import ROOM, back_wall, finished, side_of, table
from pvtt_data.render.sets.textures.stone import marble
from pvtt_data.render.sets.views import Views
from pvtt_data.render.stage_set import Softbox, StageSet

_DARKS = ("#1c1d21", "#23252b", "#1a2233", "#2b1d24", "#16282a", "#2a2420", "#241c33")
_METALS = ("#d8a75a", "#c9c9cc", "#b87353", "#e2c27a")


def build(rng: np.random.Generator, hdris: Sequence[Path]) -> StageSet:
    """A set of this style."""
    views = Views(azimuth_deg=(-18.0, 18.0), elevation_deg=(4.0, 24.0), max_distance=5.5)
    dark = picked(rng, _DARKS)
    far = rng.uniform(3.4, 4.4)
    wall = Material(turned(dark, rng.uniform(-0.03, 0.03), 1.15, rng.uniform(1.6, 2.6)), roughness=0.9, specular=0.2)
    if rng.random() < 0.25:
        top, world = marble(rng, "nero"), 2.6
    else:
        top, world = Material(dark, roughness=rng.uniform(0.13, 0.24), specular=0.5), 1.0
    around = Arrangement(rng, ROOM, 18.0)
    metal = Material(str(rng.choice(_METALS)), roughness=rng.uniform(0.22, 0.35), metallic=1.0)
    black = Material(mixed(dark, "#808080", 0.12), roughness=rng.uniform(0.25, 0.4))
    for zone in (BACK, LEFT, RIGHT, BACK)[: int(rng.integers(0, 5))]:
        around.put(wares.solids(rng, metal if rng.random() < 0.4 else black), zone, yaw_deg=rng.uniform(-35, 35))
    side = side_of(rng)
    warmth = rng.uniform(-0.08, 0.10)
    behind = far - 0.4
    key = lamp(views, side * rng.uniform(38, 62), rng.uniform(35, 50), (0.35, 0.42), 1.0, warmth, behind=behind)
    rims = [
        lamp(views, turn, rng.uniform(26, 40), (0.26, 0.5), rng.uniform(1.5, 2.8), -warmth, distance=4.0, behind=behind)
        for turn in (110 * side, -118 * side)
    ]
    glow_x = rng.uniform(-0.8, 0.8)
    strength = rng.uniform(10, 26)
    r, g, b = white(rng.uniform(-0.2, 0.25))
    glow = Softbox(
        (glow_x, far - 1.6, 6.4),
        (glow_x, far, rng.uniform(1.6, 2.6)),
        (2.4, 1.0),
        (r * strength, g * strength, b * strength),
    )
    lights = balanced(Lights((key, *rims), room(rng, 0.12, -warmth, hdris)), views, 0.62)
    lit = Lights((*lights.lamps, glow), lights.environment)
    return finished("gloss", rng, [table(top, far, world), back_wall(wall, far), *around.parts], lit, views)
