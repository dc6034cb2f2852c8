"""Metals: linear colours at normal incidence, and finishes.

Gold, silver, copper, platinum, chromium: S. Lagarde, "Feeding a physically based shading model" (2011), from measured
indices of refraction (Unreal Engine's and Unity's documentation print the same table). Brass: physicallybased.info.
Alloys are chosen by eye: jewellers' yellow gold is gold with a little silver, rose gold gold with copper, white gold is
plated and so lighter than platinum; steel lies between chromium and silver; gunmetal and black steel are coated.
"""

from __future__ import annotations

from dataclasses import dataclass

from pvtt_data.render.material import Material, Rgb

GOLD: Rgb = (1.0, 0.766, 0.336)
SILVER: Rgb = (0.972, 0.960, 0.915)
COPPER: Rgb = (0.955, 0.637, 0.538)
PLATINUM: Rgb = (0.672, 0.637, 0.585)
CHROMIUM: Rgb = (0.550, 0.556, 0.554)
BRASS: Rgb = (0.910, 0.778, 0.423)


@dataclass(frozen=True, slots=True)
class Metal:
    """A metal as a jeweller names it.

    Attributes:
        name: for titles.
        colour: linear RGB at normal incidence.
    """

    name: str
    colour: Rgb

    def polished(self) -> Material:
        """Mirror-like, with the fine haze of wear."""
        return Material(self.colour, roughness=0.13, metallic=1.0)

    def satin(self) -> Material:
        """Brushed."""
        return Material(self.colour, roughness=0.34, metallic=1.0)


def _mixed(first: Rgb, second: Rgb, share: float) -> Rgb:
    r, g, b = (a * (1 - share) + c * share for a, c in zip(first, second, strict=True))
    return (r, g, b)


YELLOW_GOLD = Metal("Gold", _mixed(GOLD, SILVER, 0.12))
ROSE_GOLD = Metal("Rose Gold", _mixed(GOLD, COPPER, 0.55))
WHITE_GOLD = Metal("White Gold", (0.86, 0.83, 0.77))
STERLING = Metal("Sterling Silver", SILVER)
PLATINUM_950 = Metal("Platinum", PLATINUM)
STEEL = Metal("Steel", _mixed(CHROMIUM, SILVER, 0.25))
YELLOW_BRASS = Metal("Brass", BRASS)
GUNMETAL = Metal("Gunmetal", (0.17, 0.175, 0.19))
BLACK_STEEL = Metal("Black Steel", (0.045, 0.045, 0.05))

PRECIOUS: tuple[Metal, ...] = (YELLOW_GOLD, ROSE_GOLD, WHITE_GOLD, STERLING, PLATINUM_950)
HARDWARE: tuple[Metal, ...] = (YELLOW_GOLD, ROSE_GOLD, STEEL, YELLOW_BRASS, GUNMETAL)
CASES: tuple[Metal, ...] = (STEEL, STEEL, YELLOW_GOLD, ROSE_GOLD, GUNMETAL, BLACK_STEEL)
