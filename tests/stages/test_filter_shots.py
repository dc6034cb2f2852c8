"""Filter: each window that cannot teach goes for one named reason, with its number and the threshold."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from record_samples import GOOD_NUMBERS, shot, source

from pvtt_data.records import Rectangle, Shot
from pvtt_data.stages.filter_shots import FilterConfig, filter_shots

SOURCE = source("mug")


def window(name: str = "w", side_px: int = 720, **numbers: float) -> Shot:
    return shot(name, SOURCE, letterbox=Rectangle(0, 0, 1280, side_px), numbers={**GOOD_NUMBERS, **numbers})


def test_a_good_window_stays_as_it_is() -> None:
    result = filter_shots([window()], FilterConfig())
    assert result.rows == [window()]
    assert result.rejections == []


@pytest.mark.parametrize(
    ("window", "reason", "name", "value", "threshold"),
    [
        (window(side_px=319), "too-small", "side_px", 319, 320),
        (window(fps=7.9), "low-frame-rate", "fps", 7.9, 8),
        (window(luma=27.9), "too-dark", "luma", 27.9, 28),
        (window(luma=242.1), "too-bright", "luma", 242.1, 242),
        (window(contrast=7.9), "blank", "contrast", 7.9, 8),
        (window(sharpness=11.9), "blurred", "sharpness", 11.9, 12),
        (window(motion_px_per_s=0.4), "static", "motion_px_per_s", 0.4, 0.5),
        (window(shake_px_per_s=60.1), "shaky", "shake_px_per_s", 60.1, 60),
    ],
)
def test_a_bad_window_goes_with_its_number(
    window: Shot, reason: str, name: str, value: float, threshold: float
) -> None:
    result = filter_shots([window], FilterConfig())
    assert result.rows == []
    (rejection,) = result.rejections
    assert (rejection.reason, rejection.subject_id, rejection.kind) == (reason, window.shot_id, "shot")
    assert rejection.numbers == {name: value, "threshold": threshold}
    assert f"{value:.4g}" in rejection.message


def test_a_number_at_its_threshold_passes() -> None:
    edge = window(
        side_px=320, fps=8.0, luma=28.0, contrast=8.0, sharpness=12.0, motion_px_per_s=0.5, shake_px_per_s=60.0
    )
    assert filter_shots([edge, window(luma=242.0)], FilterConfig()).rejections == []


def test_thresholds_are_the_recipes() -> None:
    dark = window(luma=20.0)
    assert filter_shots([dark], FilterConfig(min_luma=20)).rows == [dark]


@given(st.lists(st.fixed_dictionaries({name: st.floats(0, 300) for name in GOOD_NUMBERS}), max_size=8))
def test_every_window_is_either_kept_or_rejected_once(numbers: list[dict[str, Any]]) -> None:
    windows = [window(f"w{i}", **row) for i, row in enumerate(numbers)]
    result = filter_shots(windows, FilterConfig())
    kept, dropped = [row.shot_id for row in result.rows], [r.subject_id for r in result.rejections]
    assert sorted(kept + dropped) == sorted(row.shot_id for row in windows)
    assert result.items == len(windows)
