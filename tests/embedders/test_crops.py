"""Crops show one object on grey, whatever it is cut from."""

from __future__ import annotations

import numpy as np
import pytest

from pvtt_data.embedders.crops import GREY, Skipped, crop_references, crop_video

RED, BLUE = (200, 40, 50), (40, 60, 200)


def video(side: int) -> tuple[np.ndarray, np.ndarray]:
    frames = np.full((5, 120, 160, 3), BLUE, np.uint8)
    masks = np.zeros((5, 120, 160), np.bool_)
    for t in range(5):
        masks[t, 20 : 20 + side, 30 + t : 30 + t + side // 2] = True
    frames[masks] = RED
    return frames, masks


@pytest.mark.parametrize("side", [16, 40, 96])
def test_nothing_of_the_background_is_left_and_the_product_fills_the_crop_but_for_a_margin(side: int) -> None:
    crops = crop_video(*video(side), 60)
    assert crops.pictures.shape == (5, 60, 60, 3) and list(crops.used) == [0, 1, 2, 3, 4]
    rows, columns = np.nonzero(crops.silhouettes[0])
    assert np.ptp(rows) + 1 == pytest.approx(50, abs=2) and np.ptp(columns) + 1 == pytest.approx(25, abs=2)
    assert (crops.pictures[:, 0, 0] == GREY).all() and (crops.pictures[:, 30, 30] == RED).all()
    # Between red and grey there is no blue: edges are a mixture of the product and the grey.
    assert (crops.pictures[..., 2] <= GREY).all()


def test_a_reference_and_a_frame_of_the_same_object_give_the_same_crop() -> None:
    frames, masks = video(40)
    cutout = np.dstack([frames[0], np.where(masks[0], 255, 0).astype(np.uint8)])
    one, other = crop_references([cutout]), crop_video(frames[:1], masks[:1])
    assert (one.pictures == other.pictures).all()


def test_frames_with_nothing_or_too_little_are_named() -> None:
    frames, masks = video(40)
    masks[1] = False
    masks[3] = False
    masks[3, :2, :3] = True
    crops = crop_video(frames, masks)
    assert list(crops.used) == [0, 2, 4] and len(crops) == 3
    assert crops.skipped == (Skipped(1, "empty", 0), Skipped(3, "tiny", 6))
    assert crop_video(frames, np.zeros_like(masks)).pictures.shape == (0, 96, 96, 3)


def test_a_product_at_the_frames_edge_keeps_its_margin() -> None:
    frames, masks = video(40)
    at_edge = np.roll(masks, -20, axis=1)
    shifted = np.roll(frames, -20, axis=1)
    assert (crop_video(shifted, at_edge).pictures == crop_video(frames, masks).pictures).all()


def test_a_reference_without_alpha_and_masks_that_do_not_fit_are_refused() -> None:
    with pytest.raises(ValueError, match="cut the product out"):
        crop_references([np.zeros((8, 8, 3), np.uint8)])
    with pytest.raises(ValueError, match="do not fit"):
        crop_video(video(16)[0], video(16)[1][:3])
