"""What a person looks at: source, mask, result, target and references side by side, as a video and as one picture."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont
from pvtt_eval.case import RenderedCase

from pvtt_data.vace.references import prepare_reference

UInt8 = NDArray[np.uint8]
PANELS = ("source", "mask", "result", "target", "references")
_MOST_WIDTH_PX = 360
_TITLE_PX = 18
_GAP_PX = 4
_PAPER, _INK = 255, 20
_MASK_COLOUR = np.array((245, 170, 0), np.float32)
_GIF_MOST_FRAMES = 33


def side_by_side(case: RenderedCase, result: UInt8) -> UInt8:
    """All frames of a case with its `PANELS`, ``(T, h, w, 3) uint8`` RGB, even sizes.

    Args:
        case: with the conditioning mask.
        result: ``(T, H, W, 3) uint8`` RGB.
    """
    height, width = case.source.shape[1:3]
    scale = min(1.0, _MOST_WIDTH_PX / width)
    cell = (max(2, round(height * scale / 2) * 2), max(2, round(width * scale / 2) * 2))
    title = _title(cell[1])
    references = _references(case.references, cell)
    gap = np.full((cell[0] + _TITLE_PX, _GAP_PX, 3), _PAPER, np.uint8)
    frames = []
    for t in range(len(result)):
        shown = [case.source[t], _masked(case.source[t], case.conditioning_mask[t]), result[t], case.target[t]]
        cells = [*(_small(picture, cell) for picture in shown), references]
        row: list[UInt8] = []
        for number, (name, picture) in enumerate(zip(PANELS, cells, strict=True)):
            row += [*([gap] if number else []), np.concatenate([title[name], picture])]
        frames.append(np.concatenate(row, axis=1))
    return np.stack(frames)


def contact_sheet(panels: UInt8, rows: int) -> UInt8:
    """Some frames below each other, evenly from the first to the last, ``(h', w, 3) uint8`` RGB.

    Args:
        panels: of `side_by_side`.
        rows: how many, at most.
    """
    places = np.unique(np.linspace(0, len(panels) - 1, min(rows, len(panels))).round().astype(int))
    return np.concatenate([panels[place] for place in places])


def write_gif(frames: UInt8, fps: float, path: Path) -> None:
    """An animation for programs that show no MP4; every so manyth frame of a long one."""
    apart = -(-len(frames) // _GIF_MOST_FRAMES)
    pictures = [Image.fromarray(frame) for frame in frames[::apart]]
    pictures[0].save(
        path, save_all=True, append_images=pictures[1:], duration=max(20, round(1000 * apart / fps)), loop=0
    )


def _title(width: int) -> dict[str, UInt8]:
    made = {}
    for name in PANELS:
        bar = Image.new("RGB", (width, _TITLE_PX), (_PAPER,) * 3)
        ImageDraw.Draw(bar).text((2, 2), name, fill=(_INK,) * 3, font=ImageFont.load_default(12))
        made[name] = np.asarray(bar)
    return made


def _masked(frame: UInt8, mask: NDArray[np.bool_]) -> UInt8:
    mixed = np.where(mask[..., None], 0.45 * frame + 0.55 * _MASK_COLOUR, frame)
    return np.asarray(mixed.round(), np.uint8)


def _small(picture: UInt8, cell: tuple[int, int]) -> UInt8:
    return np.asarray(cv2.resize(np.ascontiguousarray(picture), cell[::-1], interpolation=cv2.INTER_AREA), np.uint8)


def _references(pictures: Sequence[UInt8], cell: tuple[int, int]) -> UInt8:
    """Beside each other on white, each in its share of the cell."""
    count = max(1, len(pictures))
    made = np.full((*cell, 3), 255, np.uint8)
    edges = np.linspace(0, cell[1], count + 1).round().astype(int)
    for picture, left, right in zip(pictures, edges, edges[1:], strict=False):
        made[:, left:right] = prepare_reference(picture, cell[0], max(1, int(right - left)))
    return made
