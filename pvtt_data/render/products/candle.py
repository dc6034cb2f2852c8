"""Candles in tumblers of glass or ceramic, with a wick, at times under a lid."""

from __future__ import annotations

import numpy as np

from pvtt_data.render.material import Material, Part
from pvtt_data.render.products import closures, finishes
from pvtt_data.render.products.colours import oklch
from pvtt_data.render.products.dressing import Wall, dress, sticker
from pvtt_data.render.products.family import Dice, Family, Made
from pvtt_data.render.products.forms import pipe, section
from pvtt_data.render.products.vessels import Corner, contents, shell


def _build(shape: Dice, finish: Dice, label: Dice) -> Made:
    radius = float(shape.uniform(0.33, 0.42))
    high = radius * float(shape.uniform(1.9, 2.6))
    taper = float(shape.choice([1.0, 1.0, 0.88, 0.82]))
    foot = float(shape.choice([0.02, 0.05, 0.1]))
    outer: list[Corner] = [(0, 0.0, 0), (radius * taper, 0.0, foot), (radius, high, 0)]
    glassy = bool(finish.uniform() < 0.55)
    wall_thick = 0.024 if glassy else 0.03
    vessel = shell(outer, wall_thick, float(shape.uniform(0.05, 0.1)))
    colour: str | None = None
    if glassy:
        surface = finishes.glass(str(finish.choice(["clear", "clear", "amber", "smoke", "green"])))
    else:
        colour = finishes.tone(finish, 0.5)
        surface = finishes.ceramic(colour, bool(finish.uniform() < 0.4))
    wax_tone = oklch(
        float(finish.uniform(0.86, 0.96)), float(finish.uniform(0.01, 0.05)), float(finish.uniform(50, 110))
    )
    wax = Material(wax_tone, roughness=0.45, specular=0.4)
    level = high * float(shape.uniform(0.7, 0.84))
    parts = [Part(vessel.mesh, surface), Part(contents(vessel.inside, level, 0.005 if glassy else 0.002), wax)]
    z = np.linspace(level - 0.01, level + 0.07, 8)
    bend = float(shape.uniform(-0.02, 0.02))
    wick = pipe(np.stack([bend * ((z - level) / 0.07) ** 2, 0 * z, z], -1), np.full(8, 0.006), np.full(8, 0.006))
    parts.append(Part(wick, Material("#3a332c" if finish.uniform() < 0.5 else "#e8e2d4", roughness=0.9)))
    if shape.uniform() < 0.22:
        lid = finishes.wood(finish) if finish.uniform() < 0.5 else finishes.draw_metal(finish)
        parts.append(Part(closures.cylinder(radius * 1.015, high + 0.001, high + 0.06, 0.012), lid))

    def size(level_: float) -> float:
        return taper + (1 - taper) * level_ / high

    wall = Wall(section(2 * radius, 2 * radius, 2.0), 0.16 * high + foot * 0.3, 0.8 * high, 1.25 * radius, size)
    dressed = sticker(label, "candle", wall, True) if glassy else dress(label, "candle", wall, colour, surface)
    return Made(dressed.design.wording.title, (*parts, *dressed.parts))


CANDLE = Family("candle", "candles", "home", _build)
