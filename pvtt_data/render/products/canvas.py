"""A sheet to print on: text that fits, stacked, with room that stretches between."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Literal

import numpy as np
from PIL import Image, ImageDraw

from pvtt_data.render.products.fonts import font

Box = tuple[float, float, float, float]
"""Left, top, right, bottom in pixels of the canvas."""
Align = Literal["left", "centre", "right"]
SUPERSAMPLING = 2
"""Pillow's shapes have hard edges: a canvas is drawn larger and averaged at the end."""
_REFERENCE = 200


def width(box: Box) -> float:
    return box[2] - box[0]


def height(box: Box) -> float:
    return box[3] - box[1]


def inset(box: Box, by: float) -> Box:
    """The box, smaller by a margin on every side."""
    return (box[0] + by, box[1] + by, box[2] - by, box[3] - by)


@dataclass(frozen=True, slots=True)
class Written:
    """A line of text as it was placed, and the room that it had."""

    text: str
    box: Box
    room: Box


class Canvas:
    """An RGB picture under way; sizes are in its own, supersampled pixels."""

    def __init__(self, width_px: int, height_px: int, ground: str) -> None:
        self.width, self.height = width_px * SUPERSAMPLING, height_px * SUPERSAMPLING
        self.image = Image.new("RGB", (self.width, self.height), ground)
        self.draw = ImageDraw.Draw(self.image)
        self.written: list[Written] = []

    def finished(self) -> Image.Image:
        """The picture at its final size."""
        return self.image.reduce(SUPERSAMPLING)

    @property
    def box(self) -> Box:
        return (0.0, 0.0, float(self.width), float(self.height))

    def rectangle(self, box: Box, fill: str, radius: float = 0.0) -> None:
        if width(box) >= 1 and height(box) >= 1:
            self.draw.rounded_rectangle(box, min(radius, width(box) / 2, height(box) / 2), fill=fill)

    def frame(self, box: Box, colour: str, line: float, radius: float = 0.0) -> None:
        self.draw.rounded_rectangle(box, radius, outline=colour, width=max(round(line), 1))

    def ellipse(self, box: Box, fill: str) -> None:
        self.draw.ellipse(box, fill=fill)

    def polygon(self, points: Sequence[tuple[float, float]], fill: str) -> None:
        self.draw.polygon(list(points), fill=fill)

    def paste(self, picture: Image.Image, left: float, top: float) -> None:
        """Lay an RGBA picture over."""
        self.image.paste(picture, (round(left), round(top)), picture)

    def write(self, text: str, at: tuple[float, float], type_: Type, size: float, room: Box) -> None:
        """A line whose baseline starts at a point.

        Args:
            size: height of the capitals in pixels.
            room: where it may be. `fit` sees to it up to the rounding of letter widths; that is seen to here.
        """
        points = _points(type_.face, size)
        while points > 4 and at[0] + _drawn_width(text, type_, size, points) > room[2] + 1:
            points -= 1
        face = font(type_.face, points)
        x, y = at
        for piece in text if type_.tracking else (text,):
            self.draw.text((x, y), piece, font=face, fill=type_.colour, anchor="ls")
            x += face.getlength(piece) + type_.tracking * size
        end = x - type_.tracking * size
        self.written.append(Written(text, (at[0], y - size, end, y + descent(text) * size), room))


@dataclass(frozen=True, slots=True)
class Type:
    """How a line is set: face, colour, extra space between letters as a share of the height of capitals."""

    face: str
    colour: str
    tracking: float = 0.0


@lru_cache(maxsize=64)
def _capital(face: str) -> float:
    """Height of capitals as a share of the font size."""
    _, top, _, bottom = font(face, _REFERENCE).getbbox("H", anchor="ls")
    return float(bottom - top) / _REFERENCE


def _points(face: str, size: float) -> int:
    return max(int(size / _capital(face)), 4)


def _drawn_width(text: str, type_: Type, size: float, points: int) -> float:
    """Width in pixels of a line at a font size, every letter rounded as it is drawn."""
    face = font(type_.face, points)
    if not type_.tracking:
        return face.getlength(text)
    return sum(face.getlength(letter) for letter in text) + type_.tracking * size * (len(text) - 1)


def descent(text: str) -> float:
    """Room that a line needs below its baseline, as a share of the height of capitals."""
    return 0.36 if set(text) & set("gjpqy,;Q") else 0.06


def line_width(text: str, type_: Type, size: float) -> float:
    """Width in pixels of a line whose capitals are ``size`` high."""
    scale = size / (_capital(type_.face) * _REFERENCE)
    return font(type_.face, _REFERENCE).getlength(text) * scale + type_.tracking * size * max(len(text) - 1, 0)


def fit(text: str, type_: Type, size: float, room: float) -> float:
    """The height of capitals, at most ``size``, at which a line is no wider than the room."""
    wide = line_width(text, type_, size)
    return size if wide <= room else size * room / wide


@dataclass(frozen=True, slots=True)
class Line:
    """Text in a stack; size is the height of its capitals as a share of the stack's unit."""

    text: str
    type: Type
    size: float
    wraps: bool = True
    fills: bool = False
    """Grow until it is as wide as the stack, up to twice its size."""


