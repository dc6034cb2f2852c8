"""Print without a ground, as on glass: the ink itself as a mesh, so that no surface has to be cut out."""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise

import numpy as np

from pvtt_data.render.material import Pixels
from pvtt_data.render.meshes import Floats, Mesh
from pvtt_data.render.products.forms import on_wall

Rectangle = tuple[int, int, int, int]
"""First column, last column + 1, first row, last row + 1."""


def rectangles(mask: Pixels, longest: int) -> list[Rectangle]:
    """Rectangles that cover exactly the pixels above 127 of ``(H, W)``; none is wider than ``longest``."""
    height, width = mask.shape
    lit = np.zeros((height, width + 2), np.int8)
    lit[:, 1:-1] = mask > 127
    open_: dict[tuple[int, int], int] = {}
    done: list[Rectangle] = []
    for y in range(height + 1):
        spans: set[tuple[int, int]] = set()
        if y < height:
            edges = np.diff(lit[y])
            for left, right in zip(np.flatnonzero(edges == 1), np.flatnonzero(edges == -1), strict=True):
                cuts = [*range(int(left), int(right), longest), int(right)]
                spans |= set(pairwise(cuts))
        for span in sorted(set(open_) - spans):
            done.append((*span, open_.pop(span), y))
        for span in spans - set(open_):
            open_[span] = y
    return sorted(done)


def ink_mesh(
    mask: Pixels,
    outline: Floats,
    bottom: float,
    top: float,
    wide: float,
    out: float = 0.003,
    scale: Callable[[float], float] | None = None,
) -> Mesh:
    """What a mask ``(H, W)`` covers, laid a hair outside the front of an upright wall.

    Args:
        outline: (K, 2) of the wall, as `forms.section` gives it.
        wide: width of the mask along the wall.
        scale: size of the outline at a height, for walls that lean.
    """
    height, width = mask.shape
    found = np.array(rectangles(mask, max(width // 24, 1)), float).reshape(-1, 4)
    x = found[:, [0, 1, 1, 0]] / width
    y = found[:, [3, 3, 2, 2]] / height
    points, normals = on_wall(outline, (x - 0.5) * wide, top - y * (top - bottom), out, scale)
    first = 4 * np.arange(len(found))[:, None]
    faces = np.concatenate([first + np.array([0, 1, 2]), first + np.array([0, 2, 3])])
    uv = np.stack([x, y], -1)
    return Mesh(points.reshape(-1, 3), normals.reshape(-1, 3), uv.reshape(-1, 2), faces)
