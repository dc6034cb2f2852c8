"""Clips cut straight from a source: right frames, right part of the picture, right size."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import numpy.typing as npt

from pvtt_data.errors import InputError
from pvtt_data.media.decode import Media
from pvtt_data.media.graphs import PictureFilter, Step, crop_display, scale, upright
from pvtt_data.media.probe import exact_rate
from pvtt_data.media.timeline import Timeline
from pvtt_data.records import Rectangle


def clip_frames(
    timeline: Timeline, first_frame: int, last_frame: int, fps: float | Fraction, n_frames: int
) -> list[int]:
    """The source frame on display at each clip time ``k / fps`` after ``first_frame`` appears.

    Raises:
        ValueError: the range is empty or outside the source.
        InputError: ``clip-too-short``: the range ends before ``n_frames`` are shown.
    """
    if not 0 <= first_frame < last_frame <= len(timeline) or n_frames < 1:
        raise ValueError(f"no {n_frames} frames in [{first_frame}, {last_frame}) of {len(timeline)}")
    rate = exact_rate(fps)
    start_s = timeline.time_s(first_frame)
    chosen = [timeline.frame_at(start_s + k / rate) for k in range(n_frames)]
    lasts_s = timeline.time_s(last_frame) - start_s
    if chosen[-1] >= last_frame or (n_frames - 1) / rate >= lasts_s:
        raise InputError(
            "clip-too-short",
            f"frames {first_frame} to {last_frame} last {float(lasts_s):.3f} s, "
            f"too short for {n_frames} frames at {float(rate):g} fps",
            {"duration_s": float(lasts_s), "wanted_s": float(n_frames / rate)},
        )
    return chosen


def read_clip(
    media: Media,
    first_frame: int,
    last_frame: int,
    fps: float | Fraction,
    n_frames: int,
    crop: Rectangle,
    size: tuple[int, int],
) -> npt.NDArray[np.uint8]:
    """Frames of a clip, upright, cropped, scaled (bicubic) and resampled in time without blending.

    Args:
        media: the source.
        first_frame: first frame of the clip, in the source's own frames.
        last_frame: one past the last frame that may be used.
        fps: rate of the clip.
        n_frames: length of the clip.
        crop: what to keep, in display pixels of the source.
        size: (width, height) of the clip in pixels.

    Returns:
        ``(n_frames, height, width, 3)`` uint8 RGB, full range.

    Raises:
        InputError: ``clip-too-short``; ``corrupt-frames`` if a needed frame is missing or damaged; see `Media.frames`.
    """
    chosen = clip_frames(media.timeline, first_frame, last_frame, fps, n_frames)
    width, height = size
    steps = (*upright(media.probe), crop_display(media.probe, crop), scale(width, height, "bicubic"))
    return _read(media, chosen, steps, size)


def read_range(media: Media, first_frame: int, last_frame: int) -> npt.NDArray[np.uint8]:
    """Whole frames of a source at its own rate, upright.

    Returns:
        ``(last_frame - first_frame, H, W, 3)`` uint8 RGB of the size of the display.

    Raises:
        ValueError: the range is empty or outside the source.
        InputError: ``corrupt-frames`` if a frame is missing or damaged; see `Media.frames`.
    """
    if not 0 <= first_frame < last_frame <= len(media.timeline):
        raise ValueError(f"no frames in [{first_frame}, {last_frame}) of {len(media.timeline)}")
    size = (media.probe.display_width_px, media.probe.display_height_px)
    steps = (*upright(media.probe), scale(*size, "bicubic"))
    return _read(media, list(range(first_frame, last_frame)), steps, size)


def _read(media: Media, chosen: list[int], steps: tuple[Step, ...], size: tuple[int, int]) -> npt.NDArray[np.uint8]:
    """The chosen frames, which increase; each source frame is filtered once however often it is shown."""
    convert = PictureFilter(media.probe, steps)
    places: dict[int, list[int]] = {}
    for position, index in enumerate(chosen):
        places.setdefault(index, []).append(position)
    width, height = size
    clip = np.empty((len(chosen), height, width, 3), np.uint8)
    damaged = set(places)
    for frame in media.frames(chosen[0], chosen[-1] + 1):
        if frame.index in places and not frame.corrupt:
            clip[places[frame.index]] = convert(frame.picture)
            damaged.discard(frame.index)
    if damaged:
        raise InputError(
            "corrupt-frames",
            f"{len(damaged)} of frames {chosen[0]} to {chosen[-1]} of {media.name} are damaged",
            {"frames": len(damaged)},
        )
    return clip
