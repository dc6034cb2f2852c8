"""A cut-out stands where the old product stood, wholly in view where that is possible."""

from __future__ import annotations

import numpy as np
import pytest

from pvtt_data.engines.cutout import prepare_cutout
from pvtt_data.engines.placement import Style, place
from pvtt_data.errors import InputError

RATIOS = (0.7, 1.4)


def tall() -> np.ndarray:
    """(400, 120, 4) uint8 RGBA: a bottle three times as tall as it is broad."""
    picture = np.zeros((400, 120, 4), np.uint8)
    picture[10:390, 5:115] = (40, 80, 200, 255)
    return picture


def broad_old_product(top: int, bottom: int) -> np.ndarray:
    """(320, 240) bool."""
    mask = np.zeros((320, 240), np.bool_)
    mask[top:bottom, 60:180] = True
    return mask


@pytest.mark.parametrize("style", ["cover", "free"])
@pytest.mark.parametrize("seed", range(6))
def test_a_tall_product_is_not_cut_by_the_frame_where_a_smaller_one_fits(style: Style, seed: int) -> None:
    placement = place(
        prepare_cutout(tall()), broad_old_product(180, 290), np.eye(3)[None], style, RATIOS, np.random.default_rng(seed)
    )
    assert not placement.cut_by_frame
    assert placement.to_keyframe[1, 2] >= 0, "its top is in the frame"


def test_a_product_that_must_be_cut_says_so() -> None:
    placement = place(
        prepare_cutout(tall()), broad_old_product(20, 130), np.eye(3)[None], "cover", RATIOS, np.random.default_rng(0)
    )
    assert placement.cut_by_frame
    assert 0.6 <= placement.inside_frame_min < 0.97


def test_where_nothing_may_stay_uncovered_the_product_is_rather_cut() -> None:
    """What lies behind the old product is unknown, so a slim product has to grow until it hides it."""
    slim = np.zeros((200, 120, 4), np.uint8)
    slim[2:-2, 2:-2] = (40, 80, 200, 255)
    old = broad_old_product(60, 170)
    for seed in range(6):
        shared = (prepare_cutout(slim), old, np.eye(3)[None], "free", RATIOS)
        anywhere = place(*shared, np.random.default_rng(seed))
        strict = place(*shared, np.random.default_rng(seed), max_outside=0.1)
        assert anywhere.outside_share > 0.1
        assert not anywhere.cut_by_frame
        assert strict.outside_share <= 0.1
        assert strict.cut_by_frame


def test_background_that_nobody_has_seen_is_rather_covered() -> None:
    slim = np.zeros((220, 150, 4), np.uint8)
    slim[2:-2, 2:-2] = (40, 80, 200, 255)
    old = broad_old_product(140, 280)
    shared = (prepare_cutout(slim), old, np.eye(3)[None], "free", RATIOS)
    known, unknown = [], []
    for seed in range(12):
        known.append(place(*shared, np.random.default_rng(seed), 1.0, np.zeros_like(old)).outside_share)
        unknown.append(place(*shared, np.random.default_rng(seed), 1.0, old).outside_share)
    assert max(unknown) <= 0.2 < max(known)
    assert min(unknown) >= 0.06, "it is still free"


def test_a_product_that_hides_too_little_is_refused() -> None:
    two = np.zeros((320, 240), np.bool_)
    two[100:200, 20:50] = two[100:200, 190:220] = True
    slim = np.zeros((300, 60, 4), np.uint8)
    slim[2:-2, 2:-2] = (40, 80, 200, 255)
    with pytest.raises(InputError) as caught:
        place(prepare_cutout(slim), two, np.eye(3)[None], "cover", RATIOS, np.random.default_rng(0))
    assert caught.value.reason == "covers-too-little"
