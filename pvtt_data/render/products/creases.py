"""Normals for meshes with sharp edges: smooth where faces meet gently, split where they meet at an angle."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from pvtt_data.render.meshes import Floats, Mesh

Faces = NDArray[np.int64]


def shaded(vertices: Floats, uv: Floats, faces: Faces, crease_deg: float = 40.0) -> Mesh:
    """A mesh whose normals are smooth across edges flatter than an angle and split at sharper ones.

    Vertices at the same place count as one, so seams in uv do not show. Triangles without area are dropped. Normals
    are weighted by area and by the angle of each corner, so that flats next to narrow bevels stay flat.

    Args:
        vertices: (N, 3).
        uv: (N, 2).
        faces: (M, 3), outward winding.
        crease_deg: 0 gives facets, 180 a wholly smooth surface.
    """
    corners = vertices[faces]
    crosses = np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])
    doubled_area = np.linalg.norm(crosses, axis=1)
    extent = float(np.ptp(vertices, axis=0).max())
    kept = doubled_area > 1e-10 * extent * extent
    faces, corners, crosses = faces[kept], corners[kept], crosses[kept]

    flat = np.repeat(crosses / doubled_area[kept, None], 3, axis=0)
    weighted = np.repeat(crosses, 3, axis=0) * _corner_angles(corners).reshape(-1, 1)
    place = _places(vertices, extent)[faces].ravel()
    order = np.argsort(place, kind="stable")
    _, first, sizes = np.unique(place[order], return_index=True, return_counts=True)
    group_first, group_size = np.repeat(first, sizes), np.repeat(sizes, sizes)
    within = np.arange(len(order)) - group_first
    limit = np.cos(np.radians(crease_deg))
    sums = weighted[order].copy()
    for step in range(1, int(sizes.max())):
        rows = np.flatnonzero(group_size > step)
        others = group_first[rows] + (within[rows] + step) % group_size[rows]
        gentle = np.einsum("ij,ij->i", flat[order[rows]], flat[order[others]]) > limit
        sums[rows[gentle]] += weighted[order[others[gentle]]]
    normals = np.empty_like(sums)
    normals[order] = sums / np.linalg.norm(sums, axis=1, keepdims=True)
    return _indexed(vertices, uv, faces, normals)


def _corner_angles(corners: Floats) -> Floats:
    """The angles (M, 3) of triangles (M, 3, 3), in radians."""
    onward = np.roll(corners, -1, axis=1) - corners
    back = np.roll(corners, 1, axis=1) - corners
    sine = np.linalg.norm(np.cross(onward, back), axis=-1)
    return np.asarray(np.arctan2(sine, np.einsum("ijk,ijk->ij", onward, back)), float)


def _places(vertices: Floats, extent: float) -> NDArray[np.int64]:
    """For each vertex (N,) the number of its place; vertices within a millionth of the extent share one."""
    cells = np.round((vertices - vertices.min(axis=0)) / extent * 1e6).astype(np.int64)
    keys = (cells[:, 0] << 42) | (cells[:, 1] << 21) | cells[:, 2]
    return np.unique(keys, return_inverse=True)[1].astype(np.int64)


def _indexed(vertices: Floats, uv: Floats, faces: Faces, normals: Floats) -> Mesh:
    """The mesh with one vertex for each pair of an old vertex and a normal; normals: (3 M, 3) by corner."""
    steps = np.round((normals + 1) * 1000).astype(np.int64)
    keys = (faces.ravel() << 33) | (steps[:, 0] << 22) | (steps[:, 1] << 11) | steps[:, 2]
    _, index, inverse = np.unique(keys, return_index=True, return_inverse=True)
    old = faces.ravel()[index]
    return Mesh(vertices[old], normals[index], uv[old], inverse.reshape(-1, 3).astype(np.int64))


def mirrored(mesh: Mesh) -> Mesh:
    """The mesh mirrored in x = 0, its winding kept outward: the other one of a pair."""
    mirror = np.array([-1.0, 1.0, 1.0])
    return Mesh(mesh.vertices * mirror, mesh.normals * mirror, mesh.uv, mesh.faces[:, ::-1])
