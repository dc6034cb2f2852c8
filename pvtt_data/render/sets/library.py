"""All styles of sets by name."""

from __future__ import annotations

import zlib
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from pvtt_data.render.sets.styles import drape, gloss, lifestyle, paper, podium, shelf, tabletop, tiled, window
from pvtt_data.render.sets.styles.plan import Builder
from pvtt_data.render.stage_set import StageSet

STYLES: dict[str, Builder] = {
    "paper": paper.build,
    "podium": podium.build,
    "tabletop": tabletop.build,
    "shelf": shelf.build,
    "window": window.build,
    "tiled": tiled.build,
    "gloss": gloss.build,
    "lifestyle": lifestyle.build,
    "drape": drape.build,
}

WEIGHTS: dict[str, float] = {
    "paper": 0.15,
    "podium": 0.15,
    "tabletop": 0.17,
    "shelf": 0.08,
    "window": 0.12,
    "tiled": 0.09,
    "gloss": 0.08,
    "lifestyle": 0.10,
    "drape": 0.06,
}
"""How often each style is drawn."""


def draw_style(rng: np.random.Generator) -> str:
    """The name of a style, drawn with `WEIGHTS`."""
    return str(rng.choice(sorted(WEIGHTS), p=[WEIGHTS[name] for name in sorted(WEIGHTS)]))


def build_set(style: str, seed: int, hdris: Sequence[Path] = ()) -> StageSet:
    """A set of a style; the same arguments make the same set.

    Args:
        style: a key of `STYLES`.
        seed: not negative; colours, props, places and light follow from it.
        hdris: Radiance files that may light the set or be its backdrop.

    Raises:
        KeyError: there is no such style.
        InputError: an HDRI cannot be used.
    """
    rng = np.random.default_rng((seed, zlib.crc32(style.encode())))
    return STYLES[style](rng, hdris)
