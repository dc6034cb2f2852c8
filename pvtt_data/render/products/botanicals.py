"""Drawings of fruit, leaves and flowers for labels."""

from __future__ import annotations

import numpy as np

from pvtt_data.render.products import shading
from pvtt_data.render.products.canvas import Box, Canvas, height, width
from pvtt_data.render.products.colours import Palette, hue, oklch
from pvtt_data.render.products.family import Dice


def _middle(box: Box) -> tuple[float, float, float]:
    """Centre and half of the shorter side."""
    return (box[0] + box[2]) / 2, (box[1] + box[3]) / 2, min(width(box), height(box)) / 2


def _green(dice: Dice) -> str:
    return oklch(float(dice.uniform(0.45, 0.62)), 0.11, float(dice.uniform(125, 155)))


def _ripe(palette: Palette, dice: Dice, default: float) -> str:
    """A fruit's colour: the accent's hue, bright."""
    tone = hue(palette.accent)
    return oklch(float(dice.uniform(0.58, 0.72)), 0.19, default if tone is None else tone)


def _leaf(canvas: Canvas, x: float, y: float, length: float, turn: float, colour: str, breadth: float = 0.42) -> None:
    reach = max(int(length), 6)
    canvas.paste(shading.leaf(reach, breadth, colour, turn), x - reach - 1, y - reach - 1)


def _ball(canvas: Canvas, x: float, y: float, radius: float, colour: str, gloss: float = 0.5, bumps: int = 0) -> None:
    canvas.paste(shading.ball(max(int(2 * radius), 6), colour, gloss, bumps), x - radius, y - radius)


def citrus(canvas: Canvas, box: Box, palette: Palette, dice: Dice) -> None:
    """A fruit, half hidden by a slice, with leaves."""
    x, y, r = _middle(box)
    colour = _ripe(palette, dice, 60)
    flip = 1 if dice.uniform() < 0.5 else -1
    for turn in (60, 100):
        _leaf(canvas, x - flip * r * 0.25, y - r * 0.35, r * 0.75, turn + flip * 30, _green(dice))
    _ball(canvas, x - flip * r * 0.25, y, r * 0.62, colour, 0.35, int(dice.integers(1, 10**6)))
    size = int(r * 1.16)
    flesh = oklch(0.78, 0.16, (hue(colour) or 60) + 8)
    picture = shading.slice_of_citrus(size, colour, flesh, float(dice.uniform(0, 36)))
    canvas.paste(picture, x + flip * r * 0.36 - size / 2, y + r * 0.28 - size / 2)


def orchard(canvas: Canvas, box: Box, palette: Palette, dice: Dice) -> None:
    """Two round fruits with stems and leaves."""
    x, y, r = _middle(box)
    colour = _ripe(palette, dice, 30)
    for side, size in ((1, 0.52), (-1, 0.62)):
        cx, cy = x + side * r * 0.36, y + r * (0.30 if side > 0 else 0.16)
        _ball(canvas, cx, cy, r * size, colour, 0.45)
        canvas.draw.line(
            [(cx, cy - r * size * 0.86), (cx + r * 0.08, cy - r * size * 1.22)], "#5b4026", max(int(r * 0.05), 2)
        )
        _leaf(canvas, cx + r * 0.05, cy - r * size * 1.05, r * 0.55, float(dice.uniform(10, 40)), _green(dice))


def cherry(canvas: Canvas, box: Box, palette: Palette, dice: Dice) -> None:
    """A pair of cherries."""
    x, y, r = _middle(box)
    colour = oklch(0.5, 0.2, float(dice.uniform(15, 28)))
    top = (x + r * 0.15, y - r * 0.8)
    stem = _green(dice)
    for cx, cy in ((x - r * 0.42, y + r * 0.38), (x + r * 0.42, y + r * 0.5)):
        turn = np.linspace(0, 1, 12)
        points = [
            (
                float(top[0] + (cx - top[0]) * t + (x - cx) * 0.35 * np.sin(np.pi * t)),
                float(top[1] + (cy - r * 0.3 - top[1]) * t),
            )
            for t in turn
        ]
        canvas.draw.line(points, stem, max(int(r * 0.05), 2), joint="curve")
        _ball(canvas, cx, cy, r * 0.38, colour, 0.8)
    _leaf(canvas, *top, r * 0.85, float(dice.uniform(150, 195)), stem)


def berries(canvas: Canvas, box: Box, palette: Palette, dice: Dice) -> None:
    """A heap of berries on leaves."""
    x, y, r = _middle(box)
    colour = _ripe(palette, dice, 10)
    for turn in (35.0, 90.0, 145.0):
        _leaf(canvas, x, y, r * 0.95, turn + float(dice.uniform(-12, 12)), _green(dice))
    count = int(dice.integers(8, 13))
    for index in range(count):
        turn = index * 2.4
        far = r * 0.16 * np.sqrt(index)
        size = r * float(dice.uniform(0.2, 0.27))
        _ball(canvas, float(x + far * np.cos(turn)), float(y + r * 0.25 + far * 0.8 * np.sin(turn)), size, colour, 0.7)


