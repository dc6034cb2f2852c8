"""Folding boxes of printed card: tea, cereals, cosmetics."""

from __future__ import annotations

from pvtt_data.render.material import Part
from pvtt_data.render.products import finishes
from pvtt_data.render.products.colours import mixed
from pvtt_data.render.products.design import PrintArea
from pvtt_data.render.products.family import Dice, Family, Made
from pvtt_data.render.products.forms import box_of, length_of, patch, rectangle
from pvtt_data.render.products.labels import draw_design, print_label, print_mark
from pvtt_data.render.products.vessels import plate

_SIZES = (
    (0.66, 0.22, 1.0),
    (0.56, 0.36, 0.92),
    (0.40, 0.40, 1.0),
    (0.34, 0.30, 1.0),
    (0.62, 0.58, 0.66),
    (1.0, 0.42, 0.62),
    (0.74, 0.30, 0.78),
)
"""Width, depth, height of usual boxes."""


def _build(shape: Dice, finish: Dice, label: Dice) -> Made:
    size = _SIZES[int(shape.integers(len(_SIZES)))]
    width, depth, high = (value * float(shape.uniform(0.9, 1.1)) for value in size)
    edge = 0.008
    kraft = bool(finish.uniform() < 0.14)
    colour = "#b98f62" if kraft else finishes.tone(finish, 0.4)
    gloss = 0.05 if kraft else float(finish.choice([0.2, 0.45, 1.0]))
    kind = str(label.choice(["tea", "snack", "carton"]))
    design = draw_design(label, kind, colour)
    outline = rectangle(width, depth, edge)
    around = length_of(outline)
    picture = print_label(design, PrintArea(around, high - 2 * edge, width - 2 * edge, depth))
    print_ = patch(outline, edge, high - edge, around, out=0.0015)
    top = print_mark(design, width - 2 * edge, depth - 2 * edge)
    lid = plate(rectangle(width - 2 * edge, depth - 2 * edge, 0.004), high + 0.0015)
    flap = box_of(width - 0.03, 0.004, high - 0.01, high + 0.0035, 0.001, 0.001).moved(y=depth / 2 - 0.012)
    parts = (
        Part(box_of(width, depth, 0.0, high, edge, edge), finishes.paper(colour, gloss)),
        Part(print_, finishes.paper(picture, gloss)),
        Part(lid, finishes.paper(top, gloss)),
        Part(flap, finishes.paper(mixed(colour, "#000000", 0.35), 0.1)),
    )
    return Made(design.wording.title, parts)


CARTON = Family("carton", "boxes", "groceries", _build)
