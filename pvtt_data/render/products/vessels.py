"""Hollow things: shells of glass or clay with an inside and an outside, what is in them, and flat faces on top."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from pvtt_data.render.meshes import Floats, Mesh, Profile, loft
from pvtt_data.render.products.forms import fillet, tidy, turned

Corner = tuple[float, float, float]
_SEGMENTS = 80


@dataclass(frozen=True, slots=True, eq=False)
class Shell:
    """A vessel of revolution.

    Attributes:
        mesh: closed, outside and inside in one, normals out of the material.
        inside: its inner profile (radius, z) from the axis to the lip.
    """

    mesh: Mesh
    inside: Profile


def shell(outer: Sequence[Corner], wall: float, floor: float, steps: int = 6) -> Shell:
    """A vessel from the corners of its outside.

    Args:
        outer: (radius, z, rounding) from the axis, over the base, to the lip's outer edge; the wall rises from the last
            of its lowest corners.
        wall: thickness of its wall.
        floor: thickness of its base.
        steps: points of each rounding.
    """
    corners = [corner for corner in outer if corner[0] > 0]
    high_base = max(outer[0][1], corners[0][1])
    inner: list[Corner] = [(0.0, high_base + floor, 0.0)]
    lowest = min(corner[1] for corner in corners)
    wall_starts = max(index for index, corner in enumerate(corners) if corner[1] <= lowest + 1e-9)
    upright = np.array([corner[:2] for corner in corners[wall_starts:]], float)
    for index, corner in enumerate(corners[wall_starts:]):
        if index == 0:
            r, z = _offset(upright, 0, wall)
            inner.append((r, high_base + floor, max(corner[2] - 0.5 * wall, 0.3 * wall)))
            continue
        r, z = _offset(upright, index, wall)
        inner.append((r, z, max(corner[2] + 0.3 * wall, 0.3 * wall) if corner[2] else 0.0))
    lip = (corners[-1][0], corners[-1][1])
    whole = [*outer[:-1], (*lip, 0.45 * wall), (inner[-1][0], lip[1], 0.45 * wall), *reversed(inner[:-1])]
    return Shell(turned(fillet(whole, steps), _SEGMENTS), fillet(inner, steps))


def _offset(line: Floats, index: int, by: float) -> tuple[float, float]:
    """A corner of a line that runs upwards, moved to its left by a distance (mitred)."""
    here = line[index]
    normals = []
    for start, end in ((index - 1, index), (index, index + 1)):
        if start >= 0 and end < len(line):
            step = line[end] - line[start]
            normals.append(np.array([-step[1], step[0]]) / max(float(np.linalg.norm(step)), 1e-9))
    mean = np.mean(normals, axis=0)
    moved = here + by * mean / max(float(mean @ mean), 0.35)
    return max(float(moved[0]), 1e-3), float(moved[1])


def contents(inside: Profile, level: float, overlap: float) -> Mesh:
    """What fills a shell up to a level: a closed mesh that reaches a little into the wall."""
    points = np.array(inside, float)
    below = points[points[:, 1] < level - 1e-4]
    reach = float(np.interp(level, np.maximum.accumulate(points[:, 1]), points[:, 0]))
    line = np.concatenate([below, [[reach, level]]])
    along = np.gradient(line, axis=0)
    away = np.stack([along[:, 1], -along[:, 0]], -1)
    away /= np.linalg.norm(away, axis=-1, keepdims=True) + 1e-12
    line = line + overlap * away
    line[0, 0] = 0.0
    line[:, 0] = np.maximum(line[:, 0], 0.0)
    line[-1, 1] = level
    edge = float(line[-1, 0])
    rounded = [(edge * (1 - 0.015), level), (0.0, level)]
    return turned([*((float(r), float(z)) for r, z in line), *rounded], _SEGMENTS)


def flipped(mesh: Mesh) -> Mesh:
    """The mesh inside out: a hollow in a solid."""
    return Mesh(mesh.vertices, -mesh.normals, mesh.uv, mesh.faces[:, ::-1].copy())


def inset_solid(outline: Callable[[float], Floats], rows: Sequence[tuple[float, float]]) -> Mesh:
    """A closed solid from rows of (inset, z), bottom to top; outline gives (K, 2) for an inset."""
    rings = []
    for inset, z in rows:
        ring = outline(inset)
        rings.append(np.column_stack([ring, np.full(len(ring), z)]))
    for end, at in ((0, 0), (-1, len(rings))):
        centre = rings[end].copy()
        centre[:, :2] = 0.0
        rings.insert(at if at == 0 else len(rings), centre)
    return tidy(loft(np.stack(rings)))


def bevelled_rows(
    low: float, high: float, bevel: float, deeper: float = 0.0, steps: int = 7
) -> list[tuple[float, float]]:
    """Rows for `inset_solid`: rounded at both rims; deeper insets all of them."""
    turn = np.linspace(0, np.pi / 2, steps)
    rows = [(deeper + bevel * (1 - float(np.sin(t))), low + bevel * (1 - float(np.cos(t)))) for t in turn]
    return rows + [(deeper + bevel * (1 - float(np.cos(t))), high - bevel * (1 - float(np.sin(t)))) for t in turn]


def plate(outline: Floats, z: float) -> Mesh:
    """A flat face that looks up, filled between an outline (K, 2) and its middle; its picture reads from the front."""
    size = np.ptp(outline, axis=0)
    rings = np.stack([np.column_stack([outline * share, np.full(len(outline), z)]) for share in (1.0, 0.5, 0.0)])
    mesh = tidy(loft(rings))
    uv = np.stack([mesh.vertices[:, 0] / size[0] + 0.5, 0.5 - mesh.vertices[:, 1] / size[1]], -1)
    up = np.zeros_like(mesh.normals)
    up[:, 2] = 1.0
    return Mesh(mesh.vertices, up, uv, mesh.faces)
