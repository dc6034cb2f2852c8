"""Mask operations, and numbers that tell steady masks from unsteady ones."""

from __future__ import annotations

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
    resized,
    scale_path,
)

small_masks = arrays(np.bool_, st.tuples(st.integers(1, 12), st.integers(1, 12)))


def blank(height: int = 40, width: int = 60) -> NDArray[np.bool_]:
    return np.zeros((height, width), np.bool_)


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
