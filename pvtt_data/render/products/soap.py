"""Bars of soap in a sleeve of paper, standing on their short side."""

from __future__ import annotations

from pvtt_data.render.material import Material, Part
from pvtt_data.render.meshes import Floats
from pvtt_data.render.products import finishes
from pvtt_data.render.products.colours import oklch
from pvtt_data.render.products.design import PrintArea
from pvtt_data.render.products.family import Dice, Family, Made
from pvtt_data.render.products.forms import length_of, patch, section
from pvtt_data.render.products.labels import draw_design, print_label
from pvtt_data.render.products.vessels import bevelled_rows, inset_solid


def _build(shape: Dice, finish: Dice, label: Dice) -> Made:
    high = float(shape.uniform(0.84, 1.0))
    width = high * float(shape.uniform(0.58, 0.74))
    depth = high * float(shape.uniform(0.26, 0.36))
    roundness = float(shape.uniform(3.5, 9.0))
    bevel = depth * float(shape.uniform(0.12, 0.34))

    def outline(inset: float) -> Floats:
        return section(width - 2 * inset, depth - 2 * inset, roundness)

    turn, light, chroma = (float(finish.uniform()) for _ in range(3))
    soap = Material(
        finishes.speckled(oklch(0.6 + 0.32 * light, 0.02 + 0.07 * chroma, 360 * turn), finish, 600),
        roughness=0.4,
        specular=0.45,
    )
    parts = [Part(inset_solid(outline, bevelled_rows(0.0, high, bevel, steps=10)), soap)]
    share = float(shape.uniform(0.5, 0.76))
    low, top = high * (1 - share) / 2, high * (1 + share) / 2
    design = draw_design(label, "soap")
    wall = outline(0.0)
    around = length_of(wall)
    picture = print_label(design, PrintArea(around, top - low, width * 0.92))
    sleeve = patch(wall, low, top, around, out=0.006)
    parts.append(Part(sleeve, finishes.paper(picture, float(label.choice([0.1, 0.4])))))
    return Made(design.wording.title, tuple(parts))


SOAP = Family("soap", "soaps", "beauty", _build)
