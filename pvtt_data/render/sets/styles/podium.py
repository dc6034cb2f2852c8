"""Podiums before seamless paper, tone on tone: round, stepped, blocks, an arch."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from pvtt_data.render import meshes
from pvtt_data.render.material import Material, Part
from pvtt_data.render.sets.lighting import three_point
from pvtt_data.render.sets.palette import EARTHS, NEUTRALS, PASTELS, SATURATED, picked, scheme
from pvtt_data.render.sets.props import plants, wares
from pvtt_data.render.sets.props.prop import BACK, LEFT, RIGHT, Arrangement
from pvtt_data.render.sets.solids import hoop_on_foot, measured
from pvtt_data.render.sets.styles.plan import ROOM, finished, seamless, side_of
from pvtt_data.render.sets.textures.organic import paper
from pvtt_data.render.sets.textures.stone import MARBLES, marble, terrazzo
from pvtt_data.render.sets.views import Views
from pvtt_data.render.stage_set import StageSet


def _stand(
    rng: np.random.Generator, surface: Material, other: Material, world: float
) -> tuple[list[Part], float, float]:
    """What the product stands on: parts, the height, and the radius around the axis that it takes."""
    height = rng.uniform(0.12, 0.30)
    kind = int(rng.integers(4))
    if kind == 0:
        radius = rng.uniform(0.62, 0.78)
        return [Part(measured(meshes.disc(radius, height), world), surface)], height, radius
    if kind == 1:
        step, radius = height * rng.uniform(0.4, 0.6), rng.uniform(0.6, 0.66)
        lower = measured(meshes.disc(radius + rng.uniform(0.14, 0.24), step), world)
        upper = measured(meshes.disc(radius, height - step).moved(z=step), world)
        return [Part(lower, other), Part(upper, surface)], height, radius + 0.24
    if kind == 2:
        width = rng.uniform(1.2, 1.5)
        slab = measured(meshes.block(width, 1.16, height), world).moved(yaw_deg=rng.uniform(-12, 12))
        return [Part(slab, surface)], height, 0.6 * width
    radius = rng.uniform(0.6, 0.68)
    base = measured(meshes.block(2.4, 1.7, height * 0.5), world).moved(y=0.15, yaw_deg=rng.uniform(-5, 5))
    drum = measured(meshes.disc(radius, height * 0.5), world).moved(z=height * 0.5)
    return [Part(base, other), Part(drum, surface)], height, radius


def _wings(rng: np.random.Generator, surface: Material, other: Material, world: float) -> list[Part]:
    """Large solids behind the product."""
    side = side_of(rng)
    kind = int(rng.integers(4))
    if kind == 0:
        height = rng.uniform(1.5, 1.95)
        arch = meshes.arch(rng.uniform(0.95, 1.2), height, 0.16).moved(side * rng.uniform(0.0, 0.45), 1.35)
        return [Part(arch, other)]
    if kind == 1:
        ring = hoop_on_foot(rng.uniform(0.7, 0.9), rng.uniform(0.05, 0.09)).moved(side * rng.uniform(0.0, 0.3), 1.3)
        return [Part(ring, other)]
    if kind == 2:
        steps = [
            measured(meshes.block(0.62, 0.55, h), world).moved(side * x, 1.35, yaw_deg=side * rng.uniform(-6, 6))
            for x, h in ((0.35, rng.uniform(1.0, 1.4)), (1.0, rng.uniform(0.55, 0.8)))
        ]
        low = measured(meshes.block(0.55, 0.5, rng.uniform(0.35, 0.5)), world).moved(-side * 0.85, 1.25)
        return [Part(meshes.merged(steps), surface), Part(low, other)]
    columns = [
        meshes.disc(rng.uniform(0.16, 0.26), h).moved(side * x, rng.uniform(1.2, 1.5))
        for x, h in ((-0.85, rng.uniform(0.7, 1.1)), (0.55, rng.uniform(1.2, 1.8)), (1.05, rng.uniform(0.5, 0.9)))
    ]
    return [Part(measured(meshes.merged(columns), world), other)]


def build(rng: np.random.Generator, hdris: Sequence[Path]) -> StageSet:
    """A set of this style."""
    base = picked(rng, (PASTELS, NEUTRALS, SATURATED, EARTHS)[rng.choice(4, p=(0.45, 0.2, 0.2, 0.15))])
    colours = scheme(rng, base)
    surface, other, world = Material(colours.light, roughness=0.6), Material(colours.shade, roughness=0.6), 1.0
    stone = rng.random()
    if stone < 0.2:
        surface, world = marble(rng, str(rng.choice(sorted(MARBLES)))), 1.8
    elif stone < 0.35:
        surface, world = terrazzo(rng, colours.light, (colours.accent, colours.shade, "#6d6660", "#fffaf2")), 1.4
    parts, height, taken = _stand(rng, surface, other, world)
    views = Views(stand_z=height)
    far = rng.uniform(3.2, 4.0)
    parts.append(seamless(rng, paper(colours.base), far))
    if rng.random() < 0.75:
        parts += _wings(rng, surface, other, world)
    around = Arrangement(rng, max(ROOM, taken))
    around.hold(0.0, 1.4, 0.55)
    accent = Material(colours.accent, roughness=rng.uniform(0.3, 0.6))
    for zone in (LEFT, RIGHT, LEFT, RIGHT)[: int(rng.integers(1, 5))]:
        around.put(wares.solids(rng, accent if rng.random() < 0.6 else other), zone, yaw_deg=rng.uniform(-30, 30))
    if rng.random() < 0.35:
        make = (plants.twigs_in_vase, wares.stones, wares.empty_vase)[int(rng.integers(3))]
        around.put(make(rng), BACK)
    lights = three_point(
        rng,
        views,
        hdris,
        side=side_of(rng),
        contrast=rng.uniform(0.25, 0.8),
        behind=far - 0.8,
        warmth=rng.uniform(-0.02, 0.10),
        softness=(0.19, 0.42),
    )
    return finished("podium", rng, [*parts, *around.parts], lights, views)
