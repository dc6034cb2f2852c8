"""What a medium is: sizes, orientation, colour and rate, as its container and its first frame state them."""

from __future__ import annotations

import struct
from dataclasses import dataclass
from fractions import Fraction
from typing import Any, Literal

import av
from av.container import InputContainer
from av.stream import Disposition
from av.video.codeccontext import VideoCodecContext
from av.video.reformatter import ColorRange, ColorTrc
from av.video.stream import VideoStream

from pvtt_data.errors import InputError
from pvtt_data.limits import Limits
from pvtt_data.media.tone import Primaries, Transfer
from pvtt_data.media.untrusted import VIDEO_CODECS

Orientation = Literal[
    "upright", "hflip", "vflip", "turn-180", "turn-clockwise", "turn-anticlockwise", "transpose", "antitranspose"
]

# (a, b, c, d) of the display matrix: the pixel (x, y) is shown at (a·x + c·y, b·x + d·y), y downwards
# (ISO/IEC 14496-12, track header box).
_ORIENTATIONS: dict[tuple[int, int, int, int], Orientation] = {
    (1, 0, 0, 1): "upright",
    (-1, 0, 0, 1): "hflip",
    (1, 0, 0, -1): "vflip",
    (-1, 0, 0, -1): "turn-180",
    (0, 1, -1, 0): "turn-clockwise",
    (0, -1, 1, 0): "turn-anticlockwise",
    (0, 1, 1, 0): "transpose",
    (0, -1, -1, 0): "antitranspose",
}
_SIDEWAYS = frozenset({"turn-clockwise", "turn-anticlockwise", "transpose", "antitranspose"})

# Matrix coefficients of ITU-T H.273 that swscale converts: RGB, BT.709, FCC, BT.470BG, SMPTE 170M, SMPTE 240M, BT.2020.
RGB_MATRIX, BT709_MATRIX, _UNSPECIFIED_MATRIX, _BT601_MATRIX = 0, 1, 2, 6
_KNOWN_MATRICES = frozenset({RGB_MATRIX, BT709_MATRIX, 4, 5, _BT601_MATRIX, 7, 9})
_HDR_TRANSFERS: dict[int, Transfer] = {int(ColorTrc.SMPTE2084): "pq", int(ColorTrc.ARIB_STD_B67): "hlg"}
# Primaries of ITU-T H.273 that are wider than those of BT.709; all others are close to it and taken for it.
_WIDE_PRIMARIES: dict[int, Primaries] = {9: "bt2020", 12: "p3"}
_BT709_PRIMARIES, _BT2020_MATRIX = 1, 9
# Sample entries of Dolby Vision without a base layer that other decoders show right.
_DOLBY_VISION_TAGS = frozenset({"dvh1", "dvhe", "dva1", "dvav", "dav1"})
_HD_HEIGHT_PX = 720
_NTSC_TOLERANCE = 0.005


@dataclass(frozen=True, slots=True)
class Probe:
    """Facts about a medium; pixels of the display are upright and square."""

    container: str
    codec: str
    pix_fmt: str
    coded_width_px: int
    coded_height_px: int
    display_width_px: int
    display_height_px: int
    sample_aspect: Fraction
    """Width of a coded pixel over its height."""
    orientation: Orientation
    """What must be done to the coded picture to show it upright."""
    transfer: Transfer
    """How the signal codes light; ``sdr`` for all but PQ and HLG."""
    primaries: Primaries
    """Those of the coded picture; shown pictures have those of BT.709."""
    matrix: int
    """Matrix coefficients as in ITU-T H.273; decided by the height if the medium does not say."""
    full_range: bool
    fps: Fraction
    """Average rate."""
    duration_s: float
    """As the container claims; 0 if it does not say."""
    size_bytes: int
    n_streams: int
    n_video_streams: int

    @property
    def sideways(self) -> bool:
        """Whether rows of the coded picture are columns of the display."""
        return self.orientation in _SIDEWAYS


