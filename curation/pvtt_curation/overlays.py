"""What a mask looks like over its video: outline and tint on the product, everything else dimmed."""

from __future__ import annotations

from collections.abc import Iterator
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
_TINT = 0.25
_DIM = 0.5
_GREY = 0.6
_CRF, _PRESET = 20.0, "veryfast"
_POSTER_BOX_PX = (192, 192)
_POSTER_QUALITY = 72


def write_overlay(video: bytes, mask: bytes, whose: Literal["a", "b"], path: Path) -> None:
    """Write the overlay of a mask track over its video as H.264, yuv420p, at the video's size and rate.

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
    encode_clip(_drawn(frames, masks, _COLOURS[whose]), _rate(video), path, _CRF, _PRESET)


def write_poster(video: bytes, path: Path) -> None:
    """Write the middle frame of a video as a small JPEG.

    Raises:
        InputError: it does not decode.
    """
    frames = decode_video(video)
    picture = Image.fromarray(frames[len(frames) // 2])
    picture.thumbnail(_POSTER_BOX_PX, Image.Resampling.LANCZOS)
    picture.save(path, "JPEG", quality=_POSTER_QUALITY, optimize=True)


def overlay_frame(frame: UInt8, mask: Bool, colour: tuple[int, int, int]) -> UInt8:
    """One frame, ``(H, W, 3)`` uint8 RGB, with the mask's outline and tint, all else dimmed.

    What the mask misses is dull and what it takes too much is bright, so that a wrong edge shows from afar; the video
    itself is shown beside it. The outline grows with the picture, two pixels at 480.
    """
    grey = frame.mean(axis=2, keepdims=True, dtype=np.float32)
    dull = _DIM * (_GREY * grey + (1 - _GREY) * frame)
    tinted = (1 - _TINT) * frame + _TINT * np.asarray(colour, np.float32)
    drawn = np.where(mask[..., None], tinted, dull).round().astype(np.uint8)
    contours, _ = cv2.findContours(mask.astype(np.uint8), cv2.RETR_LIST, cv2.CHAIN_APPROX_NONE)
    thin = max(1, round(min(mask.shape) / 240))
    for line_colour, thickness_px in ((_HALO, thin + 2), (colour, thin)):
        cv2.drawContours(drawn, contours, -1, line_colour, thickness_px, cv2.LINE_AA)
    return drawn


def _drawn(frames: UInt8, masks: Bool, colour: tuple[int, int, int]) -> Iterator[UInt8]:
    for frame, mask in zip(frames, masks, strict=True):
        yield overlay_frame(frame, mask, colour)


def _rate(video: bytes) -> Fraction:
    with open_mp4(video, DEFAULT_LIMITS) as container:
        rate = main_video_stream(container).average_rate
    if rate is None:
        raise DatasetError("the video does not say how many frames a second it has")
    return Fraction(rate)
