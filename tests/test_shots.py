"""Shots end where people see them end, and windows and bars follow from numbers alone."""

from __future__ import annotations

import dataclasses
import json
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scenedetect.common import FrameTimecode
from scenedetect.detectors import AdaptiveDetector

from pvtt_data.media import Media, clip_frames, open_media
from pvtt_data.media.graphs import pixel_format, probe_filter, scale, to_array
from pvtt_data.records import Rectangle
from pvtt_data.series import Series, measure
from pvtt_data.shots import (
    FrameRange,
    ShotRules,
    ShotSpan,
    detector_cuts,
    find_shots,
    hard_cuts,
    letterbox,
    range_numbers,
    windows,
)

WIDTH, HEIGHT = 640, 360


def made_series(count: int = 120, fps: int = 30, **columns: Any) -> Series:
    """A quiet series without cuts; ``columns`` replace what a test is about."""
    time_s = np.arange(count) / fps
    sampled = np.arange(count) % 2 == 0
    bars = np.where((np.arange(count) % 5 == 0)[:, None], 0, -1).repeat(4, axis=1)
    thumbnail_row = np.arange(0, count, 8)
    grain = np.random.default_rng(0).integers(0, 256, (len(thumbnail_row), 8, 8))
    defaults: dict[str, Any] = {
        "frame": np.arange(count),
        "time_s": time_s,
        "content_score": np.full(count, 1.0),
        "luma_mean": np.full(count, 120.0),
        "luma_std": np.full(count, 50.0),
        "sharpness": np.full(count, 300.0),
        "flow_from": np.where(sampled, np.arange(count) - 2, -1).clip(-1),
        "pan_x_px_per_s": np.where(sampled, 3.0, np.nan),
        "pan_y_px_per_s": np.where(sampled, -4.0, np.nan),
        "motion_px_per_s": np.where(sampled, 6.0, np.nan),
        "residual_px_per_s": np.where(sampled, 1.0, np.nan),
        "bars_px": bars,
        "edges_px": bars,
        "thumbnail_row": thumbnail_row,
        "thumbnails": np.kron(grain, np.ones((8, 8))),
    }
    types = {
        "frame": np.int32,
        "flow_from": np.int32,
        "bars_px": np.int32,
        "edges_px": np.int32,
        "thumbnail_row": np.int32,
        "thumbnails": np.uint8,
        "time_s": np.float64,
        "content_score": np.float64,
    }
    arrays = {
        name: np.asarray(value).astype(types.get(name, np.float32)) for name, value in {**defaults, **columns}.items()
    }
    return Series(WIDTH, HEIGHT, Fraction(fps), count / fps, 0, **arrays)


def changed(length: int, value: float, places: dict[int, float]) -> npt.NDArray[np.float64]:
    numbers = np.full(length, value)
    for place, other in places.items():
        numbers[place] = other
    return numbers


def spans(series: Series) -> list[tuple[int, int, str]]:
    return [(span.first_frame, span.last_frame, span.kind) for span in find_shots(series)]


def test_a_quiet_series_is_one_shot() -> None:
    assert find_shots(made_series()) == [ShotSpan(0, 120, "shot", "start", "end")]


def test_cuts_part_shots_however_short() -> None:
    series = made_series(content_score=changed(120, 1.0, {40: 60.0, 46: 55.0}))
    assert hard_cuts(series) == [40, 46]
    assert [(s.starts_by, s.ends_by) for s in find_shots(series)] == [("start", "cut"), ("cut", "cut"), ("cut", "end")]


def test_what_counts_as_a_cut_can_be_set() -> None:
    series = made_series(content_score=changed(120, 1.0, {40: 14.0}))
    assert hard_cuts(series) == []
    assert hard_cuts(series, ShotRules(min_content_score=10.0)) == [40]


def faded(level: float) -> Series:
    """20 flat frames, 30 frames of fade in, a picture, 30 frames of fade out, 20 flat frames."""
    strength = np.concatenate(
        [np.zeros(20), np.linspace(0.03, 1, 30), np.ones(60), np.linspace(1, 0.03, 30), np.zeros(20)]
    )
    return made_series(160, luma_mean=level + strength * (128 - level), luma_std=60 * strength)


