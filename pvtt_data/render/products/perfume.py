"""Perfume: a thick glass block with a cavity of coloured liquid, or a lacquered one, under a heavy cap."""

from __future__ import annotations

from dataclasses import replace

from pvtt_data.render.material import Material, Part
from pvtt_data.render.meshes import Floats, merged
from pvtt_data.render.products import closures, finishes
from pvtt_data.render.products.colours import lightness
from pvtt_data.render.products.dressing import Wall, inked, sticker
from pvtt_data.render.products.family import Dice, Family, Made
from pvtt_data.render.products.forms import fillet, rectangle, section, turned
from pvtt_data.render.products.vessels import bevelled_rows, flipped, inset_solid


def _build(shape: Dice, finish: Dice, label: Dice) -> Made:
    high = float(shape.uniform(0.5, 0.68))
    wide = high * float(shape.uniform(0.62, 1.0))
    form = shape.choice(3, p=[0.5, 0.25, 0.25])
    deep = wide * (float(shape.uniform(0.34, 0.6)), 1.0, float(shape.uniform(0.45, 0.65)))[form]
    if form == 1:
        wide = deep = high * float(shape.uniform(0.5, 0.72))
    corner = min(float(shape.choice([0.02, 0.04, 0.09])), 0.4 * deep)
    roundness = float(shape.uniform(2.4, 3.4))

    def outline(inset: float) -> Floats:
        w, d = max(wide - 2 * inset, 1e-4), max(deep - 2 * inset, 1e-4)
        if form == 0:
            return rectangle(w, d, min(max(corner - inset, 0.008), 0.45 * min(w, d)))
        return section(w, d, 2.0 if form == 1 else roundness)

    bevel = float(shape.choice([0.015, 0.03, 0.06]))
    outer = inset_solid(outline, bevelled_rows(0.0, high, bevel))
    wall, floor = 0.09 * min(wide, deep) + 0.008, float(shape.uniform(0.05, 0.1)) * high + 0.01
    neck = min(0.16 * wide, 0.3 * deep)
    clear = bool(finish.uniform() < 0.6)
    colour = None if clear else finishes.tone(finish, 0.45)
    if clear:
        surface = finishes.glass(str(finish.choice(["clear", "clear", "clear", "smoke", "rose", "blue"])))
        hollow = inset_solid(outline, bevelled_rows(floor, high - wall, 0.6 * bevel + 0.005, wall))
        level = floor + (high - wall - floor) * float(finish.uniform(0.72, 0.92))
        tint = [0.97, 0.90, 0.90]
        strong, middle = float(finish.uniform(0.45, 0.85)), float(finish.uniform(0.6, 0.95))
        first = int(finish.integers(3))
        tint[(first + 1) % 3], tint[(first + 2) % 3] = strong, middle
        juice = inset_solid(outline, bevelled_rows(floor - 0.003, level, 0.004, wall - 0.003))
        tube = closures.cylinder(0.008, floor + 0.02, high - wall - 0.004, 0.003, 20)
        parts = [
            Part(merged([outer, flipped(hollow)]), surface),
            Part(juice, finishes.liquid((tint[0], tint[1], tint[2]))),
            Part(tube, finishes.plastic("#e9ebea", 0.8)),
        ]
    else:
        assert colour is not None
        surface = finishes.plastic(colour, float(finish.choice([0.05, 1.0, 1.0])))
        if finish.uniform() < 0.25:
            surface = finishes.draw_metal(finish)
        parts = [Part(outer, surface)]
    ring = finishes.draw_metal(finish)
    parts.append(Part(closures.cylinder(neck * 1.15, high - 0.004, high + 0.045, 0.006), ring))
    parts.append(_cap(shape, finish, neck, high + 0.03, wide, deep, ring))

    room = Wall(outline(0.0), 0.12 * high, 0.9 * high, _flat(form == 0, wide, corner))
    if label.uniform() < 0.6:
        dark = colour is not None and lightness(colour) < 0.6
        ink = str(label.choice(["#f3ecd8", "#ffffff", "#e0c483"] if dark else ["#1b1b1d", "#2a2320", "#8a6a2c"]))
        dressed = inked(label, "perfume", room, ink, Material(roughness=0.4))
    else:
        small = replace(room, bottom=0.24 * high, top=0.74 * high)
        dressed = sticker(label, "perfume", small, see_through=clear)
    return Made(dressed.design.wording.title, (*parts, *dressed.parts))


def _flat(boxy: bool, wide: float, corner: float) -> float:
    return wide - 2 * corner - 0.02 if boxy else 0.66 * wide


def _cap(shape: Dice, finish: Dice, neck: float, low: float, wide: float, deep: float, ring: Material) -> Part:
    """A cylinder, a block, a ball or a cone; metal, lacquer or wood."""
    kind = int(shape.integers(4))
    tall = float(shape.uniform(0.16, 0.27))
    reach = min(neck * float(shape.uniform(1.5, 2.2)), 0.48 * deep)
    if kind == 0:
        mesh = closures.cylinder(reach, low, low + tall, 0.012)
    elif kind == 1:
        w, d = min(wide * 0.8, reach * 2.6), min(deep * 0.9, reach * 2.0)
        mesh = inset_solid(
            lambda inset: rectangle(w - 2 * inset, d - 2 * inset, 0.02), bevelled_rows(low, low + tall, 0.012)
        )
    elif kind == 2:
        r = 0.55 * tall
        mesh = turned(fillet([(0, low, 0), (0.6 * r, low, 0), (r * 1.25, low + 0.4 * r, r * 0.9),
                              (r * 1.25, low + 1.7 * r, r * 1.1), (0, low + 2 * r, 0)], 16))  # fmt: skip
    else:
        mesh = turned(
            fillet([(0, low, 0), (reach * 1.1, low, 0.006), (reach * 0.82, low + tall, 0.015), (0, low + tall, 0)])
        )
    choice = float(finish.uniform())
    if choice < 0.35:
        return Part(mesh, ring)
    if choice < 0.55:
        return Part(mesh, finishes.wood(finish))
    return Part(mesh, finishes.plastic(str(finish.choice(["#141416", "#f4f2ec", finishes.tone(finish, 0.3)])), 1.0))


PERFUME = Family("perfume", "perfumes", "beauty", _build)
