"""Numbers that tell steady masks from unsteady ones."""

from __future__ import annotations

import math

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from pvtt_data.mask_quality import limb_share, mask_quality


def texture(height: int, width: int, seed: int) -> NDArray[np.uint8]:
    noise = np.random.default_rng(seed).integers(0, 256, (height, width, 3), dtype=np.uint8)
    blurred = cv2.GaussianBlur(noise, (0, 0), 3).astype(np.float32)
    return np.clip((blurred - 127.5) * 5 + 127.5, 0, 255).astype(np.uint8)


def disc_clip(
    frames: int = 8, step_px: float = 3.0, growth: float = 1.0, start_x: float = 90.0
) -> tuple[NDArray[np.uint8], NDArray[np.bool_]]:
    """A textured disc that moves right over a still textured ground and grows with every frame."""
    height, width, radius = 240, 320, 40.0
    ground, skin = texture(height, width, 1), texture(height, width, 2)
    pictures, masks = [], []
    for t in range(frames):
        scale = growth**t
        x, y = start_x + step_px * t, 120.0
        matrix = np.array([[scale, 0, x - scale * 160], [0, scale, y - scale * 120]])
        disc = np.zeros((height, width), np.uint8)
        cv2.circle(disc, (160, 120), int(radius), 255, -1)
        mask = cv2.warpAffine(disc, matrix, (width, height)) > 127
        moved = cv2.warpAffine(skin, matrix, (width, height), borderMode=cv2.BORDER_REFLECT)
        pictures.append(np.where(mask[..., None], moved, ground))
        masks.append(mask)
    return np.stack(pictures), np.stack(masks)


def test_masks_that_move_with_the_object_score_well_however_fast() -> None:
    fast = mask_quality(*disc_clip(step_px=12.0))
    assert fast["warped_iou_median"] > 0.95 and fast["warped_iou_p05"] > 0.9
    numbers = mask_quality(*disc_clip(step_px=3.0))
    assert numbers["warped_iou_median"] > 0.96 and numbers["warped_iou_p05"] > 0.95
    assert numbers["boundary_flicker"] < 0.015
    assert numbers["unexplained_area_change_max"] < 0.05
    assert numbers["components_max"] == 1.0 and numbers["empty_frames"] == 0.0
    assert numbers["main_component_share_min"] == 1.0 and numbers["border_contact_max"] == 0.0
    assert numbers["area_share_median"] == pytest.approx(math.pi * 40**2 / (240 * 320), rel=0.02)


def test_growth_by_zoom_is_explained() -> None:
    frames, masks = disc_clip(growth=1.05)
    assert masks[-1].sum() > 1.8 * masks[0].sum()
    assert mask_quality(frames, masks)["unexplained_area_change_max"] < 0.05


def test_a_product_that_leaves_the_frame_is_explained() -> None:
    frames, masks = disc_clip(frames=8, step_px=10.0, start_x=255.0)
    assert masks[-1].sum() < 0.6 * masks[0].sum()
    numbers = mask_quality(frames, masks)
    assert numbers["unexplained_area_change_max"] < 0.1
    assert numbers["border_contact_max"] > 0.1


def test_a_mask_that_pulses_is_unsteady() -> None:
    frames, masks = disc_clip()
    kernel = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (17, 17))
    masks[1::2] = [cv2.dilate(mask.astype(np.uint8), kernel) > 0 for mask in masks[1::2]]
    numbers = mask_quality(frames, masks)
    assert numbers["boundary_flicker"] > 0.05
    assert numbers["unexplained_area_change_median"] > 0.2
    assert numbers["warped_iou_median"] < 0.85


def test_a_mask_that_jumps_once_shows_in_the_fifth_percentile_only() -> None:
    frames, masks = disc_clip(frames=12)
    masks[6] = np.roll(masks[6], 90, axis=1)
    numbers = mask_quality(frames, masks)
    assert numbers["warped_iou_median"] > 0.95
    assert numbers["warped_iou_p05"] < 0.2


def test_a_mask_left_behind_by_a_moving_object_scores_badly() -> None:
    frames, masks = disc_clip(step_px=8.0)
    masks[:] = masks[0]
    assert mask_quality(frames, masks)["warped_iou_median"] < 0.9


def test_empty_frames_are_counted_and_finite() -> None:
    frames, masks = disc_clip()
    masks[3] = False
    numbers = mask_quality(frames, masks)
    assert numbers["empty_frames"] == 1.0 and numbers["area_share_min"] == 0.0
    assert all(math.isfinite(value) for value in numbers.values())


def test_only_the_surroundings_of_the_masks_count() -> None:
    frames, masks = disc_clip(frames=3, start_x=60.0)
    elsewhere = frames.copy()
    elsewhere[1:, :, 260:] = 255 - elsewhere[1:, :, 260:]
    assert mask_quality(elsewhere, masks) == mask_quality(frames, masks)


def test_one_frame_counts_as_steady() -> None:
    frames, masks = disc_clip(frames=1)
    numbers = mask_quality(frames, masks)
    assert numbers["warped_iou_median"] == 1.0 and numbers["boundary_flicker"] == 0.0


def test_masks_of_other_frames_are_refused() -> None:
    frames, masks = disc_clip(frames=3)
    with pytest.raises(ValueError, match="belong together"):
        mask_quality(frames, masks[:2])
    with pytest.raises(ValueError, match="belong together"):
        mask_quality(frames[:0], masks[:0])


def test_one_jump_among_many_frames_shows_in_the_minimum() -> None:
    frames, masks = disc_clip(frames=30, step_px=2.0)
    masks[20:] = np.roll(masks[20:], 90, axis=1)
    numbers = mask_quality(frames, masks)
    assert numbers["warped_iou_p05"] > 0.9
    assert numbers["warped_iou_min"] < 0.2


def test_a_slow_slide_shows_in_what_the_picture_says_and_not_in_steadiness() -> None:
    frames, masks = disc_clip(frames=15)
    right = mask_quality(frames, masks)
    slid = np.stack([np.roll(mask, 2 * t, axis=0) for t, mask in enumerate(masks)])
    wrong = mask_quality(frames, slid)
    assert wrong["warped_iou_median"] > 0.9
    assert wrong["carried_iou_min"] < 0.75 < 0.9 < right["carried_iou_min"]
    assert wrong["edge_support_min"] < 0.5 * right["edge_support_min"]


def test_a_limb_is_narrow_and_reaches_the_border() -> None:
    body, arm = np.zeros((200, 200), np.bool_), np.zeros((200, 200), np.bool_)
    body[60:140, 60:140] = True
    arm[95:110, 139:] = True
    assert limb_share(body) == 0.0
    assert limb_share(body | arm) == pytest.approx(60 * 15 / (80 * 80 + 60 * 15), rel=0.2)
    cut = np.roll(body, 70, axis=1)
    assert limb_share(cut) < 0.03
    assert limb_share(np.zeros((200, 200), np.bool_)) == 0.0
