"""Whether two products can be told apart by looking."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from PIL import Image

from pvtt_data.render.material import Material, Part, Texture, linear_rgb
from pvtt_data.render.product import Product

_SIZE = 0.04
_COLOUR = 0.07
_PRINT = 5.0
_SMALL = 0.012
"""A part's share of the surface below which nobody notices it."""


def visibly_different(one: Product, other: Product) -> bool:
    """Whether shape, surfaces or print differ by more than a glance forgives."""
    if len(one.parts) != len(other.parts):
        return True
    areas = np.array([_area(part) for part in one.parts])
    noticed = areas > _SMALL * areas.sum()
    for a, b, counts in zip(one.parts, other.parts, noticed, strict=True):
        if counts and (_shape_differs(a, b) or _surface_differs(a.material, b.material)):
            return True
    return False


def _area(part: Part) -> float:
    """The surface, or the front of the bounding box where that is more: letters are noticed for their extent."""
    corners = part.mesh.vertices[part.mesh.faces]
    crossed = np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])
    extent = np.ptp(part.mesh.vertices, axis=0)
    return max(float(np.linalg.norm(crossed, axis=-1).sum() / 2), float(extent[0] * extent[2]))


def _shape_differs(a: Part, b: Part) -> bool:
    """By its bounds, by how its vertices are spread within them, or, as letters do, by their number."""
    count = len(a.mesh.vertices)
    if abs(count - len(b.mesh.vertices)) > 0.02 * count:
        return True
    measures = []
    for part in (a, b):
        v = part.mesh.vertices
        measures.append(np.concatenate([v.min(axis=0), v.max(axis=0), 2 * v.mean(axis=0), 2 * v.std(axis=0)]))
    return bool(np.abs(measures[0] - measures[1]).max() > _SIZE)


def _surface_differs(a: Material, b: Material) -> bool:
    for name, enough in (
        ("metallic", 0.4),
        ("roughness", 0.25),
        ("clearcoat", 0.6),
        ("transmission", 0.5),
        ("sheen", 0.8),
    ):
        if abs(_level(getattr(a, name)) - _level(getattr(b, name))) > enough:
            return True
    if a.transmission >= 0.5:
        return bool(np.abs(np.array(a.tint) - np.array(b.tint)).max() > 0.12)
    first, second = _thumbnail(a), _thumbnail(b)
    mean = np.abs(first.mean(axis=(0, 1)) - second.mean(axis=(0, 1))).max() / 255
    return bool(mean > _COLOUR or np.abs(first - second).mean() > _PRINT)


def _level(value: float | Texture) -> float:
    return float(value.pixels.mean()) / 255 if isinstance(value, Texture) else value


def _thumbnail(material: Material) -> npt.NDArray[np.float64]:
    """``(48, 48, 3)`` display values; where there are holes, mid grey."""
    if isinstance(material.colour, Texture):
        shown = _small(material.colour.pixels)
    else:
        rgb = linear_rgb(material.colour) if isinstance(material.colour, str) else material.colour
        shown = np.broadcast_to(255 * np.power(np.clip(rgb, 0, 1), 1 / 2.2), (48, 48, 3)).astype(np.float64)
    if isinstance(material.opacity, Texture):
        cover = _small(material.opacity.pixels)[..., :1] / 255
        shown = shown * cover + 128 * (1 - cover)
    return shown


def _small(pixels: npt.NDArray[np.uint8]) -> npt.NDArray[np.float64]:
    image = Image.fromarray(pixels[..., 0] if pixels.shape[-1] == 1 else pixels).convert("RGB")
    return np.asarray(image.resize((48, 48), Image.Resampling.BOX), np.float64)
