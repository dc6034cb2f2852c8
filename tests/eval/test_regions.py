"""Regions of a case: what a result may change, and where it spills."""

from __future__ import annotations

import math

import numpy as np
import pytest
from drawn_cases import drawn_case
from pvtt_eval.background import composite
from pvtt_eval.regions import case_regions, dilated, fitted_mask, seam_ring, spill


def square(top: int, left: int, side: int) -> np.ndarray:
    masks = np.zeros((2, 40, 60), np.bool_)
    masks[:, top : top + side, left : left + side] = True
    return masks


def test_the_background_is_what_lies_beyond_both_masks_and_a_margin() -> None:
    regions = case_regions(square(10, 10, 8), square(8, 12, 12), dilation_px=3)
    assert not (regions.background & (regions.source | regions.conditioning)).any()
    assert not regions.edited[0, 9, 6] and regions.edited[0, 12, 7] and regions.edited[0, 12, 26]
    assert case_regions(square(10, 10, 8), square(8, 12, 12)).dilation_px == 2


def test_masks_that_leave_no_background_or_do_not_fit_are_refused() -> None:
    with pytest.raises(ValueError, match="no background"):
        case_regions(np.ones((2, 8, 8), np.bool_), np.zeros((2, 8, 8), np.bool_))
    with pytest.raises(ValueError, match="alike"):
        case_regions(square(1, 1, 4), square(1, 1, 4)[:1])
    with pytest.raises(ValueError, match="bool"):
        case_regions(square(1, 1, 4).astype(np.uint8), square(1, 1, 4))


def test_spill_is_the_share_of_the_object_outside_the_given_mask() -> None:
    assert spill(square(10, 10, 8), square(10, 10, 8)) == 0
    assert spill(square(10, 14, 8), square(10, 10, 8)) == pytest.approx(0.5)
    assert math.isnan(spill(square(0, 0, 0), square(10, 10, 8)))


def test_the_seam_ring_lies_on_both_sides_of_the_outline_and_not_on_the_frames_border() -> None:
    mask = square(0, 20, 20)
    ring = seam_ring(mask, 2)
    assert ring[0, 10, 20] and ring[0, 10, 19] and not ring[0, 10, 16] and not ring[0, 10, 25]
    assert not ring[0, 0, 30]


def test_growing_by_nothing_changes_nothing() -> None:
    assert (dilated(square(3, 3, 5), 0) == square(3, 3, 5)).all()


def test_the_fitted_mask_follows_the_silhouette_that_is_drawn() -> None:
    case = drawn_case("tin", "bottle")
    facts = case.source, case.target, case.source_mask, case.target_mask
    assert (fitted_mask(case.source, *facts) == case.source_mask).all()
    of_target = fitted_mask(case.target, *facts)
    assert (of_target != case.target_mask).mean() < 0.001
    # A model that can only fill A's silhouette draws an object that is no larger than that.
    filled = composite(case.target, case.source, case.source_mask)
    inside = fitted_mask(filled, *facts)
    assert (inside & case.target_mask).sum() == pytest.approx((case.source_mask & case.target_mask).sum(), rel=0.1)
