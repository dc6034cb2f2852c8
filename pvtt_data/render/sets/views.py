"""What cameras may see of a set, so that lamps stay out of the picture and backdrops reach far enough."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from pvtt_data.render.stage_set import Point, Range

Floats = npt.NDArray[np.float64]

WIDEST_FOV_DEG = 40.0
"""Vertical field of view of the widest lens."""
WIDEST_ASPECT = 832 / 480
NEAREST = 1.6
"""The closest that a camera comes to what it looks at, in scene units."""
AIM_HEIGHTS = (0.0, 0.9)
"""What cameras look at lies between these heights above the product's foot, at most `AIM_ASIDE` beside the axis."""
AIM_ASIDE = 0.25


@dataclass(frozen=True, slots=True)
class Views:
    """The cameras that suit a set; attributes as in `StageSet`."""

    azimuth_deg: Range = (-25.0, 25.0)
    elevation_deg: Range = (4.0, 35.0)
    max_distance: float = 6.0
    stand_z: float = 0.0

    def camera(
        self, azimuth_deg: float, elevation_deg: float, distance: float, aim_z: float = 0.45, aim_x: float = 0.0
    ) -> tuple[Floats, Floats]:
        """Where a camera is, ``(3,)``, and its axes as rows: right, up, forward, ``(3, 3)``."""
        a, e = np.radians(azimuth_deg), np.radians(elevation_deg)
        forward = np.array([-np.sin(a) * np.cos(e), np.cos(a) * np.cos(e), -np.sin(e)])
        right = np.array([np.cos(a), np.sin(a), 0.0])
        origin = np.array([aim_x, 0.0, aim_z + self.stand_z]) - distance * forward
        return origin, np.stack([right, np.cross(right, forward), forward])

    def extremes(self) -> list[tuple[Floats, Floats]]:
        """Cameras at the limits and in the middle of the ranges."""
        middles = [(low, (low + high) / 2, high) for low, high in (self.azimuth_deg, self.elevation_deg)]
        distances = (NEAREST, self.max_distance / 2, 0.75 * self.max_distance, self.max_distance)
        return [
            self.camera(azimuth, elevation, distance, aim_z, aside)
            for azimuth in middles[0]
            for elevation in middles[1]
            for distance in distances
            for aim_z in AIM_HEIGHTS
            for aside in (-AIM_ASIDE, AIM_ASIDE)
        ]

    def see(self, points: Floats) -> bool:
        """Whether some camera sees one of the points ``(N, 3)``, however far away, nothing being in between."""
        # A little more than the lens sees, for the sway of a hand.
        high = 1.04 * np.tan(np.radians(WIDEST_FOV_DEG / 2))
        wide = high * WIDEST_ASPECT
        for origin, axes in self.extremes():
            x, y, depth = axes @ (points - origin).T
            if bool(np.any((depth > 0.05) & (np.abs(x) < wide * depth) & (np.abs(y) < high * depth))):
                return True
        return False


def spread(position: Point, aim: Point, size: tuple[float, float], steps: int = 6) -> Floats:
    """Points over a rectangle that faces its aim, ``(steps ** 2, 3)``."""
    centre, towards = np.array(position), np.array(aim)
    forward = (towards - centre) / np.linalg.norm(towards - centre)
    right = np.cross(forward, [0.0, 0.0, 1.0])
    right = right / np.linalg.norm(right) if np.linalg.norm(right) > 1e-6 else np.array([1.0, 0.0, 0.0])
    up = np.cross(right, forward)
    at = np.linspace(-0.5, 0.5, steps)
    u, v = (axis.ravel()[:, None] for axis in np.meshgrid(at, at))
    points: Floats = centre + u * size[0] * right + v * size[1] * up
    return points
