"""Encoding and decoding of the adverts and masks with PyAV.

Equal frames give equal bytes: one thread, and x264's cpu-independent mode, without which its bytes were seen to
depend on what the process had encoded before.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
from av.video.reformatter import ColorRange, Colorspace, Interpolation
from numpy.typing import NDArray

Frame = NDArray[np.uint8]

_BT709 = 1
_REPEATABLE = {"threads": "1", "x264-params": "cpu-independent=1"}


def encode_advert(frames: Iterable[Frame], path: Path, fps: int, crf: int, preset: str = "slow") -> int:
    """H.264 yuv420p BT.709 limited range of frames (H, W, 3) uint8 RGB, even sizes; returns how many there were."""
    pictures = (
        av.VideoFrame.from_ndarray(frame, format="rgb24").reformat(
            format="yuv420p",
            dst_colorspace=Colorspace.ITU709,
            dst_color_range=ColorRange.MPEG,
            interpolation=Interpolation.AREA,
        )
        for frame in frames
    )
    return _encode(pictures, path, fps, {"crf": str(crf), "preset": preset})


def encode_mask(masks: Iterable[Frame], path: Path, fps: int) -> int:
    """Lossless H.264 of masks (H, W) uint8 0 or 255: luma is the mask, chroma is 128; returns how many there were."""
    return _encode((_grey_picture(mask) for mask in masks), path, fps, {"qp": "0", "preset": "slow"})


def _grey_picture(luma: Frame) -> av.VideoFrame:
    height, width = luma.shape
    chroma = np.full((height // 2, width), 128, np.uint8)
    return av.VideoFrame.from_ndarray(np.concatenate([luma, chroma]), format="yuv420p")


def _encode(pictures: Iterable[av.VideoFrame], path: Path, fps: int, options: dict[str, str]) -> int:
    path.parent.mkdir(parents=True, exist_ok=True)
    count = 0
    with av.open(str(path), "w", options={"movflags": "+faststart", "fflags": "+bitexact"}) as container:
        stream = container.add_stream("libx264", rate=fps, options={**options, **_REPEATABLE})
        stream.pix_fmt = "yuv420p"
        context = stream.codec_context
        context.flags |= av.codec.context.Flags.bitexact
        for index, picture in enumerate(pictures):
            if index == 0:
                stream.width, stream.height = picture.width, picture.height
                context.color_primaries = context.color_trc = context.colorspace = _BT709
                context.color_range = ColorRange.MPEG
            picture.pts = index
            picture.time_base = Fraction(1, fps)
            for packet in stream.encode(picture):
                container.mux(packet)
            count += 1
        for packet in stream.encode():
            container.mux(packet)
    return count


def decode_scaled(path: Path, width_px: int, height_px: int) -> Iterator[Frame]:
    """The frames of a file, scaled, (H, W, 3) uint8 RGB."""
    with av.open(str(path)) as container:
        for picture in container.decode(video=0):
            yield picture.reformat(
                width_px,
                height_px,
                "rgb24",
                src_colorspace=Colorspace.ITU709,
                interpolation=Interpolation.BICUBIC,
            ).to_ndarray()
