"""Drawings for labels by name, and the abstract ones among them."""

from __future__ import annotations

from collections.abc import Callable
from types import MappingProxyType

import numpy as np
from PIL import Image, ImageDraw

from pvtt_data.render.products import botanicals
from pvtt_data.render.products.canvas import Box, Canvas, height, width
from pvtt_data.render.products.colours import Palette, mixed
from pvtt_data.render.products.family import Dice

Motif = Callable[[Canvas, Box, Palette, Dice], None]


def waves(canvas: Canvas, box: Box, palette: Palette, dice: Dice) -> None:
    """Swells one before the other, the nearest the darkest."""
    left, top, right, bottom = box
    across = np.linspace(left, right, 80)
    count = int(dice.integers(3, 6))
    length = float(dice.uniform(1.2, 2.6))
    sheet = _layer(box)
    for index in range(count):
        crest = (bottom - top) * (0.15 + 0.75 * index / count)
        swell = (bottom - top) * 0.07
        line = [
            (
                float(x - left),
                float(crest + swell * np.sin((x - left) / (right - left) * 2 * np.pi * length + 1.9 * index)),
            )
            for x in across
        ]
        colour = mixed(palette.second, palette.accent, index / max(count - 1, 1))
        ImageDraw.Draw(sheet).polygon([*line, (right - left, bottom - top), (0, bottom - top)], fill=colour)
    canvas.paste(sheet, left, top)


def peaks(canvas: Canvas, box: Box, palette: Palette, dice: Dice) -> None:
    """Mountains with snow and a sun."""
    left, top, right, bottom = box
    wide, high = right - left, bottom - top
    sheet = _layer(box)
    draw = ImageDraw.Draw(sheet)
    r = 0.16 * min(wide, high)
    sun = float(dice.uniform(0.3, 0.7)) * wide
    draw.ellipse([sun - r, high * 0.08, sun + r, high * 0.08 + 2 * r], fill=mixed(palette.accent, "#ffcf5a", 0.5))
    tones = (mixed(palette.second, palette.ground, 0.35), palette.second, palette.accent)
    for index, tone in enumerate(tones):
        x, crest = wide * float(dice.uniform(0.2, 0.8)), high * float(dice.uniform(0.22, 0.4)) + index * high * 0.12
        half = wide * float(dice.uniform(0.45, 0.6))
        draw.polygon([(x - half, high), (x, crest), (x + half, high)], fill=tone)
        draw.polygon([(x, crest), (x + half, high), (x + half * 0.25, high)], fill=mixed(tone, "#000000", 0.16))
        drop = (high - crest) * 0.24
        snow = [(x - half * 0.24, crest + drop), (x, crest), (x + half * 0.24, crest + drop), (x, crest + drop * 0.75)]
        draw.polygon(snow, fill=mixed(palette.ground, "#ffffff", 0.7))
    canvas.paste(sheet, left, top)


def sun(canvas: Canvas, box: Box, palette: Palette, dice: Dice) -> None:
    """A disc with rays."""
    x, y, r = (box[0] + box[2]) / 2, (box[1] + box[3]) / 2, min(width(box), height(box)) / 2
    rays = int(dice.integers(10, 22))
    for index in range(rays):
        turn, open_ = 2 * np.pi * index / rays, np.pi / rays * 0.55
        far = r * (1.0 if index % 2 else 0.84)
        points = [(x + r * 0.55 * np.cos(turn + d), y + r * 0.55 * np.sin(turn + d)) for d in (-open_, open_)]
        canvas.polygon([*points, (x + far * np.cos(turn), y + far * np.sin(turn))], palette.second)
    canvas.ellipse((x - r * 0.46, y - r * 0.46, x + r * 0.46, y + r * 0.46), palette.accent)


def moon(canvas: Canvas, box: Box, palette: Palette, dice: Dice) -> None:
    """A crescent among stars."""
    x, y, r = (box[0] + box[2]) / 2, (box[1] + box[3]) / 2, min(width(box), height(box)) / 2
    mask = Image.new("L", (max(int(2 * r), 4),) * 2, 0)
    draw = ImageDraw.Draw(mask)
    draw.ellipse([r * 0.25, r * 0.25, r * 1.75, r * 1.75], fill=255)
    draw.ellipse([r * 0.65, r * 0.1, r * 2.0, r * 1.45], fill=0)
    canvas.image.paste(palette.accent, (round(x - r), round(y - r)), mask)
    for _ in range(int(dice.integers(4, 9))):
        px, py = x + r * float(dice.uniform(-0.9, 0.9)), y + r * float(dice.uniform(-0.9, 0.9))
        size = r * float(dice.uniform(0.05, 0.13))
        star = [
            (px, py - size),
            (px + size * 0.2, py - size * 0.2),
            (px + size, py),
            (px + size * 0.2, py + size * 0.2),
        ]
        star += [
            (px, py + size),
            (px - size * 0.2, py + size * 0.2),
            (px - size, py),
            (px - size * 0.2, py - size * 0.2),
        ]
        canvas.polygon(star, palette.second)


