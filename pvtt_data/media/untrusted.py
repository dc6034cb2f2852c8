"""Opening media that nobody vouches for: an allow list of containers and codecs, and a bound on bytes."""

from __future__ import annotations

import contextlib
import io
from collections.abc import Iterator
from pathlib import Path

import av
from av.container import InputContainer

from pvtt_data.errors import InputError
from pvtt_data.limits import Limits

# Demuxers that read one self-contained file. Not in it: everything that names other files or hosts (hls, dash, concat,
# sdp, image2, …), so a playlist that calls itself .mp4 opens nothing.
_CONTAINERS = "mov,mp4,m4a,3gp,3g2,mj2,matroska,webm,avi,mpegts,mpeg,flv,asf"
_MP4_ONLY = "mov,mp4,m4a,3gp,3g2,mj2"

VIDEO_CODECS = frozenset(
    {
        "av1", "libdav1d", "dnxhd", "ffv1", "flv", "h263", "h264", "hevc", "mjpeg", "mpeg1video", "mpeg2video",
        "mpeg4", "msmpeg4", "msmpeg4v1", "msmpeg4v2", "prores", "vc1", "vp8", "vp9", "wmv1", "wmv2", "wmv3",
    }
)  # fmt: skip
"""FFmpeg's names of the video decoders that may run."""

# Sound is never decoded, but FFmpeg looks into it to learn what a file holds.
_AUDIO_CODECS = frozenset({"aac", "ac3", "eac3", "flac", "mp2", "mp2float", "mp3", "mp3float", "opus", "vorbis"})


@contextlib.contextmanager
def open_untrusted(path: Path, limits: Limits) -> Iterator[InputContainer]:
    """A video file, opened so that it can reach nothing but itself.

    Raises:
        InputError: ``missing-file``, ``too-large``, ``forbidden-format`` or ``not-media``.
    """
    if not path.is_file():
        raise InputError("missing-file", f"{path.name} is not a file")
    _check_bytes(path.name, path.stat().st_size, limits)
    # The prefix keeps a name such as "concat:a|b" or "http:x" from being read as a protocol.
    yield from _opened(f"file:{path.absolute()}", path.name, None, "file", _CONTAINERS)


@contextlib.contextmanager
def open_mp4(source: bytes | Path, limits: Limits) -> Iterator[InputContainer]:
    """An MP4 held in memory or in a file, such as a member of a shard.

    Raises:
        InputError: ``missing-file``, ``too-large`` or ``not-media``.
    """
    if isinstance(source, Path):
        if not source.is_file():
            raise InputError("missing-file", f"{source.name} is not a file")
        _check_bytes(source.name, source.stat().st_size, limits)
        source = source.read_bytes()
    _check_bytes("the video", len(source), limits)
    yield from _opened(io.BytesIO(source), "the video", "mp4", "", _MP4_ONLY)


def _opened(
    file: str | io.BytesIO, name: str, container_format: str | None, protocols: str, formats: str
) -> Iterator[InputContainer]:
    options = {
        "protocol_whitelist": protocols,
        "format_whitelist": formats,
        "codec_whitelist": ",".join(sorted(VIDEO_CODECS | _AUDIO_CODECS)),
    }
    try:
        container = av.open(file, "r", format=container_format, options=options)
    except av.ArgumentError as error:
        # FFmpeg answers EINVAL when the format it recognised is not on the allow list.
        raise InputError("forbidden-format", f"{name} is not in an allowed container format") from error
    except (av.FFmpegError, ValueError) as error:
        raise InputError("not-media", f"{name} cannot be opened as a video: {_said(error)}") from error
    with container:
        yield container


def _check_bytes(name: str, size_bytes: int, limits: Limits) -> None:
    if size_bytes > limits.max_bytes:
        raise InputError(
            "too-large",
            f"{name} has {size_bytes} bytes, more than {limits.max_bytes}",
            {"bytes": size_bytes, "max_bytes": limits.max_bytes},
        )


def _said(error: Exception) -> str:
    text = error.strerror if isinstance(error, av.FFmpegError) else str(error)
    return text or type(error).__name__
