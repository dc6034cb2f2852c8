"""What passes between camera and product: a hand, a twig, sheer cloth, something near and out of focus."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from pvtt_data.render import meshes
from pvtt_data.render.material import Material, Part, Texture
from pvtt_data.render.sets.hand import hand
from pvtt_data.render.sets.palette import EARTHS, NEUTRALS, PASTELS, picked
from pvtt_data.render.sets.props import plants
from pvtt_data.render.sets.solids import rotation, surface
from pvtt_data.render.stage_set import Occluder

PORTRAIT = 480 / 848
Maker = Callable[[np.random.Generator, float], Occluder]
Spot = tuple[float, float]


def _turned(parts: tuple[Part, ...], degrees: float) -> tuple[Part, ...]:
    """Parts turned in the picture plane, counter-clockwise."""
    c, s = np.cos(np.radians(degrees)), np.sin(np.radians(degrees))
    turn = np.array([[c, -s, 0], [s, c, 0], [0, 0, 1]])
    return tuple(Part(part.mesh.turned(turn), part.material) for part in parts)


def _pace(rng: np.random.Generator) -> tuple[float, float]:
    """Shares of the clip at which a movement begins and ends."""
    begin = rng.uniform(0.0, 0.35)
    return float(begin), float(min(begin + rng.uniform(0.35, 0.6), 1.0))


def reaching_hand(rng: np.random.Generator, aspect: float) -> Occluder:
    """A hand that comes in from a side or a lower corner as far as the product's edge and rests, or draws back."""
    side = float(rng.choice((-1.0, 1.0)))
    rise = rng.uniform(-5, 28)
    # Fingers of a hand that comes from the right point to the left, a little upwards.
    degrees = side * (90 - rise)
    size = rng.uniform(0.75, 0.95)
    parts = tuple(Part(part.mesh.scaled(size), part.material) for part in hand(rng, left=side < 0))
    way = np.array([-np.sin(np.radians(degrees)), np.cos(np.radians(degrees))])
    rest = np.array([side * rng.uniform(0.42, 0.58), rng.uniform(-0.35, 0.25)])
    away = rest - way * (aspect + 1.2)
    outside, inside = (float(away[0]), float(away[1])), (float(rest[0]), float(rest[1]))
    begin, finish = _pace(rng)
    start, end = (outside, inside) if rng.random() < 0.6 else (inside, outside)
    roll = rng.uniform(-12, 12)
    return Occluder(_turned(parts, degrees), rng.uniform(0.62, 0.78), start, end, (float(roll), 0.0), begin, finish)


def passing_hand(rng: np.random.Generator, aspect: float) -> Occluder:
    """A hand that comes up from below, beside the middle, and sweeps past the lower part of the product."""
    side = float(rng.choice((-1.0, 1.0)))
    size = rng.uniform(0.7, 0.9)
    parts = tuple(Part(part.mesh.scaled(size), part.material) for part in hand(rng, left=rng.random() < 0.5))
    height = rng.uniform(-0.75, -0.5)
    far = aspect + 0.75
    begin, finish = _pace(rng)
    return Occluder(
        _turned(parts, side * rng.uniform(10, 35)),
        rng.uniform(0.45, 0.6),
        (side * far, height - 0.15),
        (-side * far, height),
        (0.0, side * float(rng.uniform(5, 20))),
        begin,
        finish,
    )


def leafy_twig(rng: np.random.Generator, aspect: float) -> Occluder:
    """A twig at an edge of the picture that sways a little into the product."""
    side, above = float(rng.choice((-1.0, 1.0))), float(rng.choice((-1.0, 1.0)))
    root = (side * (aspect + rng.uniform(0.05, 0.2)), above * rng.uniform(0.5, 0.9))
    tip = (side * rng.uniform(-0.05, 0.2), above * rng.uniform(-0.25, 0.3))
    reach = np.array([tip[0] - root[0], tip[1] - root[1]])
    length = float(np.hypot(*reach))
    slim = float(rng.choice((0.3, 0.5, 0.8)))
    wood, leaves = plants.twig(rng, length, 2 + int(5 * length), rng.uniform(0.22, 0.34), slim, 0.15)
    bark = Material("#6b5238", roughness=0.85)
    degrees = float(np.degrees(np.arctan2(reach[1], reach[0])))
    parts = _turned((Part(wood, bark), Part(leaves, plants.foliage(rng))), degrees)
    drift = (root[0] + side * rng.uniform(0.2, 0.5), root[1] + rng.uniform(-0.15, 0.15))
    start, end = (drift, root) if rng.random() < 0.5 else (root, drift)
    return Occluder(parts, rng.uniform(0.45, 0.75), start, end, (0.0, float(rng.uniform(-10, 10))), 0.0, 1.0)


