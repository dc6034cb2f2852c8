"""Bottles for the bathroom: shampoo, lotion, wash. Opaque plastic with a pump, a flip cap, a screw cap or a sprayer."""

from __future__ import annotations

from pvtt_data.render.material import Part
from pvtt_data.render.products import closures, finishes
from pvtt_data.render.products.colours import oklch
from pvtt_data.render.products.dressing import Wall, dress
from pvtt_data.render.products.family import Dice, Family, Made
from pvtt_data.render.products.forms import body, fillet, section


def _build(shape: Dice, finish: Dice, label: Dice) -> Made:
    form = shape.choice(3, p=[0.45, 0.3, 0.25])
    depth = (1.0, float(shape.uniform(0.52, 0.7)), float(shape.uniform(0.8, 1.0)))[form]
    roundness = (2.0, float(shape.uniform(2.0, 2.6)), float(shape.uniform(4.0, 6.5)))[form]
    closure = ("pump", "flip", "screw", "mist")[int(shape.choice(4, p=[0.36, 0.28, 0.2, 0.16]))]
    high = float(shape.uniform(0.58, 0.72)) if closure != "flip" else float(shape.uniform(0.7, 0.8))
    radius = high * float(shape.uniform(0.21, 0.31)) * (1.2 if form == 1 else 1.0)
    neck = min(radius * float(shape.uniform(0.34, 0.48)), 0.092) * (1 if form != 1 else 0.9)
    taper = float(shape.choice([1.0, 1.0, 0.9, 0.84]))
    slope = float(shape.choice([0.02, 0.06, 0.12, 0.18])) * high / 0.65
    rounding = float(shape.choice([0.02, 0.06, 0.12]))
    foot = float(shape.uniform(0.018, 0.05))
    shoulder = high - slope
    corners = [
        (0, 0.004, 0), (radius * 0.7, 0.004, 0.0), (radius * 0.76, 0, 0.004), (radius, 0, foot),
        (radius * taper, shoulder, rounding), (neck, high, 0.014), (neck, high + 0.05, 0), (0, high + 0.05, 0),
    ]  # fmt: skip

    colour = finishes.tone(finish, 0.5)
    surface = finishes.plastic(colour, float(finish.choice([0.05, 0.45, 1.0])))
    if finish.uniform() < 0.16:
        colour = oklch(float(finish.uniform(0.22, 0.32)), 0.06, float(finish.choice([50.0, 60.0, 150.0])))
        surface = finishes.dark_glass(colour)
    cap_tone = str(finish.choice(["#f4f3ef", "#1d1d1f", colour, finishes.tone(finish, 0.5)]))
    cap = finishes.plastic(cap_tone, float(finish.choice([0.3, 0.9])))
    collar = finishes.draw_metal(finish) if finish.uniform() < 0.3 else cap

    parts = [Part(body(fillet(corners), depth, roundness, shoulder - 0.5 * rounding, neck), surface)]
    size = float(shape.uniform(0.24, 0.32))
    turn = float(shape.uniform(-35, 35))
    if closure == "pump":
        parts += closures.pump(neck, high + 0.012, size, cap, collar, turn)
    elif closure == "flip":
        wide = max(neck * float(shape.uniform(1.3, 1.7)), min(radius * taper * depth * 0.9, radius * 0.62))
        parts += closures.flip_cap(wide, high + 0.006, float(shape.uniform(0.13, 0.18)), cap)
    elif closure == "screw":
        parts += closures.screw_cap(neck * 1.28, high + 0.008, float(shape.uniform(0.09, 0.14)), cap)
    else:
        parts += closures.mister(neck, high + 0.01, float(shape.uniform(0.15, 0.19)), cap, collar)

    outline = section(2 * radius, 2 * radius * depth, roundness)
    low, top = foot + 0.012, shoulder - min(rounding * 0.7, 0.07) - 0.012
    front = radius * (1.55 if form == 0 else 1.62)
    wall = Wall(outline, low, top, front, lambda z: 1 + (taper - 1) * z / shoulder)
    dressed = dress(label, "hair", wall, colour, surface)
    return Made(dressed.design.wording.title, (*parts, *dressed.parts))


BOTTLE = Family("bottle", "bottles", "beauty", _build)
