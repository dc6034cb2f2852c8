"""Printed labels: a picture that wraps once around a product, its front in the middle."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from samples.render.surfaces import Picture

_FONT_FOLDER = Path("/usr/share/fonts/truetype/dejavu")
_PX_PER_UNIT = 720


@dataclass(frozen=True, slots=True)
class Label:
    """What is printed. Colours are "#rrggbb"; motif is a key of MOTIFS; face is a DejaVu font's file stem."""

    brand: str
    line: str
    variant: str
    quantity: str
    ground: str
    ink: str
    accent: str
    second: str
    motif: str
    face: str = "DejaVuSans-Bold"


def _font(face: str, size: int) -> ImageFont.FreeTypeFont | ImageFont.ImageFont:
    path = _FONT_FOLDER / f"{face}.ttf"
    return ImageFont.truetype(path, size) if path.is_file() else ImageFont.load_default(size)


def _write(
    draw: ImageDraw.ImageDraw, text: str, centre: tuple[float, float], size: float, room: float, face: str, ink: str
) -> None:
    """Text centred on a point, made smaller where it would be wider than room."""
    font = _font(face, max(int(size), 6))
    width = draw.textlength(text, font=font)
    if width > room:
        font = _font(face, max(int(size * room / width), 6))
    draw.text(centre, text, font=font, fill=ink, anchor="mm")


def _leaves(draw: ImageDraw.ImageDraw, box: tuple[float, float, float, float], label: Label) -> None:
    left, top, right, bottom = box
    centre, reach = (left + right) / 2, (right - left) * 0.22
    for step in range(5):
        y = bottom - (bottom - top) * (0.10 + 0.16 * step)
        for side in (-1, 1):
            tip = (centre + side * reach * (1 - 0.13 * step), y - reach * 0.55)
            middle = (centre + side * reach * 0.35, y - reach * 0.62)
            low = (centre + side * reach * 0.65, y + reach * 0.02)
            draw.polygon([(centre, y), middle, tip, low], fill=label.accent if side < 0 else label.second)
    draw.line([(centre, bottom), (centre, top + (bottom - top) * 0.2)], fill=label.accent, width=6)


def _sun(draw: ImageDraw.ImageDraw, box: tuple[float, float, float, float], label: Label) -> None:
    left, top, right, bottom = box
    x, y, radius = (left + right) / 2, (top + bottom) / 2, min(right - left, bottom - top) * 0.26
    for turn in np.linspace(0, 2 * np.pi, 16, endpoint=False):
        near, far = radius * 1.2, radius * 1.65
        points = [(x + near * np.cos(turn + d), y + near * np.sin(turn + d)) for d in (-0.12, 0.12)]
        draw.polygon([*points, (x + far * np.cos(turn), y + far * np.sin(turn))], fill=label.second)
    draw.ellipse([x - radius, y - radius, x + radius, y + radius], fill=label.accent)


def _waves(draw: ImageDraw.ImageDraw, box: tuple[float, float, float, float], label: Label) -> None:
    left, top, right, bottom = box
    across = np.linspace(left, right, 60)
    for index, colour in enumerate((label.second, label.accent, label.second)):
        crest = top + (bottom - top) * (0.25 + 0.25 * index)
        swell = (bottom - top) * 0.09
        line = [
            (float(x), float(crest + swell * np.sin((x - left) / (right - left) * 4 * np.pi + index))) for x in across
        ]
        draw.polygon([*line, *[(x, y + swell * 1.6) for x, y in reversed(line)]], fill=colour)


def _bars(draw: ImageDraw.ImageDraw, box: tuple[float, float, float, float], label: Label) -> None:
    left, top, right, bottom = box
    step = (right - left) / 9
    for index in range(9):
        x = left + index * step
        colour = label.accent if index % 2 else label.second
        slant = (bottom - top) * 0.35
        draw.polygon(
            [(x, bottom), (x + step * 0.6, bottom), (x + step * 0.6 + slant, top), (x + slant, top)], fill=colour
        )


