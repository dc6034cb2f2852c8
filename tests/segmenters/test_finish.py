"""Last touches to masks: what goes, what stays, and that they stay binary."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from pvtt_data.masks import fill_small_holes, keep_large_components
from pvtt_data.segmenters.finish import finished, smoothed

MASKS = arrays(np.bool_, (24, 31))


def ring() -> np.ndarray:
    y, x = np.mgrid[:80, :80]
    distance = np.hypot(x - 40, y - 40)
    return np.asarray((distance <= 30) & (distance > 12))


def test_pinholes_are_closed_and_the_hole_of_a_bracelet_is_not() -> None:
    mask = ring()
    pierced = mask.copy()
    pierced[40, 62:64] = False
    assert np.array_equal(finished(pierced), mask)
    assert np.array_equal(finished(pierced, holed=True), pierced), "links of a chain are small and stay open"
    disc = mask.copy()
    disc[35:45, 35:45] = True
    assert np.array_equal(finished(mask), mask), "a hole this large is no pinhole"


def test_specks_go_and_pieces_stay() -> None:
    mask = ring()
    specked = mask.copy()
    specked[2, 2] = True
    assert np.array_equal(finished(specked), mask)
    halved = mask.copy()
    halved[:, 38:42] = False
    assert np.array_equal(finished(halved), halved), "an arm in front of it does not cost half of the product"


@given(MASKS)
def test_finishing_twice_is_finishing_once_for_holes_and_specks(mask: np.ndarray) -> None:
    closed = fill_small_holes(mask, 0.02)
    assert np.array_equal(fill_small_holes(closed, 0.02), closed)
    assert (closed | mask == closed).all()
    kept = keep_large_components(mask, 0.1)
    assert np.array_equal(keep_large_components(kept, 0.1), kept)
    assert (kept & ~mask).sum() == 0


@given(MASKS, st.floats(0, 3))
def test_smoothed_masks_are_masks(mask: np.ndarray, radius: float) -> None:
    out = smoothed(mask[None], radius)
    assert out.dtype == np.bool_
    assert out.shape == (1, 24, 31)


def test_smoothing_takes_the_teeth_off_an_outline_and_keeps_a_straight_one() -> None:
    mask = np.zeros((1, 40, 40), bool)
    mask[:, 10:30, 10:30] = True
    toothed = mask.copy()
    toothed[:, 9, 10:30:4] = True
    out = smoothed(toothed, 1.5)
    assert not out[0, 9].any()
    assert np.array_equal(smoothed(mask, 1.0)[0, 12:28, 12:28], mask[0, 12:28, 12:28])
