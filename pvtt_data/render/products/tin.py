"""Tins of printed sheet metal, round or rectangular, with a lid over the rim."""

from __future__ import annotations

from pvtt_data.render.material import Part
from pvtt_data.render.meshes import Floats
from pvtt_data.render.products import finishes
from pvtt_data.render.products.colours import mixed
from pvtt_data.render.products.design import PrintArea
from pvtt_data.render.products.family import Dice, Family, Made
from pvtt_data.render.products.forms import length_of, patch, rectangle, section
from pvtt_data.render.products.labels import draw_design, print_label, print_mark
from pvtt_data.render.products.vessels import bevelled_rows, inset_solid, plate


def _build(shape: Dice, finish: Dice, label: Dice) -> Made:
    form = int(shape.choice(3, p=[0.4, 0.4, 0.2]))
    width = float(shape.uniform(0.5, 0.9))
    depth = width if form == 0 else width * float(shape.uniform(0.55, 1.0))
    high = float(shape.uniform(0.35, 0.95))
    corner = float(shape.uniform(0.05, 0.14)) * min(width, depth)
    lid_tall = float(shape.uniform(0.14, 0.24)) * min(high, 0.7)

    def outline(inset: float) -> Floats:
        w, d = width - 2 * inset, depth - 2 * inset
        if form == 1:
            return rectangle(w, d, max(corner - inset, 0.01))
        return section(w, d, 2.0 if form == 0 else 3.2)

    colour = finishes.tone(finish, 0.3)
    bare = bool(finish.uniform() < 0.3)
    gloss = float(finish.choice([0.15, 0.6, 1.0]))
    design = draw_design(label, "tin", colour)
    lid_tone = str(finish.choice([colour, design.palette.accent, "#1d1d1f", "#efe9dc"]))
    steel = finishes.metal("silver", 0.3)
    seam = high - lid_tall
    rows = [*bevelled_rows(0.0, 0.03, 0.01), (0.006, 0.034), (0.006, seam)]
    parts = [Part(inset_solid(outline, rows), steel if bare else finishes.plastic(colour, gloss))]
    lid_rows = [(0.012, seam - 0.004), (-0.001, seam - 0.004), (-0.004, seam), (-0.004, seam + 0.008),
                (0.0, seam + 0.013),
                *bevelled_rows(seam + 0.02, high, 0.028)[7:], (0.034, high), (0.042, high - 0.006),
                (0.05, high - 0.006)]  # fmt: skip
    metal = finishes.draw_metal(finish) if bare else finishes.plastic(lid_tone, gloss)
    parts.append(Part(inset_solid(outline, lid_rows), metal))
    wall = outline(0.006)
    around = length_of(wall)
    low, top = 0.036, seam - 0.006
    side = depth - 0.012 - 2 * corner if form == 1 else 0.0
    front = width - 0.012 - 1.2 * corner if form == 1 else 0.74 * width
    picture = print_label(design, PrintArea(around, top - low, front, side))
    surface = finishes.foil(picture, 0.3) if bare else finishes.plastic(picture, gloss)
    parts.append(Part(patch(wall, low, top, around, out=0.002), surface))
    face = outline(0.055)
    w, d = width - 0.11, depth - 0.11
    mark = print_mark(design, w, d)
    parts.append(Part(plate(face, high - 0.0045), finishes.plastic(mark, gloss)))
    rim = inset_solid(outline, [*bevelled_rows(0.0, 0.022, 0.008, -0.003)])
    parts.append(Part(rim, steel if bare else finishes.plastic(mixed(colour, "#000000", 0.15), gloss)))
    return Made(design.wording.title, tuple(parts))


TIN = Family("tin", "tins", "groceries", _build)
