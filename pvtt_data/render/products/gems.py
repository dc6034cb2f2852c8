"""Cut stones: closed, flat-shaded meshes and the glass they are made of.

A stone lies in its own coordinates: its girdle (the widest outline) at z = 0, its table up, its greatest half width 1.
Proportions of the brilliant: M. Tolkowsky, "Diamond Design" (1919), with a wider table, as cut today.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

import numpy as np

from pvtt_data.render.material import Material, Rgb
from pvtt_data.render.meshes import Floats, Mesh
from pvtt_data.render.products.creases import shaded
from pvtt_data.render.products.sweeps import skinned

Cut = Literal["round", "oval", "pear", "marquise", "cushion", "emerald", "cabochon"]
CUTS: tuple[Cut, ...] = ("round", "oval", "pear", "marquise", "cushion", "emerald", "cabochon")

_TABLE, _CROWN, _GIRDLE, _PAVILION = 0.56, 0.30, 0.05, 0.80
_STEP_DEPTH, _STEP_CROP = 0.72, 0.26
_CABOCHON_DEPTH = 0.78


@dataclass(frozen=True, slots=True)
class Stone:
    """A kind of stone: its name, index of refraction and tint (for one passage through its surface)."""

    name: str
    ior: float
    tint: Rgb

    def material(self) -> Material:
        """What cut stones of this kind are made of."""
        return Material(roughness=0.0, transmission=1.0, ior=self.ior, tint=self.tint)

    def foil(self) -> Material:
        """What small set stones look like: each facet a mirror of the stone's colour, as the metal below sends it."""
        r, g, b = (min(0.95, 0.95 * value) for value in self.tint)
        return Material((r, g, b), roughness=0.06, metallic=1.0)


DIAMOND = Stone("Diamond", 2.42, (0.99, 0.99, 1.0))
SAPPHIRE = Stone("Sapphire", 1.77, (0.16, 0.30, 0.80))
RUBY = Stone("Ruby", 1.77, (0.85, 0.09, 0.17))
EMERALD = Stone("Emerald", 1.58, (0.12, 0.66, 0.36))
AMETHYST = Stone("Amethyst", 1.55, (0.55, 0.26, 0.80))
CITRINE = Stone("Citrine", 1.55, (0.97, 0.64, 0.14))
TOPAZ = Stone("Blue Topaz", 1.62, (0.45, 0.78, 0.95))
MORGANITE = Stone("Morganite", 1.58, (0.97, 0.68, 0.62))
GARNET = Stone("Garnet", 1.76, (0.60, 0.07, 0.09))
PERIDOT = Stone("Peridot", 1.67, (0.62, 0.80, 0.22))

COLOURED: tuple[Stone, ...] = (SAPPHIRE, RUBY, EMERALD, AMETHYST, CITRINE, TOPAZ, MORGANITE, GARNET, PERIDOT)


@dataclass(frozen=True, slots=True)
class Pebble:
    """An opaque stone for cabochons and beads: name, colour as displayed."""

    name: str
    colour: str

    def material(self) -> Material:
        """Polished stone."""
        return Material(self.colour, roughness=0.18, specular=0.6, clearcoat=0.8, clearcoat_roughness=0.05)


PEBBLES: tuple[Pebble, ...] = (
    Pebble("Turquoise", "#2fa9a0"),
    Pebble("Onyx", "#0d0d0f"),
    Pebble("Malachite", "#12694a"),
    Pebble("Lapis", "#1f3787"),
    Pebble("Coral", "#d9503f"),
    Pebble("Rose Quartz", "#e8b4b8"),
    Pebble("Carnelian", "#b1431c"),
    Pebble("Jade", "#5f9e6e"),
    Pebble("Howlite", "#e9e6df"),
    Pebble("Tiger Eye", "#7a4a17"),
)


def pearl(colour: str) -> Material:
    """Nacre: a soft body under a clear coat."""
    return Material(colour, roughness=0.4, specular=0.6, clearcoat=0.8, clearcoat_roughness=0.12)


PEARLS: tuple[tuple[str, str], ...] = (
    ("White Pearl", "#f3eee4"),
    ("Blush Pearl", "#f0d8cf"),
    ("Champagne Pearl", "#dcc49a"),
    ("Tahitian Pearl", "#4b5257"),
)


def cut_stone(cut: Cut) -> Mesh:
    """A stone of a cut; closed, outward winding, one normal a facet (the cabochon is smooth)."""
    if cut == "emerald":
        return _step_cut()
    if cut == "cabochon":
        return _cabochon()
    return _brilliant(_OUTLINES[cut])


def outline(cut: Cut, angles: Floats) -> Floats:
    """Where a stone's girdle is in the directions (N,) in radians from +x: (N, 2)."""
    if cut == "emerald":
        x, y = np.abs(np.cos(angles)), np.abs(np.sin(angles))
        reach = 1 / np.maximum(np.maximum(x, y / _STEP_DEPTH), (x + y) / (1 + _STEP_DEPTH - _STEP_CROP))
    elif cut == "cabochon":
        reach = _superellipse(angles, _CABOCHON_DEPTH, 2.0)
    else:
        reach = _OUTLINES[cut](angles)
    return np.stack([reach * np.cos(angles), reach * np.sin(angles)], -1)


def _superellipse(angle: Floats, depth: float, power: float) -> Floats:
    x, y = np.abs(np.cos(angle)), np.abs(np.sin(angle) / depth)
    return np.asarray((x**power + y**power) ** (-1 / power), float)