def exact_rate(fps: float | Fraction) -> Fraction:
    """A frame rate as a fraction: 29.97 means 30000/1001, other rates mean what they say.

    Raises:
        ValueError: the rate is not positive.
    """
    if fps <= 0:
        raise ValueError(f"a frame rate must be positive, got {fps}")
    if isinstance(fps, Fraction):
        return fps
    nearest = round(fps)
    for whole in (nearest, nearest + 1):
        ntsc = Fraction(whole * 1000, 1001)
        if whole >= 24 and fps != nearest and abs(fps - float(ntsc)) < _NTSC_TOLERANCE:
            return ntsc
    return Fraction(fps).limit_denominator(1001)


def check_frame_size(name: str, width_px: int, height_px: int, limits: Limits) -> None:
    """Refuse pictures without area or with too much of it.

    Raises:
        InputError: ``no-frames`` or ``too-many-pixels``.
    """
    if width_px < 1 or height_px < 1:
        raise InputError("no-frames", f"{name} has no picture size")
    if width_px * height_px > limits.max_pixels:
        raise InputError(
            "too-many-pixels",
            f"{name} has {width_px}×{height_px} pixels, more than {limits.max_pixels}",
            {"pixels": width_px * height_px, "max_pixels": limits.max_pixels},
        )


def main_video_stream(container: InputContainer) -> VideoStream:
    """The first moving picture of a container; cover art is not one. All other streams are discarded.

    Raises:
        InputError: ``no-video-stream`` or ``forbidden-codec``.
    """
    moving = [s for s in container.streams.video if not s.disposition & Disposition.attached_pic]
    if not moving:
        raise InputError("no-video-stream", "the file holds no video stream")
    stream = moving[0]
    if stream.codec_context is None or stream.codec_context.name not in VIDEO_CODECS:
        codec = "unknown" if stream.codec_context is None else stream.codec_context.name
        raise InputError("forbidden-codec", f"the video codec {codec} is not on the allow list")
    stream.codec_context.thread_count = 1
    return stream


def probe_container(container: InputContainer, name: str, limits: Limits) -> Probe:
    """Read the facts, decoding frames up to the first that is whole.

    Raises:
        InputError: ``no-video-stream``, ``forbidden-codec``, ``too-many-pixels``, ``too-long``, ``no-frames``,
            ``no-frame-rate``, ``dolby-vision``, ``alpha-unsupported``, ``unsupported-colour`` or
            ``unsupported-rotation``.
    """
    stream = main_video_stream(container)
    context = stream.codec_context
    check_frame_size(name, context.width, context.height, limits)
    duration_s = _duration_s(container, stream)
    if duration_s > limits.max_duration_s:
        raise InputError(
            "too-long",
            f"{name} lasts {duration_s:.0f} s, more than {limits.max_duration_s:.0f} s",
            {"duration_s": duration_s, "max_duration_s": limits.max_duration_s},
        )
    frame = _first_frame(container, stream, name)
    check_frame_size(name, frame.width, frame.height, limits)
    if context.codec_tag in _DOLBY_VISION_TAGS:
        raise InputError("dolby-vision", f"{name} is Dolby Vision without a picture that other decoders can show")
    if frame.format.name.startswith(("yuva", "rgba", "bgra", "argb", "abgr", "gbra", "ya")) or (
        stream.metadata.get("alpha_mode") == "1"
    ):
        raise InputError("alpha-unsupported", f"{name} is a video with transparency")
    orientation = _orientation(frame)
    aspect = Fraction(stream.sample_aspect_ratio or context.sample_aspect_ratio or 1)
    if not Fraction(1, 8) <= aspect <= 8:
        aspect = Fraction(1)
    width, height = max(1, round(frame.width * aspect)), frame.height
    if orientation in _SIDEWAYS:
        width, height = height, width
    transfer = _HDR_TRANSFERS.get(int(frame.color_trc)) or _HDR_TRANSFERS.get(int(context.color_trc), "sdr")
    matrix, full_range = _colour(frame, height, transfer)
    rate = stream.average_rate or stream.guessed_rate or Fraction(0)
    if rate <= 0:
        raise InputError("no-frame-rate", f"{name} does not state a frame rate")
    return Probe(
        container=container.format.name,
        codec=context.name,
        pix_fmt=frame.format.name,
        coded_width_px=frame.width,
        coded_height_px=frame.height,
        display_width_px=width,
        display_height_px=height,
        sample_aspect=aspect,
        orientation=orientation,
        transfer=transfer,
        primaries=_primaries(frame, context, transfer),
        matrix=matrix,
        full_range=full_range,
        fps=Fraction(rate),
        duration_s=duration_s,
        size_bytes=container.size,
        n_streams=len(container.streams),
        n_video_streams=len(container.streams.video),
    )


