"""A feed of everything that is found in real feeds and breaks tools: each function makes one file."""

from __future__ import annotations

import os
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path

import av
import cv2
import numpy as np
from made_videos import Picture, shifted_copy, write_video

WIDTH, HEIGHT, FRAMES = 192, 320, 90
"""Three seconds at 30 fps."""

Maker = Callable[[Path], object]


def scene(seed: int, frames: int = FRAMES, width: int = WIDTH, height: int = HEIGHT) -> list[Picture]:
    """``(height, width, 3)`` RGB pictures of a texture that moves steadily; each seed is other footage."""
    rng = np.random.default_rng(seed)
    texture = rng.integers(40, 215, (24, 16, 3), dtype=np.uint8)
    wide = cv2.resize(texture, (width * 2, height * 2), interpolation=cv2.INTER_CUBIC)
    grain = rng.integers(0, 30, wide.shape, dtype=np.uint8)
    wide = cv2.add(wide, grain)
    return [wide[n : n + height, n : n + width].copy() for n in range(frames)]


def whole(path: Path, seed: int) -> Path:
    """A file with nothing wrong."""
    return write_video(path, scene(seed), options={"g": "15"})


def _mp4_bytes(folder: Path, seed: int, faststart: bool = False) -> bytes:
    part = folder / f".part-{seed}.mp4"
    with av.open(str(part), "w", options={"movflags": "faststart"} if faststart else {}) as container:
        stream = container.add_stream("libx264", rate=30, options={"g": "15"})
        stream.width, stream.height, stream.pix_fmt = WIDTH, HEIGHT, "yuv420p"
        for picture in scene(seed):
            container.mux(stream.encode(av.VideoFrame.from_ndarray(picture, "rgb24")))
        container.mux(stream.encode())
    data = part.read_bytes()
    part.unlink()
    return data


def moov_missing(path: Path) -> None:
    """The index is at the end, and the download stopped before."""
    data = _mp4_bytes(path.parent, 101)
    path.write_bytes(data[: data.rindex(b"moov") - 4])


