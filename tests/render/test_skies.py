"""Skies: painted ones are studios, HDRI files are read within bounds or refused with a reason."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pvtt_data.errors import InputError
from pvtt_data.render.sets.library import build_set
from pvtt_data.render.sets.skies import (
    defocused,
    directions,
    evening_sky,
    load_hdri,
    mean_radiance,
    softbox_sky,
)


def radiance_file(path: Path, light: np.ndarray) -> Path:
    """A flat Radiance file of linear RGB ``(H, W, 3)``."""
    peak = np.maximum(light.max(axis=-1), 1e-9)
    mantissa, exponent = np.frexp(peak)
    scale = np.where(peak > 1e-8, mantissa * 256 / peak, 0)
    data = np.concatenate([light * scale[..., None], np.where(peak > 1e-8, exponent + 128, 0)[..., None]], axis=-1)
    header = f"#?RADIANCE\nFORMAT=32-bit_rle_rgbe\n\n-Y {light.shape[0]} +X {light.shape[1]}\n".encode()
    path.write_bytes(header + np.clip(data, 0, 255).astype(np.uint8).tobytes())
    return path


def a_room(height: int = 4) -> np.ndarray:
    """A sky of one, its right half red."""
    light = np.ones((height, 2 * height, 3))
    light[:, height:, 1:] = 0.5
    return light


def test_a_softbox_sky_has_mean_one_and_lights_behind_the_camera() -> None:
    for seed in range(5):
        sky = softbox_sky(np.random.default_rng(seed))
        assert sky.shape == (256, 512, 3) and sky.dtype == np.float32
        assert mean_radiance(sky) == pytest.approx(1.0, abs=1e-4)
        assert sky.max() < 12, "a softbox is large and not glaring"
        view = directions(256, 512)
        assert mean_radiance(sky, view[..., 1] < 0) > mean_radiance(sky, view[..., 1] > 0)


def test_skies_follow_from_their_numbers() -> None:
    for make in (softbox_sky, lambda rng: evening_sky(rng, 0.3)):
        first, again, other = (make(np.random.default_rng(seed)) for seed in (1, 1, 2))
        assert np.array_equal(first, again) and not np.array_equal(first, other)


def test_warm_skies_are_warm() -> None:
    sky = softbox_sky(np.random.default_rng(0), warmth=0.2)
    assert sky[..., 0].mean() > 1.2 * sky[..., 2].mean()


def test_the_middle_column_looks_ahead_and_the_top_row_up() -> None:
    view = directions(64, 128)
    assert view[32, 64] == pytest.approx([0, 1, 0], abs=0.05)
    assert view[0, 64][2] > 0.99
    assert view[32, 96] == pytest.approx([1, 0, 0], abs=0.05)


def test_defocusing_keeps_the_light_and_has_no_seam() -> None:
    sky = np.zeros((32, 64, 3), np.float32)
    sky[12:20, :4] = sky[12:20, -4:] = 5.0
    soft = defocused(sky, 4.0, 128)
    assert soft.shape == (64, 128, 3)
    assert mean_radiance(soft) == pytest.approx(mean_radiance(sky), rel=0.1)
    assert soft[32, -1, 0] == pytest.approx(soft[32, 0, 0], rel=0.02)


def test_an_hdri_is_read_in_rgb_and_scaled_to_mean_one(tmp_path: Path) -> None:
    sky = load_hdri(radiance_file(tmp_path / "room.hdr", a_room()))
    assert sky.shape == (4, 8, 3)
    assert mean_radiance(sky) == pytest.approx(1.0, abs=1e-4)
    assert sky[0, 7, 0] == pytest.approx(2 * sky[0, 7, 2], rel=0.02), "red comes first"


def test_a_large_hdri_is_made_smaller(tmp_path: Path) -> None:
    sky = load_hdri(radiance_file(tmp_path / "room.hdr", a_room(64)), max_width=32)
    assert sky.shape == (16, 32, 3)


def test_a_sun_is_cut_off_and_keeps_its_hue(tmp_path: Path) -> None:
    light = a_room(32)
    light[5, 9] = (40_000, 20_000, 10_000)
    sky = load_hdri(radiance_file(tmp_path / "sun.hdr", light), peak=10.0)
    assert sky.max() < 11
    brightest = sky[5, 9]
    assert brightest == pytest.approx(brightest[0] * np.array([1, 0.5, 0.25]), rel=0.02)


@pytest.mark.parametrize(
    ("name", "content", "words"),
    [
        ("none.hdr", None, "No such file"),
        ("room.exr", b"v/1\x01", "not supported"),
        ("text.hdr", b"hello", "no Radiance file"),
        ("short.hdr", b"#?RADIANCE\n", "header"),
        ("words.hdr", b"#?RADIANCE\n\n-Y many +X more\n", "size"),
        ("mirrored.hdr", b"#?RADIANCE\n\n+Y 4 +X 8\n", "header"),
        ("huge.hdr", b"#?RADIANCE\n\n-Y 60000 +X 120000\n", "larger than"),
        ("square.hdr", b"#?RADIANCE\n\n-Y 8 +X 8\n" + bytes(256), "twice as wide"),
        ("cut.hdr", b"#?RADIANCE\nFORMAT=32-bit_rle_rgbe\n\n-Y 8 +X 16\n" + bytes(40), "cut short"),
        ("black.hdr", b"#?RADIANCE\nFORMAT=32-bit_rle_rgbe\n\n-Y 4 +X 8\n" + bytes(128), "black"),
    ],
)
def test_what_is_no_usable_hdri_is_refused_with_a_reason(
    tmp_path: Path, name: str, content: bytes | None, words: str
) -> None:
    path = tmp_path / name
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(InputError, match=words) as caught:
        load_hdri(path)
    assert caught.value.reason == "unreadable-hdri"
    assert name in caught.value.message


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(cut=st.integers(0, 400), place=st.integers(0, 399), value=st.integers(0, 255))
def test_a_damaged_hdri_is_refused_or_read_as_light(tmp_path: Path, cut: int, place: int, value: int) -> None:
    path = radiance_file(tmp_path / "room.hdr", a_room(6))
    content = bytearray(path.read_bytes())
    content[place % len(content)] = value
    path.write_bytes(bytes(content[: len(content) - cut % 40]))
    try:
        sky = load_hdri(path)
    except InputError as error:
        assert error.reason == "unreadable-hdri"
    else:
        assert np.isfinite(sky).all() and sky.min() >= 0


def test_real_hdris_become_backdrops(test_data: Path) -> None:
    paths = sorted((test_data / "hdri").glob("*.hdr"))
    if not paths:
        pytest.skip(f"{test_data}/hdri holds no .hdr files")
    for path in paths:
        sky = load_hdri(path)
        assert sky.shape[1] <= 2048 and mean_radiance(sky) == pytest.approx(1.0, abs=1e-3)
        assert sky.max() < 45
    assert any(build_set("lifestyle", seed, paths).open_sky for seed in range(8))
