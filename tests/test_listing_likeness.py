"""Colours of a masked product against those of its listing pictures."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from pvtt_data.listing_likeness import listing_likeness

RED, BLUE, GREEN = (200, 40, 50), (40, 60, 200), (40, 160, 70)


def shown(colour: tuple[int, int, int]) -> tuple[NDArray[np.uint8], NDArray[np.bool_]]:
    frames = np.full((9, 60, 80, 3), GREEN, np.uint8)
    masks = np.zeros((9, 60, 80), np.bool_)
    masks[:, 20:40, 30:60] = True
    frames[masks] = colour
    return frames, masks


def picture(colour: tuple[int, int, int]) -> NDArray[np.uint8]:
    cutout = np.zeros((40, 40, 4), np.uint8)
    cutout[..., :3] = GREEN
    cutout[10:30, 10:30] = (*colour, 255)
    return cutout


def test_the_same_colours_are_alike_and_others_are_not() -> None:
    frames, masks = shown(RED)
    assert listing_likeness(frames, masks, [picture(RED)]) > 0.95
    assert listing_likeness(frames, masks, [picture(BLUE)]) < 0.05


def test_light_of_another_warmth_leaves_products_alike() -> None:
    frames, masks = shown((205, 46, 46))
    assert listing_likeness(frames, masks, [picture(RED)]) > 0.7


def test_what_is_transparent_in_a_picture_and_outside_a_mask_does_not_count() -> None:
    frames, masks = shown(GREEN)
    assert listing_likeness(frames, masks, [picture(RED)]) < 0.05


def test_frames_without_a_mask_are_passed_over() -> None:
    frames, masks = shown(RED)
    masks[:4] = False
    assert listing_likeness(frames, masks, [picture(RED)]) > 0.95
    with pytest.raises(ValueError, match="mask"):
        listing_likeness(frames, np.zeros_like(masks), [picture(RED)])
    with pytest.raises(ValueError, match="picture"):
        listing_likeness(frames, masks, [])
