"""Surfaces that packages are made of."""

from __future__ import annotations

from types import MappingProxyType

import numpy as np
from PIL import Image

from pvtt_data.render.material import Colour, Material, Rgb, Texture, display_rgb
from pvtt_data.render.products.colours import oklch
from pvtt_data.render.products.family import Dice

METALS = MappingProxyType(
    {
        "gold": "#d9b25f",
        "pale-gold": "#e2cfa0",
        "rose-gold": "#dca58c",
        "silver": "#d9dadc",
        "copper": "#c9805a",
        "gunmetal": "#5c5e64",
        "brass": "#c4a355",
    }
)
_GLASS: MappingProxyType[str, Rgb] = MappingProxyType(
    {
        "clear": (0.985, 0.99, 0.985),
        "amber": (0.90, 0.70, 0.42),
        "green": (0.74, 0.88, 0.72),
        "blue": (0.66, 0.80, 0.95),
        "smoke": (0.76, 0.75, 0.74),
        "rose": (0.97, 0.84, 0.84),
    }
)
"""What one passage through a surface leaves; light on its way through a wall of glass passes two."""


def tone(dice: Dice, neutral: float = 0.45) -> str:
    """A colour that makers of packages would choose: white, black, sand, a muted or a clear colour."""
    light, chroma, turn = float(dice.uniform()), float(dice.uniform()), float(dice.uniform(0, 360))
    kind = float(dice.uniform())
    if kind < neutral:
        pick = int(dice.integers(4))
        return (
            oklch(0.95 + 0.03 * light, 0.004, turn),
            oklch(0.2 + 0.06 * light, 0.008, turn),
            oklch(0.80 + 0.12 * light, 0.025 + 0.02 * chroma, 75 + 15 * chroma),
            oklch(0.93 + 0.03 * light, 0.02, 90),
        )[pick]
    if kind < neutral + 0.5 * (1 - neutral):
        return oklch(0.6 + 0.28 * light, 0.035 + 0.05 * chroma, turn)
    return oklch(0.36 + 0.34 * light, 0.10 + 0.09 * chroma, turn)


def plastic(colour: Colour, gloss: float) -> Material:
    """Plastic; gloss 0 is soft touch, 1 is polished."""
    return Material(
        colour,
        roughness=0.55 - 0.38 * gloss,
        clearcoat=0.8 * max(gloss - 0.5, 0.0) * 2,
        clearcoat_roughness=0.06,
        sheen=0.25 if gloss < 0.2 else 0.0,
    )


def metal(name: str, roughness: float = 0.25) -> Material:
    """Polished or brushed metal; name is a key of METALS."""
    return Material(METALS[name], roughness=roughness, metallic=1.0)


def draw_metal(dice: Dice) -> Material:
    names = sorted(METALS)
    return metal(names[int(dice.integers(len(names)))], float(dice.uniform(0.14, 0.38)))


def glass(name: str = "clear") -> Material:
    """Glass for closed meshes; name is a key of the tints: clear, amber, green, blue, smoke, rose."""
    return Material("#ffffff", roughness=0.0, transmission=1.0, ior=1.5, tint=_GLASS[name])


def liquid(tint: Rgb) -> Material:
    """A clear liquid; tint is what one passage through its surface leaves."""
    return Material("#ffffff", roughness=0.0, transmission=1.0, ior=1.34, tint=tint)


def dark_glass(colour: str) -> Material:
    """Coloured glass over something dark: no light gets through, so that it need not be traced."""
    return Material(colour, roughness=0.12, specular=0.6, clearcoat=1.0, clearcoat_roughness=0.02)


def filled(colour: Colour) -> Material:
    """A thick drink or spread seen through its wall."""
    return Material(colour, roughness=0.18, clearcoat=1.0, clearcoat_roughness=0.02)


def paper(picture: Colour, gloss: float = 0.3) -> Material:
    """Printed paper or card; gloss 0 is uncoated, 1 is laminated."""
    return Material(
        picture,
        roughness=0.68 - 0.36 * gloss,
        specular=0.35,
        clearcoat=0.7 * max(gloss - 0.6, 0.0) / 0.4,
        clearcoat_roughness=0.12,
    )


def ceramic(colour: Colour, glazed: bool, normal_map: Texture | None = None) -> Material:
    """Glazed or raw ceramic."""
    if glazed:
        return Material(colour, roughness=0.3, clearcoat=1.0, clearcoat_roughness=0.04, normal_map=normal_map)
    return Material(colour, roughness=0.78, specular=0.3, normal_map=normal_map)


def wood(dice: Dice) -> Material:
    """Light or dark wood with a straight grain along v."""
    light, turn = float(dice.uniform(0.45, 0.8)), float(dice.uniform(55, 75))
    seed = int(dice.integers(2**31))
    rng = np.random.default_rng((seed, 0x300D))
    coarse = rng.uniform(0, 1, (6, 64)).astype(np.float32)
    fine = rng.uniform(0, 1, (10, 256)).astype(np.float32)
    grain = sum(
        share * np.asarray(Image.fromarray(noise).resize((512, 256), Image.Resampling.BICUBIC))
        for share, noise in ((0.6, coarse), (0.4, fine))
    )
    dark, bright = (np.array(display_rgb(oklch(light + d, 0.06, turn))) for d in (-0.09, 0.07))
    rgb = dark + (bright - dark) * np.asarray(grain)[..., None]
    return Material(Texture((rgb.clip(0, 1) * 255).astype(np.uint8)), roughness=0.5, specular=0.3)


def speckled(colour: str, dice: Dice, count: int = 1400) -> Texture:
    """Stoneware: a ground with small dark specks."""
    rng = np.random.default_rng((int(dice.integers(2**31)), 0x5BEC))
    size = 768
    shade = np.ones((size, size), np.float32)
    y, x = rng.integers(0, size, (2, count))
    shade[y, x] = rng.uniform(0.25, 0.8, count)
    near = (rng.uniform(size=count) < 0.35).nonzero()[0]
    shade[(y[near] + 1) % size, x[near]] = 0.55
    cloud = np.asarray(Image.fromarray(rng.uniform(0.965, 1.02, (9, 9)).astype(np.float32)).resize((size, size)))
    rgb = np.array(display_rgb(colour)) * (shade * cloud)[..., None]
    return Texture((rgb.clip(0, 1) * 255).astype(np.uint8))


def foil(picture: Colour, roughness: float = 0.3) -> Material:
    """Lacquer over metal: the print shimmers."""
    return Material(picture, roughness=roughness, metallic=0.7, clearcoat=0.5, clearcoat_roughness=0.1)


def pulp(dice: Dice, hue: float, lightness: float) -> str:
    """The colour of a fruit's juice or jam: blue and violet ones are dark, green ones dull."""
    light, chroma, turn = (float(dice.uniform(-1, 1)) for _ in range(3))
    violet, green = 225 < hue % 360 < 345, 105 < hue < 200
    return oklch(
        lightness + 0.11 * light - (0.24 if violet else 0.0),
        (0.145 + 0.025 * chroma) * (0.7 if violet or green else 1.0),
        hue + 9 * turn,
    )
