"""Sunlight through a window: shadows of a blind, of glazing bars, of leaves on a plaster wall."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from pvtt_data.render import meshes
from pvtt_data.render.material import Material, Part
from pvtt_data.render.meshes import Floats, Mesh
from pvtt_data.render.sets.lighting import Lights, balanced, lamp, room, white
from pvtt_data.render.sets.palette import EARTHS, NEUTRALS, PASTELS, picked
from pvtt_data.render.sets.props import fruit, plants, wares
from pvtt_data.render.sets.props.prop import BACK, LEFT, RIGHT, Arrangement, Builder
from pvtt_data.render.sets.solids import rotation
from pvtt_data.render.sets.styles.plan import ROOM, back_wall, finished, side_of, table, table_surface
from pvtt_data.render.sets.textures.wall import plaster
from pvtt_data.render.sets.views import Views
from pvtt_data.render.stage_set import Point, Softbox, StageSet

_PROPS: tuple[Builder, ...] = (
    plants.twigs_in_vase,
    plants.flowers,
    wares.empty_vase,
    wares.books,
    wares.candle,
    wares.stones,
    wares.bowl,
    fruit.orange,
    fruit.pear,
    wares.cup,
)
_SUN_AWAY = 20.0
_SUN_SIZE = 0.7


def _bars(rng: np.random.Generator) -> Mesh:
    """Glazing bars of a large window, upright in the x-z plane around the origin."""
    pitch_x, pitch_z, thick = rng.uniform(0.8, 1.0), rng.uniform(0.9, 1.2), rng.uniform(0.16, 0.22)
    upright = [meshes.block(thick, 0.04, 5.0).moved(x=pitch_x * k, z=-2.5) for k in range(-2, 3)]
    across = [meshes.block(4.6, 0.04, thick).moved(z=pitch_z * k) for k in range(-2, 3)]
    return meshes.merged([*upright, *across])


def _blind(rng: np.random.Generator) -> Mesh:
    """Slats of a blind."""
    pitch = rng.uniform(0.40, 0.52)
    slat = pitch * rng.uniform(0.42, 0.55)
    return meshes.merged([meshes.block(5.0, 0.03, slat, 0.01).moved(z=pitch * k) for k in range(-5, 6)])


def _leaves(rng: np.random.Generator) -> Mesh:
    """Branches with large leaves that hang in from above and from the sides."""
    made = []
    slim = float(rng.choice((0.3, 0.5, 0.7)))
    for _ in range(7):
        wood, leaves = plants.twig(rng, rng.uniform(1.6, 2.4), 7, rng.uniform(0.45, 0.7), slim, 0.1)
        flat = np.array([[1.0, 0, 0], [0, 0, -1.0], [0, 1.0, 0]])
        turn = rotation(roll_deg=rng.uniform(-180, 180))
        start = np.array([rng.uniform(-2.2, 2.2), 0.0, rng.uniform(-1.8, 2.2)])
        made += [mesh.turned(flat).turned(turn).shifted(start) for mesh in (wood, leaves)]
    return meshes.merged(made)


def _facing(mesh: Mesh, place: Floats, towards: Floats) -> Mesh:
    """A mesh in the x-z plane, put at a place and turned to face a direction."""
    normal = towards / np.linalg.norm(towards)
    right = np.cross([0.0, 0.0, 1.0], normal)
    right /= np.linalg.norm(right)
    basis = np.stack([right, normal, np.cross(right, normal)], axis=1)
    return mesh.turned(basis).shifted(place)


def _gobo(rng: np.random.Generator, views: Views, aim: Floats, way: Floats) -> Mesh:
    """What the sun shines through, as near to the product as cameras allow."""
    mesh = (_bars, _blind, _leaves)[int(rng.integers(3))](rng)
    if rng.random() < 0.5:
        mesh = mesh.turned(rotation(roll_deg=rng.uniform(-14, 14)))
    placed = mesh
    for away in np.arange(3.2, 8.0, 0.4):
        placed = _facing(mesh, aim + away * way, way)
        if not views.see(placed.vertices):
            break
    return placed


def build(rng: np.random.Generator, hdris: Sequence[Path]) -> StageSet:
    """A set of this style."""
    side = side_of(rng)
    # Cameras turn away from the window, so that it never comes into view.
    limits = sorted((-side * 4.0, side * 25.0))
    views = Views(azimuth_deg=(limits[0], limits[1]), elevation_deg=(4.0, 26.0), max_distance=5.5)
    far = rng.uniform(1.5, 2.0)
    paint = picked(rng, (NEUTRALS, PASTELS, EARTHS)[rng.choice(3, p=(0.6, 0.3, 0.1))])
    surface, world = table_surface(rng)
    turn, lift = np.radians(side * rng.uniform(58, 70)), np.radians(rng.uniform(26, 36))
    way = np.array([np.sin(turn) * np.cos(lift), -np.cos(turn) * np.cos(lift), np.sin(lift)])
    aim = np.array([0.0, 0.5 * far, 0.6])
    place = aim + _SUN_AWAY * way
    position: Point = (float(place[0]), float(place[1]), float(place[2]))
    warmth = rng.uniform(0.08, 0.22)
    radiance = rng.uniform(1.5, 2.2) * np.pi * _SUN_AWAY**2 / _SUN_SIZE**2
    r, g, b = white(warmth)
    sun = Softbox(position, (0.0, 0.5 * far, 0.6), (_SUN_SIZE, _SUN_SIZE), (r * radiance, g * radiance, b * radiance))
    around = Arrangement(rng, ROOM)
    for zone in (BACK, LEFT, RIGHT, BACK)[: int(rng.integers(1, 4))]:
        around.put(_PROPS[int(rng.integers(len(_PROPS)))](rng), zone, yaw_deg=rng.uniform(-25, 25))
    fill = lamp(views, -side * rng.uniform(40, 65), 28, (0.6, 0.6), 0.10, -0.3 * warmth, behind=far - 0.15)
    back = lamp(views, 180 - side * 25, 55, (0.3, 0.25), 0.22, 0.0, distance=3.6, behind=far - 0.15)
    lights = balanced(Lights((sun, fill, back), room(rng, rng.uniform(0.16, 0.26), -0.5 * warmth, hdris)), views, 0.72)
    parts = [
        table(surface, far, world),
        back_wall(plaster(rng, paint, rng.uniform(0.2, 0.9)), far),
        Part(_gobo(rng, views, aim, way), Material("#20201f", roughness=0.9)),
        *around.parts,
    ]
    return finished("window", rng, parts, lights, views)
