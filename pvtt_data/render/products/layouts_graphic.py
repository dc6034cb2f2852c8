"""Layouts that live from colour fields, patterns and pictures."""

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
    stack,
    width,
)
from pvtt_data.render.products.colours import lightness, mixed
from pvtt_data.render.products.design import SPACE, SPRING, Design
from pvtt_data.render.products.layout_items import logo_item, motif_item, side_by_side, small_dice, unit_of, within
from pvtt_data.render.products.patterns import PATTERNS


def band(canvas: Canvas, design: Design, front: Box) -> None:
    """A band of colour around the article carries the brand."""
    d, p, dice = design, design.palette, small_dice(design)
    u = unit_of(front)
    deep = min(0.30 * u + 0.06 * height(front), 0.34 * height(front))
    middle = front[1] + float(dice.choice([0.30, 0.5, 0.66])) * height(front)
    top, bottom = middle - deep / 2, middle + deep / 2
    canvas.rectangle((0, top, canvas.width, bottom), p.accent)
    if dice.uniform() < 0.6:
        for y in (top - 0.035 * u, bottom + 0.02 * u):
            canvas.rectangle((0, y, canvas.width, y + 0.015 * u), p.second)
    tone = p.on(p.accent)
    left, right = front[0] + 0.06 * width(front), front[2] - 0.06 * width(front)
    stack(
        canvas,
        (left, top + 0.12 * deep, right, bottom - 0.12 * deep),
        [d.brand(0.55, tone), Gap(0.12), d.line(0.16, tone)],
        unit=deep,
    )
    above = (left, front[1] + 0.06 * u, right, top - 0.07 * u)
    below = (left, bottom + 0.07 * u, right, front[3] - 0.06 * u)
    words: list[Item] = [d.variant(0.09, p.ink), Gap(0.03), d.quantity(0.05, p.ink)]
    small, large = sorted((above, below), key=height)
    if height(small) < 0.2 * u:
        stack(canvas, large, [motif_item(canvas, d, 0.3, 0.6), Gap(0.06), *words], unit=u)
    else:
        stack(canvas, above, [motif_item(canvas, d, height(above) / u * 0.9)], unit=u)
        stack(canvas, below, words, unit=u)


def badge(canvas: Canvas, design: Design, front: Box) -> None:
    """A round or oval badge on a ground that may be patterned."""
    d, p, dice = design, design.palette, small_dice(design)
    u = unit_of(front)
    if dice.uniform() < 0.5:
        soft = (mixed(p.ground, p.accent, 0.22), mixed(p.ground, p.second, 0.25), mixed(p.ground, p.accent, 0.12))
        PATTERNS[d.pattern](canvas, 0.22 * u, soft, dice)
    x = (front[0] + front[2]) / 2
    wide = min(0.43 * width(front), 0.36 * height(front))
    high = min(wide * float(dice.choice([1.0, 1.25])), 0.36 * height(front))
    y = front[1] + max(high + 0.05 * height(front), 0.42 * height(front))
    for share, tone in ((1.0, p.accent), (0.94, p.ground), (0.91, p.accent)):
        canvas.ellipse((x - wide * share, y - high * share, x + wide * share, y + high * share), tone)
    tone = p.on(p.accent)
    core = (x - 0.66 * wide, y - 0.58 * high, x + 0.66 * wide, y + 0.58 * high)
    mark = logo_item(canvas, d, 0.24, tone, p.accent)
    stack(canvas, core, [mark, Gap(0.06), d.brand(0.22, tone), Gap(0.06), d.line(0.085, tone)], unit=width(core))
    foot = (front[0] + 0.08 * u, y + high + 0.04 * u, front[2] - 0.08 * u, front[3] - 0.05 * u)
    if height(foot) > 0.10 * u:
        board = (foot[0], foot[1], foot[2], min(foot[3], foot[1] + 0.32 * u))
        canvas.rectangle(board, p.ground, 0.03 * u)
        stack(canvas, inset(board, 0.02 * u), [d.variant(0.085, p.ink), Gap(0.03), d.quantity(0.042, p.ink)], unit=u)


def allover(canvas: Canvas, design: Design, front: Box) -> None:
    """A pattern everywhere and a plain panel for the words."""
    d, p, dice = design, design.palette, small_dice(design)
    u = unit_of(front)
    PATTERNS[d.pattern](canvas, float(dice.uniform(0.16, 0.34)) * u, (p.accent, p.second, p.pale), dice)
    share = float(dice.uniform(0.46, 0.62))
    x = (front[0] + front[2]) / 2
    half, high = 0.41 * width(front), max(share * height(front) / 2, min(0.3 * u, 0.45 * height(front)))
    y = front[1] + height(front) * 0.5
    panel = (x - half, y - high, x + half, y + high)
    board = mixed(p.ground, "#ffffff", 0.15) if lightness(p.ground) > 0.6 else p.ground
    oval = dice.uniform() < 0.4
    if oval:
        canvas.ellipse(
            (panel[0] - 0.1 * half, panel[1] - 0.1 * high, panel[2] + 0.1 * half, panel[3] + 0.1 * high), board
        )
        core = inset(panel, 0.0)
        core = (x - 0.72 * half, y - 0.70 * high, x + 0.72 * half, y + 0.70 * high)
    else:
        canvas.rectangle(panel, board, 0.05 * u * int(dice.integers(2)))
        canvas.frame(inset(panel, 0.025 * u), p.accent, 0.008 * u)
        core = inset(panel, 0.08 * min(width(panel), height(panel)))
    words: list[Item] = [d.brand(0.14, p.ink), SPACE, d.line(0.052, p.ink), SPACE, Rule(p.accent, 0.3, 0.01), SPACE]
    stack(canvas, core, [*words, d.variant(0.06, p.ink), Gap(0.025), d.quantity(0.036, p.ink)], unit=0.9 * u)


