"""A set: everything in front of the camera but the product."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from pvtt_data.render.material import Part, Rgb

Point = tuple[float, float, float]
Range = tuple[float, float]


@dataclass(frozen=True, slots=True)
class Softbox:
    """A rectangular lamp that shines towards its aim.

    Attributes:
        position: centre, (x, y, z) in scene units.
        aim: the point it faces.
        size: (width, height) in scene units.
        radiance: linear RGB.
    """

    position: Point
    aim: Point
    size: tuple[float, float]
    radiance: Rgb


@dataclass(frozen=True, slots=True, eq=False)
class Environment:
    """Light from all around.

    Attributes:
        radiance: ``(H, W, 3) float32`` linear RGB, a latitude-longitude picture, its top row the zenith; a constant
            sky is a picture of one pixel.
        yaw_deg: turns it about the vertical.
        scale: multiplies it.
    """

    radiance: npt.NDArray[np.float32]
    yaw_deg: float = 0.0
    scale: float = 1.0


@dataclass(frozen=True, slots=True, eq=False)
class Occluder:
    """Something that passes between camera and product: a hand with an arm, a twig with leaves, a cloth.

    Its parts are in coordinates of their own, the origin at the point that follows the path. The path runs in those
    of the view: x to the right, y up, both in units of half the picture's height (a portrait frame of 480x848
    reaches to x = ±0.57, y = ±1), so that a path says what is covered when, whatever the camera does.

    Attributes:
        parts: sized for a picture whose half height is 1; they face the camera in the x-y plane, +z towards the camera.
        depth: distance from the camera as a share of the distance to the product, 0.3 to 0.9.
        start: (x, y) at the first frame.
        end: (x, y) at the last frame.
        roll_deg: turn in the picture plane at the first and the last frame.
        begin: share of the clip after which it starts to move.
        finish: share of the clip after which it rests.
    """

    parts: tuple[Part, ...]
    depth: float
    start: tuple[float, float]
    end: tuple[float, float]
    roll_deg: Range = (0.0, 0.0)
    begin: float = 0.0
    finish: float = 1.0


@dataclass(frozen=True, slots=True, eq=False)
class StageSet:
    """Floor, backdrop, props and lamps around the place where the product stands.

    The product stands on (0, 0, stand_z), within a cylinder of radius ``room`` around the z axis; the camera looks
    about +y. Props keep clear of the cylinder and of the view from the camera to it.

    Attributes:
        style: what kind of set it is, a key of the set library.
        parts: all props.
        lamps: softboxes; key, fill and rim.
        environment: light from all around.
        stand_z: height at which the product stands.
        room: radius around the z axis that is free for the product.
        exposure: linear gain that gives a well-exposed picture.
        azimuth_deg: directions from which the set looks complete; 0 looks along +y, positive moves the camera to the
            right.
        elevation_deg: heights of the camera above the horizon that suit the set.
        max_distance: how far the camera may be from the product.
        occluders: what passes in front.
        open_sky: whether the environment is a backdrop that cameras may see; else parts hide it everywhere.
    """

    style: str
    parts: tuple[Part, ...]
    lamps: tuple[Softbox, ...]
    environment: Environment
    stand_z: float = 0.0
    room: float = 0.55
    exposure: float = 1.0
    azimuth_deg: Range = (-25.0, 25.0)
    elevation_deg: Range = (4.0, 35.0)
    max_distance: float = 6.0
    occluders: tuple[Occluder, ...] = ()
    open_sky: bool = False
