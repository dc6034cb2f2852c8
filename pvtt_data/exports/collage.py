"""The first frame of an FFGO sample: pictures of a product beside the place where it will be seen, on white."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt

from pvtt_data.errors import InputError
from pvtt_data.inpaint import PlateFiller, fill_frame, fill_smoothly, make_plate, track_background
from pvtt_data.vace.references import WHITE, prepare_reference

Frame = npt.NDArray[np.uint8]
Masks = npt.NDArray[np.bool_]

LARGEST_HOLE = 0.5
"""Share of the first frame that may be hidden; of more, the scene would be invented."""
_MARGIN = 0.05
"""Of a product's cell that stays white on each side."""


def collage(
    products: Sequence[Frame], background: Frame, width: int, height: int, product_share: float = 1 / 3
) -> Frame:
    """A part of the canvas is for the product, the rest is for the background; what is left stays white.

    On a wide canvas the product is on the left, its pictures above each other in cells of equal height; on a tall one
    it is on top, side by side. Pictures are scaled to fit their cells, whole and centred; transparent parts are white.

    Args:
        products: pictures ``(h, w, 3)`` RGB or ``(h, w, 4)`` RGBA uint8, at least one.
        background: ``(h, w, 3)`` uint8 RGB.
        width, height: of the canvas in pixels.
        product_share: of the longer side, for the product; a third, or a half as in FFGO's own collages.

    Returns:
        ``(height, width, 3)`` uint8 RGB.

    Raises:
        InputError: as `pvtt_data.vace.references.prepare_reference`.
    """
    wide = width >= height
    long_px, short_px = (width, height) if wide else (height, width)
    part = round(long_px * product_share)
    edges = [round(short_px * number / len(products)) for number in range(len(products) + 1)]
    canvas = np.full((height, width, 3), WHITE, np.uint8)
    for picture, first, last in zip(products, edges, edges[1:], strict=False):
        cell = canvas[first:last, :part] if wide else canvas[:part, first:last]
        cell[:] = prepare_reference(picture, cell.shape[0], cell.shape[1], _MARGIN)
    rest = canvas[:, part:] if wide else canvas[part:]
    rest[:] = prepare_reference(background, rest.shape[0], rest.shape[1], 0.0)
    return canvas


def empty_scene(frames: Frame, holes: Masks, seed: int, filler: PlateFiller | None = None) -> tuple[Frame, float]:
    """The first frame without what is in the holes.

    What other frames show of the background is taken from them, the rest is texture from around the hole
    (`pvtt_data.inpaint`), or what a model makes of it.

    Args:
        frames: ``(T, H, W, 3)`` uint8 RGB.
        holes: ``(T, H, W)`` bool.
        seed: of the texture search.
        filler: makes up what no frame shows.

    Returns:
        ``(H, W, 3)`` uint8 RGB, and which share of the background behind the holes no frame shows, 0 to 1.

    Raises:
        InputError: ``background-unseen``, the first hole is more than half of the frame; ``background-too-wide``.
    """
    share = float(holes[0].mean())
    if share > LARGEST_HOLE:
        raise InputError(
            "background-unseen",
            f"the products and their shadows cover {share:.0%} of the first frame: what is behind would be invented",
            {"hole_share": share, "max_hole_share": LARGEST_HOLE},
        )
    if not holes[0].any():
        return frames[0].copy(), 0.0
    background = track_background(frames, holes, 0)
    if background is None:
        smooth = fill_smoothly(frames[0], holes[0])
        return (filler.fill_plate(smooth, holes[0]) if filler else smooth), 1.0
    plate = make_plate(frames, holes, background, seed, filler)
    return fill_frame(frames[0], holes[0], plate, 0), plate.synthesised_share()


@dataclass(frozen=True, slots=True)
class Window:
    """How pictures of one size are brought to another: scaled until they cover it, and cut around the middle.

    Attributes:
        width, height: wanted, in pixels.
        scaled: (width, height) before the cut.
        left, top: where the cut begins in the scaled picture.
    """

    width: int
    height: int
    scaled: tuple[int, int]
    left: int
    top: int

    @classmethod
    def of(cls, old_width: int, old_height: int, width: int, height: int) -> Window:
        """From one size to another, in pixels."""
        scale = max(width / old_width, height / old_height)
        scaled = (max(width, round(old_width * scale)), max(height, round(old_height * scale)))
        return cls(width, height, scaled, (scaled[0] - width) // 2, (scaled[1] - height) // 2)

    @property
    def cut_share(self) -> float:
        """Share of a picture that is cut off, 0 to 1."""
        return 1 - self.width * self.height / (self.scaled[0] * self.scaled[1])

    def kept_share(self, masks: Masks) -> float:
        """Share of the pixels of masks ``(T, h, w)`` of the old size that is not cut off; 1 if they are empty."""
        _, old_height, old_width = masks.shape
        across, down = old_width / self.scaled[0], old_height / self.scaled[1]
        rows = slice(round(self.top * down), round((self.top + self.height) * down))
        columns = slice(round(self.left * across), round((self.left + self.width) * across))
        area = int(masks.sum())
        return int(masks[:, rows, columns].sum()) / area if area else 1.0

    def view(self, frame: Frame) -> Frame:
        """``(height, width, 3)`` uint8 of a picture ``(h, w, 3)`` uint8 of the old size."""
        shrinks = self.scaled[0] < frame.shape[1]
        if self.scaled != (frame.shape[1], frame.shape[0]):
            frame = cv2.resize(frame, self.scaled, interpolation=cv2.INTER_AREA if shrinks else cv2.INTER_CUBIC)
        return frame[self.top : self.top + self.height, self.left : self.left + self.width]
