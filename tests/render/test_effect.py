"""What a product changes is found, and what only noise changes is not."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from pvtt_data.render.camera import Lens
from pvtt_data.render.effect import SHRINK, difference, effect_weight, probe_lens
from pvtt_data.render.look import Look

LOOK = Look()
SMALL = (60, 40)


def probe(value: float = 0.3) -> np.ndarray:
    return np.full((*SMALL, 3), value, np.float32)


def dimmed(share: float, centre: tuple[int, int] = (20, 40), radius: int = 6, feather: float = 2.0) -> np.ndarray:
    """A probe with a round soft shadow that takes a share of the light."""
    spot = cv2.circle(np.zeros(SMALL, np.float32), centre, radius, 1.0, -1)
    return probe() * (1 - share * cv2.GaussianBlur(spot, (0, 0), feather))[..., None]


def test_equal_probes_differ_nowhere() -> None:
    noisy = np.random.default_rng(1).random((*SMALL, 3), np.float32)
    assert (difference({0: noisy}, {0: noisy}, 0, LOOK) == 0).all()


def test_a_shadow_is_found_in_its_place_and_nowhere_else() -> None:
    clear = difference({0: dimmed(0.3)}, {0: probe()}, 0, LOOK)
    assert clear[40, 20] > 2
    assert clear[5, 5] < 1e-3 and (clear > 1).mean() < 0.25


def test_a_weak_wide_veil_is_found_where_a_weak_small_spot_is_not() -> None:
    veil = difference({0: dimmed(0.06, radius=14, feather=4)}, {0: probe()}, 0, LOOK)
    spot = difference({0: dimmed(0.06, radius=1, feather=0.6)}, {0: probe()}, 0, LOOK)
    assert veil[40, 20] > 1 > spot.max()


def test_a_single_stray_path_is_not_an_effect() -> None:
    stray, patch = probe(), probe()
    stray[30, 20] = 1.2
    patch[27:33, 17:23] = 1.2
    bare = dict.fromkeys(range(5), probe())
    assert difference({**bare, 2: stray}, bare, 2, LOOK).max() < 1
    assert difference({**bare, 2: patch}, bare, 2, LOOK)[30, 20] > 2


def test_what_shows_in_one_frame_alone_counts_less_than_what_stays() -> None:
    shadow, bare = dimmed(0.2), dict.fromkeys(range(9), probe())
    lasting = difference(dict.fromkeys(range(9), shadow), bare, 4, LOOK)
    passing = difference({**bare, 4: shadow}, bare, 4, LOOK)
    assert 0 < passing.max() < 0.6 * lasting.max()
    alone = difference({0: shadow, 8: probe()}, bare, 0, LOOK)
    assert np.allclose(alone, lasting, atol=1e-3), "frames at the ends have fewer neighbours"


def test_probes_cover_the_frame_whatever_its_size() -> None:
    for width, height in ((480, 848), (97, 160), (96, 161)):
        small = probe_lens(Lens(width, height))
        assert 0 <= small.width_px * SHRINK - width < SHRINK
        assert 0 <= small.height_px * SHRINK - height < SHRINK


LENS = Lens(SMALL[1] * SHRINK - 3, SMALL[0] * SHRINK - 2)
NOBODY = np.zeros((LENS.height_px, LENS.width_px), bool)


def test_no_change_and_no_product_weigh_nothing() -> None:
    weight = effect_weight(np.full(SMALL, 0.99, np.float32), LENS, NOBODY)
    assert weight.shape == NOBODY.shape and weight.dtype == np.float32
    assert (weight == 0).all()


def test_a_plain_change_weighs_wholly_and_fades_out_around() -> None:
    clear = np.zeros(SMALL, np.float32)
    clear[25:35, 15:25] = 3.0
    weight = effect_weight(clear, LENS, NOBODY)
    assert (weight[102:138, 62:98] == 1).all()
    assert (weight[:80] == 0).all() and (weight[:, :40] == 0).all()
    assert weight.min() >= 0 and weight.max() <= 1
    row = weight[120, 40:80]
    assert (np.diff(row) >= 0).all() and np.diff(row).max() < 0.3, "no edge shows"
    assert not ((weight > 0) & (weight < 1 / 64)).any()


def test_the_product_itself_takes_part_wholly_with_a_soft_rim_even_where_nothing_seems_to_change() -> None:
    product = NOBODY.copy()
    product[100:140, 60:100] = True
    weight = effect_weight(np.zeros(SMALL, np.float32), LENS, product)
    assert (weight[product] == 1).all()
    assert weight[120, 101] == 1 and 0 < weight[120, 103] < 1
    assert weight[120, 110] == 0


def test_small_faint_islands_are_noise_and_small_plain_ones_are_not() -> None:
    for level, counts in ((1.6, False), (6.0, True)):
        clear = np.zeros(SMALL, np.float32)
        clear[30:32, 20:22] = level
        assert (effect_weight(clear, LENS, NOBODY) > 0).any() == counts


@pytest.mark.parametrize("level", [1.25, 1.5, 1.75])
def test_the_weight_rises_smoothly_between_just_visible_and_plain(level: float) -> None:
    weight = effect_weight(np.full(SMALL, level, np.float32), LENS, NOBODY)
    rise = level - 1
    assert weight == pytest.approx(rise * rise * (3 - 2 * rise), abs=1e-6)
