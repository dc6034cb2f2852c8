"""Mask operations, and numbers that tell steady masks from unsteady ones."""

from __future__ import annotations

import math

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from numpy.typing import NDArray

from pvtt_data.masks import (
    area_share,
    border_contact,
    boundary,
    centroid_path,
    component_areas,
    fill_small_holes,
    iou,
    keep_large_components,
    largest_component,
    mask_quality,
    resized,
    scale_path,
)

small_masks = arrays(np.bool_, st.tuples(st.integers(1, 12), st.integers(1, 12)))


def blank(height: int = 40, width: int = 60) -> NDArray[np.bool_]:
    return np.zeros((height, width), np.bool_)


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


@given(small_masks)
def test_iou_of_a_mask_with_itself_is_one(mask: NDArray[np.bool_]) -> None:
    assert iou(mask, mask) == 1.0


@given(st.data())
def test_iou_is_symmetric_and_a_share(data: st.DataObject) -> None:
    first = data.draw(small_masks)
    second = data.draw(arrays(np.bool_, first.shape))
    assert 0.0 <= iou(first, second) <= 1.0
    assert iou(first, second) == iou(second, first)


def test_iou_on_some_pixels_ignores_the_others() -> None:
    first, second, where = blank(), blank(), blank()
    first[:10, :10] = second[:10, :20] = True
    where[:, :10] = True
    assert iou(first, second) == 0.5
    assert iou(first, second, where) == 1.0


def test_components_are_counted_with_diagonals_and_sorted_by_area() -> None:
    mask = blank()
    mask[2:4, 2:4] = mask[4:6, 4:6] = True
    mask[20:30, 20:30] = True
    assert component_areas(mask) == [100, 8]
    assert area_share(mask) == pytest.approx(108 / 2400)


def test_small_components_are_dropped_by_share_of_the_largest() -> None:
    mask = blank()
    mask[5:15, 5:15] = mask[5:11, 30:35] = mask[30:32, 30:32] = True
    assert component_areas(keep_large_components(mask, 0.2)) == [100, 30]
    assert component_areas(largest_component(mask)) == [100]
    assert not keep_large_components(blank(), 0.2).any()
    assert not largest_component(blank()).any()


@given(small_masks, st.floats(0.0, 1.0))
def test_dropping_components_never_adds_pixels_and_keeps_the_largest(mask: NDArray[np.bool_], share: float) -> None:
    kept = keep_large_components(mask, share)
    assert not (kept & ~mask).any()
    assert component_areas(kept)[:1] == component_areas(mask)[:1]


def test_a_pinhole_is_filled_and_a_handle_stays_open() -> None:
    mask = blank()
    mask[5:35, 5:45] = True
    mask[10, 10] = False
    mask[15:25, 20:35] = False
    filled = fill_small_holes(mask, 0.01)
    assert filled[10, 10]
    assert not filled[15:25, 20:35].any()


def test_background_on_the_border_is_no_hole() -> None:
    mask = ~blank()
    mask[0, 5] = False
    assert not fill_small_holes(mask, 1.0)[0, 5]


@given(small_masks, st.floats(0.0, 1.0))
def test_filling_holes_never_removes_pixels(mask: NDArray[np.bool_], share: float) -> None:
    assert not (mask & ~fill_small_holes(mask, share)).any()


def test_the_boundary_is_inside_the_mask_and_not_the_frame() -> None:
    mask = blank()
    mask[:10, 10:20] = True
    edge = boundary(mask)
    assert edge[5, 10] and edge[9, 15] and not edge[0, 15] and not edge[5, 15]
    assert not boundary(~blank()).any()


def test_border_contact_is_zero_in_view_and_a_quarter_for_a_square_cut_by_one_side() -> None:
    inside, cut = blank(120, 120), blank(120, 120)
    inside[20:60, 20:60] = True
    cut[:40, 20:60] = True
    assert border_contact(inside) == 0.0
    assert border_contact(cut) == pytest.approx(0.25, abs=0.02)
    assert border_contact(~blank()) == 1.0
    assert border_contact(blank()) == 0.0


def test_paths_follow_centre_and_size() -> None:
    masks = np.stack([blank(), blank(), blank()])
    masks[0, 10:20, 10:20] = masks[1, 10:30, 20:40] = True
    np.testing.assert_allclose(centroid_path(masks)[:2], [[14.5, 14.5], [29.5, 19.5]])
    assert np.isnan(centroid_path(masks)[2]).all()
    np.testing.assert_allclose(scale_path(masks), [10.0, 20.0, 0.0])


def test_resizing_keeps_area_share() -> None:
    mask = blank(480, 640)
    cv2.circle(view := mask.view(np.uint8), (300, 200), 90, 1, -1)
    assert area_share(resized(view.astype(np.bool_), 240, 320)) == pytest.approx(area_share(mask), rel=0.02)


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
