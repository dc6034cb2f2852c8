"""What all styles share: their signature, the big surfaces, and how a set is finished."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

import numpy as np

from pvtt_data.render.material import Material, Part
from pvtt_data.render.sets.lighting import Lights, jittered
from pvtt_data.render.sets.palette import EARTHS, NEUTRALS, picked
from pvtt_data.render.sets.props.prop import joined
from pvtt_data.render.sets.solids import bent_paper, level, upright
from pvtt_data.render.sets.textures.fabric import weave
from pvtt_data.render.sets.textures.stone import MARBLES, concrete, marble, terrazzo
from pvtt_data.render.sets.textures.wood import wood
from pvtt_data.render.sets.views import Views
from pvtt_data.render.stage_set import StageSet

Builder = Callable[[np.random.Generator, Sequence[Path]], StageSet]
"""Makes a set of one style from random numbers and the HDRI files that may be used."""

ROOM = 0.55
WIDE = 40.0
"""Width of floors and walls: more than any allowed camera sees."""
NEAR = -16.0
HIGH = 14.0


def side_of(rng: np.random.Generator) -> float:
    """-1 or 1: the side of the key light."""
    return float(rng.choice((-1.0, 1.0)))


def seamless(rng: np.random.Generator, surface: Material, far: float) -> Part:
    """A paper sweep whose wall stands at y = far."""
    return Part(bent_paper(WIDE, NEAR, far, HIGH, rng.uniform(1.3, 1.9)), surface)


def table(surface: Material, far: float, world: float = 2.5) -> Part:
    """A table top that reaches to y = far and beyond the picture elsewhere."""
    return Part(level(WIDE, NEAR, far, 0.0, world), surface)


def back_wall(surface: Material, y: float, world: float = 4.0, low: float = -0.2) -> Part:
    """A wall at a distance, from below the table to above the picture."""
    return Part(upright(WIDE, low, HIGH, y, world), surface)


def table_surface(rng: np.random.Generator) -> tuple[Material, float]:
    """Wood, stone or cloth for a table, and the size of its picture in scene units."""
    kind = rng.choice(6, p=(0.36, 0.2, 0.13, 0.1, 0.12, 0.09))
    if kind == 0:
        species = str(rng.choice(("oak", "ash", "walnut", "birch", "cherry", "pine", "grey", "painted")))
        return wood(rng, species, int(rng.integers(3, 7))), rng.uniform(2.2, 3.0)
    if kind == 1:
        return marble(rng, str(rng.choice(sorted(MARBLES)))), rng.uniform(2.2, 3.2)
    if kind == 2:
        return concrete(rng, str(rng.choice(("#b3afa8", "#98948e", "#cbc6bd", "#7f7c79")))), rng.uniform(2.5, 3.5)
    if kind == 3:
        ground = picked(rng, NEUTRALS)
        return terrazzo(rng, ground, (picked(rng, EARTHS), picked(rng, EARTHS), "#8c8379", "#fffaf2")), 1.5
    if kind == 4:
        return weave(rng, picked(rng, NEUTRALS), uneven=rng.uniform(0.1, 0.25)), 1.3
    return Material(picked(rng, NEUTRALS), roughness=0.45, specular=0.4), 1.0


def finished(
    style: str,
    rng: np.random.Generator,
    parts: Iterable[Part],
    lights: Lights,
    views: Views,
    *,
    open_sky: bool = False,
    room: float = ROOM,
) -> StageSet:
    """The set, with the small errors of exposure and white balance that a camera makes."""
    lit = jittered(rng, lights)
    return StageSet(
        style=style,
        parts=joined(parts),
        lamps=lit.lamps,
        environment=lit.environment,
        stand_z=views.stand_z,
        room=room,
        exposure=float(np.exp(rng.uniform(-0.10, 0.12))),
        azimuth_deg=views.azimuth_deg,
        elevation_deg=views.elevation_deg,
        max_distance=views.max_distance,
        open_sky=open_sky,
    )
