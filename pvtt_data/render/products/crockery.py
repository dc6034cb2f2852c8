"""Mugs and teapots of glazed or raw ceramic."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from pvtt_data.render.material import Part
from pvtt_data.render.meshes import Floats, Mesh, merged
from pvtt_data.render.products import finishes
from pvtt_data.render.products.colours import oklch
from pvtt_data.render.products.decor import print_decor
from pvtt_data.render.products.design import PrintArea
from pvtt_data.render.products.family import Dice, Family, Made
from pvtt_data.render.products.forms import fillet, length_of, patch, pipe, section, turned
from pvtt_data.render.products.labels import draw_design
from pvtt_data.render.products.vessels import Corner, shell


def _glaze(dice: Dice) -> str:
    """Colours of glazes: whites, creams, celadon, blues, blacks, earth."""
    light, turn = float(dice.uniform()), float(dice.uniform(0, 360))
    pick = int(dice.choice(5, p=[0.3, 0.15, 0.25, 0.15, 0.15]))
    return (
        oklch(0.94 + 0.03 * light, 0.008, 90),
        oklch(0.84 + 0.06 * light, 0.035, 80),
        oklch(0.58 + 0.22 * light, 0.065, turn),
        oklch(0.24 + 0.14 * light, 0.03, turn),
        oklch(0.48 + 0.12 * light, 0.10, turn),
    )[pick]


def _arc_handle(x: float, low: float, high: float, reach: float, square: float, thick: float, broad: float) -> Floats:
    """(P, 3) path of a handle in the plane y = 0, from the wall at x to the wall again."""
    t = np.linspace(-np.pi / 2, np.pi / 2, 30)
    bow = np.sign(np.cos(t)) * np.abs(np.cos(t)) ** (2 / square)
    rise = np.sign(np.sin(t)) * np.abs(np.sin(t)) ** (2 / square)
    return np.stack([x + reach * bow, 0 * t, (low + high) / 2 + (high - low) / 2 * rise], -1)


def _mug(shape: Dice, finish: Dice, label: Dice) -> Made:
    radius = float(shape.uniform(0.33, 0.4))
    high = radius * float(shape.uniform(1.9, 2.45))
    form = int(shape.choice(4, p=[0.4, 0.25, 0.2, 0.15]))
    foot_radius = radius * (1.0, float(shape.uniform(0.74, 0.86)), 0.8, 1.12)[form]
    foot = (0.05, 0.04, 0.22, 0.04)[form]
    thick = float(shape.uniform(0.026, 0.04))
    outer: list[Corner] = [
        (0, 0.02, 0),
        (foot_radius * 0.72, 0.02, 0.004),
        (foot_radius * 0.76, 0, 0.006),
        (foot_radius, 0, foot),
    ]
    if form == 2:
        outer.append((radius, 0.3 * high, 0.25))
    outer.append((radius, high, 0))
    vessel = shell(outer, thick, 0.035)

    speckle = bool(finish.uniform() < 0.35)
    glazed = bool(finish.uniform() < 0.75)
    colour = _glaze(finish)
    base = finishes.speckled(colour, finish) if speckle else colour
    surface = finishes.ceramic(base, glazed)
    design = draw_design(label, "mug", colour)

    def size(z: float) -> float:
        if form == 2:
            return 1.0 if z > 0.3 * high else (0.8 + 0.2 * z / (0.3 * high))
        return (foot_radius + (radius - foot_radius) * z / high) / radius

    low, top = (foot * 0.8 + 0.01 if form != 2 else 0.42 * high), high - 0.03
    outline = section(2 * radius, 2 * radius, 2.0)
    around = length_of(outline) * size((low + top) / 2)
    picture = print_decor(design, PrintArea(around, top - low, 1.3 * radius))
    sleeve = patch(outline, low, top, length_of(outline), out=0.0015, scale=size)
    grip_low, grip_high = high * float(shape.uniform(0.16, 0.26)), high * float(shape.uniform(0.76, 0.88))
    path = _arc_handle(
        size(grip_low) * radius - 0.45 * thick,
        grip_low,
        grip_high,
        float(shape.uniform(0.2, 0.27)),
        float(shape.uniform(2.0, 3.6)),
        0.03,
        0.05,
    )
    path[:, 0] += (size(grip_high) - size(grip_low)) * radius * np.linspace(0, 1, len(path))
    swell = 1 + 0.25 * np.abs(np.linspace(-1, 1, len(path))) ** 3
    handle = pipe(path, float(shape.uniform(0.024, 0.034)) * swell, float(shape.uniform(0.034, 0.055)) * swell)
    turn = float(shape.choice([-1.0, 1.0])) * float(shape.uniform(5, 35))
    flip = 180.0 if turn > 0 else 0.0
    parts = [
        Part(merged([vessel.mesh, handle.moved(yaw_deg=turn + flip)]), surface),
        Part(sleeve, replace(surface, colour=picture)),
    ]
    return Made(_title(design.wording.brand, design.wording.line, design.wording.quantity), tuple(parts))


def _title(brand: str, line: str, quantity: str) -> str:
    return f"{brand} {line} {quantity}"


def _spout(root: float, high: float, out: float, rise: float) -> Mesh:
    """A swan's neck to the left: a cubic Bezier curve that thins towards its lip."""
    t = np.linspace(0, 1, 34)[:, None]
    posts = np.array(
        [[-root + 0.06, 0, 0.34 * high], [-root - 0.62 * out, 0, 0.30 * high], [-root - 0.42 * out, 0, 0.86 * high],
         [-root - out, 0, rise * high]]
    )  # fmt: skip
    path = (1 - t) ** 3 * posts[0] + 3 * (1 - t) ** 2 * t * posts[1] + 3 * (1 - t) * t**2 * posts[2] + t**3 * posts[3]
    girth = 0.058 * (1 - t[:, 0]) ** 1.1 + 0.026
    girth[-3:] *= np.array([1.02, 1.06, 0.98])
    return pipe(path, girth, girth)