def _pear(angle: Floats) -> Floats:
    """Round at +x, drawn out to a point at -x: the reach of a circle of radius 0.66 and of its two tangents."""
    radius, centre = 0.66, 0.34
    x, y = np.cos(angle), np.sin(angle)
    round_reach = x * centre + np.sqrt(np.maximum(radius**2 - (y * centre) ** 2, 1e-9))
    slope = np.arcsin(radius / (1 + centre))
    line_reach = np.sin(slope) / np.maximum(np.sin(slope) * -x + np.cos(slope) * np.abs(y), 1e-9)
    behind = round_reach * x < centre - radius * np.sin(slope)
    return np.where(behind, np.minimum(line_reach, 1.0), round_reach)


def _marquise(angle: Floats) -> Floats:
    """Two arcs that meet in points at -x and +x."""
    half = 0.5
    radius = (1 + half**2) / (2 * half)
    y = np.abs(np.sin(angle))
    drop = radius - half
    return np.asarray(-y * drop + np.sqrt(radius**2 - (drop * np.cos(angle)) ** 2), float)


_OUTLINES: dict[str, Callable[[Floats], Floats]] = {
    "round": lambda angle: np.ones_like(angle),
    "oval": lambda angle: _superellipse(angle, 0.74, 2.0),
    "cushion": lambda angle: _superellipse(angle, 0.92, 3.2),
    "pear": _pear,
    "marquise": _marquise,
}


def _brilliant(reach: Callable[[Floats], Floats]) -> Mesh:
    """Table, 8 stars, 8 kites, 16 upper and 16 lower girdle facets, 8 pavilion mains.

    The heights of the points between are such that kites and mains of the round stone are plane.
    """
    eighths = np.arange(8) * np.pi / 4
    between = eighths + np.pi / 8
    sixteenths = np.arange(16) * np.pi / 8
    star, lower = 0.80, 0.26
    plane = np.cos(np.pi / 8)
    top, bottom = _GIRDLE / 2, -_GIRDLE / 2

    def ring(angles: Floats, radius: float, z: float) -> Floats:
        reached = radius * reach(angles)
        return np.stack([reached * np.cos(angles), reached * np.sin(angles), np.full_like(angles, z)], -1)

    vertices = np.concatenate(
        [
            ring(eighths, _TABLE, top + _CROWN),
            ring(between, star, top + _CROWN * (1 - star * plane) / (1 - _TABLE)),
            ring(sixteenths, 1.0, top),
            ring(sixteenths, 1.0, bottom),
            ring(between, lower, bottom - _PAVILION * (1 - lower * plane)),
            [[0.0, 0.0, bottom - _PAVILION], [0.0, 0.0, top + _CROWN]],
        ]
    )
    table, mid, upper, under, low, culet, middle = 0, 8, 16, 32, 48, 56, 57
    faces: list[tuple[int, int, int]] = []
    for k in range(8):
        following, before = (k + 1) % 8, (k - 1) % 8
        even, odd, even_next = 2 * k, 2 * k + 1, (2 * k + 2) % 16
        faces += [
            (middle, table + k, table + following),
            (table + k, mid + k, table + following),
            (table + k, upper + even, mid + k),
            (table + k, mid + before, upper + even),
            (mid + k, upper + even, upper + odd),
            (mid + k, upper + odd, upper + even_next),
            (culet, low + k, under + even),
            (culet, under + even, low + before),
            (low + k, under + odd, under + even),
            (low + k, under + even_next, under + odd),
        ]
        for a, b in ((even, odd), (odd, even_next)):
            faces += [(upper + a, under + a, under + b), (upper + a, under + b, upper + b)]
    return shaded(vertices, vertices[:, :2] / 2 + 0.5, np.array(faces, np.int64), 3.0)


def _step_cut() -> Mesh:
    """The emerald cut: an oblong with cropped corners, stepped; long in x."""
    depth, crop = _STEP_DEPTH, _STEP_CROP
    steps = [(0.58, 0.28), (0.74, 0.22), (0.88, 0.13), (1.0, 0.025), (1.0, -0.025), (0.80, -0.30), (0.52, -0.56)]
    keel_z = -0.74
    corners = np.array([(1, depth - crop), (1 - crop, depth), (crop - 1, depth), (-1, depth - crop)])
    outline = np.concatenate([corners, -corners])
    rings = []
    for size, z in [*steps, (0.0, keel_z)]:
        inset = (1 - size) * depth
        points = np.sign(outline) * np.maximum(np.abs(outline) - inset, 0.0)
        rings.append(np.column_stack([points, np.full(8, z)]))
    vertices = np.concatenate([*rings, [[0.0, 0.0, steps[0][1]], [0.0, 0.0, keel_z]]])
    top, bottom = len(vertices) - 2, len(vertices) - 1
    faces: list[tuple[int, int, int]] = []
    for k in range(8):
        n = (k + 1) % 8
        faces.append((top, k, n))
        for r in range(len(rings) - 1):
            a, b = 8 * r, 8 * (r + 1)
            faces += [(a + k, b + k, b + n), (a + k, b + n, a + n)]
        last = 8 * (len(rings) - 1)
        faces.append((bottom, last + n, last + k))
    return shaded(vertices, vertices[:, :2] / 2 + 0.5, np.array(faces, np.int64), 3.0)


def _cabochon() -> Mesh:
    """A smooth oval dome with a flat back."""
    turn = np.linspace(0, 2 * np.pi, 49)
    outline = np.stack([np.cos(turn), _CABOCHON_DEPTH * np.sin(turn)], -1)
    profile = [(0.0, -0.12), (0.95, -0.12), (1.0, -0.06), (1.0, 0.0)]
    profile += [(float(np.cos(t)), 0.55 * float(np.sin(t))) for t in np.linspace(0.1, np.pi / 2, 12)]
    rings = np.stack([np.column_stack([outline * r, np.full(len(outline), z)]) for r, z in profile])
    return skinned(rings, capped=False, crease_deg=50.0)
