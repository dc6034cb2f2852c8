"""A table with props before a plain or plastered wall."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from pvtt_data.render.material import Material
from pvtt_data.render.sets.lighting import three_point
from pvtt_data.render.sets.palette import EARTHS, NEUTRALS, PASTELS, picked
from pvtt_data.render.sets.props import fruit, plants, wares
from pvtt_data.render.sets.props.prop import BACK, LEFT, RIGHT, Arrangement, Builder
from pvtt_data.render.sets.styles.plan import ROOM, back_wall, finished, side_of, table, table_surface
from pvtt_data.render.sets.textures.wall import plaster
from pvtt_data.render.sets.views import Views
from pvtt_data.render.stage_set import StageSet

_TALL: tuple[Builder, ...] = (
    plants.potted,
    plants.twigs_in_vase,
    plants.flowers,
    wares.empty_vase,
    wares.books,
    wares.bottle,
)
_FRUIT: tuple[Builder, ...] = (fruit.orange, fruit.lemon, fruit.apple, fruit.pear, fruit.berries)
_CALM: tuple[Builder, ...] = (wares.stones, wares.candle, wares.bowl, wares.cup, plants.lying_twig, wares.folded_cloth)


def build(rng: np.random.Generator, hdris: Sequence[Path]) -> StageSet:
    """A set of this style."""
    views = Views()
    surface, world = table_surface(rng)
    far = rng.uniform(1.9, 3.2)
    paint = picked(rng, (NEUTRALS, PASTELS, EARTHS)[rng.choice(3, p=(0.45, 0.3, 0.25))])
    wall = plaster(rng, paint, rng.uniform(0.1, 0.9)) if rng.random() < 0.7 else Material(paint, roughness=0.9)
    around = Arrangement(rng, ROOM)
    for zone in (BACK, BACK, BACK)[: int(rng.integers(1, 4))]:
        around.put(_TALL[int(rng.integers(len(_TALL)))](rng), zone, yaw_deg=rng.uniform(-25, 25))
    small = _FRUIT if rng.random() < 0.5 else _CALM
    one = small[int(rng.integers(len(small)))]
    for index in range(int(rng.integers(2, 5))):
        make = one if small is _FRUIT and rng.random() < 0.7 else small[int(rng.integers(len(small)))]
        around.put(make(rng), (LEFT, RIGHT)[(index + int(rng.integers(2))) % 2])
    lights = three_point(
        rng,
        views,
        hdris,
        side=side_of(rng),
        contrast=rng.uniform(0.3, 0.85),
        behind=far - 0.25,
        warmth=rng.uniform(-0.04, 0.12),
        softness=(0.19, 0.45),
    )
    return finished("tabletop", rng, [table(surface, far, world), back_wall(wall, far), *around.parts], lights, views)
