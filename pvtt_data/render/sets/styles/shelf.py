"""A shelf on a wall, with neighbours."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from pvtt_data.render import meshes
from pvtt_data.render.material import Material, Part
from pvtt_data.render.sets.lighting import three_point
from pvtt_data.render.sets.palette import EARTHS, NEUTRALS, PASTELS, picked
from pvtt_data.render.sets.props import plants, wares
from pvtt_data.render.sets.props.prop import Arrangement, Builder, Zone
from pvtt_data.render.sets.solids import measured
from pvtt_data.render.sets.styles.plan import ROOM, back_wall, finished, side_of
from pvtt_data.render.sets.textures.stone import marble
from pvtt_data.render.sets.textures.wall import plaster
from pvtt_data.render.sets.textures.wood import wood
from pvtt_data.render.sets.views import Views
from pvtt_data.render.stage_set import StageSet

_NEIGHBOURS: tuple[Builder, ...] = (
    wares.row_of_books,
    wares.books,
    plants.potted,
    plants.twigs_in_vase,
    wares.empty_vase,
    wares.bowl,
    wares.candle,
    wares.stones,
    plants.flowers,
    wares.cup,
)
_THICK = 0.07
_DEEP = 1.75


def build(rng: np.random.Generator, hdris: Sequence[Path]) -> StageSet:
    """A set of this style; the shelf's top is z = 0."""
    views = Views(elevation_deg=(3.0, 20.0), max_distance=5.5)
    wall_y = 1.15
    paint = picked(rng, (NEUTRALS, PASTELS, EARTHS)[rng.choice(3, p=(0.5, 0.3, 0.2))])
    wall = plaster(rng, paint, rng.uniform(0.0, 0.7))
    surface: Material
    if rng.random() < 0.7:
        surface = wood(rng, str(rng.choice(("oak", "walnut", "birch", "ash", "painted", "cherry"))), 1)
    elif rng.random() < 0.5:
        surface = Material(picked(rng, NEUTRALS), roughness=0.5)
    else:
        surface = marble(rng, "carrara")
    width = rng.uniform(6.0, 9.0)
    shelf = measured(meshes.block(width, _DEEP, _THICK, 0.008).moved(y=wall_y - _DEEP / 2), 2.2)
    parts = [back_wall(wall, wall_y, low=-12.0), Part(shelf.moved(z=-_THICK), surface)]
    for x in (-width * 0.36, width * 0.36):
        bracket = meshes.block(0.06, 0.7, 0.08, 0.006).moved(x, wall_y - 0.37, -_THICK - 0.08)
        parts.append(Part(bracket, Material("#2a2724", roughness=0.45, metallic=0.6)))
    if rng.random() < 0.5:
        upper = measured(meshes.block(width, 0.62, _THICK, 0.008).moved(y=wall_y - 0.31), 2.2)
        parts.append(Part(upper.moved(x=rng.uniform(-0.6, 0.6), z=rng.uniform(1.75, 2.2)), surface))
    around = Arrangement(rng, ROOM, 0.0)
    for side in (-1.0, 1.0):
        edge = 0.22
        for _ in range(int(rng.integers(2, 4))):
            thing = _NEIGHBOURS[int(rng.integers(len(_NEIGHBOURS)))](rng)
            y = wall_y - thing.radius - rng.uniform(0.02, 0.06)
            # As near to the product as its room allows, then one beside the other.
            beside = np.sqrt(max((ROOM + thing.radius + 0.03) ** 2 - y * y, 0.0))
            x = side * max(float(beside), edge + thing.radius)
            around.put(thing, Zone((x, x), (y, y)), yaw_deg=rng.uniform(-12, 12))
            edge = abs(x) + thing.radius + rng.uniform(0.02, 0.10)
    lights = three_point(
        rng,
        views,
        hdris,
        side=side_of(rng),
        contrast=rng.uniform(0.2, 0.7),
        behind=wall_y - 0.1,
        warmth=rng.uniform(-0.03, 0.12),
        softness=(0.25, 0.5),
        rim=0.5,
    )
    return finished("shelf", rng, [*parts, *around.parts], lights, views)
