"""Seamless paper: white, grey, pastel or saturated, and nothing else."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from pvtt_data.render.sets.lighting import three_point
from pvtt_data.render.sets.palette import PASTELS, SATURATED, picked
from pvtt_data.render.sets.styles.plan import finished, seamless, side_of
from pvtt_data.render.sets.textures.organic import paper
from pvtt_data.render.sets.views import Views
from pvtt_data.render.stage_set import StageSet

_WHITES = ("#f4f4f2", "#f1f0ed", "#f5f3ef")
_GREYS = ("#a9a9aa", "#8f9092", "#c4c3c1", "#6d6e71")


def build(rng: np.random.Generator, hdris: Sequence[Path]) -> StageSet:
    """A set of this style."""
    views = Views()
    kind = rng.choice(4, p=(0.35, 0.2, 0.25, 0.2))
    colour = picked(rng, (_WHITES, _GREYS, PASTELS, SATURATED)[kind])
    far = rng.uniform(3.4, 4.4)
    lights = three_point(
        rng,
        views,
        hdris,
        side=side_of(rng),
        contrast=rng.uniform(0.1, 0.5) if kind == 0 else rng.uniform(0.2, 0.85),
        behind=far - 0.8,
        warmth=rng.uniform(-0.04, 0.08),
        softness=(0.19, 0.5),
    )
    return finished("paper", rng, [seamless(rng, paper(colour), far)], lights, views)