def _dots(draw: ImageDraw.ImageDraw, box: tuple[float, float, float, float], label: Label) -> None:
    left, top, right, bottom = box
    rows, columns = 4, 7
    for row in range(rows):
        for column in range(columns):
            x = left + (right - left) * (column + 0.5 + 0.25 * (row % 2)) / (columns + 0.5)
            y = top + (bottom - top) * (row + 0.5) / rows
            radius = (right - left) / columns * (0.18 + 0.05 * ((row + 2 * column) % 4))
            draw.ellipse(
                [x - radius, y - radius, x + radius, y + radius], fill=(label.accent, label.second)[(row + column) % 2]
            )


def _peaks(draw: ImageDraw.ImageDraw, box: tuple[float, float, float, float], label: Label) -> None:
    left, top, right, bottom = box
    width = right - left
    for peak, height, half, colour in ((0.34, 0.75, 0.28, label.second), (0.62, 1.0, 0.34, label.accent)):
        x, crest = left + width * peak, bottom - (bottom - top) * height
        draw.polygon([(x - width * half, bottom), (x, crest), (x + width * half, bottom)], fill=colour)
        cap = (bottom - crest) * 0.25
        draw.polygon(
            [(x - width * half * 0.25, crest + cap), (x, crest), (x + width * half * 0.25, crest + cap)], fill=label.ink
        )


Motif = Callable[[ImageDraw.ImageDraw, tuple[float, float, float, float], Label], None]
MOTIFS: dict[str, Motif] = {
    "leaves": _leaves,
    "sun": _sun,
    "waves": _waves,
    "bars": _bars,
    "dots": _dots,
    "peaks": _peaks,
}


def print_label(label: Label, around: float, height: float, front: float, seed: int) -> Picture:
    """The print that wraps around a product.

    around, height: size of the printed surface in scene units, so that nothing is stretched; front: how wide the
    side that faces the camera is, in the same units. Returns (H, W, 3) uint8 sRGB.
    """
    w, h = int(around * _PX_PER_UNIT), int(height * _PX_PER_UNIT)
    image = Image.new("RGB", (w, h), label.ground)
    draw = ImageDraw.Draw(image)
    draw.rectangle([0, int(h * 0.035), w, int(h * 0.06)], fill=label.accent)
    draw.rectangle([0, int(h * 0.94), w, int(h * 0.965)], fill=label.accent)

    panel = front * _PX_PER_UNIT
    middle = w / 2
    room = panel * 0.86
    MOTIFS[label.motif](draw, (middle - room / 2, h * 0.10, middle + room / 2, h * 0.44), label)
    light_face = label.face.replace("-Bold", "")
    _write(draw, label.brand, (middle, h * 0.54), h * 0.16, room, label.face, label.ink)
    draw.rectangle([middle - room * 0.3, h * 0.635, middle + room * 0.3, h * 0.645], fill=label.accent)
    _write(draw, label.line, (middle, h * 0.70), h * 0.075, room * 0.95, label.face, label.ink)
    _write(draw, label.variant, (middle, h * 0.785), h * 0.055, room * 0.85, light_face, label.ink)
    _write(draw, label.quantity, (middle, h * 0.875), h * 0.045, room * 0.6, light_face, label.ink)

    rng = np.random.default_rng(seed)
    side = w * 0.17
    for row in range(9):
        y, length = h * (0.28 + 0.05 * row), side * rng.uniform(0.7, 1.0)
        draw.rectangle([w * 0.10, y, w * 0.10 + length, y + h * 0.014], fill=label.ink)
    _write(draw, label.brand, (w * 0.10 + side / 2, h * 0.18), h * 0.09, side, label.face, label.ink)
    left = w * 0.755
    draw.rectangle([left, h * 0.58, left + side, h * 0.80], fill="#ffffff")
    x = left + side * 0.06
    while x < left + side * 0.92:
        bar = side * float(rng.choice([0.010, 0.018, 0.028]))
        draw.rectangle([x, h * 0.60, x + bar, h * 0.78], fill="#111111")
        x += bar + side * float(rng.choice([0.012, 0.02, 0.03]))
    draw.ellipse([left + side * 0.2, h * 0.22, left + side * 0.8, h * 0.22 + side * 0.6], outline=label.ink, width=6)
    _write(draw, label.quantity, (left + side / 2, h * 0.22 + side * 0.3), h * 0.04, side * 0.5, light_face, label.ink)
    return np.asarray(image)
