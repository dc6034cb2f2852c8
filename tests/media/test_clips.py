"""A clip shows what the source showed at each of its times."""

from __future__ import annotations

import itertools
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from made_videos import number_in, numbered_pictures, write_video

from pvtt_data.errors import InputError
from pvtt_data.media import Media, Timeline, clip_frames, open_media, read_clip
from pvtt_data.records import Rectangle

WHOLE = Rectangle(0, 0, 64, 32)


def constant(fps: int, count: int) -> Timeline:
    return Timeline(range(count), Fraction(1, fps), Fraction(1, fps))


def test_the_same_rate_takes_every_frame() -> None:
    assert clip_frames(constant(30, 100), 10, 60, 30, 50) == list(range(10, 60))


def test_a_lower_rate_takes_the_frame_on_display() -> None:
    assert clip_frames(constant(30, 100), 0, 100, 16, 8) == [0, 1, 3, 5, 7, 9, 11, 13]


def test_a_higher_rate_repeats_frames() -> None:
    assert clip_frames(constant(10, 100), 5, 100, 30, 7) == [5, 5, 5, 6, 6, 6, 7]


def test_ntsc_rates_do_not_drift() -> None:
    timeline = Timeline(range(0, 1001 * 3000, 1001), Fraction(1, 30000), Fraction(1001, 30000))
    assert clip_frames(timeline, 0, 3000, 29.97, 3000) == list(range(3000))


@settings(max_examples=30, deadline=None)
@given(fps=st.sampled_from([24, 25, 30, 50, 60]), first=st.integers(0, 500))
def test_time_stamps_rounded_to_milliseconds_lose_no_frame(fps: int, first: int) -> None:
    stamps = [round(1000 * i / fps) for i in range(600)]
    timeline = Timeline(stamps, Fraction(1, 1000), Fraction(1, fps))
    assert clip_frames(timeline, first, 600, fps, 90) == list(range(first, first + 90))


@settings(max_examples=50, deadline=None)
@given(
    gaps=st.lists(st.integers(1, 400), min_size=30, max_size=60),
    fps=st.integers(5, 60),
    tick=st.sampled_from([Fraction(1, 1000), Fraction(1, 90000), Fraction(1, 30)]),
)
def test_each_chosen_frame_is_on_display(gaps: list[int], fps: int, tick: Fraction) -> None:
    timeline = Timeline(list(itertools.accumulate(gaps)), tick, Fraction(1, 25))
    n_frames = max(1, min(100, int(timeline.duration_s * fps)))
    chosen = clip_frames(timeline, 0, len(timeline), fps, n_frames)
    for number, frame in enumerate(chosen):
        assert timeline.time_s(frame) - tick <= Fraction(number, fps) < timeline.time_s(frame + 1)


def test_a_range_that_is_too_short_is_refused() -> None:
    assert clip_frames(constant(30, 60), 0, 60, 30, 60)[-1] == 59
    for last_frame in (59, 60):
        with pytest.raises(InputError) as refused:
            clip_frames(constant(30, 60), 0, last_frame, 30, last_frame + 1)
        assert refused.value.reason == "clip-too-short"
    with pytest.raises(ValueError, match="no 5 frames"):
        clip_frames(constant(30, 60), 20, 61, 30, 5)


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> Media:
    path = tmp_path_factory.mktemp("clips") / "source.mp4"
    return open_media(write_video(path, numbered_pictures(90), options={"g": "20", "qp": "8"}))


def test_a_clip_holds_the_chosen_frames(source: Media) -> None:
    clip = read_clip(source, 20, 80, 16, 25, WHOLE, (64, 32))
    assert clip.shape == (25, 32, 64, 3)
    assert clip.dtype == np.uint8
    assert [number_in(frame) for frame in clip] == clip_frames(source.timeline, 20, 80, 16, 25)


def test_a_clip_may_repeat_frames(source: Media) -> None:
    clip = read_clip(source, 40, 50, 90, 30, WHOLE, (64, 32))
    assert [number_in(frame) for frame in clip] == [40 + k // 3 for k in range(30)]


def test_cropping_takes_the_named_pixels(source: Media) -> None:
    whole = read_clip(source, 87, 88, 30, 1, WHOLE, (64, 32))
    part = read_clip(source, 87, 88, 30, 1, Rectangle(16, 0, 32, 16), (32, 16))
    assert np.abs(part.astype(int)[:, 2:-2, 2:-2] - whole[:, 2:14, 18:46]).max() <= 3


def test_scaling_keeps_the_picture(source: Media) -> None:
    clip = read_clip(source, 60, 90, 30, 10, WHOLE, (96, 80))
    assert clip.shape == (10, 80, 96, 3)
    assert [number_in(frame) for frame in clip] == list(range(60, 70))


def test_a_crop_outside_the_picture_is_an_error(source: Media) -> None:
    with pytest.raises(ValueError, match="not inside"):
        read_clip(source, 0, 30, 30, 5, Rectangle(40, 0, 32, 16), (32, 16))


def test_crops_are_in_display_pixels_of_a_turned_stretched_video(tmp_path: Path) -> None:
    picture = np.zeros((32, 64, 3), np.uint8)
    picture[:, 48:] = 255
    path = write_video(
        tmp_path / "turned.mp4",
        [picture] * 3,
        options={"qp": "4"},
        matrix=[0, 65536, 0, -65536, 0, 0, 0, 0, 1 << 30],
        aspect=Fraction(2),
    )
    media = open_media(path)
    assert (media.probe.display_width_px, media.probe.display_height_px) == (32, 128)
    bright = read_clip(media, 0, 3, 30, 1, Rectangle(0, 100, 32, 28), (32, 28))
    dark = read_clip(media, 0, 3, 30, 1, Rectangle(0, 0, 32, 92), (32, 92))
    assert bright.min() > 235
    assert dark.max() < 20
