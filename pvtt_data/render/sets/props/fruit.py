"""Fruit."""

from __future__ import annotations

import numpy as np

from pvtt_data.render import meshes
from pvtt_data.render.material import Material, Part
from pvtt_data.render.sets.palette import turned
from pvtt_data.render.sets.props.prop import Prop, prop
from pvtt_data.render.sets.solids import pebble, rotation, stretched, tube, turned_uneven
from pvtt_data.render.sets.textures.organic import peel

_STALK = Material("#5b4426", roughness=0.8)
_CALYX = Material("#5a6b2c", roughness=0.7)


def _round(radius: float, dent_top: float, dent_foot: float, waist: float = 1.0) -> list[tuple[float, float]]:
    """The profile of a fruit: a ball with dents at its poles; waist: height by width."""
    points = []
    for t in np.linspace(0, np.pi, 37):
        r = radius * np.sin(t)
        z = radius * waist * (1 - np.cos(t))
        share = float(np.sin(t))
        z += radius * (
            dent_foot * np.exp(-((share / 0.3) ** 2)) if t < 1.57 else -dent_top * np.exp(-((share / 0.32) ** 2))
        )
        points.append((float(r), float(z)))
    low = min(z for _, z in points)
    return [(r, z - low) for r, z in points]


def orange(rng: np.random.Generator) -> Prop:
    """An orange, a mandarin or a grapefruit."""
    radius = rng.uniform(0.13, 0.17)
    colour = ("#ef8a17", "#f0971d", "#ea7a1c", "#efb045")[int(rng.integers(4))]
    skin = peel(rng, colour, turned(colour, 0.02, 1.0, 0.95), 1.0)
    body = turned_uneven(rng, _round(radius, 0.10, 0.04, 0.95), 0.012)
    top = float(body.vertices[:, 2].max())
    star = meshes.disc(radius * 0.13, 0.010, 0.004).moved(z=top - 0.10 * radius - 0.004)
    lean = rotation(rng.uniform(-40, 40), rng.uniform(-35, 35), rng.uniform(-180, 180))
    middle = np.array([0.0, 0.0, top / 2])
    return prop(
        [Part(mesh.shifted(-middle).turned(lean).shifted(middle), m) for mesh, m in ((body, skin), (star, _CALYX))]
    )


def lemon(rng: np.random.Generator) -> Prop:
    """A lemon or a lime that lies on its side."""
    lime = rng.random() < 0.4
    half = rng.uniform(0.14, 0.17)
    colour = "#86a53a" if lime else "#f0cf3a"
    skin = peel(rng, colour, turned(colour, -0.03, 1.0, 0.9), 0.8)
    profile = [
        (
            float(
                0.70 * half * np.sin(t) ** 0.9
                + 0.04 * half * np.exp(-(((np.sin(t) - 0.15) / 0.1) ** 2)) * (np.sin(t) > 0)
            ),
            float(half * (-np.cos(t) - 0.10 * np.cos(t) ** 9)),
        )
        for t in np.linspace(0, np.pi, 41)
    ]
    body = turned_uneven(rng, profile, 0.02).turned(rotation(roll_deg=90, yaw_deg=rng.uniform(-180, 180)))
    return prop([Part(body.moved(z=-float(body.vertices[:, 2].min())), skin)])


def apple(rng: np.random.Generator) -> Prop:
    """An apple with its stalk."""
    radius = rng.uniform(0.14, 0.165)
    colour, blush = (("#b92b2a", "#e2b04a"), ("#9dbb42", "#c9542f"), ("#d9a441", "#b4352c"))[int(rng.integers(3))]
    body = turned_uneven(rng, _round(radius, 0.38, 0.22, 0.9), 0.025)
    top = float(body.vertices[:, 2].max())
    low = top - 0.30 * radius
    stalk = tube([(0, 0, low - 0.02), (0.005, 0, low + 0.03), (0.02, 0.005, low + 0.075)], [0.006, 0.005, 0.008], 8)
    return prop([Part(body, peel(rng, colour, blush, 0.0)), Part(stalk, _STALK)])


def pear(rng: np.random.Generator) -> Prop:
    """A pear that stands."""
    size = rng.uniform(0.9, 1.1)
    profile = [
        (0.0, 0.012),
        (0.03, 0.0),
        (0.085, 0.008),
        (0.13, 0.05),
        (0.148, 0.11),
        (0.142, 0.17),
        (0.115, 0.23),
        (0.083, 0.285),
        (0.065, 0.325),
        (0.05, 0.35),
        (0.025, 0.362),
        (0.0, 0.358),
    ]
    steps = np.linspace(0, len(profile) - 1, 45)
    fine = [
        (
            float(np.interp(s, range(len(profile)), [p[0] for p in profile])) * size,
            float(np.interp(s, range(len(profile)), [p[1] for p in profile])) * size,
        )
        for s in steps
    ]
    softened = [(float(r), float(z)) for r, z in _softened(np.array(fine))]
    colour, blush = (("#b7b04a", "#a5703a"), ("#8f9f48", "#b7a04a"), ("#a3452f", "#c79b4a"))[int(rng.integers(3))]
    body = turned_uneven(rng, softened, 0.02)
    stalk = tube([(0, 0, 0.34 * size), (0.01, 0, 0.39 * size), (0.03, 0.01, 0.43 * size)], [0.008, 0.006, 0.009], 8)
    return prop([Part(body, peel(rng, colour, blush, 0.3)), Part(stalk, _STALK)])


def _softened(profile: meshes.Floats) -> meshes.Floats:
    """A profile with its corners rounded, its ends kept."""
    points = profile.copy()
    for _ in range(12):
        points[1:-1] = (points[:-2] + 2 * points[1:-1] + points[2:]) / 4
    return points


def berries(rng: np.random.Generator) -> Prop:
    """A handful of cherries, blueberries or grapes on the table."""
    colour = ("#7a1424", "#39466e", "#6f8a3a", "#5a2440")[int(rng.integers(4))]
    radius = rng.uniform(0.035, 0.05)
    balls = []
    places: list[tuple[float, float]] = []
    while len(places) < 9:
        x, y = rng.normal(0, 0.11, 2)
        if all(np.hypot(x - a, y - b) > 2.02 * radius for a, b in places) and np.hypot(x, y) < 0.3:
            places.append((float(x), float(y)))
            ball = turned_uneven(rng, _round(radius, 0.12, 0.05), 0.02, 24)
            balls.append(ball.moved(float(x), float(y), 0.0, float(rng.uniform(0, 360))))
    return prop([Part(meshes.merged(balls), peel(rng, colour, turned(colour, 0.02, 0.9, 1.3), 0.0))])


def nuts(rng: np.random.Generator) -> Prop:
    """Almonds, scattered."""
    made = []
    for _ in range(7):
        x, y = rng.uniform(-0.16, 0.16, 2)
        nut = stretched(pebble(rng, 0.045, 0.028, 0.014), 1.0, 1.0, 1.0)
        made.append(nut.moved(float(x), float(y), 0.0, float(rng.uniform(0, 360))))
    return prop([Part(meshes.merged(made), peel(rng, "#9a6236", "#7b4a28", 0.2))])
