"""What the picture says about a mask that moves steadily."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from pvtt_data.flow import clip_flow
from pvtt_data.mask_evidence import carried_agreement, outline_evidence

Frames = NDArray[np.uint8]
Masks = NDArray[np.bool_]


def texture(seed: int, low: int = 60, high: int = 200) -> Frames:
    noise = np.random.default_rng(seed).integers(low, high, (160, 260, 3), dtype=np.uint8)
    return np.asarray(cv2.GaussianBlur(noise, (0, 0), 3), np.uint8)


def box_clip(colour: tuple[int, int, int] = (30, 60, 190), step_px: int = 2) -> tuple[list[Frames], Masks]:
    """A textured box of one colour that slides over a textured ground."""
    ground, skin = texture(1), texture(2, 0, 40)
    frames, masks = [], np.zeros((9, 160, 260), np.bool_)
    for t in range(9):
        left = 60 + step_px * t
        masks[t, 50:110, left : left + 60] = True
        frame = ground.copy()
        frame[50:110, left : left + 60] = np.clip(np.array(colour) + skin[50:110, 60:120].astype(int) - 20, 0, 255)
        frames.append(frame)
    return frames, masks


def test_a_right_mask_has_edges_and_differs_from_its_surround() -> None:
    numbers = outline_evidence(*box_clip())
    assert numbers["edge_support_min"] > 0.8
    assert numbers["separation_min"] > 0.9
    assert numbers["skin_rise"] < 0.05 and numbers["skin_cut_median"] == 0.0


def test_a_mask_of_bare_ground_has_neither() -> None:
    frames, masks = box_clip()
    numbers = outline_evidence(frames, np.roll(masks, (40, 100), axis=(1, 2)))
    assert numbers["edge_support_median"] < 0.4
    assert numbers["separation_median"] < 0.6


def test_a_mask_that_slides_off_shows_where_it_is_worst() -> None:
    frames, masks = box_clip()
    slid = np.stack([np.roll(mask, 3 * t, axis=0) for t, mask in enumerate(masks)])
    right, wrong = outline_evidence(frames, masks), outline_evidence(frames, slid)
    assert wrong["edge_support_min"] < 0.6 * right["edge_support_min"]
    assert wrong["separation_min"] < right["separation_min"] - 0.2


def test_skin_that_enters_a_mask_is_seen() -> None:
    frames, masks = box_clip()
    for t in range(4, 9):
        frames[t][70:100, 40:140] = (210, 160, 130)
        masks[t, 70:100, 50:70] = True
    numbers = outline_evidence(frames, masks)
    assert numbers["skin_rise"] > 0.2
    assert outline_evidence(*box_clip())["skin_rise"] < 0.05


def test_a_mask_that_ends_in_the_middle_of_an_arm_is_seen() -> None:
    frames, masks = box_clip(step_px=0)
    for frame in frames:
        frame[60:100, :60] = (210, 160, 130)
    assert outline_evidence(frames, masks)["skin_cut_median"] == 0.0
    masks[:, 60:100, 30:60] = True
    assert outline_evidence(frames, masks)["skin_cut_median"] > 0.05


def test_masks_that_follow_their_product_agree_with_its_motion() -> None:
    frames, masks = box_clip()
    motion = clip_flow(np.stack(frames))
    assert min(carried_agreement(masks, motion)) > 0.9
    still = np.stack([masks[4]] * 9)
    agreement = carried_agreement(still, motion)
    assert len(agreement) == 8 and min(agreement) == pytest.approx((60 - 8) / (60 + 8), abs=0.08)


def test_without_any_mask_nothing_is_held_against_a_track() -> None:
    frames, masks = box_clip()
    numbers = outline_evidence(frames, np.zeros_like(masks))
    assert numbers["edge_support_min"] == numbers["separation_min"] == 1.0
    assert numbers["skin_rise"] == numbers["skin_cut_median"] == 0.0
