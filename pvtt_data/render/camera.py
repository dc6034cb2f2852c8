"""Cameras: where one stands at a moment, and how it moves through a clip."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import Literal

import numpy as np
import numpy.typing as npt

Vector = npt.NDArray[np.float64]
Range = tuple[float, float]
MoveKind = Literal["static", "orbit", "push-in", "pull-out", "dolly", "crane", "arc-push"]
MOVES: tuple[MoveKind, ...] = ("static", "orbit", "push-in", "pull-out", "dolly", "crane", "arc-push")


@dataclass(frozen=True, slots=True, eq=False)
class View:
    """A camera at a moment.

    Attributes:
        origin: position of the lens, ``(3,)`` scene units.
        forward, right, up: orthonormal axes, ``(3,)`` each.
        focus: distance along ``forward`` that is sharp.
    """

    origin: Vector
    forward: Vector
    right: Vector
    up: Vector
    focus: float


@dataclass(frozen=True, slots=True)
class Lens:
    """What does not change through a clip.

    Attributes:
        width_px, height_px: size of the picture.
        fov_y_deg: vertical field of view.
        aperture: radius of the lens in scene units; 0 is sharp everywhere.
        shutter: share of the frame interval for which the shutter is open; 0.5 is the usual 180 degrees.
    """

    width_px: int
    height_px: int
    fov_y_deg: float = 24.0
    aperture: float = 0.03
    shutter: float = 0.5

    @property
    def tan_half_fov(self) -> float:
        """Half the picture's height at distance 1."""
        return float(np.tan(np.radians(self.fov_y_deg) / 2))

    def project(self, view: View, points: npt.NDArray[np.floating]) -> tuple[npt.NDArray[np.float64], Vector]:
        """Where points fall in the picture.

        Args:
            points: ``(..., 3)`` in scene units.

        Returns:
            ``(..., 2)`` pixel coordinates, (0, 0) the top left corner of the top left pixel, and ``(...)`` depth along
            the view's axis.
        """
        relative = np.asarray(points, np.float64) - view.origin
        depth = relative @ view.forward
        scale = self.height_px / 2 / self.tan_half_fov / np.where(np.abs(depth) < 1e-9, 1e-9, depth)
        x = self.width_px / 2 + relative @ view.right * scale
        y = self.height_px / 2 - relative @ view.up * scale
        return np.stack([x, y], -1), depth


def look_at(origin: Vector, aim: Vector, focus: float, roll_deg: float = 0.0) -> View:
    """The view from a point to another, z up, turned about its axis by ``roll_deg``."""
    forward = (aim - origin) / np.linalg.norm(aim - origin)
    right = np.cross(forward, [0.0, 0.0, 1.0])
    right /= np.linalg.norm(right)
    up = np.cross(right, forward)
    cos, sin = np.cos(np.radians(roll_deg)), np.sin(np.radians(roll_deg))
    return View(origin, forward, cos * right + sin * up, cos * up - sin * right, focus)


