"""Triangles that nobody vouches for, made into clean meshes."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from pvtt_data.errors import InputError
from pvtt_data.render.meshes import Mesh

Floats = npt.NDArray[np.float64]
Faces = npt.NDArray[np.int64]

TO_Z_UP = np.array([[1.0, 0.0, 0.0], [0.0, 0.0, -1.0], [0.0, 1.0, 0.0]])
"""Turns coordinates with y up and the front towards +z into ours: z up, the front towards -y."""

_LARGEST = 1e18
"""Coordinates beyond this are no product's, and their products would soon overflow."""


def triangles(indices: npt.NDArray[np.int64], mode: int) -> Faces:
    """Faces ``(M, 3)`` of a list (4), a strip (5) or a fan (6), by glTF's numbers; incomplete ones are dropped.

    Raises:
        InputError: ``unsupported-model``: points or lines.
    """
    if mode == 4:
        return indices[: len(indices) // 3 * 3].reshape(-1, 3)
    if mode == 5:
        faces = np.stack([indices[:-2], indices[1:-1], indices[2:]], -1)
        faces[1::2] = faces[1::2, [1, 0, 2]]
        return faces
    if mode == 6:
        return np.stack([indices[1:-1], indices[2:], np.broadcast_to(indices[:1], indices[2:].shape)], -1)
    raise InputError("unsupported-model", "points and lines cannot be rendered as a product")


def clean_mesh(vertices: Floats, faces: Faces, normals: Floats | None, uv: Floats | None) -> Mesh | None:
    """As `cleaned`, without the numbers of the vertices."""
    found = cleaned(vertices, faces, normals, uv)
    return None if found is None else found[0]


def cleaned(
    vertices: Floats, faces: Faces, normals: Floats | None, uv: Floats | None
) -> tuple[Mesh, npt.NDArray[np.int64]] | None:
    """A mesh without degenerate faces and unused vertices, each normal of length 1; None if nothing is left.

    Args:
        vertices: ``(N, 3)``.
        faces: ``(M, 3)``, counter-clockwise from outside.
        normals: ``(N, 3)`` of any length, or None to compute them; vertices that faces share are shaded smoothly.
        uv: ``(N, 2)``, v downwards, or None.

    Returns:
        The mesh and which of the given vertices its vertices are.

    Raises:
        InputError: ``bad-geometry``: NaN, infinite or huge values, or faces of vertices that do not exist.
    """
    if len(faces) == 0 or len(vertices) == 0:
        return None
    if int(faces.min()) < 0 or int(faces.max()) >= len(vertices):
        raise InputError("bad-geometry", "a face has a vertex that does not exist")
    for values in (vertices, normals, uv):
        if values is not None and not (np.isfinite(values).all() and float(np.abs(values).max()) < _LARGEST):
            raise InputError("bad-geometry", "coordinates are not finite, or huge")
    extent = float(np.ptp(vertices, axis=0).max())
    if extent == 0.0:
        return None
    solid = np.linalg.norm(face_normals(vertices, faces), axis=1) > 1e-14 * extent**2
    faces = faces[solid]
    if len(faces) == 0:
        return None
    used, compact = np.unique(faces, return_inverse=True)
    faces = compact.reshape(-1, 3).astype(np.int64)
    vertices = vertices[used]
    smooth = smooth_normals(vertices, faces)
    given = smooth if normals is None else _unit(normals[used], smooth)
    return Mesh(vertices, given, np.zeros((len(vertices), 2)) if uv is None else uv[used], faces), used


def face_normals(vertices: Floats, faces: Faces) -> Floats:
    """``(M, 3)`` vectors across the faces, twice as long as the faces are large."""
    first, second, third = (vertices[faces[:, corner]] for corner in range(3))
    return np.cross(second - first, third - first)


def smooth_normals(vertices: Floats, faces: Faces) -> Floats:
    """``(N, 3)`` normals of length 1: the mean over a vertex's faces, larger faces counting more."""
    across = face_normals(vertices, faces)
    sums = np.zeros_like(vertices)
    for corner in range(3):
        for axis in range(3):
            sums[:, axis] += np.bincount(faces[:, corner], across[:, axis], len(vertices))
    # Where faces cancel out, any of them is better than none.
    some = np.zeros_like(vertices)
    some[:, 2] = 1.0
    lengths = np.linalg.norm(across, axis=1, keepdims=True)
    some[faces.ravel()] = np.repeat(across / np.where(lengths > 0, lengths, 1.0), 3, axis=0)
    return _unit(sums, some)


def _unit(vectors: Floats, otherwise: Floats) -> Floats:
    """The vectors at length 1; those too short to have a direction replaced."""
    lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
    typical = float(lengths.max())
    usable = lengths > 1e-9 * typical
    return np.where(usable, vectors / np.where(usable, lengths, 1.0), otherwise)


def transformed(mesh: Mesh, matrix: Floats) -> Mesh | None:
    """A mesh under an affine map ``(4, 4)``, faces turned round where it mirrors; None if it flattens the mesh away."""
    linear = matrix[:3, :3]
    # What overflows here is refused as not finite.
    with np.errstate(over="ignore", invalid="ignore"):
        vertices = mesh.vertices @ linear.T + matrix[:3, 3]
        # The cofactors are the inverse transpose times the determinant: they exist for singular maps too.
        cofactors = np.stack([np.cross(linear[(i + 1) % 3], linear[(i + 2) % 3]) for i in range(3)])
        mirrors = float(linear[0] @ cofactors[0]) < 0
        largest = float(np.abs(cofactors).max())
        # Lengths do not matter, and tiny or huge scales would leave the range of numbers.
        turn = cofactors / largest if 0.0 < largest < np.inf else cofactors
        normals = mesh.normals @ turn.T * (-1.0 if mirrors else 1.0)
    return clean_mesh(vertices, mesh.faces[:, ::-1] if mirrors else mesh.faces, normals, mesh.uv)


def with_agreeing_faces(mesh: Mesh) -> Mesh:
    """The mesh with faces turned round where their winding contradicts their vertices' normals."""
    shading = mesh.normals[mesh.faces].sum(axis=1)
    against = np.einsum("ij,ij->i", face_normals(mesh.vertices, mesh.faces), shading) < 0
    faces = np.where(against[:, None], mesh.faces[:, ::-1], mesh.faces)
    return Mesh(mesh.vertices, mesh.normals, mesh.uv, faces)


def as_solid(mesh: Mesh) -> Mesh | None:
    """The mesh with faces and normals outwards if its faces close a volume, else None.

    Vertices at the same place count as one, so that seams of normals and texture coordinates do not matter.
    """
    _, place = np.unique(mesh.vertices, axis=0, return_inverse=True)
    faces = place.reshape(-1)[mesh.faces]
    faces = faces[(faces != np.roll(faces, 1, axis=1)).all(axis=1)]
    edges = np.concatenate([faces[:, [0, 1]], faces[:, [1, 2]], faces[:, [2, 0]]])
    forwards, back = _edge_keys(edges), _edge_keys(edges[:, ::-1])
    if len(faces) == 0 or not np.array_equal(np.sort(forwards), np.sort(back)):
        return None
    first, second, third = (mesh.vertices[mesh.faces[:, corner]] for corner in range(3))
    volume = float(np.einsum("ij,ij->i", first, np.cross(second, third)).sum())
    outward = mesh.faces if volume >= 0 else mesh.faces[:, ::-1]
    across = face_normals(mesh.vertices, outward)
    along = np.zeros(len(mesh.vertices))
    for corner in range(3):
        at = outward[:, corner]
        along += np.bincount(at, np.einsum("ij,ij->i", across, mesh.normals[at]), len(along))
    return Mesh(mesh.vertices, np.where(along[:, None] < 0, -mesh.normals, mesh.normals), mesh.uv, outward)


def _edge_keys(edges: Faces) -> Faces:
    return (edges[:, 0] << 32) | edges[:, 1]


def by_handedness(mesh: Mesh) -> tuple[Mesh | None, Mesh | None]:
    """The faces whose texture reads the right way, and those on which it is mirrored.

    Tangent-space normals need to know: the picture's upward direction is the other one on mirrored faces.
    """
    first, second, third = (mesh.uv[mesh.faces[:, corner]] for corner in range(3))
    along, up = second - first, third - first
    # v runs down, so a picture that reads the right way has its uv corners clockwise.
    mirrored = along[:, 0] * up[:, 1] - along[:, 1] * up[:, 0] > 0
    return subset(mesh, ~mirrored), subset(mesh, mirrored)


def subset(mesh: Mesh, chosen: npt.NDArray[np.bool_]) -> Mesh | None:
    """The mesh with the chosen faces ``(M,)`` only; None if none is chosen."""
    if not chosen.any():
        return None
    if chosen.all():
        return mesh
    used, compact = np.unique(mesh.faces[chosen], return_inverse=True)
    faces = compact.reshape(-1, 3).astype(np.int64)
    return Mesh(mesh.vertices[used], mesh.normals[used], mesh.uv[used], faces)


def unshared(mesh: Mesh, extra: npt.NDArray[Any]) -> tuple[Mesh, npt.NDArray[Any]]:
    """The mesh with three vertices of its own for each face, and per-vertex values ``(N, ...)`` to match."""
    corners = mesh.faces.ravel()
    faces = np.arange(len(corners), dtype=np.int64).reshape(-1, 3)
    return Mesh(mesh.vertices[corners], mesh.normals[corners], mesh.uv[corners], faces), extra[corners]