def drops(canvas: Canvas, box: Box, palette: Palette, dice: Dice) -> None:
    """Three drops."""
    x, y, r = (box[0] + box[2]) / 2, (box[1] + box[3]) / 2, min(width(box), height(box)) / 2
    for dx, dy, size, tone in (
        (-0.5, 0.25, 0.3, palette.second),
        (0.5, 0.35, 0.26, palette.second),
        (0, 0.1, 0.46, palette.accent),
    ):
        cx, cy, s = x + dx * r, y + dy * r, size * r
        t = np.linspace(0, 2 * np.pi, 48)
        outline = [(float(cx + s * np.sin(a) * np.sin(a / 2) ** 1.3), float(cy - s * 1.35 * np.cos(a))) for a in t]
        canvas.polygon(outline, tone)
        canvas.ellipse((cx - s * 0.45, cy + s * 0.2, cx - s * 0.1, cy + s * 0.75), mixed(tone, "#ffffff", 0.4))


def arcs(canvas: Canvas, box: Box, palette: Palette, dice: Dice) -> None:
    """Quarter circles on a grid, as posters of the twenties have them."""
    side = min(width(box), height(box))
    columns = max(round(width(box) / side * 3), 3)
    rows = max(round(height(box) / side * 3), 3)
    cell = min(width(box) / columns, height(box) / rows)
    left, top = (box[0] + box[2] - cell * columns) / 2, (box[1] + box[3] - cell * rows) / 2
    tones = (palette.accent, palette.second, palette.pale, palette.ink)
    for row in range(rows):
        for column in range(columns):
            x, y = left + column * cell, top + row * cell
            first, second = dice.permutation(4)[:2]
            canvas.rectangle((x, y, x + cell, y + cell), tones[int(first)])
            corner, kind = int(dice.integers(4)), float(dice.uniform())
            cx, cy = x + cell * (corner % 2), y + cell * (corner // 2)
            start = (0, 90, 270, 180)[corner]
            if kind < 0.75:
                canvas.draw.pieslice(
                    [cx - cell, cy - cell, cx + cell, cy + cell], start, start + 90, fill=tones[int(second)]
                )
            else:
                canvas.ellipse((x + cell * 0.2, y + cell * 0.2, x + cell * 0.8, y + cell * 0.8), tones[int(second)])


def confetti(canvas: Canvas, box: Box, palette: Palette, dice: Dice) -> None:
    """Short strokes in all directions, loosely spread."""
    r = min(width(box), height(box)) / 2
    sheet = _layer(box)
    draw = ImageDraw.Draw(sheet)
    tones = (palette.accent, palette.second, palette.ink)
    for _ in range(int(dice.integers(26, 44) * max(width(box), height(box)) / (2 * r))):
        x, y = float(dice.uniform(0.04, 0.96)) * width(box), float(dice.uniform(0.04, 0.96)) * height(box)
        turn, size = float(dice.uniform(0, np.pi)), r * float(dice.uniform(0.06, 0.16))
        dx, dy = size * np.cos(turn), size * np.sin(turn)
        draw.line([(x - dx, y - dy), (x + dx, y + dy)], tones[int(dice.integers(3))], max(int(r * 0.05), 2))
    canvas.paste(sheet, box[0], box[1])


def blobs(canvas: Canvas, box: Box, palette: Palette, dice: Dice) -> None:
    """Soft shapes that overlap, as cut from paper."""
    sheet = _layer(box)
    draw = ImageDraw.Draw(sheet)
    wide, high = width(box), height(box)
    turn = np.linspace(0, 2 * np.pi, 90)
    for tone in (palette.pale, palette.second, palette.accent, mixed(palette.second, palette.accent, 0.5)):
        x, y = float(dice.uniform(0.2, 0.8)) * wide, float(dice.uniform(0.2, 0.8)) * high
        reach = min(wide, high) * float(dice.uniform(0.25, 0.42))
        waves_ = sum(float(dice.uniform(0.05, 0.16)) * np.sin(k * turn + float(dice.uniform(0, 6))) for k in (2, 3, 4))
        radius = reach * (1 + waves_)
        draw.polygon(list(zip(x + radius * np.cos(turn), y + radius * np.sin(turn), strict=True)), fill=tone)
    canvas.paste(sheet, box[0], box[1])


def _layer(box: Box) -> Image.Image:
    """An empty layer of a box's size: what is drawn on it stays within the box."""
    return Image.new("RGBA", (max(round(width(box)), 1), max(round(height(box)), 1)))


MOTIFS: MappingProxyType[str, Motif] = MappingProxyType(
    {
        "citrus": botanicals.citrus,
        "orchard": botanicals.orchard,
        "cherry": botanicals.cherry,
        "berries": botanicals.berries,
        "leaves": botanicals.leaves,
        "sprig": botanicals.sprig,
        "flower": botanicals.flower,
        "grain": botanicals.grain,
        "beans": botanicals.beans,
        "waves": waves,
        "peaks": peaks,
        "sun": sun,
        "moon": moon,
        "drops": drops,
        "arcs": arcs,
        "confetti": confetti,
        "blobs": blobs,
    }
)
"""Drawings by name; each fills a box."""
FULL_BLEED = frozenset({"waves", "peaks", "arcs", "confetti", "blobs"})
"""Drawings that fill any box to its edges; the others are a figure in its middle."""
