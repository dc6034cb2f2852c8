"""Patterns that repeat all over a pack, and geometric marks that serve as logos."""

from __future__ import annotations

from collections.abc import Callable
from types import MappingProxyType

import numpy as np

from pvtt_data.render.products.canvas import Box, Canvas, height, width
from pvtt_data.render.products.family import Dice

Pattern = Callable[[Canvas, float, tuple[str, str, str], Dice], None]


def _columns(canvas: Canvas, step: float) -> tuple[int, float]:
    """A whole number of repeats around, so that the seam does not show; and their width."""
    count = max(2 * round(canvas.width / step / 2), 2)
    return count, canvas.width / count


def stripes(canvas: Canvas, step: float, tones: tuple[str, str, str], dice: Dice) -> None:
    count, wide = _columns(canvas, step)
    share = float(dice.uniform(0.3, 0.6))
    for index in range(count):
        tone = tones[index % 2]
        canvas.rectangle((index * wide, 0, (index + share) * wide, canvas.height), tone)


def diagonals(canvas: Canvas, step: float, tones: tuple[str, str, str], dice: Dice) -> None:
    count, wide = _columns(canvas, step)
    lean = float(dice.choice([-1.0, 1.0]))
    first = -int(canvas.height / wide) - 1
    for index in range(first, count - first):
        x = index * wide
        top = x + lean * canvas.height
        points = [(x, canvas.height), (x + wide * 0.5, canvas.height), (top + wide * 0.5, 0), (top, 0)]
        canvas.polygon(points, tones[index % 2])


def dots(canvas: Canvas, step: float, tones: tuple[str, str, str], dice: Dice) -> None:
    count, wide = _columns(canvas, step)
    size = float(dice.uniform(0.16, 0.34)) * wide
    for row in range(int(canvas.height / wide) + 2):
        for column in range(count + 1):
            x, y = (column + 0.5 * (row % 2)) * wide, (row + 0.5) * wide
            canvas.ellipse((x - size, y - size, x + size, y + size), tones[(row + column) % 2])


def scallops(canvas: Canvas, step: float, tones: tuple[str, str, str], dice: Dice) -> None:
    count, wide = _columns(canvas, step)
    for row in range(int(canvas.height / wide * 2) + 3):
        for column in range(-1, count + 1):
            x, y = (column + 0.5 * (row % 2)) * wide, (row - 1) * wide / 2
            for share, tone in ((1.0, tones[2]), (0.86, tones[0]), (0.56, tones[2]), (0.42, tones[1])):
                r = wide / 2 * share
                canvas.ellipse((x + wide / 2 - r, y + wide / 2 - r, x + wide / 2 + r, y + wide / 2 + r), tone)


def checks(canvas: Canvas, step: float, tones: tuple[str, str, str], dice: Dice) -> None:
    count, wide = _columns(canvas, step)
    for row in range(int(canvas.height / wide) + 1):
        for column in range(row % 2, count, 2):
            canvas.rectangle((column * wide, row * wide, (column + 1) * wide, (row + 1) * wide), tones[0])


def triangles(canvas: Canvas, step: float, tones: tuple[str, str, str], dice: Dice) -> None:
    count, wide = _columns(canvas, step)
    for row in range(int(canvas.height / wide) + 1):
        for column in range(count):
            x, y = column * wide, row * wide
            if dice.uniform() < 0.5:
                points = [(x, y), (x + wide, y), (x, y + wide)]
            else:
                points = [(x + wide, y), (x + wide, y + wide), (x, y + wide)]
            canvas.polygon(points, tones[int(dice.integers(3))])


def sprinkle(canvas: Canvas, step: float, tones: tuple[str, str, str], dice: Dice) -> None:
    """Terrazzo: chips of stone."""
    for _ in range(int(canvas.width * canvas.height / step**2 * 3)):
        x, y = float(dice.uniform(0, canvas.width)), float(dice.uniform(0, canvas.height))
        turn = np.sort(dice.uniform(0, 2 * np.pi, 5))
        reach = step * float(dice.uniform(0.1, 0.36))
        points = [(x + reach * float(np.cos(a)), y + reach * float(np.sin(a))) for a in turn]
        canvas.polygon(points, tones[int(dice.integers(3))])