def _duration_s(container: InputContainer, stream: VideoStream) -> float:
    if stream.duration and stream.time_base:
        return float(stream.duration * stream.time_base)
    return container.duration / av.time_base if container.duration else 0.0


def _first_frame(container: InputContainer, stream: VideoStream, name: str) -> av.VideoFrame:
    try:
        for packet in container.demux(stream):
            try:
                frames = packet.decode()
            except av.InvalidDataError:
                continue
            for frame in frames:
                if isinstance(frame, av.VideoFrame):
                    return frame
    except av.FFmpegError as error:
        raise InputError("decode-error", f"{name} cannot be read: {error.strerror}") from error
    raise InputError("no-frames", f"no frame of {name} can be decoded")


def _orientation(frame: av.VideoFrame) -> Orientation:
    data: Any = frame.side_data.get("DISPLAYMATRIX")
    if data is None:
        return "upright"
    a, b, _u, c, d, _v, _x, _y, _w = struct.unpack("<9i", bytes(data))
    scale = max(abs(a), abs(b), abs(c), abs(d), 1)
    turn = tuple(round(v / scale) for v in (a, b, c, d))
    orientation = _ORIENTATIONS.get((turn[0], turn[1], turn[2], turn[3]))
    slant = max(abs(v / scale - round(v / scale)) for v in (a, b, c, d))
    if orientation is None or slant > 0.01:
        raise InputError("unsupported-rotation", "the video is turned by an angle other than 90, 180 or 270 degrees")
    return orientation


def _primaries(frame: av.VideoFrame, context: VideoCodecContext, transfer: Transfer) -> Primaries:
    """What the frame or the container states; BT.2020 for HDR that states nothing."""
    stated = {int(frame.color_primaries), int(context.color_primaries)}
    for code, primaries in _WIDE_PRIMARIES.items():
        if code in stated:
            return primaries
    return "bt709" if transfer == "sdr" or _BT709_PRIMARIES in stated else "bt2020"


def _colour(frame: av.VideoFrame, display_height_px: int, transfer: Transfer) -> tuple[int, bool]:
    """Matrix coefficients and range.

    Where nothing is stated: BT.2020 for HDR, else BT.709 from 720 lines upwards and BT.601 below.
    """
    if frame.format.is_rgb or "pal" in frame.format.name:
        return RGB_MATRIX, True
    matrix = int(frame.colorspace)
    if matrix in (_UNSPECIFIED_MATRIX, RGB_MATRIX):
        matrix = BT709_MATRIX if display_height_px >= _HD_HEIGHT_PX else _BT601_MATRIX
        matrix = matrix if transfer == "sdr" else _BT2020_MATRIX
    if matrix not in _KNOWN_MATRICES:
        raise InputError("unsupported-colour", f"colour matrix {matrix} of ITU-T H.273 is not supported")
    full_range = int(frame.color_range) == ColorRange.JPEG or frame.format.name.startswith("yuvj")
    return matrix, full_range
