"""Small pictures for the page, as data URIs.

Only blobs are decoded, which the build made itself; a feed's originals are never opened here, because a file that
crashes a decoder would take the finished build's report with it.
"""

from __future__ import annotations

import base64
import io
from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar

import cv2
import numpy as np
import numpy.typing as npt
from PIL import Image

from pvtt_data.images import read_image
from pvtt_data.media import decode_masks, decode_video
from pvtt_data.records import Blob
from pvtt_data.series import from_parquet
from pvtt_data.store import BlobStore

FRAME_BOX_PX = (160, 200)
"""Width and height that a frame is scaled down into."""
MEASURED_BOX_PX = (112, 112)
"""Measuring keeps pictures of 64 px squared: larger ones would promise more than there is."""
PICTURE_BOX_PX = (112, 112)
FRAMES_PER_STRIP = 5
OUTLINE_A = (255, 122, 0)
OUTLINE_B = (0, 174, 255)

_JPEG_QUALITY = 70
_HALO = (16, 16, 16)
_SUBPIXEL_BITS = 4

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Thumbnail:
    """A JPEG as a data URI, and its size in pixels."""

    uri: str
    width_px: int
    height_px: int


@dataclass(frozen=True, slots=True)
class Strip:
    """A few frames of a video.

    Attributes:
        thumbnails: the frames, in order; empty if the video cannot be shown.
        frames: their numbers.
        length: number of frames of the video.
        missing: why there are no frames, or no outlines; else empty.
    """

    thumbnails: tuple[Thumbnail, ...] = ()
    frames: tuple[int, ...] = ()
    length: int = 0
    missing: str = ""


class Thumbnails:
    """Makes thumbnails of blobs; whatever cannot be shown says so instead of raising.

    Args:
        store: where the blobs are.
    """

    def __init__(self, store: BlobStore) -> None:
        self._store = store
        self._strips: dict[tuple[str, str, tuple[int, int, int]], Strip] = {}

    def strip(self, video: Blob, mask: Blob | None = None, colour: tuple[int, int, int] = OUTLINE_B) -> Strip:
        """Evenly spaced frames of a video, with the outline of a mask track in ``colour`` (RGB)."""
        key = (video.sha256, mask.sha256 if mask else "", colour)
        if key not in self._strips:
            self._strips[key] = self._make_strip(video, mask, colour)
        return self._strips[key]

    def measured(self, series: Blob, frames: tuple[int, int] | None, size_px: tuple[int, int]) -> Strip:
        """Evenly spaced pictures that `measure` kept of a source, grey and small, drawn in its proportions.

        Args:
            series: what `measure` stored.
            frames: first and last frame wanted; None for the whole source.
            size_px: width and height of the source.
        """
        read, why = _attempt(lambda: from_parquet(self._store.read(series)))
        if read is None:
            return Strip(missing=f"frames not available: {why}")
        numbers = read.frame[read.thumbnail_row]
        inside = np.ones(len(numbers), np.bool_) if frames is None else (numbers >= frames[0]) & (numbers <= frames[1])
        kept = np.flatnonzero(inside)
        if not len(kept):
            return Strip(missing="frames not available: the window is shorter than the time between two pictures")
        shown = [
            int(kept[index])
            for index in np.linspace(0, len(kept) - 1, min(FRAMES_PER_STRIP, len(kept))).round().astype(int)
        ]
        scale = min(MEASURED_BOX_PX[0] / size_px[0], MEASURED_BOX_PX[1] / size_px[1])
        size = (max(1, round(size_px[0] * scale)), max(1, round(size_px[1] * scale)))
        pictures = [cv2.resize(read.thumbnails[index], size, interpolation=cv2.INTER_LINEAR) for index in shown]
        return Strip(
            tuple(_thumbnail(np.asarray(picture, np.uint8)) for picture in pictures),
            tuple(int(numbers[index]) for index in shown),
            int(read.frame[-1]) + 1,
        )

    def picture(self, blob: Blob) -> Thumbnail | None:
        """A picture over white; None if it cannot be shown."""
        picture, _ = _attempt(lambda: read_image(self._store.read(blob)))
        return None if picture is None else _thumbnail(_fit(picture, PICTURE_BOX_PX))

    def _make_strip(self, video: Blob, mask: Blob | None, colour: tuple[int, int, int]) -> Strip:
        frames, why = _attempt(lambda: decode_video(self._store.read(video)))
        if frames is None:
            return Strip(missing=f"video not available: {why}")
        masks: npt.NDArray[np.bool_] | None = None
        missing = ""
        if mask is not None:
            masks, why = _attempt(lambda: decode_masks(self._store.read(mask)))
            missing = f"mask not available: {why}" if masks is None else ""
            if masks is not None and masks.shape != frames.shape[:3]:
                masks, missing = None, "mask not available: it does not fit the video"
        shown = _evenly(len(frames))
        return Strip(
            tuple(_frame(frames[index], None if masks is None else masks[index], colour) for index in shown),
            shown,
            len(frames),
            missing,
        )


