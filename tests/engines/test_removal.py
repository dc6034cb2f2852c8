"""With the product goes its shadow; the ground under it stays what it is."""

from __future__ import annotations

import cv2
import numpy as np
from moving_scenes import texture

from pvtt_data.engines.removal import plan_removal
from pvtt_data.engines.shadow import find_shadow, grow, light_left
from pvtt_data.tracking import Track

SIZE = (240, 320)
GROUND = texture(*SIZE, 3, (170, 140, 110), 30.0)
PRODUCT = np.zeros(SIZE, np.bool_)
PRODUCT[60:160, 120:190] = True


def _clip(light: np.ndarray, count: int = 5) -> tuple[np.ndarray, np.ndarray, Track]:
    """A still product in a light ``(H, W)``, its masks and its track."""
    frame = np.rint(GROUND * light[:, :, None]).astype(np.uint8)
    frame[PRODUCT] = (40, 160, 70)
    nothing = np.zeros(count)
    track = Track(2, "similarity", np.tile(np.eye(3), (count, 1, 1)), nothing + 1, nothing.astype(int), nothing, 1, 0.0)
    return np.stack([frame] * count), np.stack([PRODUCT] * count), track


def _shadow(darkness: float) -> np.ndarray:
    """``(H, W)``: light, darker in a soft patch at the product's foot."""
    dark = np.zeros(SIZE, np.float32)
    cv2.ellipse(dark, (185, 160), (55, 16), 0, 0, 360, 1.0, -1)
    return 1.0 - darkness * cv2.GaussianBlur(dark, (0, 0), 3.0)


def test_a_shadow_is_relit_with_the_grain_of_the_ground() -> None:
    frames, masks, track = _clip(_shadow(0.45))
    removal = plan_removal(frames, masks, track, None)
    assert removal.light is not None
    assert removal.numbers["b_shadow_share"] > 0.1
    relit = removal.relit(frames[0], 0)
    core = (_shadow(0.45) < 0.65) & ~removal.holes[0]
    assert core.sum() > 300
    before = np.abs(frames[0].astype(int) - GROUND)[core].mean()
    after = np.abs(relit.astype(int) - GROUND)[core].mean()
    assert after < 0.35 * before
    far = ~grow(PRODUCT, 110)
    assert np.array_equal(relit[far], frames[0][far])


def test_ground_that_is_no_longer_in_shadow_is_not_brightened() -> None:
    frames, masks, track = _clip(_shadow(0.45))
    frames[4] = np.where(PRODUCT[:, :, None], frames[4], GROUND)
    relit = plan_removal(frames, masks, track, None).relit(frames[4], 4)
    core = (_shadow(0.45) < 0.65) & ~grow(PRODUCT, 8)
    assert np.abs(relit.astype(int) - GROUND)[core].mean() < 12


def test_the_darkest_of_a_shadow_is_filled_not_relit() -> None:
    frames, masks, track = _clip(_shadow(0.85))
    removal = plan_removal(frames, masks, track, None)
    assert removal.holes[0][(_shadow(0.85) < 0.25) & ~PRODUCT].mean() > 0.8


def test_without_a_shadow_nothing_is_relit() -> None:
    frames, masks, track = _clip(np.ones(SIZE, np.float32))
    frames[~masks] = (170, 140, 110)
    removal = plan_removal(frames, masks, track, None)
    assert removal.light is None
    assert np.array_equal(removal.relit(frames[1], 1), frames[1])


def test_what_is_in_front_is_no_hole() -> None:
    frames, masks, track = _clip(np.ones(SIZE, np.float32))
    hand = np.zeros_like(masks)
    hand[:, 100:120, 100:210] = True
    removal = plan_removal(frames, masks & ~hand, track, hand)
    assert not (removal.holes & hand).any()


def test_a_dark_patch_of_wood_is_no_shadow() -> None:
    """Its bright grain is as bright as elsewhere."""
    grain = np.zeros(SIZE, np.bool_)
    grain[:, ::9] = True
    frame = np.full((*SIZE, 3), 180, np.uint8)
    frame[165:200, 100:260] = 90
    frame[grain] = 190
    frame[PRODUCT] = (40, 160, 70)
    shadow, _ = find_shadow(frame, grow(PRODUCT, 4))
    assert shadow.mean() < 0.002
    darkened = np.rint(frame * _shadow(0.5)[:, :, None]).astype(np.uint8)
    found, _ = find_shadow(darkened, grow(PRODUCT, 4))
    assert found.sum() > 1000


def test_the_light_of_a_coloured_shadow_is_told_by_channel() -> None:
    tinted = GROUND * np.dstack([_shadow(0.5), _shadow(0.4), _shadow(0.2)])
    frame = np.rint(tinted).astype(np.uint8)
    shadow = (_shadow(0.5) < 0.8) & ~PRODUCT
    core = (_shadow(0.5) < 0.55) & ~grow(PRODUCT, 6)
    light = light_left(frame, PRODUCT, shadow)[core].mean(axis=0)
    assert np.abs(light - (0.52, 0.61, 0.8)).max() < 0.1
