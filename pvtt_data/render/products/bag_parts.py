"""What bags and wallets are made of: bodies, flaps, handles, seams, locks, rings, zips, name plates. Millimetres."""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise

import numpy as np
from PIL import Image, ImageDraw

from pvtt_data.render.meshes import Floats, Mesh, merged
from pvtt_data.render.products.chains import chain
from pvtt_data.render.products.dice import pick
from pvtt_data.render.products.family import Dice
from pvtt_data.render.products.fonts import font
from pvtt_data.render.products.leather import stitches
from pvtt_data.render.products.plates import plate, superellipse
from pvtt_data.render.products.sweeps import (
    Frames,
    flat_section,
    frames,
    placed,
    round_section,
    skinned,
    tube,
    turned_x,
)

Width = Callable[[float], float]
"""A length in millimetres at a height, 0 at the foot to 1 at the top."""

_WORDMARKS = ("serif-semibold", "serif-italic", "geometric", "sans-bold", "slab-bold", "grotesque", "sans-light")


def outline(width: float, depth: float, radius: float) -> Floats:
    """(K, 2) closed rectangle with round corners and points along its sides, anticlockwise, its seam behind."""
    radius = min(radius, 0.49 * width, 0.49 * depth)
    corners = flat_section(width, depth, radius, 7)
    points: list[Floats] = []
    for row, (start, end) in enumerate(pairwise(corners)):
        pieces = 10 if row % 7 == 6 else 1
        points += [start + (end - start) * share for share in np.linspace(0, 1, pieces + 1)[:-1]]
    return np.array([*points, corners[0]])


def body(width: Width, depth: Width, height: float, radius: float, edge: float, opening: float = 0.0) -> Mesh:
    """A bag's body on z = 0.

    Args:
        width, depth: of its horizontal cuts.
        height: of its top.
        radius: of its upright edges.
        edge: radius of the edges around its foot and, if closed, its top.
        opening: how deep an open bag is; 0 for a closed top.
    """
    arcs = np.radians(np.linspace(0, 90, 6))
    levels = [(edge * (1 - np.sin(a)), edge * (1 - np.cos(a))) for a in arcs]
    levels += [(0.0, z) for z in np.linspace(edge, height - (2.0 if opening else edge), 16)[1:-1]]
    if opening:
        levels += [(0.0, height - 1.2), (0.4, height - 0.4), (1.3, height), (2.6, height), (3.4, height - 0.5)]
        levels += [(3.8, height - 1.6), (4.0, height - 0.5 * opening), (4.0, height - opening)]
    else:
        levels += [(edge * (1 - np.sin(a)), height - edge * (1 - np.cos(a))) for a in arcs[::-1]]
    rings = []
    for inset, z in levels:
        share = z / height
        w, d = width(share) - 2 * inset, depth(share) - 2 * inset
        flat = outline(width(share), depth(share), radius)
        rings.append(np.column_stack([flat * [w / width(share), d / depth(share)], np.full(len(flat), z)]))
    return skinned(np.stack(rings), crease_deg=55)


def flap(path: Floats, width: float, thickness: float, corner: float) -> Mesh:
    """A flap along a path (N, 3) of the plane x = 0 from the back over the top to the front, round at its end."""
    way = np.concatenate([[0], np.cumsum(np.linalg.norm(np.diff(path, axis=0), axis=1))])
    left = way[-1] - way
    inset = np.where(left < corner, corner - np.sqrt(np.clip(corner**2 - (corner - left) ** 2, 0, None)), 0.0)
    scale = np.column_stack([1 - 2 * inset / width, np.ones(len(path))])
    section = flat_section(width, thickness, thickness * 0.45, 4)
    return tube(path, section, scale=np.maximum(scale, 0.05), side=(1, 0, 0), crease_deg=55)


def flap_seam(path: Floats, width: float, thickness: float, corner: float, margin: float) -> Mesh:
    """Stitches along a flap's edge."""
    way = np.concatenate([[0], np.cumsum(np.linalg.norm(np.diff(path, axis=0), axis=1))])
    moving = frames(path, side=(1, 0, 0))
    end = way[-1] - margin
    half = width / 2 - margin
    turn = np.radians(np.linspace(0, 90, 12))
    round_ = max(corner - margin, 2.0)
    right = [(half, s) for s in np.linspace(way[0], end - round_, 60)]
    right += [(half - round_ * (1 - np.cos(a)), end - round_ * (1 - np.sin(a))) for a in turn[1:]]
    both = [*right, *[(-x, s) for x, s in reversed(right)]]
    x = np.array([p[0] for p in both])
    s = np.array([p[1] for p in both])
    points = np.stack([np.interp(s, way, moving.points[:, axis]) for axis in range(3)], -1)
    up = np.stack([np.interp(s, way, moving.up[:, axis]) for axis in range(3)], -1)
    points = points + up * (thickness / 2)
    points[:, 0] = x
    return seam(points, up)