def _evenly(count: int) -> tuple[int, ...]:
    """Places of the frames that a strip shows, of so many, with the first and the last."""
    return tuple(int(place) for place in np.linspace(0, count - 1, min(FRAMES_PER_STRIP, count)).round())


def _attempt(read: Callable[[], T]) -> tuple[T | None, str]:
    """What ``read`` returns, or None and why not.

    Any exception counts: the data is built and published by now, and a picture that cannot be shown must not cost it
    its report.
    """
    try:
        return read(), ""
    except FileNotFoundError:
        return None, "the blob is missing"
    except Exception as error:
        return None, str(error) or type(error).__name__


def _frame(frame: npt.NDArray[np.uint8], mask: npt.NDArray[np.bool_] | None, colour: tuple[int, int, int]) -> Thumbnail:
    small = _fit(frame, FRAME_BOX_PX)
    if mask is not None:
        _draw_outline(small, mask, colour)
    # Thin coloured lines turn grey when the chroma is halved.
    return _thumbnail(small, "4:2:0" if mask is None else "4:4:4")


def _fit(picture: npt.NDArray[np.uint8], box_px: tuple[int, int]) -> npt.NDArray[np.uint8]:
    """A copy, scaled down to lie inside ``box_px``; small pictures stay as they are."""
    height, width = picture.shape[:2]
    scale = min(1.0, box_px[0] / width, box_px[1] / height)
    size = (max(1, round(width * scale)), max(1, round(height * scale)))
    return np.array(cv2.resize(picture, size, interpolation=cv2.INTER_AREA), np.uint8)


def _draw_outline(small: npt.NDArray[np.uint8], mask: npt.NDArray[np.bool_], colour: tuple[int, int, int]) -> None:
    """Draw the outline of a full-size mask onto a scaled-down frame, over a dark halo that shows on bright ground."""
    contours, _ = cv2.findContours(mask.astype(np.uint8), cv2.RETR_LIST, cv2.CHAIN_APPROX_NONE)
    scale = np.array([small.shape[1] / mask.shape[1], small.shape[0] / mask.shape[0]])
    # Pixel centres lie half a pixel inside: (x + ½)·scale − ½.
    fixed = [
        np.round((((contour + 0.5) * scale) - 0.5) * (1 << _SUBPIXEL_BITS)).astype(np.int32) for contour in contours
    ]
    for line_colour, thickness_px in ((_HALO, 3), (colour, 2)):
        cv2.polylines(small, fixed, True, line_colour, thickness_px, cv2.LINE_AA, _SUBPIXEL_BITS)


def _thumbnail(pixels: npt.NDArray[np.uint8], sampling: str = "4:2:0") -> Thumbnail:
    file = io.BytesIO()
    colour = {"subsampling": sampling} if pixels.ndim == 3 else {}
    Image.fromarray(pixels).save(file, "JPEG", quality=_JPEG_QUALITY, optimize=True, **colour)
    data = base64.b64encode(file.getvalue()).decode("ascii")
    return Thumbnail(f"data:image/jpeg;base64,{data}", pixels.shape[1], pixels.shape[0])
