"""Triangle meshes from a few parametric families.

Coordinates: z up, the floor of a product at z = 0, the camera on the -y side, +x to the right of the picture.
Texture coordinates: u runs left to right and is 0.5 on the side that faces the camera; v runs top to bottom.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Profile = Sequence[tuple[float, float]]

_SEGMENTS = 96


@dataclass(frozen=True, slots=True)
class Mesh:
    """Triangles: vertices, normals (N, 3) float64; uv (N, 2) float64; faces (M, 3) int64, outward winding."""

    vertices: Floats
    normals: Floats
    uv: Floats
    faces: NDArray[np.int64]

    def moved(self, x: float = 0.0, y: float = 0.0, z: float = 0.0, yaw_deg: float = 0.0) -> Mesh:
        """The mesh turned about the z axis, then shifted."""
        angle = np.radians(yaw_deg)
        turn = np.array([[np.cos(angle), -np.sin(angle), 0], [np.sin(angle), np.cos(angle), 0], [0, 0, 1]])
        return Mesh(self.vertices @ turn.T + [x, y, z], self.normals @ turn.T, self.uv, self.faces)

    def shifted(self, by: Floats) -> Mesh:
        """The mesh moved by a vector (3,)."""
        return Mesh(self.vertices + by, self.normals, self.uv, self.faces)

    def scaled(self, factor: float) -> Mesh:
        """The mesh enlarged about the origin."""
        return Mesh(self.vertices * factor, self.normals, self.uv, self.faces)

    def turned(self, rotation: Floats) -> Mesh:
        """The mesh under a rotation matrix (3, 3) about the origin."""
        return Mesh(self.vertices @ rotation.T, self.normals @ rotation.T, self.uv, self.faces)


def merged(meshes: Sequence[Mesh]) -> Mesh:
    """Several meshes as one; fewer shapes trace faster."""
    first_vertex = np.cumsum([0, *(len(mesh.vertices) for mesh in meshes[:-1])])
    return Mesh(
        np.concatenate([mesh.vertices for mesh in meshes]),
        np.concatenate([mesh.normals for mesh in meshes]),
        np.concatenate([mesh.uv for mesh in meshes]),
        np.concatenate([mesh.faces + start for mesh, start in zip(meshes, first_vertex, strict=True)]),
    )


def arc(centre: tuple[float, float], radius: float, start_deg: float, end_deg: float, steps: int = 8) -> Profile:
    """Points on a circle in the profile plane, both ends included."""
    angles = np.radians(np.linspace(start_deg, end_deg, steps))
    return [(centre[0] + radius * float(np.cos(a)), centre[1] + radius * float(np.sin(a))) for a in angles]


def circle(radius: float, segments: int = _SEGMENTS) -> Floats:
    """(segments + 1, 2) closed outline, its seam on the far side."""
    return ellipse(radius, radius, segments)


def ellipse(half_width: float, half_depth: float, segments: int = _SEGMENTS) -> Floats:
    """(segments + 1, 2) closed outline, its seam on the far side."""
    turn = 2 * np.pi * (np.linspace(0, 1, segments + 1) - 0.5)
    return np.stack([half_width * np.sin(turn), -half_depth * np.cos(turn)], -1)


def rounded_rectangle(width: float, depth: float, radius: float, corner_steps: int = 5) -> Floats:
    """(K, 2) closed outline of a rectangle with round corners, its seam in the middle of the far side."""
    half_w, half_d = width / 2 - radius, depth / 2 - radius
    corners = [(-half_w, half_d, 90), (-half_w, -half_d, 180), (half_w, -half_d, 270), (half_w, half_d, 360)]
    points: list[tuple[float, float]] = [(0.0, depth / 2)]
    for x, y, start in corners:
        points += arc((x, y), radius, start, start + 90, corner_steps)
    return np.array([*points, (0.0, depth / 2)])


def _held(profile: Profile) -> Floats:
    """The profile with extra points beside the ends of long segments, so that flats shade flat."""
    points = np.array(profile, float)
    lengths = np.linalg.norm(np.diff(points, axis=0), axis=1)
    held = [points[0]]
    for start, end, length in zip(points[:-1], points[1:], lengths, strict=True):
        if length > 0.04:
            held += [start + (end - start) * 0.004 / length, end - (end - start) * 0.004 / length]
        held.append(end)
    return np.array(held)


def loft(rings: Floats) -> Mesh:
    """Skin over a stack of closed outlines.

    rings: (R, K, 3), ring by ring from bottom to top; in each, the first and the last point coincide and the
    outline runs from the far side over the left to the camera's side.
    """
    ring_count, count, _ = rings.shape
    along = np.gradient(rings, axis=0)
    closed = np.concatenate([rings[:, -2:-1], rings, rings[:, 1:2]], axis=1)
    around = closed[:, 2:] - closed[:, :-2]
    widths = np.linalg.norm(around, axis=-1).max(axis=1)
    for index in np.flatnonzero(widths < 1e-9):
        around[index] = around[index + 1 if index == 0 else index - 1]
    normals = np.cross(around, along)
    normals /= np.linalg.norm(normals, axis=-1, keepdims=True) + 1e-12

    widest = rings[int(np.argmax(widths))]
    u = _fractions(widest)
    v = 1 - _fractions(rings[:, count // 2])
    uv = np.stack(np.broadcast_arrays(u[None, :], v[:, None]), -1)

    corner = (np.arange(ring_count - 1)[:, None] * count + np.arange(count - 1)).ravel()
    faces = np.concatenate(
        [
            np.stack([corner, corner + 1, corner + count + 1], -1),
            np.stack([corner, corner + count + 1, corner + count], -1),
        ]
    )
    return Mesh(rings.reshape(-1, 3), normals.reshape(-1, 3), uv.reshape(-1, 2), faces)


def _fractions(points: Floats) -> Floats:
    steps = np.linalg.norm(np.diff(points, axis=0), axis=1)
    length = np.concatenate([[0.0], np.cumsum(steps)])
    return length / max(float(length[-1]), 1e-12)


def lathe(profile: Profile, segments: int = _SEGMENTS) -> Mesh:
    """A surface of revolution; profile: (radius, z) from bottom to top."""
    points = _held(profile)
    outline = circle(1.0, segments)
    rings = np.empty((len(points), len(outline), 3))
    rings[..., :2] = points[:, None, :1] * outline
    rings[..., 2] = points[:, None, 1]
    return loft(rings)


def prism(outline: Floats, height: float, bevel: float = 0.01) -> Mesh:
    """A convex outline (K, 2) drawn up to a height, with bevelled edges and closed ends."""
    reach = float(np.abs(outline).max())
    inner = 1 - bevel / reach
    profile = [(0.0, 0.0), (inner, 0.0)]
    profile += [(inner + (1 - inner) * np.sin(t), bevel * (1 - np.cos(t))) for t in np.linspace(0.3, 1.57, 4)]
    profile += [(inner + (1 - inner) * np.cos(t), height - bevel * (1 - np.sin(t))) for t in np.linspace(0, 1.27, 4)]
    profile += [(inner, height), (0.0, height)]
    points = _held(profile)
    rings = np.empty((len(points), len(outline), 3))
    rings[..., :2] = points[:, None, :1] * outline
    rings[..., 2] = points[:, None, 1]
    return loft(rings)


def block(width: float, depth: float, height: float, bevel: float = 0.012) -> Mesh:
    """A box on the floor, its edges slightly rounded."""
    return prism(rounded_rectangle(width, depth, bevel), height, bevel)


def ball(radius: float) -> Mesh:
    """A sphere that touches the floor."""
    return lathe([(radius * np.sin(t), radius * (1 - np.cos(t))) for t in np.linspace(0, np.pi, 33)], 64)


def disc(radius: float, height: float, bevel: float = 0.015) -> Mesh:
    """A round podium."""
    return prism(circle(radius), height, bevel)


def arch(width: float, height: float, depth: float) -> Mesh:
    """An upright slab with a half-round top, facing the camera."""
    half = width / 2
    rise = height - half
    top = [(half * np.cos(t), rise + half * np.sin(t)) for t in np.linspace(np.pi, 0, 33)]
    outline = np.array([(0.0, 0.0), (-half, 0.0), *top, (half, 0.0), (0.0, 0.0)])[::-1] - [0, height / 2]
    lying = prism(outline, depth)
    stand = np.array([[1.0, 0, 0], [0, 0, -1.0], [0, 1.0, 0]])
    return Mesh(lying.vertices @ stand.T + [0, depth / 2, height / 2], lying.normals @ stand.T, lying.uv, lying.faces)


def hoop(radius: float, thickness: float) -> Mesh:
    """An upright ring that touches the floor, facing the camera."""
    turn = np.linspace(0, 2 * np.pi, 65)
    tube = circle(thickness, 20)
    radial = np.stack([np.sin(turn), np.zeros_like(turn), -np.cos(turn)], -1)
    rings = radial[:, None] * (radius + tube[None, :, :1]) + tube[None, :, 1:] * np.array([0.0, 1.0, 0.0])
    return loft(rings).moved(z=radius + thickness)


def leaf(length: float, width: float, lift_deg: float, droop: float, curl: float = 0.25) -> Mesh:
    """A leaf that starts at the origin and reaches out along +x; lift at the stem, droop towards the tip."""
    along = np.linspace(0, 1, 15)
    across = np.linspace(-1, 1, 7)
    lift = np.radians(lift_deg)
    breadth = width / 2 * np.sin(np.pi * along**0.8) ** 0.9 + 0.004
    x = length * along * np.cos(lift)
    z = length * (along * np.sin(lift) - droop * along**2)
    grid = np.empty((len(along), len(across), 3))
    grid[..., 0] = x[:, None]
    grid[..., 1] = -breadth[:, None] * across
    grid[..., 2] = z[:, None] + curl * breadth[:, None] * np.abs(across) ** 1.5
    return sheet(grid)


def sheet(grid: Floats) -> Mesh:
    """An open surface over a grid (R, K, 3) of points."""
    rows, columns, _ = grid.shape
    normals = np.cross(np.gradient(grid, axis=1), np.gradient(grid, axis=0))
    normals /= np.linalg.norm(normals, axis=-1, keepdims=True) + 1e-12
    u, v = np.meshgrid(np.linspace(0, 1, columns), np.linspace(1, 0, rows))
    corner = (np.arange(rows - 1)[:, None] * columns + np.arange(columns - 1)).ravel()
    faces = np.concatenate(
        [
            np.stack([corner, corner + 1, corner + columns + 1], -1),
            np.stack([corner, corner + columns + 1, corner + columns], -1),
        ]
    )
    return Mesh(grid.reshape(-1, 3), normals.reshape(-1, 3), np.stack([u, v], -1).reshape(-1, 2), faces)


def floor(width: float, near: float, far: float) -> Mesh:
    """A level rectangle at z = 0 from y = near to y = far."""
    half = width / 2
    return sheet(np.array([[[-half, near, 0], [half, near, 0]], [[-half, far, 0], [half, far, 0]]], float))


def wall(width: float, height: float, y: float) -> Mesh:
    """An upright rectangle that faces the camera."""
    half = width / 2
    return sheet(np.array([[[-half, y, 0], [half, y, 0]], [[-half, y, height], [half, y, height]]], float))


def sweep(width: float, near: float, far: float, height: float, radius: float) -> Mesh:
    """Seamless studio paper: floor, a quarter round, wall."""
    bend = np.linspace(0, np.pi / 2, 25)
    y = np.concatenate([np.linspace(near, far - radius, 8)[:-1], far - radius + radius * np.sin(bend), [far]])
    z = np.concatenate([np.zeros(7), radius * (1 - np.cos(bend)), [height]])
    x = np.array([-width / 2, width / 2])
    grid = np.empty((len(y), 2, 3))
    grid[..., 0], grid[..., 1], grid[..., 2] = x, y[:, None], z[:, None]
    return sheet(grid)
