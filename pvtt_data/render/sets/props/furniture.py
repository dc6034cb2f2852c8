"""A living room far behind the product: out of focus, so plain shapes do. One unit is about 25 cm.

The room's floor is z = -2.4; everything stands before a wall at some y.
"""

from __future__ import annotations

import numpy as np

from pvtt_data.render import meshes
from pvtt_data.render.material import Material, Part
from pvtt_data.render.sets.palette import EARTHS, NEUTRALS, SATURATED, picked, turned
from pvtt_data.render.sets.props import plants
from pvtt_data.render.sets.solids import cushion, rotation, stretched
from pvtt_data.render.sets.textures.fabric import weave

FLOOR_Z = -2.4


def sofa(rng: np.random.Generator, x: float, wall_y: float) -> list[Part]:
    """A sofa with cushions."""
    width = rng.uniform(6.5, 8.5)
    cloth = weave(rng, picked(rng, NEUTRALS if rng.random() < 0.5 else EARTHS), count=96)
    seats = 2 + int(width > 7.5)
    seat_width = (width - 1.2) / seats
    y = wall_y - 2.0
    pieces = [cushion(width, 3.2, 1.1, 0.15).moved(x, y, FLOOR_Z + 0.35)]
    for side in (-1, 1):
        pieces.append(cushion(0.75, 3.3, 1.9, 0.2).moved(x + side * (width - 0.7) / 2, y, FLOOR_Z + 0.4))
    for index in range(seats):
        middle = x + (index - (seats - 1) / 2) * seat_width
        pieces.append(cushion(0.97 * seat_width, 2.6, 0.7, 0.22).moved(middle, y - 0.25, FLOOR_Z + 1.25))
        back = cushion(0.97 * seat_width, 2.0, 0.8, 0.3).turned(rotation(pitch_deg=76))
        pieces.append(back.moved(middle, y + 0.85, FLOOR_Z + 2.6))
    pillows = []
    for index in range(int(rng.integers(1, 4))):
        at = x + rng.uniform(-0.35, 0.35) * width
        pillow = cushion(1.5, 1.5, 0.6, 0.55).turned(rotation(pitch_deg=68, yaw_deg=rng.uniform(-15, 15)))
        pillows.append(pillow.moved(at, y - 0.2 - 0.05 * index, FLOOR_Z + 2.5))
    return [
        Part(meshes.merged(pieces), cloth),
        Part(meshes.merged(pillows), Material(picked(rng, SATURATED + EARTHS), roughness=0.9)),
    ]


def floor_lamp(rng: np.random.Generator, x: float, y: float, strength: float) -> list[Part]:
    """A lamp with a glowing shade; strength: the shade's radiance."""
    height = rng.uniform(5.2, 6.2)
    pole = meshes.lathe([(0, 0), (0.7, 0), (0.7, 0.08), (0.05, 0.12), (0.05, height), (0, height)], 24)
    shade = meshes.lathe([(0.95, height - 0.9), (0.72, height + 0.5), (0.0, height + 0.5)], 32)
    glow = (strength, 0.80 * strength, 0.52 * strength)
    return [
        Part(pole.moved(x, y, FLOOR_Z), Material("#2a2723", roughness=0.5)),
        Part(shade.moved(x, y, FLOOR_Z), Material("#f3e3c8", roughness=0.9, emission=glow)),
    ]


def window(rng: np.random.Generator, x: float, wall_y: float, strength: float) -> list[Part]:
    """A bright window with glazing bars; strength: its radiance."""
    width, height, low = rng.uniform(3.4, 5.0), rng.uniform(4.2, 5.2), -0.4
    pane = meshes.wall(width, height, 0.0).moved(x, wall_y - 0.05, low)
    frame = [
        meshes.block(0.16, 0.12, height + 0.3).moved(x + k * width / 2, wall_y - 0.1, low - 0.15) for k in (-1, 0, 1)
    ]
    frame += [meshes.block(width + 0.3, 0.12, 0.16).moved(x, wall_y - 0.1, low + k * height) for k in (0, 0.5, 1)]
    light = (0.94 * strength, strength, 1.08 * strength)
    return [
        Part(pane, Material("#000000", roughness=1.0, emission=light)),
        Part(meshes.merged(frame), Material("#eceae5", roughness=0.6)),
    ]


def large_plant(rng: np.random.Generator, x: float, y: float) -> list[Part]:
    """A house plant as high as a person's chest."""
    grown = plants.potted(rng)
    return [Part(part.mesh.scaled(3.6).moved(x, y, FLOOR_Z), part.material) for part in grown.parts]


def pictures(rng: np.random.Generator, x: float, wall_y: float) -> list[Part]:
    """One to three framed pictures on the wall."""
    frames, sheets, shapes = [], [], []
    count = int(rng.integers(1, 4))
    for index in range(count):
        w, h = rng.uniform(1.3, 2.1), rng.uniform(1.8, 2.5)
        at = x + (index - (count - 1) / 2) * 2.5
        z = rng.uniform(1.2, 1.6)
        frames.append(meshes.block(w, 0.1, h).moved(at, wall_y - 0.06, z))
        sheets.append(meshes.wall(0.86 * w, 0.9 * h, 0.0).moved(at, wall_y - 0.125, z + 0.05 * h))
        blot = stretched(meshes.ball(0.5), 0.5 * w, 0.01, 0.5 * h)
        shapes.append(blot.moved(at + rng.uniform(-0.1, 0.1), wall_y - 0.13, z + rng.uniform(0.15, 0.3) * h))
    colour = picked(rng, EARTHS)
    return [
        Part(meshes.merged(frames), Material(str(rng.choice(("#2b2622", "#b08a5a", "#e8e4dc"))), roughness=0.6)),
        Part(meshes.merged(sheets), Material("#ece6da", roughness=0.9)),
        Part(meshes.merged(shapes), Material(turned(colour, 0.0, 1.0, 0.9), roughness=0.9)),
    ]
