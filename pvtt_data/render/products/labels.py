"""Printed labels: from dice to pictures that look like packaging, at the proportions of the surface that bears them."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from pvtt_data.render.material import Pixels, Texture
from pvtt_data.render.products import barcodes
from pvtt_data.render.products.backs import paint_backs
from pvtt_data.render.products.canvas import SUPERSAMPLING, Canvas, Drawing, Gap, inset, pixels, stack
from pvtt_data.render.products.colours import Palette, harmonious, paper_ground
from pvtt_data.render.products.design import FACE_SETS, Design, PrintArea
from pvtt_data.render.products.family import Dice
from pvtt_data.render.products.layouts import INK_ONLY, LAYOUTS
from pvtt_data.render.products.names import draw_wording
from pvtt_data.render.products.patterns import PATTERNS, logo

PX_PER_UNIT = 720
MAX_SIDE_PX = 2048
LEAST_SIDE_PX = 320
"""Small prints get more pixels per unit, so that their letters stay legible in close-ups."""


def scale_of(width: float, height: float) -> float:
    """Pixels per scene unit for a print of a size in scene units."""
    wanted = max(PX_PER_UNIT, LEAST_SIDE_PX / min(width, height))
    return min(wanted, MAX_SIDE_PX / width, MAX_SIDE_PX / height)


def draw_design(dice: Dice, kind: str, ground: str | None = None, layouts: Sequence[str] | None = None) -> Design:
    """A print for an article.

    Args:
        dice: of the label; the same dice give the same words and layout on any ground.
        kind: key of `names.KINDS`.
        ground: colour of the surface that is printed on; None for a sticker, which brings its own.
        layouts: keys of `LAYOUTS` to choose from; None for all.
    """
    wording = draw_wording(dice, kind)
    tones = np.random.default_rng(int(dice.integers(2**32)))
    paper = paper_ground(tones, wording.variant.hue)
    palette = harmonious(tones, ground or paper, wording.variant.hue)
    names = sorted(layouts or LAYOUTS)
    return Design(
        wording,
        palette,
        FACE_SETS[int(dice.integers(len(FACE_SETS)))],
        names[int(dice.integers(len(names)))],
        sorted(PATTERNS)[int(dice.integers(len(PATTERNS)))],
        int(dice.integers(40)),
        barcodes.draw_number(dice),
        int(dice.integers(2**31)),
    )


def draw_ink_design(dice: Dice, kind: str, ink: str, layouts: Sequence[str] = INK_ONLY) -> Design:
    """A print in one colour, as on glass or metal."""
    design = draw_design(dice, kind, "#ffffff", layouts)
    return _recoloured(design, Palette("#ffffff", ink, ink, ink, ink))


def _recoloured(design: Design, palette: Palette) -> Design:
    return Design(
        design.wording,
        palette,
        design.faces,
        design.layout,
        design.pattern,
        design.logo,
        design.number,
        design.seed,
    )


def compose(design: Design, area: PrintArea) -> Canvas:
    """The whole print of a surface, before it is brought to its final size."""
    scale = scale_of(area.around, area.height)
    canvas = Canvas(max(round(area.around * scale), 8), max(round(area.height * scale), 8), design.palette.ground)
    half = area.front * scale * SUPERSAMPLING / 2
    middle = canvas.width / 2
    above, below = (edge * scale * SUPERSAMPLING for edge in (area.above, area.below))
    front = (max(middle - half, 0.0), above, min(middle + half, float(canvas.width)), canvas.height - below)
    LAYOUTS[design.layout](canvas, design, front)
    paint_backs(canvas, design, area, front)
    return canvas


def print_label(design: Design, area: PrintArea) -> Texture:
    """The print of a surface, its front in the middle; at most 2048 pixels a side."""
    return Texture(pixels(compose(design, area).finished()))


def print_ink(design: Design, area: PrintArea) -> Pixels:
    """Where a print without a ground has ink: ``(H, W) uint8``, 0 or 255."""
    black = Palette("#ffffff", "#000000", "#000000", "#000000", "#000000")
    shot = compose(_recoloured(design, black), area).finished().convert("L")
    return np.where(np.asarray(shot) < 128, 255, 0).astype(np.uint8)


def print_mark(design: Design, width: float, height: float) -> Texture:
    """Mark and brand alone, for lids and the tops of boxes; sizes in scene units."""
    scale = scale_of(width, height)
    p = design.palette
    canvas = Canvas(max(round(width * scale), 8), max(round(height * scale), 8), p.ground)
    box = inset(canvas.box, 0.18 * min(canvas.width, canvas.height))
    mark = Drawing(lambda b: logo(canvas, b, design.logo, p.accent, p.ground), 0.42, aspect=1.0)
    stack(canvas, box, [mark, Gap(0.1), design.brand(0.2, p.ink), Gap(0.07), design.line(0.07, p.ink)])
    return Texture(pixels(canvas.finished()))
