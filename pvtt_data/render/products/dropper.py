"""Small bottles with a pipette: serums and oils for the face. Dark glass, clear glass with oil, or lacquer."""

from __future__ import annotations

from pvtt_data.render.material import Part
from pvtt_data.render.products import closures, finishes
from pvtt_data.render.products.colours import oklch
from pvtt_data.render.products.dressing import Wall, dress
from pvtt_data.render.products.family import Dice, Family, Made
from pvtt_data.render.products.forms import fillet, section, turned
from pvtt_data.render.products.vessels import contents, shell


def _build(shape: Dice, finish: Dice, label: Dice) -> Made:
    high = float(shape.uniform(0.46, 0.62))
    radius = high * float(shape.uniform(0.27, 0.42))
    neck = radius * float(shape.uniform(0.42, 0.52))
    rounding = float(shape.choice([0.03, 0.07, 0.12]))
    shoulder = high - float(shape.choice([0.005, 0.03, 0.07]))
    outer = [(0, 0.012, 0), (radius * 0.8, 0.012, 0), (radius * 0.84, 0, 0.003), (radius, 0, 0.03),
             (radius, shoulder, rounding), (neck, high, 0.012), (neck, high + 0.05, 0)]  # fmt: skip
    colour: str | None
    kind = finish.choice(3, p=[0.42, 0.28, 0.30])
    parts: list[Part] = []
    if kind == 0:
        colour = oklch(float(finish.uniform(0.2, 0.3)), 0.055, float(finish.choice([48.0, 55.0, 150.0, 255.0])))
        surface = finishes.dark_glass(colour)
        parts.append(Part(turned(fillet([*outer, (0, high + 0.05, 0)])), surface))
    elif kind == 1:
        colour = None
        surface = finishes.glass(str(finish.choice(["clear", "amber", "clear", "green"])))
        vessel = shell(outer, 0.022, 0.03)
        oil = finishes.liquid((0.96, 0.86 + 0.1 * float(finish.uniform()), float(finish.uniform(0.4, 0.9))))
        parts += [Part(vessel.mesh, surface), Part(contents(vessel.inside, 0.8 * high, 0.004), oil)]
        pipette = closures.cylinder(0.014, 0.05, high + 0.04, 0.006, 24)
        parts.append(Part(pipette, finishes.plastic("#eef0ee", 1.0)))
    else:
        colour = finishes.tone(finish, 0.5)
        surface = finishes.plastic(colour, float(finish.choice([0.05, 0.4, 1.0])))
        parts.append(Part(turned(fillet([*outer, (0, high + 0.05, 0)])), surface))
    collar = finishes.draw_metal(finish) if finish.uniform() < 0.5 else finishes.plastic("#1c1c1e", 0.4)
    rubber = finishes.plastic(str(finish.choice(["#1a1a1c", "#efeee9", "#8b8784", "#c9b8a4"])), 0.1)
    parts += closures.dropper(neck, high + 0.012, float(shape.uniform(0.32, 0.4)), rubber, collar)

    low, top = 0.05, shoulder - 0.8 * rounding - 0.005
    wall = Wall(section(2 * radius, 2 * radius, 2.0), low, top, 1.55 * radius)
    dressed = dress(label, "serum", wall, colour, surface)
    return Made(dressed.design.wording.title, (*parts, *dressed.parts))


DROPPER = Family("dropper", "serums", "beauty", _build)