@pytest.mark.parametrize("level", [0.0, 255.0])
def test_fades_are_no_part_of_a_shot(level: float) -> None:
    (first, last, _), *others = [span for span in spans(faded(level)) if span[2] == "shot"]
    assert others == []
    assert 47 <= first <= 50
    assert 110 <= last <= 113
    kinds = [kind for _, _, kind in spans(faded(level))]
    assert kinds == ["flat", "fade", "shot", "fade", "flat"]


def test_false_cuts_inside_a_fade_part_nothing() -> None:
    series = faded(0.0)
    flicker = dataclasses.replace(series, content_score=changed(160, 1.0, {30: 60.0}))
    assert detector_cuts(flicker) == [30]
    assert hard_cuts(flicker) == []
    assert spans(flicker) == spans(series)


@pytest.mark.parametrize("growth", [np.linspace(80, 200, 290), 18 * np.exp(np.linspace(0, 2.4, 240))])
def test_a_slow_change_of_light_after_black_is_no_fade(growth: npt.NDArray[np.float64]) -> None:
    luma = np.concatenate([np.zeros(10), growth])
    series = made_series(len(luma), luma_mean=luma, luma_std=np.where(luma > 0, 50, 0))
    assert spans(series) == [(0, 10, "flat"), (10, len(luma), "shot")]


def test_a_dark_picture_with_contrast_is_not_black() -> None:
    assert spans(made_series(luma_mean=np.full(120, 8.0), luma_std=np.full(120, 20.0))) == [(0, 120, "shot")]


def test_frames_that_could_not_be_decoded_part_shots() -> None:
    frames = np.concatenate([np.arange(50), np.arange(53, 123)])
    series = made_series(frame=frames, time_s=frames / 30)
    assert [(s.first_frame, s.last_frame, s.starts_by, s.ends_by) for s in find_shots(series)] == [
        (0, 50, "start", "gap"),
        (53, 123, "gap", "end"),
    ]
    assert windows(series, find_shots(series)[0], 1.0, 1) == [FrameRange(10, 40)]


def test_one_window_lies_in_the_middle() -> None:
    series = made_series(120)
    assert windows(series, find_shots(series)[0], 2.0, 1) == [FrameRange(30, 90)]


def test_several_windows_are_spread_evenly_and_capped() -> None:
    series = made_series(300)
    assert windows(series, find_shots(series)[0], 2.0, 3) == [
        FrameRange(30, 90),
        FrameRange(120, 180),
        FrameRange(210, 270),
    ]
    assert len(windows(series, find_shots(series)[0], 2.0, 99)) == 5


def test_margins_stay_free_and_short_shots_have_no_window() -> None:
    series = made_series(120)
    span = find_shots(series)[0]
    (window,) = windows(series, span, 3.0, 4, margin_s=0.5)
    assert window == FrameRange(15, 105)
    assert windows(series, span, 3.0, 4, margin_s=0.6) == []
    assert windows(series, span, 4.1, 4) == []
    assert windows(series, span, 4.0, 4) == [FrameRange(0, 120)]


@settings(max_examples=60, deadline=None)
@given(
    gaps_ms=st.lists(st.integers(8, 120), min_size=40, max_size=120),
    duration_s=st.floats(0.2, 2.0),
    max_count=st.integers(1, 6),
)
def test_every_window_holds_a_clip_of_its_duration(gaps_ms: list[int], duration_s: float, max_count: int) -> None:
    stamps = np.concatenate([[0], np.cumsum(gaps_ms)])
    series = made_series(len(stamps), time_s=stamps / 1000)
    found = windows(series, find_shots(series)[0], duration_s, max_count)
    previous = 0
    for first, last in found:
        assert previous <= first < last <= len(stamps)
        end_s = series.time_s[last] if last < len(stamps) else series.time_s[-1] + series.interval_s
        assert end_s - series.time_s[first] >= duration_s - 1e-5
        previous = last
    assert len(found) <= max_count


