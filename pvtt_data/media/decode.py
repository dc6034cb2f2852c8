"""Media as a sequence of numbered frames: a video file, or a folder of numbered pictures."""

from __future__ import annotations

import bisect
import dataclasses
import itertools
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from functools import cached_property
from pathlib import Path
from typing import Protocol

import av
from av.container import InputContainer
from av.video.frame import PictureType
from av.video.stream import VideoStream

from pvtt_data.errors import InputError
from pvtt_data.images import read_image
from pvtt_data.limits import DEFAULT_LIMITS, Limits
from pvtt_data.media.deinterlace import whole_frames
from pvtt_data.media.probe import (
    RGB_MATRIX,
    Probe,
    check_frame_size,
    exact_rate,
    main_video_stream,
    probe_container,
)
from pvtt_data.media.timeline import Timeline
from pvtt_data.media.untrusted import open_untrusted

FRAME_SUFFIXES = frozenset({".jpg", ".jpeg", ".png", ".webp"})
"""Pictures that may be frames of a folder."""

# Containers whose packets carry the presentation time of each frame and can be entered at a key frame. In the others
# the frames are counted from the start.
_INDEXED_CONTAINERS = ("mov,", "matroska,")
# VP8 hides reference frames in packets of their own, which have a time stamp but no picture.
_UNINDEXED_CODECS = frozenset({"vp8"})
# AVI stores no presentation times: frames follow each other at the constant rate of the header.
_UNSTAMPED_CONTAINERS = frozenset({"avi"})
_UNREADABLE_PICTURE = frozenset({"broken-image", "not-an-image"})
# H.264 and HEVC reorder at most 16 frames.
_MOST_HELD_FRAMES = 16


@dataclass(frozen=True, slots=True)
class SourceFrame:
    """One decoded frame, deinterlaced, else as coded: neither turned nor stretched, colours untouched."""

    index: int
    """Position in the order of presentation, from 0."""
    time_s: Fraction
    """Seconds after the first frame."""
    corrupt: bool
    """Whether it may be wrong: the decoder concealed damage in it or in a frame that it is predicted from."""
    picture: av.VideoFrame


class Media(Protocol):
    """Anything with frames on a timeline."""

    @property
    def name(self) -> str:
        """What a person knows it by."""
        ...

    @property
    def probe(self) -> Probe:
        """Size, orientation, colour, rate."""
        ...

    @property
    def timeline(self) -> Timeline:
        """Exact times of all frames; made on first use, sometimes by decoding everything."""
        ...

    def frame_names(self) -> list[str]:
        """A name for each frame: that of its picture without the suffix, or else its number."""
        ...

    def frames(self, first_frame: int = 0, last_frame: int | None = None) -> Iterator[SourceFrame]:
        """Frames ``first_frame`` up to, not including, ``last_frame``, in order.

        A frame that cannot be decoded is left out. Where the container tells of it, its index is missing; elsewhere
        the next frame takes its index, and is marked as corrupt unless it is a key frame.

        Raises:
            InputError: ``broken-timestamps``, ``too-long`` or ``decode-error``.
        """
        ...


def open_media(path: Path, limits: Limits = DEFAULT_LIMITS, declared_fps: float | None = None) -> Media:
    """A video file, or a folder of numbered pictures that ``declared_fps`` gives a rate.

    Raises:
        InputError: the path cannot be used; see `VideoFile` and `FrameFolder`.
    """
    if path.is_dir():
        return FrameFolder(path, limits, declared_fps)
    return VideoFile(path, limits)


