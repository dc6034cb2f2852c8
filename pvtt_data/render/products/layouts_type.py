"""Layouts that live from letters and lines. All paint the ground of the whole wrap, then the front."""

from __future__ import annotations

from pvtt_data.render.products.canvas import (
    Align,
    Box,
    Canvas,
    Gap,
    Item,
    Line,
    Rule,
    Type,
    height,
    inset,
    sideways,
    stack,
    width,
)
from pvtt_data.render.products.design import SPACE, SPRING, Design
from pvtt_data.render.products.layout_items import logo_item, motif_item, side_by_side, small_dice, unit_of, within


def classic(canvas: Canvas, design: Design, front: Box) -> None:
    """Centred, framed by lines, in the manner of old houses."""
    d, p, dice = design, design.palette, small_dice(design)
    u = unit_of(front)
    box = inset(front, 0.05 * u)
    if dice.uniform() < 0.5:
        canvas.frame(box, p.accent, 0.012 * u, 0.04 * u if dice.uniform() < 0.5 else 0.0)
        canvas.frame(inset(box, 0.028 * u), p.accent, 0.005 * u, 0.03 * u)
    else:
        for top, thick in ((0.035, 0.022), (0.068, 0.006)):
            y = height(front) * top
            canvas.rectangle((0, y, canvas.width, y + thick * u), p.accent)
            canvas.rectangle((0, canvas.height - y - thick * u, canvas.width, canvas.height - y), p.accent)
    inner = inset(box, 0.09 * u)
    words: list[Item] = [d.brand(0.15, p.ink), SPACE, Rule(p.accent, 0.34, 0.008), SPACE, d.line(0.058, p.ink)]
    ends: list[Item] = [d.variant(0.07, p.accent), Gap(0.02), d.quantity(0.04, p.ink)]
    if width(inner) > 1.45 * height(inner):
        side_by_side(canvas, inner, motif_item(canvas, d, 0.5), [*words, SPRING, *ends], bool(dice.integers(2)))
    elif dice.uniform() < 0.6:
        stack(canvas, inner, [*words, Gap(0.04, 0.4), motif_item(canvas, d, 0.3, 0.5), Gap(0.04, 0.4), *ends])
    else:
        mark = logo_item(canvas, d, 0.17, p.accent, p.ground)
        stack(canvas, inner, [mark, Gap(0.05, 0.5), *words, SPRING, *ends])


def big_type(canvas: Canvas, design: Design, front: Box) -> None:
    """The name as large as it goes."""
    d, p, dice = design, design.palette, small_dice(design)
    box = within(front)
    align: Align = "left" if dice.uniform() < 0.7 else "centre"
    brand = d.brand(0.24, p.accent if dice.uniform() < 0.5 else p.ink, fills=True)
    small: list[Item] = [d.line(0.06, p.ink), Gap(0.025), d.variant(0.075, p.ink)]
    foot: list[Item] = [
        Rule(p.ink, 1.0, 0.006),
        Gap(0.03),
        d.claim(0, 0.044, p.ink),
        Gap(0.015),
        d.quantity(0.048, p.ink),
    ]
    form = int(dice.integers(3))
    if form == 0:
        stack(canvas, box, [brand, Gap(0.05), *small, SPRING, *foot], align)
    elif form == 1:
        stack(canvas, box, [d.quantity(0.04, p.ink), SPRING, brand, Gap(0.05), *small, Gap(0.05)], align)
    else:
        name = Line(d.wording.variant.name.upper(), Type(d.faces.strong, p.accent), 0.2, fills=True)
        stack(canvas, box, [d.brand(0.08, p.ink), Gap(0.04), d.line(0.045, p.ink), SPRING, name, SPRING, *foot], align)


def apothecary(canvas: Canvas, design: Design, front: Box) -> None:
    """Small quiet text between hairlines."""
    d, p = design, design.palette
    box = within(front)
    text, strong = Type(d.faces.text, p.ink), Type(d.faces.strong, p.ink, 0.05)
    rows: list[Item] = []
    facts = (f"No. {1 + d.seed % 89:02d}", *d.wording.claims, f"Net {d.wording.quantity}")
    for fact in facts:
        rows += [Rule(p.ink, 1.0, 0.005), Gap(0.026), Line(fact, text, 0.05), Gap(0.02)]
    head: list[Item] = [d.brand(0.14, p.ink), Gap(0.05), Rule(p.ink, 1.0, 0.012), Gap(0.045)]
    name: list[Item] = [Line(d.wording.variant.name, strong, 0.085), Gap(0.02), Line(d.wording.line, text, 0.065)]
    stack(canvas, box, [*head, *name, SPRING, *rows, Rule(p.ink, 1.0, 0.005)], "left")


def minimal(canvas: Canvas, design: Design, front: Box) -> None:
    """A mark, a word, and much empty room."""
    d, p, dice = design, design.palette, small_dice(design)
    box = within(front)
    if dice.uniform() < 0.5:
        mark = logo_item(canvas, d, 0.2, p.accent, p.ground)
        stack(
            canvas,
            box,
            [Gap(0.02, 0.8), mark, Gap(0.07), d.brand(0.12, p.ink), Gap(0.05), d.line(0.05, p.ink), SPRING,
             d.variant(0.062, p.ink), Gap(0.02), d.quantity(0.042, p.ink)],
        )  # fmt: skip
    else:
        stack(
            canvas,
            box,
            [d.brand(0.15, p.ink), Gap(0.04), Rule(p.accent, 0.16, 0.02), SPRING, d.line(0.062, p.ink, capitals=False),
             Gap(0.02), d.variant(0.062, p.accent), Gap(0.05), d.quantity(0.042, p.ink)],
            "left",
        )  # fmt: skip


def vertical(canvas: Canvas, design: Design, front: Box) -> None:
    """The brand reads upwards along one edge."""
    d, p, dice = design, design.palette, small_dice(design)
    box = within(front)
    if height(box) < 0.9 * width(box):
        classic(canvas, design, front)
        return
    strip = min(0.36 * width(box), 0.2 * height(box))
    column = (box[0], box[1], box[0] + strip, box[3])
    ground, tone = p.ground, p.ink
    if dice.uniform() < 0.5:
        ground, tone = p.accent, p.on(p.accent)
        canvas.rectangle((front[0], 0, column[2] + 0.04 * width(front), canvas.height), ground)
    brand = d.brand(1.0, tone)
    sideways(canvas, column, brand.text, brand.type, strip * 0.8, ground)
    rest = (column[2] + 0.1 * width(box), box[1], box[2], box[3])
    stack(
        canvas,
        rest,
        [motif_item(canvas, d, 0.6, 0.4), SPRING, d.variant(0.13, p.accent), Gap(0.04), d.line(0.075, p.ink), Gap(0.05),
         Rule(p.ink, 0.5, 0.01), Gap(0.04), d.quantity(0.06, p.ink)],
        "left",
    )  # fmt: skip
