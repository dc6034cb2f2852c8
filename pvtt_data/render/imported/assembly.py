"""Parts of a model put together, checked and brought to rest."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from pvtt_data.errors import InputError
from pvtt_data.render.imported.geometry import as_solid, by_handedness, subset, with_agreeing_faces
from pvtt_data.render.imported.glow import glowing_faces
from pvtt_data.render.imported.limits import ModelLimits
from pvtt_data.render.imported.pictures import upside_down_normals
from pvtt_data.render.material import Material, Part, Texture
from pvtt_data.render.meshes import Mesh, merged
from pvtt_data.render.product import at_rest


@dataclass(frozen=True, slots=True, eq=False)
class Model:
    """A model that was loaded.

    Attributes:
        parts: at rest, as `Product` wants them.
        notes: in words, what the model asks for and does not get; sorted.
    """

    parts: tuple[Part, ...]
    notes: tuple[str, ...]


def assemble(surfaces: Sequence[tuple[Mesh, Material, bool]], notes: Sequence[str], limits: ModelLimits) -> Model:
    """A model from surfaces; those of one material become one part.

    Args:
        surfaces: meshes, z up, the front to -y; materials (the same object for the same material); whether a
            transmitting material wants to bend light.
        notes: what was left out so far.

    Raises:
        InputError: ``no-geometry`` or ``bad-proportions``.
    """
    groups: dict[tuple[int, bool], tuple[list[Mesh], Material]] = {}
    for mesh, material, solid in surfaces:
        groups.setdefault((id(material), solid), ([], material))[0].append(mesh)
    if not groups:
        raise InputError("no-geometry", "the model has no surface")
    _check_proportions([mesh for meshes, _ in groups.values() for mesh in meshes], limits)
    told = set(notes)
    parts: list[Part] = []
    for (_, solid), (meshes, material) in groups.items():
        parts += _parts(merged(meshes), material, solid, told)
    return Model(at_rest(tuple(parts)), tuple(sorted(told)))


def _check_proportions(meshes: Sequence[Mesh], limits: ModelLimits) -> None:
    low = np.min([mesh.vertices.min(axis=0) for mesh in meshes], axis=0)
    high = np.max([mesh.vertices.max(axis=0) for mesh in meshes], axis=0)
    sides = high - low
    longest, shortest = float(sides.max()), float(sides.min())
    if not longest < shortest * limits.max_aspect:
        raise InputError(
            "bad-proportions",
            f"the model's box is {sides[0]:.3g}×{sides[1]:.3g}×{sides[2]:.3g}, flatter than 1:{limits.max_aspect:g}",
            {"longest": longest, "shortest": shortest},
        )


def _parts(mesh: Mesh, material: Material, solid: bool, notes: set[str]) -> list[Part]:
    if material.transmission > 0:
        closed = as_solid(mesh) if solid else None
        if closed is not None:
            return [Part(closed, material)]
        if solid:
            notes.add("glass whose surface is not closed is shown as thin glass")
        return [Part(with_agreeing_faces(mesh), replace(material, thin=True))]
    parts = _by_glow(Part(with_agreeing_faces(mesh), material))
    return [piece for part in parts for piece in _by_handedness(part)]


def _by_glow(part: Part) -> list[Part]:
    """The part as one that is dark and one that gives off light."""
    mesh, material = part.mesh, part.material
    if not isinstance(material.emission, Texture):
        return [part]
    glowing = glowing_faces(mesh, material.emission)
    dark, lit = subset(mesh, ~glowing), subset(mesh, glowing)
    pieces = [] if dark is None else [Part(dark, replace(material, emission=(0.0, 0.0, 0.0)))]
    return pieces if lit is None else [*pieces, Part(lit, material)]


def _by_handedness(part: Part) -> list[Part]:
    """The part as one whose normal map reads the right way and one on which it is mirrored."""
    mesh, material = part.mesh, part.material
    normal_map = material.normal_map
    if normal_map is None:
        return [part]
    upright, mirrored = by_handedness(mesh)
    pieces = [] if upright is None else [Part(upright, material)]
    if mirrored is None:
        return pieces
    other = replace(normal_map, pixels=upside_down_normals(normal_map.pixels))
    return [*pieces, Part(mirrored, replace(material, normal_map=other))]