class VideoFile:
    """A video file; decoded with one thread, opened anew for each pass.

    Raises:
        InputError: see `open_untrusted` and `probe_container`.
    """

    def __init__(self, path: Path, limits: Limits = DEFAULT_LIMITS) -> None:
        self._path = path
        self._limits = limits
        with open_untrusted(path, limits) as container:
            self._probe = probe_container(container, path.name, limits)

    @property
    def name(self) -> str:
        return self._path.name

    @property
    def probe(self) -> Probe:
        return self._probe

    @cached_property
    def timeline(self) -> Timeline:
        if self._index is not None:
            return self._index.timeline
        with open_untrusted(self._path, self._limits) as container:
            stream = main_video_stream(container)
            stamps = [shown.stamp for shown in self._counted(container, stream)]
        return Timeline(stamps, self._tick_s(stream), 1 / self._probe.fps)

    def frame_names(self) -> list[str]:
        return [f"{frame:05d}" for frame in range(len(self.timeline))]

    def frames(self, first_frame: int = 0, last_frame: int | None = None) -> Iterator[SourceFrame]:
        # Deinterlacing looks at one frame before and one after.
        coded = self._coded_frames(max(0, first_frame - 1), None if last_frame is None else last_frame + 1)
        for picture, frame in whole_frames((frame.picture, frame) for frame in coded):
            if last_frame is not None and frame.index >= last_frame:
                return
            if frame.index >= first_frame:
                yield dataclasses.replace(frame, picture=picture)

    def _coded_frames(self, first_frame: int, last_frame: int | None) -> Iterator[SourceFrame]:
        if self._index is not None:
            yield from self._indexed_frames(self._index, first_frame, last_frame)
            return
        with open_untrusted(self._path, self._limits) as container:
            stream = main_video_stream(container)
            tick_s, start = self._tick_s(stream), None
            for index, shown in enumerate(self._counted(container, stream)):
                start = shown.stamp if start is None else start
                if last_frame is not None and index >= last_frame:
                    return
                if index >= first_frame:
                    yield SourceFrame(index, (shown.stamp - start) * tick_s, shown.damaged, shown.picture)

    @cached_property
    def _index(self) -> _Index | None:
        """Stamps and key frames from the packets alone; None where packets do not tell."""
        if self._probe.codec in _UNINDEXED_CODECS or not self._probe.container.startswith(_INDEXED_CONTAINERS):
            return None
        stamps: list[int] = []
        keys: list[int] = []
        with open_untrusted(self._path, self._limits) as container:
            stream = main_video_stream(container)
            if stream.time_base is None:
                return None
            try:
                for packet in container.demux(stream):
                    # An edit list marks packets that are decoded but not shown.
                    if packet.size == 0 or packet.is_discard:
                        continue
                    if packet.pts is None:
                        return None
                    stamps.append(packet.pts)
                    if packet.is_keyframe:
                        keys.append(packet.pts)
                    self._check_count(len(stamps))
            except av.FFmpegError as error:
                raise InputError("decode-error", f"{self.name} cannot be read: {error.strerror}") from error
            tick_s = Fraction(stream.time_base)
        stamps.sort()
        if not stamps or any(a == b for a, b in itertools.pairwise(stamps)):
            return None
        timeline = Timeline(stamps, tick_s, 1 / self._probe.fps)
        self._check_duration(timeline.duration_s)
        return _Index(timeline, sorted(keys))

    def _indexed_frames(self, index: _Index, first_frame: int, last_frame: int | None) -> Iterator[SourceFrame]:
        timeline = index.timeline
        last = len(timeline) if last_frame is None else min(last_frame, len(timeline))
        if first_frame >= last:
            return
        numbers = {stamp: number for number, stamp in enumerate(timeline.stamps[:last])}
        end = timeline.stamps[last - 1]
        previous: int | None = None
        with open_untrusted(self._path, self._limits) as container:
            pictures = self._enter(container, index, first_frame)
            for shown in pictures:
                if previous is not None and shown.stamp <= previous:
                    raise InputError("broken-timestamps", f"the time stamps of {self.name} jump back")
                previous = shown.stamp
                number = numbers.get(shown.stamp)
                if number is not None and number >= first_frame:
                    yield SourceFrame(number, timeline.time_s(number), shown.damaged, shown.picture)
                if shown.stamp >= end:
                    return

    def _enter(self, container: InputContainer, index: _Index, first_frame: int) -> Iterator[_Shown]:
        """Decoded pictures from a key frame on, or from the start if the demuxer lands beyond what is wanted."""
        stream = main_video_stream(container)
        stamps = index.timeline.stamps
        key = index.key_before(stamps[first_frame])
        if first_frame and key is not None:
            container.seek(key, stream=stream)
            pictures = self._stamped(container, stream)
            landed = next(pictures, None)
            if landed is not None and landed.stamp <= stamps[first_frame]:
                yield landed
                yield from pictures
                return
            container.seek(stamps[0], stream=stream)
        yield from self._stamped(container, stream)

    def _stamped(self, container: InputContainer, stream: VideoStream) -> Iterator[_Shown]:
        for picture, damaged in self._decoded(container, stream):
            if picture is not None and picture.pts is not None:
                yield _Shown(picture.pts, picture, damaged)

    def _counted(self, container: InputContainer, stream: VideoStream) -> Iterator[_Shown]:
        """All pictures from the start; a packet that the decoder refuses has no number, but takes its time in AVI."""
        unstamped = self._probe.container in _UNSTAMPED_CONTAINERS
        tick_s = self._tick_s(stream)
        previous: int | None = None
        start = 0
        for number, (picture, damaged) in enumerate(self._decoded(container, stream)):
            self._check_count(number + 1)
            if picture is None:
                continue
            stamp = number if unstamped else picture.pts
            if stamp is None or (previous is not None and stamp <= previous):
                raise InputError("broken-timestamps", f"frame {number} of {self.name} has no time after the last")
            if previous is None:
                start = stamp
            previous = stamp
            self._check_duration((stamp - start) * tick_s)
            yield _Shown(stamp, picture, damaged)

    def _decoded(self, container: InputContainer, stream: VideoStream) -> Iterator[tuple[av.VideoFrame | None, bool]]:
        """Pictures in order of presentation and whether each is damaged; None for a packet that the decoder refuses.

        Decoders mark the picture that was hit, not those predicted from it. Here damage lasts until the next key frame
        and reaches back over the B-frames shown just before it, which are held until it is known.
        """
        damaged = False
        held: list[tuple[av.VideoFrame, bool]] = []
        for picture in self._pictures(container, stream):
            if picture is None or picture.is_corrupt:
                damaged = True
            elif picture.key_frame:
                damaged = False
            if picture is not None and picture.pict_type == PictureType.B and len(held) < _MOST_HELD_FRAMES:
                held.append((picture, damaged))
                continue
            yield from ((b_frame, before or damaged) for b_frame, before in held)
            held.clear()
            yield picture, damaged
        yield from ((b_frame, before or damaged) for b_frame, before in held)

    def _pictures(self, container: InputContainer, stream: VideoStream) -> Iterator[av.VideoFrame | None]:
        try:
            for packet in container.demux(stream):
                try:
                    pictures = packet.decode()
                except av.InvalidDataError:
                    yield None
                    continue
                for picture in pictures:
                    if isinstance(picture, av.VideoFrame):
                        yield picture
        except av.FFmpegError as error:
            raise InputError("decode-error", f"{self.name} cannot be read: {error.strerror}") from error

    def _tick_s(self, stream: VideoStream) -> Fraction:
        if self._probe.container in _UNSTAMPED_CONTAINERS or stream.time_base is None:
            return 1 / self._probe.fps
        return Fraction(stream.time_base)

    def _check_count(self, frames: int) -> None:
        if frames > self._limits.max_frames:
            raise InputError(
                "too-long",
                f"{self.name} has more than {self._limits.max_frames} frames",
                {"max_frames": self._limits.max_frames},
            )

    def _check_duration(self, duration_s: Fraction) -> None:
        if duration_s > self._limits.max_duration_s:
            raise InputError(
                "too-long",
                f"{self.name} lasts longer than {self._limits.max_duration_s:.0f} s",
                {"duration_s": float(duration_s), "max_duration_s": self._limits.max_duration_s},
            )


