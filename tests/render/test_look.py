"""Light becomes pixels as in a camera: brighter stays brighter, corners darken, grain lies over all."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pvtt_data.render.look import Look, develop, encode_srgb, grain, lens_falloff, print_frame

looks = st.builds(
    Look,
    exposure=st.floats(0.2, 4),
    white_balance=st.tuples(st.floats(0.8, 1.2), st.floats(0.8, 1.2), st.floats(0.8, 1.2)),
    contrast=st.floats(0, 0.5),
    saturation=st.just(1.0),
)
RAMP = np.repeat(np.concatenate([np.linspace(0, 1, 300), np.geomspace(1, 100, 100)])[:, None], 3, axis=1).astype("f4")


def grey(value: float, height: int = 64, width: int = 64) -> np.ndarray:
    return np.full((height, width, 3), value, np.float32)


@settings(deadline=None)
@given(looks)
def test_more_light_never_gives_a_darker_pixel(look: Look) -> None:
    display = develop(RAMP, look)
    assert display.dtype == np.float32
    assert (np.diff(display, axis=0) >= -1e-6).all()
    assert (display[0] == 0).all()
    assert (display[-1] > 0.99).all() and (display <= 1).all()


def test_dark_and_middle_tones_are_left_alone_and_highlights_roll_off() -> None:
    look = Look(contrast=0.0)
    display = develop(RAMP, look)[:, 0]
    calm = RAMP[:, 0] < 0.55
    assert np.allclose(display[calm], encode_srgb(RAMP[calm, 0]), atol=1e-6)
    assert display[RAMP[:, 0] == 1.0].max() < 0.97
    assert np.abs(np.diff(display[:300])[1:]).max() < 0.05, "the knee shows no step"


def test_negative_light_is_black_and_display_values_follow_the_standard() -> None:
    assert (develop(np.full((2, 3), -1, np.float32), Look()) == 0).all()
    assert encode_srgb(np.array([0.0, 0.002, 0.18, 1.0, 7.0])) == pytest.approx([0, 0.02584, 0.46135, 1, 1], abs=1e-4)


def test_white_balance_and_saturation_colour_the_picture() -> None:
    warm = develop(grey(0.3), Look(white_balance=(1.1, 1.0, 0.9)))[0, 0]
    assert warm[0] > warm[1] > warm[2]
    red = np.array([[0.5, 0.1, 0.1]], np.float32)
    pale, strong = (np.ptp(develop(red, Look(saturation=s))) for s in (0.5, 1.3))
    assert np.ptp(develop(red, Look(saturation=0.0))) == pytest.approx(0, abs=1e-6)
    assert 0 < pale < strong


def test_the_corners_lose_what_the_vignette_says_and_the_middle_nothing() -> None:
    falloff = lens_falloff(201, 101, Look(vignette=0.2))
    assert falloff.shape == (201, 101, 1)
    assert falloff[100, 50, 0] == pytest.approx(1.0)
    assert falloff[0, 0, 0] == falloff[-1, -1, 0] == pytest.approx(0.8, abs=0.01)
    assert (lens_falloff(9, 9, Look(vignette=0.0)) == 1).all()


def test_grain_is_the_same_for_a_frame_and_another_for_the_next() -> None:
    look = Look(grain=2.0, grain_seed=4)
    assert (grain(40, 30, look, 3) == grain(40, 30, look, 3)).all()
    one, other = grain(200, 300, look, 3), grain(200, 300, look, 4)
    assert abs(np.corrcoef(one.ravel(), other.ravel())[0, 1]) < 0.05
    assert abs(np.corrcoef(one.ravel(), grain(200, 300, Look(grain=2.0, grain_seed=5), 3).ravel())[0, 1]) < 0.05


def test_grain_is_as_strong_at_middle_grey_as_the_look_says_and_weaker_in_black_and_white() -> None:
    look = Look(grain=2.0)
    noise, flat = grain(256, 256, look, 0), np.ones((256, 256, 1), np.float32)
    spread = {v: float(print_frame(grey(v, 256, 256), flat, noise).std()) for v in (0.08, 0.5, 0.95)}
    assert spread[0.5] == pytest.approx(2.0, rel=0.1)
    assert spread[0.08] < spread[0.5] and spread[0.95] < spread[0.5]


@settings(deadline=None)
@given(st.floats(-0.5, 1.5), st.floats(0, 20))
def test_a_print_holds_bytes_that_do_not_wrap_around(value: float, strength: float) -> None:
    noise = grain(16, 16, Look(grain=strength), 1)
    pixels = print_frame(grey(value, 16, 16), np.ones((16, 16, 1), np.float32), noise)
    assert pixels.dtype == np.uint8 and pixels.shape == (16, 16, 3)
    assert abs(float(pixels.mean()) - 255 * min(max(value, 0), 1)) < 3 * strength + 1


def test_without_grain_and_vignette_a_print_rounds_to_the_nearest_level() -> None:
    display = (np.arange(256, dtype=np.float32) / 255)[None, :, None].repeat(3, axis=2)
    printed = print_frame(display, np.ones((1, 256, 1), np.float32), np.zeros((1, 256, 1), np.float32))
    assert (printed[0, :, 0] == np.arange(256)).all()
