"""Pairs from stills: one photo, one double with another product, one camera path over both."""

from __future__ import annotations

from functools import cache

import cv2
import numpy as np
import pytest

from pvtt_data.engines.base import SwapResult
from pvtt_data.engines.panzoom import NUMBERS, PanzoomConfig, PanzoomEngine, PanzoomRequest
from pvtt_data.errors import InputError
from pvtt_data.triple_quality import triple_quality

SIZE = (96, 160)
BLUE, RED = (30, 60, 200), (200, 40, 30)


def alpha_of(shape: tuple[int, int], centre: tuple[int, int], half: tuple[int, int], ellipse: bool) -> np.ndarray:
    mask = np.zeros(shape, np.uint8)
    if ellipse:
        cv2.ellipse(mask, centre, half, 0, 0, 360, 255, -1, cv2.LINE_AA)
    else:
        low, high = (centre[0] - half[0], centre[1] - half[1]), (centre[0] + half[0], centre[1] + half[1])
        cv2.rectangle(mask, low, high, 255, -1)
    return mask.astype(np.float32) / 255


def photo(background: np.ndarray | None = None, half: tuple[int, int] = (70, 110)) -> tuple[np.ndarray, np.ndarray]:
    """A blue, textured box on a plain ground, and where it is."""
    picture = np.full((500, 400, 3), 236, np.uint8) if background is None else background.copy()
    alpha = alpha_of((500, 400), (200, 280), half, False)
    marks = np.random.default_rng(1).integers(-25, 25, (50, 40, 1))
    marks = cv2.resize(marks.astype(np.float32), (400, 500), interpolation=cv2.INTER_NEAREST)[..., None]
    product = np.clip(np.array(BLUE) + marks, 0, 255)
    return np.rint(product * alpha[..., None] + picture * (1 - alpha[..., None])).astype(np.uint8), alpha


def product_a() -> np.ndarray:
    """A red oval, cut out."""
    alpha = alpha_of((300, 220), (110, 150), (80, 120), True)
    marks = np.random.default_rng(2).integers(-25, 25, (300, 220, 1))
    colour = np.clip(np.array(RED) + marks, 0, 255)
    return np.dstack([colour, np.rint(alpha * 255)]).astype(np.uint8)


def made(seed: int = 3, frames: int = 9, **changes: object) -> SwapResult:
    picture, alpha = photo()
    facts = {"photo": picture, "alpha": alpha, "product": product_a(), "size": SIZE, "frames": frames, "seed": seed}
    return PanzoomEngine().make(PanzoomRequest(**{**facts, **changes}))  # type: ignore[arg-type]


@cache
def usual() -> SwapResult:
    return made()


def test_source_and_target_agree_to_the_pixel_outside_the_effect_mask() -> None:
    result = usual()
    assert result.source.shape == result.target.shape == (9, SIZE[1], SIZE[0], 3)
    differs = (result.source != result.target).any(axis=3)
    assert differs.any()
    assert not (differs & ~result.effect_mask).any()
    assert ((result.source_mask | result.target_mask) <= result.effect_mask).all()


def test_the_target_shows_b_and_the_source_shows_a_and_nothing_of_b() -> None:
    result = usual()
    for index in range(9):
        b = result.target[index][cv2.erode(result.target_mask[index].astype(np.uint8), np.ones((5, 5))).astype(bool)]
        a = result.source[index][cv2.erode(result.source_mask[index].astype(np.uint8), np.ones((5, 5))).astype(bool)]
        assert (b.mean(axis=0) - BLUE < 25).all() and b[:, 2].mean() > b[:, 0].mean() + 80
        assert a[:, 0].mean() > a[:, 2].mean() + 80
        bare = result.target_mask[index] & ~result.effect_mask[index]
        assert not bare.any()
        left = result.target_mask[index] & ~cv2.dilate(
            result.source_mask[index].astype(np.uint8), np.ones((5, 5))
        ).astype(bool)
        if left.any():
            assert np.abs(result.source[index][left].astype(int) - 236).max() < 20, "B is gone where A leaves it bare"


