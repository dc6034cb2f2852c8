"""Bottles of drinks and oils: juice, water, wine, oil. Clear ones are traced as glass, full dark ones are not."""

from __future__ import annotations

import numpy as np

from pvtt_data.render.material import Material, Part
from pvtt_data.render.products import closures, finishes
from pvtt_data.render.products.colours import oklch
from pvtt_data.render.products.dressing import Dressed, Wall, sticker, wrap
from pvtt_data.render.products.family import Dice, Family, Made
from pvtt_data.render.products.forms import fillet, section, turned
from pvtt_data.render.products.vessels import Corner, contents, shell


def _labelled(label: Dice, kind: str, wall: Wall, see_through: bool) -> Dressed:
    """Drinks bear paper: around, or on the front."""
    if label.uniform() < 0.5:
        return sticker(label, kind, wall, see_through)
    surface = finishes.paper("#ffffff", float(label.uniform()))
    return wrap(label, kind, wall, None, surface, float(label.uniform(0.55, 0.95)))


def _juice(shape: Dice, finish: Dice, label: Dice) -> Made:
    radius = float(shape.uniform(0.155, 0.21))
    neck = radius * float(shape.uniform(0.4, 0.56))
    shoulder = float(shape.uniform(0.44, 0.62))
    throat = float(shape.uniform(0.76, 0.84)) if shape.uniform() < 0.6 else shoulder + float(shape.uniform(0.1, 0.16))
    outer: list[Corner] = [(0, 0.015, 0), (radius * 0.7, 0.015, 0), (radius * 0.78, 0, 0.006), (radius, 0, 0.035),
                           (radius, shoulder, float(shape.choice([0.06, 0.12, 0.2]))), (neck, throat, 0.09),
                           (neck, 0.9, 0)]  # fmt: skip
    clear = bool(finish.uniform() < 0.35)
    wall = Wall(section(2 * radius, 2 * radius, 2.0), 0.05, shoulder - 0.05, 1.55 * radius)
    dressed = _labelled(label, "juice", wall, clear)
    colour = finishes.pulp(finish, dressed.design.wording.variant.hue, 0.66)
    if clear:
        vessel = shell(outer, 0.014, 0.02)
        drink = Material(colour, roughness=0.3)
        level = float(finish.uniform(0.8, 0.86))
        parts = [Part(vessel.mesh, finishes.glass()), Part(contents(vessel.inside, level, 0.004), drink)]
    else:
        parts = [Part(turned(fillet([*outer, (0, 0.9, 0)])), finishes.filled(colour))]
    cap = str(finish.choice(["#1b1b1d", "#f3f2ee", colour, oklch(0.5, 0.15, float(finish.uniform(0, 360)))]))
    surface = finishes.draw_metal(finish) if finish.uniform() < 0.3 else finishes.plastic(cap, 0.7)
    parts += closures.screw_cap(neck * 1.16, 0.875, float(shape.uniform(0.09, 0.13)), surface)
    return Made(dressed.design.wording.title, (*parts, *dressed.parts))


def _water(shape: Dice, finish: Dice, label: Dice) -> Made:
    radius = float(shape.uniform(0.13, 0.17))
    neck = radius * float(shape.uniform(0.36, 0.46))
    shoulder = float(shape.uniform(0.6, 0.7))
    waist = radius * float(shape.choice([1.0, 0.93, 0.9]))
    rings = int(shape.integers(0, 4))
    outer: list[Corner] = [(0, 0.02, 0), (radius * 0.6, 0.02, 0), (radius * 0.74, 0, 0.01), (radius, 0, 0.04)]
    low, high = 0.24, 0.44
    outer += [(radius, low - 0.02, 0.02), (waist, low, 0.02), (waist, high, 0.02), (radius, high + 0.02, 0.02)]
    for z in np.linspace(high + 0.05, shoulder - 0.05, rings):
        outer += [(radius, z - 0.014, 0.006), (radius - 0.008, z, 0.006), (radius, z + 0.014, 0.006)]
    outer += [(radius, shoulder, float(shape.choice([0.06, 0.16]))), (neck, 0.86, 0.06), (neck, 0.93, 0)]
    vessel = shell(outer, 0.010, 0.014, steps=4)
    tint = finishes.glass(str(finish.choice(["clear", "clear", "blue", "green"])))
    water = finishes.liquid((0.985, 0.992, 0.995))
    parts = [Part(vessel.mesh, tint), Part(contents(vessel.inside, float(shape.uniform(0.78, 0.85)), 0.003), water)]
    cap = finishes.plastic(oklch(float(finish.uniform(0.45, 0.95)), 0.13, float(finish.uniform(140, 280))), 0.6)
    parts += closures.screw_cap(neck * 1.2, 0.9, float(shape.uniform(0.07, 0.10)), cap, 48)
    wall = Wall(section(2 * waist, 2 * waist, 2.0), low, high, 1.55 * waist)
    surface = finishes.paper("#ffffff", float(label.uniform(0.5, 1.0)))
    dressed = wrap(label, "water", wall, None, surface, 0.96)
    return Made(dressed.design.wording.title, (*parts, *dressed.parts))