def leaves(canvas: Canvas, box: Box, palette: Palette, dice: Dice) -> None:
    """A spray of broad leaves that fan out from one stem."""
    x, y, r = _middle(box)
    colours = (palette.accent, palette.second)
    foot = y + r * 0.85
    for turn in (20, 160, 48, 132, 72, 108, 90):
        reach = r * (1.05 + 0.6 * np.sin(np.radians(turn)) ** 2)
        colour = colours[int(dice.integers(2))]
        _leaf(canvas, x, foot, float(reach), turn + float(dice.uniform(-6, 6)), colour, 0.34)


def sprig(canvas: Canvas, box: Box, palette: Palette, dice: Dice) -> None:
    """An upright twig with paired leaves, perhaps with buds."""
    x, y, r = _middle(box)
    reach = min(height(box) / 2, r * 2.0)
    bend = float(dice.uniform(-0.25, 0.25)) * r
    rows = int(dice.integers(5, 8))
    t = np.linspace(0, 1, 20)
    curve = [(float(x + bend * s * s), float(y + reach - 1.9 * reach * s)) for s in t]
    canvas.draw.line(curve, palette.accent, max(int(r * 0.035), 2), joint="curve")
    buds = dice.uniform() < 0.4
    for row in range(rows):
        s = 0.12 + 0.8 * row / (rows - 1)
        px, py = x + bend * s * s, y + reach - 1.9 * reach * s
        size = reach * 0.42 * (1 - 0.55 * s)
        for side in (0, 1):
            colour = palette.accent if (row + side) % 2 else palette.second
            if buds and s > 0.5:
                _ball(canvas, px + (side - 0.5) * size * 0.9, py - size * 0.2, max(size * 0.32, 4), palette.second, 0.2)
            else:
                _leaf(canvas, px, py, size, 40 if side else 140, colour, 0.36)
    _leaf(canvas, *curve[-1], reach * 0.2, 90, palette.second)


def flower(canvas: Canvas, box: Box, palette: Palette, dice: Dice) -> None:
    """A bloom of two rings of petals with a shaded heart."""
    x, y, r = _middle(box)
    petals = int(dice.integers(6, 12))
    for turn in (200.0, 340.0, 250.0, 290.0):
        _leaf(canvas, x, y, r * 0.98, turn, _green(dice), 0.3)
    for ring, (size, colour) in enumerate(((0.82, palette.accent), (0.54, palette.second))):
        for index in range(petals):
            turn = 360 / petals * (index + 0.5 * ring)
            _leaf(canvas, x, y, r * size, turn, colour, 0.52)
    _ball(canvas, x, y, r * 0.17, oklch(0.8, 0.14, 85), 0.1, 7)


def grain(canvas: Canvas, box: Box, palette: Palette, dice: Dice) -> None:
    """Ears of grain."""
    x, y, r = _middle(box)
    reach = min(height(box) / 2, r * 1.5)
    for lean in (-0.42, 0.42, 0.0):
        colour = palette.second if lean else palette.accent
        top = (x + lean * r * 1.5, y - reach * (0.75 - 0.2 * abs(lean)))
        canvas.draw.line([(x + lean * r * 0.2, y + reach), top], colour, max(int(r * 0.03), 2))
        for row in range(7):
            s = 0.5 + 0.5 * row / 6
            px, py = x + lean * r * (0.2 + 1.3 * s), y + reach + (top[1] - y - reach) * s
            base = 90 - np.degrees(np.arctan(lean * 0.9))
            for side in (-30, 30):
                _leaf(canvas, px, py, reach * 0.24, float(base + side), colour, 0.45)


def beans(canvas: Canvas, box: Box, palette: Palette, dice: Dice) -> None:
    """Coffee beans, scattered."""
    x, y, _ = _middle(box)
    count = int(dice.integers(7, 12))
    wide, high = width(box) / 2, height(box) / 2
    size = int(0.52 * min(wide, high) + 8)
    for index in range(count):
        turn, far = index * 2.4, 0.72 * np.sqrt((index + 0.3) / count)
        px, py = x + (wide - size / 2) * far * np.cos(turn), y + (high - size / 2) * far * np.sin(turn)
        colour = oklch(float(dice.uniform(0.33, 0.45)), 0.055, 55)
        canvas.paste(shading.bean(size, colour, float(dice.uniform(0, 180))), px - size / 2, py - size / 2)
