"""How articles are put down: turned, stood up, laid so that they rest on two points."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from pvtt_data.render.material import Part
from pvtt_data.render.meshes import Floats, Mesh
from pvtt_data.render.products.sweeps import turned_x

Parts = tuple[Part, ...]


def changed(parts: Parts, change: Callable[[Mesh], Mesh]) -> Parts:
    """The parts with every mesh changed alike."""
    return tuple(Part(change(part.mesh), part.material) for part in parts)


def points(parts: Parts) -> Floats:
    """All vertices (N, 3)."""
    return np.concatenate([part.mesh.vertices for part in parts])


def on_floor(parts: Parts) -> Parts:
    """The parts lifted or lowered so that the lowest point is at z = 0."""
    low = float(points(parts)[:, 2].min())
    return changed(parts, lambda mesh: mesh.moved(z=-low))


def standing(parts: Parts, yaw_deg: float = 0.0, lean_deg: float = 0.0) -> Parts:
    """Upright, tipped a little so that the top comes towards the camera, then turned about z."""
    return on_floor(changed(parts, lambda mesh: turned_x(mesh, lean_deg).moved(yaw_deg=yaw_deg)))


def lying(parts: Parts, yaw_deg: float = 0.0, least_deg: float = 40.0, most_deg: float = 110.0) -> Parts:
    """Tipped with the top towards the camera until the article rests both in front of its middle and behind it."""
    cloud = points(parts)
    middle = cloud.mean(axis=0)

    def rests_in_front(degrees: float) -> bool:
        c, s = np.cos(np.radians(degrees)), np.sin(np.radians(degrees))
        y, z = cloud[:, 1] * c - cloud[:, 2] * s, cloud[:, 1] * s + cloud[:, 2] * c
        return bool(y[int(np.argmin(z))] < middle[1] * c - middle[2] * s)

    low, high = least_deg, most_deg
    for _ in range(30):
        half = (low + high) / 2
        low, high = (low, half) if rests_in_front(half) else (half, high)
    return standing(parts, yaw_deg, (low + high) / 2)
