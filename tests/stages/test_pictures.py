"""Cut-outs of products: whole, tight, without the props beside them."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from pvtt_data.errors import InputError
from pvtt_data.matting import matting_is_there
from pvtt_data.stages.pictures import PicturesConfig, cut_out, frames_to_cut, whole_product

CONFIG = PicturesConfig(min_side_px=20, max_side_px=100)


def scene() -> tuple[np.ndarray, np.ndarray]:
    image = np.full((240, 200, 3), 255, np.uint8)
    probability = np.zeros((240, 200), np.float32)
    image[40:200, 60:140] = (200, 30, 30)
    probability[40:200, 60:140] = 1.0
    return image, probability


def test_a_cut_out_is_tight_scaled_and_keeps_its_colour_to_the_edge() -> None:
    cutout, numbers = cut_out(*scene(), CONFIG)
    assert max(cutout.shape[:2]) == 100 == numbers["height_px"]
    solid = cutout[..., 3] > 128
    assert 0.4 < solid.mean() < 0.95
    assert np.abs(cutout[solid][:, :3].astype(int) - (200, 30, 30)).max() <= 2


def test_a_prop_beside_the_product_is_left_out_but_a_pair_stays() -> None:
    image, probability = scene()
    probability[10:25, 10:25] = 1.0
    cutout, _ = cut_out(image, probability, CONFIG)
    alone, _ = cut_out(*scene(), CONFIG)
    assert cutout.shape == alone.shape
    assert (cutout[..., 3] == alone[..., 3]).all()
    pair = np.zeros((100, 100), bool)
    pair[10:90, 10:40] = pair[10:90, 60:90] = True
    assert (whole_product(pair) == pair).all()


def test_a_product_that_is_too_small_to_be_a_reference_is_rejected_with_its_size() -> None:
    image, probability = scene()
    with pytest.raises(InputError) as caught:
        cut_out(image, probability, PicturesConfig(min_side_px=200))
    assert caught.value.reason == "picture-too-small"
    assert caught.value.numbers == {"side_px": 160.0, "threshold": 200.0}
    with pytest.raises(InputError, match="no product"):
        cut_out(image, np.zeros_like(probability), CONFIG)


def test_frames_are_taken_from_all_of_the_clip_where_the_product_is_whole() -> None:
    masks = np.zeros((20, 50, 50), bool)
    masks[:, 10:40, 10:40] = True
    masks[:5, :40, 10:40] = True
    masks[7, 5:45, 5:45] = True
    assert frames_to_cut(masks, 2) == [7, 10]
    assert frames_to_cut(masks, 0) == []


@pytest.mark.skipif(not matting_is_there(), reason="needs the extra matting: pip install 'pvtt[matting]'")
def test_matting_makes_edges_soft_and_keeps_the_background_out_of_them() -> None:
    image, probability = scene()
    soft = cv2.GaussianBlur(image, (0, 0), 2.5)
    matting = PicturesConfig(min_side_px=20, max_side_px=2000, matting="closed-form", matting_edge=0.05)
    cutout, _ = cut_out(soft, probability, matting)
    edge = (cutout[..., 3] > 60) & (cutout[..., 3] < 200)
    assert edge.any()
    mixed, _ = cut_out(soft, probability, matting.model_copy(update={"matting": "none"}))
    paleness = cutout[edge][:, 1].mean(), mixed[edge][:, 1].mean()
    assert paleness[0] < paleness[1] - 20, "the white of the background is gone from the red"
