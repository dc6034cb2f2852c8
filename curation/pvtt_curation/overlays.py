"""What a mask looks like over its video: outline and tint on the product, everything else dimmed."""

from __future__ import annotations

import io
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Literal

import cv2
import numpy as np
import numpy.typing as npt
from PIL import Image

from pvtt_data.errors import DatasetError
from pvtt_data.limits import DEFAULT_LIMITS
from pvtt_data.media import decode_masks, decode_video, encode_clip, open_mp4
from pvtt_data.media.probe import main_video_stream
from pvtt_data.report.thumbnails import OUTLINE_A, OUTLINE_B

UInt8 = npt.NDArray[np.uint8]
Bool = npt.NDArray[np.bool_]

_COLOURS = {"a": OUTLINE_A, "b": OUTLINE_B}
_HALO = (16, 16, 16)
_TINT = 0.12
_DIM = 0.5
_GREY = 0.6
_CRF, _PRESET = 20.0, "veryfast"
_POSTER_BOX_PX = (192, 192)
_MIN_TILES, _MAX_TILES, _TILE_PX, _GAP_PX = 6, 12, 224, 4
_ROW_PX = 1320
_MARGIN = 0.3
_LEAST_CROP_PX = 48
_QUALITY = 80


@dataclass(frozen=True, slots=True)
class MaskedVideo:
    """A video and a mask track that fits it.

    Attributes:
        frames: ``(T, H, W, 3)`` uint8 RGB, with the mask's outline and tint, all else dimmed.
        masks: ``(T, H, W)`` bool.
        fps: rate of the video.
    """

    frames: UInt8
    masks: Bool
    fps: Fraction

    @classmethod
    def of(cls, video: bytes, mask: bytes, whose: Literal["a", "b"]) -> MaskedVideo:
        """Decode both and draw.

        Args:
            video, mask: MP4s of as many frames and the same size.
            whose: the product that the mask shows; says the colour.

        Raises:
            InputError: one of them does not decode.
            DatasetError: the mask does not fit the video, or the video states no rate.
        """
        frames, masks = decode_video(video), decode_masks(mask)
        if masks.shape != frames.shape[:3]:
            raise DatasetError(f"the mask is {masks.shape}, the video {frames.shape[:3]}: frames, height, width")
        for frame, inside in zip(frames, masks, strict=True):
            frame[:] = overlay_frame(frame, inside, _COLOURS[whose])
        return cls(frames, masks, _rate(video))

    def write_video(self, path: Path) -> None:
        """Write it as H.264, yuv420p."""
        encode_clip(self.frames, self.fps, path, _CRF, _PRESET)

    def strip(self) -> bytes:
        """A JPEG of evenly spaced moments in a row, each cut to the product: a mask at one glance.

        There are 6 to 12, as many as make a row of the same length for slim and for broad products.
        """
        tall, wide = _window(self.masks)
        scale = _TILE_PX / max(tall, wide)
        width, height = max(1, round(wide * scale)), max(1, round(tall * scale))
        wanted = min(_MAX_TILES, max(_MIN_TILES, _ROW_PX // (width + _GAP_PX)))
        chosen = np.unique(np.linspace(0, len(self.frames) - 1, wanted).round().astype(int))
        row = np.full((height, len(chosen) * (width + _GAP_PX) - _GAP_PX, 3), _HALO, np.uint8)
        method = cv2.INTER_AREA if scale < 1 else cv2.INTER_CUBIC
        place = (0, 0)
        for number, at in enumerate(chosen):
            y, x = place = _corner(self.masks[at], (tall, wide), place)
            first = number * (width + _GAP_PX)
            tile = cv2.resize(self.frames[at, y : y + tall, x : x + wide], (width, height), interpolation=method)
            row[:, first : first + width] = tile
        return _jpeg(Image.fromarray(row))

    def poster(self) -> bytes:
        """A small JPEG of the middle frame."""
        return poster_of(self.frames)


def poster_of(frames: UInt8) -> bytes:
    """A small JPEG of the middle one of ``(T, H, W, 3)`` uint8 RGB."""
    picture = Image.fromarray(frames[len(frames) // 2])
    picture.thumbnail(_POSTER_BOX_PX, Image.Resampling.LANCZOS)
    return _jpeg(picture)


def overlay_frame(frame: UInt8, mask: Bool, colour: tuple[int, int, int]) -> UInt8:
    """One frame, ``(H, W, 3)`` uint8 RGB, with the mask's outline and tint, all else dimmed.

    What the mask misses is dull and what it takes too much is bright, so that a wrong edge shows from afar. The outline
    grows with the picture, two pixels at 480.
    """
    grey = cv2.cvtColor(cv2.cvtColor(frame, cv2.COLOR_RGB2GRAY), cv2.COLOR_GRAY2RGB)
    drawn = cv2.addWeighted(frame, _DIM * (1 - _GREY), grey, _DIM * _GREY, 0)
    tinted = cv2.addWeighted(frame, 1 - _TINT, np.full_like(frame, colour), _TINT, 0)
    inside = mask.astype(np.uint8)
    cv2.copyTo(tinted, inside, drawn)
    contours, _ = cv2.findContours(inside, cv2.RETR_LIST, cv2.CHAIN_APPROX_NONE)
    thin = max(1, round(min(mask.shape) / 240))
    for line_colour, thickness_px in ((_HALO, thin + 2), (colour, thin)):
        cv2.drawContours(drawn, contours, -1, line_colour, thickness_px, cv2.LINE_AA)
    return np.asarray(drawn, np.uint8)


def _window(masks: Bool) -> tuple[int, int]:
    """Height and width of the largest mask, with a margin; those of the picture where there is none."""
    boxes = [box for box in map(_box, masks) if box is not None]
    tall = max((bottom - top for top, bottom, _, _ in boxes), default=masks.shape[1])
    wide = max((right - left for _, _, left, right in boxes), default=masks.shape[2])
    return _side(tall, masks.shape[1]), _side(wide, masks.shape[2])


def _corner(mask: Bool, window: tuple[int, int], before: tuple[int, int]) -> tuple[int, int]:
    """Top and left of a window around a mask; where the mask is empty, those of the window before."""
    box = _box(mask)
    if box is None:
        return before
    (top, bottom, left, right), (tall, wide) = box, window
    y = min(max(0, (top + bottom - tall) // 2), mask.shape[0] - tall)
    x = min(max(0, (left + right - wide) // 2), mask.shape[1] - wide)
    return y, x


def _box(mask: Bool) -> tuple[int, int, int, int] | None:
    """Top, bottom, left, right; None of an empty mask."""
    rows, columns = np.flatnonzero(mask.any(axis=1)), np.flatnonzero(mask.any(axis=0))
    if not len(rows):
        return None
    return int(rows[0]), int(rows[-1]) + 1, int(columns[0]), int(columns[-1]) + 1


def _side(largest_px: int, whole_px: int) -> int:
    return min(whole_px, max(_LEAST_CROP_PX, round(largest_px * (1 + _MARGIN))))


def _jpeg(picture: Image.Image) -> bytes:
    file = io.BytesIO()
    # Thin coloured lines turn grey when the chroma is halved.
    picture.save(file, "JPEG", quality=_QUALITY, optimize=True, subsampling="4:4:4")
    return file.getvalue()


def _rate(video: bytes) -> Fraction:
    with open_mp4(video, DEFAULT_LIMITS) as container:
        rate = main_video_stream(container).average_rate
    if rate is None:
        raise DatasetError("the video does not say how many frames a second it has")
    return Fraction(rate)
