"""The sides and the back of a pack: directions, tables, barcode, small print."""

from __future__ import annotations

import numpy as np

from pvtt_data.render.products import barcodes
from pvtt_data.render.products.canvas import (
    SUPERSAMPLING,
    Box,
    Canvas,
    Type,
    fit,
    height,
    inset,
    line_width,
    width,
)
from pvtt_data.render.products.design import Design, PrintArea
from pvtt_data.render.products.layouts import BUSY

_TEXTS = {
    "directions": (
        "Use a small amount on damp skin or hair, work in gently and rinse well with warm water. For best results use "
        "daily. Avoid contact with eyes. Keep out of reach of children.",
        "Aqua, Glycerin, Coco-Glucoside, Sodium Chloride, Citric Acid, Parfum, Tocopherol, Xanthan Gum, Linalool, "
        "Limonene, Sodium Benzoate, Potassium Sorbate.",
    ),
    "nutrition": (
        "Store in a cool and dry place. Once open keep chilled and use within five days. Best before: see base. "
        "Shake gently. Packed for you with care.",
        "Ingredients: fruit (62%), water, cane sugar, natural flavour, citric acid, ascorbic acid. May contain "
        "traces of nuts and milk.",
    ),
    "care": (
        "Made in small lots from chosen materials. Slight differences in colour are part of the character of each. "
        "Keep away from direct sunlight.",
        "Store below 25 C. See base for lot and date. Please recycle this pack where you can. Questions: write to us.",
    ),
}
_ROWS = ("Energy", "Fat", "of which saturates", "Carbohydrate", "of which sugars", "Fibre", "Protein", "Salt")


