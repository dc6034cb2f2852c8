"""Drink cans: standard, slim and tall, with a necked rim and a ring pull."""

from __future__ import annotations

import numpy as np

from pvtt_data.render.material import Material, Part
from pvtt_data.render.meshes import merged
from pvtt_data.render.products import finishes
from pvtt_data.render.products.design import PrintArea
from pvtt_data.render.products.family import Dice, Family, Made
from pvtt_data.render.products.forms import box_of, fillet, patch, section, turned
from pvtt_data.render.products.labels import draw_design, print_label


def _build(shape: Dice, finish: Dice, label: Dice) -> Made:
    form = int(shape.integers(3))
    radius = (0.275, 0.205, 0.235)[form] * float(shape.uniform(0.95, 1.06))
    neck = radius * float(shape.uniform(0.80, 0.86))
    foot = 0.045 * radius / 0.25
    shoulder = 1.0 - float(shape.uniform(0.085, 0.12))
    side = [
        (0, 0.05, 0), (radius * 0.6, 0.045, 0.04), (radius * 0.74, 0.0, 0.012), (radius * 0.80, 0.0, 0.012),
        (radius, foot + 0.02, 0.03), (radius, shoulder, 0.035), (neck, 0.965, 0.03), (neck, 0.978, 0.003),
        (neck * 1.035, 0.985, 0.004), (neck * 1.035, 1.0, 0.005), (neck * 0.96, 1.0, 0.005),
        (neck * 0.93, 0.955, 0.008),
        (neck * 0.89, 0.948, 0.006), (neck * 0.86, 0.966, 0.006), (0, 0.964, 0),
    ]  # fmt: skip
    tab = box_of(neck * 0.46, neck * 0.78, 0.971, 0.979, neck * 0.2, 0.003).moved(y=-neck * 0.12)
    rivet = turned(fillet([(0, 0.96, 0), (neck * 0.11, 0.96, 0), (neck * 0.10, 0.984, 0.004), (0, 0.984, 0)]), 32)
    mouth = turned(fillet([(neck * 0.40, 0.9655, 0), (neck * 0.42, 0.968, 0.001), (neck * 0.44, 0.9655, 0)], 3), 48)
    mouth = mouth.moved(y=-neck * 0.36)
    turn = float(shape.uniform(-180, 180))
    top = merged([tab, rivet, mouth]).moved(yaw_deg=turn)

    colour = finishes.tone(finish, 0.3)
    kind = float(finish.uniform())
    if kind < 0.2:
        colour = "#c9ccd0"
    alu = Material("#dfe1e4", roughness=0.26, metallic=1.0)
    design = draw_design(label, "can", colour)
    low, high = foot + 0.028, shoulder - 0.008
    outline = section(2 * radius, 2 * radius, 2.0)
    around = 2 * np.pi * radius
    picture = print_label(design, PrintArea(around, high - low, 1.55 * radius))
    if kind < 0.45:
        surface = finishes.foil(picture, float(finish.uniform(0.22, 0.35)))
    else:
        surface = finishes.plastic(picture, float(finish.choice([0.1, 0.6, 1.0])))
    sleeve = patch(outline, low, high, around, out=0.002)
    return Made(design.wording.title, (Part(turned(fillet(side)), alu), Part(top, alu), Part(sleeve, surface)))


CAN = Family("can", "drinks", "drinks", _build)
