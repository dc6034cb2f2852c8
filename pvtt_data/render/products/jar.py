"""Jars: creams in plastic or glass under a wide lid, and preserves in glass under a metal lid."""

from __future__ import annotations

import numpy as np
from PIL import Image

from pvtt_data.render.material import Material, Part, Texture
from pvtt_data.render.products import closures, finishes
from pvtt_data.render.products.colours import oklch
from pvtt_data.render.products.dressing import Wall, dress, sticker, wrap
from pvtt_data.render.products.family import Dice, Family, Made
from pvtt_data.render.products.forms import body, fillet, ribbed, section, turned
from pvtt_data.render.products.labels import print_mark
from pvtt_data.render.products.vessels import Corner, contents, plate, shell


def _cream(shape: Dice, finish: Dice, label: Dice) -> Made:
    radius = float(shape.uniform(0.38, 0.5))
    high = radius * float(shape.uniform(0.75, 1.35))
    squared = bool(shape.uniform() < 0.2)
    roundness = float(shape.uniform(3.6, 5.5)) if squared else 2.0
    foot = float(shape.choice([0.03, 0.07, 0.14])) * high / 0.45
    taper = float(shape.choice([1.0, 1.0, 0.94, 1.05]))
    corners = [(0, 0.006, 0), (radius * 0.6, 0.006, 0), (radius * 0.66, 0, 0.004), (radius, 0, foot),
               (radius * taper, high, float(shape.choice([0.015, 0.05]))), (radius * 0.8, high, 0.0),
               (0, high, 0)]  # fmt: skip
    colour = finishes.tone(finish, 0.5)
    surface = finishes.plastic(colour, float(finish.choice([0.1, 0.5, 1.0])))
    if finish.uniform() < 0.2:
        colour = oklch(float(finish.uniform(0.2, 0.3)), 0.055, float(finish.choice([50.0, 150.0, 255.0])))
        surface = finishes.dark_glass(colour)
    parts = [Part(body(fillet(corners), 1.0, roundness), surface)]

    lid_radius = radius * taper * float(shape.choice([0.94, 1.0]))
    tall = high * float(shape.uniform(0.3, 0.55))
    low, rounding = high + 0.008, float(shape.choice([0.012, 0.03, 0.06]))
    lid_tone = str(finish.choice([colour, "#f3f1ec", "#19191b", finishes.tone(finish, 0.4)]))
    kind = float(finish.uniform())
    lid = finishes.draw_metal(finish) if kind < 0.35 else finishes.plastic(lid_tone, float(finish.choice([0.3, 1.0])))
    if 0.35 <= kind < 0.5:
        lid = finishes.wood(finish)
    if shape.uniform() < 0.25 and not squared:
        parts.append(Part(ribbed(lid_radius, low, low + tall, 96, 0.02, rounding), lid))
    else:
        cap = [(0, low, 0), (lid_radius, low, 0.008), (lid_radius, low + tall, rounding), (0, low + tall, 0)]
        parts.append(Part(body(fillet(cap, 8), 1.0, roundness), lid))
    wall = Wall(
        section(2 * radius, 2 * radius, roundness),
        foot * 0.75 + 0.012,
        high - 0.03,
        (1.35 if roundness == 2.0 else 1.6) * radius,
        lambda z: 1 + (taper - 1) * z / high,
    )
    dressed = dress(label, "cream", wall, colour, surface)
    parts += dressed.parts
    if kind >= 0.5 and lid_tone == colour:
        size = 1.3 * lid_radius
        mark = print_mark(dressed.design, size, size) if dressed.design.palette.ground == colour else None
        if mark:
            disc = section(size, size, 2.0, 64)
            parts.append(Part(plate(disc, low + tall + 0.003), finishes.plastic(mark, 0.6)))
    return Made(dressed.design.wording.title, tuple(parts))


def _mottled(colour: str, dice: Dice) -> Texture:
    """Fruit in jelly: lighter and darker patches."""
    rng = np.random.default_rng((int(dice.integers(2**31)), 0x1A3))
    cells = rng.uniform(0, 1, (14, 44)).astype(np.float32)
    patches = np.asarray(Image.fromarray(cells).resize((512, 192), Image.Resampling.BICUBIC))
    rgb = np.array([int(colour[i : i + 2], 16) for i in (1, 3, 5)]) * (0.62 + 0.6 * patches[..., None])
    return Texture(rgb.clip(0, 255).astype(np.uint8))


