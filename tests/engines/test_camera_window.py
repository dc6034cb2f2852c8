"""A window over a still: where it goes, and that what it shows is smooth and true to fractions of a pixel."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pvtt_data.engines.camera_window import EASES, draw_path, through_window

SUBJECT = (300.0, 250.0, 500.0, 650.0)


@given(st.integers(0, 2**32), st.floats(0, 0.4), st.floats(1.0, 1.8))
@settings(max_examples=60, deadline=None)
def test_the_subject_stays_in_view_and_the_window_keeps_its_shape(seed: int, max_pan: float, most: float) -> None:
    path = draw_path(SUBJECT, (300.0, 530.0), 49, (1.0, most), max_pan, np.random.default_rng(seed))
    left, top, right, bottom = path.boxes.T
    assert (left <= SUBJECT[0]).all() and (top <= SUBJECT[1]).all()
    assert (right >= SUBJECT[2]).all() and (bottom >= SUBJECT[3]).all()
    assert np.allclose((right - left) / (bottom - top), 300 / 530)
    widths = right - left
    assert widths.min() == pytest.approx(300) and widths.max() == pytest.approx(300 * path.zoom)
    steps = np.diff(widths)
    assert (steps >= -1e-9).all() or (steps <= 1e-9).all()


def test_equal_seeds_draw_equal_paths_and_others_another() -> None:
    paths = [
        draw_path(SUBJECT, (300.0, 530.0), 17, (1.1, 1.4), 0.1, np.random.default_rng(seed)).boxes for seed in (1, 1, 2)
    ]
    assert (paths[0] == paths[1]).all()
    assert not np.allclose(paths[0], paths[2])


@pytest.mark.parametrize("ease", EASES)
def test_a_move_goes_from_its_beginning_to_its_end_and_never_back(ease: str) -> None:
    places = [EASES[ease](t) for t in np.linspace(0, 1, 30)]  # type: ignore[index]
    assert places[0] == 0 and places[-1] == 1
    assert places == sorted(places)


def test_a_window_that_moves_by_a_part_of_a_pixel_shows_that_part() -> None:
    """The centre of a soft dot goes along with the window, within a twentieth of a pixel: bytes are rounded."""
    y, x = np.mgrid[:200, :200]
    dot = np.rint(250 * np.exp(-((x - 100.3) ** 2 + (y - 99.6) ** 2) / (2 * 12.0**2))).astype(np.uint8)
    for shift in (0.0, 0.1, 0.35, 0.5, 0.93):
        shown = through_window(dot, (20.0 + shift, 20.0, 180.0 + shift, 180.0), (160, 160)).astype(np.float64)
        centre = (shown * np.arange(160)).sum() / shown.sum()
        assert centre == pytest.approx(100.3 - 20.0 - shift, abs=0.05)


def test_fine_stripes_become_grey_and_do_not_flicker_when_they_are_shrunk() -> None:
    stripes = np.zeros((300, 300), np.uint8)
    stripes[:, ::2] = 255
    for shift in (0.0, 0.4, 0.8):
        shown = through_window(stripes, (10.0 + shift, 10.0, 250.0 + shift, 250.0), (80, 80))[5:-5, 5:-5]
        assert np.abs(shown.astype(int) - 127).max() <= 12
    aliased = cv2.resize(stripes[10:250, 10:250], (80, 80), interpolation=cv2.INTER_NEAREST)
    assert aliased.std() > 50, "a resampling without a filter would"