@dataclass(frozen=True, slots=True)
class Rule:
    """A line across; width as a share of the stack's width, thickness of the unit."""

    colour: str
    width: float = 0.4
    thickness: float = 0.008


@dataclass(frozen=True, slots=True)
class Drawing:
    """A picture in a stack: it is given a box that is ``size`` units high and takes spare room up to ``grow`` units."""

    paint: Callable[[Box], None]
    size: float
    grow: float = 0.0
    aspect: float = 0.0
    """Width over height, 0 for the whole width of the stack."""


@dataclass(frozen=True, slots=True)
class Gap:
    """Room between; ``flex`` is its part of what is left over."""

    size: float = 0.03
    flex: float = 0.0


Item = Line | Rule | Drawing | Gap


@dataclass(slots=True)
class _Placed:
    item: Item
    height: float
    lines: list[tuple[str, float]] = field(default_factory=list)


def stack(canvas: Canvas, box: Box, items: Sequence[Item], align: Align = "centre", unit: float = 0.0) -> None:
    """Items one below the other, as large as wanted where there is room, and smaller where there is not.

    Args:
        unit: what sizes are shares of, in pixels; 0 for a size that suits the box.
    """
    unit = unit or min(width(box), height(box) * 0.85)
    room = width(box)
    placed = [_measured(item, unit, room) for item in items]
    total = sum(p.height for p in placed)
    if total > height(box):
        shrink = height(box) / total
        placed = [_Placed(p.item, p.height * shrink, [(text, size * shrink) for text, size in p.lines]) for p in placed]
    spare = max(height(box) - sum(p.height for p in placed), 0.0)
    for p in placed:
        if isinstance(p.item, Drawing) and p.item.grow:
            more = min(spare * 0.7, p.item.grow * unit)
            p.height += more
            spare -= more
    flex = sum(p.item.flex for p in placed if isinstance(p.item, Gap))
    top = box[1] if flex else box[1] + spare / 2
    for p in placed:
        if isinstance(p.item, Gap) and flex:
            p.height += spare * p.item.flex / flex
        _put(canvas, p, (box[0], top, box[2], top + p.height), align, unit)
        top += p.height


def _measured(item: Item, unit: float, room: float) -> _Placed:
    if isinstance(item, Gap | Drawing):
        return _Placed(item, item.size * unit)
    if isinstance(item, Rule):
        return _Placed(item, max(item.thickness * unit, 2.0))
    want = item.size * unit
    size = fit(item.text, item.type, want, room)
    lines = [item.text]
    if item.wraps and size < 0.7 * want and " " in item.text:
        lines = _halves(item.text)
        size = min(fit(line, item.type, want, room) for line in lines)
    if item.fills:
        size = min(min(fit(line, item.type, 9 * want, room) for line in lines), 2 * want)
    high = sum(size * (1.0 + descent(line)) for line in lines) + (len(lines) - 1) * size * 0.3
    return _Placed(item, high, [(line, size) for line in lines])


def _halves(text: str) -> list[str]:
    """The text in two lines of like length."""
    words = text.split()
    cut = min(range(1, len(words)), key=lambda i: max(len(" ".join(words[:i])), len(" ".join(words[i:]))))
    return [" ".join(words[:cut]), " ".join(words[cut:])]


def _start(box: Box, wide: float, align: Align) -> float:
    return box[0] + (width(box) - wide) * {"left": 0.0, "centre": 0.5, "right": 1.0}[align]


def _put(canvas: Canvas, placed: _Placed, box: Box, align: Align, unit: float) -> None:
    item = placed.item
    if isinstance(item, Rule):
        wide = item.width * width(box)
        left = _start(box, wide, align)
        canvas.rectangle((left, box[1], left + wide, box[1] + max(item.thickness * unit, 2.0)), item.colour)
    elif isinstance(item, Drawing):
        wide = min(item.aspect * height(box), width(box)) if item.aspect else width(box)
        left = _start(box, wide, align)
        if min(wide, height(box)) > 8:
            item.paint((left, box[1], left + wide, box[3]))
    elif isinstance(item, Line):
        y = box[1]
        for text, size in placed.lines:
            wide = line_width(text, item.type, size)
            canvas.write(text, (_start(box, wide, align), y + size), item.type, size, box)
            y += size * (1.3 + descent(text))


def sideways(canvas: Canvas, box: Box, text: str, type_: Type, size: float, ground: str) -> None:
    """A line that reads upwards along the middle of a box, on a ground of one colour."""
    along, across = height(box), width(box)
    size = fit(text, type_, min(size, across / (1.0 + descent(text))), along)
    sheet = Canvas(round(along / SUPERSAMPLING), round(across / SUPERSAMPLING), ground)
    start = (sheet.width - line_width(text, type_, size)) / 2
    sheet.write(text, (start, (sheet.height + size) / 2), type_, size, sheet.box)
    turned = sheet.image.transpose(Image.Transpose.ROTATE_90)
    canvas.image.paste(turned, (round(box[0]), round(box[1])))
    canvas.written += sheet.written


def pixels(image: Image.Image) -> np.ndarray[tuple[int, int, int], np.dtype[np.uint8]]:
    """``(H, W, 3) uint8``."""
    return np.asarray(image.convert("RGB"), np.uint8).copy()
