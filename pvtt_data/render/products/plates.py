"""Flat things with round edges: plates over an outline, faces to print on, soft boxes."""

from __future__ import annotations

from itertools import pairwise

import numpy as np

from pvtt_data.render.meshes import Floats, Mesh
from pvtt_data.render.products.creases import shaded
from pvtt_data.render.products.sweeps import skinned


def superellipse(half_width: float, half_depth: float, power: float = 2.0, segments: int = 72) -> Floats:
    """(segments + 1, 2) closed outline, anticlockwise; power 2 is an ellipse, 4 a soft rectangle."""
    turn = np.linspace(0, 2 * np.pi, segments + 1)
    x, y = np.cos(turn), np.sin(turn)
    round_ = np.stack([np.sign(x) * np.abs(x) ** (2 / power), np.sign(y) * np.abs(y) ** (2 / power)], -1)
    return np.asarray(round_ * [half_width, half_depth], float)


def offset(outline: Floats, by: float) -> Floats:
    """A closed outline (K, 2) moved inward; curves must be wider than that."""
    ring = outline[:-1]
    ahead = np.roll(ring, -1, axis=0) - np.roll(ring, 1, axis=0)
    ahead /= np.linalg.norm(ahead, axis=1, keepdims=True) + 1e-12
    moved = ring + by * np.stack([-ahead[:, 1], ahead[:, 0]], -1)
    return np.concatenate([moved, moved[:1]])


def plate(outline: Floats, thickness: float, bevel: float, dome: float = 0.0) -> Mesh:
    """A plate on z = 0 with round edges.

    Args:
        outline: (K, 2), closed, anticlockwise, every point visible from its middle.
        thickness: its height at the edge.
        bevel: radius of the edges.
        dome: how much higher its middle is.
    """
    arcs = np.radians([90.0, 66.0, 44.0, 22.0, 0.0])
    low = [(bevel * (1 - np.cos(a)), bevel * (1 - np.sin(a))) for a in arcs]
    profile = low + [(inset, thickness - z) for inset, z in reversed(low)]
    rings = [np.column_stack([offset(outline, inset), np.full(len(outline), z)]) for inset, z in profile]
    if dome:
        rim, middle = rings[-1], rings[-1][:-1].mean(axis=0)
        for share in np.linspace(0.12, 0.94, 10):
            ring = middle + (rim - middle) * (1 - share)
            ring[:, 2] += dome * (1 - (1 - share) ** 2)
            rings.append(ring)
    return skinned(np.stack(rings))


def face(outline: Floats, z: float = 0.0) -> Mesh:
    """An open, flat face that looks up, its picture upright towards +y; uv covers the outline's bounding box."""
    low, high = outline.min(axis=0), outline.max(axis=0)
    ring = outline[:-1]
    flat = np.concatenate([ring, [ring.mean(axis=0)]])
    uv = (flat - low) / (high - low)
    uv[:, 1] = 1 - uv[:, 1]
    vertices = np.column_stack([flat, np.full(len(flat), z)])
    index = np.arange(len(ring))
    faces = np.stack([index, np.roll(index, -1), np.full(len(ring), len(ring))], -1).astype(np.int64)
    return shaded(vertices, uv, faces)


def soft_box(width: float, depth: float, height: float, radius: float, belly: float = 0.0) -> Mesh:
    """A box on z = 0, all of its edges round.

    Args:
        radius: of the edges, less than half of every side.
        belly: how far front and back swell in their middle.
    """
    half_w, half_d = width / 2 - radius, depth / 2 - radius
    corners = ((half_w, -half_d, -90), (half_w, half_d, 0), (-half_w, half_d, 90), (-half_w, -half_d, 180))
    arcs = np.radians(np.linspace(0, 90, 7))
    unit = []
    for x, y, start in corners:
        unit += [(x, y, np.cos(np.radians(start) + a), np.sin(np.radians(start) + a)) for a in arcs]
    sides = np.array([*unit, unit[0]])
    filled = _with_flats(sides)
    levels = [(radius * np.sin(a), radius * (1 - np.cos(a))) for a in np.radians([0, 15, 30, 45, 60, 75, 90])]
    walls = [(radius, z) for z in np.linspace(radius, height - radius, 12)[1:-1]]
    profile = levels + walls + [(out, height - z) for out, z in reversed(levels)]
    rings = []
    for out, z in profile:
        x, y = filled[:, 0] + out * filled[:, 2], filled[:, 1] + out * filled[:, 3]
        swell = belly * np.sin(np.pi * z / height) * np.cos(np.pi / 2 * np.clip(x / (width / 2), -1, 1)) ** 0.7
        rings.append(np.column_stack([x, y + np.sign(filled[:, 1]) * swell, np.full(len(x), z)]))
    return skinned(np.stack(rings))


def _with_flats(sides: Floats) -> Floats:
    """The outline (K, 4: place and outward direction) with points on its straight runs."""
    points = [sides[0]]
    for start, end in pairwise(sides):
        pieces = 10 if np.linalg.norm(end[:2] - start[:2]) > 1e-6 else 1
        points += [start + (end - start) * share for share in np.linspace(0, 1, pieces + 1)[1:]]
    return np.array(points)