def picture(canvas: Canvas, design: Design, front: Box) -> None:
    """A large picture takes half of the front, the words the other half."""
    d, p, dice = design, design.palette, small_dice(design)
    u = unit_of(front)
    below = bool(dice.uniform() < 0.65)
    tone = p.ink
    if dice.uniform() < 0.55:
        edge = front[1] + (0.42 if below else 0.58) * height(front)
        block = (0, 0, canvas.width, edge) if below else (0, edge, canvas.width, canvas.height)
        canvas.rectangle(block, p.accent)
        tone = p.on(p.accent)
    box = within(front)
    if width(box) > 1.45 * height(box):
        canvas.rectangle((front[0], 0, front[2], canvas.height), p.ground)
        side_by_side(
            canvas,
            box,
            motif_item(canvas, d, 0.8),
            [
                d.brand(0.2, p.ink),
                SPACE,
                d.line(0.075, p.ink),
                SPRING,
                d.variant(0.09, p.accent),
                d.quantity(0.05, p.ink),
            ],
            bool(dice.integers(2)),
        )
        return
    split = front[1] + (0.42 if below else 0.58) * height(front)
    upper, lower = (box[0], box[1], box[2], split - 0.04 * u), (box[0], split + 0.02 * u, box[2], box[3])
    words, art = (upper, lower) if below else (lower, upper)
    ends: list[Item] = [d.variant(0.085, p.ink, display=True), Gap(0.02), d.quantity(0.042, p.ink)]
    head: list[Item] = [d.brand(0.19, tone), SPACE, d.line(0.06, tone)]
    if below:
        stack(canvas, words, head, unit=u)
        stack(canvas, art, [motif_item(canvas, d, 0.5, 1.4), SPACE, *ends], unit=u)
    else:
        stack(canvas, art, [motif_item(canvas, d, 0.5, 1.4)], unit=u)
        stack(canvas, words, [*head, SPRING, *[_toned(item, tone) for item in ends]], unit=u)


def _toned(item: Item, tone: str) -> Item:
    if isinstance(item, Line):
        return Line(item.text, Type(item.type.face, tone, item.type.tracking), item.size)
    return item


def split(canvas: Canvas, design: Design, front: Box) -> None:
    """Two or three fields of colour, the brand across."""
    d, p, dice = design, design.palette, small_dice(design)
    u = unit_of(front)
    form = int(dice.integers(3))
    w, h = canvas.width, canvas.height
    if form == 0:
        canvas.polygon([(front[0], h), (w, h), (w, 0.3 * h), (front[2], 0.42 * h)], p.accent)
        canvas.polygon([(0, h), (front[0], h), (0, 0.55 * h)], p.accent)
    elif form == 1:
        cut = front[1] + float(dice.uniform(0.5, 0.66)) * height(front)
        canvas.rectangle((0, cut, w, h), p.accent)
        canvas.rectangle((0, cut - 0.03 * u, w, cut), p.second)
    else:
        x = (front[0] + front[2]) / 2
        r = min(0.44 * width(front), 0.3 * height(front))
        top = front[1] + 0.42 * height(front)
        canvas.ellipse((x - r, top, x + r, top + 2 * r), p.accent)
        canvas.draw.pieslice([x - r, top, x + r, top + 2 * r], 0, 180, fill=p.second)
    box = within(front)
    label = (box[0], box[1], box[2], front[1] + 0.39 * height(front))
    stack(canvas, label, [d.brand(0.17, p.ink), SPACE, d.line(0.055, p.ink), SPRING], "left", unit=u)
    board = p.ground if form == 2 else p.accent
    foot = (box[0], box[3] - 0.24 * height(box), box[2], box[3])
    if form == 2:
        canvas.rectangle((front[0], foot[1] + 0.25 * height(foot), front[2], front[3]), p.ground)
        foot = (foot[0], foot[1] + 0.32 * height(foot), foot[2], foot[3])
    tone = p.on(board)
    align: Align = "right" if form == 0 else "left"
    stack(canvas, foot, [d.variant(0.085, tone), Gap(0.025), d.quantity(0.042, tone)], align, unit=u)