def paint_backs(canvas: Canvas, design: Design, area: PrintArea, front: Box) -> None:
    """Fill what the front leaves free; narrow remainders stay plain."""
    scale = canvas.width / area.around
    if area.side:
        side = area.side * scale
        for left, first in ((front[2], False), (front[0] - side, True)):
            _panel(canvas, design, (left, 0.0, left + side, float(canvas.height)), first, not first, whole=True)
        back = Canvas(round(width(front) / SUPERSAMPLING), canvas.height // SUPERSAMPLING, design.palette.ground)
        back.image.paste(canvas.image.crop((0, 0, back.width, back.height)), (0, 0))
        if design.layout in BUSY:
            back.rectangle(back.box, design.palette.ground)
        _panel(back, design, back.box, True, True, whole=True)
        canvas.image.paste(back.image.crop((back.width // 2, 0, back.width, back.height)), (0, 0))
        canvas.image.paste(back.image.crop((0, 0, back.width // 2, back.height)), (canvas.width - back.width // 2, 0))
        canvas.written += back.written
        return
    free = front[0]
    if free < 0.3 * width(front):
        return
    apart = area.apart * scale or 0.12 * free
    _panel(canvas, design, (0.0, front[1], free - apart, front[3]), True, False)
    _panel(canvas, design, (front[2] + apart, front[1], float(canvas.width), front[3]), False, True)


def _panel(canvas: Canvas, design: Design, room: Box, words: bool, table: bool, whole: bool = False) -> None:
    """One panel: words, or table and barcode, or all of them; whole: it is a face of a box."""
    p = design.palette
    box = inset(room, 0.08 * min(width(room), height(room)))
    if design.layout in BUSY:
        canvas.rectangle(room if whole else box, p.ground, 0.0 if whole else 0.02 * width(box))
        box = inset(box, 0.07 * min(width(box), height(box)))
    unit = min(width(box), height(box))
    size = 0.028 * unit + 0.004 * height(box)
    text, strong = Type(design.faces.text, p.ink), Type(design.faces.strong, p.ink)
    top = box[1]
    if words:
        brand = design.brand(1.0, p.ink)
        big = fit(brand.text, brand.type, size * 2.6, width(box))
        canvas.write(brand.text, (box[0], top + big), brand.type, big, box)
        top += big * 1.9
        for index, paragraph in enumerate(_TEXTS[design.wording.panel]):
            heading = design.wording.claims[index]
            top = _lines(canvas, (box[0], top, box[2], box[3]), heading, strong, size * 1.15)
            top = _lines(canvas, (box[0], top, box[2], box[3]), paragraph, text, size) + size
    if table:
        code = min(0.62 * width(box), 0.5 * height(box))
        foot = box[3] - 0.62 * code
        if top < foot and code >= 115 * SUPERSAMPLING:
            _barcode(canvas, (box[0], foot, box[0] + code, box[3]), design)
            _recycling(canvas, (box[0] + code * 1.15, foot, box[2], box[3]), p.ink)
        if design.wording.panel == "nutrition":
            _table(canvas, (box[0], top, box[2], foot - size), design, size)
        elif not words:
            paragraph = _TEXTS[design.wording.panel][1]
            _lines(canvas, (box[0], top, box[2], foot - size), paragraph, text, size)


def _lines(canvas: Canvas, box: Box, words: str, type_: Type, size: float) -> float:
    """Text broken into lines as far as the box goes; gives where it ends."""
    line, top = "", box[1]
    for word in [*words.split(), ""]:
        longer = f"{line} {word}".strip()
        if word and line_width(longer, type_, size) <= width(box):
            line = longer
            continue
        if top + 1.5 * size > box[3] or not line:
            return top
        shown = fit(line, type_, size, width(box))
        canvas.write(line, (box[0], top + size), type_, shown, box)
        top += 1.75 * size
        line = word
    return top


def _table(canvas: Canvas, box: Box, design: Design, size: float) -> None:
    """What is in a hundred grams."""
    p = design.palette
    rng = np.random.default_rng((design.seed, 0x7AB))
    row = 2.0 * size
    count = min(len(_ROWS), int((height(box) - 2.4 * row) / row))
    if count < 3:
        return
    framed = (box[0], box[1], box[2], box[1] + (count + 1.4) * row)
    canvas.frame(framed, p.ink, 0.12 * size)
    fat, carbohydrate, fibre, protein = (rng.uniform(0.1, top) for top in (18, 60, 6, 12))
    energy = 9 * fat + 4 * carbohydrate + 2 * fibre + 4 * protein
    grams = (fat, fat * rng.uniform(0.1, 0.5), carbohydrate, carbohydrate * rng.uniform(0.2, 0.9), fibre, protein)
    values = (f"{energy:.0f} kcal", *(f"{g:.1f} g" for g in (*grams, rng.uniform(0, 1.2))))
    text, strong = Type(design.faces.text, p.ink), Type(design.faces.strong, p.ink)
    title = "Nutrition per 100 g"
    shown = fit(title, strong, size * 1.1, width(box) - 2 * size)
    canvas.write(title, (box[0] + size * 0.6, box[1] + 1.5 * size), strong, shown, box)
    for index in range(count):
        top = box[1] + (1.2 + index) * row
        canvas.rectangle((box[0], top, box[2], top + 0.1 * size), p.ink)
        value = values[index]
        wide = line_width(value, text, size)
        shown = fit(_ROWS[index], text, size, width(box) - wide - 2.4 * size)
        canvas.write(_ROWS[index], (box[0] + size * 0.6, top + 1.5 * size), text, shown, box)
        canvas.write(value, (box[2] - size * 0.6 - wide, top + 1.5 * size), text, size, box)


def _barcode(canvas: Canvas, box: Box, design: Design) -> None:
    """Dark bars on white, with quiet zones of 11 and 7 modules and the digits below.

    Modules are whole pixels of the finished picture, so that all bars come out sharp.
    """
    step = max(width(box) // (115 * SUPERSAMPLING), 1) * SUPERSAMPLING
    edge = box[0] // SUPERSAMPLING * SUPERSAMPLING
    box = (edge, box[1], edge + 115 * step, box[3])
    canvas.rectangle(box, "#ffffff")
    left, top, deep = box[0] + 12 * step, box[1] + 4 * step, height(box)
    for index, module in enumerate(barcodes.modules(design.number)):
        if module == "1":
            end = top + deep * (0.80 if index in barcodes.GUARDS else 0.72)
            canvas.draw.rectangle([left + index * step, top, left + (index + 1) * step - 1, end], fill="#141414")
    type_ = Type("sans", "#141414")
    for text, start, end in ((design.number[0], 1, 10), (design.number[1:7], 16, 56), (design.number[7:], 62, 102)):
        size = fit(text, type_, 0.11 * deep, (end - start) * step)
        wide = line_width(text, type_, size)
        x = box[0] + (start + end) / 2 * step - wide / 2
        canvas.write(text, (x, box[1] + 0.94 * deep), type_, size, box)


def _recycling(canvas: Canvas, box: Box, tone: str) -> None:
    """Three arrows that chase each other, and the sign of a pot for how long it keeps."""
    r = min(width(box), height(box) * 0.6) / 2
    if r < 6:
        return
    x, y = box[0] + r, box[3] - r
    for index in range(3):
        start = 120.0 * index - 80
        canvas.draw.arc(
            [x - r * 0.8, y - r * 0.8, x + r * 0.8, y + r * 0.8], start, start + 80, tone, max(int(0.16 * r), 2)
        )
        turn = np.radians(start + 92)
        tip = np.array([x, y]) + 0.73 * r * np.array([np.cos(turn), np.sin(turn)])
        back = np.radians(start + 72)
        wings = [np.array([x, y]) + k * r * np.array([np.cos(back), np.sin(back)]) for k in (0.5, 0.98)]
        canvas.polygon([(float(q[0]), float(q[1])) for q in (tip, *wings)], tone)
