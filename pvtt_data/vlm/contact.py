"""Pictures that a model is shown: contact sheets as JPEG, bounded in size."""

from __future__ import annotations

import io
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from PIL import Image

SHEET_VERSION = 1
"""Part of what a question is kept under: another way to draw sheets asks anew."""
MAX_SHEET_BYTES = 400_000
_QUALITIES = (88, 75, 60, 45, 30)
_GAP_PX = 6
_PAPER = (255, 255, 255)

UInt8 = NDArray[np.uint8]


def spread_frames(count: int, wanted: int) -> list[int]:
    """Numbers of evenly spaced frames, the first and the last among them."""
    return sorted({round(float(place)) for place in np.linspace(0, count - 1, min(count, wanted))})


def contact_sheet(pictures: Sequence[UInt8], columns: int, longer_px: int) -> bytes:
    """Pictures side by side in rows, from left to right and top to bottom, as a JPEG of at most `MAX_SHEET_BYTES`.

    Args:
        pictures: (H, W, 3) uint8 RGB or (H, W, 4) RGBA (straight alpha, laid on white), of any sizes, at least one.
        columns: pictures in a row.
        longer_px: longer side of the sheet at most.
    """
    columns = min(columns, len(pictures))
    rows = -(-len(pictures) // columns)
    height, width = pictures[0].shape[:2]
    # One cell has the shape of the first picture; the others are fitted into it.
    scale = min((longer_px / columns - _GAP_PX) / width, (longer_px / rows - _GAP_PX) / height, 1.0)
    cell = max(8, int(width * scale)), max(8, int(height * scale))
    sheet = Image.new("RGB", (columns * (cell[0] + _GAP_PX), rows * (cell[1] + _GAP_PX)), _PAPER)
    for number, pixels in enumerate(pictures):
        picture = _on_white(pixels)
        picture.thumbnail(cell, Image.Resampling.LANCZOS)
        left = number % columns * (cell[0] + _GAP_PX) + (cell[0] - picture.width) // 2
        top = number // columns * (cell[1] + _GAP_PX) + (cell[1] - picture.height) // 2
        sheet.paste(picture, (left, top))
    return _jpeg(sheet)


def _on_white(pixels: UInt8) -> Image.Image:
    picture = Image.fromarray(np.ascontiguousarray(pixels))
    if picture.mode != "RGBA":
        return picture.convert("RGB")
    paper = Image.new("RGB", picture.size, _PAPER)
    paper.paste(picture, (0, 0), picture)
    return paper


def _jpeg(sheet: Image.Image) -> bytes:
    while True:
        for quality in _QUALITIES:
            file = io.BytesIO()
            sheet.save(file, "JPEG", quality=quality)
            if file.tell() <= MAX_SHEET_BYTES:
                return file.getvalue()
        sheet = sheet.resize((max(8, sheet.width // 2), max(8, sheet.height // 2)), Image.Resampling.LANCZOS)
