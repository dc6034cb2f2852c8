"""Reconstructions: a clip as its own source, with pictures of its product from elsewhere."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from pvtt_data.embedders.colour_shape import ColourShape
from pvtt_data.engines.crosspair import NUMBERS, CrosspairConfig, CrosspairEngine, CrosspairRequest
from pvtt_data.errors import InputError


def engine() -> CrosspairEngine:
    return CrosspairEngine(CrosspairConfig(), ColourShape())


def drawn(angle: int) -> tuple[np.ndarray, np.ndarray]:
    """A box of two colours and where it is; another angle shows another outline and other marks."""
    picture = np.full((160, 96, 3), 200, np.uint8)
    mask = np.zeros((160, 96), np.uint8)
    width = 20 + angle
    cv2.rectangle(mask, (48 - width, 40), (48 + width, 130), 255, -1)
    inside = mask > 0
    picture[inside] = (40, 90, 160)
    cv2.circle(picture, (48 - width // 2 + angle // 2, 60 + 2 * angle), 8, (220, 200, 40), -1)
    return picture, inside


def clip() -> tuple[np.ndarray, np.ndarray]:
    pictures = [drawn(step) for step in (0, 0, 1, 1, 2)]
    return np.stack([p for p, _ in pictures]), np.stack([m for _, m in pictures])


def cutout(angle: int) -> np.ndarray:
    picture, mask = drawn(angle)
    return np.dstack([picture, np.where(mask, 255, 0).astype(np.uint8)])


def test_source_and_target_are_the_clip_and_only_the_mask_may_change() -> None:
    frames, masks = clip()
    result = engine().make(CrosspairRequest(frames, masks, [cutout(14)]))
    assert result.source is result.target is frames
    assert (result.source_mask == masks).all() and (result.effect_mask == masks).all()
    assert tuple(sorted(result.numbers)) == NUMBERS
    assert result.numbers["reference_likeness_min"] > 0.8
    assert result.numbers["view_distance_min"] > CrosspairConfig().min_view_distance


def test_a_reference_of_the_clips_own_view_is_refused_even_beside_others() -> None:
    frames, masks = clip()
    with pytest.raises(InputError) as raised:
        engine().make(CrosspairRequest(frames, masks, [cutout(14), cutout(1)]))
    assert raised.value.reason == "no-other-view"
    assert raised.value.numbers["view_distance_min"] < 0.1 < raised.value.numbers["view_distance_max"]


def test_the_gate_of_all_clips_holds() -> None:
    frames, masks = clip()
    masks[2] = False
    with pytest.raises(InputError) as raised:
        engine().make(CrosspairRequest(frames, masks, [cutout(14)]))
    assert raised.value.reason == "mask-missing"
