"""A contact sheet of rendered pairs or adverts, for people."""

from __future__ import annotations

import io
from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt
from PIL import Image, ImageDraw

from pvtt_data.render.products.fonts import font

Frames = npt.NDArray[np.uint8]
Masks = npt.NDArray[np.bool_]
Picture = npt.NDArray[np.uint8]

_FRAME_PX = 300
_GAP_PX = 4
_TEXT_PX = 34
_FACE = "sans"
_COLOUR_A, _COLOUR_B = (230, 80, 60), (50, 140, 240)


@dataclass(frozen=True, slots=True, eq=False)
class SheetRow:
    """One pair.

    Attributes:
        title, facts: two lines of text.
        source, target: ``(T, H, W, 3) uint8`` RGB.
        source_mask, target_mask, effect_mask: ``(T, H, W) bool``.
        references: RGBA pictures of B.
    """

    title: str
    facts: str
    source: Frames
    target: Frames
    source_mask: Masks
    target_mask: Masks
    effect_mask: Masks
    references: Sequence[Picture]

    def tiles(self) -> list[Picture]:
        """A and B at the beginning, in the middle and at the end, the masks, the references."""
        last = len(self.source) - 1
        shown = sorted({0, last // 2, last})
        pictures = [*(self.source[i] for i in shown), *(self.target[i] for i in shown), _masks(self, last // 2)]
        return [*pictures, *(_on_white(picture) for picture in self.references)]


@dataclass(frozen=True, slots=True, eq=False)
class AdvertRow:
    """One advert.

    Attributes:
        title, facts: two lines of text.
        frames: ``(N, H, W, 3) uint8`` RGB, those that are shown.
        masks: ``(N, H, W) bool``.
        pictures: of the listing, RGB.
    """

    title: str
    facts: str
    frames: Frames
    masks: Masks
    pictures: Sequence[Picture]

    def tiles(self) -> list[Picture]:
        """The frames with the product's outline, and the listing pictures."""
        frames = [frame.copy() for frame in self.frames]
        for frame, mask in zip(frames, self.masks, strict=True):
            _outline(frame, mask, _COLOUR_B, 1)
        return [*frames, *self.pictures]


def contact_sheet(rows: Sequence[SheetRow | AdvertRow], columns: int = 1) -> bytes:
    """A JPEG with a strip of pictures for each row, under its two lines of text."""
    strips = [_strip(row) for row in rows]
    width = max(strip.shape[1] for strip in strips)
    height = max(strip.shape[0] for strip in strips)
    lines = -(-len(strips) // columns)
    sheet = np.full((lines * (height + 3 * _GAP_PX), columns * (width + 3 * _GAP_PX), 3), 255, np.uint8)
    for number, strip in enumerate(strips):
        top, left = number // columns * (height + 3 * _GAP_PX), number % columns * (width + 3 * _GAP_PX)
        sheet[top : top + strip.shape[0], left : left + strip.shape[1]] = strip
    file = io.BytesIO()
    Image.fromarray(sheet).save(file, "JPEG", quality=88)
    return file.getvalue()


def _strip(row: SheetRow | AdvertRow) -> Picture:
    gap = np.full((_FRAME_PX, _GAP_PX, 3), 255, np.uint8)
    line = np.concatenate([part for tile in row.tiles() for part in (_fit(tile), gap)], axis=1)
    text = Image.new("RGB", (line.shape[1], _TEXT_PX), "white")
    draw = ImageDraw.Draw(text)
    draw.text((2, 1), row.title, font=font(_FACE, 15), fill="#111111")
    draw.text((2, 17), row.facts, font=font(_FACE, 13), fill="#666666")
    return np.concatenate([np.asarray(text), line])


def _fit(picture: Picture) -> Picture:
    height, width = picture.shape[:2]
    size = (max(1, round(width * _FRAME_PX / height)), _FRAME_PX)
    return np.asarray(cv2.resize(picture, size, interpolation=cv2.INTER_AREA), np.uint8)


def _masks(row: SheetRow, frame: int) -> Picture:
    """The effect in grey, the outlines of A and B in their colours."""
    picture = np.where(row.effect_mask[frame][..., None], np.uint8(150), np.uint8(40)).repeat(3, axis=2)
    for mask, colour in ((row.source_mask[frame], _COLOUR_A), (row.target_mask[frame], _COLOUR_B)):
        _outline(picture, mask, colour, 3)
    return picture


def _outline(picture: Picture, mask: npt.NDArray[np.bool_], colour: tuple[int, int, int], width_px: int) -> None:
    outlines, _ = cv2.findContours(mask.astype(np.uint8), cv2.RETR_LIST, cv2.CHAIN_APPROX_NONE)
    cv2.drawContours(picture, outlines, -1, colour, width_px)


def _on_white(picture: Picture) -> Picture:
    """A cut-out on a white square."""
    alpha = picture[..., 3:].astype(np.float32) / 255
    flat = (picture[..., :3] * alpha + 255 * (1 - alpha)).astype(np.uint8)
    side = max(flat.shape[:2])
    square = np.full((side, side, 3), 255, np.uint8)
    top, left = (side - flat.shape[0]) // 2, (side - flat.shape[1]) // 2
    square[top : top + flat.shape[0], left : left + flat.shape[1]] = flat
    return square
