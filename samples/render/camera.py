"""Camera moves around a product."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Vector = NDArray[np.float64]
Range = tuple[float, float]


@dataclass(frozen=True, slots=True)
class CameraMove:
    """A smooth move. Every pair is (value at the first frame, value at the last).

    azimuth_deg: 0 looks along +y, positive to the right of the product; elevation_deg above the horizon; distance
    to the aim in scene units; aim_x and aim_z: the point looked at, at y = 0, z above the product's foot.
    fov_y_deg: vertical field of view; aperture: lens radius in scene units; sway: amplitude of the hand, in scene
    units; seed: which hand.
    """

    azimuth_deg: Range
    elevation_deg: Range
    distance: Range
    aim_x: Range = (0.0, 0.0)
    aim_z: Range = (0.45, 0.45)
    fov_y_deg: float = 24.0
    aperture: float = 0.035
    sway: float = 0.004
    seed: int = 0

    def pose(self, progress: float, time_s: float) -> tuple[Vector, Vector]:
        """Where the camera is and what it looks at, each (3,), with the product's foot at the origin.

        progress: 0 at the first frame of the shot, 1 at the last.
        """
        eased = 0.5 * progress + 0.5 * progress * progress * (3 - 2 * progress)

        def at(ends: Range) -> float:
            return ends[0] + (ends[1] - ends[0]) * eased

        azimuth, elevation = np.radians(at(self.azimuth_deg)), np.radians(at(self.elevation_deg))
        aim = np.array([at(self.aim_x), 0.0, at(self.aim_z)])
        away = np.array([np.sin(azimuth) * np.cos(elevation), -np.cos(azimuth) * np.cos(elevation), np.sin(elevation)])
        return aim + at(self.distance) * away + self._sway(time_s, 0), aim + self._sway(time_s, 1)

    def _sway(self, time_s: float, which: int) -> Vector:
        """Three slow sines an axis: the unrest of a gimbal."""
        rng = np.random.default_rng((self.seed, which))
        frequency_hz = rng.uniform(0.2, 0.9, (3, 3))
        phase = rng.uniform(0, 2 * np.pi, (3, 3))
        weight = rng.uniform(0.3, 1.0, (3, 3))
        swing: Vector = (weight * np.sin(2 * np.pi * frequency_hz * time_s + phase)).sum(axis=1)
        return self.sway * swing / 2
