"""What surfaces are made of: the terms of Disney's principled model (Burley 2012), glass, and pictures on them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from pvtt_data.render.meshes import Mesh

Pixels = npt.NDArray[np.uint8]
Rgb = tuple[float, float, float]
"""Linear light, 0 to 1."""


@dataclass(frozen=True, slots=True, eq=False)
class Texture:
    """A picture over the uv square; (0, 0) is its top left corner and v runs down, as in glTF.

    Attributes:
        pixels: ``(H, W, 3)`` or ``(H, W, 1)`` uint8.
        srgb: whether the values are display values (colours) or linear (roughness, normals, opacity).
        repeat: how often the picture is repeated along u and v.
    """

    pixels: Pixels
    srgb: bool = True
    repeat: tuple[float, float] = (1.0, 1.0)


Colour = str | Rgb | Texture
"""A colour as "#rrggbb" (display values), as linear RGB, or as a picture."""


@dataclass(frozen=True, slots=True, eq=False)
class Material:
    """One surface.

    Attributes:
        colour: base colour; of metals, what they reflect.
        roughness: 0 (mirror) to 1 (chalk), or a one-channel texture.
        metallic: 0 to 1, or a one-channel texture.
        specular: strength of a dielectric's reflection, 0 to 1; 0.5 is an index of refraction of 1.5.
        clearcoat: strength of a second, clear layer, 0 to 1.
        clearcoat_roughness: of that layer, 0 to 1.
        sheen: cloth-like brightening at grazing angles, 0 to 1.
        transmission: 0 opaque, 1 glass or gemstone: a closed mesh with outward normals, refracting by ``ior``.
        ior: index of refraction of what transmits (glass 1.5, sapphire 1.77, diamond 2.42).
        tint: what is left of light after it has gone through a transmitting surface, linear RGB.
        thin: a transmitting sheet without thickness (sunglasses, film): it does not bend light.
        normal_map: tangent-space normals (glTF's: +y up in the picture), or None.
        opacity: 0 to 1, or a one-channel texture of 0 or 255; holes are cut where it is below a half.
        emission: light given off, linear RGB, or a texture.
    """

    colour: Colour = "#cccccc"
    roughness: float | Texture = 0.5
    metallic: float | Texture = 0.0
    specular: float = 0.5
    clearcoat: float = 0.0
    clearcoat_roughness: float = 0.1
    sheen: float = 0.0
    transmission: float = 0.0
    ior: float = 1.5
    tint: Rgb = (1.0, 1.0, 1.0)
    thin: bool = False
    normal_map: Texture | None = None
    opacity: float | Texture = 1.0
    emission: Rgb | Texture = (0.0, 0.0, 0.0)


@dataclass(frozen=True, slots=True, eq=False)
class Part:
    """One mesh with one material."""

    mesh: Mesh
    material: Material


def display_rgb(colour: str) -> Rgb:
    """ "#rrggbb" as three display values, 0 to 1."""
    return (int(colour[1:3], 16) / 255, int(colour[3:5], 16) / 255, int(colour[5:7], 16) / 255)


def linear_rgb(colour: str) -> Rgb:
    """ "#rrggbb" as linear light, 0 to 1 (IEC 61966-2-1)."""
    r, g, b = (c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in display_rgb(colour))
    return (r, g, b)
