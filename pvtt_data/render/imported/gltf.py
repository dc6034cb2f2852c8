"""Load glTF 2.0 files, .glb and .gltf, that nobody vouches for."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from pvtt_data.errors import InputError
from pvtt_data.render.imported.accessors import Buffers, pick
from pvtt_data.render.imported.assembly import Model, assemble
from pvtt_data.render.imported.container import SUPPORTED_EXTENSIONS, Container, read_container
from pvtt_data.render.imported.geometry import TO_Z_UP, cleaned, transformed
from pvtt_data.render.imported.limits import DEFAULT_MODEL_LIMITS, ModelLimits
from pvtt_data.render.imported.materials import Looks
from pvtt_data.render.imported.primitives import read_surface, size_of
from pvtt_data.render.imported.scene import placed_nodes
from pvtt_data.render.imported.schema import Primitive
from pvtt_data.render.imported.vertex_colours import Painter
from pvtt_data.render.material import Material
from pvtt_data.render.meshes import Mesh

_POINTS_AND_LINES = (0, 1, 2, 3)

_Placed = tuple[Mesh, Material, bool]


def read_gltf(path: Path, limits: ModelLimits = DEFAULT_MODEL_LIMITS) -> Model:
    """Load a model: its default scene in its pose of rest.

    Args:
        path: a .glb or .gltf file; what it names is read from its own folder and below, nowhere else.
        limits: bounds of what is loaded.

    Raises:
        InputError: the model is broken, hostile, too large or asks for what is not supported; `docs/models.md` lists
            the reasons.
        PreflightError: it is compressed with Draco and DracoPy is not installed.
    """
    return _Loader(read_container(path, limits), limits).model()


class _Loader:
    """Loads one file."""

    def __init__(self, container: Container, limits: ModelLimits) -> None:
        self._document = container.document
        self._limits = limits
        self._notes = {
            f"extension {name} is ignored"
            for name in container.document.extensions_used
            if name not in SUPPORTED_EXTENSIONS and len(name) < 80
        }
        self._buffers = Buffers(container, limits)
        self._looks = Looks(container, self._buffers, limits, self._notes.add)
        self._painter = Painter(self._notes.add)
        self._made: dict[tuple[int, int], _Placed | None] = {}
        self._vertices = self._triangles = self._primitives = 0

    def model(self) -> Model:
        """The whole model."""
        surfaces: list[_Placed] = []
        upright = np.eye(4)
        upright[:3, :3] = TO_Z_UP
        for node, place in placed_nodes(self._document, self._limits):
            if node.skin is not None:
                self._notes.add("skins are ignored")
            mesh_index = node.mesh or 0
            mesh = pick(self._document.meshes, mesh_index, "mesh")
            for number, primitive in enumerate(mesh.primitives):
                if primitive.mode in _POINTS_AND_LINES:
                    self._notes.add("points and lines are ignored")
                    continue
                self._count(primitive)
                key = (mesh_index, number)
                if key not in self._made:
                    self._made[key] = self._surface(primitive)
                made = self._made[key]
                if made is not None:
                    moved = transformed(made[0], upright @ place)
                    surfaces += [] if moved is None else [(moved, made[1], made[2])]
        return assemble(surfaces, sorted(self._notes), self._limits)

    def _count(self, primitive: Primitive) -> None:
        """Add up what will be loaded, before it is."""
        vertices, triangles = size_of(self._buffers, primitive)
        self._vertices += vertices
        self._triangles += triangles
        self._primitives += 1
        limits = self._limits
        for name, count, most in (
            ("vertices", self._vertices, limits.max_vertices),
            ("triangles", self._triangles, limits.max_triangles),
            ("surfaces", self._primitives, limits.max_primitives),
        ):
            if count > most:
                raise InputError("too-complex", f"the model has more than {most} {name}", {"count": count})

    def _surface(self, primitive: Primitive) -> _Placed | None:
        surface = read_surface(self._buffers, primitive, self._limits)
        look = self._looks.look(primitive.material, surface.uv)
        if look.material.opacity == 0.0:
            self._notes.add("invisible surfaces are left out")
            return None
        uv = None if look.place is None else look.place.moved(surface.uv[look.place.uv_set])
        found = cleaned(surface.vertices, surface.faces, surface.normals, uv)
        if found is None:
            return None
        mesh, used = found
        material = look.material
        if surface.colours is not None:
            mesh, material = self._painter.painted(mesh, look, surface.colours[used])
        return mesh, material, look.solid