def truncated(path: Path) -> None:
    """The index comes first, and the last pictures are missing."""
    data = _mp4_bytes(path.parent, 102, faststart=True)
    path.write_bytes(data[: len(data) * 9 // 10])


def corrupt_middle(path: Path) -> None:
    """Bytes of a damaged disk between the pictures."""
    data = bytearray(_mp4_bytes(path.parent, 103, faststart=True))
    begin = data.index(b"mdat") + (len(data) - data.index(b"mdat")) // 2
    data[begin : begin + 2000] = np.random.default_rng(1).bytes(2000)
    path.write_bytes(bytes(data))


def no_pictures(path: Path) -> None:
    """The index comes first, and nothing came after it."""
    data = _mp4_bytes(path.parent, 123, faststart=True)
    path.write_bytes(data[: data.index(b"mdat") + 4])


def audio_only(path: Path) -> None:
    """Sound that is called a video."""
    with av.open(str(path), "w") as container:
        _write_silence(container, container.add_stream("aac", rate=44100))


def _write_silence(container: av.container.OutputContainer, stream: av.audio.stream.AudioStream) -> None:
    for number in range(20):
        frame = av.AudioFrame.from_ndarray(np.zeros((1, 1024), np.float32), "fltp", "mono")
        frame.sample_rate, frame.pts = 44100, number * 1024
        container.mux(stream.encode(frame))
    container.mux(stream.encode())


def one_pixel(path: Path) -> None:
    """A tracking pixel as a video."""
    write_video(path, [p[:1, :1] for p in scene(104)], codec="ffv1", pix_fmt="bgr0", conversion="flags=neighbor")


def huge_header(path: Path) -> None:
    """A few bytes that claim a picture of 16000 × 16000."""
    write_video(path, scene(122, 20), codec="mjpeg", pix_fmt="yuvj420p", tags={"color_range": 2})
    data = bytearray(path.read_bytes())
    header = data.index(b"strf") + 8 + 4  # BITMAPINFOHEADER: its size, width, height
    data[header : header + 8] = (16000).to_bytes(4, "little") * 2
    place = data.find(b"\xff\xc0")  # JPEG's frame header: length, precision, height, width
    while place >= 0:
        data[place + 5 : place + 9] = (16000).to_bytes(2, "big") * 2
        place = data.find(b"\xff\xc0", place + 2)
    path.write_bytes(bytes(data))


def one_fps(path: Path) -> None:
    """A slide show."""
    write_video(path, scene(105, 8), rate=1)


def variable_rate(path: Path) -> None:
    """A phone's clip: the time from frame to frame wanders."""
    gaps = np.random.default_rng(2).integers(20, 50, FRAMES)
    write_video(path, scene(106), stamps_ms=[int(t) for t in np.cumsum(gaps)])


def edit_list(path: Path) -> None:
    """A lossless cut, which hides the first frames."""
    uncut = whole(path.with_name(".uncut.mp4"), 107)
    shifted_copy(uncut, path, 10)
    uncut.unlink()


def rotated(path: Path) -> None:
    """A phone held upright: stored lying, shown standing."""
    write_video(path, scene(108, width=HEIGHT, height=WIDTH), matrix=[0, 65536, 0, -65536, 0, 0, 0, 0, 1 << 30])


def odd_size(path: Path) -> None:
    """Sizes that 4:2:0 cannot have."""
    write_video(path, scene(109, width=191, height=319), pix_fmt="yuv444p")


def anamorphic(path: Path) -> None:
    """Pixels that are not square."""
    write_video(path, scene(110, width=144), aspect=Fraction(4, 3))


def interlaced(path: Path) -> None:
    """A camcorder's fields."""
    write_video(path, scene(111), codec="mpeg2video", rate=25, options={"flags": "+ildct+ilme", "b": "4M", "top": "1"})


def ten_bit(path: Path) -> None:
    """Ten bits a channel."""
    write_video(path, scene(112), pix_fmt="yuv420p10le")


def high_dynamic_range(path: Path) -> None:
    """PQ and BT.2020, as recent phones write."""
    tags = {"color_trc": 16, "color_primaries": 9, "colorspace": 9}
    write_video(path, scene(113), pix_fmt="yuv420p10le", tags=tags)


def transparent(path: Path) -> None:
    """A cut-out animation."""
    write_video(path, scene(114, 20), codec="prores_ks", pix_fmt="yuva444p10le")


def full_chroma(path: Path) -> None:
    """4:4:4."""
    write_video(path, scene(115), pix_fmt="yuv444p")


def two_streams(path: Path) -> None:
    """A second video stream, smaller."""
    with av.open(str(path), "w") as container:
        streams = [container.add_stream("libx264", rate=30) for _ in range(2)]
        for stream, divisor in zip(streams, (1, 2), strict=True):
            stream.width, stream.height, stream.pix_fmt = WIDTH // divisor, HEIGHT // divisor, "yuv420p"
        for picture in scene(116):
            for stream, divisor in zip(streams, (1, 2), strict=True):
                small = np.ascontiguousarray(picture[::divisor, ::divisor])
                container.mux(stream.encode(av.VideoFrame.from_ndarray(small, "rgb24")))
        for stream in streams:
            container.mux(stream.encode())


def wrong_duration(path: Path) -> None:
    """A header that claims one millisecond."""
    data = bytearray(_mp4_bytes(path.parent, 117))
    for box, offset in ((b"mvhd", 20), (b"mdhd", 20), (b"tkhd", 24)):
        place = data.index(box) + offset
        data[place : place + 4] = (1).to_bytes(4, "big")
    path.write_bytes(bytes(data))


def jumping_back(path: Path) -> None:
    """Two recordings in one transport stream."""
    part = write_video(path.with_name(".part.ts"), scene(118), options={"bf": "0"})
    path.write_bytes(part.read_bytes() * 2)
    part.unlink()


def size_change(path: Path) -> None:
    """A live stream that went to a smaller size."""
    first, second = path.with_name(".1.ts"), path.with_name(".2.ts")
    write_video(first, scene(119), stamps_ms=[n * 33 for n in range(FRAMES)])
    write_video(second, scene(119, width=96, height=160), stamps_ms=[5000 + n * 33 for n in range(FRAMES)])
    path.write_bytes(first.read_bytes() + second.read_bytes())
    first.unlink()
    second.unlink()


def playlist(path: Path) -> None:
    """A playlist that calls itself a video."""
    path.write_text("#EXTM3U\n#EXT-X-TARGETDURATION:3\n#EXTINF:3,\nfile:///etc/hostname\n#EXT-X-ENDLIST\n")


def file_list(path: Path) -> None:
    """A list of files to join."""
    path.write_text("ffconcat version 1.0\nfile /etc/hostname\n")


def link_loop(path: Path) -> None:
    """A link to itself."""
    path.symlink_to(path.name)


BAD: dict[str, tuple[Maker, str]] = {
    "empty.mp4": (lambda path: path.write_bytes(b""), "empty-file"),
    "text.mp4": (lambda path: path.write_text("no video at all\n" * 50), "not-media"),
    "moov-missing.mp4": (moov_missing, "not-media"),
    "no-pictures.mp4": (no_pictures, "no-frames"),
    "audio-only.mp4": (audio_only, "no-video-stream"),
    "one-pixel.mkv": (one_pixel, "no-long-shot"),
    "one-fps.mp4": (one_fps, "low-frame-rate"),
    "huge-header.avi": (huge_header, "too-many-pixels"),
    "transparent.mov": (transparent, "alpha-unsupported"),
    "jumping-back.ts": (jumping_back, "broken-timestamps"),
    "size-change.ts": (size_change, "size-changes"),
    "playlist.mp4": (playlist, "not-media"),
    "file-list.mp4": (file_list, "forbidden-format"),
    "link-loop.mp4": (link_loop, "link-refused"),
}
"""File → what makes it and the reason for which it is rejected."""

ODD: dict[str, Maker] = {
    "truncated.mp4": truncated,
    "variable-rate.mp4": variable_rate,
    "edit-list.mp4": edit_list,
    "rotated.mp4": rotated,
    "odd-size.mp4": odd_size,
    "anamorphic.mp4": anamorphic,
    "interlaced.ts": interlaced,
    "ten-bit.mp4": ten_bit,
    "high-dynamic-range.mp4": high_dynamic_range,
    "full-chroma.mp4": full_chroma,
    "two-streams.mp4": two_streams,
    "wrong-duration.mp4": wrong_duration,
    "long-name-" + "x" * 230 + ".mp4": lambda path: whole(path, 120),
}
"""File → what makes it; these look odd and give a clip."""


def make_corpus(folder: Path) -> None:
    """Write all of it, and a name that is not UTF-8."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, (make, _) in BAD.items():
        make(folder / name)
    for name, maker in ODD.items():
        maker(folder / name)
    corrupt_middle(folder / "corrupt-middle.mp4")
    whole(folder / "latin.mp4", 121).rename(folder / os.fsdecode(b"caf\xe9.mp4"))
