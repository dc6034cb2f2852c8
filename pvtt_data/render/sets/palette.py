"""Colours that go together, as "#rrggbb" display values."""

from __future__ import annotations

import colorsys
from dataclasses import dataclass

import numpy as np

from pvtt_data.render.material import display_rgb

PASTELS = ("#e8c9bd", "#e6d3b8", "#d9dcc3", "#c4dcd0", "#c3d8e4", "#cdc9e2", "#e3c6d6", "#efe0c6", "#d8c7b7")
SATURATED = ("#d9482f", "#e58a1f", "#e9b824", "#3f8f5f", "#1f7f8c", "#2f63b5", "#5a449c", "#c43d6b", "#a32f3a")
NEUTRALS = ("#efece6", "#dedad2", "#cfc8bd", "#b9b3aa", "#e7e2da", "#d6cdc0")
EARTHS = ("#b5673f", "#8d5a3c", "#c79a6b", "#6f6a4a", "#7f8a68", "#a8483a", "#54606b", "#3f4a44")
GREENS = ("#35612f", "#4a7a3a", "#2f5d44", "#5f8358", "#7d9a5f")


@dataclass(frozen=True, slots=True)
class Scheme:
    """Colours of one picture: the ground, a shade of it, a light one, and one that stands out."""

    base: str
    shade: str
    light: str
    accent: str


def hexed(rgb: tuple[float, float, float]) -> str:
    """Display values 0 to 1 as "#rrggbb"; values outside are cut off."""
    return "#" + "".join(f"{round(255 * min(max(value, 0.0), 1.0)):02x}" for value in rgb)


def mixed(first: str, second: str, share: float) -> str:
    """A colour between two; share 0 is the first, 1 the second."""
    pairs = zip(display_rgb(first), display_rgb(second), strict=True)
    r, g, b = (a + (z - a) * share for a, z in pairs)
    return hexed((r, g, b))


def turned(colour: str, hue: float, saturation: float = 1.0, value: float = 1.0) -> str:
    """A colour with its hue shifted (1 is a whole turn), its saturation and value multiplied."""
    h, s, v = colorsys.rgb_to_hsv(*display_rgb(colour))
    return hexed(colorsys.hsv_to_rgb((h + hue) % 1.0, min(s * saturation, 1.0), min(v * value, 1.0)))


def picked(rng: np.random.Generator, colours: tuple[str, ...]) -> str:
    """One of the colours, slightly varied."""
    colour = colours[int(rng.integers(len(colours)))]
    return turned(colour, rng.uniform(-0.015, 0.015), rng.uniform(0.85, 1.15), rng.uniform(0.95, 1.04))


def scheme(rng: np.random.Generator, base: str) -> Scheme:
    """Colours around a ground colour: tone on tone, a neighbouring hue, or a contrast."""
    kind = rng.choice(3, p=(0.5, 0.3, 0.2))
    hue = (0.0, rng.choice((-1.0, 1.0)) * rng.uniform(0.04, 0.09), rng.uniform(0.42, 0.58))[kind]
    accent = turned(base, hue, rng.uniform(1.1, 1.6), rng.uniform(0.72, 0.95))
    return Scheme(base, turned(base, 0.01, 1.12, rng.uniform(0.8, 0.92)), mixed(base, "#fffaf2", 0.6), accent)
