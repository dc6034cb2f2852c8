"""The sets: floor, backdrop, props and lamps around the place where the product stands.

All props keep clear of a cylinder of radius 0.35 around the z axis, and of the view from the camera to it.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from samples.render import meshes
from samples.render.products import Part
from samples.render.surfaces import Material, blade, peel, plaster, terrazzo, tiles, wood


@dataclass(frozen=True, slots=True)
class Softbox:
    """A rectangular lamp. position and aim: (x, y, z); size: (width, height); radiance: linear RGB."""

    position: tuple[float, float, float]
    aim: tuple[float, float, float]
    size: tuple[float, float]
    radiance: tuple[float, float, float]


@dataclass(frozen=True, slots=True)
class Set:
    """Everything but the product and the camera.

    stand_z: height at which the product stands; ambient: linear RGB of the room; exposure: linear gain.
    """

    parts: list[Part]
    lamps: list[Softbox]
    ambient: tuple[float, float, float]
    stand_z: float = 0.0
    exposure: float = 1.0


def _grey(value: float, warmth: float = 0.0) -> tuple[float, float, float]:
    return (value * (1 + warmth), value, value * (1 - warmth))


def _key(side: float, strength: float, warmth: float = 0.05, size: float = 1.1) -> Softbox:
    return Softbox((side * 2.9, -1.2, 3.0), (0, 0, 0.3), (size, size), _grey(strength, warmth))


def _fill(side: float, strength: float) -> Softbox:
    return Softbox((side * 3.2, -2.6, 1.6), (0, 0, 0.5), (2.2, 2.2), _grey(strength, -0.05))


def _rim(side: float, strength: float) -> Softbox:
    """From behind and above: it draws the edges and throws the contact shadow towards the camera."""
    return Softbox((side * 1.6, 1.15, 2.7), (0, 0, 0.3), (0.7, 0.7), _grey(strength))


def _plant(x: float, y: float, z: float, size: float, pot: str, green: str, seed: int) -> list[Part]:
    """A potted plant."""
    rng = np.random.default_rng(seed)
    profile = [(0, 0), (0.15, 0), (0.20, 0.30), (0.215, 0.30), (0.215, 0.335), (0.185, 0.335), (0.18, 0.29), (0, 0.28)]
    scaled = [(r * size, h * size) for r, h in profile]
    leaves = []
    for index in range(15):
        length = size * rng.uniform(0.55, 0.95)
        leaf = meshes.leaf(length, length * 0.30, rng.uniform(38, 80), rng.uniform(0.15, 0.5))
        yaw = 360 * index * 0.381966 + rng.uniform(-12, 12)
        leaves.append(leaf.moved(x, y, z + 0.27 * size, yaw))
    return [
        Part(meshes.lathe(scaled).moved(x, y, z), Material(pot, roughness=0.6)),
        Part(meshes.merged(leaves), Material(blade(green, "#b9cf8f"), roughness=0.45)),
    ]


def _orange(x: float, y: float, radius: float, seed: int) -> list[Part]:
    """An orange with its navel."""
    skin = Material(peel("#ef8a17", seed), roughness=0.42)
    return [
        Part(meshes.ball(radius).moved(x, y, yaw_deg=37.0 * seed), skin),
        Part(
            meshes.disc(radius * 0.14, 0.012, 0.004).moved(x, y, 2 * radius - 0.008), Material("#4d6b22", roughness=0.7)
        ),
    ]


def _paper(floor: str, accent: str, second: str) -> Set:
    """Coloured paper sweep, a round podium, an arch, balls."""
    parts = [
        Part(meshes.sweep(9, -6, 2.2, 6, 0.8), Material(floor, roughness=0.8, specular=0.25)),
        Part(meshes.disc(0.60, 0.16), Material(accent, roughness=0.55)),
        Part(meshes.arch(0.95, 1.75, 0.16).moved(0.42, 1.15), Material(second, roughness=0.6)),
        Part(meshes.ball(0.19).moved(-0.72, 0.42), Material(second, roughness=0.35)),
        Part(meshes.ball(0.09).moved(-0.50, -0.50), Material(accent, roughness=0.3)),
        Part(meshes.block(0.34, 0.34, 0.42).moved(-0.62, 1.05, yaw_deg=24), Material(accent, roughness=0.55)),
        Part(meshes.disc(0.13, 0.30).moved(0.80, 0.25), Material(accent, roughness=0.5)),
    ]
    lamps = [_key(-1, 36), _fill(1, 1.6), _rim(1, 34)]
    return Set(parts, lamps, _grey(0.13), stand_z=0.16, exposure=1.2)


def _kitchen(tile: str, joint: str, top: str) -> Set:
    """Wooden worktop before a tiled wall, oranges, a pot plant, a board."""
    parts = [
        Part(meshes.floor(7, -6, 1.5), Material(wood(top, 21), roughness=0.42)),
        Part(meshes.wall(7, 6, 1.5), Material(tiles(tile, joint, 22), roughness=0.22, specular=0.6)),
        *_orange(-0.58, 0.30, 0.155, 1),
        *_orange(-0.80, -0.06, 0.15, 2),
        *_orange(-0.46, -0.42, 0.11, 3),
        *_plant(0.74, 0.72, 0.0, 0.95, "#e9e3d6", "#3f7a35", 5),
        Part(meshes.arch(0.62, 1.12, 0.05).moved(-0.52, 1.40), Material("#8a5a33", roughness=0.5)),
    ]
    lamps = [_key(1, 34, 0.10), _fill(-1, 1.6), _rim(-1, 32)]
    return Set(parts, lamps, _grey(0.14), exposure=1.25)


def _stone(back: str, ground: str, chip: str) -> Set:
    """Terrazzo slabs before dark plaster, a hard rim from behind."""
    slab = Material(terrazzo(ground, (chip, "#8c8379", "#3f3a3a", "#fffaf2"), 31), roughness=0.35)
    plain = Material(ground, roughness=0.5)
    parts = [
        Part(meshes.floor(8, -6, 1.9), Material(plaster(back, 32), roughness=0.55)),
        Part(meshes.wall(8, 6, 1.9), Material(plaster(back, 33), roughness=0.9)),
        Part(meshes.block(1.02, 0.80, 0.20).moved(0, 0, yaw_deg=-9), slab),
        Part(meshes.block(0.50, 0.44, 0.62).moved(0.62, 0.86, yaw_deg=14), plain),
        Part(meshes.ball(0.15).moved(0.62, 0.86, 0.62), Material("#c99a4b", roughness=0.25, metallic=1.0)),
        Part(meshes.block(0.42, 0.40, 1.02).moved(-0.62, 1.10, yaw_deg=-20), slab),
        Part(meshes.ball(0.08).moved(-0.66, -0.32), Material("#c99a4b", roughness=0.25, metallic=1.0)),
    ]
    lamps = [_key(1, 46, 0.08, 0.95), _fill(-1, 0.9), _rim(-1, 40)]
    return Set(parts, lamps, _grey(0.12), stand_z=0.20, exposure=1.45)


def _window(paint: str, top: str, cloth: str) -> Set:
    """Plaster wall with the shadow of a blind, wooden table, plant, books."""
    slats = [meshes.block(1.9, 0.05, 0.11).moved(1.94, -0.70, 0.90 + 0.30 * k, 64) for k in range(8)]
    parts = [
        Part(meshes.floor(7, -6, 1.3), Material(wood(top, 41, 7), roughness=0.5)),
        Part(meshes.wall(8, 6, 1.3), Material(plaster(paint, 42), roughness=0.9, specular=0.2)),
        *_plant(-0.74, 0.66, 0.0, 1.05, "#b5562f", "#2f6b45", 7),
        Part(meshes.block(0.62, 0.44, 0.085).moved(0.72, 0.62, 0.0, 8), Material(cloth, roughness=0.8)),
        Part(meshes.block(0.56, 0.40, 0.070).moved(0.72, 0.62, 0.085, -6), Material("#efe7d8", roughness=0.8)),
        Part(meshes.block(0.50, 0.37, 0.090).moved(0.70, 0.62, 0.155, 14), Material("#2f4858", roughness=0.7)),
        Part(meshes.ball(0.10).moved(0.70, 0.62, 0.245), Material("#e8d5b0", roughness=0.4)),
        Part(meshes.merged(slats), Material("#222222", roughness=0.9)),
    ]
    sun = Softbox((5.0, -2.2, 3.8), (-0.1, 0.3, 0.4), (0.42, 0.42), _grey(620, 0.18))
    return Set(parts, [sun, _fill(-1, 1.3), _rim(-1, 24)], _grey(0.17), exposure=1.45)


def _studio(floor: str, accent: str, second: str) -> Set:
    """Coloured paper, a large hoop, cubes and balls, the product on the floor."""
    parts = [
        Part(meshes.sweep(9, -6, 2.0, 6, 0.9), Material(floor, roughness=0.7, specular=0.3)),
        Part(meshes.hoop(0.62, 0.055).moved(-0.18, 0.95), Material(accent, roughness=0.3)),
        Part(meshes.block(0.26, 0.26, 0.26).moved(0.60, 0.22, yaw_deg=31), Material(second, roughness=0.5)),
        Part(meshes.ball(0.11).moved(0.60, 0.22, 0.26), Material(accent, roughness=0.25)),
        Part(meshes.block(0.40, 0.36, 0.72).moved(0.82, 1.05, yaw_deg=-16), Material(accent, roughness=0.55)),
        Part(meshes.ball(0.14).moved(-0.68, 0.12), Material(second, roughness=0.35)),
        Part(meshes.disc(0.10, 0.08).moved(-0.52, -0.40), Material(accent, roughness=0.4)),
    ]
    lamps = [_key(1, 31, 0.03), _fill(-1, 1.5), _rim(-1, 34)]
    return Set(parts, lamps, _grey(0.13), exposure=1.2)


def _gloss(back: str, table: str, glow: str) -> Set:
    """A mirror-like dark table before a saturated wall."""
    parts = [
        Part(meshes.floor(8, -6, 2.3), Material(table, roughness=0.16, specular=0.6)),
        Part(meshes.wall(8, 6, 2.3), Material(back, roughness=0.85)),
        Part(meshes.arch(1.1, 1.7, 0.10).moved(0.30, 1.95), Material(glow, roughness=0.6)),
        Part(meshes.ball(0.16).moved(0.66, 0.35), Material("#e6e6ea", roughness=0.12, metallic=1.0)),
        Part(meshes.ball(0.09).moved(0.47, -0.34), Material(glow, roughness=0.3)),
        Part(meshes.block(0.28, 0.28, 0.50).moved(-0.66, 0.55, yaw_deg=25), Material(glow, roughness=0.4)),
        Part(meshes.block(0.20, 0.20, 0.20).moved(-0.56, -0.22, yaw_deg=-18), Material(back, roughness=0.4)),
    ]
    backlight = Softbox((0, 0.9, 3.6), (0, 2.3, 1.0), (2.4, 0.6), _grey(9))
    return Set(parts, [_key(-1, 30, 0.02), _fill(1, 1.4), _rim(1, 34), backlight], _grey(0.18), exposure=1.35)


SETS: dict[str, Callable[[], Set]] = {
    "paper-sand": lambda: _paper("#e3c39d", "#f3e6d2", "#c9744f"),
    "paper-lilac": lambda: _paper("#b9a5d6", "#efe7f7", "#7a5aa8"),
    "paper-mint": lambda: _paper("#9fd0bd", "#f5f1e6", "#e9a13b"),
    "kitchen-blue": lambda: _kitchen("#7fa9bf", "#dfe6e8", "#b98a5a"),
    "kitchen-green": lambda: _kitchen("#86ad8c", "#e6ebe2", "#a87444"),
    "stone-dark": lambda: _stone("#4a4752", "#d9d2c7", "#b4694a"),
    "stone-green": lambda: _stone("#3d564c", "#e2ddcf", "#4f8a74"),
    "window-warm": lambda: _window("#efe0cd", "#9a6a42", "#a43f35"),
    "window-cool": lambda: _window("#cfdbe3", "#7f6148", "#3d6a8a"),
    "studio-coral": lambda: _studio("#ee8f78", "#fbe9dc", "#2f5d7c"),
    "studio-sky": lambda: _studio("#8fc1e3", "#fdf6e9", "#f4b942"),
    "gloss-blue": lambda: _gloss("#27418f", "#11141f", "#e5b23d"),
    "gloss-teal": lambda: _gloss("#1f6f78", "#10181a", "#f0d9c0"),
}
