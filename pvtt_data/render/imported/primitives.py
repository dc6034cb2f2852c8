"""Surfaces of a glTF file, read from its buffers."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from pvtt_data.errors import InputError
from pvtt_data.render.imported.accessors import Buffers, as_floats
from pvtt_data.render.imported.draco import DracoMesh
from pvtt_data.render.imported.geometry import Faces, Floats, triangles
from pvtt_data.render.imported.limits import ModelLimits
from pvtt_data.render.imported.schema import Primitive

_UV_SETS = (0, 1)
_WIDTHS = {"POSITION": (3,), "NORMAL": (3,), "TEXCOORD_0": (2,), "TEXCOORD_1": (2,), "COLOR_0": (3, 4)}


@dataclass(frozen=True, slots=True, eq=False)
class Surface:
    """One primitive.

    Attributes:
        vertices: ``(N, 3)``.
        normals: ``(N, 3)``, or None.
        uv: texture coordinates ``(N, 2)`` by the number of their set, v downwards.
        colours: ``(N, 3)`` linear, or None.
        faces: ``(M, 3)``.
    """

    vertices: Floats
    normals: Floats | None
    uv: dict[int, Floats]
    colours: Floats | None
    faces: Faces


def size_of(buffers: Buffers, primitive: Primitive) -> tuple[int, int]:
    """How many vertices and, at most, triangles a primitive announces, without reading them."""
    vertices = buffers.accessor(_position(primitive)).count
    indices = vertices if primitive.indices is None else buffers.accessor(primitive.indices).count
    return vertices, indices // 3 if primitive.mode == 4 else max(indices - 2, 0)


def read_surface(buffers: Buffers, primitive: Primitive, limits: ModelLimits) -> Surface:
    """Read a primitive.

    Raises:
        InputError: ``broken-model``, ``bad-geometry``, ``unsupported-model`` or ``too-complex``.
    """
    count = buffers.accessor(_position(primitive)).count
    draco = primitive.extensions.draco
    if draco is None:
        values = _plain_values(buffers, primitive, count)
        index = primitive.indices
        indices = np.arange(count, dtype=np.int64) if index is None else buffers.indices(index)
        faces = triangles(indices, primitive.mode)
    else:
        mesh = DracoMesh(bytes(buffers.view(draco.buffer_view)), limits)
        values = _draco_values(mesh, buffers, primitive, draco.attributes, count)
        faces = mesh.faces
    return Surface(
        values["POSITION"],
        values.get("NORMAL"),
        {uv_set: values[f"TEXCOORD_{uv_set}"] for uv_set in _UV_SETS if f"TEXCOORD_{uv_set}" in values},
        values["COLOR_0"][:, :3] if "COLOR_0" in values else None,
        faces,
    )


def _position(primitive: Primitive) -> int:
    if "POSITION" not in primitive.attributes:
        raise InputError("broken-model", "a surface has no positions")
    return primitive.attributes["POSITION"]


def _plain_values(buffers: Buffers, primitive: Primitive, count: int) -> dict[str, Floats]:
    values = {}
    for name, widths in _WIDTHS.items():
        index = primitive.attributes.get(name)
        if index is not None:
            if buffers.accessor(index).count != count:
                raise InputError("broken-model", f"a surface has not as many values of {name} as positions")
            values[name] = buffers.floats(index, widths)
    return values


def _draco_values(
    mesh: DracoMesh, buffers: Buffers, primitive: Primitive, numbers: dict[str, int], count: int
) -> dict[str, Floats]:
    if "POSITION" not in numbers:
        raise InputError("broken-model", "a Draco stream has no positions")
    values = {}
    for name, widths in _WIDTHS.items():
        if name in numbers and name in primitive.attributes:
            accessor = buffers.accessor(primitive.attributes[name])
            found = as_floats(mesh.attribute(numbers[name]), accessor.normalized)
            if len(found) != count or found.shape[1] not in widths:
                raise InputError("broken-model", f"a Draco stream does not hold the {name} that the model announces")
            if not np.isfinite(found).all():
                raise InputError("bad-geometry", f"a Draco stream's {name} has values that are not finite")
            values[name] = found
    return values