def leaflets(canvas: Canvas, step: float, tones: tuple[str, str, str], dice: Dice) -> None:
    count, wide = _columns(canvas, step)
    for row in range(int(canvas.height / wide) + 2):
        for column in range(count + 1):
            x, y = (column + 0.5 * (row % 2)) * wide, row * wide
            turn = np.radians(float(dice.choice([30.0, 150.0, 90.0])))
            t = np.linspace(-1, 1, 14)
            half = 0.17 * (1 - t * t)
            along = np.concatenate([t, t[::-1]]) * 0.42 * wide
            across = np.concatenate([half, -half[::-1]]) * wide
            px, py = x + along * np.cos(turn) - across * np.sin(turn), y - along * np.sin(turn) - across * np.cos(turn)
            canvas.polygon(list(zip(px, py, strict=True)), tones[(row + column) % 2])


PATTERNS: MappingProxyType[str, Pattern] = MappingProxyType(
    {
        "stripes": stripes,
        "diagonals": diagonals,
        "dots": dots,
        "scallops": scallops,
        "checks": checks,
        "triangles": triangles,
        "sprinkle": sprinkle,
        "leaflets": leaflets,
    }
)
"""Patterns by name; each covers a canvas with repeats about ``step`` wide in three tones."""


def _ring(canvas: Canvas, x: float, y: float, r: float, tone: str, hole: str) -> None:
    canvas.ellipse((x - r, y - r, x + r, y + r), tone)
    canvas.ellipse((x - r * 0.74, y - r * 0.74, x + r * 0.74, y + r * 0.74), hole)


def logo(canvas: Canvas, box: Box, form: int, tone: str, ground: str) -> None:
    """A geometric mark in the middle of a box.

    Args:
        form: which one, any integer.
        ground: colour of what is cut out.
    """
    x, y, r = (box[0] + box[2]) / 2, (box[1] + box[3]) / 2, min(width(box), height(box)) / 2
    kind, count = form % 8, 3 + form // 8 % 5
    turn = 2 * np.pi * np.arange(count) / count - np.pi / 2
    if kind == 0:
        _ring(canvas, x, y, r, tone, ground)
        canvas.ellipse((x - r * 0.4, y - r * 0.4, x + r * 0.4, y + r * 0.4), tone)
    elif kind == 1:
        for a in turn:
            cx, cy = x + r * 0.5 * float(np.cos(a)), y + r * 0.5 * float(np.sin(a))
            canvas.ellipse((cx - r * 0.42, cy - r * 0.42, cx + r * 0.42, cy + r * 0.42), tone)
        canvas.ellipse((x - r * 0.26, y - r * 0.26, x + r * 0.26, y + r * 0.26), ground)
    elif kind == 2:
        canvas.polygon([(x, y - r), (x + r * 0.8, y), (x, y + r), (x - r * 0.8, y)], tone)
        canvas.polygon([(x, y - r * 0.5), (x + r * 0.4, y), (x, y + r * 0.5), (x - r * 0.4, y)], ground)
    elif kind == 3:
        canvas.draw.pieslice([x - r, y - r, x + r, y + r], 180, 360, fill=tone)
        for row in range(3):
            top = y + r * (0.12 + 0.26 * row)
            half = r * (0.95 - 0.22 * row)
            canvas.rectangle((x - half, top, x + half, top + r * 0.13), tone)
    elif kind == 4:
        fine = np.linspace(0, 2 * np.pi, 2 * (count + 5) + 1)[:-1]
        reach = np.where(np.arange(len(fine)) % 2, 0.55, 1.0) * r
        canvas.polygon(list(zip(x + reach * np.cos(fine), y + reach * np.sin(fine), strict=True)), tone)
    elif kind == 5:
        canvas.rectangle((x - r * 0.8, y - r * 0.8, x + r * 0.8, y + r * 0.8), tone, r * 0.24)
        canvas.draw.pieslice([x - r * 0.8, y - r * 0.1, x + r * 0.8, y + r * 1.5], 180, 360, fill=ground)
    elif kind == 6:
        canvas.ellipse((x - r, y - r, x + r, y + r), tone)
        canvas.ellipse((x - r * 0.35, y - r * 0.95, x + r * 1.05, y + r * 0.45), ground)
    else:
        for a in turn:
            tip = (x + r * float(np.cos(a)), y + r * float(np.sin(a)))
            sides = [(x + r * 0.42 * float(np.cos(a + d)), y + r * 0.42 * float(np.sin(a + d))) for d in (-0.5, 0.5)]
            canvas.polygon([(x, y), sides[0], tip, sides[1]], tone)