@dataclass(frozen=True, slots=True)
class _Shown:
    stamp: int
    picture: av.VideoFrame
    damaged: bool


@dataclass(frozen=True, slots=True)
class _Index:
    timeline: Timeline
    keys: Sequence[int]
    """Stamps of key frames, increasing."""

    def key_before(self, stamp: int) -> int | None:
        position = bisect.bisect_right(self.keys, stamp)
        return self.keys[position - 1] if position else None


class FrameFolder:
    """A folder of numbered pictures (JPEG, PNG, WebP) of one size, shown at a constant rate.

    Raises:
        InputError: ``no-frame-rate``, ``no-frames``, ``not-numbered``, ``frames-missing``, ``too-large``, ``too-long``,
            or what `read_image` says about the first picture.
    """

    def __init__(self, folder: Path, limits: Limits = DEFAULT_LIMITS, fps: float | None = None) -> None:
        if fps is None or fps <= 0:
            raise InputError("no-frame-rate", f"the folder of frames {folder.name} does not state a frame rate")
        self._folder = folder
        self._limits = limits
        self._fps = exact_rate(fps)
        self._files = _numbered_files(folder)
        size_bytes = sum(file.stat().st_size for file in self._files)
        if size_bytes > limits.max_bytes:
            raise InputError(
                "too-large",
                f"{folder.name} has {size_bytes} bytes, more than {limits.max_bytes}",
                {"bytes": size_bytes, "max_bytes": limits.max_bytes},
            )
        duration_s = float(len(self._files) / self._fps)
        if len(self._files) > limits.max_frames or duration_s > limits.max_duration_s:
            raise InputError(
                "too-long",
                f"{folder.name} has {len(self._files)} frames",
                {"frames": len(self._files), "duration_s": duration_s},
            )
        height, width, _ = read_image(self._files[0], limits).shape
        check_frame_size(folder.name, width, height, limits)
        self._probe = Probe(
            container="frames",
            codec=self._files[0].suffix.lower().lstrip(".").replace("jpg", "jpeg"),
            pix_fmt="rgb24",
            coded_width_px=width,
            coded_height_px=height,
            display_width_px=width,
            display_height_px=height,
            sample_aspect=Fraction(1),
            orientation="upright",
            transfer="sdr",
            primaries="bt709",
            matrix=RGB_MATRIX,
            full_range=True,
            fps=self._fps,
            duration_s=duration_s,
            size_bytes=size_bytes,
            n_streams=1,
            n_video_streams=1,
        )

    @property
    def name(self) -> str:
        return self._folder.name

    @property
    def probe(self) -> Probe:
        return self._probe

    @cached_property
    def timeline(self) -> Timeline:
        return Timeline(range(len(self._files)), 1 / self._fps, 1 / self._fps)

    def frame_names(self) -> list[str]:
        return [file.stem for file in self._files]

    def frames(self, first_frame: int = 0, last_frame: int | None = None) -> Iterator[SourceFrame]:
        for index, file in list(enumerate(self._files))[first_frame:last_frame]:
            try:
                pixels = read_image(file, self._limits)
            except InputError as error:
                if error.reason in _UNREADABLE_PICTURE:
                    continue
                raise
            picture = av.VideoFrame.from_ndarray(pixels, "rgb24")
            yield SourceFrame(index, index / self._fps, False, picture)


def _numbered_files(folder: Path) -> list[Path]:
    """Pictures by the last number in their names, which must rise in equal steps."""
    numbered: list[tuple[int, Path]] = []
    for file in sorted(folder.iterdir()):
        if file.suffix.lower() not in FRAME_SUFFIXES or file.name.startswith(".") or not file.is_file():
            continue
        digits = re.findall(r"[0-9]+", file.stem)
        if not digits:
            raise InputError("not-numbered", f"{file.name} in {folder.name} has no number")
        numbered.append((int(digits[-1]), file))
    if not numbered:
        raise InputError("no-frames", f"{folder.name} holds no pictures")
    numbered.sort()
    steps = {later[0] - earlier[0] for earlier, later in itertools.pairwise(numbered)}
    if len(steps) > 1 or 0 in steps:
        raise InputError("frames-missing", f"the numbers of the pictures in {folder.name} do not rise in equal steps")
    return [file for _, file in numbered]
