"""Interlaced video comes out whole, frame for frame; progressive video is not touched."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import numpy.typing as npt
import pytest

from pvtt_data.media import open_media, read_range

WIDTH, HEIGHT, STEP = 128, 64, 8


def bar(place: int) -> npt.NDArray[np.uint8]:
    """A white bar on black."""
    picture = np.full((HEIGHT, WIDTH), 40, np.uint8)
    picture[:, place : place + 24] = 200
    return picture


def write_interlaced(path: Path, count: int) -> Path:
    """A bar that moves 4 px a field, top field first."""
    with av.open(str(path), "w") as container:
        options = {"x264-params": "tff=1", "g": "6", "qp": "4"}
        stream = container.add_stream("libx264", rate=Fraction(25), options=options)
        stream.width, stream.height, stream.pix_fmt = WIDTH, HEIGHT, "yuv420p"
        stream.codec_context.flags |= av.codec.context.Flags.interlaced_dct
        for number in range(count):
            whole = bar(number * STEP % 96)
            later = bar((number * STEP + STEP // 2) % 96)
            whole[1::2] = later[1::2]
            planes = np.concatenate([whole, np.full((HEIGHT // 2, WIDTH), 128, np.uint8)])
            frame = av.VideoFrame.from_ndarray(planes, "yuv420p")
            frame.pts, frame.time_base = number, Fraction(1, 25)
            container.mux(stream.encode(frame))
        container.mux(stream.encode())
    return path


def combing(frames: npt.NDArray[np.uint8]) -> list[float]:
    """How much lines differ from both neighbours in the same direction."""
    grey = frames[..., 1].astype(int)
    above, line, below = grey[:, :-2], grey[:, 1:-1], grey[:, 2:]
    comb = np.minimum(np.abs(line - above), np.abs(line - below)) * (np.sign(line - above) == np.sign(line - below))
    return list(comb.mean(axis=(1, 2)))


@pytest.mark.parametrize("name", ["interlaced.mp4", "interlaced.ts", "interlaced.mkv"])
def test_combs_are_gone_and_the_times_are_the_same(tmp_path: Path, name: str) -> None:
    media = open_media(write_interlaced(tmp_path / name, 20))
    assert all(not frame.picture.interlaced_frame for frame in media.frames())
    frames = read_range(media, 0, 20)
    assert len(media.timeline) == 20
    assert media.timeline.duration_s == Fraction(20, 25)
    assert max(combing(frames)) < 1.5
    for number, frame in enumerate(frames):
        bright = np.flatnonzero(frame[HEIGHT // 2, :, 1] > 120)
        assert abs(int(bright[0]) - number * STEP % 96) <= STEP // 2


def test_any_range_gives_the_same_pixels(tmp_path: Path) -> None:
    media = open_media(write_interlaced(tmp_path / "interlaced.mp4", 20))
    whole = read_range(media, 0, 20)
    for first, last in ((0, 1), (6, 7), (5, 13), (12, 20), (19, 20)):
        assert np.array_equal(read_range(media, first, last), whole[first:last])