@dataclass(frozen=True, slots=True)
class CameraMove:
    """A smooth move around the product. Every pair is (value at the first frame, value at the last).

    Attributes:
        kind: what a film crew would call it.
        azimuth_deg: 0 looks along +y, positive has the camera to the right of the product.
        elevation_deg: above the horizon.
        distance: to the aim, scene units.
        aim_x, aim_z: the point looked at, at y = 0, z above the product's foot.
        focus_shift: how far behind (+) or before (-) the product's axis the sharp plane lies, scene units; a rack focus
            has two values.
        shake: unrest of the hand in degrees; 0 is a tripod. It is the standard deviation that the turn of the hand has
            in yaw and in pitch, over a long time. As the hand also travels while it holds on to its aim, the view's
            direction has 1.15 times that in each (√(1 + 0.573²), 0.573° being what a hundredth of the distance is seen
            as), and half of it in roll; within 3 s, as the slowest sway takes longer, about 0.8 times on the median.
        shake_seed: which hand.
        ease: 0 moves evenly, 1 starts and stops softly.
    """

    kind: MoveKind
    azimuth_deg: Range
    elevation_deg: Range
    distance: Range
    aim_x: Range = (0.0, 0.0)
    aim_z: Range = (0.45, 0.45)
    focus_shift: Range = (-0.12, -0.12)
    shake: float = 0.0
    shake_seed: int = 0
    ease: float = 0.7

    def view(self, progress: float, time_s: float, foot_z: float = 0.0) -> View:
        """The camera at a moment.

        Args:
            progress: 0 at the first frame, 1 at the last; values beyond (an open shutter) go on smoothly.
            time_s: seconds since the first frame; drives the shake.
            foot_z: height at which the product stands.
        """
        eased = ease(progress, self.ease)

        def at(ends: Range) -> float:
            return ends[0] + (ends[1] - ends[0]) * eased

        azimuth, elevation = np.radians(at(self.azimuth_deg)), np.radians(at(self.elevation_deg))
        aim = np.array([at(self.aim_x), 0.0, foot_z + at(self.aim_z)])
        away = np.array([np.sin(azimuth) * np.cos(elevation), -np.cos(azimuth) * np.cos(elevation), np.sin(elevation)])
        distance = at(self.distance)
        yaw, pitch, roll, heave, sway = hand(self.shake_seed, time_s) * self.shake
        origin = aim + distance * away
        steady = look_at(origin, aim, 1.0)
        # The hand turns more than it travels: a degree of turn comes with about a hundredth of the distance.
        origin = origin + distance * 0.01 * (sway * steady.right + heave * steady.up)
        aim = aim + distance * (np.tan(np.radians(yaw)) * steady.right + np.tan(np.radians(pitch)) * steady.up)
        axis = np.array([0.0, 0.0, aim[2]])
        forward = (aim - origin) / np.linalg.norm(aim - origin)
        focus = float((axis - origin) @ forward) + at(self.focus_shift)
        return look_at(origin, aim, max(focus, 0.05), roll * 0.5)


def ease(progress: float, softness: float) -> float:
    """Progress with soft ends: a mix of even motion and the smoothstep 3t² - 2t³, which rests at both ends."""
    inside = min(max(progress, 0.0), 1.0)
    return (1 - softness) * progress + softness * inside * inside * (3 - 2 * inside)


_TREMOR_HZ = 9.0
"""Physiological tremor of the hand lies at 8 to 12 Hz (Elble & Koller 1990)."""
_SWAY_HZ = (0.15, 3.2)


def hand(seed: int, time_s: float) -> Vector:
    """Unrest of a hand-held camera: (yaw, pitch, roll, heave, sway), each of standard deviation about 1.

    Sines at eight frequencies from 0.15 to 3.2 Hz with amplitudes falling as 1/f, the spectrum of postural sway, and a
    weak tremor at 9 Hz.
    """
    frequency, amplitude, phase = _sines(seed)
    unrest: Vector = (amplitude * np.sin(2 * np.pi * frequency * time_s + phase)).sum(axis=1)
    return unrest


@lru_cache(maxsize=64)
def _sines(seed: int) -> tuple[Vector, Vector, Vector]:
    """Frequencies (Hz), amplitudes and phases of a hand, ``(5, 9)`` each."""
    rng = np.random.default_rng((seed, 0x5A4E))
    count = 8
    frequency = np.geomspace(*_SWAY_HZ, count) * rng.uniform(0.85, 1.15, (5, count))
    amplitude = 1.0 / frequency
    amplitude = np.concatenate([amplitude, np.full((5, 1), 0.02 * amplitude.max())], axis=1)
    frequency = np.concatenate([frequency, np.full((5, 1), _TREMOR_HZ)], axis=1)
    phase = rng.uniform(0, 2 * np.pi, (5, count + 1))
    amplitude /= np.sqrt((amplitude**2).sum(axis=1, keepdims=True) / 2)
    return frequency, amplitude, phase