def barred(bars: tuple[int, int, int, int], straight: bool = True, count: int = 24) -> dict[str, Any]:
    """Columns of a series with bars in every frame; without straight edges the picture begins 60 px further in."""
    rows = np.tile(bars, (count, 1))
    return {"count": count, "bars_px": rows, "edges_px": rows if straight else rows + 60}


def test_bars_are_cut_off_with_a_pixel_to_spare() -> None:
    series = made_series(**barred((44, 44, 0, 0)))
    assert letterbox(series, 0, 24) == Rectangle(0, 45, WIDTH, HEIGHT - 90)
    assert letterbox(made_series(**barred((0, 0, 80, 79))), 0, 24) == Rectangle(81, 0, WIDTH - 161, HEIGHT)


def test_dark_frames_do_not_shrink_the_picture() -> None:
    columns = barred((44, 44, 0, 0))
    columns["bars_px"][:12] = (150, 170, 200, 220)
    columns["edges_px"][:12] = (200, 200, 300, 300)
    columns["bars_px"][20:] = columns["edges_px"][20:] = (HEIGHT, HEIGHT, WIDTH, WIDTH)
    assert letterbox(made_series(**columns), 0, 24) == Rectangle(0, 45, WIDTH, HEIGHT - 90)
    assert letterbox(made_series(**columns), 20, 24) == Rectangle(0, 0, WIDTH, HEIGHT)


def test_a_product_on_black_keeps_its_background() -> None:
    assert letterbox(made_series(**barred((60, 60, 150, 150), straight=False)), 0, 24) == Rectangle(0, 0, WIDTH, HEIGHT)


def test_bars_that_come_and_go_are_picture() -> None:
    columns = barred((44, 44, 0, 0))
    columns["bars_px"][:6] = columns["edges_px"][:6] = 0
    assert letterbox(made_series(**columns), 0, 24) == Rectangle(0, 0, WIDTH, HEIGHT)


def test_motion_across_a_cut_is_no_motion_of_the_shot() -> None:
    motion = np.where(np.arange(120) % 2 == 0, 6.0, np.nan)
    motion[60] = 900.0
    series = made_series(motion_px_per_s=motion, residual_px_per_s=motion)
    numbers = range_numbers(series, 60, 64)
    assert numbers["motion_px_per_s"] == 6.0
    assert numbers["pan_px_per_s"] == 5.0
    assert numbers["luma_mean"] == 120.0
    assert "motion_px_per_s" not in range_numbers(series, 61, 62)


def detected_on_pixels(media: Media) -> list[int]:
    """Cuts of PySceneDetect's own detector, fed with the same small pictures."""
    reduce = probe_filter(media.probe, (scale(256, 144, "bilinear"), pixel_format("bgr24")))
    detector = AdaptiveDetector(min_scene_len=1)
    found = []
    for frame in media.frames():
        timecode = FrameTimecode(frame.index, fps=float(media.probe.fps))
        found += detector.process_frame(timecode, to_array(reduce(frame.picture)))
    return [timecode.frame_num for timecode in found]


@pytest.mark.slow
def test_known_cuts_of_a_film_are_found_to_the_frame(test_data: Path) -> None:
    media = open_media(test_data / "multishot" / "bbb_480p_30s.mp4")
    truth = json.loads((test_data / "multishot" / "cuts.json").read_text())["bbb_480p_30s.mp4"]
    series = measure(media)
    assert detector_cuts(series) == detected_on_pixels(media)
    assert hard_cuts(series) == truth["hard"]
    found = find_shots(series)
    (fade_start, fade_end) = truth["fades"][0]
    first_shot = next(span for span in found if span.kind == "shot")
    assert found[0].first_frame == fade_start
    assert fade_end - 2 <= first_shot.first_frame <= fade_end + 4
    for span in found:
        if span.kind == "shot":
            assert letterbox(series, span.first_frame, span.last_frame) == Rectangle(0, 0, 854, 480)
            for first, last in windows(series, span, 49 / 16, 4):
                assert len(clip_frames(media.timeline, first, last, 16, 49)) == 49
