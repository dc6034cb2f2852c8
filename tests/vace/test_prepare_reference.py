"""References keep all of the product, on white, in the clip's shape."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pvtt_data.errors import InputError
from pvtt_data.vace.references import choose_references, prepare_reference

sizes = st.integers(1, 90)


@settings(deadline=None)
@given(sizes, sizes, sizes, sizes, st.floats(0, 0.45))
def test_any_picture_gets_the_clips_shape_and_is_not_cut(
    tall: int, wide: int, height: int, width: int, margin: float
) -> None:
    result = prepare_reference(np.zeros((tall, wide, 3), np.uint8), height, width, margin)
    assert result.shape == (height, width, 3)
    assert result.dtype == np.uint8
    dark = result[..., 0] < 255
    rows, columns = np.flatnonzero(dark.any(axis=1)), np.flatnonzero(dark.any(axis=0))
    scale = min(height * (1 - 2 * margin) / tall, width * (1 - 2 * margin) / wide)
    assert abs(len(rows) - max(1, tall * scale)) <= 1
    assert abs(len(columns) - max(1, wide * scale)) <= 1


def test_what_is_at_the_border_of_a_wide_picture_stays() -> None:
    picture = np.full((100, 400, 3), 255, np.uint8)
    picture[:, :20] = (255, 0, 0)
    picture[:, -20:] = (0, 0, 255)
    result = prepare_reference(picture, 480, 272)
    assert (result == (255, 0, 0)).all(axis=2).any()
    assert (result == (0, 0, 255)).all(axis=2).any()


def test_a_transparent_background_becomes_white_and_the_product_fills_the_frame() -> None:
    picture = np.zeros((200, 200, 4), np.uint8)
    picture[90:110, 80:120] = (10, 120, 10, 255)
    result = prepare_reference(picture, 96, 96, margin=0)
    assert (result[0, 0] == 255).all()
    green = (abs(result.astype(int) - (10, 120, 10)).max(axis=2) <= 2).sum()
    assert abs(green - 96 * 48) <= 96


def test_colours_hidden_by_transparency_do_not_come_through() -> None:
    picture = np.zeros((40, 40, 4), np.uint8)
    picture[..., 0] = 255
    picture[10:30, 10:30] = (0, 0, 255, 255)
    hidden = picture.copy()
    hidden[..., :3][hidden[..., 3] == 0] = (0, 255, 0)
    assert (prepare_reference(picture, 64, 64) == prepare_reference(hidden, 64, 64)).all()
    assert (prepare_reference(picture, 64, 64)[0] == 255).all()


def test_the_margin_is_white() -> None:
    result = prepare_reference(np.zeros((64, 64, 3), np.uint8), 100, 100, margin=0.1)
    assert (result[:10] == 255).all()
    assert (result[:, -10:] == 255).all()
    assert (result[10:90, 10:90] == 0).all()


def test_a_picture_of_nothing_is_refused() -> None:
    with pytest.raises(InputError, match="transparent"):
        prepare_reference(np.zeros((10, 10, 4), np.uint8), 64, 64)
    with pytest.raises(InputError, match="not \\(10, 10\\)"):
        prepare_reference(np.zeros((10, 10), np.uint8), 64, 64)


@given(st.integers(0, 8), st.integers(0, 8), st.floats(0, 1), st.integers(0, 2**63))
def test_chosen_references_exist_and_differ(available: int, wanted: int, dropout: float, seed: int) -> None:
    chosen = choose_references(available, wanted, dropout, seed)
    assert len(set(chosen)) == len(chosen) <= min(available, wanted)
    assert set(chosen) <= set(range(available))
    assert bool(chosen) == bool(min(available, wanted))
    assert chosen == choose_references(available, wanted, dropout, seed)


def test_dropout_leaves_the_first_and_drops_its_share_of_the_others() -> None:
    assert all(len(choose_references(5, 3, 0.0, seed)) == 3 for seed in range(20))
    assert all(len(choose_references(5, 3, 1.0, seed)) == 1 for seed in range(20))
    counts = [len(choose_references(5, 3, 0.5, seed)) for seed in range(600)]
    assert abs(np.mean(counts) - 2) < 0.1
    firsts = [choose_references(5, 3, 0.5, seed)[0] for seed in range(600)]
    assert set(firsts) == set(range(5))
