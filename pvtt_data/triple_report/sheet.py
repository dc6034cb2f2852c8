"""Contact sheets of triples, with what is said against them."""

from __future__ import annotations

import io
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

from pvtt_data.masks import Mask, boundary
from pvtt_data.report.thumbnails import OUTLINE_A, OUTLINE_B

Picture = NDArray[np.uint8]
Frames = NDArray[np.uint8]

_TILE_PX, _GAP_PX, _TEXT_PX = 220, 4, 15
_LEAST_WIDTH_PX = 900


@dataclass(frozen=True, slots=True, eq=False)
class SheetLine:
    """One triple on a sheet.

    Attributes:
        title, says: two lines of text.
        tiles: ``(H, W, 3) uint8`` RGB; may be empty.
    """

    title: str
    says: str
    tiles: Sequence[Picture]


def triple_tiles(
    source: Frames, target: Frames, source_mask: Mask, target_mask: Mask, references: Sequence[Picture]
) -> list[Picture]:
    """Source and target at the beginning, in the middle and at the end with outlined masks, then the references.

    Args:
        source, target: ``(T, H, W, 3) uint8`` RGB.
        source_mask, target_mask: ``(T, H, W) bool``.
        references: RGB or RGBA.
    """
    last = len(source) - 1
    shown = sorted({0, last // 2, last})
    made = [
        _outlined(frames[t], masks[t], colour)
        for frames, masks, colour in ((source, source_mask, OUTLINE_A), (target, target_mask, OUTLINE_B))
        for t in shown
    ]
    for picture in references:
        alpha = picture[..., 3:] / 255 if picture.shape[2] == 4 else np.ones((*picture.shape[:2], 1))
        made.append(np.rint(picture[..., :3] * alpha + 255 * (1 - alpha)).astype(np.uint8))
    return made


def _outlined(frame: Picture, mask: Mask, colour: tuple[int, int, int]) -> Picture:
    picture = frame.copy()
    picture[boundary(mask)] = colour
    return picture


def sheet(lines: Sequence[SheetLine]) -> bytes:
    """A JPEG of triples, one a line; those without media have the text alone."""
    face = ImageFont.load_default(_TEXT_PX)
    strips = []
    for line in lines:
        tiles = [_thumbnail(tile) for tile in line.tiles]
        width = sum(tile.width + _GAP_PX for tile in tiles)
        height = _TILE_PX if tiles else 0
        strip = Image.new("RGB", (max(width, _LEAST_WIDTH_PX), height + 2 * (_TEXT_PX + 6)), "white")
        left = 0
        for tile in tiles:
            strip.paste(tile, (left, 0))
            left += tile.width + _GAP_PX
        pen = ImageDraw.Draw(strip)
        for number, text in enumerate((line.title, line.says)):
            where = (2, height + 2 + number * (_TEXT_PX + 4))
            # The built-in font has no other letters.
            pen.text(where, text.encode("latin-1", "replace").decode("latin-1"), fill="black", font=face)
        strips.append(strip)
    page = Image.new(
        "RGB",
        (
            max((strip.width for strip in strips), default=_LEAST_WIDTH_PX),
            max(1, sum(strip.height + _GAP_PX for strip in strips)),
        ),
        "white",
    )
    top = 0
    for strip in strips:
        page.paste(strip, (0, top))
        top += strip.height + _GAP_PX
    file = io.BytesIO()
    page.save(file, "JPEG", quality=88)
    return file.getvalue()


def _thumbnail(picture: Picture) -> Image.Image:
    image = Image.fromarray(picture)
    width = max(1, round(image.width * _TILE_PX / image.height))
    return image.resize((width, _TILE_PX), Image.Resampling.LANCZOS)
