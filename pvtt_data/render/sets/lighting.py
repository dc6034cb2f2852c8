"""Key, fill, rim and the room's light, measured as a photographer would: at the product.

Strengths are the radiance of a white card at the product that faces the lamp.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import product
from pathlib import Path

import numpy as np

from pvtt_data.render.material import Rgb
from pvtt_data.render.sets.skies import directions, load_hdri, mean_radiance, softbox_sky
from pvtt_data.render.sets.views import Views, spread
from pvtt_data.render.stage_set import Environment, Point, Softbox

_FACES = ((0.0, -1.0, 0.0), (-0.7, -0.7, 0.14), (0.7, -0.7, 0.14), (0.0, -0.5, 0.866))
"""Sides of a product that cameras see."""
_WIDTH_OF_LIGHT_SKY = 512
_SLIPS_DEG = (0.0, 15.0, 30.0, 45.0, 60.0, 75.0)
_RISES_DEG = tuple(range(0, 28, 4))
_PUSHES = (1.0, 1.15, 1.3, 1.5, 1.75, 2.1)
"""How a lamp that is in view, or in the wall, is moved: towards the front, upwards, outwards."""


@dataclass(frozen=True, slots=True)
class Lights:
    """What lights a set."""

    lamps: tuple[Softbox, ...]
    environment: Environment


def white(warmth: float) -> Rgb:
    """Light whose red outweighs green by a share, and whose blue falls behind as much."""
    return (1 + warmth, 1.0, 1 - warmth)


def lamp(
    views: Views,
    turn_deg: float,
    lift_deg: float,
    apparent: tuple[float, float],
    strength: float,
    warmth: float = 0.0,
    *,
    distance: float = 4.6,
    behind: float = 2.4,
) -> Softbox:
    """A softbox aimed at the product, far enough away that no camera sees it.

    Args:
        views: the cameras of the set.
        turn_deg: where it stands; 0 behind the camera, positive to the right, 180 behind the product.
        lift_deg: height above the horizon, seen from the product.
        apparent: width and height divided by the distance.
        strength: radiance of a white card at the product that faces it.
        warmth: see `white`.
        distance: the least distance, in scene units.
        behind: y beyond which no lamp may stand, because the backdrop is there.

    Raises:
        ValueError: every place in that direction is in view.
    """
    aim: Point = (0.0, 0.0, views.stand_z + 0.4)
    straight = (turn_deg + 180) % 360 - 180
    for slip, rise, push in product(_SLIPS_DEG, _RISES_DEG, _PUSHES):
        turn = np.radians(straight - np.sign(straight) * slip)
        lift = np.radians(min(lift_deg + rise, 86.0))
        away = distance * push
        flat = away * np.cos(lift)
        position = (float(flat * np.sin(turn)), float(-flat * np.cos(turn)), float(aim[2] + away * np.sin(lift)))
        size = (apparent[0] * away, apparent[1] * away)
        points = spread(position, aim, size)
        if points[:, 1].max() < behind and points[:, 2].min() > 0.3 and not views.see(points):
            # A source of radiance L that fills a small solid angle w gives E = L w; a white card sends E / pi.
            radiance = strength * np.pi / (apparent[0] * apparent[1])
            r, g, b = white(warmth)
            return Softbox(position, aim, size, (r * radiance, g * radiance, b * radiance))
    raise ValueError(f"a lamp at {turn_deg:.0f} degrees, {lift_deg:.0f} degrees up, is in view from everywhere")


def room(rng: np.random.Generator, strength: float, warmth: float, hdris: Sequence[Path] = ()) -> Environment:
    """Light from all around whose mean radiance is `strength`: a painted studio or, half the time, one of the HDRIs."""
    if hdris and rng.random() < 0.5:
        sky = load_hdri(hdris[int(rng.integers(len(hdris)))], _WIDTH_OF_LIGHT_SKY, peak=12.0)
    else:
        sky = softbox_sky(rng, warmth)
    return Environment(sky, yaw_deg=0.0, scale=strength)


def three_point(
    rng: np.random.Generator,
    views: Views,
    hdris: Sequence[Path] = (),
    *,
    side: float,
    contrast: float,
    behind: float = 2.4,
    warmth: float = 0.0,
    softness: tuple[float, float] = (0.28, 0.5),
    rim: float = 0.7,
) -> Lights:
    """A key from one side, a weak fill from the other, a rim from behind, and the room.

    Args:
        side: -1 puts the key on the left, 1 on the right.
        contrast: 0 flat and airy, 1 dramatic.
        behind: y of the backdrop, less what a lamp needs.
        softness: range of the key's width as a share of its distance.
        rim: strength of the rim light; the key's is 1.
    """
    width = rng.uniform(*softness)
    key = lamp(
        views,
        side * rng.uniform(30, 62),
        rng.uniform(32, 52),
        (width, width * rng.uniform(0.8, 1.3)),
        1.0,
        warmth,
        behind=behind,
    )
    fill = lamp(
        views,
        -side * (rng.uniform(55, 80) if behind > 1.2 else rng.uniform(42, 60)),
        rng.uniform(18, 30),
        (0.55, 0.55),
        0.22 * (1 - contrast) + 0.03,
        -0.4 * warmth,
        behind=behind,
    )
    back = lamp(
        views,
        180 - side * rng.uniform(15, 40),
        rng.uniform(50, 60),
        (0.3, 0.22),
        rim * rng.uniform(0.8, 1.2),
        -0.5 * warmth,
        distance=3.6,
        behind=behind,
    )
    around = room(rng, 0.24 * (1 - contrast) + 0.06, -0.3 * warmth, hdris)
    return balanced(Lights((key, fill, back), around), views)


def exposure_at(lights: Lights, views: Views) -> float:
    """Mean radiance of a white card at the product over the sides that cameras see, shadows left out."""
    probe = np.array([0.0, 0.0, views.stand_z + 0.4])
    total = 0.0
    for box in lights.lamps:
        points = spread(box.position, box.aim, box.size, 5)
        ways = probe - points
        far = np.linalg.norm(ways, axis=1)
        ways /= far[:, None]
        facing = np.array(box.aim) - np.array(box.position)
        facing /= np.linalg.norm(facing)
        area = box.size[0] * box.size[1]
        share = np.maximum(ways @ facing, 0) * area / far**2 / np.pi
        for face in _FACES:
            cosine = np.maximum(-(ways @ np.array(face)), 0)
            total += float((share * cosine).mean()) * sum(box.radiance) / 3
    sky = lights.environment
    view = directions(*sky.radiance.shape[:2])
    # The backdrop hides what is behind the product, the floor what is below.
    open_to = (view[..., 1] < 0.2) & (view[..., 2] > 0)
    around = mean_radiance(sky.radiance, open_to) * sky.scale * 0.6
    return total / len(_FACES) + around


def balanced(lights: Lights, views: Views, level: float = 0.66) -> Lights:
    """The same light, brighter or darker, so that `exposure_at` gives `level`."""
    gain = level / exposure_at(lights, views)
    lamps = tuple(
        replace(box, radiance=(box.radiance[0] * gain, box.radiance[1] * gain, box.radiance[2] * gain))
        for box in lights.lamps
    )
    return Lights(lamps, replace(lights.environment, scale=lights.environment.scale * gain))


def jittered(rng: np.random.Generator, lights: Lights, spread_share: float = 0.05) -> Lights:
    """The same light as a camera sees it whose white balance is slightly off."""
    warm, green = rng.uniform(-spread_share, spread_share), rng.uniform(-0.015, 0.015)
    r, g, b = 1 + warm, 1 + green, 1 - warm
    lamps = tuple(
        replace(box, radiance=(box.radiance[0] * r, box.radiance[1] * g, box.radiance[2] * b)) for box in lights.lamps
    )
    sky = (lights.environment.radiance * np.array([r, g, b], np.float32)).astype(np.float32)
    return Lights(lamps, replace(lights.environment, radiance=sky))
