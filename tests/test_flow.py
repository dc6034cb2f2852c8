"""Optical flow: direction, units, and which pixels can be trusted."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from pvtt_data.flow import (
    WORKING_SHORT_SIDE_PX,
    clip_flow,
    compose,
    consistent,
    flow,
    inside_frame,
    resize_flow,
    round_trip_error,
    warp,
    working_luma,
    working_size,
)


def texture(height: int, width: int, seed: int = 0) -> NDArray[np.uint8]:
    noise = np.random.default_rng(seed).integers(0, 256, (height, width, 3), dtype=np.uint8)
    blurred = cv2.GaussianBlur(noise, (0, 0), 4).astype(np.float32)
    return np.clip((blurred - 127.5) * 6 + 127.5, 0, 255).astype(np.uint8)


def constant(height: int, width: int, dx: float, dy: float) -> NDArray[np.float32]:
    return np.broadcast_to(np.array([dx, dy], np.float32), (height, width, 2)).copy()


def test_flow_says_where_each_pixel_went_in_pixels_of_the_frame() -> None:
    large = texture(520, 900)
    first, second = large[20:500, 20:840], large[16:496, 30:850]
    field = flow(first, second)
    assert field.shape == (480, 820, 2) and field.dtype == np.float32
    assert np.median(field[..., 0]) == pytest.approx(-10.0, abs=0.3)
    assert np.median(field[..., 1]) == pytest.approx(4.0, abs=0.3)


def test_clip_flow_has_both_directions_at_the_working_size() -> None:
    large = texture(500, 900)
    frames = np.stack([large[:480, 5 * t : 5 * t + 640] for t in range(3)])
    both = clip_flow(frames)
    assert both.size == (240, 320)
    assert both.forward.shape == both.backward.shape == (2, 240, 320, 2)
    assert np.median(both.forward[..., 0]) == pytest.approx(-2.5, abs=0.2)
    assert np.median(both.backward[..., 0]) == pytest.approx(2.5, abs=0.2)


def test_one_frame_has_no_flow() -> None:
    both = clip_flow(texture(64, 64)[None])
    assert both.forward.shape == both.backward.shape == (0, 64, 64, 2)


def test_flow_is_the_same_on_every_run() -> None:
    frames = np.stack([texture(120, 160, seed) for seed in range(2)])
    assert clip_flow(frames).forward.tobytes() == clip_flow(frames).forward.tobytes()


def test_frames_of_different_shapes_are_refused() -> None:
    with pytest.raises(ValueError, match="different shapes"):
        flow(texture(64, 64), texture(64, 80))


def test_frames_too_small_for_flow_are_refused() -> None:
    with pytest.raises(ValueError, match="too small"):
        flow(texture(8, 64), texture(8, 64))


@given(height=st.integers(1, 4000), width=st.integers(1, 4000))
def test_working_size_keeps_shape_and_never_enlarges(height: int, width: int) -> None:
    small_height, small_width = working_size(height, width)
    assert 1 <= small_height <= height and 1 <= small_width <= width
    assert min(small_height, small_width) == min(height, width, WORKING_SHORT_SIDE_PX)


def test_working_luma_is_grey_at_the_working_size() -> None:
    luma = working_luma(np.full((480, 832, 3), 77, np.uint8))
    assert luma.shape == (240, 416) and luma.dtype == np.uint8
    assert np.all(luma == 77)


def test_warp_fetches_from_where_the_flow_points() -> None:
    image = np.zeros((20, 30), np.float32)
    image[5, 12] = 1.0
    moved = warp(image, constant(20, 30, 2.0, -3.0), outside=0.0)
    assert moved[8, 10] == pytest.approx(1.0) and moved.sum() == pytest.approx(1.0)


def test_warp_beyond_the_border_repeats_it_or_takes_the_given_value() -> None:
    image = np.ones((10, 10), np.float32)
    field = constant(10, 10, 5.0, 0.0)
    assert np.all(warp(image, field) == 1.0)
    assert np.all(warp(image, field, outside=0.0)[:, 6:] == 0.0)


def test_compose_goes_along_one_flow_and_then_the_other() -> None:
    both = compose(constant(12, 12, 1.0, 2.0), constant(12, 12, 0.5, -1.0))
    np.testing.assert_allclose(both, constant(12, 12, 1.5, 1.0))


def test_resized_flow_describes_the_same_motion() -> None:
    np.testing.assert_allclose(resize_flow(constant(10, 20, 1.0, 2.0), 30, 40), constant(30, 40, 2.0, 6.0), atol=1e-5)


def test_pixels_that_leave_the_frame_are_not_inside() -> None:
    inside = inside_frame(constant(10, 10, 3.0, 0.0))
    assert inside[:, :7].all() and not inside[:, 7:].any()


def test_a_round_trip_that_does_not_return_is_inconsistent() -> None:
    there, back = constant(10, 40, 6.0, 0.0), constant(10, 40, -6.0, 0.0)
    assert round_trip_error(there, back).max() == pytest.approx(0.0)
    assert consistent(there, back)[:, :34].all()
    assert not consistent(there, constant(10, 40, -3.0, 0.0)).any()
    assert not consistent(there, back)[:, 35:].any()


def test_background_uncovered_by_an_object_is_inconsistent() -> None:
    still, thing = texture(240, 320, 1), texture(80, 80, 2)
    frames = np.stack([still, still])
    frames[0, 80:160, 100:180] = thing
    frames[1, 80:160, 116:196] = thing
    both = clip_flow(frames)
    seen = consistent(both.backward[0], both.forward[0])
    assert seen[90:150, 130:180].mean() > 0.95
    assert seen[200:, :].mean() > 0.95
    assert seen[90:150, 102:112].mean() < 0.5
