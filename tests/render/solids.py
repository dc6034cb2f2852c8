"""What tests ask of meshes."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from pvtt_data.render.meshes import Mesh


def _places(mesh: Mesh) -> NDArray[np.int64]:
    """For each vertex the number of its place; vertices within a millionth of the extent share one."""
    extent = float(np.ptp(mesh.vertices, axis=0).max())
    cells = np.round((mesh.vertices - mesh.vertices.min(axis=0)) / extent * 1e6).astype(np.int64)
    keys = (cells[:, 0] << 42) | (cells[:, 1] << 21) | cells[:, 2]
    return np.unique(keys, return_inverse=True)[1].astype(np.int64)


def is_closed(mesh: Mesh) -> bool:
    """Whether every edge is run through as often in one direction as in the other."""
    faces = _places(mesh)[mesh.faces]
    edges = np.concatenate([faces[:, [0, 1]], faces[:, [1, 2]], faces[:, [2, 0]]])
    edges = edges[edges[:, 0] != edges[:, 1]]
    forth, there = np.unique(edges[:, 0] << 32 | edges[:, 1], return_counts=True)
    back, again = np.unique(edges[:, 1] << 32 | edges[:, 0], return_counts=True)
    return bool(np.array_equal(forth, back) and np.array_equal(there, again))


def signed_volume(mesh: Mesh) -> float:
    """The volume that a closed mesh encloses; positive if its winding is outward."""
    a, b, c = (mesh.vertices[mesh.faces[:, i]] for i in range(3))
    return float(np.einsum("ij,ij->i", a, np.cross(b, c)).sum() / 6)


def face_normals(mesh: Mesh) -> NDArray[np.float64]:
    """Unit normals (M, 3) by winding."""
    corners = mesh.vertices[mesh.faces]
    crossed = np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])
    return np.asarray(crossed / np.linalg.norm(crossed, axis=1, keepdims=True), float)
