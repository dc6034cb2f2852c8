"""Rigid motion of products: at rest, spinning, tumbling, lifted and put down, sliding."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt

from pvtt_data.render.camera import ease
from pvtt_data.render.meshes import Mesh

Matrix = npt.NDArray[np.float64]
MotionKind = Literal["rest", "turntable", "spin", "tumble", "lift", "slide"]
MOTIONS: tuple[MotionKind, ...] = ("rest", "turntable", "spin", "tumble", "lift", "slide")


@dataclass(frozen=True, slots=True)
class Pose:
    """Where a body is: first turned about ``pivot`` (yaw, then pitch, then roll), then shifted.

    Attributes:
        shift: (x, y, z) scene units.
        yaw_deg: about the vertical; pitch_deg: top towards the camera; roll_deg: top to the right.
        pivot_z: height of the point above the body's foot that turns stay about.
        basis: (right, up, towards the camera) of a body that lives in a view's coordinates, None for the world's.
        scale: enlargement about the body's origin.
    """

    shift: tuple[float, float, float] = (0.0, 0.0, 0.0)
    yaw_deg: float = 0.0
    pitch_deg: float = 0.0
    roll_deg: float = 0.0
    pivot_z: float = 0.0
    basis: tuple[tuple[float, float, float], ...] | None = None
    scale: float = 1.0

    def rotation(self) -> Matrix:
        """(3, 3)"""
        yaw, pitch, roll = np.radians([self.yaw_deg, self.pitch_deg, self.roll_deg])
        about_z = np.array([[np.cos(yaw), -np.sin(yaw), 0], [np.sin(yaw), np.cos(yaw), 0], [0, 0, 1]])
        about_x = np.array([[1, 0, 0], [0, np.cos(pitch), -np.sin(pitch)], [0, np.sin(pitch), np.cos(pitch)]])
        about_y = np.array([[np.cos(roll), 0, np.sin(roll)], [0, 1, 0], [-np.sin(roll), 0, np.cos(roll)]])
        turn: Matrix = about_y @ about_x @ about_z
        if self.basis is None:
            return turn
        # A body in a view's coordinates turns in the picture's plane only.
        in_plane = np.array([[np.cos(roll), np.sin(roll), 0], [-np.sin(roll), np.cos(roll), 0], [0, 0, 1]])
        made: Matrix = np.array(self.basis).T @ in_plane
        return made

    def apply(self, mesh: Mesh) -> Mesh:
        """The mesh in this pose."""
        matrix = as_matrix(self)
        linear = matrix[:3, :3]
        return Mesh(mesh.vertices @ linear.T + matrix[:3, 3], mesh.normals @ self.rotation().T, mesh.uv, mesh.faces)

    def towards(self, other: Pose, share: float) -> Pose:
        """A pose part of the way to another, for poses that are close or differ in few terms."""

        def mix(first: float, last: float) -> float:
            return first + (last - first) * share

        return Pose(
            (
                mix(self.shift[0], other.shift[0]),
                mix(self.shift[1], other.shift[1]),
                mix(self.shift[2], other.shift[2]),
            ),
            mix(self.yaw_deg, other.yaw_deg),
            mix(self.pitch_deg, other.pitch_deg),
            mix(self.roll_deg, other.roll_deg),
            self.pivot_z,
            self.basis,
            mix(self.scale, other.scale),
        )


def as_matrix(pose: Pose) -> Matrix:
    """(4, 4), for column vectors."""
    matrix = np.eye(4)
    rotation = pose.rotation()
    pivot = np.array([0.0, 0.0, pose.pivot_z])
    matrix[:3, :3] = rotation * pose.scale
    matrix[:3, 3] = np.array(pose.shift) + pivot - rotation @ pivot * pose.scale
    return matrix


@dataclass(frozen=True, slots=True)
class ProductMotion:
    """How a product moves through a clip; the same for A and B.

    Attributes:
        kind: what the clip shows.
        yaw_deg: heading at the first and the last frame.
        amount: degrees of a tumble, scene units of a lift or slide.
        side: which way a slide or tumble goes, -1 or 1.
        hover: how high above its place a tumbling product floats, scene units.
    """

    kind: MotionKind = "rest"
    yaw_deg: tuple[float, float] = (0.0, 0.0)
    amount: float = 0.0
    side: float = 1.0
    hover: float = 0.22

    def pose(self, progress: float, foot_z: float, pivot_z: float) -> Pose:
        """The product's pose at a moment.

        Args:
            progress: 0 at the first frame, 1 at the last.
            foot_z: height at which the product stands.
            pivot_z: height of its middle above its foot: what spins and tumbles stay about.
        """
        even = self.yaw_deg[0] + (self.yaw_deg[1] - self.yaw_deg[0]) * progress
        soft = ease(progress, 1.0)
        if self.kind == "slide":
            away = self.amount * self.side * (1 - soft)
            return Pose((away, 0.0, foot_z), self.yaw_deg[0])
        if self.kind == "lift":
            # Up in the first half, a moment in the air, and down again; it sways a little in the hand that is not seen.
            height = self.amount * np.sin(np.pi * ease(progress, 0.6)) ** 2
            sway = 4.0 * height / max(self.amount, 1e-6) * np.sin(2 * np.pi * progress)
            return Pose((0.0, 0.0, foot_z + float(height)), even, 0.0, float(sway) * self.side, pivot_z)
        if self.kind == "tumble":
            # Weightless: it hovers above its place while it rolls over.
            angle = self.amount * soft
            return Pose((0.0, 0.0, foot_z + self.hover), even, angle * 0.3, angle * self.side, pivot_z)
        if self.kind == "spin":
            return Pose((0.0, 0.0, foot_z + 0.12 + 0.02 * float(np.sin(2 * np.pi * progress))), even)
        return Pose((0.0, 0.0, foot_z), even)

    @property
    def floats(self) -> bool:
        """Whether the product leaves the ground."""
        return self.kind in ("lift", "tumble", "spin")
