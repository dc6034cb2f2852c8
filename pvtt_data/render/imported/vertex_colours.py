"""Colours of vertices, drawn into a texture."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace

import numpy as np
import numpy.typing as npt

from pvtt_data.render.imported.geometry import unshared
from pvtt_data.render.imported.materials import Look
from pvtt_data.render.imported.pictures import tinted, to_display
from pvtt_data.render.material import Colour, Material, Rgb, Texture, linear_rgb
from pvtt_data.render.meshes import Mesh

_UNIFORM = 0.02
_MAX_SIDE_PX = 2048


class Painter:
    """Multiplies materials by the colours of vertices."""

    def __init__(self, note: Callable[[str], None]) -> None:
        """
        Args:
            note: told, in words, what is left out.
        """
        self._note = note
        self._shaded: dict[tuple[int, Rgb], Material] = {}

    def painted(self, mesh: Mesh, look: Look, colours: npt.NDArray[np.float64]) -> tuple[Mesh, Material]:
        """A mesh and a material that show the colours ``(N, 3)``, linear, of the mesh's vertices.

        One colour all over becomes part of the material; else the colours are drawn into a picture, if the material
        has none of its own that need the texture coordinates. Glass stays as it is.
        """
        material = look.material
        if material.transmission > 0:
            return mesh, material
        if float(colours.std(axis=0).max()) <= _UNIFORM:
            red, green, blue = (round(min(max(float(share), 0.0), 1.0), 3) for share in colours.mean(axis=0))
            return mesh, self._shade(material, (red, green, blue))
        if look.place is None and not isinstance(material.colour, str | Texture):
            found = baked(mesh, colours, material.colour)
            if found is not None:
                return found[0], replace(material, colour=found[1])
        self._note("colours of vertices are ignored where there are pictures too, or too many faces")
        return mesh, material

    def _shade(self, material: Material, shade: Rgb) -> Material:
        if min(shade) > 1 - _UNIFORM:
            return material
        key = (id(material), shade)
        if key not in self._shaded:
            self._shaded[key] = replace(material, colour=_multiplied(material.colour, shade))
        return self._shaded[key]


def _multiplied(colour: Colour, shade: Rgb) -> Colour:
    if isinstance(colour, Texture):
        return replace(colour, pixels=tinted(colour.pixels, shade))
    red, green, blue = linear_rgb(colour) if isinstance(colour, str) else colour
    return (red * shade[0], green * shade[1], blue * shade[2])


def baked(mesh: Mesh, colours: npt.NDArray[np.float64], factor: Rgb) -> tuple[Mesh, Texture] | None:
    """The mesh with texture coordinates of its own, and its vertices' colours as a picture; None for too many faces.

    Each face has four texels; bilinear interpolation between their centres is the colours' own, so nothing is lost.

    Args:
        mesh: its texture coordinates are replaced.
        colours: ``(N, 3)`` linear.
        factor: multiplies the colours.
    """
    per_row = math.ceil(math.sqrt(len(mesh.faces)))
    side = 2 * per_row
    if side > _MAX_SIDE_PX:
        return None
    loose, corner_colours = unshared(mesh, np.clip(colours, 0, 1) * factor)
    first, second, third = np.moveaxis(corner_colours.reshape(-1, 3, 3), 1, 0)
    picture = np.zeros((side, side, 3))
    face = np.arange(len(mesh.faces))
    row, column = 2 * (face // per_row), 2 * (face % per_row)
    picture[row, column], picture[row, column + 1], picture[row + 1, column] = first, second, third
    picture[row + 1, column + 1] = np.clip(second + third - first, 0, 1)
    corner = np.stack([column, row], -1) + 0.5
    texels = np.array([[0.0, 0.0], [1.0, 0.0], [0.0, 1.0]])
    uv = (corner[:, None] + texels).reshape(-1, 2) / side
    return Mesh(loose.vertices, loose.normals, uv, loose.faces), Texture(to_display(picture))
