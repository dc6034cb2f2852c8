"""Video as it is stored in datasets: H.264 in MP4, the same bytes for the same pixels on every machine.

libx264 runs with one thread (more give other bytes), ``cpu-independent`` (else AVX2 and SSE2 give other bytes) and a
muxer that writes neither the time nor the library's version.
"""

from __future__ import annotations

import contextlib
import itertools
from collections.abc import Callable, Iterable, Iterator
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import numpy.typing as npt
from av.container import OutputContainer
from av.video.reformatter import ColorPrimaries, ColorRange, Colorspace, ColorTrc

from pvtt_data.errors import BuildError
from pvtt_data.media.graphs import pixel_format, rgb_filter, scale_to_bt709
from pvtt_data.media.members import Planes, decode_masks, decode_video_planes
from pvtt_data.media.probe import exact_rate

_X264_PARAMS = "cpu-independent=1"
_MUXER_OPTIONS = {"movflags": "+faststart", "fflags": "+bitexact"}
_NEUTRAL_CHROMA = 128


def encode_clip(
    frames: Iterable[npt.NDArray[np.uint8]],
    fps: float | Fraction,
    path: Path,
    crf: float = 14.0,
    preset: str = "veryfast",
) -> None:
    """Write a clip as yuv420p, limited range, tagged BT.709.

    Args:
        frames: ``(T, H, W, 3)`` uint8 RGB, or its frames one by one; width and height even.
        fps: rate of the clip.
        path: file to write; removed again if encoding fails.
        crf: x264's constant rate factor.
        preset: x264's preset.

    Raises:
        ValueError: no frames, or frames of another shape or type.
    """
    first, rest = _first_and_all(frames)
    height, width = _even_size(first, colours=True)
    convert = rgb_filter(width, height, (scale_to_bt709(width, height), pixel_format("yuv420p")))

    def picture(pixels: npt.NDArray[np.uint8]) -> av.VideoFrame:
        _check_frame(pixels, first)
        return convert(av.VideoFrame.from_ndarray(np.ascontiguousarray(pixels), "rgb24"))

    options = {"crf": f"{crf:g}", "preset": preset, "x264-params": _X264_PARAMS}
    _encode((picture(pixels) for pixels in rest), (width, height), fps, path, options, ColorRange.MPEG)


