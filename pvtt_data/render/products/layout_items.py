"""What layouts have in common: units, margins, the drawing and the mark as items of a stack."""

from __future__ import annotations

import numpy as np

from pvtt_data.render.products.canvas import (
    Box,
    Canvas,
    Drawing,
    Item,
    height,
    inset,
    stack,
    width,
)
from pvtt_data.render.products.colours import Palette
from pvtt_data.render.products.design import Design
from pvtt_data.render.products.family import Dice
from pvtt_data.render.products.motifs import FULL_BLEED, MOTIFS
from pvtt_data.render.products.patterns import logo


def small_dice(design: Design) -> Dice:
    return np.random.default_rng((design.seed, 0x1A70))


def unit_of(box: Box) -> float:
    return min(width(box), height(box) * 0.85)


def within(box: Box) -> Box:
    return inset(box, 0.07 * min(width(box), height(box)))


def motif_item(
    canvas: Canvas, design: Design, size: float, grow: float = 0.0, palette: Palette | None = None
) -> Drawing:
    """The article's drawing as an item of a stack."""
    tones = palette or design.palette
    name = design.wording.variant.motif

    def paint(box: Box) -> None:
        MOTIFS[name](
            canvas, inset(box, 0.04 * min(width(box), height(box))), tones, np.random.default_rng((design.seed, 0x307))
        )

    return Drawing(paint, size, grow, aspect=1.35 if name in FULL_BLEED else 0.0)


def logo_item(canvas: Canvas, design: Design, size: float, tone: str, ground: str) -> Drawing:
    return Drawing(lambda box: logo(canvas, box, design.logo, tone, ground), size, aspect=1.0)


def side_by_side(canvas: Canvas, box: Box, drawing: Drawing, items: list[Item], right: bool) -> None:
    """On a wide box: the drawing on one side, the text on the other."""
    cut = box[0] + 0.42 * width(box)
    picture, text = (box[0], box[1], cut, box[3]), (cut + 0.03 * width(box), box[1], box[2], box[3])
    if right:
        edge = box[2] - 0.42 * width(box)
        picture, text = (edge, box[1], box[2], box[3]), (box[0], box[1], edge - 0.03 * width(box), box[3])
    drawing.paint(picture)
    stack(canvas, text, items)
