"""Frames through libavfilter: upright, cropped, scaled and converted, with the same bytes on every CPU.

Each swscale call carries ``accurate_rnd+bitexact``, without which its SIMD variants round differently.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal

import av
import numpy as np
import numpy.typing as npt
from av.filter import Graph
from av.video.reformatter import ColorRange

from pvtt_data.errors import InputError
from pvtt_data.media.probe import RGB_MATRIX, Orientation, Probe
from pvtt_data.media.tone import ToneMap
from pvtt_data.records import Rectangle

Step = tuple[str, str]
"""A libavfilter filter and its arguments."""

_EXACT = "accurate_rnd+bitexact"
_PLANAR_YUV = ("yuv420p", "yuv422p", "yuv444p", "yuvj420p", "yuvj422p", "yuvj444p")
_LIMITED_TO_FULL = np.clip(np.rint((np.arange(256) - 16) * (255 / 219)), 0, 255).astype(np.uint8)
_UPRIGHT: dict[Orientation, tuple[Step, ...]] = {
    "upright": (),
    "hflip": (("hflip", ""),),
    "vflip": (("vflip", ""),),
    "turn-180": (("hflip", ""), ("vflip", "")),
    "turn-clockwise": (("transpose", "clock"),),
    "turn-anticlockwise": (("transpose", "cclock"),),
    "transpose": (("transpose", "cclock_flip"),),
    "antitranspose": (("transpose", "clock_flip"),),
}


class FrameFilter:
    """A chain of filters for frames of one size, format and colour.

    Args:
        width_px: width of the frames that come.
        height_px: height of the frames that come.
        pix_fmt: FFmpeg's name of their pixel format.
        matrix: their matrix coefficients (ITU-T H.273).
        full_range: whether luma spans 0…255 rather than 16…235.
        steps: filters, in order.
    """

    def __init__(
        self, width_px: int, height_px: int, pix_fmt: str, matrix: int, full_range: bool, steps: Sequence[Step]
    ) -> None:
        self._format = (width_px, height_px, pix_fmt)
        self._matrix = matrix
        self._range = int(ColorRange.JPEG if full_range else ColorRange.MPEG)
        self._graph = Graph()
        self._graph.threads = 1
        source = self._graph.add(
            "buffer",
            f"video_size={width_px}x{height_px}:pix_fmt={pix_fmt}:time_base=1/1:colorspace={matrix}:range={self._range}",
        )
        nodes = [source, *(self._graph.add(name, args) for name, args in steps), self._graph.add("buffersink")]
        self._graph.link_nodes(*nodes).configure()

    def __call__(self, frame: av.VideoFrame) -> av.VideoFrame:
        """The filtered frame.

        Raises:
            InputError: ``size-changes``: the frame differs in size or format from those announced.
        """
        if (frame.width, frame.height, frame.format.name) != self._format:
            width, height, pix_fmt = self._format
            raise InputError(
                "size-changes",
                f"frames change from {width}×{height} {pix_fmt} to "
                f"{frame.width}×{frame.height} {frame.format.name} within the video",
            )
        frame.colorspace = self._matrix
        frame.color_range = self._range
        self._graph.vpush(frame)
        return self._graph.vpull()


class PictureFilter:
    """Upright 8-bit pictures of a medium, BT.709 SDR whatever the medium is.

    Args:
        probe: the medium whose frames come.
        steps: filters on the coded picture: crop and scale.
        channels: order of the colours.
        turn_last: turn the picture upright after the steps; otherwise they contain that.
    """

    def __init__(
        self,
        probe: Probe,
        steps: Sequence[Step],
        channels: Literal["rgb24", "bgr24"] = "rgb24",
        turn_last: bool = False,
    ) -> None:
        self._tone_map = _tone_map(probe)
        self._reversed = channels == "bgr24"
        turns = upright(probe) if turn_last else ()
        coded = channels if self._tone_map is None else "rgb48le"
        self._filter = probe_filter(probe, (*steps, pixel_format(coded), *turns))

    def __call__(self, frame: av.VideoFrame) -> npt.NDArray[np.uint8]:
        """``(H, W, 3)`` uint8, full range.

        Raises:
            InputError: ``size-changes``, as `FrameFilter`.
        """
        picture = self._filter(frame)
        if self._tone_map is None:
            return to_array(picture)
        mapped = self._tone_map.rgb(picture.to_ndarray())
        return np.ascontiguousarray(mapped[..., ::-1]) if self._reversed else mapped


class LumaFilter:
    """Bilinear reduction to upright 8-bit grey of full range.

    Args:
        probe: the medium whose frames come.
        width_px: width of the upright grey picture.
        height_px: its height.
    """

    def __init__(self, probe: Probe, width_px: int, height_px: int) -> None:
        size = (height_px, width_px) if probe.sideways else (width_px, height_px)
        self._tone_map = _tone_map(probe)
        self._table: npt.NDArray[np.uint8] | None = None
        if self._tone_map is not None:
            steps: tuple[Step, ...] = (scale(*size, "bilinear"), pixel_format("rgb48le"), *upright(probe))
            self._filter = probe_filter(probe, steps)
            return
        steps = (scale(*size, "bilinear"), pixel_format("gray"), *upright(probe))
        # Asked for grey, swscale carries the colours along to the end; a plane taken out first costs a fifth. It
        # takes any grey for full range, though, so that limited range has to be stretched here.
        planar = probe.pix_fmt.startswith(_PLANAR_YUV)
        self._filter = probe_filter(probe, (("extractplanes", "y"), *steps) if planar else steps)
        if planar and not probe.full_range:
            self._table = _LIMITED_TO_FULL

    def __call__(self, frame: av.VideoFrame) -> npt.NDArray[np.uint8]:
        """``(height_px, width_px)`` uint8, 0…255.

        Raises:
            InputError: ``size-changes``, as `FrameFilter`.
        """
        picture = self._filter(frame)
        if self._tone_map is not None:
            return self._tone_map.grey(picture.to_ndarray())
        grey = to_array(picture)
        return grey if self._table is None else self._table[grey]


def _tone_map(probe: Probe) -> ToneMap | None:
    """What makes BT.709 SDR of a medium; nothing for one that is."""
    if probe.transfer == "sdr" and probe.primaries == "bt709":
        return None
    return ToneMap(probe.transfer, probe.primaries)


def probe_filter(probe: Probe, steps: Sequence[Step]) -> FrameFilter:
    """Filters for the frames that a medium decodes to."""
    return FrameFilter(
        probe.coded_width_px, probe.coded_height_px, probe.pix_fmt, probe.matrix, probe.full_range, steps
    )


def rgb_filter(width_px: int, height_px: int, steps: Sequence[Step]) -> FrameFilter:
    """Filters for RGB frames."""
    return FrameFilter(width_px, height_px, "rgb24", RGB_MATRIX, True, steps)


def upright(probe: Probe) -> tuple[Step, ...]:
    """Filters that turn a coded picture as it is meant to be seen."""
    return _UPRIGHT[probe.orientation]


def crop_display(probe: Probe, crop: Rectangle) -> Step:
    """Crop of an upright picture whose pixels are still as coded, given in display pixels.

    Raises:
        ValueError: the rectangle is empty or leaves the picture.
    """
    if (
        min(crop.x, crop.y) < 0
        or min(crop.width, crop.height) < 1
        or crop.x + crop.width > probe.display_width_px
        or crop.y + crop.height > probe.display_height_px
    ):
        raise ValueError(f"{crop} is not inside {probe.display_width_px}×{probe.display_height_px}")
    coded = (probe.coded_width_px, probe.coded_height_px)
    upright_width, upright_height = reversed(coded) if probe.sideways else coded
    left, right = (round(x * upright_width / probe.display_width_px) for x in (crop.x, crop.x + crop.width))
    top, bottom = (round(y * upright_height / probe.display_height_px) for y in (crop.y, crop.y + crop.height))
    width, height = max(1, right - left), max(1, bottom - top)
    return ("crop", f"w={width}:h={height}:x={left}:y={top}:exact=1")


def scale(width_px: int, height_px: int, kernel: Literal["bicubic", "bilinear"]) -> Step:
    """Scaling, and conversion to whatever format and range the next step asks for."""
    return ("scale", f"w={width_px}:h={height_px}:flags={kernel}+{_EXACT}+full_chroma_int")


def scale_to_bt709(width_px: int, height_px: int) -> Step:
    """Scaling and conversion to limited-range BT.709 Y'CbCr."""
    name, args = scale(width_px, height_px, "bicubic")
    return (name, f"{args}:out_color_matrix=bt709:out_range=tv")


def pixel_format(name: str) -> Step:
    """Conversion to a pixel format of FFmpeg."""
    return ("format", f"pix_fmts={name}")


def to_array(frame: av.VideoFrame) -> npt.NDArray[np.uint8]:
    """Pixels of a packed 8-bit frame (rgb24, bgr24, gray), ``(H, W, 3)`` or ``(H, W)`` uint8."""
    pixels: Any = frame.to_ndarray()
    return np.ascontiguousarray(pixels, dtype=np.uint8)