def test_both_products_move_alike_and_really_move() -> None:
    result = usual()
    numbers = triple_quality(
        result.source, result.source_mask, result.target, result.target_mask, result.effect_mask, []
    )
    assert numbers["centroid_agreement"] > 0.9
    assert numbers["background_psnr_db"] == 100.0
    areas = result.target_mask.sum(axis=(1, 2))
    assert areas.max() / areas.min() > 1.08


def test_products_are_whole_in_every_frame() -> None:
    for seed in range(6):
        result = made(seed, frames=5)
        for mask in (*result.source_mask, *result.target_mask):
            assert mask.any()
            assert not (mask[0].any() or mask[-1].any() or mask[:, 0].any() or mask[:, -1].any())


def test_the_mask_is_the_product_as_the_window_shows_it() -> None:
    result = usual()
    for frame, mask in zip(result.target, result.target_mask, strict=True):
        seen = np.abs(frame.astype(int) - 236).max(axis=2) > 60
        assert (seen & mask).sum() / (seen | mask).sum() > 0.97


def test_equal_requests_give_equal_pairs_and_another_seed_another_path() -> None:
    again, other = made(), made(seed=4)
    assert (again.source == usual().source).all() and again.numbers == usual().numbers
    assert not (other.target == usual().target).all()


def test_numbers_are_the_stated_ones() -> None:
    assert tuple(sorted(usual().numbers)) == NUMBERS
    config = PanzoomConfig()
    assert config.min_ratio <= usual().numbers["extent_ratio"] <= config.max_ratio
    assert config.min_zoom <= usual().numbers["zoom"] <= config.max_zoom


def test_a_plain_photo_is_continued_beyond_its_sides_without_a_seam() -> None:
    ramp = np.repeat(np.linspace(200, 240, 500)[:, None], 400, axis=1)
    picture, alpha = photo(np.repeat(ramp[..., None], 3, axis=2).astype(np.uint8))
    tight, near = picture[120:420, 100:300], alpha[120:420, 100:300]
    result = PanzoomEngine(PanzoomConfig(plain=60)).make(PanzoomRequest(tight, near, product_a(), SIZE, 5, 1))
    assert result.numbers["canvas_extended_share"] > 0.1
    free = ~cv2.dilate(result.target_mask[0].astype(np.uint8), np.ones((15, 15))).astype(bool)
    across = np.abs(np.diff(result.target[0].astype(int), axis=1)).max(axis=2)
    assert across[free[:, 1:] & free[:, :-1]].max() <= 6


def noisy(level: float) -> np.ndarray:
    noise = np.random.default_rng(5).normal(0, level, (500, 400, 3))
    return np.clip(cv2.GaussianBlur(noise, (0, 0), 2.0) * 4 + 150, 0, 255).astype(np.uint8)


def test_what_cannot_become_a_pair_is_refused_with_the_reason() -> None:
    tight_photo, tight_alpha = photo(noisy(30))
    cases = {
        "photo-without-product": {"alpha": np.zeros((500, 400), np.float32)},
        "photo-too-tight": {"photo": tight_photo[150:410, 110:290], "alpha": tight_alpha[150:410, 110:290]},
        "photo-too-small": {"size": (960, 1600)},
        "cutout-empty": {"product": np.zeros((300, 220, 4), np.uint8)},
    }
    for reason, changes in cases.items():
        with pytest.raises(InputError) as raised:
            made(**changes)
        assert raised.value.reason == reason


def test_a_busy_background_is_not_made_up() -> None:
    wide = np.tile(noisy(30), (2, 2, 1))
    picture, alpha = photo(wide[:500, :400], half=(40, 60))
    engine = PanzoomEngine(PanzoomConfig(max_zoom=1.1, min_fill=0.6, max_pan=0.0))
    with pytest.raises(InputError) as raised:
        engine.make(PanzoomRequest(picture, alpha, product_a(), SIZE, 5, 1))
    assert raised.value.reason == "photo-background-busy"