def encode_masks(masks: npt.NDArray[np.bool_], fps: float | Fraction, path: Path) -> None:
    """Write masks losslessly: H.264 with qp 0, yuv420p, luma 0 or 255, full range; read back and compared.

    Args:
        masks: ``(T, H, W)`` bool; width and height even.
        fps: rate of the clip.
        path: file to write; removed again if encoding fails.

    Raises:
        ValueError: no masks, or masks of another shape or type.
        BuildError: the file does not decode to the masks.
    """
    if masks.dtype != np.bool_ or masks.ndim != 3 or len(masks) == 0:
        raise ValueError(f"masks must be (T, H, W) bool, got {masks.shape} {masks.dtype}")
    height, width = _even_size(masks[0], colours=False)
    planes = np.full((height * 3 // 2, width), _NEUTRAL_CHROMA, np.uint8)

    def picture(mask: npt.NDArray[np.bool_]) -> av.VideoFrame:
        planes[:height] = np.where(mask, 255, 0)
        return av.VideoFrame.from_ndarray(planes, "yuv420p")

    options = {"qp": "0", "preset": "veryfast", "x264-params": _X264_PARAMS}
    _encode(map(picture, masks), (width, height), fps, path, options, ColorRange.JPEG)
    if not np.array_equal(decode_masks(path), masks):
        path.unlink()
        raise BuildError(f"{path.name} does not decode to the masks that were written")


def clip_planes(frames: Iterable[npt.NDArray[np.uint8]]) -> Planes:
    """What `encode_clip` hands to the encoder: yuv420p, limited range, BT.709.

    Args:
        frames: ``(T, H, W, 3)`` uint8 RGB, or its frames one by one; width and height even.

    Returns:
        Y ``(T, H, W)``, U and V ``(T, H/2, W/2)``, uint8.

    Raises:
        ValueError: as `encode_clip`.
    """
    first, rest = _first_and_all(frames)
    height, width = _even_size(first, colours=True)
    convert = rgb_filter(width, height, (scale_to_bt709(width, height), pixel_format("yuv420p")))
    stacked = []
    for pixels in rest:
        _check_frame(pixels, first)
        stacked.append(convert(av.VideoFrame.from_ndarray(np.ascontiguousarray(pixels), "rgb24")).to_ndarray())
    planes = np.stack(stacked).astype(np.uint8, copy=False)
    chroma = planes[:, height:].reshape(len(planes), 2, height // 2, width // 2)
    return planes[:, :height], chroma[:, 0], chroma[:, 1]


def encode_planes(planes: Planes, fps: float | Fraction, path: Path) -> None:
    """Write the planes of a clip losslessly: H.264 with qp 0, yuv420p, limited range, tagged BT.709; read back and
    compared.

    Args:
        planes: Y ``(T, H, W)``, U and V ``(T, H/2, W/2)``, uint8, as `decode_video_planes` gives them.
        fps: rate of the clip.
        path: file to write; removed again if encoding fails.

    Raises:
        ValueError: no frames, or planes of other shapes or types.
        BuildError: the file does not decode to the planes.
    """
    luma, *chroma = planes
    if luma.ndim != 3 or any(plane.dtype != np.uint8 for plane in planes) or len(luma) == 0:
        raise ValueError(f"planes must be (T, H, W) and twice (T, H/2, W/2) uint8, got {[p.shape for p in planes]}")
    height, width = _even_size(luma[0], colours=False)
    if any(plane.shape != (len(luma), height // 2, width // 2) for plane in chroma):
        raise ValueError(f"planes must be (T, H, W) and twice (T, H/2, W/2) uint8, got {[p.shape for p in planes]}")

    def picture(index: int) -> av.VideoFrame:
        colours = np.concatenate([plane[index].reshape(-1) for plane in chroma]).reshape(height // 2, width)
        return av.VideoFrame.from_ndarray(np.concatenate([luma[index], colours]), "yuv420p")

    options = {"qp": "0", "preset": "veryfast", "x264-params": _X264_PARAMS}
    _encode(map(picture, range(len(luma))), (width, height), fps, path, options, ColorRange.MPEG)
    stored = decode_video_planes(path)
    if not all(np.array_equal(one, other) for one, other in zip(planes, stored, strict=True)):
        path.unlink()
        raise BuildError(f"{path.name} does not decode to the planes that were written")


def _encode(
    pictures: Iterator[av.VideoFrame],
    size: tuple[int, int],
    fps: float | Fraction,
    path: Path,
    options: dict[str, str],
    colour_range: ColorRange,
) -> None:
    rate = exact_rate(fps)
    with contextlib.ExitStack() as undo:
        undo.callback(path.unlink, missing_ok=True)
        with av.open(path, "w", format="mp4", options=_MUXER_OPTIONS) as container:
            stream = container.add_stream("libx264", rate=rate, options={**options, "flags": "+bitexact"})
            stream.width, stream.height = size
            stream.pix_fmt = "yuv420p"
            context = stream.codec_context
            context.thread_count = 1
            context.time_base = 1 / rate
            context.color_range = colour_range
            context.colorspace = Colorspace.ITU709
            context.color_primaries = ColorPrimaries.BT709
            context.color_trc = ColorTrc.BT709
            for number, picture in enumerate(pictures):
                picture.pts, picture.time_base = number, 1 / rate
                picture.color_range, picture.colorspace = int(colour_range), int(Colorspace.ITU709)
                _mux(container, stream.encode, picture)
            _mux(container, stream.encode, None)
        undo.pop_all()


def _mux(
    container: OutputContainer,
    encode: Callable[[av.VideoFrame | None], list[av.Packet]],
    picture: av.VideoFrame | None,
) -> None:
    for packet in encode(picture):
        container.mux(packet)


def _first_and_all(
    frames: Iterable[npt.NDArray[np.uint8]],
) -> tuple[npt.NDArray[np.uint8], Iterator[npt.NDArray[np.uint8]]]:
    iterator = iter(frames)
    first = next(iterator, None)
    if first is None:
        raise ValueError("a clip needs at least one frame")
    return first, itertools.chain((first,), iterator)


def _even_size(first: npt.NDArray[np.generic], colours: bool) -> tuple[int, int]:
    if first.ndim != (3 if colours else 2) or (colours and (first.shape[2] != 3 or first.dtype != np.uint8)):
        raise ValueError(f"frames must be (H, W, 3) uint8 RGB, got {first.shape} {first.dtype}")
    height, width = first.shape[:2]
    if height % 2 or width % 2 or height < 2 or width < 2:
        raise ValueError(f"width and height must be even for 4:2:0 video, got {width}×{height}")
    return height, width


def _check_frame(pixels: npt.NDArray[np.uint8], first: npt.NDArray[np.uint8]) -> None:
    if pixels.shape != first.shape or pixels.dtype != first.dtype:
        raise ValueError(f"frames differ: {first.shape} {first.dtype} at first, then {pixels.shape} {pixels.dtype}")