def _teapot(shape: Dice, finish: Dice, label: Dice) -> Made:
    radius = float(shape.uniform(0.27, 0.33))
    high = radius * float(shape.uniform(1.25, 1.9))
    form = int(shape.integers(3))
    mouth = radius * float(shape.uniform(0.48, 0.62))
    corners: list[Corner] = [
        (0, 0.012, 0),
        (radius * 0.55, 0.012, 0),
        (radius * 0.6, 0.0, 0.008),
        (radius * 0.68, 0.0, 0.012),
    ]
    if form == 0:
        corners += [(radius * 0.72, 0.02, 0.02), (radius * 1.12, 0.46 * high, 0.75 * radius), (mouth, high, 0.02)]
    elif form == 1:
        corners += [(radius * 0.98, 0.015, 0.07), (radius, 0.8 * high, 0.13), (mouth, high, 0.02)]
    else:
        corners += [(radius * 1.08, 0.03, 0.22), (radius * 0.82, 0.7 * high, 0.25), (mouth, high, 0.02)]
    corners += [(mouth, high + 0.008, 0.003), (0, high + 0.008, 0)]
    profile = fillet(corners, 14)
    pot = turned(profile)

    dome = float(shape.uniform(0.05, 0.11))
    rim = mouth * 1.02
    knob = float(shape.uniform(0.034, 0.05))
    lid = turned(
        fillet(
            [(0, high + 0.002, 0), (rim, high + 0.002, 0.004), (rim, high + 0.016, 0.006),
             (rim * 0.5, high + dome, 0.12),
             (knob * 0.55, high + dome, 0.02), (knob * 0.5, high + dome + 0.02, 0.008),
             (knob, high + dome + 0.035, 0.02),
             (knob, high + dome + 0.07, 0.026), (0, high + dome + 0.075, 0)]
        )
    )  # fmt: skip
    line = np.array(profile)
    root = float(np.interp(0.3 * high, line[4:, 1], line[4:, 0]))
    spout = _spout(root, high, float(shape.uniform(0.17, 0.25)), float(shape.uniform(0.92, 1.08)))
    low, top = 0.2 * high, 0.86 * high
    wall_low, wall_top = (float(np.interp(z, line[4:, 1], line[4:, 0])) for z in (low, top))
    handle = _arc_handle(
        wall_low - 0.03, low, top, float(shape.uniform(0.22, 0.3)), float(shape.uniform(2.0, 2.8)), 0.0, 0.0
    )
    handle[:, 0] += (wall_top - wall_low) * np.linspace(0, 1, len(handle))
    grip = pipe(handle, np.full(30, 0.022), np.full(30, 0.03))

    colour = _glaze(finish)
    glazed = bool(finish.uniform() < 0.75)
    speckle = bool(finish.uniform() < 0.3)
    design = draw_design(label, "teapot", colour)
    length = length_of(line)
    area = PrintArea(2 * np.pi * radius * 0.9, length, 1.1 * radius, above=mouth + 0.12 * length, below=radius * 0.95)
    surface = finishes.ceramic(finishes.speckled(colour, finish) if speckle else colour, glazed)
    knob_tone = finishes.wood(finish) if finish.uniform() < 0.2 else surface
    parts = (
        Part(pot, finishes.ceramic(print_decor(design, area), glazed)),
        Part(merged([spout, grip]), finishes.ceramic(colour, glazed)),
        Part(lid, knob_tone if glazed else surface),
    )
    return Made(_title(design.wording.brand, design.wording.line, design.wording.quantity), parts)


MUG = Family("mug", "mugs", "kitchen", _mug)
TEAPOT = Family("teapot", "teapots", "kitchen", _teapot)
