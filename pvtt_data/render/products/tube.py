"""Tubes: round at the shoulder, flat at the crimp, standing on their caps."""

from __future__ import annotations

import numpy as np

from pvtt_data.render.material import Part
from pvtt_data.render.meshes import loft, merged
from pvtt_data.render.products import closures, finishes
from pvtt_data.render.products.design import PrintArea
from pvtt_data.render.products.family import Dice, Family, Made
from pvtt_data.render.products.forms import length_of, section, tidy
from pvtt_data.render.products.labels import draw_design, print_label


def _build(shape: Dice, finish: Dice, label: Dice) -> Made:
    radius = float(shape.uniform(0.135, 0.2))
    cap_tall = float(shape.uniform(0.1, 0.24))
    base, top = cap_tall + 0.012, 1.0
    crimp = float(shape.uniform(0.035, 0.055))
    full = bool(shape.uniform() < 0.6)
    stay = float(shape.uniform(0.05, 0.3))

    rings = []
    if not full:
        for share, z in ((0.5, base - 0.01), (0.62, base - 0.008), (0.9, base + 0.012), (0.975, base + 0.026)):
            rings.append((2 * radius * share, 2 * radius * share, z + 0.002))
    start = base + (0.035 if not full else 0.0)
    for t in np.linspace(0, 1, 26):
        z = start + t * (top - crimp - start)
        flat = float(np.clip((t - stay) / (1 - stay), 0, 1)) ** 1.35
        rings.append((2 * radius * (1 + 0.5 * flat), 2 * radius * (1 - flat) + 0.016 * flat, z))
    wide = rings[-1][0]
    for row in range(8):
        z = top - crimp + 0.004 + (crimp - 0.004) * row / 7
        rings.append((wide, 0.016 + 0.003 * (row % 2), z))
    sections = [np.column_stack([section(w, d, 2.0), np.full(113, z)]) for w, d, z in rings]
    foot = sections[0] * [0.0, 0.0, 1.0]
    end = sections[-1] * [1.0, 0.0, 1.0]
    colour = finishes.tone(finish, 0.4)
    gloss = float(finish.choice([0.15, 0.6, 1.0]))
    metallic = bool(finish.uniform() < 0.2)

    design = draw_design(label, "tube", colour)
    around = 2 * np.pi * radius
    stacked = np.stack([foot, *sections, end])
    spine = length_of(stacked[:, 56, 1:])
    sealed = length_of(stacked[-9:, 56, 1:])
    front = 1.7 * radius
    area = PrintArea(around, spine, front, above=sealed + 0.03, below=radius + 0.045, apart=0.27 * around - front / 2)
    picture = print_label(design, area)
    surface = finishes.plastic(picture, gloss)
    if metallic:
        surface = finishes.foil(picture)
    skin = tidy(loft(stacked))

    tone = str(finish.choice([colour, "#f6f5f1", "#1a1a1c", finishes.tone(finish, 0.2)]))
    cap = finishes.plastic(tone, float(finish.choice([0.3, 0.9])))
    if finish.uniform() < 0.25:
        cap = finishes.draw_metal(finish)
    if full:
        parts = closures.flip_cap(radius * 0.97, 0.0, cap_tall, cap)
    else:
        reach = radius * float(shape.uniform(0.45, 0.7))
        parts = closures.screw_cap(reach, 0.0, cap_tall, cap, 40)
        neck = closures.cylinder(reach * 0.8, cap_tall - 0.01, base, 0.002)
        parts = (*parts[:-1], Part(merged([parts[-1].mesh, neck]), cap))
    return Made(design.wording.title, (Part(skin, surface), *parts))


TUBE = Family("tube", "skincare", "beauty", _build)
