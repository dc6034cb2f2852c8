"""Where textures lie on a surface: which texture coordinates they use, and how those are moved."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from pvtt_data.render.imported.schema import TextureInfo, TextureTransform

_TOLERANCE = 1e-6


@dataclass(frozen=True, slots=True)
class Place:
    """A set of texture coordinates and KHR_texture_transform's change to them."""

    uv_set: int = 0
    offset: tuple[float, float] = (0.0, 0.0)
    rotation: float = 0.0
    scale: tuple[float, float] = (1.0, 1.0)

    def moved(self, uv: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
        """Coordinates ``(N, 2)``, v downwards, after scaling, turning counter-clockwise as seen, and shifting."""
        if self == Place(self.uv_set):
            return uv
        cos, sin = math.cos(self.rotation), math.sin(self.rotation)
        u, v = uv[:, 0] * self.scale[0], uv[:, 1] * self.scale[1]
        return np.stack([cos * u + sin * v + self.offset[0], cos * v - sin * u + self.offset[1]], -1)


def place_of(info: TextureInfo) -> Place:
    """Where a texture lies."""
    transform = info.extensions.transform or TextureTransform()
    uv_set = info.tex_coord if transform.tex_coord is None else transform.tex_coord
    return Place(uv_set, transform.offset, transform.rotation, transform.scale)


def repeat_between(base: Place, other: Place) -> tuple[float, float] | None:
    """How often ``other`` repeats along u and v over coordinates moved as ``base`` asks; None if no repeat does it."""
    if base == other:
        return (1.0, 1.0)
    turned = max(abs(base.rotation), abs(other.rotation)) > _TOLERANCE
    if base.uv_set != other.uv_set or turned or 0.0 in base.scale:
        return None
    repeat = (other.scale[0] / base.scale[0], other.scale[1] / base.scale[1])
    for axis in range(2):
        shift = other.offset[axis] - repeat[axis] * base.offset[axis]
        if abs(shift - round(shift)) > _TOLERANCE:
            return None
    return repeat
