"""Kitchen and bathroom: a worktop before tiles."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from pvtt_data.render.material import Material
from pvtt_data.render.sets.lighting import three_point
from pvtt_data.render.sets.palette import picked
from pvtt_data.render.sets.props import fruit, plants, wares
from pvtt_data.render.sets.props.prop import BACK, LEFT, RIGHT, Arrangement, Builder
from pvtt_data.render.sets.styles.plan import ROOM, back_wall, finished, side_of, table
from pvtt_data.render.sets.textures.stone import MARBLES, concrete, marble
from pvtt_data.render.sets.textures.wall import BONDS, tiles
from pvtt_data.render.sets.textures.wood import wood
from pvtt_data.render.sets.views import Views
from pvtt_data.render.stage_set import StageSet

_GLAZES = ("#f0eee9", "#f0eee9", "#86ad8c", "#7fa9bf", "#d9b9a8", "#35605a", "#2f4a6b", "#d8cfc0", "#c98f6a", "#aebfae")
_KITCHEN: tuple[Builder, ...] = (
    fruit.orange,
    fruit.lemon,
    fruit.apple,
    fruit.pear,
    wares.bowl,
    wares.cup,
    fruit.nuts,
)
_BATH: tuple[Builder, ...] = (wares.folded_cloth, wares.candle, wares.stones, wares.bottle)


def build(rng: np.random.Generator, hdris: Sequence[Path]) -> StageSet:
    """A set of this style."""
    views = Views()
    bath = rng.random() < 0.4
    far = rng.uniform(1.55, 1.9)
    glaze = picked(rng, _GLAZES)
    joint = str(rng.choice(("#e6e4de", "#cfcbc3", "#8d8a86")))
    wall = tiles(rng, glaze, joint, str(rng.choice(sorted(BONDS))), rng.uniform(0.1, 1.0))
    top: Material
    if rng.random() < (0.25 if bath else 0.6):
        top = wood(rng, str(rng.choice(("oak", "walnut", "birch", "ash"))), int(rng.integers(4, 9)))
    elif rng.random() < 0.65:
        top = marble(rng, str(rng.choice(sorted(MARBLES))))
    else:
        top = concrete(rng, "#b5b1aa")
    around = Arrangement(rng, ROOM)
    parts = [table(top, far, rng.uniform(2.2, 2.8)), back_wall(wall, far, rng.uniform(1.7, 2.4))]
    if not bath and rng.random() < 0.6:
        x = side_of(rng) * rng.uniform(0.35, 0.7)
        parts += wares.board(rng).at(x, far - 0.06)
        around.hold(x, far - 0.1, 0.2)
    tall = (plants.potted, plants.twigs_in_vase, plants.flowers, wares.bottle)[int(rng.integers(4))]
    around.put(tall(rng), BACK, yaw_deg=rng.uniform(-25, 25))
    small = _BATH if bath else _KITCHEN
    one = small[int(rng.integers(len(small)))]
    for index in range(int(rng.integers(2, 5))):
        make = one if not bath and rng.random() < 0.5 else small[int(rng.integers(len(small)))]
        around.put(make(rng), (LEFT, RIGHT)[index % 2], yaw_deg=rng.uniform(-40, 40))
    lights = three_point(
        rng,
        views,
        hdris,
        side=side_of(rng),
        contrast=rng.uniform(0.2, 0.7),
        behind=far - 0.15,
        warmth=rng.uniform(-0.05, 0.10),
        softness=(0.25, 0.5),
    )
    return finished("tiled", rng, [*parts, *around.parts], lights, views)
