"""Decoding the videos that a dataset stores: small MP4 files, from memory or from disk."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator
from pathlib import Path

import av
import numpy as np
import numpy.typing as npt

from pvtt_data.errors import InputError
from pvtt_data.limits import DEFAULT_LIMITS, Limits
from pvtt_data.media.graphs import FrameFilter, pixel_format, scale, to_array
from pvtt_data.media.probe import BT709_MATRIX, check_frame_size, main_video_stream
from pvtt_data.media.untrusted import open_mp4

Planes = tuple[npt.NDArray[np.uint8], npt.NDArray[np.uint8], npt.NDArray[np.uint8]]

_MASK_THRESHOLD = 127
_FULL_RANGE = 2
_PLANAR_FORMATS = frozenset({"yuv420p", "yuvj420p"})


def decode_video(source: bytes | Path, limits: Limits = DEFAULT_LIMITS) -> npt.NDArray[np.uint8]:
    """All frames of a clip, ``(T, H, W, 3)`` uint8 RGB, full range.

    Raises:
        InputError: ``not-media``, ``too-large``, ``no-frames``, ``decode-error``, ``too-long`` and the like.
    """
    return np.stack(list(_rgb(_pictures(source, limits))))


def decode_video_frames(
    source: bytes | Path, wanted: Collection[int], limits: Limits = DEFAULT_LIMITS
) -> npt.NDArray[np.uint8]:
    """Some frames of a clip, ``(len(wanted), H, W, 3)`` uint8 RGB, ascending; nothing after the last is decoded.

    Raises:
        InputError: as `decode_video`, and ``no-frames`` where the clip is shorter.
    """
    return np.stack(list(_rgb(_chosen(_pictures(source, limits), wanted))))


def decode_mask_frames(
    source: bytes | Path, wanted: Collection[int], limits: Limits = DEFAULT_LIMITS
) -> npt.NDArray[np.bool_]:
    """Some masks of a mask video, ``(len(wanted), H, W)`` bool, ascending: luma above 127.

    Raises:
        InputError: as `decode_video_planes`, and ``no-frames`` where it is shorter.
    """
    stacked = _stack(_chosen(_pictures(source, limits), wanted))
    masks: npt.NDArray[np.bool_] = stacked[:, : stacked.shape[1] * 2 // 3] > _MASK_THRESHOLD
    return masks


def decode_video_planes(source: bytes | Path, limits: Limits = DEFAULT_LIMITS) -> Planes:
    """All frames of a yuv420p clip as stored: Y ``(T, H, W)``, U and V ``(T, H/2, W/2)``, uint8.

    Raises:
        InputError: as `decode_video`, and ``not-yuv420p``.
    """
    stacked = _stacked_planes(source, limits)
    n_frames, rows, width = stacked.shape
    height = rows * 2 // 3
    chroma = stacked[:, height:].reshape(n_frames, 2, height // 2, width // 2)
    return stacked[:, :height], chroma[:, 0], chroma[:, 1]


def decode_masks(source: bytes | Path, limits: Limits = DEFAULT_LIMITS) -> npt.NDArray[np.bool_]:
    """All masks of a mask video, ``(T, H, W)`` bool: luma above 127.

    Raises:
        InputError: as `decode_video_planes`.
    """
    luma, _, _ = decode_video_planes(source, limits)
    masks: npt.NDArray[np.bool_] = luma > _MASK_THRESHOLD
    return masks


def _stacked_planes(source: bytes | Path, limits: Limits) -> npt.NDArray[np.uint8]:
    return _stack(_pictures(source, limits))


def _rgb(pictures: Iterable[av.VideoFrame]) -> Iterator[npt.NDArray[np.uint8]]:
    convert: FrameFilter | None = None
    for picture in pictures:
        if convert is None:
            matrix = int(picture.colorspace)
            convert = FrameFilter(
                picture.width,
                picture.height,
                picture.format.name,
                matrix if matrix in (1, 5, 6) else BT709_MATRIX,
                int(picture.color_range) == _FULL_RANGE,
                (scale(picture.width, picture.height, "bicubic"), pixel_format("rgb24")),
            )
        yield to_array(convert(picture))


def _stack(pictures: Iterable[av.VideoFrame]) -> npt.NDArray[np.uint8]:
    frames = []
    for picture in pictures:
        if picture.format.name not in _PLANAR_FORMATS or picture.width % 2 or picture.height % 2:
            raise InputError(
                "not-yuv420p",
                f"the video is {picture.width}×{picture.height} {picture.format.name}, not yuv420p of even size",
            )
        frames.append(picture.to_ndarray())
    return np.stack(frames).astype(np.uint8, copy=False)


def _chosen(pictures: Iterator[av.VideoFrame], wanted: Collection[int]) -> Iterator[av.VideoFrame]:
    last, number = max(wanted), -1
    for number, picture in enumerate(pictures):
        if number in wanted:
            yield picture
        if number == last:
            return
    raise InputError("no-frames", f"the video has {number + 1} frames, so none with the number {last}")


def _pictures(source: bytes | Path, limits: Limits) -> Iterator[av.VideoFrame]:
    """Frames in order of presentation; any damage is an error."""
    with open_mp4(source, limits) as container:
        stream = main_video_stream(container)
        check_frame_size("the video", stream.codec_context.width, stream.codec_context.height, limits)
        count = 0
        size: tuple[int, int] | None = None
        try:
            for picture in container.decode(stream):
                if picture.is_corrupt:
                    raise InputError("decode-error", f"frame {count} of the video is damaged")
                if size is not None and size != (picture.width, picture.height):
                    raise InputError("size-changes", "the frames of the video differ in size")
                size = (picture.width, picture.height)
                count += 1
                if count > limits.max_frames:
                    raise InputError("too-long", f"the video has more than {limits.max_frames} frames")
                yield picture
        except av.FFmpegError as error:
            raise InputError("decode-error", f"the video cannot be decoded: {error.strerror}") from error
        if count == 0:
            raise InputError("no-frames", "the video holds no frames")
        if count < stream.frames:
            raise InputError("decode-error", f"the video promises {stream.frames} frames and holds {count}")
