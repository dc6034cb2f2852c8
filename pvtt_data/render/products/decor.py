"""Decoration of crockery: a pattern, a band, a drawing, one word. No tables, no barcodes."""

from __future__ import annotations

import numpy as np

from pvtt_data.render.material import Texture
from pvtt_data.render.products.canvas import SUPERSAMPLING, Canvas, Drawing, Gap, Item, Line, Type, pixels, stack
from pvtt_data.render.products.colours import mixed
from pvtt_data.render.products.design import Design, PrintArea
from pvtt_data.render.products.labels import scale_of
from pvtt_data.render.products.motifs import MOTIFS
from pvtt_data.render.products.patterns import PATTERNS, logo


def print_decor(design: Design, area: PrintArea) -> Texture:
    """A decoration on the design's ground, its main part within the front and between above and below."""
    scale = scale_of(area.around, area.height)
    p, rng = design.palette, np.random.default_rng((design.seed, 0xDEC0))
    canvas = Canvas(round(area.around * scale), round(area.height * scale), p.ground)
    unit = scale * SUPERSAMPLING
    top, bottom = area.above * unit, canvas.height - area.below * unit
    front = area.front * unit * 0.8
    box = (
        canvas.width / 2 - front / 2,
        top + 0.1 * (bottom - top),
        canvas.width / 2 + front / 2,
        bottom - 0.1 * (bottom - top),
    )
    tones = (p.accent, p.second, mixed(p.accent, p.ground, 0.4))
    form = int(rng.integers(7))
    if form == 0:
        PATTERNS[design.pattern](canvas, float(rng.uniform(0.12, 0.24)) * front, tones, rng)
    elif form == 1:
        deep = float(rng.uniform(0.3, 0.6)) * (bottom - top)
        strip = Canvas(canvas.width // SUPERSAMPLING, max(round(deep / SUPERSAMPLING), 8), p.ground)
        PATTERNS[design.pattern](strip, deep / 2.2, tones, rng)
        y = round((top + bottom - deep) / 2)
        canvas.image.paste(strip.image, (0, y))
        for edge in (y - 0.03 * front, y + strip.height):
            canvas.rectangle((0, edge, canvas.width, edge + 0.03 * front), p.accent)
    elif form == 2:
        for share, tone in ((float(rng.uniform(0.45, 0.62)), p.accent), (float(rng.uniform(0.72, 0.82)), p.second)):
            canvas.rectangle((0, top + share * (bottom - top), canvas.width, canvas.height), tone)
    elif form in (3, 4):
        middle, half = (box[1] + box[3]) / 2, 0.3 * front
        for third in (-1, 0, 1) if form == 4 else ():
            x = canvas.width * (0.5 + third / 3)
            MOTIFS[design.wording.variant.motif](canvas, (x - half, middle - half, x + half, middle + half), p, rng)
        if form == 3:
            MOTIFS[design.wording.variant.motif](canvas, box, p, rng)
    elif form == 5:
        word = design.wording.variant.name.split()[0].lower()
        items: list[Item] = [Line(word, Type(design.faces.display, p.accent), 0.3, wraps=False, fills=True)]
        stack(canvas, box, items)
    else:
        mark = Drawing(lambda b: logo(canvas, b, design.logo, p.accent, p.ground), 0.45, aspect=1.0)
        stack(canvas, box, [mark, Gap(0.08), design.brand(0.12, p.ink)])
    return Texture(pixels(canvas.finished()))