def _preserve(shape: Dice, finish: Dice, label: Dice) -> Made:
    radius = float(shape.uniform(0.27, 0.36))
    form = int(shape.integers(3))
    bulge = (1.0, 1.0, 0.86)[form]
    high = float(shape.uniform(0.62, 0.8))
    mouth = radius * float(shape.uniform(0.76, 0.86))
    shoulder = high - float(shape.uniform(0.05, 0.11))
    soft = (0.05, 0.09, 0.16)[form]
    outer: list[Corner] = [(0, 0.015, 0), (radius * 0.6, 0.015, 0), (radius * 0.7, 0, 0.005), (radius * bulge, 0, 0.05)]
    if form == 2:
        outer.append((radius, 0.3 * high, 0.2))
    outer += [(radius, shoulder, soft), (mouth, high, 0.015), (mouth, high + 0.05, 0)]
    vessel = shell(outer, 0.018, 0.025)
    wall = Wall(
        section(2 * radius, 2 * radius, 2.0), 0.12 if form < 2 else 0.3 * high, shoulder - soft * 0.7, 1.5 * radius
    )
    if label.uniform() < 0.6:
        dressed = sticker(label, "preserve", wall, True)
    else:
        paper = finishes.paper("#ffffff", float(label.uniform()))
        dressed = wrap(label, "preserve", wall, None, paper, float(label.uniform(0.6, 0.9)))
    colour = finishes.pulp(finish, dressed.design.wording.variant.hue, 0.52)
    spread = Material(_mottled(colour, finish), roughness=0.3)
    inside = contents(vessel.inside, high - float(shape.uniform(0.01, 0.05)), 0.005)
    parts = [Part(vessel.mesh, finishes.glass()), Part(inside, spread), *dressed.parts]

    low, tall = high + 0.006, float(shape.uniform(0.08, 0.11))
    rim = mouth + 0.016
    lid = [(0, low, 0), (rim + 0.006, low, 0.004), (rim + 0.006, low + 0.016, 0.004), (rim, low + 0.02, 0.003),
           (rim, low + tall, 0.018), (rim * 0.9, low + tall, 0.003), (rim * 0.88, low + tall - 0.006, 0.003),
           (0, low + tall - 0.006, 0)]  # fmt: skip
    metal = finishes.draw_metal(finish)
    if finish.uniform() < 0.55:
        metal = finishes.plastic(finishes.tone(finish, 0.5), 0.8)
    parts.append(Part(turned(fillet(lid), 96), metal))
    return Made(dressed.design.wording.title, tuple(parts))


def _pills(shape: Dice, finish: Dice, label: Dice) -> Made:
    radius = float(shape.uniform(0.25, 0.32))
    high = float(shape.uniform(0.62, 0.76))
    neck = radius * float(shape.uniform(0.68, 0.8))
    shoulder = high - float(shape.uniform(0.04, 0.1))
    outer = [(0, 0.01, 0), (radius * 0.7, 0.01, 0), (radius * 0.76, 0, 0.004), (radius, 0, 0.04),
             (radius, shoulder, 0.06), (neck, high, 0.014), (neck, high + 0.04, 0), (0, high + 0.04, 0)]  # fmt: skip
    kind = int(finish.choice(3, p=[0.5, 0.25, 0.25]))
    amber = oklch(float(finish.uniform(0.28, 0.4)), 0.085, 58)
    colour = ("#f5f5f2", amber, finishes.tone(finish, 0.2))[kind]
    surface = finishes.dark_glass(colour) if kind == 1 else finishes.plastic(colour, float(finish.choice([0.4, 0.9])))
    cap = str(finish.choice(["#f6f6f3", "#1b1b1d", colour, finishes.tone(finish, 0.1)]))
    parts = [Part(turned(fillet(outer)), surface)]
    parts += closures.screw_cap(
        neck * 1.17, high + 0.006, float(shape.uniform(0.16, 0.22)), finishes.plastic(cap, 0.5), 72
    )
    wall = Wall(section(2 * radius, 2 * radius, 2.0), 0.06, shoulder - 0.05, 1.55 * radius)
    paper = finishes.paper("#ffffff", float(label.uniform(0.3, 1.0)))
    dressed = wrap(label, "vitamins", wall, None, paper, float(label.uniform(0.85, 1.0)))
    return Made(dressed.design.wording.title, (*parts, *dressed.parts))


JAR = Family("jar", "skincare", "beauty", _cream)
PRESERVE = Family("preserve", "preserves", "groceries", _preserve)
VITAMINS = Family("vitamins", "supplements", "beauty", _pills)
