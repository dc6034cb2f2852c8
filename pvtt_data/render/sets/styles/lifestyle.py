"""A table with a blurred room far behind it: a furnished one, lights at night, or an HDRI."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from pvtt_data.render import meshes
from pvtt_data.render.material import Material, Part
from pvtt_data.render.sets.lighting import Lights, balanced, lamp, room
from pvtt_data.render.sets.palette import EARTHS, NEUTRALS, PASTELS, picked
from pvtt_data.render.sets.props import fruit, furniture, plants, wares
from pvtt_data.render.sets.props.prop import LEFT, RIGHT, Arrangement, Builder, Zone
from pvtt_data.render.sets.skies import Sky, defocused, evening_sky, load_hdri
from pvtt_data.render.sets.solids import level, measured, upright
from pvtt_data.render.sets.styles.plan import NEAR, ROOM, finished, side_of, table_surface
from pvtt_data.render.sets.textures.wood import wood
from pvtt_data.render.sets.views import Views
from pvtt_data.render.stage_set import Environment, Softbox, StageSet

_PROPS: tuple[Builder, ...] = (
    plants.twigs_in_vase,
    plants.flowers,
    wares.books,
    wares.cup,
    wares.candle,
    wares.bowl,
    fruit.orange,
    fruit.lemon,
    plants.potted,
)
_SPAN = 64.0
_REAR = Zone((-1.0, 1.0), (0.7, 1.1))


def _table(rng: np.random.Generator) -> Part:
    """A table whose rear edge is in view."""
    surface, world = table_surface(rng)
    deep, width = -NEAR + rng.uniform(1.4, 1.9), rng.uniform(5.0, 8.0)
    top = measured(meshes.block(width, deep, 0.14, 0.02), world)
    return Part(top.moved(y=NEAR + deep / 2 + 0.0, z=-0.14), surface)


def _house(rng: np.random.Generator) -> tuple[list[Part], list[Softbox]]:
    """A furnished room and the light on its ceiling."""
    wall_y = rng.uniform(8.0, 10.0)
    paint = picked(rng, (NEUTRALS, PASTELS, EARTHS)[rng.choice(3, p=(0.6, 0.25, 0.15))])
    boards = wood(rng, str(rng.choice(("oak", "walnut", "ash", "grey"))), 8)
    parts = [
        Part(upright(_SPAN, furniture.FLOOR_Z - 0.1, 16.0, wall_y, 8.0), Material(paint, roughness=0.9)),
        Part(level(_SPAN, -20.0, wall_y, furniture.FLOOR_Z, 6.0), boards),
    ]
    side = side_of(rng)
    day = rng.random() < 0.6
    if day:
        parts += furniture.window(rng, side * rng.uniform(1.5, 3.0), wall_y, rng.uniform(1.6, 2.6))
    else:
        parts += furniture.floor_lamp(rng, side * rng.uniform(1.2, 2.6), wall_y - 1.0, rng.uniform(1.6, 2.6))
    parts += furniture.sofa(rng, -side * rng.uniform(0.5, 2.5), wall_y)
    parts += furniture.large_plant(rng, side * rng.uniform(3.2, 4.5), wall_y - 1.6)
    if rng.random() < 0.7:
        parts += furniture.pictures(rng, -side * rng.uniform(1.5, 3.0), wall_y)
    glow = 5.0 if day else 2.5
    ceiling = Softbox((0.0, wall_y - 3.0, 9.0), (0.0, wall_y - 1.5, 0.0), (7.0, 3.0), (glow, 0.96 * glow, 0.90 * glow))
    return parts, [ceiling]


def _surroundings(rng: np.random.Generator, sky: Sky) -> Environment:
    """A place as the backdrop: one of its brighter sides, out of focus and exposed as its photographer would."""
    height, width = sky.shape[:2]
    band = sky[int(0.48 * height) : int(0.66 * height)].mean(axis=(0, 2))
    turns = np.arange(0, 360, 15)
    columns = np.arange(-width // 12, width // 12)
    ahead = np.array([band[(width // 2 + int(turn * width / 360) + columns) % width].mean() for turn in turns])
    bright = turns[np.argsort(ahead)[-8:]]
    yaw = int(rng.choice(bright))
    level = float(ahead[turns == yaw][0])
    scale = float(np.clip(rng.uniform(0.25, 0.5) / max(level, 1e-3), 0.25, 0.7))
    return Environment(defocused(sky, rng.uniform(0.5, 1.1), max(width, 1024)), float(yaw), scale)


def build(rng: np.random.Generator, hdris: Sequence[Path]) -> StageSet:
    """A set of this style."""
    views = Views(elevation_deg=(4.0, 22.0), max_distance=5.5)
    side = side_of(rng)
    warmth = rng.uniform(-0.02, 0.12)
    around = Arrangement(rng, ROOM)
    for zone in (_REAR, LEFT, RIGHT)[: int(rng.integers(0, 3))]:
        around.put(_PROPS[int(rng.integers(len(_PROPS)))](rng), zone, yaw_deg=rng.uniform(-25, 25))
    width = rng.uniform(0.25, 0.45)
    key = lamp(views, side * rng.uniform(38, 62), rng.uniform(30, 48), (width, width), 1.0, warmth)
    rim = lamp(views, 180 - side * 30, 55, (0.3, 0.25), 0.6, -0.3 * warmth, distance=3.8)
    kind = rng.choice(2, p=(0.72, 0.28)) if not hdris else rng.choice(3, p=(0.4, 0.15, 0.45))
    parts = [_table(rng), *around.parts]
    if kind == 0:
        house, ceiling = _house(rng)
        lights = balanced(Lights((key, rim), room(rng, rng.uniform(0.25, 0.45), -0.3 * warmth)), views)
        lit = Lights((*lights.lamps, *ceiling), lights.environment)
        return finished("lifestyle", rng, [*parts, *house], lit, views)
    if kind == 1:
        sky = Environment(evening_sky(rng, rng.uniform(0.15, 0.4)), scale=rng.uniform(0.14, 0.24))
    else:
        sky = _surroundings(rng, load_hdri(hdris[int(rng.integers(len(hdris)))], peak=20.0))
    lamps = balanced(Lights((key, rim), sky), views, 0.5).lamps
    return finished("lifestyle", rng, parts, Lights(lamps, sky), views, open_sky=True)
