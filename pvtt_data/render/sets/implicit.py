"""Organic shapes from distances: rounded limbs that melt into each other, and the surface where the distance is 0."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from pvtt_data.render.meshes import Floats, Mesh

Field = Callable[[Floats], Floats]
"""Distance to a surface, negative inside, of points ``(N, 3)``."""


def limb(points: Floats, start: Floats, end: Floats, radii: tuple[float, float]) -> Floats:
    """Distance of points to a bar with round ends whose radius changes from start to end."""
    axis = end - start
    share = np.clip((points - start) @ axis / float(axis @ axis), 0, 1)
    away = points - start - share[:, None] * axis
    gap: Floats = np.sqrt(np.einsum("ij,ij->i", away, away))
    return gap - (radii[0] + share * (radii[1] - radii[0]))


def melted(distances: Sequence[Floats], width: float) -> Floats:
    """The union of shapes whose seams are rounded over about `width`."""
    total = distances[0]
    for other in distances[1:]:
        near = np.maximum(width - np.abs(total - other), 0) / width
        total = np.minimum(total, other) - near * near * width / 4
    return total


def skin(field: Field, low: Floats, high: Floats, step: float) -> Mesh:
    """The surface of a field within a box, as a mesh whose uv is (x, -y); surface nets (Gibson 1998).

    Args:
        field: is evaluated on a grid; the surface should not touch the box's sides, or stays open there.
        low: lowest corner, ``(3,)``.
        high: highest corner, ``(3,)``.
        step: width of the grid.
    """
    counts = np.ceil((high - low) / step).astype(int) + 1
    axes = [low[i] + step * np.arange(counts[i]) for i in range(3)]
    grid = np.stack(np.meshgrid(*axes, indexing="ij"), -1)
    values = field(grid.reshape(-1, 3)).reshape(counts)
    inside = values < 0

    total = np.zeros((*(counts - 1), 3))
    crossings = np.zeros(counts - 1)
    corners = [np.array(c) for c in np.ndindex(2, 2, 2)]

    def cells(array: np.ndarray, corner: np.ndarray) -> np.ndarray:
        return array[tuple(slice(int(c), int(c) + int(n) - 1) for c, n in zip(corner, counts, strict=True))]

    for axis in range(3):
        for corner in corners:
            if corner[axis]:
                continue
            other = corner + np.eye(3, dtype=int)[axis]
            a, b = cells(values, corner), cells(values, other)
            crossed = (a < 0) != (b < 0)
            share = np.where(crossed, a / np.where(crossed, a - b, 1.0), 0.0)
            place = corner + share[..., None] * np.eye(3)[axis]
            total += np.where(crossed[..., None], place, 0.0)
            crossings += crossed
    used = crossings > 0
    number = np.full(used.shape, -1)
    number[used] = np.arange(int(used.sum()))
    where = np.argwhere(used) + total[used] / crossings[used][:, None]
    vertices = low + step * where

    faces = []
    for axis in range(3):
        first, second = (axis + 1) % 3, (axis + 2) % 3
        lower = np.moveaxis(inside, axis, 0)
        change = np.argwhere(np.moveaxis(lower[:-1] != lower[1:], 0, axis))
        change = change[(change[:, first] > 0) & (change[:, second] > 0)]
        change = change[(change[:, first] < counts[first] - 1) & (change[:, second] < counts[second] - 1)]
        ring = [np.zeros(3, int) for _ in range(4)]
        for item, (i, j) in zip(ring, ((-1, -1), (0, -1), (0, 0), (-1, 0)), strict=True):
            item[first], item[second] = i, j
        quads = np.stack([number[tuple((change + item).T)] for item in ring], -1)
        outward = inside[tuple(change.T)]
        quads[~outward] = quads[~outward][:, ::-1]
        faces += [quads[:, [0, 1, 2]], quads[:, [0, 2, 3]]]

    tiny = 0.3 * step
    slope = np.stack([field(vertices + tiny * e) - field(vertices - tiny * e) for e in np.eye(3)], -1)
    slope /= np.linalg.norm(slope, axis=1, keepdims=True) + 1e-12
    uv = vertices[:, :2] * np.array([1.0, -1.0])
    return Mesh(vertices, slope, uv, np.concatenate(faces).astype(np.int64))
