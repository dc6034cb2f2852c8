"""Colours in OKLCh (Ottosson 2020), where equal steps look equal, and palettes that harmonise."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from pvtt_data.render.material import display_rgb, linear_rgb
from pvtt_data.render.products.family import Dice

_TO_LMS = np.array(
    [
        [0.4122214708, 0.5363325363, 0.0514459929],
        [0.2119034982, 0.6806995451, 0.1073969566],
        [0.0883024619, 0.2817188376, 0.6299787005],
    ]
)
_TO_LAB = np.array(
    [
        [0.2104542553, 0.7936177850, -0.0040720468],
        [1.9779984951, -2.4285922050, 0.4505937099],
        [0.0259040371, 0.7827717662, -0.8086757660],
    ]
)
_FROM_LAB = np.linalg.inv(_TO_LAB)
_FROM_LMS = np.linalg.inv(_TO_LMS)


def oklch(lightness: float, chroma: float, hue_deg: float) -> str:
    """A colour as "#rrggbb"; chroma is reduced until the colour can be shown.

    Args:
        lightness: 0 black to 1 white.
        chroma: 0 grey; about 0.05 muted, 0.12 clear, 0.2 loud.
        hue_deg: about 30 red, 60 orange, 105 yellow, 145 green, 200 cyan, 260 blue, 310 violet, 350 pink.
    """
    angle = np.radians(hue_deg)
    rgb = np.zeros(3)
    for share in np.linspace(1.0, 0.0, 21):
        lab = np.array([lightness, share * chroma * np.cos(angle), share * chroma * np.sin(angle)])
        rgb = _FROM_LMS @ (_FROM_LAB @ lab) ** 3
        if rgb.min() >= -1e-4 and rgb.max() <= 1 + 1e-4:
            break
    rgb = rgb.clip(0, 1)
    shown = np.where(rgb <= 0.0031308, 12.92 * rgb, 1.055 * rgb ** (1 / 2.4) - 0.055)
    return "#" + "".join(f"{round(float(value) * 255):02x}" for value in shown)


def oklab(colour: str) -> np.ndarray[tuple[int], np.dtype[np.float64]]:
    """Lightness, a, b of "#rrggbb"."""
    return np.asarray(_TO_LAB @ np.cbrt(_TO_LMS @ np.array(linear_rgb(colour))), np.float64)


def lightness(colour: str) -> float:
    """OKLab lightness, 0 to 1."""
    return float(oklab(colour)[0])


def hue(colour: str) -> float | None:
    """Hue in degrees, None for greys."""
    _, a, b = oklab(colour)
    return float(np.degrees(np.arctan2(b, a)) % 360) if np.hypot(a, b) > 0.03 else None


def difference(one: str, other: str) -> float:
    """Distance in OKLab; 0.02 is just visible side by side, 0.1 plain."""
    return float(np.linalg.norm(oklab(one) - oklab(other)))


def mixed(one: str, other: str, share: float) -> str:
    """A colour on the way from one to the other, in display values."""
    values = np.array(display_rgb(one)) * (1 - share) + np.array(display_rgb(other)) * share
    return "#" + "".join(f"{round(float(value) * 255):02x}" for value in values)


@dataclass(frozen=True, slots=True)
class Palette:
    """The colours of a print.

    Attributes:
        ground: what it is printed on.
        ink: text; stands out from the ground.
        accent: the colour people remember.
        second: goes with the accent.
        pale: a tint near the ground for panels and patterns.
    """

    ground: str
    ink: str
    accent: str
    second: str
    pale: str

    def on(self, colour: str) -> str:
        """Whichever of ink, ground, white and near-black is read best on a colour."""
        return max((self.ink, self.ground, "#ffffff", "#1b1a1d"), key=lambda c: abs(lightness(c) - lightness(colour)))


def paper_ground(dice: Dice, theme_hue: float) -> str:
    """The ground of a sticker: white, cream, kraft, dark, pastel or a clear colour."""
    kind = dice.choice(6, p=[0.24, 0.16, 0.08, 0.16, 0.18, 0.18])
    turn = theme_hue + float(dice.uniform(-18, 18))
    light, chroma = float(dice.uniform(0, 1)), float(dice.uniform(0, 1))
    grounds = (
        oklch(0.965 + 0.025 * light, 0.004 * chroma, turn),
        oklch(0.93 + 0.04 * light, 0.02 + 0.015 * chroma, 88),
        oklch(0.70 + 0.06 * light, 0.065, 72),
        oklch(0.20 + 0.12 * light, 0.01 + 0.05 * chroma, turn),
        oklch(0.85 + 0.07 * light, 0.04 + 0.04 * chroma, turn),
        oklch(0.48 + 0.24 * light, 0.11 + 0.08 * chroma, turn),
    )
    return grounds[int(kind)]


def harmonious(dice: Dice, ground: str, theme_hue: float) -> Palette:
    """Inks for a ground: the theme's hue, or one that goes with the ground where that is a strong colour."""
    base = lightness(ground)
    ground_hue = hue(ground)
    strong = ground_hue is not None and float(np.hypot(*oklab(ground)[1:])) > 0.07
    relation = float(dice.choice([0.0, 28.0, -28.0, 150.0, 180.0, 205.0], p=[0.3, 0.15, 0.15, 0.12, 0.16, 0.12]))
    vivid, step, spread = float(dice.uniform(0.08, 0.19)), float(dice.uniform(0, 1)), float(dice.uniform(25, 70))
    anchor = ground_hue + relation if strong and ground_hue is not None else theme_hue
    dark = base < 0.62
    ink_hue = ground_hue if ground_hue is not None else anchor
    ink = oklch(0.97, 0.015, ink_hue) if dark else oklch(0.22 + 0.08 * step, 0.03 + 0.05 * step, ink_hue)
    apart = (0.36 if strong else 0.31) + 0.16 * step
    accent_l = base + apart if dark else base - apart
    vivid = vivid * 0.6 if strong else vivid
    accent = oklch(min(max(accent_l, 0.34), 0.88), vivid, anchor)
    side = 1 if dice.uniform() < 0.5 else -1
    second_l = 0.5 * base + 0.5 * accent_l if abs(accent_l - base) > 0.36 else accent_l + (0.1 if dark else -0.1)
    second = oklch(min(max(second_l, 0.3), 0.9), vivid * 0.85, anchor + side * spread)
    pale = oklch(base + (0.07 if dark else -0.05), 0.03 if not strong else vivid * 0.8, ink_hue)
    return Palette(ground, ink, accent, second, pale)