def _tulle(rng: np.random.Generator, colour: str) -> Material:
    """Sheer cloth: threads with holes between them."""
    pixel = 512
    at = np.arange(pixel) % 8
    thread = (at < 3)[None, :] | (at < 3)[:, None]
    loose = rng.random((pixel, pixel)) < 0.08
    holes = np.where(thread | loose, 255, 0).astype(np.uint8)[..., None]
    return Material(colour, roughness=0.8, specular=0.2, sheen=0.4, opacity=Texture(holes, srgb=False))


def sheer_cloth(rng: np.random.Generator, aspect: float) -> Occluder:
    """The hanging edge of a sheer curtain that a draught moves past the product."""
    width, rows, columns = rng.uniform(0.35, 0.5), 50, 60
    across, down = np.meshgrid(np.linspace(-0.5, 0.5, columns), np.linspace(-1.6, 1.6, rows))
    billow = 0.16 * np.sin(1.1 * down + rng.uniform(0, 6.3)) + 0.05 * np.sin(2.7 * down + rng.uniform(0, 6.3))
    folds = 2 * np.pi * across * rng.uniform(2.0, 3.5) + 0.8 * np.sin(1.3 * down + rng.uniform(0, 6.3))
    grid = np.stack([width * across + billow, down, 0.05 * np.sin(folds)], -1)
    mesh = surface(grid, 0.9)
    part = Part(mesh, _tulle(rng, picked(rng, NEUTRALS + PASTELS)))
    side = float(rng.choice((-1.0, 1.0)))
    far = aspect + 0.5 * width + 0.3
    begin, finish = _pace(rng)
    return Occluder((part,), rng.uniform(0.45, 0.75), (side * far, 0.0), (-side * far, 0.0), (0.0, 0.0), begin, finish)


def near_thing(rng: np.random.Generator, aspect: float) -> Occluder:
    """Something close to the lens and out of focus that the view slides past: a bottle, a ball, a large leaf."""
    side = float(rng.choice((-1.0, 1.0)))
    kind = int(rng.integers(3))
    if kind == 0:
        colour = Material(picked(rng, EARTHS + NEUTRALS), roughness=0.5)
        body = plants.vase(rng, rng.uniform(0.9, 1.2)).turned(rotation(pitch_deg=-90)).shifted(np.array([0, -0.6, 0]))
        parts: tuple[Part, ...] = (Part(body, colour),)
    elif kind == 1:
        ball = meshes.ball(rng.uniform(0.18, 0.26))
        middle = float(ball.vertices[:, 2].max()) / 2
        parts = (Part(ball.moved(z=-middle), Material(picked(rng, EARTHS), roughness=0.4)),)
    else:
        leaf = meshes.leaf(rng.uniform(0.9, 1.2), rng.uniform(0.3, 0.4), 12, 0.2, 0.3)
        parts = _turned((Part(leaf.moved(x=-0.5), plants.foliage(rng)),), rng.uniform(40, 140))
    low, far = rng.uniform(-0.7, -0.2), aspect + 0.75
    begin, finish = _pace(rng)
    roll = (0.0, float(rng.uniform(-12, 12)))
    return Occluder(parts, rng.uniform(0.32, 0.5), (side * far, low), (-side * far, low), roll, begin, finish)


MAKERS: tuple[tuple[Maker, float], ...] = (
    (reaching_hand, 0.38),
    (passing_hand, 0.14),
    (leafy_twig, 0.20),
    (sheer_cloth, 0.12),
    (near_thing, 0.16),
)
"""What may pass, and how often."""


def draw_occluder(rng: np.random.Generator, aspect: float = PORTRAIT) -> Occluder:
    """Something that hides a part of the product for a part of the clip.

    Args:
        rng: random numbers.
        aspect: width of the picture divided by its height; things come from beyond its edges.
    """
    index = int(rng.choice(len(MAKERS), p=[weight for _, weight in MAKERS]))
    return MAKERS[index][0](rng, aspect)
