"""Tiny videos whose frames carry their own numbers, for tests of everything that reads video."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
import numpy.typing as npt

Picture = npt.NDArray[np.uint8]
BLOCK = 16
COLUMNS, ROWS = 4, 2
WIDTH, HEIGHT = BLOCK * COLUMNS, BLOCK * ROWS


def numbered_picture(number: int) -> Picture:
    """``(32, 64, 3)`` RGB: the bits of ``number`` as black and white blocks."""
    bits = np.array([(number >> bit) & 1 for bit in range(COLUMNS * ROWS)], np.uint8).reshape(ROWS, COLUMNS)
    grey = np.kron(40 + 180 * bits, np.ones((BLOCK, BLOCK), np.uint8)).astype(np.uint8)
    return np.repeat(grey[..., None], 3, axis=2)


def number_in(picture: npt.NDArray[Any]) -> int:
    """The number that `numbered_picture` wrote into a picture of any size."""
    grey = picture if picture.ndim == 2 else picture[..., 1]
    height, width = grey.shape
    rows = ((np.arange(ROWS) + 0.5) * height / ROWS).astype(int)
    columns = ((np.arange(COLUMNS) + 0.5) * width / COLUMNS).astype(int)
    return sum(1 << bit for bit, level in enumerate(grey[np.ix_(rows, columns)].ravel()) if level > 128)


def numbered_pictures(count: int) -> list[Picture]:
    """Pictures numbered from 0."""
    return [numbered_picture(number) for number in range(count)]


def write_video(
    path: Path,
    pictures: Iterable[Picture],
    rate: Fraction | int = 30,
    codec: str = "libx264",
    options: dict[str, str] | None = None,
    stamps_ms: Sequence[int] | None = None,
    pix_fmt: str = "yuv420p",
    matrix: Sequence[int] | None = None,
    aspect: Fraction | None = None,
    tags: dict[str, int] | None = None,
    conversion: str = "",
) -> Path:
    """Encode RGB pictures; the container follows from the suffix.

    Args:
        stamps_ms: presentation times, instead of the constant rate.
        matrix: a display matrix.
        aspect: sample aspect ratio.
        tags: colour properties of the stream, such as ``color_trc``.
        conversion: arguments of the scale filter that turns RGB into ``pix_fmt``.
    """
    with av.open(str(path), "w") as container:
        stream = container.add_stream(codec, rate=rate, options=options or {})
        graph = None
        for number, pixels in enumerate(pictures):
            frame = av.VideoFrame.from_ndarray(np.ascontiguousarray(pixels), "rgb24")
            if graph is None:
                stream.height, stream.width = pixels.shape[:2]
                stream.pix_fmt = pix_fmt
                for name, value in (tags or {}).items():
                    setattr(stream.codec_context, name, value)
                if aspect is not None:
                    stream.codec_context.sample_aspect_ratio = aspect
                if matrix is not None:
                    stream.set_display_matrix(matrix)
                if stamps_ms is not None:
                    stream.codec_context.time_base = Fraction(1, 1000)
                graph = _graph(stream.width, stream.height, pix_fmt, conversion)
            graph.vpush(frame)
            encoded = graph.vpull()
            for name, value in (tags or {}).items():
                setattr(encoded, name, value)
            encoded.pts = number if stamps_ms is None else stamps_ms[number]
            encoded.time_base = Fraction(1, 1000) if stamps_ms is not None else Fraction(1) / rate
            container.mux(stream.encode(encoded))
        container.mux(stream.encode())
    return path


def _graph(width: int, height: int, pix_fmt: str, conversion: str) -> Any:
    graph = av.filter.Graph()
    nodes = [
        graph.add("buffer", f"video_size={width}x{height}:pix_fmt=rgb24:time_base=1/1:colorspace=0:range=2"),
        graph.add("scale", conversion or "flags=bicubic"),
        graph.add("format", f"pix_fmts={pix_fmt}"),
        graph.add("buffersink"),
    ]
    graph.link_nodes(*nodes).configure()
    return graph


def shifted_copy(source: Path, path: Path, hidden_frames: int) -> Path:
    """A copy of an MP4 whose edit list hides its first frames, as a lossless cut leaves it."""
    with av.open(str(source)) as reader, av.open(str(path), "w") as writer:
        stream = reader.streams.video[0]
        copy = writer.add_stream_from_template(stream)
        tick = int(1 / (stream.average_rate * stream.time_base)) * hidden_frames
        for packet in reader.demux(stream):
            if packet.size == 0:
                continue
            packet.pts -= tick
            packet.dts -= tick
            packet.stream = copy
            writer.mux(packet)
    return path