def seam(points: Floats, up: Floats, pitch: float = 5.2, thickness: float = 1.1) -> Mesh:
    """Stitches along points (N, 3) of a surface with normals `up` (N, 3)."""
    ahead = np.gradient(points, axis=0)
    ahead /= np.linalg.norm(ahead, axis=1, keepdims=True)
    side = np.cross(up, ahead)
    side /= np.linalg.norm(side, axis=1, keepdims=True)
    return stitches(Frames(points, side, np.cross(ahead, side), ahead), pitch, thickness, 0.1 * thickness)


def handle(span: float, rise: float, thick: float, flat: float = 1.0, foot: float = 0.0) -> Mesh:
    """A handle in the plane y = 0 whose ends stand at x = -span / 2 and span / 2 on z = 0.

    flat: its breadth along y as a share of its thickness; foot: length of its straight ends.
    """
    turn = np.linspace(np.pi, 0, 50)
    arch = np.stack([span / 2 * np.cos(turn), np.zeros(50), foot + (rise - foot) * np.sin(turn) ** 0.8], -1)
    path = np.concatenate([[[-span / 2, 0, 0]], arch, [[span / 2, 0, 0]]]) if foot else arch
    section = (
        round_section(thick / 2, 16) * [flat, 1.0] if flat <= 1.5 else flat_section(thick * flat, thick, thick * 0.42)
    )
    return tube(path, section, side=(0, 1, 0), ends="round", crease_deg=60)


def ring(radius: float, wire: float) -> Mesh:
    """A ring of wire in the xz plane about the origin."""
    turn = np.linspace(0, 2 * np.pi, 40, endpoint=False)
    curve = radius * np.stack([np.cos(turn), np.zeros(40), np.sin(turn)], -1)
    return tube(curve, round_section(wire, 10), closed=True, crease_deg=80)


def lock(shape: Dice, size: float) -> Mesh:
    """A clasp in the plane y = 0, its front to -y: turn lock, bar, push lock or disc."""
    kind = pick(shape, ("turn", "bar", "push", "disc"))
    if kind == "turn":
        base = plate(superellipse(size, size * 0.66, 3.0), 2.4, 0.9)
        knob = plate(superellipse(size * 0.24, size * 0.5, 2.6), 6.0, 1.4).moved(z=1.8)
        return turned_x(merged([base, knob]), 90)
    if kind == "bar":
        return turned_x(plate(flat_section(size * 2.6, size * 0.62, size * 0.2), 4.6, 1.4), 90)
    if kind == "push":
        base = plate(flat_section(size * 1.5, size * 1.7, size * 0.3), 3.0, 1.0)
        button = plate(superellipse(size * 0.34, size * 0.34), 2.2, 0.6).moved(y=-size * 0.28, z=2.8)
        slot = plate(flat_section(size * 0.9, size * 0.16, size * 0.07), 1.2, 0.3).moved(y=size * 0.4, z=2.6)
        return turned_x(merged([base, button, slot]), 90)
    base = plate(superellipse(size * 0.8, size * 0.8), 2.6, 1.0, dome=3.0)
    rim = ring(size * 0.82, size * 0.1)
    return merged([turned_x(base, 90), rim.moved(y=-1.0)])


def zipper(path: Floats, size: float, side: tuple[float, float, float]) -> Mesh:
    """Teeth along a path (N, 3) with a slider and a puller at its end; side: across the teeth, in the cloth."""
    teeth = chain("snake", path, size, side=side)
    moving = frames(path, side=side)
    slider = plate(flat_section(size * 1.5, size * 2.6, size * 0.5), size * 0.9, size * 0.3)
    pull = plate(flat_section(size * 1.2, size * 5.0, size * 0.55), size * 0.45, size * 0.18).moved(
        y=size * 3.2, z=size * 0.2
    )
    at = placed(merged([slider, pull]).turned(np.diag([-1.0, 1.0, -1.0])), moving, len(path) - 6)
    return merged([teeth, at])


def wordmark(text: str, label: Dice, aspect: float) -> Image.Image:
    """A brand's name, white on black, for `engraving.engraved`; aspect: width over height."""
    high = 160
    wide = round(high * aspect)
    image = Image.new("L", (wide, high), 0)
    face_name = pick(label, _WORDMARKS)
    shown = text.upper() if label.random() < 0.6 else text
    size = high * 0.62
    length = font(face_name, 200).getlength(shown) / 200
    size = min(size, 0.84 * wide / length)
    ImageDraw.Draw(image).text((wide / 2, high / 2), shown, 255, font(face_name, max(int(size), 8)), "mm")
    return image