def _wine(shape: Dice, finish: Dice, label: Dice) -> Made:
    radius = float(shape.uniform(0.115, 0.14))
    neck = radius * 0.38
    form = shape.choice(3, p=[0.5, 0.3, 0.2])
    shoulder = (0.6, 0.46, 0.4)[form] + float(shape.uniform(-0.03, 0.03))
    throat = (0.70, 0.72, 0.8)[form]
    soft = (0.09, 0.3, 0.5)[form]
    outer: list[Corner] = [(0, 0.03, 0), (radius * 0.5, 0.022, 0.03), (radius * 0.8, 0, 0.01), (radius, 0, 0.02),
                           (radius, shoulder, soft), (neck, throat, 0.12), (neck * 0.96, 0.985, 0)]  # fmt: skip
    dark, light = finish.uniform() < 0.75, float(finish.uniform())
    if dark:
        colour = oklch(0.16 + 0.12 * light, 0.035, float(finish.choice([140.0, 125.0, 60.0, 150.0])))
        parts = [Part(turned(fillet([*outer, (0, 0.985, 0)])), finishes.dark_glass(colour))]
    else:
        vessel = shell(outer, 0.016, 0.03)
        pale = finish.uniform() < 0.5
        wine = Material(oklch(0.8, 0.09, 95) if pale else oklch(0.3, 0.13, 15), roughness=0.2)
        tint = finishes.glass("clear" if pale else "green")
        parts = [Part(vessel.mesh, tint), Part(contents(vessel.inside, throat + 0.02, 0.004), wine)]
    foil = finishes.draw_metal(finish)
    if finish.uniform() < 0.6:
        foil = finishes.plastic(oklch(float(finish.uniform(0.18, 0.5)), 0.1, float(finish.uniform(0, 360))), 0.5)
    parts += closures.capsule(neck, float(shape.uniform(0.78, 0.83)), 1.0, foil)
    wall = Wall(section(2 * radius, 2 * radius, 2.0), 0.06, min(shoulder - 0.08, 0.44), 1.5 * radius)
    dressed = sticker(label, "wine", wall, not dark)
    return Made(dressed.design.wording.title, (*parts, *dressed.parts))


def _oil(shape: Dice, finish: Dice, label: Dice) -> Made:
    radius = float(shape.uniform(0.12, 0.165))
    neck = radius * float(shape.uniform(0.3, 0.38))
    shoulder = float(shape.uniform(0.52, 0.66))
    rounding = float(shape.choice([0.03, 0.07, 0.14]))
    outer: list[Corner] = [(0, 0.012, 0), (radius * 0.7, 0.012, 0), (radius * 0.8, 0, 0.006), (radius, 0, 0.025),
                           (radius, shoulder, rounding), (neck * 1.1, shoulder + radius * 0.75, 0.05),
                           (neck, 0.84, 0.1),
                           (neck, 0.87, 0)]  # fmt: skip
    clear = bool(finish.uniform() < 0.45)
    if clear:
        vessel = shell(outer, 0.017, 0.03)
        warm = float(finish.uniform())
        oil = finishes.liquid((0.93, 0.80 - 0.25 * warm, 0.30))
        parts = [Part(vessel.mesh, finishes.glass()), Part(contents(vessel.inside, shoulder + 0.05, 0.004), oil)]
    else:
        colour = oklch(float(finish.uniform(0.18, 0.3)), 0.05, float(finish.choice([120.0, 140.0, 55.0])))
        surface = finishes.dark_glass(colour)
        if finish.uniform() < 0.3:
            surface = finishes.plastic(finishes.tone(finish, 0.7), 0.2)
        parts = [Part(turned(fillet([*outer, (0, 0.87, 0)])), surface)]
    if shape.uniform() < 0.5:
        parts += closures.cork(
            neck, 0.86, float(shape.uniform(0.1, 0.14)), finishes.wood(finish), finishes.draw_metal(finish)
        )
    else:
        surface = finishes.draw_metal(finish) if finish.uniform() < 0.5 else finishes.plastic("#1d1d1f", 0.6)
        parts += closures.plain_cap(neck * 1.2, 0.845, float(shape.uniform(0.11, 0.15)), surface)
    wall = Wall(section(2 * radius, 2 * radius, 2.0), 0.05, shoulder - rounding * 0.8 - 0.01, 1.5 * radius)
    dressed = _labelled(label, "oil", wall, clear)
    return Made(dressed.design.wording.title, (*parts, *dressed.parts))


JUICE = Family("juice", "drinks", "drinks", _juice)
WATER = Family("water", "drinks", "drinks", _water)
WINE = Family("wine", "wines", "drinks", _wine)
OIL = Family("oil", "oils", "groceries", _oil)
